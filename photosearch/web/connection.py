"""One connection: who is at its other end, and how long it may stay without a request.

In: what uvicorn hears of it. Out: the same, with a word in each request's scope for the guard.
"""

from __future__ import annotations

import asyncio
from typing import Any

from uvicorn.protocols.http.h11_impl import H11Protocol

from photosearch.web.peers import is_stranger

STRANGER = "stranger"  # in the state of a request: it comes from another user of this machine

# From the last answer, or the first byte, to the end of the next request's head. uvicorn waits for
# ever once a byte has come, and for the first one: 500 such connections would be all there are.
IDLE_SECONDS = 30.0
_LOOK_EVERY = 5.0


def connections(*, for_one_user: bool) -> type[H11Protocol]:
    """The kind of connection that a server makes. for_one_user: others of this machine are told."""

    class Connection(H11Protocol):
        def connection_made(self, transport: Any) -> None:
            super().connection_made(transport)
            if for_one_user and self.client is not None and self.server is not None:
                peer, own = self.client, (self.server[0], self.server[1] or 0)
                self.app_state = {**self.app_state, STRANGER: is_stranger(peer, own)}
            self._idle_since = self.loop.time()
            self._look()

        def on_response_complete(self) -> None:
            self._idle_since = self.loop.time()
            super().on_response_complete()

        def connection_lost(self, exc: Exception | None) -> None:
            self._looking.cancel()
            super().connection_lost(exc)

        def _look(self) -> None:
            now = self.loop.time()
            if self.cycle is not None and not self.cycle.response_complete:
                self._idle_since = now
            elif now - self._idle_since > IDLE_SECONDS:
                self.transport.abort()
                return
            self._looking: asyncio.TimerHandle = self.loop.call_later(_LOOK_EVERY, self._look)

    return Connection
