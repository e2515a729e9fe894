"""Functions that worker processes are asked to call: some return, some bring their process down."""

from __future__ import annotations

import ctypes
import mmap
import os
import signal
import sys
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

from photosearch.decode.limits import Heavy, Limits
from photosearch.encode.preprocess import Preprocess
from photosearch.errors import BadImage
from photosearch.ingest.prepare import prepare_packed
from photosearch.records import Photo

CRASHING = b"brings its decoder down"
HANGING = b"keeps its decoder busy for ever"


def double(number: int, limits: Limits) -> int:
    return 2 * number


def process_id(limits: Limits) -> int:
    return os.getpid()


def refuse(text: str, limits: Limits) -> None:
    raise BadImage(text, hint="another photo")


def stumble(limits: Limits) -> None:
    raise ZeroDivisionError("a mistake in the work itself")


def print_much(text: str, limits: Limits) -> int:
    """As C libraries do: past Python's own standard output."""
    return os.write(1, text.encode()) + os.write(2, text.encode())


def give_what_cannot_be_sent(limits: Limits) -> Any:
    return lambda: None


def die_by(number: int, limits: Limits) -> None:
    with suppress(OSError):  # SIGKILL has no handler
        signal.signal(number, signal.SIG_DFL)
    os.kill(os.getpid(), number)


def exit_with(code: int, limits: Limits) -> None:
    os._exit(code)


def die_once(trace: Path, limits: Limits) -> str:
    if trace.exists():
        return "worked"
    trace.touch()
    os.kill(os.getpid(), signal.SIGKILL)
    raise AssertionError


def hang(limits: Limits) -> None:
    """In C, and with the interpreter's lock held: no other thread of the process can act."""
    ctypes.PyDLL(None).sleep(1000)


def nap(seconds: float, limits: Limits) -> str:
    time.sleep(seconds)
    return "rested"


def take_memory(count: int, limits: Limits) -> int:
    try:
        with mmap.mmap(-1, count) as block:  # asked for, but not touched: no time is lost
            return len(block)
    except OSError:
        raise BadImage("too large for this machine's memory") from None


def be_heavy(trace: Path, limits: Limits) -> str:
    """Fails where another one is at work at the same moment."""
    if not limits.alone:
        raise Heavy
    os.close(os.open(trace, os.O_CREAT | os.O_EXCL))
    time.sleep(0.02)
    os.unlink(trace)
    return "alone"


def prepare_or_die(
    data: bytes, digest: bytes, preprocess: Preprocess, limits: Limits
) -> tuple[Photo, tuple[int, ...], bytes]:
    """The real work, but for files that say otherwise at their end."""
    if data.endswith(CRASHING):
        os.kill(os.getpid(), signal.SIGSEGV)
    if data.endswith(HANGING):
        hang(limits)
    return prepare_packed(data, digest, preprocess, limits)


def is_imported(name: str, limits: Limits) -> bool:
    return name in sys.modules
