"""Where the command's words go: answers to stdout, talk to stderr, errors to exit codes.

In: what a command body does or raises. Out: text, and an exit code: 0 found, 1 nothing found,
2 wrong use or input, 3 a part failed, 130 interrupted.
"""

from __future__ import annotations

import errno
import functools
import logging
import os
import re
import signal
import sys
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from types import FrameType
from typing import Any, NoReturn, TypeGuard, TypeVar

import typer

from photosearch.errors import PhotosearchError, StorageError

NOTHING_FOUND = 1
WRONG_USE = 2
PART_FAILED = 3
INTERRUPTED = 130
_UNWRITABLE = (errno.ENOSPC, errno.EFBIG, errno.EDQUOT, errno.EIO, errno.EBADF)
# What a file may be refused for by where it is, whatever the program does.
_REFUSED = (errno.EACCES, errno.EPERM)
_OF_ITS_PLACE = (*_REFUSED, errno.EROFS, errno.ENOSPC, errno.EDQUOT, errno.EIO, errno.ENAMETOOLONG,
                 errno.ENOTDIR, errno.EISDIR, errno.ELOOP)  # fmt: skip

Body = TypeVar("Body", bound=Callable[..., Any])

# Hints that list what there is; others say what to do.
_LISTS = re.compile(r"[a-z][a-z ]*(: | are )")

debug = False
_has_talked = False
_was_interrupted = False
at_interrupt = "interrupted"  # a run that can go on says so
before_leaving: Callable[[], None] | None = None  # when the answer is out, and before the end


def command(body: Body) -> Body:
    """A command body whose errors become one clear line and an exit code."""

    @functools.wraps(body)
    def run(*args: Any, **kwargs: Any) -> Any:
        try:
            result = body(*args, **kwargs)
            sys.stdout.flush()
            return result
        except PhotosearchError as error:
            explain(error, as_json=bool(kwargs.get("as_json")))
            raise typer.Exit(error.exit_code) from error
        except KeyboardInterrupt:
            tell(at_interrupt)
            raise typer.Exit(INTERRUPTED) from None
        except BrokenPipeError:
            # Whoever read the answer has enough of it (`| head`): that is no failure.
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            raise typer.Exit(0) from None
        except typer.Exit:
            raise
        except Exception as error:
            if _was_interrupted:  # C code that was just being imported says something else
                tell(at_interrupt)
                raise typer.Exit(INTERRUPTED) from None
            if debug:
                raise
            as_json = bool(kwargs.get("as_json"))
            refused = _refusal(error)
            if refused is not None:
                explain(refused, as_json=as_json)
                raise typer.Exit(WRONG_USE) from error
            if is_of_answer(error):
                tell(f"the answer cannot be written: {error.strerror}")
                raise typer.Exit(WRONG_USE) from error
            from photosearch.show.text import printable

            tell(printable(f"unexpected error: {type(error).__name__}: {error}"))
            tell("this is a bug; photosearch --debug … shows where")
            if as_json:
                _write_error(error, str(error), None)
            raise typer.Exit(WRONG_USE) from error

    return run  # type: ignore[return-value]


def _refusal(error: Exception) -> StorageError | None:
    """An error of the system's that is about a file's place, and none of ours."""
    if not isinstance(error, OSError) or error.errno not in _OF_ITS_PLACE:
        return None
    if not isinstance(error.filename, str | bytes):
        return None
    hint = "run it as the user whose it is" if error.errno in _REFUSED else None
    return StorageError(f"{os.fsdecode(error.filename)}: {error.strerror}", hint=hint)


def mind_interrupts() -> None:
    """Know that Ctrl-C was pressed, whatever becomes of the exception on its way."""

    def interrupt(number: int, frame: FrameType | None) -> None:
        global _was_interrupted
        _was_interrupted = True
        raise KeyboardInterrupt

    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:  # else it is ignored (nohup)
        signal.signal(signal.SIGINT, interrupt)


def open_streams() -> None:
    """Let streams that were closed (`>&-`) lead nowhere, before a file takes their place."""
    for number, name in enumerate(("stdin", "stdout", "stderr")):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # the lowest number that is free: this one
        if getattr(sys, name) is None:
            setattr(sys, name, os.fdopen(number, "w" if number else "r", closefd=False))


def is_of_answer(error: Exception) -> TypeGuard[OSError]:
    """Whether stdout could not be written to: a full disk, say. Errors of files name them."""
    return isinstance(error, OSError) and error.filename is None and error.errno in _UNWRITABLE


def leave(code: int) -> NoReturn:
    """End the process without taking the interpreter apart: 40 ms of a query's 230.

    Nothing is lost by it: files are closed and locks released by the commands themselves.
    """
    if code == INTERRUPTED and not _has_talked:  # before the command itself began
        tell(at_interrupt)
    for stream in (sys.stdout, sys.stderr):
        with suppress(OSError, ValueError):
            stream.flush()
    if before_leaving is not None and code in (0, NOTHING_FOUND):
        before_leaving()
    os._exit(code)


def explain(error: PhotosearchError, *, as_json: bool) -> None:
    """What is wrong, and what to do; with --json as a document, too."""
    if debug:
        import traceback

        traceback.print_exception(error)
    from photosearch.show.text import printable

    tell(printable(error.typed))
    if error.hint:
        _write(f"{'hint' if _LISTS.match(error.hint) else 'try'}: {printable(error.hint)}")
    if as_json:
        _write_error(error, error.typed, error.hint or None)


def _write_error(error: Exception, message: str, hint: str | None) -> None:
    kind = type(error).__name__
    write_json({"version": 1, "error": {"kind": kind, "message": message, "hint": hint}})


def tell(line: str) -> None:
    """A line of talk."""
    _write(f"photosearch: {line}")


def _write(line: str) -> None:
    """To stderr; where it cannot be written to, work goes on and the exit code stays."""
    global _has_talked
    _has_talked = True
    with suppress(OSError):
        print(line, file=sys.stderr)


class _Talk(logging.Handler):
    """What the library has to say while it works, as lines of talk."""

    def emit(self, record: logging.LogRecord) -> None:
        from photosearch.show.text import printable

        tell(printable(record.getMessage()))


def talk() -> None:
    """Let the library's messages be seen."""
    logger = logging.getLogger("photosearch")
    if not any(isinstance(handler, _Talk) for handler in logger.handlers):
        logger.addHandler(_Talk())
    logger.setLevel(logging.INFO)
    logger.propagate = False


def hush(quiet: bool) -> None:
    """With --quiet warnings alone are seen."""
    if quiet:
        logging.getLogger("photosearch").setLevel(logging.WARNING)


def say(line: str = "") -> None:
    """A line of the answer."""
    print(line)


def write_json(document: dict[str, Any]) -> None:
    """The answer as one JSON document. ASCII, so that any file name survives any pipe."""
    import json

    print(json.dumps(document, indent=2))


def write_paths(paths: list[Path], end: bytes) -> None:
    """Paths as the bytes they are."""
    sys.stdout.flush()
    for path in paths:
        sys.stdout.buffer.write(os.fsencode(path) + end)
    sys.stdout.buffer.flush()


def terminal_width() -> int:
    import shutil

    return shutil.get_terminal_size((80, 24)).columns


def can_link() -> bool:
    """Whether stdout is a terminal that can be expected to take OSC 8 links (or ignore them)."""
    return sys.stdout.isatty() and os.environ.get("TERM", "dumb") not in ("dumb", "linux")
