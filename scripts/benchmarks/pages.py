"""Emptying the page cache of given files, and whether that worked.

In: files and folders. Out: how many bytes they have, and how many of those stayed in memory. What
a running process has mapped cannot be dropped, nor can the files of a file system in memory
(tmpfs). Linux alone is asked here; elsewhere nothing is dropped, and that is what is said.
"""

from __future__ import annotations

import ctypes
import mmap
import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from scripts.benchmarks.common import filesystem_of


@dataclass(frozen=True)
class Dropped:
    """What came of it."""

    bytes: int
    kept: int  # bytes that are in memory still

    @property
    def worked(self) -> bool:
        """Whether less than a hundredth stayed."""
        return self.kept * 100 <= self.bytes

    def __str__(self) -> str:
        return f"{self.kept / 1e6:.0f} of {self.bytes / 1e6:.0f} MB stayed in memory"


def drop_cache(paths: Iterable[Path]) -> Dropped:
    """Take files, and all files below folders, out of the page cache."""
    total = kept = 0
    files = list(_files(paths))
    if hasattr(os, "sync"):
        os.sync()  # a page that is not written yet would stay
    for path in files:
        try:
            descriptor = os.open(path, os.O_RDONLY)
        except OSError:
            continue
        try:
            size = os.fstat(descriptor).st_size
            if hasattr(os, "posix_fadvise"):
                os.posix_fadvise(descriptor, 0, 0, os.POSIX_FADV_DONTNEED)
            total += size
            kept += in_memory(descriptor, size)
        finally:
            os.close(descriptor)
    return Dropped(total, kept)


def say_if_kept(dropped: Dropped, where: Path) -> str:
    """For the table of a benchmark: empty where the cache was emptied."""
    return "" if dropped.worked else f"{dropped} ({filesystem_of(where)})"


def in_memory(descriptor: int, size: int) -> int:
    """Bytes of a file that are in the page cache, by mincore(2); all where it cannot be asked."""
    if not size:
        return 0
    page = mmap.PAGESIZE
    pages = -(-size // page)
    try:
        library = ctypes.CDLL(None, use_errno=True)
        mincore = library.mincore
    except (OSError, AttributeError):
        return size
    with mmap.mmap(descriptor, size, mmap.MAP_PRIVATE, mmap.PROT_READ | mmap.PROT_WRITE) as mapped:
        first = ctypes.c_char.from_buffer(mapped)
        found = (ctypes.c_ubyte * pages)()
        try:
            failed = mincore(ctypes.c_void_p(ctypes.addressof(first)), ctypes.c_size_t(size), found)
        finally:
            del first
    if failed:
        return size
    return min(size, page * sum(one & 1 for one in bytes(found)))


def _files(paths: Iterable[Path]) -> Iterator[Path]:
    for path in paths:
        if path.is_dir():
            # Links are followed: a data folder may lead to its models by them.
            for folder, _, names in os.walk(path, followlinks=True):
                yield from (one for name in names if (one := Path(folder, name)).is_file())
        elif path.is_file():
            yield path
