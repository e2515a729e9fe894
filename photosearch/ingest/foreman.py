"""Hands a run's work to the nodes of a cluster, and hands it out anew when a worker is gone.

In: requests to read and to encode. Out: what workers give, once for each request.

Reads are tasks, which Ray repeats when a worker dies, and whose results it makes anew when a node
takes them along. Encoding is for actors, one a node (on GPU nodes one a GPU): what an actor had in
hand when it died goes to another one.
"""

from __future__ import annotations

import os
import queue
from collections import Counter, deque
from collections.abc import Callable
from concurrent.futures import Future
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

from photosearch.errors import PhotosearchError
from photosearch.ingest.crew import AT_ONCE, TICK, Crew, Died, Seat
from photosearch.ingest.link import Plan
from photosearch.ingest.node import read_group
from photosearch.records import FoundFile

# A piece of work whose worker died is given to another one so many times: a node that is taken away
# is no fault of the work, four in a row are.
_TRIES = 4


@dataclass(slots=True)
class _Read:
    """Files read by one task; `contents` are references to their bytes."""

    number: int
    root: bytes
    files: list[FoundFile]
    node: str = ""
    contents: list[Any] = field(default_factory=list)
    tries: int = 0


@dataclass(slots=True)
class _Call:
    """Photos encoded by one call of a bench."""

    number: int
    files: list[tuple[FoundFile, bytes]]
    places: list[tuple[int, int]]  # read, index in it
    tries: int = 0


class Foreman:
    """Hands out the work. All its state is used by one thread; others queue events."""

    def __init__(
        self,
        ray: Any,
        plan: Plan,
        events: queue.SimpleQueue[Any],
        send: Callable[..., None],
    ) -> None:
        self._ray = ray
        self._tell = send
        self._events = events
        self._read_task = ray.remote(read_group)
        self._crew = Crew(ray, plan, send, self._when_done, self._resume)
        self._reads: dict[int, _Read] = {}
        self._waiting: deque[Callable[[], None]] = deque()  # until there is a bench
        self._under_way: set[Any] = set()

    def work(self) -> None:
        """Until the run wants no more."""
        do: dict[str, Callable[..., None]] = {
            "read": self._read,
            "encode": self._encode,
            "drop": self._drop,
            "done": lambda finish: finish(),
        }
        self._crew.look_around()
        while True:
            try:
                event = self._events.get(timeout=TICK)
            except queue.Empty:
                self._crew.look_around()
                continue
            if event is None:
                return
            kind, *values = event
            do[kind](*values)

    def leave(self) -> None:
        """Take back what is under way."""
        for ref in self._under_way:
            with suppress(Exception):
                self._ray.cancel(ref, force=False)
        self._crew.leave()

    def _resume(self) -> None:
        """Work that waited for a bench."""
        waiting, self._waiting = self._waiting, deque()
        for again in waiting:
            again()

    def _read(self, number: int, root: bytes, files: list[FoundFile]) -> None:
        read = self._reads[number] = _Read(number, root, files)
        self._start_read(read)

    def _start_read(self, read: _Read) -> None:
        ready = self._crew.ready
        if not ready:
            self._waiting.append(lambda: self._start_read(read))
            return
        held = Counter(one.node for one in self._reads.values())
        seat = min(ready, key=lambda one: held[one.node] / one.cpus)
        read.node = seat.node
        outcomes, *read.contents = self._read_task.options(
            num_returns=1 + len(read.files),
            num_cpus=0,  # it waits for the disk; benches have the CPUs
            max_retries=_TRIES,
            scheduling_strategy=self._crew.on(seat.node, soft=True),
        ).remote(read.root, read.files)
        self._when_done(outcomes, lambda future: self._have_read(read, future))

    def _have_read(self, read: _Read, future: Future[Any]) -> None:
        outcomes = self._crew.result(future)
        if isinstance(outcomes, Died):
            self._try_again(read, outcomes)
            self._start_read(read)
            return
        for index, outcome in enumerate(outcomes):
            if outcome.digest is None:
                self._drop(read.number, index)
        self._tell("read", read.number, outcomes)

    def _drop(self, number: int, index: int) -> None:
        """The bytes of a file are no longer needed."""
        read = self._reads[number]
        read.contents[index] = None
        if all(content is None for content in read.contents):
            del self._reads[number]

    def _encode(
        self, number: int, files: list[tuple[FoundFile, bytes]], places: list[tuple[int, int]]
    ) -> None:
        self._start_call(_Call(number, files, places))

    def _start_call(self, call: _Call) -> None:
        ready = self._crew.ready
        if not ready:
            self._waiting.append(lambda: self._start_call(call))
            return
        # To where most of the bytes are, unless others have nothing to do.
        there = Counter(self._reads[read].node for read, _ in call.places)
        seat = min(ready, key=lambda one: (max(AT_ONCE, one.load), -there[one.node], one.load))
        seat.load += 1
        contents = [self._reads[read].contents[index] for read, index in call.places]
        ref = seat.actor.encode.remote(call.files, *contents)
        self._when_done(ref, lambda future: self._have_encoded(call, seat, future))

    def _have_encoded(self, call: _Call, seat: Seat, future: Future[Any]) -> None:
        seat.load -= 1
        results = self._crew.result(future, seat)
        if isinstance(results, Died):
            self._try_again(call, results)
            self._start_call(call)
            return
        seat.has_worked = True
        for read, index in call.places:
            self._drop(read, index)
        self._tell("encoded", call.number, results)

    def _try_again(self, work: _Read | _Call, died: Died) -> None:
        work.tries += 1
        if work.tries >= _TRIES:
            first = work.files[0]
            path = first.path if isinstance(first, FoundFile) else first[0].path
            raise PhotosearchError(
                f"{work.tries} workers of the Ray cluster ended while at work on "
                f"{os.fsdecode(path)} and what follows it: {died.reason}"
            )

    def _when_done(self, ref: Any, then: Callable[[Future[Any]], None]) -> None:
        self._under_way.add(ref)

        def done(future: Future[Any]) -> None:
            self._events.put(("done", finish))

        def finish() -> None:
            self._under_way.discard(ref)
            then(future)

        future = ref.future()
        future.add_done_callback(done)
