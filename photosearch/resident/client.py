"""The client: lets a warm process answer a command, where there is one.

In: the command line, the environment, what the standard streams are. Out: what the command would
have written, and its exit code; or nothing at all, and the command runs as usual. The whole answer
is here before its first byte is written, so whatever goes wrong with the other process, nobody
sees it. Standard library only, and of that as little as can be: with `socket` and `pathlib` the
import alone would take 10 ms instead of 2.
"""

from __future__ import annotations

import os
import stat
import sys

from photosearch.resident.place import (
    OFF,
    identity,
    is_own_peer,
    is_own_socket,
    library_named,
    socket_path,
)
from photosearch.resident.wire import HEADER, MAX_ANSWER, MAX_REQUEST, framed, length_of, pack

COMMANDS = ("query", "similar", "facts", "status")
# What writes files, opens browsers or asks the terminal is done by the command itself.
OWN = frozenset("--html --open --copy-to --link-to --show --preview".split())
VARIABLE = "PHOTOSEARCH_RESIDENT"
# Of the environment: what may change an answer. The rest is nobody's business.
KEPT = frozenset(
    "HOME TZ TZDIR TERM LANG LANGUAGE NO_COLOR FORCE_COLOR COLUMNS LINES TMPDIR".split()
)
KEPT_PREFIXES = ("PHOTOSEARCH_", "LC_", "XDG_")
CONNECT_SECONDS = 0.25
TAKEN_SECONDS = 1.0  # until the other side says that it has read the request
ANSWER_SECONDS = 150.0  # it gives up by itself before that
# Of `cli.output`: writing to stdout that fails for these is told by one line.
_UNWRITABLE = ("ENOSPC", "EFBIG", "EDQUOT", "EIO", "EBADF")


def answer(arguments: list[str], version: str) -> bool:
    """Let a resident answer the command line, and leave; else say whether to start one later."""
    setting = os.environ.get(VARIABLE, "").strip().lower()
    if os.name == "nt" or setting in OFF or not can_delegate(arguments):
        return False  # Python has no Unix sockets on Windows
    library = library_named(arguments[1:])
    path = library and socket_path(library)
    if path and is_own_socket(path):
        try:
            reply = ask(path, _request(arguments, version))
            code = int(reply[1]) if reply[0] == b"answer" else None
        except KeyboardInterrupt:
            os.write(2, b"photosearch: interrupted\n")
            os._exit(130)
        except (OSError, ValueError, IndexError):
            pass  # nobody there, nobody of ours, or it ended
        else:
            if code is not None:
                os._exit(write(reply[2:], code))
            return False  # it is there, and will not: another would not either
    return setting not in ("", *OFF) and bool(library)


def can_delegate(arguments: list[str]) -> bool:
    """Whether another process can do this: it has neither our standard input nor our terminal."""
    if not arguments or arguments[0] not in COMMANDS or None in (sys.stdin, sys.stdout, sys.stderr):
        return False
    flags = sys.flags
    if sys._xoptions or sys.warnoptions or flags.verbose or flags.inspect or flags.dev_mode:
        return False  # somebody looks into this process
    for word in arguments[1:]:
        value = word.partition("=")[2] if word.startswith("--") else word
        if word in ("-", "--help", "-h", "--debug") or value == "-":
            return False
        if word.partition("=")[0] in OWN:
            return False
        if "://" in value:  # the network: as long as it takes, and with this process's proxies
            return False
        try:
            mode = os.stat(value).st_mode if value else stat.S_IFREG
        except (OSError, ValueError):
            continue
        # `--image <(…)`: a pipe that no other process can open, or should wait for.
        if not (stat.S_ISREG(mode) or stat.S_ISDIR(mode)):
            return False
        if value.startswith(("/dev/", "/proc/")):
            return False
    return True


def _request(arguments: list[str], version: str) -> list[bytes]:
    environment = [
        os.fsencode(f"{name}={value}")
        for name, value in os.environ.items()
        if name in KEPT or name.startswith(KEPT_PREFIXES)
    ]
    streams = [
        f"{int(stream.isatty())} {stream.encoding} {os.fstat(number).st_blksize} "
        f"{int(getattr(stream, 'write_through', False))}".encode()
        for number, stream in ((1, sys.stdout), (2, sys.stderr))
    ]
    return [
        b"run",
        identity(version),
        os.fsencode(os.getcwd()),
        str(_columns()).encode(),
        *streams,
        pack([os.fsencode(word) for word in arguments]),
        pack(environment),
    ]


def _columns() -> int:
    """The width of the terminal, as `shutil.get_terminal_size` finds it."""
    try:
        given = int(os.environ.get("COLUMNS", "0"))
    except ValueError:
        given = 0
    if given > 0:
        return given
    try:
        return os.get_terminal_size(1).columns or 80
    except OSError:
        return 80


def ask(path: str, fields: list[bytes]) -> list[bytes]:
    """One message to the resident of a socket, and its answer. Raises OSError, ValueError."""
    # The C part of `socket`: the rest costs 3 to 5 ms, and adds nothing that is needed here.
    import _socket

    from photosearch.resident.wire import unpack

    message = framed(fields)
    if len(message) > MAX_REQUEST:
        raise ValueError("a request that is too long")
    connection = _socket.socket(_socket.AF_UNIX, _socket.SOCK_STREAM)
    try:
        connection.settimeout(CONNECT_SECONDS)
        connection.connect(path)
        if not is_own_peer(connection):
            raise ValueError("not ours")
        connection.settimeout(TAKEN_SECONDS)
        connection.sendall(message)
        reply = unpack(_received(connection))
        if reply == [b"taken"]:
            connection.settimeout(ANSWER_SECONDS)
            reply = unpack(_received(connection))
        return reply
    finally:
        connection.close()


def _received(connection: object) -> bytes:
    return _exactly(connection, length_of(_exactly(connection, HEADER), MAX_ANSWER))


def _exactly(connection: object, count: int) -> bytes:
    data = bytearray()
    while len(data) < count:
        some = connection.recv(min(count - len(data), 1 << 20))  # type: ignore[attr-defined]
        if not some:
            raise ValueError("the other side ended")
        data += some
    return bytes(data)


def write(chunks: list[bytes], code: int) -> int:
    """Write an answer as the command itself would have; gives the exit code."""
    for chunk in chunks:
        stream, rest = chunk[0], chunk[1:]
        try:
            while rest:
                rest = rest[os.write(stream, rest) :]
        except BrokenPipeError:
            return code if stream == 1 else 0  # whoever reads it has enough of it
        except KeyboardInterrupt:
            os.write(2, b"photosearch: interrupted\n")
            return 130
        except OSError as error:
            if code:
                return code
            return _unwritable(error)
    return code


def _unwritable(error: OSError) -> int:
    import errno

    if errno.errorcode.get(error.errno or 0) in _UNWRITABLE:
        line = f"photosearch: the answer cannot be written: {error.strerror}\n"
    else:
        line = (
            f"photosearch: unexpected error: {type(error).__name__}: {error}\n"
            "photosearch: this is a bug; photosearch --debug … shows where\n"
        )
    try:  # noqa: SIM105  (contextlib is one import more)
        os.write(2, line.encode(sys.stderr.encoding, "backslashreplace"))
    except OSError:
        pass
    return 2
