"""Files beside the weights of a published model: configuration, preprocessing, tokenizer.

In: a folder as `save_pretrained` or open_clip writes it. Out: our own forms of its parts.
"""

from __future__ import annotations

import json
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from photosearch.encode.preprocess import Preprocess
from photosearch.encode.spiece import tokenizer_json_from_spiece
from photosearch.errors import BadCheckpoint, line_of

_RESAMPLE = {0: "nearest", 1: "lanczos", 2: "bilinear", 3: "bicubic"}  # Pillow's numbers


def read_json(path: Path) -> dict[str, Any]:
    """A JSON object from a file; raises BadCheckpoint."""
    try:
        value = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise BadCheckpoint(f"{path.parent} lacks {path.name}") from error
    except (OSError, ValueError) as error:
        raise BadCheckpoint(f"{path} cannot be read: {error}") from error
    if not isinstance(value, dict):
        raise BadCheckpoint(f"{path} does not hold a JSON object")
    return value


def weight_file(folder: Path, *names: str) -> Path:
    """The first of these files that the folder has."""
    for name in names:
        if (folder / name).is_file():
            return folder / name
    raise BadCheckpoint(f"{folder} holds no weights: none of {', '.join(names)}")


def processor_config(folder: Path) -> dict[str, Any]:
    """The image processor's configuration: its own file, or a part of processor_config.json."""
    if not (folder / "preprocessor_config.json").is_file():
        whole = folder / "processor_config.json"
        if whole.is_file():
            inner = read_json(whole).get("image_processor")
            if isinstance(inner, dict):
                return inner
    return read_json(folder / "preprocessor_config.json")


def preprocess_of(folder: Path) -> Preprocess:
    """Preprocessing as transformers' image processors read it, in both layouts of its file."""
    config = processor_config(folder)
    where = folder / "preprocessor_config.json"
    try:
        size = config["size"]
        crops = bool(config.get("do_center_crop", False))
        if isinstance(size, int):  # layouts of old: the shorter side, and a square without a crop
            size = {"shortest_edge": size} if crops else {"height": size, "width": size}
        target = config.get("crop_size") if crops else None
        if isinstance(target, int):
            target = {"height": target, "width": target}
        if "shortest_edge" in size:
            side = int(size["shortest_edge"])
            target = target or {"height": side, "width": side}
            if not crops or {int(target["height"]), int(target["width"])} != {side}:
                raise ValueError("its resizing and its crop do not fit together")
            mode = "shortest"
        else:
            target, mode = size, "squash"
        if abs(float(config.get("rescale_factor", 1 / 255)) - 1 / 255) > 1e-9:
            raise ValueError(f"rescale_factor {config['rescale_factor']}")
        return Preprocess.from_config(
            {
                "size": [int(target["height"]), int(target["width"])],
                "mean": config["image_mean"],
                "std": config["image_std"],
                "interpolation": _RESAMPLE[int(config.get("resample", 3))],
                "resize_mode": mode,
                "rgb": "first",
                "crop": "floor",
            }
        )
    except (KeyError, TypeError, ValueError) as error:
        raise BadCheckpoint(f"{where}: not a preprocessing that is known ({error})") from error


def tokenizer_json_of(folder: Path, *, spiece_first: bool = False) -> str:
    """The folder's tokenizer as one tokenizer.json, whatever files it is published in.

    spiece_first: of a folder with both, take the SentencePiece model, as SiglipTokenizer does.
    """
    spiece = folder / "spiece.model"
    if spiece.is_file() and (spiece_first or not (folder / "tokenizer.json").is_file()):
        try:
            return tokenizer_json_from_spiece(spiece)
        except ValueError as error:
            raise BadCheckpoint(f"{spiece}: {error}") from error
    from transformers import AutoTokenizer

    require_tokenizer(folder)
    try:
        with quiet():
            loaded = AutoTokenizer.from_pretrained(folder, local_files_only=True)
        text: str = loaded.backend_tokenizer.to_str()
    except Exception as error:  # it raises whatever its parts raise
        raise BadCheckpoint(f"{folder}: its tokenizer cannot be read: {line_of(error)}") from error
    return text


_VOCABULARIES = ("tokenizer.json", "spiece.model", "vocab.txt", "vocab.json")


def require_tokenizer(folder: Path) -> None:
    """Refuse a folder without a vocabulary.

    transformers makes a tokenizer of none, to which every text is the same unknown word.
    """
    if not any((folder / name).is_file() for name in _VOCABULARIES):
        raise BadCheckpoint(
            f"{folder} lacks its tokenizer: none of {', '.join(_VOCABULARIES)}",
            hint="the files of that name from where the model was published",
        )
    if (folder / "vocab.json").is_file() and not any(
        (folder / name).is_file() for name in ("merges.txt", "tokenizer.json")
    ):
        raise BadCheckpoint(f"{folder} lacks merges.txt, the other half of vocab.json")


def pad_id_of(folder: Path, tokenizer_json: str) -> int | None:
    """The id that texts are padded with, where the tokenizer's files name one."""
    from tokenizers import Tokenizer

    named: Any = None
    for name in ("tokenizer_config.json", "special_tokens_map.json"):
        if named is None and (folder / name).is_file():
            named = read_json(folder / name).get("pad_token")
    if isinstance(named, dict):
        named = named.get("content")
    return Tokenizer.from_str(tokenizer_json).token_to_id(named) if named else None


@contextmanager
def quiet() -> Iterator[None]:
    """transformers' progress bars and advice are not for our users."""
    from transformers.utils import logging

    their: Any = logging
    level, showed = their.get_verbosity(), their.is_progress_bar_enabled()
    their.set_verbosity(their.CRITICAL)
    their.disable_progress_bar()
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        their.set_verbosity(level)
        if showed:
            their.enable_progress_bar()
