"""One worker process, and the pipes to it: started, asked, timed, ended.

In: pickled calls. Out: pickled answers, or None where the process died of one. Which worker gets
what is `decode/pool.py`'s affair; the other end of the pipe is `decode/worker.py`.
"""

from __future__ import annotations

import json
import os
import pickle
import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import Any, BinaryIO, cast

from photosearch.decode.limits import Limits
from photosearch.ending import ENDING
from photosearch.errors import PhotosearchError

# The worker's own first lines: it must find the modules where this process found them.
_START = (
    "import json, sys; sys.path[:] = json.loads(sys.argv[1]); "
    "from photosearch.decode.worker import main; main(sys.argv[2:])"
)


def _errors_file() -> BinaryIO:
    """Where a worker says why it does not start; nowhere, where no temporary file can be made."""
    try:
        return cast(BinaryIO, tempfile.TemporaryFile())
    except OSError:
        return open(os.devnull, "r+b", buffering=0)


@contextmanager
def _signals_held() -> Iterator[None]:
    """What is started in here is born with Ctrl-C and its like held back, until it ignores them.

    A terminal sends them to the whole group of processes. One that came while the interpreter was
    still starting ended the worker, and the command with exit 2 for it.
    """
    if not hasattr(signal, "pthread_sigmask"):  # Windows
        yield
        return
    before = signal.pthread_sigmask(signal.SIG_BLOCK, set(ENDING))
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


class Worker:
    """One process, and the pipes to it."""

    def __init__(self, preload: Sequence[str]) -> None:
        self.timed_out = False
        self._left: float | None = None  # seconds for the photo at work, None: idle
        self._clock = threading.Lock()
        self._errors: BinaryIO | None = _errors_file()  # until it is up
        command = [sys.executable, "-c", _START, json.dumps(sys.path), *preload]
        try:
            with _signals_held():
                self._process = subprocess.Popen(
                    command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self._errors
                )
        except OSError as error:
            self._errors.close()
            raise PhotosearchError(
                f"no process can be started for decoding: {error.strerror or error}"
            ) from error
        self._to = cast(BinaryIO, self._process.stdin)
        self._from = cast(BinaryIO, self._process.stdout)

    @property
    def pid(self) -> int:
        """The process's number."""
        return self._process.pid

    def wait_until_up(self) -> None:
        """Raises PhotosearchError for a process that ends before it can be asked anything."""
        if self._errors is None:
            return
        if self._from.read(1) != b"+":
            self._process.kill()
            death = self.death()
            self._errors.seek(0)
            last = self._errors.read().decode(errors="replace").strip().rpartition("\n")[2]
            raise PhotosearchError(f"the process for decoding does not start: {last or death}")
        self._errors.close()
        self._errors = None

    def ask(self, request: tuple[Any, Any, Limits]) -> tuple[bool, Any] | None:
        """(whether it worked, result or exception); None if the process died of it."""
        with self._clock:
            self._left = request[2].seconds
        try:
            pickle.dump(request, self._to, protocol=5)
            self._to.flush()
            answer: tuple[bool, Any] = pickle.load(self._from)
            return answer
        except (OSError, EOFError, pickle.UnpicklingError, ValueError):
            return None
        finally:
            with self._clock:
                self._left = None

    def tick(self, seconds: float) -> None:
        """Time passes for the photo at work, if there is one."""
        with self._clock:
            if self._left is None:
                return
            self._left -= seconds
            if self._left <= 0:
                self.timed_out = True
                self._process.kill()

    def end(self) -> None:
        """Kill the process, which holds nothing of worth."""
        self._process.kill()
        self._process.wait()
        for pipe in (self._to, self._from, self._errors):
            with suppress(OSError):  # what was not yet sent
                if pipe is not None:
                    pipe.close()

    def kill(self) -> None:
        """End the process; whoever waits for its answer gets none."""
        self._process.kill()

    def death(self) -> str:
        """How the process ended."""
        code = self._process.wait()
        if code >= 0:
            return f"exit {code}"
        try:
            return signal.Signals(-code).name
        except ValueError:
            return f"signal {-code}"
