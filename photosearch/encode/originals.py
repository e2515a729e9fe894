"""A path of published model files → an Original, whoever published them.

In: a file or folder. Out: what the reader for its kind makes of it, or BadCheckpoint that says
what was expected and what was found.
"""

from __future__ import annotations

from pathlib import Path

from photosearch.encode.original import Original
from photosearch.errors import BadCheckpoint

_EXPECTED = (
    "an OpenAI .pt file, an open_clip folder (open_clip_config.json), a Hugging Face folder "
    "(config.json with its weights), or Chinese-CLIP in its authors' layout"
)


def read_original(path: Path) -> Original:
    """Read a checkpoint of any kind that is known."""
    from photosearch.encode.sources.folder import quiet

    with quiet():
        return _read(path)


def _read(path: Path) -> Original:
    from photosearch.encode.sources import chinese_clip, huggingface, open_clip

    if path.is_file():
        return _read_file(path)
    if (path / open_clip.CONFIG).is_file():
        return open_clip.read_open_clip(path)
    if (path / chinese_clip.VISION_CONFIG).is_file():
        return chinese_clip.read_modelscope(path)
    if (path / "config.json").is_file():
        return huggingface.read_huggingface(path)
    weights = sorted(one for one in path.iterdir() if one.suffix.lower() in (".pt", ".pth"))
    if len(weights) == 1:
        return _read_file(weights[0])
    found = ", ".join(sorted(one.name for one in path.iterdir())[:6]) or "nothing"
    raise BadCheckpoint(f"{path} is no model folder: it holds {found}", hint=_EXPECTED)


def _read_file(path: Path) -> Original:
    from photosearch.encode.sources import chinese_clip, huggingface, open_clip, openai
    from photosearch.encode.weights import read_weights

    if path.stat().st_size == 0:
        raise BadCheckpoint(f"{path} is empty")
    if (path.parent / open_clip.CONFIG).is_file():
        return open_clip.read_open_clip(path.parent, path)
    if path.name in ("pytorch_model.bin", "model.safetensors"):
        if (path.parent / chinese_clip.VISION_CONFIG).is_file():
            return chinese_clip.read_modelscope(path.parent)
        if (path.parent / "config.json").is_file():
            return huggingface.read_huggingface(path.parent)
    weights = read_weights(path)
    if chinese_clip.is_chinese_clip(weights):
        return chinese_clip.read_chinese_clip(weights, path)
    if openai.is_openai(weights):
        return openai.read_openai(weights, path)
    if "visual.trunk.patch_embed.proj.weight" in weights or "text.positional_embedding" in weights:
        raise BadCheckpoint(
            f"{path} is of open_clip, whose sizes its configuration tells",
            hint=f"put the model's {open_clip.CONFIG} beside it",
        )
    if "text_model.embeddings.token_embedding.weight" in weights:
        raise BadCheckpoint(
            f"{path} is of a Hugging Face folder, whose config.json tells what it is",
            hint="put the folder's other files beside it: config.json, its tokenizer, "
            "preprocessor_config.json",
        )
    found = ", ".join(sorted(weights)[:3])
    raise BadCheckpoint(f"{path} is no CLIP that is known: it holds {found}, …", hint=_EXPECTED)
