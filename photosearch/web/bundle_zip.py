"""Photos as one ZIP, written while it is being sent: stored, for photos are compressed already.

In: photos of the library. Out: blocks of bytes. Those whose files are not there are left out, and
named in a text file at the end.
"""

from __future__ import annotations

import time
import zipfile
from collections.abc import Iterator, Sequence
from contextlib import closing
from typing import BinaryIO

from photosearch.store.originals import Opened, Original, open_original
from photosearch.web.sending import safe_name

MOST = 2000  # photos of one ZIP
MISSING = "missing.txt"

_BLOCK = 256 << 10
_LARGE = (2 << 30) - 1  # from here on a file's sizes take ZIP64


def zip_of(originals: Sequence[Original], unknown: Sequence[str] = ()) -> Iterator[bytes]:
    """The blocks of a ZIP. unknown: digests that the library does not know, to be named in it."""
    sink = _Sink()
    taken = {MISSING}
    missing = [f"{digest}: not in the library" for digest in unknown]
    with zipfile.ZipFile(sink, "w", zipfile.ZIP_STORED, allowZip64=True) as archive:
        for original in originals:
            opened = open_original(original)
            if opened is None:
                missing.append(f"{safe_name(original.name)}: its file is not there now")
                continue
            with closing(opened.file) as file:
                yield from _member(archive, sink, opened, file, original, taken)
        if missing:
            note = "These photos are not in this file:\n\n" + "\n".join(missing) + "\n"
            archive.writestr(MISSING, note.encode())
    yield sink.take()


def _member(
    archive: zipfile.ZipFile,
    sink: _Sink,
    opened: Opened,
    file: BinaryIO,
    original: Original,
    taken: set[str],
) -> Iterator[bytes]:
    name = _unused(safe_name(opened.path.name), taken)
    member = zipfile.ZipInfo(name, _time(opened.changed_at))
    member.external_attr = 0o600 << 16
    with archive.open(member, "w", force_zip64=original.size > _LARGE) as out:
        left = original.size
        while left and (block := file.read(min(_BLOCK, left))):
            left -= len(block)
            out.write(block)
            yield sink.take()


class _Sink:
    """What zipfile writes to: a stream, of which no place can be written to again."""

    def __init__(self) -> None:
        self._parts: list[bytes] = []

    def write(self, data: bytes, /) -> int:
        self._parts.append(bytes(data))
        return len(data)

    def close(self) -> None:
        pass

    def flush(self) -> None:
        pass

    def take(self) -> bytes:
        parts, self._parts = self._parts, []
        return b"".join(parts)


def _unused(name: str, taken: set[str]) -> str:
    """The name, or with a number: no two may be one on a system that takes "A" for "a"."""
    stem, dot, suffix = name.rpartition(".")
    if not stem:
        stem, dot, suffix = name, "", ""
    number, free = 1, name
    while free.casefold() in taken:
        number += 1
        free = f"{stem} ({number}){dot}{suffix}"
    taken.add(free.casefold())
    return free


def _time(seconds: float) -> tuple[int, int, int, int, int, int]:
    """As ZIP has it: local time, 1980 to 2107."""
    try:
        local = time.localtime(seconds)
    except (OverflowError, OSError, ValueError):
        local = time.localtime(0)
    if local.tm_year < 1980:
        return 1980, 1, 1, 0, 0, 0
    if local.tm_year > 2107:
        return 2107, 12, 31, 23, 59, 58
    return (
        local.tm_year, local.tm_mon, local.tm_mday, local.tm_hour, local.tm_min, local.tm_sec
    )  # fmt: skip
