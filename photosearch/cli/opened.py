"""The library that a command works with: opened for it, or warm in a process that stays.

In: what was typed after --library and --model. Out: a Library.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from photosearch.errors import NoLibrary
from photosearch.library import Library

if TYPE_CHECKING:
    from photosearch.encode.encoder import Encoder

# What a process that stays puts in its place; else each command opens its own.
_open: Callable[..., Library] = Library.open


def open_library(
    path: Path | None, model: str | None = None, vectors: str | None = None
) -> Library:
    """As `Library.open`."""
    return _open(path, model, vectors=vectors)


def use(opener: Callable[..., Library]) -> None:
    """Let commands in this process get their library from here."""
    global _open
    _open = opener


def model_or_library(model: str | None, library: Path | None) -> Encoder:
    """A model as named, else the library's own; photos that are named need no library."""
    from photosearch.zeroshot.photos import open_model

    try:
        with Library.open(library, model) as opened:
            return opened.encoder
    except NoLibrary:
        return open_model(model)
