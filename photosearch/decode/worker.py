"""The other end of `decode/pool.py`: a process that does what it is sent, one call at a time.

In: pickled calls on standard input. Out: pickled answers on what was standard output. It ends when
its input does, which is when the process that started it is gone, however that came about.
"""

from __future__ import annotations

import os
import pickle
import signal
import sys
from collections.abc import Sequence
from contextlib import suppress
from importlib import import_module

from photosearch.ending import ENDING

# Added to a photo's time limit for the alarm that ends a worker whose decoder hangs while the
# process that would have ended it is itself gone.
_GRACE = 5


def main(preload: Sequence[str] = ()) -> None:
    """Serve calls until there are none; `preload` are modules that will be needed."""
    # Ctrl-C, SIGTERM and a closed terminal are the parent's affair: it lets what is under way come
    # to its end, and this process ends with its input.
    for number in ENDING:
        signal.signal(number, signal.SIG_IGN)
    requests = sys.stdin.buffer
    answers = os.fdopen(os.dup(1), "wb")
    # Nothing that a C library prints may get between the answers, or to the user's terminal.
    nowhere = os.open(os.devnull, os.O_RDWR)
    os.dup2(nowhere, 1)
    answers.write(b"+")
    answers.flush()
    os.dup2(nowhere, 2)
    for name in preload:
        with suppress(Exception):  # the call that needs it will say
            import_module(name)
    while True:
        try:
            work, values, limits = pickle.load(requests)
        except EOFError:
            return
        _limit_memory(limits.memory)
        _set_alarm(limits.seconds + _GRACE)
        try:
            answer = True, work(*values, limits)
        except Exception as error:
            answer = False, error
        _set_alarm(0)
        try:
            answers.write(_pickled(answer))
            answers.flush()
        except OSError:  # nobody waits for it any more
            return


def _pickled(answer: tuple[bool, object]) -> bytes:
    try:
        return pickle.dumps(answer, protocol=5)
    except Exception as error:  # whatever pickle or an object of a library raises
        return pickle.dumps((False, RuntimeError(f"{type(error).__name__}: {error}")))


def _limit_memory(limit: int) -> None:
    """A file that makes a decoder ask for 100 GB gets a MemoryError, and the machine none."""
    try:
        import resource
    except ImportError:  # Windows
        return
    _, most = resource.getrlimit(resource.RLIMIT_AS)
    if most != resource.RLIM_INFINITY:
        limit = min(limit, most)
    with suppress(OSError, ValueError):
        resource.setrlimit(resource.RLIMIT_AS, (limit, most))


def _set_alarm(seconds: float) -> None:
    if hasattr(signal, "alarm"):
        signal.alarm(int(seconds) + 1 if seconds else 0)
