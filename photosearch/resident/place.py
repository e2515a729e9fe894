"""Where the socket of a library lies, whom it may be shared with, and who is who.

In: a library's folder, the environment. Out: the socket's path, or None where no folder can be
trusted. Standard library only, and of that as little as can be: the client pays for each import
(`hashlib` 3 ms, `platformdirs` 9 ms, where the whole client takes 3).

The folder of the sockets belongs to this user and nobody else may look into it: the runtime folder
that the system gives each user, else one in the folder of temporary files.
"""

from __future__ import annotations

import os
import stat
import sys

OFF = ("0", "no", "off", "false")
_LONGEST = 100  # bytes of a socket's path: the system takes 104 (macOS) or 108 (Linux)


def socket_path(library: str) -> str | None:
    """Where a library's socket is, or would be; None where there is no folder to trust."""
    name = f"{_hash(os.fsencode(os.path.realpath(library))):016x}.sock"
    for base in _bases():
        path = f"{base}/{name}"
        if len(os.fsencode(path)) <= _LONGEST and is_own_folder(base):
            return path
    return None


def make_folder(library: str) -> str | None:
    """Like `socket_path`, and the folder is made where it is missing."""
    for base in _bases():
        try:
            os.mkdir(base, 0o700)
        except OSError:
            continue  # it is there already, or cannot be
    return socket_path(library)


def is_own_folder(path: str) -> bool:
    """Whether a folder is this user's, and nobody else may enter it."""
    try:
        found = os.lstat(path)
    except OSError:
        return False
    return (
        stat.S_ISDIR(found.st_mode) and found.st_uid == os.geteuid() and not found.st_mode & 0o077
    )


def is_own_socket(path: str) -> bool:
    """Whether a socket of this user lies there."""
    try:
        found = os.lstat(path)
    except OSError:
        return False
    return stat.S_ISSOCK(found.st_mode) and found.st_uid == os.geteuid()


def _bases() -> list[str]:
    """Folders that may hold the sockets, the best first."""
    user = os.geteuid()
    runtime = os.environ.get("XDG_RUNTIME_DIR") or f"/run/user/{user}"
    bases = []
    # Another's runtime folder comes along with `su`: it is not looked at.
    if os.path.isabs(runtime) and is_own_folder(runtime):
        bases.append(f"{runtime}/photosearch")
    temporary = os.environ.get("TMPDIR") or "/tmp"
    if os.path.isabs(temporary):
        bases.append(f"{temporary.rstrip('/')}/photosearch-{user}")
    return bases


def library_named(arguments: list[str]) -> str | None:
    """The folder of the library that a command line means, as far as can be told without parsing.

    Where it is misread, the resident sees that the command asks for another library.
    """
    given = os.environ.get("PHOTOSEARCH_LIBRARY")
    for number, word in enumerate(arguments):
        if word == "--library":
            given = arguments[number + 1] if number + 1 < len(arguments) else None
        elif word.startswith("--library="):
            given = word[len("--library=") :]
    return os.path.abspath(os.path.expanduser(given)) if given else default_library()


def default_library() -> str | None:
    """The platform's folder, as `settings` finds it by platformdirs; None: not known here."""
    if sys.platform == "darwin":
        base = os.path.expanduser("~/Library/Application Support")
    elif sys.platform.startswith(("linux", "freebsd")) and "ANDROID_ROOT" not in os.environ:
        base = os.environ.get("XDG_DATA_HOME", "").strip() or os.path.expanduser("~/.local/share")
    else:
        return None
    return f"{base}/photosearch/library"


def identity(version: str) -> bytes:
    """What two processes must share to give the same answer: program, rights, view of the disks."""
    try:
        disks = os.readlink("/proc/self/ns/mnt")
    except OSError:
        disks = ""
    facts = (
        version,
        os.path.dirname(os.path.dirname(os.path.realpath(__file__))),
        sys.version,
        sys.prefix,
        sys.getfilesystemencoding(),
        sys.getfilesystemencodeerrors(),
        os.geteuid(),
        os.getegid(),
        sorted(os.getgroups()),
        disks,
    )
    return repr(facts).encode("utf-8", "surrogateescape")


def peer_of(connection: object) -> int | None:
    """The user at the other end of a socket; None where the system does not say."""
    import _socket

    if sys.platform == "darwin":
        asked = (0, 1, 76)  # SOL_LOCAL, LOCAL_PEERCRED: version, uid, groups
    elif hasattr(_socket, "SO_PEERCRED"):
        asked = (_socket.SOL_SOCKET, _socket.SO_PEERCRED, 12)  # pid, uid, gid
    else:
        return None
    try:
        found: bytes = connection.getsockopt(*asked)  # type: ignore[attr-defined]
    except OSError:
        return -1
    return int.from_bytes(found[4:8], sys.byteorder)


def is_own_peer(connection: object) -> bool:
    """Whether the other end is this user; where it is not said, the folder's mode must do."""
    return peer_of(connection) in (None, os.geteuid())


def _hash(data: bytes) -> int:
    """FNV-1a of 64 bits (Fowler, Noll, Vo): the same in each process, and no import."""
    value = 0xCBF29CE484222325
    for byte in data:
        value = (value ^ byte) * 0x100000001B3 & 0xFFFFFFFFFFFFFFFF
    return value
