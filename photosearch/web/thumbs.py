"""Previews and pictures of photos, made when they are asked for, in threads of their own.

In: a photo's digest and a size. Out: bytes that a browser shows. Searches never wait for these
threads. What nobody waits for any more is not begun, and what two wait for is made once.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Hashable
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from typing import TypeVar

from starlette.requests import Request

from photosearch.decode.limits import Limits
from photosearch.decode.pool import WorkerPool
from photosearch.library import Library
from photosearch.store.originals import Original, open_original
from photosearch.store.previews import SIZES, Previews
from photosearch.web.readers import Gone, Readers
from photosearch.web.render import as_jpeg, preview

Result = TypeVar("Result")

_LIMITS = Limits()


class NoPhoto(Exception):
    """The library has no such photo."""


class Offline(Exception):
    """No file of a photo is there now: a disk is away, or it was moved or changed."""


@dataclass(slots=True)
class _Job:
    future: Future[bytes]
    done: asyncio.Future[bytes]
    waiting: int = 0


class Thumbs:
    """Makes pictures of one library's photos. Its methods belong to one event loop."""

    def __init__(self, readers: Readers, previews: Previews, size: int) -> None:
        self._readers = readers
        self._previews = previews
        self._workers = WorkerPool(size, preload=("photosearch.web.render", "PIL.Image"))
        self._threads = ThreadPoolExecutor(size, "thumbs")
        self._files = ThreadPoolExecutor(4, "files")
        self._jobs: dict[Hashable, _Job] = {}
        self.made = 0  # pictures, since the start

    async def original(self, request: Request, digest: str) -> Original:
        """What is known of a photo; raises NoPhoto."""
        return (await self._look_up(request, digest, None))[0]

    async def preview(self, request: Request, digest: str, size: int) -> bytes:
        """A WebP; raises NoPhoto, Offline, BadImage."""
        original, kept = await self._look_up(request, digest, size)
        if kept is not None:
            return kept
        side = side_of(original, size)

        def make() -> bytes:
            data = _content(original)
            shape = (original.width, original.height)
            made = self._workers.run(preview, data, side, shape, limits=_LIMITS)
            self._previews.put(digest, side, made)
            return made

        return await self._once(request, (digest, side), make)

    async def another(self, digest: str) -> bytes | None:
        """The largest preview that is kept of a photo: better than none where it is offline."""

        def look() -> bytes | None:
            found = (self._previews.get(digest, size) for size in reversed(SIZES))
            return next((one for one in found if one), None)

        return await self.in_thread(look)

    async def in_thread(self, task: Callable[[], Result]) -> Result:
        """What looks at files, which may be on a disk that does not answer."""
        return await asyncio.wrap_future(self._files.submit(task))

    async def jpeg(self, request: Request, original: Original) -> bytes:
        """A photo of a format that browsers do not show, as a JPEG."""

        def make() -> bytes:
            return self._workers.run(as_jpeg, _content(original), limits=_LIMITS)

        return await self._once(request, (original.digest, "jpeg"), make)

    def close(self) -> None:
        pools = (self._threads, self._files)
        for pool in pools:
            pool.shutdown(wait=False, cancel_futures=True)
        self._workers.close()
        for pool in pools:
            pool.shutdown(wait=True)

    async def _look_up(
        self, request: Request, digest: str, size: int | None
    ) -> tuple[Original, bytes | None]:
        def task(library: Library) -> tuple[Original | None, bytes | None]:
            original = library.originals([digest]).get(digest)
            if original is None or size is None:
                return original, None
            return original, self._previews.get(digest, side_of(original, size))

        original, kept = await self._readers.ask(request, task)
        if original is None:
            raise NoPhoto
        return original, kept

    async def _once(self, request: Request, key: Hashable, make: Callable[[], bytes]) -> bytes:
        job = self._jobs.get(key)
        if job is None:
            self.made += 1
            future = self._threads.submit(make)
            job = self._jobs[key] = _Job(future, asyncio.wrap_future(future))
            job.done.add_done_callback(lambda done: self._forget(key, done))
        job.waiting += 1
        gone = asyncio.create_task(_left(request))
        try:
            await asyncio.wait((job.done, gone), return_when=asyncio.FIRST_COMPLETED)
            if not job.done.done():
                raise Gone
            return job.done.result()
        finally:
            gone.cancel()
            job.waiting -= 1
            # One that has begun goes on, and is kept: the next who asks finds it.
            if not job.waiting and not job.done.done() and job.future.cancel():
                self._jobs.pop(key, None)

    def _forget(self, key: Hashable, done: asyncio.Future[bytes]) -> None:
        job = self._jobs.get(key)
        if job is not None and job.done is done:
            del self._jobs[key]
        with suppress(BaseException):  # whoever waited has it; if nobody did, nobody minds
            done.exception()


def side_of(original: Original, size: int) -> int:
    """The size that a preview is made in: the next of a few, and none beyond the photo's own."""
    wanted = min(size, max(original.width, original.height))
    return next((one for one in SIZES if one >= wanted), SIZES[-1])


def _content(original: Original) -> bytes:
    opened = open_original(original)
    if opened is None:
        raise Offline
    with opened.file as file:
        data = file.read(original.size + 1)
    if len(data) != original.size:
        raise Offline
    return data


async def _left(request: Request) -> None:
    while (await request.receive())["type"] != "http.disconnect":
        pass
