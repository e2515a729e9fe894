"""Worker processes in which photos are decoded, replaced when a decoder crashes or hangs.

In: an importable function and what to call it with. Out: what it returned or raised, Crashed or
TooSlow. Decoders are C libraries that are fed whatever lies in a folder: a crash must cost one
photo, not the run. Knows nothing of pixels; the other end of the pipe is `decode/worker.py`.

Not `multiprocessing`: its fresh processes run the caller's main module again, which breaks every
script that indexes without an `if __name__ == "__main__"` around it, and its forked ones are
unsafe beside the threads of ONNX Runtime. A worker starts in 0.1 s and takes 25 MB.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from types import TracebackType
from typing import Any, Self, TypeVar, cast

from photosearch.decode.limits import Heavy, Limits
from photosearch.decode.process import Worker
from photosearch.errors import BadImage, PhotosearchError

Out = TypeVar("Out")

# How often the clock of a photo at work is looked at. A longer gap means that this process was
# itself stopped (Ctrl-Z, a laptop asleep), which is not held against the photo.
_TICK = 0.25
_LONGEST_TICK = 2.0


class Crashed(BadImage):
    """A decoder ended its process, twice in a row on this photo."""


class TooSlow(BadImage):
    """A photo took longer than its time limit."""


class WorkerPool:
    """Up to `size` worker processes, each started when it is first needed.

    May be used by many threads; each call waits for a worker that is free. preload: modules that
    a worker imports while it waits for its first call.
    """

    def __init__(self, size: int, preload: Sequence[str] = ()) -> None:
        self._size = size
        self._preload = preload
        self._places = threading.BoundedSemaphore(size)
        self._idle: list[Worker] = []
        self._workers: set[Worker] = set()
        self._lock = threading.Lock()
        self._one_heavy = threading.Lock()
        self._watch: threading.Thread | None = None
        self._closed = threading.Event()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def start(self, count: int) -> None:
        """Let some workers start, without waiting for them: calls are expected soon."""
        for _ in range(min(count, self._size) - len(self._workers)):
            self._give_back(self._new_worker())

    def run(self, work: Callable[..., Out], *values: Any, limits: Limits) -> Out:
        """Call `work(*values, limits)` in a worker. All is pickled; a function is by its name.

        Raises what the function raises, Crashed, or TooSlow. Heavy photos wait for each other.
        """
        try:
            return self._run(work, values, replace(limits, alone=False))
        except Heavy:
            with self._one_heavy:
                return self._run(work, values, replace(limits, alone=True))

    def _run(self, work: Callable[..., Out], values: tuple[Any, ...], limits: Limits) -> Out:
        death = ""
        with self._places:
            # A crash is tried again once: the system may have killed the worker for its own
            # reasons, such as another program's greed for memory.
            for _ in range(2):
                worker = self._take()
                answer = worker.ask((work, values, limits))
                if answer is None or worker.timed_out:
                    death = self._bury(worker)
                else:
                    self._give_back(worker)
                if answer is not None:
                    worked, result = answer
                    if worked:
                        return cast(Out, result)
                    raise result
                if worker.timed_out:
                    raise TooSlow(
                        f"not decoded within the limit of {limits.seconds:g} s: --timeout"
                    )
                if self._closed.is_set():
                    break
        raise Crashed(f"its decoder crashed ({death})")

    def _give_back(self, worker: Worker) -> None:
        with self._lock:
            if not self._closed.is_set():
                self._idle.append(worker)
                return
        worker.end()

    def _bury(self, worker: Worker) -> str:
        worker.end()
        with self._lock:
            self._workers.discard(worker)
        return worker.death()

    def close(self) -> None:
        """End all workers; what they are working on is lost."""
        self._closed.set()
        with self._lock:
            idle, self._idle = self._idle, []
            busy = self._workers.difference(idle)
            self._workers.clear()
        for worker in idle:
            worker.end()
        for worker in busy:  # whoever waits for its answer takes it apart
            worker.kill()
        if self._watch is not None:
            self._watch.join()

    def _take(self) -> Worker:
        with self._lock:
            if self._closed.is_set():
                raise PhotosearchError("the worker processes have been ended")
            worker = self._idle.pop() if self._idle else None
        worker = worker or self._new_worker()
        try:
            worker.wait_until_up()
        except PhotosearchError:
            self._bury(worker)
            raise
        return worker

    def _new_worker(self) -> Worker:
        worker = Worker(self._preload)
        with self._lock:
            self._workers.add(worker)
            if self._watch is None:
                self._watch = threading.Thread(target=self._watch_over, daemon=True)
                self._watch.start()
        return worker

    def _watch_over(self) -> None:
        before = time.monotonic()
        while not self._closed.wait(_TICK):
            now = time.monotonic()
            passed = min(now - before, _LONGEST_TICK)
            before = now
            with self._lock:
                workers = list(self._workers)
            for worker in workers:
                worker.tick(passed)
