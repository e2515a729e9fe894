"""Becoming the one resident of a library, seeing one, ending one, starting one.

In: a library's folder. Out: a listening socket, its lock held; or what is known of who has it.
"""

from __future__ import annotations

import fcntl
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass

from photosearch.errors import StorageError, WrongUse
from photosearch.resident.client import ask
from photosearch.resident.place import is_own_socket, make_folder, socket_path

BACKLOG = 128
# A start that is under way or failed is not tried again before.
RETRY_SECONDS = 60.0
STOP_SECONDS = 5.0


@dataclass(frozen=True, slots=True)
class Running:
    """What a resident says of itself."""

    pid: int
    library: str
    models: str
    answered: int
    seconds: int
    idle_left: int  # seconds; -1: it does not end by itself
    private_bytes: int


@contextmanager
def only_one(library: str) -> Iterator[str]:
    """The path of a library's socket, while no other process can have it; raises WrongUse."""
    path = make_folder(library)
    if path is None:
        raise StorageError(
            "there is no folder for a socket that this user alone may enter",
            hint="set XDG_RUNTIME_DIR to a short path of such a folder (mode 0700)",
        )
    lock = os.open(path + ".lock", os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o600)
    try:
        _take(lock)
        os.ftruncate(lock, 0)
        os.pwrite(lock, f"{os.getpid()}\n".encode(), 0)
        yield path
    finally:
        os.close(lock)


def _take(lock: int) -> None:
    for patience in (0.1, 0.2, 0.0):  # who looks whether there is one holds it for a moment
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return
        except OSError:
            time.sleep(patience)
    pid = os.pread(lock, 20, 0).decode(errors="replace").strip()
    raise WrongUse(
        f"a process answers for this library already (pid {pid})",
        hint="photosearch serve --status, or --stop",
    )


@contextmanager
def listening(path: str) -> Iterator[socket.socket]:
    """The socket itself; it is removed at the end."""
    with suppress(FileNotFoundError):
        os.unlink(path)  # of one that was killed
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as listener:
        before = os.umask(0o177)
        try:
            listener.bind(path)
        finally:
            os.umask(before)
        listener.listen(BACKLOG)
        with suppress(FileNotFoundError):
            os.unlink(path + ".starting")
        try:
            yield listener
        finally:
            with suppress(OSError):
                os.unlink(path)


def running(library: str) -> Running | None:
    """The resident of a library, if there is one that answers."""
    path = socket_path(library)
    if path is None or not is_own_socket(path):
        return None
    try:
        kind, *fields = ask(path, [b"status"])
        pairs = (os.fsdecode(one).partition("=")[::2] for one in fields)
        values = dict(pairs) if kind == b"status" else {}
        numbers = ("pid", "answered", "seconds", "idle_left", "private_bytes")
        return Running(
            library=values["library"],
            models=values["models"],
            **{name: int(values[name]) for name in numbers},
        )
    except (OSError, ValueError, KeyError):
        return None


def stop(library: str) -> int | None:
    """End the resident of a library; gives its pid, None where there was none."""
    path = socket_path(library)
    pid = path and _holder(path)
    if not path or not pid:
        return None
    try:
        ask(path, [b"stop"])
    except (OSError, ValueError):  # it is still starting, or hangs
        _signal(pid, signal.SIGTERM)
    until = time.monotonic() + STOP_SECONDS
    while _holder(path) == pid:
        if time.monotonic() > until:
            _signal(pid, signal.SIGKILL)  # nothing of it can be lost
            until += STOP_SECONDS
        time.sleep(0.02)
    return pid


def _signal(pid: int, number: signal.Signals) -> None:
    with suppress(ProcessLookupError):
        os.kill(pid, number)


def start_later(command: Sequence[str], library: str, folder: str) -> None:
    """Start a resident in the background, unless somebody does already. Trouble is nobody's."""
    with suppress(OSError):
        path = make_folder(library)
        if path is None or _holder(path) is not None or not _may_start(path + ".starting"):
            return
        subprocess.Popen(
            [*command, "serve", "--socket", "--library", library],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            cwd=folder,
            start_new_session=True,  # it outlives the terminal
        )


def _may_start(mark: str) -> bool:
    """Whether nobody else has tried lately."""
    with suppress(FileNotFoundError):
        if time.time() - os.lstat(mark).st_mtime < RETRY_SECONDS:
            return False
        os.unlink(mark)
    try:
        os.close(os.open(mark, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
    except FileExistsError:
        return False
    return True


def _holder(path: str) -> int | None:
    """Pid of the process that holds the lock of a socket."""
    try:
        lock = os.open(path + ".lock", os.O_RDONLY | os.O_NOFOLLOW)
    except OSError:
        return None
    try:
        fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except OSError:
        with suppress(ValueError):
            return int(os.read(lock, 20))
    finally:
        os.close(lock)
    return None


def program() -> str:
    """The folder that photosearch is imported from: where `python -m photosearch` finds it."""
    return os.path.dirname(os.path.dirname(os.path.dirname(os.path.realpath(__file__))))


def is_possible() -> bool:
    """Whether this system has what it takes: Python has no Unix sockets on Windows."""
    return hasattr(socket, "AF_UNIX") and sys.platform != "win32"
