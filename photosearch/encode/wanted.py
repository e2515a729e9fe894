"""Which files of a model repository are needed: one set of weights, and what belongs to it.

In: the names of a repository's files. Out: those to fetch; what is lacking for a model. The same
weights lie there for several frameworks: a model of 600 MB may be 3 GB of files.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

TOKENIZER = (
    "tokenizer.json",
    "tokenizer_config.json",
    "special_tokens_map.json",
    "added_tokens.json",
    "vocab.txt",
    "vocab.json",
    "merges.txt",
    "spiece.model",
    "sentencepiece.bpe.model",
    "tokenizer.model",
)
VOCABULARIES = ("tokenizer.json", "vocab.txt", "vocab.json", "spiece.model", "tokenizer.model")
OPEN_CLIP = "open_clip_config.json"
TRANSFORMERS = ("config.json", "preprocessor_config.json", "processor_config.json")
READY = ("config.json", "calibration.json", "checksums.json")

# Weights in the order in which they are taken. safetensors come first: a .bin is a pickle.
_OPEN_CLIP_WEIGHTS = ("open_clip_model.safetensors", "open_clip_pytorch_model.bin")
_WEIGHTS = ("model", "safetensors"), ("pytorch_model", "bin")

# A tower's folder, whose external weights may have any name; so what is not wanted is listed.
_TOWER = re.compile(r"(visual|textual[^/]*)/([^/]+)")
_OTHER_RUNTIMES = (
    ".armnn", ".rknn", ".tflite", ".mlmodel", ".xml", ".engine", ".onnx",
    ".safetensors", ".pt", ".pth", ".h5", ".msgpack", ".md", ".gitattributes",
)  # fmt: skip


def choose_files(names: Iterable[str]) -> list[str]:
    """The files to fetch, in alphabetical order.

    An ONNX export with a folder a tower is taken before everything else; then weights of open_clip,
    because the other files in their repositories may be those of the image tower alone; then those
    of transformers. The configuration of a kind that was not taken is left out, too, so that
    nobody takes the weights for it.
    """
    found = set(names)
    if is_ready(found):
        return sorted(name for name in found if name in READY or _of_tower(name))
    common = found.intersection(TOKENIZER)
    if OPEN_CLIP in found:
        own = [name for name in _OPEN_CLIP_WEIGHTS if name in found]
        if own or "config.json" not in found:
            return sorted(common | {OPEN_CLIP} | set(own[:1] or _transformers_weights(found)))
    return sorted(common | found.intersection(TRANSFORMERS) | set(_transformers_weights(found)))


def lacking(names: Iterable[str]) -> str | None:
    """What is missing before these files are a model; None if nothing is.

    Shards that an index names are not looked for here: that takes reading the index.
    """
    found = set(names)
    if is_ready(found):
        towers = {name.partition("/")[0] for name in found if name.endswith("/model.onnx")}
        texts = [tower for tower in sorted(towers) if tower.startswith("textual")]
        needed = [f"{tower}/tokenizer.json" for tower in texts]
        return next((name for name in needed if name not in found), None)
    if not found.intersection(("config.json", OPEN_CLIP)):
        return "a configuration (config.json or open_clip_config.json)"
    if not found.intersection(_OPEN_CLIP_WEIGHTS) and not _transformers_weights(found):
        return "weights that are read here (safetensors, or PyTorch's .bin)"
    if OPEN_CLIP not in found and not found.intersection(VOCABULARIES):
        return "a tokenizer"
    return None


def is_ready(names: Iterable[str]) -> bool:
    """Whether there are towers as ONNX models, each in a folder of its own."""
    return any(_TOWER.fullmatch(name) and name.endswith("/model.onnx") for name in names)


def last_files(names: Iterable[str]) -> list[str]:
    """Those that are fetched after all others: where they are, the others are, too."""
    endings = ("/model.onnx", ".safetensors", ".bin")
    return [name for name in names if name.endswith(endings)]


def _transformers_weights(names: set[str]) -> list[str]:
    for stem, kind in _WEIGHTS:
        if f"{stem}.{kind}" in names:
            return [f"{stem}.{kind}"]
        shard = re.compile(rf"{stem}-\d+-of-\d+\.{kind}")
        shards = [name for name in names if shard.fullmatch(name)]
        index = f"{stem}.{kind}.index.json"
        if shards and index in names:
            return [index, *shards]
    return []


def _of_tower(name: str) -> bool:
    match = _TOWER.fullmatch(name)
    if match is None:
        return False
    file = match.group(2)
    return file == "model.onnx" or not file.endswith(_OTHER_RUNTIMES)
