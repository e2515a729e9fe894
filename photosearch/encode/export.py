"""Towers of an Original → a bundle on disk, refused unless it agrees with the original.

In: an Original. Out: a folder that `Bundle` opens, complete or not there at all.
Exported is with `torch.onnx.export(dynamo=False)`: 0.3 s a tower where the newer exporter takes
4-11 s, no further packages, and both agree with torch to 3e-7 over batch sizes and lengths.
"""

from __future__ import annotations

import json
import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import torch
from numpy.typing import NDArray
from torch import nn

from photosearch.encode.bundle import Bundle, write_checksums
from photosearch.encode.on_torch import TorchTextTower, forward
from photosearch.encode.onnx import OnnxTextTower, open_session
from photosearch.encode.original import ImagePart, Original, TextPart
from photosearch.encode.patches import PatchPreprocess
from photosearch.encode.towers import normalise
from photosearch.errors import BadCheckpoint

OPSET = 18
LOWEST_COSINE = 0.9999
# What a thread encodes at a time: float32 towers give each image the same bits in any batch.
IMAGES_A_CALL = 4
_PROBES = 3  # images and texts that torch and ONNX Runtime are compared on
_PROBE_TEXTS = ["a photo of a cat", "一只猫坐在窗台上", "two dogs playing in the snow, 1998"]

# Weights lie beside the graph: ONNX Runtime maps that file, and reads of a text tower's token
# embeddings, 100 of 254 MB in ViT-B/32, the few rows that a query has.
_DATA = "model.onnx.data"
_INLINE_BELOW = 1024  # bytes; smaller tensors stay in the graph


def export(original: Original, folder: Path, *, name: str, source: Mapping[str, Any]) -> None:
    """Write a bundle; raises BadCheckpoint where it would not give the original's vectors.

    folder: made here; the caller moves it into place. name: how people call the model. source:
    where it came from, for `models show`.
    """
    folder.mkdir(parents=True)
    _write(original, folder, name, source)


def _write(original: Original, work: Path, name: str, source: Mapping[str, Any]) -> None:
    config: dict[str, Any] = {
        "name": name,
        "kind": original.kind,
        "source": dict(source),
        "embed_dim": original.dim,
        "logit_scale": original.scoring.scale,
        "images_a_call": IMAGES_A_CALL,
        "keys": {},
    }
    if original.scoring.bias is not None:
        config["logit_bias"] = original.scoring.bias
    if original.image is not None:
        _write_image(original.image, work / "visual")
        config["keys"]["visual"] = original.image.key
    if original.text is not None:
        _write_text(original.text, work / "textual")
        config["keys"]["textual"] = original.text.key
        config["text_towers"] = {original.language: "textual"}
        config["textual_cfg"] = original.text.rules.as_config()
    (work / "config.json").write_text(json.dumps(config, indent=2) + "\n", encoding="utf-8")
    write_checksums(work)
    if original.text is not None:
        _compare_texts(original, Bundle(work))


def _write_image(part: ImagePart, folder: Path) -> None:
    folder.mkdir()
    _write_json(folder / "preprocess.json", part.preprocess.as_config())
    feeds = part.preprocess.feeds(_probe_pixels(part))
    names = (
        ["patches", "used", "shares"]
        if isinstance(part.preprocess, PatchPreprocess)
        else ["pixel_values"]
    )
    _export(part.module, feeds, names, folder, {one: {0: "batch"} for one in names})
    _compare("image", forward(part.module)(*feeds), folder, names, feeds)


def _write_text(part: TextPart, folder: Path) -> None:
    folder.mkdir()
    (folder / "tokenizer.json").write_text(part.tokenizer_json, encoding="utf-8")
    names = ["input_ids", "attention_mask"] if part.takes_mask else ["input_ids"]
    length = part.rules.context_length if part.rules.padding == "context" else 7
    feeds = _probe_ids(part, length)[: len(names)]
    axes = {0: "batch"} if part.rules.padding == "context" else {0: "batch", 1: "length"}
    _export(part.module, feeds, names, folder, dict.fromkeys(names, axes))
    _compare("text", forward(part.module)(*feeds), folder, names, feeds)


