"""The body of a request: how much of it is read, and how long it may take to come.

In: what a server receives. Out: the same, or TooMuch, which knows its reply.
"""

from __future__ import annotations

import asyncio

from starlette.responses import Response
from starlette.types import Message, Receive

from photosearch.web.replies import error_reply

LARGEST = 1 << 20
LARGEST_OF = {"/api/similar": 50 << 20}  # an image, which is judged again when it is read
SECONDS = 60.0  # for all of one: whoever sends slower keeps nothing waiting


class TooMuch(Exception):
    """A body that goes on beyond what is read, or does not come to its end."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self._status = status

    def reply(self) -> Response:
        """The rest of it is not waited for."""
        reply = error_reply(self._status, "WrongUse", str(self))
        reply.headers["Connection"] = "close"
        return reply


def most_of(path: str) -> int:
    """Bytes of a body that are read at a path."""
    return LARGEST_OF.get(path, LARGEST)


def too_large(most: int) -> TooMuch:
    size = f"{most >> 20} MiB" if most >> 20 else f"{most} bytes"
    return TooMuch(413, f"at most {size} are read")


def limited(receive: Receive, most: int) -> Receive:
    """The same body, as long as it is no longer than this, whatever its headers said, and comes
    to its end in time. That the client has gone, which comes after it, may take as long as it will.
    """
    read = 0
    more = True
    ends = asyncio.get_running_loop().time() + SECONDS

    async def received() -> Message:
        nonlocal read, more
        if not more:
            return await receive()
        try:
            async with asyncio.timeout_at(ends):
                message = await receive()
        except TimeoutError:
            raise TooMuch(408, f"no end of the body after {SECONDS:.0f} s") from None
        more = message.get("more_body", False)
        read += len(message.get("body", b""))
        if read > most:
            raise too_large(most)
        return message

    return received
