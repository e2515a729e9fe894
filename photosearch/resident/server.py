"""The resident: answers requests through a socket that only its user can reach.

In: a Warm library, and what runs a command line in this process. Out: answers, until it is told to
end, has been idle for long enough, the library is gone, or photosearch itself has changed.

The event loop talks to clients, any number at once; one worker thread does their requests, one
after the other. A client that sends half a request, or never reads its answer, costs a few
kilobytes until its time is up, and nobody else waits for it.
"""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass

from photosearch.ending import heeded
from photosearch.resident.itself import private_bytes, program_state
from photosearch.resident.place import is_own_peer
from photosearch.resident.record import Request, Run, perform
from photosearch.resident.warm import Warm
from photosearch.resident.wire import HEADER, MAX_REQUEST, framed, length_of, unpack

CLIENTS = 64
REQUEST_SECONDS = 2.0  # for a request to be here whole
READ_SECONDS = 10.0  # for an answer to be read
# A queue of 20 takes 0.2 s; 20 processes of their own take 3 s on 2 cores. So clients wait, but
# not behind a request that itself takes long.
LONG_SECONDS = 1.0
STUCK_SECONDS = 120.0  # a request that hangs, on a disk that is gone say, ends the process
TICK_SECONDS = 3.0
# After this long without a request the library's files are closed, so that its disk can be
# unmounted; to open them again costs the next query some 10 ms.
REST_SECONDS = 60.0
INTERRUPTED = "interrupted"


@dataclass(frozen=True, slots=True)
class Terms:
    """What a resident is run with."""

    identity: bytes
    idle: float | None  # seconds without a request that end it; None: none do
    ready: Callable[[], None]  # called when it can be asked, and ended


