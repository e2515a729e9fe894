"""Paths that the user named → photo files, in a stable order.

In: paths of photos and folders. Out: NamedFile records, and Failure records for what cannot be
looked into. A folder is walked by the rules of indexing; a file that is named itself is always
taken, whatever its name.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path

from photosearch.decode.raw import has_raw_decoder
from photosearch.errors import WrongUse
from photosearch.filenames import RAW_SUFFIXES, suffix_of
from photosearch.paths import join, time_of, to_bytes, to_path
from photosearch.records import Failure, FoundFile, Skipped
from photosearch.walk import WalkRules, walk


@dataclass(frozen=True, slots=True)
class NamedFile:
    """A file to be read, and how it is called in the answer."""

    path: bytes  # absolute
    shown: Path  # begins as the user typed it
    found: FoundFile


class PhotoFiles:
    """The files of some paths. Can be iterated again: the folders are walked again."""

    def __init__(
        self, paths: Sequence[str | os.PathLike[str]], *, avoid: frozenset[bytes] = frozenset()
    ) -> None:
        """avoid: absolute folders that are not entered, such as the library's own."""
        self._paths = [os.path.expanduser(os.fspath(path)) for path in paths]
        self._rules = WalkRules(avoid=avoid)
        self._raw = has_raw_decoder()
        self.raw_skipped = 0  # raw files of folders, for want of their decoder
        for path in self._paths:
            if not os.path.exists(path):
                raise WrongUse(f"{path}: no such file or folder")

    def at_least(self, count: int) -> bool:
        """Whether there may be so many: a folder counts as any number."""
        return len(self._paths) >= count or any(map(os.path.isdir, self._paths))

    def __iter__(self) -> Iterator[NamedFile | Failure]:
        self.raw_skipped = 0
        for path in self._paths:
            if os.path.isdir(path):
                yield from self._folder(path)
            else:
                yield named_file(path)

    def _folder(self, folder: str) -> Iterator[NamedFile | Failure]:
        root, shown = to_bytes(folder), os.fsencode(folder)
        # The walk gives the files of one folder after those of another, but within a folder as
        # the disk has them.
        for _, group in groupby(walk(root, self._rules), lambda one: os.path.dirname(one.path)):
            for one in sorted(group, key=lambda one: one.path):
                if isinstance(one, Skipped):
                    yield Failure(to_path(shown, one.path), one.reason)
                elif suffix_of(one.path) in RAW_SUFFIXES and not self._raw:
                    self.raw_skipped += 1
                else:
                    yield NamedFile(join(root, one.path), to_path(shown, one.path), one)


def named_file(path: str | os.PathLike[str]) -> NamedFile | Failure:
    """One file by its name, as it is at this moment."""
    shown = Path(path).expanduser()
    try:
        absolute = to_bytes(path)
        status = os.stat(absolute)
    except (OSError, ValueError) as error:
        return Failure(shown, f"cannot be read: {getattr(error, 'strerror', None) or error}")
    if stat.S_ISDIR(status.st_mode):
        return Failure(shown, "is a folder, not a photo")
    found = FoundFile(os.path.basename(absolute), status.st_size, time_of(status))
    return NamedFile(absolute, shown, found)
