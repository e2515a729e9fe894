"""The library that a command works with: opened for it, or warm in a process that stays.

In: what was typed after --library and --model. Out: a Library.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from photosearch.library import Library

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
