"""Open files as replies: in blocks, or the part that was asked for; and what they are called.

In: an open file. Out: an HTTP response that closes it, however it ends.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Mapping
from typing import BinaryIO
from urllib.parse import quote

from starlette.responses import Response, StreamingResponse
from starlette.types import Receive, Scope, Send

FOR_EVER = "private, max-age=31536000, immutable"  # a Cache-Control
_BLOCK = 256 << 10
_RANGE = re.compile(r"bytes=(\d{0,18})-(\d{0,18})")


class FileReply(StreamingResponse):
    """A file of `size` bytes, or one range of it."""

    def __init__(
        self, file: BinaryIO, size: int, asked: Mapping[str, str], headers: Mapping[str, str]
    ) -> None:
        self._file = file
        first, last, status = _part(asked, size, headers.get("ETag", ""))
        if status == 206:
            headers = {**headers, "Content-Range": f"bytes {first}-{last - 1}/{size}"}
        elif status == 416:
            headers = {**headers, "Content-Range": f"bytes */{size}"}
        super().__init__(
            _blocks(file, first, last),
            status,
            {**headers, "Accept-Ranges": "bytes", "Content-Length": str(last - first)},
        )

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await super().__call__(scope, receive, send)
        finally:
            self._file.close()


def _part(asked: Mapping[str, str], size: int, tag: str) -> tuple[int, int, int]:
    """(first byte, past the last, status). Several ranges at once are answered with all of it."""
    match = _RANGE.fullmatch(asked.get("range", "").strip())
    if match is None or asked.get("if-range", tag) != tag or not (match[1] or match[2]):
        return 0, size, 200
    if not match[1]:
        first, last = max(size - int(match[2]), 0), size
        return (first, last, 206) if int(match[2]) and size else (0, 0, 416)
    first = int(match[1])
    last = min(int(match[2]) + 1, size) if match[2] else size
    if match[2] and int(match[2]) < first:
        return 0, size, 200  # no range at all
    return (first, last, 206) if first < size else (0, 0, 416)


def _blocks(file: BinaryIO, first: int, last: int) -> Iterator[bytes]:
    file.seek(first)
    while first < last and (block := file.read(min(_BLOCK, last - first))):
        first += len(block)
        yield block


def is_unchanged(asked: Mapping[str, str], tag: str) -> bool:
    """Whether the client has what it asks for."""
    known = [one.strip().removeprefix("W/") for one in asked.get("if-none-match", "").split(",")]
    return tag in known or known == ["*"]


def unchanged(headers: Mapping[str, str]) -> Response:
    return Response(status_code=304, headers=dict(headers))


def attachment(name: str) -> str:
    """A Content-Disposition (RFC 6266, 8187) that saves a file under this name, whatever it is."""
    safe = safe_name(name)
    plain = unicodedata.normalize("NFKD", safe).encode("ascii", "ignore").decode()
    plain = plain.replace("%", "_").strip(" .") or "photo"  # some take %41 for an escape
    return f"attachment; filename=\"{plain}\"; filename*=UTF-8''{quote(safe, safe='')}"


# What Windows and macOS do not take in a name, and what turns the order of letters around.
_UNFIT = re.compile(r'[\x00-\x1f\x7f-\x9f/\\:*?"<>|\u200e\u200f\u202a-\u202e\u2066-\u2069]')
_DEVICES = re.compile(r"(con|prn|aux|nul|com\d|lpt\d)(\..*)?", re.IGNORECASE)


def safe_name(name: str) -> str:
    """A file name that every system can store, of one that may hold any bytes."""
    text = name.encode("utf-8", "replace").decode()  # bytes that are no text: "?"
    text = _UNFIT.sub("_", text).strip(" .")
    if _DEVICES.fullmatch(text):
        text = f"_{text}"
    stem, dot, suffix = text.rpartition(".")
    if len(text.encode()) > 200:  # systems take 255 bytes; a number may be added
        room = 200 - len(suffix.encode()) if len(suffix) < 10 else 190
        stem = (stem if dot else text).encode()[:room].decode("utf-8", "ignore")
        text = stem + (dot + suffix if dot and len(suffix) < 10 else "")
    return text or "photo"
