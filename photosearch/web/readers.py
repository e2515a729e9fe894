"""Threads that answer, each with a Library of its own; the model's towers are shared.

In: what is to be asked of a library. Out: its answer. A request whose client has gone before its
turn came is not answered at all: of the queries of somebody who types, the last one counts.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import TypeVar

from starlette.requests import Request

from photosearch.library import Library

Answered = TypeVar("Answered")


class Gone(Exception):
    """Nobody waits for this any more."""


class Readers:
    """A pool of threads over one library."""

    def __init__(self, library: Library, threads: int) -> None:
        self._library = library
        self._own = threading.local()
        self._open: list[Library] = []
        self._pool = ThreadPoolExecutor(threads, "reader", initializer=self._begin)

    def _begin(self) -> None:
        self._own.library = self._library.twin()
        self._open.append(self._own.library)

    async def ask(self, request: Request, task: Callable[[Library], Answered]) -> Answered:
        """The answer of a library; raises Gone where the client left before its turn."""
        job = self._pool.submit(lambda: task(self._own.library))
        done = asyncio.wrap_future(job)
        gone = asyncio.create_task(_gone(request))
        try:
            await asyncio.wait((done, gone), return_when=asyncio.FIRST_COMPLETED)
            if not done.done() and job.cancel():
                raise Gone
            return await done
        finally:
            gone.cancel()

    def close(self) -> None:
        self._pool.shutdown(wait=True, cancel_futures=True)
        for library in self._open:
            with suppress(Exception):
                library.close()


async def _gone(request: Request) -> None:
    while (await request.receive())["type"] != "http.disconnect":
        pass
