"""What goes through the socket: messages that are lists of byte strings.

In: fields. Out: a frame; and back. Nothing here knows what the fields mean. Standard library only,
and of that as little as can be: the client pays for each import.

    frame    b"PSR1", length of the body, body
    body     for each field its length and its bytes

Lengths are 4 bytes, the highest first.
"""

from __future__ import annotations

MAGIC = b"PSR1"
HEADER = 8
MAX_REQUEST = 1 << 20
MAX_ANSWER = 64 << 20


def pack(fields: list[bytes]) -> bytes:
    """The body that holds these fields."""
    return b"".join(len(field).to_bytes(4, "big") + field for field in fields)


def unpack(body: bytes) -> list[bytes]:
    """The fields of a body; raises ValueError where it is none."""
    fields = []
    at = 0
    while at < len(body):
        start = at + 4
        end = start + int.from_bytes(body[at:start], "big")
        if start > len(body) or end > len(body):
            raise ValueError("a field is cut off")
        fields.append(body[start:end])
        at = end
    return fields


def framed(fields: list[bytes]) -> bytes:
    """A message as it is sent."""
    body = pack(fields)
    return MAGIC + len(body).to_bytes(4, "big") + body


def length_of(header: bytes, most: int) -> int:
    """How long the body is that follows a header; raises ValueError: no message, or too long."""
    length = int.from_bytes(header[4:], "big")
    if len(header) != HEADER or header[:4] != MAGIC or length > most:
        raise ValueError("no message, or one that is too long")
    return length
