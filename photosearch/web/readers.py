"""Threads that answer, each with a Library of its own; the model's towers are shared.

In: what is to be asked of a library. Out: its answer. A request whose client has gone before its
turn came is not answered at all: of the queries of somebody who types, the last one counts.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from typing import TypeVar

from starlette.requests import Request

from photosearch.library import Library
from photosearch.paths import by_name_alone

Answered = TypeVar("Answered")

_WARMING_SECONDS = 60.0


class Gone(Exception):
    """Nobody waits for this any more."""


class Readers:
    """A pool of threads over one library, and one thread for what takes long."""

    def __init__(self, library: Library, threads: int) -> None:
        self._library = library
        with library.remembering(on_disk=True):  # in memory as well, and for all threads
            pass
        self._own = threading.local()
        self._open: list[Library] = []
        self._threads = threads
        self._pool = ThreadPoolExecutor(threads, "reader", initializer=self._begin)
        self._slow = ThreadPoolExecutor(1, "slow-reader", initializer=self._begin)

    def _begin(self) -> None:
        by_name_alone()  # what is asked for may name any path
        self._own.library = self._library.twin()
        self._open.append(self._own.library)

    def warm(self, task: Callable[[Library], object]) -> None:
        """Let each thread do something now, so that no request is the first one of its thread.

        Nothing is waited for. What goes wrong will be told when it is asked for.
        """
        # Each waits for the others: else a quick thread would do it for all.
        met = threading.Barrier(self._threads)

        def once() -> None:
            with suppress(threading.BrokenBarrierError):
                met.wait(_WARMING_SECONDS)
            with suppress(Exception):
                task(self._own.library)

        for _ in range(self._threads):
            self._pool.submit(once)

    async def ask(
        self, request: Request, task: Callable[[Library], Answered], *, slowly: bool = False
    ) -> Answered:
        """The answer of a library; raises Gone where the client left before its turn.

        slowly: it takes long, and waits for others that do; the searches go on meanwhile. The body
        of the request must have been read.
        """
        pool = self._slow if slowly else self._pool
        job: Future[Answered] = pool.submit(lambda: task(self._own.library))
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
        for pool in (self._pool, self._slow):
            pool.shutdown(wait=True, cancel_futures=True)
        for library in self._open:
            with suppress(Exception):
                library.close()


async def _gone(request: Request) -> None:
    while (await request.receive())["type"] != "http.disconnect":
        pass
