"""A photo's own file, opened to be handed out: its bytes, and never those of another file.

In: a photo's digest. Out: where it lies, and an open file whose content has that digest. A path may
lead elsewhere than when it was indexed: a link, another disk, a file of the same size. So what is
handed out is known by its content alone, of the very file that is open.
"""

from __future__ import annotations

import hashlib
import os
import threading
import zlib
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from stat import S_ISREG
from typing import TYPE_CHECKING, BinaryIO

from photosearch.paths import join
from photosearch.read import open_regular

if TYPE_CHECKING:
    from photosearch.store.snapshot import Snapshot

_BLOCK = 1 << 20
_REMEMBERED = 10_000  # files that were compared, of which 200 bytes are kept each


@dataclass(frozen=True, slots=True)
class Original:
    """A photo of the library and the files that hold it."""

    digest: str
    format: str
    size: int  # bytes
    width: int  # upright
    height: int
    orientation: int  # EXIF, 1 where nothing is said
    paths: tuple[bytes, ...]  # absolute, in order; none of them is known to be missing

    @property
    def name(self) -> str:
        """The name of its first file; "" where it lies nowhere."""
        return os.fsdecode(os.path.basename(self.paths[0])) if self.paths else ""


@dataclass(frozen=True, slots=True)
class Opened:
    """An open file that holds a photo, at its beginning."""

    file: BinaryIO
    path: Path
    crc: int  # CRC-32 of the content
    changed_at: float


def originals_of(snapshot: Snapshot, digests: Sequence[str]) -> dict[str, Original]:
    """Photos of the library by their digests, in hexadecimal digits; others are left out."""
    found: dict[str, Original] = {}
    for digest in dict.fromkeys(digests):
        photo_id = snapshot.photo_with_digest(bytes.fromhex(digest))
        if photo_id is not None:
            row = snapshot.photo_columns(photo_id)
            paths = [join(root, path) for _, _, root, path, _, _ in snapshot.files_of([photo_id])]
            found[digest] = Original(
                digest,
                row["format"],
                row["bytes"],
                row["width"],
                row["height"],
                row["orientation"] or 1,
                tuple(paths),
            )
    return found


def open_original(original: Original) -> Opened | None:
    """The first of a photo's files that holds it now; None where none does.

    It is read whole once, and then known by inode and times: no user can set the time at which
    an inode was changed.
    """
    for path in original.paths:
        try:
            status = os.stat(path)  # a device is not even opened
            if not S_ISREG(status.st_mode) or status.st_size != original.size:
                continue
            file = open_regular(path)
        except (OSError, ValueError):
            continue
        try:
            crc = _content(file, original)
        except BaseException as error:
            file.close()
            if isinstance(error, OSError):
                continue
            raise
        if crc is not None:
            return Opened(file, Path(os.fsdecode(path)), crc, status.st_mtime)
        file.close()
    return None


_seen: OrderedDict[tuple[int, ...], tuple[str, int]] = OrderedDict()
_seen_lock = threading.Lock()


def _content(file: BinaryIO, original: Original) -> int | None:
    """The CRC-32 of an open file's content where its SHA-256 is the photo's."""
    key = _state(file)
    with _seen_lock:
        known = _seen.get(key)
    if known is None:
        sha, crc, length = hashlib.sha256(), 0, 0
        while length <= original.size and (block := file.read(_BLOCK)):
            sha.update(block)
            crc = zlib.crc32(block, crc)
            length += len(block)
        if length != original.size or _state(file) != key:
            return None
        known = sha.hexdigest(), crc
        file.seek(0)
        with _seen_lock:
            _seen[key] = known
            while len(_seen) > _REMEMBERED:
                _seen.popitem(last=False)
    return known[1] if known[0] == original.digest else None


def _state(file: BinaryIO) -> tuple[int, ...]:
    status = os.fstat(file.fileno())
    return (
        status.st_dev,
        status.st_ino,
        status.st_size,
        status.st_mtime_ns,
        status.st_ctime_ns,
    )
