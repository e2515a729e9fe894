"""Previews on the disk: small pictures of photos, made once, kept up to a size, deletable.

In: a photo's digest and a size. Out: the bytes of a preview, or None. They lie in the library, or
in the cache folder where the library cannot be written to; where neither can, none is kept. A
preview shows what a photo shows: folders and files are for their owner alone.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from itertools import count
from pathlib import Path
from time import time

FOLDER = "thumbs"
# Part of each name: grows when previews are made in another way.
VERSION = 1
SIZES = (240, 480, 960, 1920)

_TOUCH_AFTER = 3600.0  # seconds: the time of last use is not written more often
_KEEP = 0.9  # of the limit, when it has been passed
_COUNT_AFTER = 0.05  # of the limit, added here: another server may have added some as well


class Previews:
    """Previews of one library; any number of threads and processes may use it at once."""

    def __init__(self, folders: Iterable[Path], limit: int) -> None:
        """folders: the first that can be written to is used. limit: bytes of all previews."""
        self._folders = list(folders)
        self._limit = limit
        self._lock = threading.Lock()
        self._bytes = 0  # what is there
        self._uncounted: int | None = None  # added since that was counted; None: never counted
        self._numbers = count()

    def get(self, digest: str, size: int) -> bytes | None:
        """A preview that was kept."""
        for folder in self._folders:
            path = path_of(folder, digest, size)
            try:
                data = path.read_bytes()
                if time() - path.stat().st_mtime > _TOUCH_AFTER:
                    os.utime(path)
            except OSError:
                continue
            if data:
                return data
        return None

    def put(self, digest: str, size: int, data: bytes) -> None:
        """Keep a preview, if there is a place for it."""
        if self._limit <= 0:
            return
        for folder in self._folders:
            try:
                _write(path_of(folder, digest, size), data, next(self._numbers))
            except OSError:
                continue
            self._account(folder, len(data))
            return

    def _account(self, folder: Path, added: int) -> None:
        with self._lock:
            if self._uncounted is None or self._uncounted > self._limit * _COUNT_AFTER:
                self._bytes = sum(size for _, size, _ in _entries(folder))
                self._uncounted = 0
            else:
                self._bytes += added
                self._uncounted += added
            if self._bytes > self._limit:
                self._bytes = trim(folder, round(self._limit * _KEEP))


def path_of(folder: Path, digest: str, size: int) -> Path:
    return folder / digest[:2] / f"{digest}-{size}-{VERSION}.webp"


def bytes_of(library: Path) -> int:
    """Bytes of a library's previews; a server may be adding and removing some."""
    return sum(size for _, size, _ in _entries(library / FOLDER))


def trim(folder: Path, most: int) -> int:
    """Remove what was not used for longest until `most` bytes are left; gives what is left."""
    entries = sorted(_entries(folder), key=lambda entry: entry[2], reverse=True)
    kept = 0
    for path, size, _ in entries:
        if kept + size > most:
            with suppress(OSError):
                os.unlink(path)
            most = kept  # nothing that was used before this one stays either
        else:
            kept += size
    return kept


def drop_unknown(library: Path, is_known: Callable[[bytes], bool]) -> None:
    """Remove previews of photos that the library has forgotten: they are not to be seen here."""
    for path, _, _ in list(_entries(library / FOLDER)):
        name = os.path.basename(path).split("-")[0]
        try:
            known = len(name) == 64 and is_known(bytes.fromhex(name))
        except ValueError:
            known = False
        if not known:
            with suppress(OSError):
                os.unlink(path)


def _entries(folder: Path) -> Iterator[tuple[str, int, float]]:
    """(path, bytes, last used) of every preview, and of what a killed process left behind."""
    for number in range(256):
        try:
            with os.scandir(folder / f"{number:02x}") as entries:
                for entry in entries:
                    with suppress(OSError):
                        status = entry.stat(follow_symlinks=False)
                        yield entry.path, status.st_size, status.st_mtime
        except OSError:
            continue


def _write(path: Path, data: bytes, number: int) -> None:
    """Beside, then renamed: a preview is whole or not there."""
    path.parent.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    path.parent.mkdir(mode=0o700, exist_ok=True)
    beside = path.with_name(f"{path.name}.{os.getpid()}-{number}.tmp")
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_NOFOLLOW", 0)
    descriptor = os.open(beside, flags | getattr(os, "O_BINARY", 0), 0o600)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(data)
        os.replace(beside, path)
    except BaseException:
        with suppress(OSError):
            beside.unlink()
        raise
