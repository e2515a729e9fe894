"""The command with one fault built in: `python -m tests.faults.inject PLAN ARGUMENT…`.

In: a plan (JSON) and the command's arguments. Out: the command as it is, but for one moment.
Moments are counted over every call by which the process changes the disk: SQLite's own writes,
truncations and removals, through the table of system calls that its Unix layer offers to tests, and
Python's renames, removals, syncs and new folders, and the writes of vector files, by Python or by
FAISS. Nothing of the program knows of this.

    {"at": 17}                      kill -9 before the 17th such call
    {"at": 17, "how": "half"}       a write is made by half, another call wholly; then kill -9
    {"at": 17, "how": "error", "errno": 28}    that one call fails, with this error
    {"at": 17, "how": "errors", "errno": 28}   that call and all later ones fail
    {"log": FILE}                   nothing happens; the names of the calls are written to FILE
    {"clock": -86400}               the time of day is so many seconds off
    {"set": {"photosearch.index.write.SCAN_FROM": 8}}   constants of modules are others
    {"limits": {"FSIZE": 65536}}    limits of the operating system, by their names in `resource`
"""

from __future__ import annotations

import ctypes
import importlib
import io
import json
import os
import signal
import sys
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Any

_PYTHON_CALLS = ("replace", "rename", "unlink", "fsync", "mkdir")
# As SQLite's Unix layer calls them; which of them it has depends on how it was built.
_SQLITE_CALLS = ("write", "pwrite", "pwrite64", "ftruncate", "unlink")
_WRITES = ("write", "pwrite", "pwrite64")
_VECTORS = "vectors"  # the folder whose files Python and FAISS write


class Plan:
    """Counts calls, and strikes at the one that was chosen."""

    def __init__(self, plan: dict[str, Any]) -> None:
        self.at: int | None = plan.get("at")
        self.how: str = plan.get("how", "kill")
        self.errno: int = plan.get("errno", 28)
        self.log = plan.get("log")
        self._count = 0
        self._lock = threading.Lock()

    def strikes(self, name: str) -> bool:
        """Whether this call is the one; ends the process where that is all it takes."""
        with self._lock:
            self._count += 1
            now = self._count
        if self.log:
            with open(self.log, "a", encoding="utf-8") as file:
                file.write(f"{name}\n")
        if self.at is None or now < self.at or (now > self.at and self.how != "errors"):
            return False
        if self.how == "kill":
            end()
        return True

    def python(self, name: str, call: Callable[..., Any]) -> Callable[..., Any]:
        def counted(*arguments: Any, **options: Any) -> Any:
            if _is_scratch(arguments[0]) or not self.strikes(name):
                return call(*arguments, **options)
            if self.how == "half":
                with suppress(OSError):  # as a folder that is there already
                    call(*arguments, **options)
                end()
            raise OSError(self.errno, os.strerror(self.errno), arguments[0])

        return counted


def _is_scratch(path: Any) -> bool:
    """Whether it lies in a temporary folder itself: that is another disk than the library's."""
    scratch = (os.environ.get("TMPDIR"), "/tmp", "/var/tmp", "/usr/tmp", os.getcwd())
    return not isinstance(path, int) and os.path.dirname(os.fspath(path)) in scratch


def end() -> None:
    os.kill(os.getpid(), signal.SIGKILL)
    time.sleep(60)  # the signal is on its way


def main() -> None:
    plan = json.loads(sys.argv[1])
    sys.argv[1:] = sys.argv[2:]
    prepare(plan)
    from photosearch.cli.app import main as command

    sys.argv[0] = "photosearch"
    command()


def prepare(plan: dict[str, Any]) -> None:
    """Let this process meet what the plan says."""
    for name, value in plan.get("limits", {}).items():
        import resource

        # A file that grows too large is an error of its write, not the end of the process.
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(getattr(resource, f"RLIMIT_{name}"), (value, value))
    if "clock" in plan:
        shift_clock(plan["clock"])
    if plan.get("at") is not None or plan.get("log"):
        moments = Plan(plan)
        for name in _PYTHON_CALLS:
            setattr(os, name, moments.python(name, getattr(os, name)))
        watch_sqlite(moments)
        watch_vector_files(moments)
    for name, value in plan.get("set", {}).items():
        module, _, constant = name.rpartition(".")
        setattr(importlib.import_module(module), constant, value)


