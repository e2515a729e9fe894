"""The pipe to the process that speaks to Ray: started when the first message is sent.

Ray ends the process it is in when it loses its cluster, prints where it likes, and sets handlers of
signals. None of that may befall a run, or a program that uses this library.
"""

from __future__ import annotations

import json
import os
import pickle
import queue
import signal
import subprocess
import sys
import tempfile
import threading
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, BinaryIO, cast

from photosearch.ingest.node import Task

LOCAL = "local"  # the address of a cluster that is started for one run

# The process's own first lines, as of a decoder (`decode/pool.py`).
_START = (
    "import json, sys; sys.path[:] = json.loads(sys.argv[1]); "
    "from photosearch.ingest.cluster import main; main()"
)


@dataclass(frozen=True, slots=True)
class Plan:
    """Where the work is done, and how."""

    address: str  # auto, local, HOST:PORT, ray://HOST:PORT
    task: Task
    bundle: Path  # the image model here, for nodes that have it not
    jobs: int | None  # decoding processes of a node; None: as many as its CPUs
    folder: Path | None = None  # for the files of a cluster of this run's own


class Link:
    """Messages to `ingest/cluster.py`, and what it answers."""

    def __init__(self, plan: Plan) -> None:
        self._plan = plan
        self._process: subprocess.Popen[bytes] | None = None
        self._folder: tempfile.TemporaryDirectory[str] | None = None
        self._inbox: queue.SimpleQueue[tuple[Any, ...] | None] = queue.SimpleQueue()

    def send(self, *message: Any) -> None:
        if self._process is None:
            self._process = self._start()
            self.send("plan", self._plan)
        assert self._process.stdin is not None
        with suppress(OSError):  # its end is told by what it writes
            pickle.dump(message, self._process.stdin, protocol=5)
            self._process.stdin.flush()

    def receive(self, timeout: float) -> tuple[Any, ...] | None:
        """The next message, None when there is no such process any more; raises queue.Empty."""
        return self._inbox.get(timeout=timeout)

    def _start(self) -> subprocess.Popen[bytes]:
        if self._plan.address == LOCAL:
            # Its sockets are named below this folder, and such a name has at most 107 bytes.
            usual = tempfile.gettempdir()
            above = usual if len(usual) < 40 else "/tmp"
            self._folder = tempfile.TemporaryDirectory(
                prefix="psray-", dir=above, ignore_cleanup_errors=True
            )
            self._plan = replace(self._plan, folder=Path(self._folder.name))
        process = subprocess.Popen(
            [sys.executable, "-c", _START, json.dumps(sys.path)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            start_new_session=True,  # Ctrl-C is for the run, which lets this one finish
        )
        source = cast(BinaryIO, process.stdout)
        threading.Thread(target=self._listen, args=(source,), daemon=True).start()
        return process

    def _listen(self, source: BinaryIO) -> None:
        with source, suppress(OSError, EOFError, pickle.UnpicklingError):
            while True:
                self._inbox.put(pickle.load(source))
        self._inbox.put(None)

    def close(self) -> None:
        """Let the process take the work back, and leave the cluster."""
        process, self._process = self._process, None
        if process is None:
            return
        assert process.stdin is not None
        with suppress(OSError):
            process.stdin.close()
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        if self._folder is not None:
            if process.returncode and hasattr(os, "killpg"):
                # It could not end its cluster, which is of the same group of processes.
                with suppress(ProcessLookupError):
                    os.killpg(process.pid, signal.SIGKILL)
            self._folder.cleanup()
