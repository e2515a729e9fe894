"""The write-ahead log read without SQLite: which of its frames are good, and what a bad one hides.

In: a WAL file. Out: its committed pages, and whether transactions lie behind damage. SQLite itself
reads up to the first bad frame and is silent about the rest.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass, field
from pathlib import Path

_MAGIC = (0x377F0682, 0x377F0683)  # checksums over little-endian, big-endian words
_HEADER, _FRAME = 32, 24


@dataclass(slots=True)
class Wal:
    """What a WAL holds."""

    page_size: int = 0
    frames: dict[int, bytes] = field(default_factory=dict)  # page → its newest committed content
    good: int = 0  # committed frames
    lost: int = 0  # transactions of the same log behind a frame that is damaged
    header_lost: bool = False  # there is content, but no header that tells how to read it


def read_wal(path: Path) -> Wal:
    """The committed frames of a WAL, and what lies behind damage."""
    try:
        data = path.read_bytes()
    except FileNotFoundError:
        return Wal()
    if not data:
        return Wal()
    if len(data) < _HEADER:
        return Wal(header_lost=any(data))
    magic, _, size, _, salt, salt_2, sum_1, sum_2 = struct.unpack(">8I", data[:_HEADER])
    words = "<" if magic == _MAGIC[0] else ">"
    if magic not in _MAGIC or _sums(data[:24], words, (0, 0)) != (sum_1, sum_2):
        return Wal(header_lost=any(data))
    wal = Wal(page_size=size)
    sums = (sum_1, sum_2)
    pending: dict[int, bytes] = {}
    broken = False
    for at in range(_HEADER, len(data) - _FRAME - size + 1, _FRAME + size):
        number, commit, *salts, own_1, own_2 = struct.unpack(">6I", data[at : at + _FRAME])
        if salts != [salt, salt_2]:
            if not broken:  # what an earlier round of the log left
                broken = _goes_on(data, at, size, (salt, salt_2))
                if not broken:
                    break
            continue
        if not broken:
            page = data[at + _FRAME : at + _FRAME + size]
            sums = _sums(page, words, _sums(data[at : at + 8], words, sums))
            broken = sums != (own_1, own_2)
        if broken:
            wal.lost += commit > 0
            continue
        pending[number] = page
        if commit:
            wal.frames.update(pending)
            wal.good += len(pending)
            pending = {}
    return wal


def _goes_on(data: bytes, at: int, size: int, salts: tuple[int, int]) -> bool:
    """Whether frames of this round follow: then the one at `at` is damaged, not old."""
    return any(
        struct.unpack(">II", data[later + 8 : later + 16]) == salts
        for later in range(at, len(data) - _FRAME - size + 1, _FRAME + size)
    )


def _sums(data: bytes, words: str, sums: tuple[int, int]) -> tuple[int, int]:
    """SQLite's running checksum over pairs of 32-bit words."""
    one, two = sums
    values = struct.unpack(f"{words}{len(data) // 4}I", data)
    for at in range(0, len(values), 2):
        one = (one + values[at] + two) & 0xFFFFFFFF
        two = (two + values[at + 1] + one) & 0xFFFFFFFF
    return one, two
