"""One row as SQLite stores it: a header of types, then the values.

In: bytes. Out: values, or BadPage. The format is SQLite's published one, section 2.1 "Record
Format". What is left over or missing makes the whole record doubtful.
"""

from __future__ import annotations

import struct

Value = int | float | str | bytes | None


class BadPage(ValueError):
    """The page, or something on it, is not what SQLite writes."""


def record(payload: bytes) -> tuple[Value, ...]:
    """The values of a record; it has to be used up to its last byte."""
    header, at = varint(payload, 0)
    if not at <= header <= len(payload):
        raise BadPage("a record's header")
    kinds = []
    while at < header:
        kind, at = varint(payload, at)
        kinds.append(kind)
    if at != header:
        raise BadPage("a record's header")
    values = []
    for kind in kinds:
        value, at = _value(payload, at, kind)
        values.append(value)
    if at != len(payload):
        raise BadPage("a record's length")
    return tuple(values)


def _value(data: bytes, at: int, kind: int) -> tuple[Value, int]:
    if kind >= 12:
        end = at + (kind - 12) // 2
        if end > len(data):
            raise BadPage("a record's length")
        part = data[at:end]
        return (part.decode() if kind & 1 else part), end
    if kind == 0 or kind in (8, 9):
        return (None if kind == 0 else kind - 8), at
    if kind in (10, 11):
        raise BadPage("a kind of value that does not exist")
    width = (0, 1, 2, 3, 4, 6, 8, 8)[kind]
    part = data[at : at + width]
    if len(part) != width:
        raise BadPage("a record's length")
    if kind == 7:
        return struct.unpack(">d", part)[0], at + width
    return int.from_bytes(part, "big", signed=True), at + width


def varint(data: bytes, at: int) -> tuple[int, int]:
    value = 0
    for _ in range(8):
        byte = data[at]
        at += 1
        value = value << 7 | byte & 0x7F
        if byte < 0x80:
            return value, at
    return value << 8 | data[at], at + 1
