"""One request, run as if this process were the client.

In: a request's fields, and what runs a command line. Out: the exit code and what was written, in
order, each piece with the number of its stream. While it runs, working directory, environment,
time zone and standard streams of this process are those of the client: one request at a time.
"""

from __future__ import annotations

import io
import os
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from photosearch.resident.client import KEPT, KEPT_PREFIXES
from photosearch.resident.wire import MAX_ANSWER, unpack

Run = Callable[[list[str]], int]


class RunsItself(BaseException):
    """The client had better run this command itself.

    No Exception: a command explains those to its user.
    """


@dataclass(frozen=True, slots=True)
class Stream:
    """What stdout or stderr of the client is."""

    terminal: bool
    encoding: str
    block: int
    write_through: bool

    @classmethod
    def from_bytes(cls, field: bytes) -> Stream:
        terminal, encoding, block, through = field.decode().split(" ")
        "".encode(encoding)  # raises LookupError, a ValueError's cousin, for what nobody knows
        return cls(terminal == "1", encoding, min(max(int(block), 512), 1 << 20), through == "1")


@dataclass(frozen=True, slots=True)
class Request:
    """A command line and where it was typed."""

    folder: bytes
    columns: int
    out: Stream
    err: Stream
    arguments: tuple[str, ...]
    environment: dict[str, str]

    @classmethod
    def from_fields(cls, fields: list[bytes]) -> Request:
        """Raises ValueError or LookupError for what no client of ours sends."""
        folder, columns, out, err, arguments, environment = fields
        pairs = [os.fsdecode(one).partition("=") for one in unpack(environment)]
        if not folder.startswith(b"/") or b"\0" in folder:
            raise ValueError("no folder")
        if any("\0" in value or not _is_kept(name) for name, _, value in pairs):
            raise ValueError("a variable that is not asked for")
        return cls(
            folder,
            int(columns),
            Stream.from_bytes(out),
            Stream.from_bytes(err),
            tuple(os.fsdecode(one) for one in unpack(arguments)),
            {name: value for name, _, value in pairs},
        )


class _Tape(io.RawIOBase):
    """A standard stream of the client, as far as a command can tell."""

    def __init__(self, number: int, terminal: bool, written: list[bytes]) -> None:
        self._number = number
        self._terminal = terminal
        self._written = written
        self._bytes = 0

    def writable(self) -> bool:
        return True

    def isatty(self) -> bool:
        return self._terminal

    def write(self, data: memoryview) -> int:  # type: ignore[override]
        piece = bytes(data)
        self._bytes += len(piece)
        if self._bytes > MAX_ANSWER // 4:
            raise RunsItself("a long answer")
        self._written.append(bytes([self._number]) + piece)
        return len(piece)


def perform(request: Request, run: Run) -> tuple[int, list[bytes]]:
    """(exit code, pieces); raises RunsItself, or whatever `run` lets through."""
    written: list[bytes] = []
    with _environment(request), _folder(request.folder), _streams(request, written):
        code = run(list(request.arguments))
        sys.stdout.flush()
        sys.stderr.flush()
    return code, written


@contextmanager
def _streams(request: Request, written: list[bytes]) -> Iterator[None]:
    before = sys.stdin, sys.stdout, sys.stderr
    sys.stdin = io.TextIOWrapper(io.BytesIO())
    sys.stdout = _text(1, request.out, written, by_line=request.out.terminal)
    sys.stderr = _text(2, request.err, written, by_line=True)
    try:
        yield
    finally:
        sys.stdin, sys.stdout, sys.stderr = before


def _text(number: int, kind: Stream, written: list[bytes], *, by_line: bool) -> io.TextIOWrapper:
    tape: Any = _Tape(number, kind.terminal, written)
    return io.TextIOWrapper(
        # `python -u` has no buffer between: what goes to both streams keeps its order.
        tape if kind.write_through else io.BufferedWriter(tape, kind.block),
        kind.encoding,
        errors="backslashreplace",
        line_buffering=by_line,
        write_through=kind.write_through,
    )


@contextmanager
def _folder(path: bytes) -> Iterator[None]:
    try:
        os.chdir(path)
    except OSError as error:
        raise RunsItself("a folder that is not here") from error
    try:
        yield
    finally:
        os.chdir("/")  # no disk is kept from being unmounted by an idle process


@contextmanager
def _environment(request: Request) -> Iterator[None]:
    before = {name: value for name, value in os.environ.items() if _is_kept(name)}
    # The width is asked of the process's own terminal otherwise, which is another one or none.
    wanted = request.environment | {"COLUMNS": str(request.columns)}
    _set_environment(wanted)
    try:
        yield
    finally:
        _set_environment(before)


def _set_environment(wanted: dict[str, str]) -> None:
    zone = os.environ.get("TZ"), os.environ.get("TZDIR")
    for name in [name for name in os.environ if _is_kept(name) and name not in wanted]:
        del os.environ[name]
    for name, value in wanted.items():
        if os.environ.get(name) != value:
            os.environ[name] = value
    if zone != (os.environ.get("TZ"), os.environ.get("TZDIR")):
        time.tzset()


def _is_kept(name: str) -> bool:
    return name in KEPT or name.startswith(KEPT_PREFIXES)
