"""Which files of a report may be removed without losing a picture.

In: a DuplicatesReport. Out: paths, and for the others of each group why they are left out. Every
file is looked at again: whoever pipes these paths to `rm` trusts that the one to keep is there, is
what it was, and is another file than those that are named. Pictures that are not the same content
are compared at full size.
"""

from __future__ import annotations

import hashlib
import math
import os
import stat
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from photosearch.errors import BadImage
from photosearch.paths import time_of
from photosearch.reports.duplicates import DuplicateFile, DuplicateGroup, DuplicatesReport

if TYPE_CHECKING:
    from PIL.Image import Image

# Two photos of so many pixels take 1 GB while they are compared.
_MOST_PIXELS = 120_000_000
_SHAPES_AGREE = 0.02


@dataclass(frozen=True, slots=True)
class Removable:
    """Files that may go, and (file, reason) of those that may not."""

    paths: tuple[Path, ...]
    left_out: tuple[tuple[Path, str], ...]


def removable(report: DuplicatesReport) -> Removable:
    """Never a file that is kept, offline, changed, or the kept one by another path."""
    paths: list[Path] = []
    left_out: list[tuple[Path, str]] = []
    for group in report.groups:
        for file, reason in _of_group(group):
            if reason is None:
                paths.append(file.path)
            else:
                left_out.append((file.path, reason))
    return Removable(tuple(paths), tuple(left_out))


def _of_group(group: DuplicateGroup) -> Iterable[tuple[DuplicateFile, str | None]]:
    kept = group.kept
    for file in group.others:
        if file.lost is not None:
            yield file, file.lost
            continue
        trouble = _trouble(kept)
        if trouble:
            yield file, f"the one to keep {trouble}: {kept.path}"
        else:
            trouble = _trouble(file)
            reason = f"it {trouble}" if trouble else _one_file(kept, file)
            yield file, reason or _what_it_shows_alone(kept, file)


def _one_file(kept: DuplicateFile, file: DuplicateFile) -> str | None:
    """Why two paths may lead to one file."""
    if os.path.realpath(kept.path) == os.path.realpath(file.path):
        return "it is the file to keep, by a link"
    one, other = os.stat(kept.path), os.stat(file.path)
    if (one.st_dev, one.st_ino) == (other.st_dev, other.st_ino):
        return "it is the file to keep, by another path"
    if one.st_dev != other.st_dev and (one.st_size, one.st_mtime_ns) == (
        other.st_size,
        other.st_mtime_ns,
    ):
        # A share that is mounted twice shows its files twice, under other device numbers.
        return "it may be the file to keep: the same size and time on another disk or mount"
    if os.path.islink(file.path):
        return "it is a symbolic link"
    return None


def _what_it_shows_alone(kept: DuplicateFile, file: DuplicateFile) -> str | None:
    """The last check: whether the one to keep shows every detail of the other."""
    if kept.photo == file.photo:
        return None
    from photosearch.duplicates.detail import MOST_APART, detail_apart

    if max(one.width * one.height for one in (kept, file)) > _MOST_PIXELS:
        return "it is too large to be compared in every detail"
    if abs(math.log(kept.width * file.height / (kept.height * file.width))) > _SHAPES_AGREE:
        return "its frame is another one"
    try:
        if detail_apart(_pixels(kept.path), _pixels(file.path)) > MOST_APART:
            return "it differs in a detail"
    except (OSError, BadImage):
        return "its detail cannot be compared"
    return None


def _pixels(path: Path) -> Image:
    from photosearch.decode.pixels import decode

    return decode(path.read_bytes()).image


def _trouble(file: DuplicateFile) -> str | None:
    try:
        state = os.stat(file.path)
        if not stat.S_ISREG(state.st_mode):
            return "is no regular file"
        if (state.st_size, time_of(state)) != (file.bytes, file.mtime_ns):
            return "has changed since it was indexed"
        return _content_trouble(file.path, file.photo, state.st_mtime_ns)
    except OSError:
        return "is not there now"


@cache
def _content_trouble(path: Path, digest: str, mtime_ns: int) -> str | None:
    with open(path, "rb") as data:
        if hashlib.file_digest(data, "sha256").hexdigest() != digest:
            return "has another content than when it was indexed"
    return None
