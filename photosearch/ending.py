"""The signals by which a process is asked to end.

Ctrl-C, a service manager, a terminal that is closed: whoever works for long ends its own way at
each of them. Nothing is known here of what is under way.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

# As far as the system has them; SIGBREAK is Ctrl-Break on Windows.
ENDING = tuple(
    signal.Signals[name]
    for name in ("SIGINT", "SIGTERM", "SIGHUP", "SIGBREAK")
    if name in signal.Signals.__members__
)


def heeded() -> tuple[signal.Signals, ...]:
    """Those that end this process: after nohup the terminal's end is no matter."""
    ignored = {one for one in ENDING if signal.getsignal(one) is signal.SIG_IGN}
    return tuple(one for one in ENDING if one.name != "SIGHUP" or one not in ignored)


@contextmanager
def ended_by(handler: Callable[[int, FrameType | None], None]) -> Iterator[None]:
    """Let a handler have these signals; afterwards they are as they were."""
    before = {number: signal.signal(number, handler) for number in heeded()}
    try:
        yield
    finally:
        for number, known in before.items():
            signal.signal(number, known)


def let_go_of_terminal() -> None:
    """Let what is still said lead nowhere, if the terminal that it was for is gone.

    Each line would fail there, and end what is to come to its end.
    """
    for number in (1, 2):
        try:
            os.write(number, b"")
        except OSError:
            nowhere = os.open(os.devnull, os.O_RDWR)
            os.dup2(nowhere, number)
            os.close(nowhere)
