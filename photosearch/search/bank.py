"""The bank: ordinary words, and their vectors for one text tower.

In: an Encoder and the cache folder. Out: float16[n, dim], or None where nobody made them yet. The
vectors of the built-in model come with the package, so that its first query need not wait; those
of another model are made once, by `make`, and kept in the cache folder. What they are good for is
not known here.
"""

from __future__ import annotations

import hashlib
import json
import os
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from photosearch.encode.encoder import Encoder

FOLDER = "bank"  # in the cache folder
SHIPPED = Path(__file__).parents[1] / "models" / "bank"
_TEXTS_A_TIME = 64


def language_of(encoder: Encoder) -> str:
    """The language of a model's bank, which serves all text towers of the model.

    They share a space, so one background a photo is enough. With `mini`'s Chinese tower the
    English bank is the better one for captions against random photos (AUC 0.972 to 0.967).
    """
    return "zh" if encoder.languages[0] == "zh" else "en"


@cache
def texts(language: str) -> tuple[str, ...]:
    """The ordinary words: "en" or "zh"."""
    lines = (SHIPPED / f"{language}.txt").read_text(encoding="utf-8").splitlines()
    return tuple(line for line in lines if line and not line.startswith("#"))


def key_of(encoder: Encoder) -> str:
    """Fingerprint of tower and texts: vectors under another key are not these."""
    language = language_of(encoder)
    tower = encoder.text_key(encoder.languages[0])
    data = "\n".join((tower, *texts(language))).encode()
    return hashlib.sha256(data).hexdigest()[:32]


@cache
def shipped() -> dict[str, Any]:
    """What comes with the package: {"key", "calibration"} of `mini.npy`; empty without it."""
    try:
        found: dict[str, Any] = json.loads((SHIPPED / "mini.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return found


def is_shipped(encoder: Encoder) -> bool:
    """Whether the package knows this model's bank, so that nothing need be made or fitted."""
    return shipped().get("key") == key_of(encoder)


def load(encoder: Encoder, cache_folder: Path) -> NDArray[np.float16] | None:
    """float16[n, dim] of the bank's texts, or None: not made yet, or the file is damaged."""
    key = key_of(encoder)
    path = SHIPPED / "mini.npy" if shipped().get("key") == key else _path(cache_folder, key)
    try:
        with path.open("rb") as file:
            vectors = np.lib.format.read_array(file, allow_pickle=False)
    except (OSError, ValueError, EOFError):
        return None
    expected = (len(texts(language_of(encoder))), encoder.dim)
    good = vectors.shape == expected and vectors.dtype == np.float16 and np.isfinite(vectors).all()
    return vectors if good else None


def make(encoder: Encoder, cache_folder: Path) -> NDArray[np.float16]:
    """Encode the bank's texts and keep them; about a thousand texts, so seconds on a CPU.

    A folder that cannot be written to costs the keeping, not the vectors.
    """
    tower = encoder.text(encoder.languages[0])
    wanted = texts(language_of(encoder))
    blocks = [
        tower.encode(list(wanted[at : at + _TEXTS_A_TIME]))
        for at in range(0, len(wanted), _TEXTS_A_TIME)
    ]
    vectors = np.concatenate(blocks).astype(np.float16)
    path = _path(cache_folder, key_of(encoder))
    with suppress(OSError):
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        save(path, vectors)
    return vectors


def save(path: Path, vectors: NDArray[np.float16]) -> None:
    """Write beside, then rename: a reader sees the whole file or none."""
    temporary = path.with_name(f"{path.stem}-{os.getpid()}.tmp")
    try:
        with temporary.open("wb") as file:
            np.save(file, vectors, allow_pickle=False)
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)


def _path(cache_folder: Path, key: str) -> Path:
    return cache_folder / FOLDER / f"{key}.npy"