class _Watched:
    """A file that is written: what goes out in one piece is one moment."""

    def __init__(self, file: Any, moments: Plan) -> None:
        self._file = file
        self._moments = moments

    def write(self, data: Any) -> int:
        if self._moments.strikes("file write"):
            if self._moments.how == "half":
                self._file.write(data[: len(data) // 2])
                self._file.flush()
                end()
            raise OSError(self._moments.errno, os.strerror(self._moments.errno))
        return int(self._file.write(data))

    def __enter__(self) -> _Watched:
        return self

    def __exit__(self, *error: object) -> None:
        self._file.close()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._file, name)


def watch_vector_files(moments: Plan) -> None:
    """Writes to the folder of vector files: by Python, block by block, and by FAISS, at once."""
    import faiss

    opened, written = io.open, faiss.write_index

    def watched(path: Any, mode: str = "r", *arguments: Any, **options: Any) -> Any:
        file = opened(path, mode, *arguments, **options)
        is_one = not isinstance(path, int) and _is_vector_file(path) and "w" in mode
        return _Watched(file, moments) if is_one else file

    def write_index(index: Any, target: Any, *arguments: Any) -> None:
        if not isinstance(target, str):  # through a file of Python's
            written(index, target, *arguments)
        elif moments.strikes("faiss write"):
            if moments.how == "half":
                written(index, target, *arguments)
                os.truncate(target, os.path.getsize(target) // 2)
                end()
            raise RuntimeError("FAISS could not write")
        else:
            written(index, target, *arguments)

    io.open = watched
    faiss.write_index = write_index


def _is_vector_file(path: Any) -> bool:
    return os.path.basename(os.path.dirname(os.fspath(path))) == _VECTORS


def shift_clock(seconds: float) -> None:
    """Let the time of day be another one: what a computer with a flat battery wakes up with."""
    import datetime

    now, now_ns = time.time, time.time_ns
    time.time = lambda: now() + seconds
    time.time_ns = lambda: now_ns() + int(seconds * 1e9)

    class Shifted(datetime.datetime):
        @classmethod
        def now(cls, tz: datetime.tzinfo | None = None) -> Shifted:
            return cls.fromtimestamp(time.time(), tz)

    datetime.datetime = Shifted  # type: ignore[misc]


# SQLite's Unix layer calls the system through a table, which it lets tests replace: xSetSystemCall.


class _Vfs(ctypes.Structure):
    _fields_ = (
        ("iVersion", ctypes.c_int),
        ("szOsFile", ctypes.c_int),
        ("mxPathname", ctypes.c_int),
        ("pNext", ctypes.c_void_p),
        ("zName", ctypes.c_char_p),
        ("pAppData", ctypes.c_void_p),
        *((f"x{number}", ctypes.c_void_p) for number in range(13)),
        ("xSetSystemCall", ctypes.c_void_p),
        ("xGetSystemCall", ctypes.c_void_p),
        ("xNextSystemCall", ctypes.c_void_p),
    )


_TYPES = {
    "write": (ctypes.c_ssize_t, ctypes.c_int, ctypes.c_void_p, ctypes.c_size_t),
    "pwrite": (ctypes.c_ssize_t, ctypes.c_int, ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int64),
    "ftruncate": (ctypes.c_int, ctypes.c_int, ctypes.c_int64),
    "unlink": (ctypes.c_int, ctypes.c_char_p),
}
_TYPES["pwrite64"] = _TYPES["pwrite"]
_kept_alive: list[Any] = []


def sqlite_library() -> ctypes.CDLL | None:
    """The SQLite that Python's module is linked to; None where it is built into that module."""
    import sqlite3

    try:
        library = ctypes.CDLL("libsqlite3.so.0")
        library.sqlite3_sourceid.restype = ctypes.c_char_p
        with sqlite3.connect(":memory:") as connection:
            (source,) = connection.execute("SELECT sqlite_source_id()").fetchone()
        connection.close()
    except (OSError, AttributeError):
        return None
    # Another copy of SQLite would be watched in vain.
    return library if library.sqlite3_sourceid().decode() == source else None


def watch_sqlite(moments: Plan) -> None:
    library = sqlite_library()
    if library is None:
        return
    library.sqlite3_vfs_find.restype = ctypes.POINTER(_Vfs)
    library.sqlite3_vfs_find.argtypes = [ctypes.c_char_p]
    pointer = library.sqlite3_vfs_find(None)
    vfs = pointer.contents
    get = ctypes.CFUNCTYPE(ctypes.c_void_p, ctypes.c_void_p, ctypes.c_char_p)(vfs.xGetSystemCall)
    put = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_void_p, ctypes.c_char_p, ctypes.c_void_p)(
        vfs.xSetSystemCall
    )
    for name in _SQLITE_CALLS:
        address = get(pointer, name.encode())
        if address:
            kind = ctypes.CFUNCTYPE(*_TYPES[name], use_errno=True)
            replacement = kind(_counted(moments, name, kind(address)))
            _kept_alive.append(replacement)
            put(pointer, name.encode(), ctypes.cast(replacement, ctypes.c_void_p))


def _counted(moments: Plan, name: str, call: Any) -> Callable[..., int]:
    def counted(*arguments: Any) -> int:
        if not moments.strikes(f"sqlite {name}"):
            return int(call(*arguments))
        if moments.how == "half":
            if name in _WRITES:
                descriptor, data, size, *place = arguments
                call(descriptor, data, size // 2, *place)
            else:
                call(*arguments)
            end()
        ctypes.set_errno(moments.errno)
        return -1

    return counted


if __name__ == "__main__":
    main()
