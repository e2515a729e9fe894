"""Functions of our own that conditions on photos and files call within SQL.

In: a snapshot. Out: the same, knowing `folded`, `km`, `is_named` and `is_in_folder_named`: SQLite's
own comparisons know capitals of ASCII only, no distances, and no globs over bytes. None of these
may raise: SQLite would hide why.
"""

from __future__ import annotations

import os
import re
import unicodedata
from collections.abc import Callable
from functools import lru_cache
from typing import TYPE_CHECKING

from photosearch.gazetteer.globe import km_between

if TYPE_CHECKING:
    from photosearch.store.snapshot import Snapshot


def define(snapshot: Snapshot) -> None:
    """Make the functions known to a connection; microseconds, so each filter does it."""
    for name, function, count in (
        ("folded", _folded_or_none, 1),
        ("km", _km, 4),
        ("is_named", is_named, 2),
        ("is_in_folder_named", is_in_folder_named, 2),
    ):
        snapshot.define(name, count, function)


@lru_cache(maxsize=4096)
def folded(text: str) -> str:
    """What two spellings have in common: no capitals, single blanks, NFKC."""
    plain = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", text).casefold())
    return " ".join(plain.split())


def is_named(path: bytes, pattern: str) -> bool:
    """Whether a file's name, with or without its ending, is like a glob: `IMG_12*`, `*.png`."""
    name = _name(path.rpartition(b"/")[2])
    matches = _glob(_name(pattern))
    return bool(matches(name) or matches(name.rpartition(".")[0]))


def is_in_folder_named(path: bytes, name: str | bytes) -> bool:
    """Whether one of the folders of a path has this name, without regard to capitals."""
    return _name(name) in _folders(path.rpartition(b"/")[0])


@lru_cache(maxsize=1024)
def _folders(folder: bytes) -> frozenset[str]:
    return frozenset(map(_name, folder.split(b"/")))


@lru_cache(maxsize=1024)
def _name(name: str | bytes) -> str:
    # NFKC: macOS takes letters and their marks apart, and a Chinese or Japanese keyboard writes
    # full-width ones. A byte that is no text stays itself.
    return unicodedata.normalize("NFKC", os.fsdecode(name).casefold())


@lru_cache(maxsize=64)
def _glob(pattern: str) -> Callable[[str], object]:
    from fnmatch import translate

    return re.compile(translate(pattern)).match


def _folded_or_none(text: str | None) -> str | None:
    return None if text is None else folded(text)


def _km(*degrees: float | None) -> float | None:
    one, two, three, four = degrees
    if one is None or two is None or three is None or four is None:
        return None
    return km_between(one, two, three, four)