def _export(
    module: nn.Module,
    feeds: Sequence[NDArray[Any]],
    names: Sequence[str],
    folder: Path,
    axes: Mapping[str, Mapping[int, str]],
) -> None:
    path = folder / "model.onnx"
    with warnings.catch_warnings(), torch.inference_mode():
        warnings.simplefilter("ignore")  # of the exporter's: deprecation, and constants it folds
        torch.onnx.export(
            module,
            tuple(torch.from_numpy(one) for one in feeds),
            str(path),
            input_names=list(names),
            output_names=["features"],
            dynamic_axes={**axes, "features": {0: "batch"}},
            opset_version=OPSET,
            dynamo=False,
        )
    model = onnx.load(str(path))
    for left in folder.iterdir():  # above 2 GB the exporter writes each tensor to its own file
        if left.name not in ("preprocess.json", "tokenizer.json"):
            left.unlink()
    onnx.save_model(
        model,
        str(path),
        save_as_external_data=True,
        all_tensors_to_one_file=True,
        location=_DATA,
        size_threshold=_INLINE_BELOW,
    )
    (folder / _DATA).chmod(path.stat().st_mode)  # it is made for its owner alone


def _compare(
    tower: str,
    expected: NDArray[np.float32],
    folder: Path,
    names: Sequence[str],
    feeds: Sequence[NDArray[Any]],
) -> None:
    session = open_session(folder / "model.onnx")
    (given,) = session.run(None, dict(zip(names, feeds, strict=True)))
    _refuse_unless_alike(tower, expected, given)


def _compare_texts(original: Original, bundle: Bundle) -> None:
    """Texts of several lengths, each alone, through tokenizer and tower."""
    assert original.text is not None
    by_torch = TorchTextTower(original.text, original.dim, torch.device("cpu"))
    by_onnx = OnnxTextTower(bundle, original.language)
    expected = np.concatenate([by_torch.encode([text]) for text in _PROBE_TEXTS])
    _refuse_unless_alike("text", expected, by_onnx.encode(_PROBE_TEXTS))


def _refuse_unless_alike(
    tower: str, expected: NDArray[np.float32], given: NDArray[np.float32]
) -> None:
    cosines = (normalise(expected) * normalise(given)).sum(axis=1)
    if not cosines.min() >= LOWEST_COSINE:
        raise BadCheckpoint(
            f"the exported {tower} tower differs from the original (cosine {cosines.min():.5f}, "
            f"{LOWEST_COSINE} is the least): it was not kept",
            hint="--runtime torch uses the original itself",
        )


def _probe_pixels(part: ImagePart) -> NDArray[np.uint8]:
    """uint8 images of coloured noise, coarse and fine, prepared as photos are."""
    from PIL import Image

    random = np.random.default_rng(0)
    side = part.preprocess.need
    images = []
    for grain in (4, 16, 64)[:_PROBES]:
        noise = random.integers(0, 256, (grain, grain, 3), np.uint8)
        image = Image.fromarray(noise).resize((side, side * 3 // 4 + 1), Image.Resampling.BICUBIC)
        images.append(part.preprocess.resize(image))
    return np.stack(images)


def _probe_ids(part: TextPart, length: int) -> list[NDArray[np.int64]]:
    """Ids of the vocabulary, the last of each row being what ends a text, and a mask.

    Places of the first row are masked: had the mask been lost, the export would differ.
    """
    from tokenizers import Tokenizer

    tokenizer = Tokenizer.from_str(part.tokenizer_json)
    ids = np.array([tokenizer.encode(text).ids[-1] for text in _PROBE_TEXTS[:_PROBES]], np.int64)
    random = np.random.default_rng(0)
    filled = random.integers(1, max(2, min(ids.max(), 1000)), (_PROBES, length)).astype(np.int64)
    filled[:, -1] = ids
    mask = np.ones_like(filled)
    mask[0, length // 2 :] = 0
    return [filled, mask]


def _write_json(path: Path, value: Mapping[str, Any]) -> None:
    path.write_text(json.dumps(dict(value), indent=2) + "\n", encoding="utf-8")
