"""An image that comes as the body of a request → its bytes, in memory alone.

In: a request. Out: bytes, or Refused. What is too large is refused as soon as that is known, and
not read to its end.
"""

from __future__ import annotations

import asyncio
from typing import Any

from starlette.requests import ClientDisconnect, Request

from photosearch.web.replies import Reply, error_reply

MOST_BYTES = 50 << 20
SECONDS = 60.0  # for all of the body: whoever sends slower keeps nothing waiting

IMAGE_BODY: dict[str, Any] = {
    "required": True,
    "description": f"the bytes of an image, {MOST_BYTES >> 20} MiB at most",
    "content": {
        kind: {"schema": {"type": "string", "format": "binary"}}
        for kind in ("image/*", "application/octet-stream")
    },
}


class Refused(Exception):
    """A body that is not taken."""

    def __init__(self, status: int, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.status = status
        self.hint = hint

    def reply(self) -> Reply:
        """The reply that says so; what is still being sent is not read."""
        kind = "BadImage" if self.status == 400 else "WrongUse"
        reply = error_reply(self.status, kind, str(self), self.hint)
        reply.headers["Connection"] = "close"
        return reply


async def image_of(request: Request) -> bytes:
    """The whole body."""
    kind = request.headers.get("content-type", "application/octet-stream").partition(";")[0]
    kind = kind.strip().lower()
    if not (kind.startswith("image/") or kind in ("application/octet-stream", "")):
        raise Refused(
            415,
            f"the body is {kind or 'nothing'}, and should be an image",
            "Content-Type: image/jpeg",
        )
    announced = request.headers.get("content-length", "")
    if announced.isdecimal() and int(announced) > MOST_BYTES:
        raise _too_large()
    try:
        async with asyncio.timeout(SECONDS):
            return await _read(request)
    except TimeoutError:
        raise Refused(408, f"the image was not here after {SECONDS:.0f} s") from None
    except ClientDisconnect:
        raise Refused(400, "the image did not come to its end") from None


async def _read(request: Request) -> bytes:
    data = bytearray()
    async for block in request.stream():
        data += block
        if len(data) > MOST_BYTES:
            raise _too_large()
    if not data:
        raise Refused(400, "the body is empty, and should be an image")
    return bytes(data)


def _too_large() -> Refused:
    return Refused(
        413, f"the image is larger than {MOST_BYTES >> 20} MiB", "a smaller copy finds the same"
    )
