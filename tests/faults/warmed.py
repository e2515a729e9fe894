"""Commands that are forked from a process which has imported everything: the side that asks.

In: a command and its arguments. Out: what it left behind, as of a process of its own. The other
side is warm.py, which says what such a process is.
"""

from __future__ import annotations

import json
import os
import selectors
import socket
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any, ClassVar

import tests.command
from tests.command import Done

_REPOSITORY = Path(__file__).parents[2]


class Warmed:
    """Commands that begin where everything is imported: a fraction of the CPU time."""

    all: ClassVar[Warmed | None] = None

    def __init__(self) -> None:
        self._orders, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_STREAM)
        with theirs:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "tests.faults.warm"],
                stdin=theirs,
                stdout=subprocess.DEVNULL,
                env={**os.environ, "PYTHONPATH": str(_REPOSITORY)},
            )

    def run(
        self,
        command: tests.command.Command,
        *arguments: str | Path,
        plan: dict[str, Any] | None = None,
    ) -> Done:
        order = {
            "arguments": list(map(os.fspath, arguments)),
            "plan": plan or {},
            "env": {**command.env, "PYTHONPATH": str(_REPOSITORY)},
            "seconds": 120,
        }
        pipes = [os.pipe() for _ in ("out", "err", "code")]
        with tempfile.TemporaryFile() as asked:
            asked.write(json.dumps(order).encode())
            asked.seek(0)
            sent = [asked.fileno(), *(there for _, there in pipes)]
            socket.send_fds(self._orders, [b"!"], sent)
        for _, there in pipes:
            os.close(there)
        out, err, code = _read_to_the_end([here for here, _ in pipes])
        assert code not in (b"", b"late"), f"no end of {arguments}: {code!r}"
        return Done(int(code), out, err.decode(errors="replace"))

    @classmethod
    def end(cls) -> None:
        """End what they are forked from, if it was started."""
        forks, cls.all = cls.all, None
        if forks is not None:
            forks._orders.close()
            forks._process.wait(30)


def _read_to_the_end(pipes: list[int]) -> list[bytes]:
    read = dict.fromkeys(pipes, b"")
    with selectors.DefaultSelector() as waiting:
        for pipe in pipes:
            waiting.register(pipe, selectors.EVENT_READ)
        while waiting.get_map():
            for key, _ in waiting.select():
                data = os.read(key.fd, 1 << 16)
                read[key.fd] += data
                if not data:
                    waiting.unregister(key.fd)
                    os.close(key.fd)
    return list(read.values())