class Server:
    """One resident. `run` returns when it has ended, with the reason."""

    def __init__(self, warm: Warm, run: Run, terms: Terms) -> None:
        self._warm = warm
        self._run = run
        self._terms = terms
        self._worker = ThreadPoolExecutor(1, "resident")
        self._program = program_state()
        self._program_seen = self._started = self._last = time.monotonic()
        self._doing: float | None = None  # since when the request in work is
        self._clients = self._answered = 0
        self._reason = ""

    def run(self, listening: socket.socket) -> str:
        """Answer until the end; gives why it came."""
        asyncio.run(self._serve(listening))
        self._worker.shutdown(wait=False, cancel_futures=True)
        return self._reason

    def prepare(self, model: str | None) -> str:
        """Open what queries need, in the thread that will use it; gives the model's name."""
        return self._worker.submit(self._warm.prepare, model).result()

    async def _serve(self, listening: socket.socket) -> None:
        self._end = asyncio.Event()
        loop = asyncio.get_running_loop()
        for number in heeded():
            reason = INTERRUPTED if number is signal.SIGINT else "told to end"
            loop.add_signal_handler(number, self._stop, reason)
        server = await asyncio.start_unix_server(self._meet, sock=listening)
        self._terms.ready()
        tick = min(TICK_SECONDS, self._terms.idle or TICK_SECONDS)
        try:
            while not self._end.is_set():
                with suppress(TimeoutError):
                    await asyncio.wait_for(self._end.wait(), tick)
                self._look_around()
        finally:
            server.close()
            await self._finish()

    def _stop(self, reason: str) -> None:
        self._reason = self._reason or reason
        self._end.set()

    def _look_around(self) -> None:
        now = time.monotonic()
        if self._doing is not None:
            if now - self._doing > STUCK_SECONDS:
                self._stop("a request does not end")
            return
        if not self._warm.is_there():
            self._stop("the library is gone")
        elif self._has_changed():
            self._stop("photosearch has changed")
        elif self._terms.idle is not None and now - self._last > self._terms.idle:
            self._stop("idle")
        else:
            self._worker.submit(self._settle)

    def _settle(self) -> None:
        with suppress(Exception):  # trouble shows at the next request, to whom it concerns
            if time.monotonic() - self._last > REST_SECONDS:
                self._warm.close()
            else:
                self._warm.settle()

    def _has_changed(self) -> bool:
        self._program_seen = time.monotonic()
        return program_state() != self._program

    async def _finish(self) -> None:
        """Let a request in work be answered, if it takes no time."""
        until = time.monotonic() + 3.0
        while self._clients and time.monotonic() < until:
            await asyncio.sleep(0.02)

    # A client

    async def _meet(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._clients += 1
        try:
            if self._clients <= CLIENTS and is_own_peer(writer.get_extra_info("socket")):
                await self._talk(reader, writer)
        except (TimeoutError, OSError, ValueError, LookupError, asyncio.IncompleteReadError):
            pass  # no message of ours, or nobody there any more: it runs the command itself
        finally:
            self._clients -= 1
            writer.transport.abort()

    async def _talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        async with asyncio.timeout(REQUEST_SECONDS):
            length = length_of(await reader.readexactly(HEADER), MAX_REQUEST)
            kind, *fields = unpack(await reader.readexactly(length))
        if kind == b"run" and len(fields) == 7:
            identity, *rest = fields
            answer = await self._answer_to(identity, rest, reader, writer)
        elif kind == b"status":
            answer = [b"status", *self._status()]
        elif kind == b"stop":
            self._stop("told to end")
            answer = [b"stop", str(os.getpid()).encode()]
        else:
            raise ValueError("no request that is known")
        writer.write(framed(answer))
        async with asyncio.timeout(READ_SECONDS):
            await writer.drain()
            writer.close()
            await writer.wait_closed()

    async def _answer_to(
        self,
        identity: bytes,
        fields: list[bytes],
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
    ) -> list[bytes]:
        now = time.monotonic()
        if identity != self._terms.identity:
            return [b"refused", b"another program"]
        if now - self._program_seen > 1 and self._has_changed():
            self._stop("photosearch has changed")
            return [b"refused", b"an older program"]
        if self._end.is_set() or (self._doing is not None and now - self._doing > LONG_SECONDS):
            return [b"refused", b"busy"]
        request = Request.from_fields(fields)
        writer.write(framed([b"taken"]))
        job = self._worker.submit(self._perform, request)
        done = asyncio.wrap_future(job)
        # Nothing more is sent: what can be read is the end of a client that was interrupted.
        gone = asyncio.create_task(reader.read(1))
        try:
            await self._until_done(done, gone, job)
            if job.cancelled() or not job.done():
                return [b"refused", b"busy"]
            return job.result()
        finally:
            gone.cancel()

    async def _until_done(
        self,
        done: asyncio.Future[list[bytes]],
        gone: asyncio.Task[bytes],
        job: Future[list[bytes]],
    ) -> None:
        """Wait for a request to be done; it is taken out of the queue where that takes long."""
        while not done.done():
            await asyncio.wait((done, gone), timeout=0.1, return_when=asyncio.FIRST_COMPLETED)
            if done.done():
                return
            if gone.done():
                job.cancel()
                raise ValueError("nobody waits for this any more")
            since = self._doing
            if since is not None and time.monotonic() - since > LONG_SECONDS and job.cancel():
                return

    # The worker thread

    def _perform(self, request: Request) -> list[bytes]:
        self._doing = self._last = time.monotonic()
        try:
            code, written = perform(request, self._run)
        except BaseException as error:
            # Whatever it is: run by itself, the command says the same, or it works.
            self._warm.close()
            return [b"refused", str(error).encode("utf-8", "replace")]
        finally:
            self._doing = None
            self._last = time.monotonic()
        if code not in (0, 1):
            # Errors are rare, and told by the command itself in the words that it has for them.
            self._warm.close()
            return [b"refused", b"an error"]
        self._answered += 1
        return [b"answer", str(code).encode(), *written]

    def _status(self) -> list[bytes]:
        now = time.monotonic()
        left = -1 if self._terms.idle is None else max(0.0, self._terms.idle - (now - self._last))
        facts = {
            "pid": os.getpid(),
            "library": os.fspath(self._warm.path),
            "models": ", ".join(self._warm.models),
            "answered": self._answered,
            "seconds": round(now - self._started),
            "idle_left": round(left),
            "private_bytes": private_bytes(),
        }
        return [
            f"{name}={value}".encode("utf-8", "surrogateescape") for name, value in facts.items()
        ]
