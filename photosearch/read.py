"""One read of a changed file: its bytes and their digest.

In: an absolute path and what the walk saw of the file. Out: a ReadFile, or OSError/Changed.
Knows nothing of what the bytes mean. The same bytes are hashed, decoded and parsed for facts, so
what is stored about a photo is always about one state of the file.
"""

from __future__ import annotations

import hashlib
import os
import stat
from collections.abc import Iterable
from dataclasses import dataclass
from typing import BinaryIO

from photosearch.paths import time_of
from photosearch.records import FoundFile
from photosearch.settings import MAX_FILE_BYTES

# Enough of a file to tell what it is: the longest signature looked for ends at byte 32.
HEAD_BYTES = 64


class Changed(Exception):
    """The file is not as the walk saw it, or was written to while it was being read."""


@dataclass(frozen=True, slots=True)
class ReadFile:
    """The whole content of a file and its SHA-256."""

    found: FoundFile
    data: bytes
    digest: bytes


def read_head(path: bytes) -> bytes:
    """The first bytes of a file."""
    with open_regular(path) as file:
        return file.read(HEAD_BYTES)


def read_file(path: bytes, found: FoundFile) -> ReadFile:
    """Read a file once, and notice if it is being changed meanwhile."""
    with open_regular(path) as file:
        if found.size > MAX_FILE_BYTES:
            raise OSError(f"larger than {MAX_FILE_BYTES >> 20} MiB")
        # One byte more tells a file that grows, and one whose size is a lie, as below /proc.
        data = file.read(found.size + 1)
        after = os.fstat(file.fileno())
    if (after.st_size, time_of(after)) != (found.size, found.mtime_ns) or (len(data) != found.size):
        raise Changed("changed while it was being read")
    return ReadFile(found, data, hashlib.sha256(data).digest())


def data_of(digest: bytes, places: Iterable[tuple[bytes, FoundFile]]) -> bytes | None:
    """The bytes of a photo that is known by its digest, None where no file holds it now.

    places: full path, and the file as it was when it was indexed.
    """
    for path, known in places:
        try:
            file = read_file(path, known)
        except (OSError, Changed):
            continue
        if file.digest == digest:
            return file.data
    return None


def open_regular(path: bytes) -> BinaryIO:
    """Open a file for reading, and nothing else: a pipe or device raises OSError."""
    # O_NONBLOCK: a pipe that took the photo's place must not hang the run.
    flags = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)
    descriptor = os.open(path, flags)
    try:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            raise OSError("not a regular file")
        return os.fdopen(descriptor, "rb")
    except BaseException:
        os.close(descriptor)
        raise
