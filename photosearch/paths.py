"""Paths as the catalogue keeps them: bytes, absolute for roots, relative below, "/" between parts.

Every system accepts "/", so a catalogue means the same on each. A name that is no valid UTF-8
survives, because it is never made into text on the way.
"""

from __future__ import annotations

import os
import unicodedata
from collections.abc import Iterable, Iterator
from contextvars import ContextVar
from pathlib import Path

_asks_system = ContextVar("asks_system", default=True)


def by_name_alone() -> None:
    """From now on, in this thread, no path that is named makes the system look at the disk.

    For paths that come from elsewhere: merely looking at one can mount a folder of the network,
    log in to a server of its choice (Windows, two backslashes at the start), or hang.
    """
    _asks_system.set(False)


def asks_system() -> bool:
    """Whether the system may be asked where a named path leads to: links, other spellings."""
    return _asks_system.get()


def to_bytes(path: str | os.PathLike[str] | bytes) -> bytes:
    """An absolute path as bytes. Links are left as they are: people know the name they typed."""
    typed = os.path.expanduser(os.fsdecode(path))
    absolute = os.path.abspath(typed)
    if os.pardir in typed.split(os.sep) and asks_system():
        absolute = _without_pardir(typed, absolute)
    if os.sep != "/":
        return os.fsencode(absolute.replace(os.sep, "/"))
    # POSIX leaves open what two slashes at the start mean; everywhere they mean one.
    return os.fsencode("/" + absolute.lstrip("/"))


def _without_pardir(typed: str, absolute: str) -> str:
    """`link/..` is the folder above what the link leads to, for the system and so for `ls`."""
    parts = typed.split(os.sep)
    last = len(parts) - parts[::-1].index(os.pardir)
    above = os.path.realpath(os.sep.join(parts[:last]))
    there = os.path.normpath(os.path.join(above, *parts[last:]))
    try:
        return absolute if os.path.samefile(absolute, there) else there
    except OSError:
        return there if os.path.exists(there) else absolute


def to_path(root: bytes, relative: bytes = b"") -> Path:
    """The system's path of a file in a root."""
    return Path(os.fsdecode(join(root, relative)))


def time_of(status: os.stat_result) -> int:
    """When a file was changed, in nanoseconds, as SQLite's integers hold it: 1677 to 2262.

    File systems take later times, which broken clocks give: such a file must not end a run.
    """
    return max(-(1 << 63), min(status.st_mtime_ns, (1 << 63) - 1))


def join(folder: bytes, name: bytes) -> bytes:
    """Join two paths; either may be empty."""
    if not folder or not name:
        return folder or name
    return folder + name if folder.endswith(b"/") else folder + b"/" + name


def relative_to(path: bytes, folder: bytes) -> bytes | None:
    """The part of `path` below `folder`: b"" for the folder itself, None where it is not inside."""
    if path == folder:
        return b""
    prefix = folder if folder.endswith(b"/") else folder + b"/"
    return path[len(prefix) :] if path.startswith(prefix) else None


def below(folder: bytes) -> tuple[bytes, bytes]:
    """Bounds (first, past the last) of all relative paths below a relative folder."""
    # "0" is the byte after "/".
    return folder + b"/", folder + b"0"


def ancestors(path: bytes) -> Iterator[bytes]:
    """A path and the folders that it lies in, the innermost first, to b"/" or b""."""
    while True:
        yield path
        above = path.rpartition(b"/")[0] or (b"/" if path.startswith(b"/") else b"")
        if above == path:
            return
        path = above


def find_root(path: bytes, roots: Iterable[bytes]) -> tuple[bytes, bytes] | None:
    """(root, relative path) of an absolute path in the innermost of some roots; None: in none.

    By its name alone: the file system is not asked.
    """
    inside = [root for root in roots if relative_to(path, root) is not None]
    if not inside:
        return None
    root = max(inside, key=len)
    return root, relative_to(path, root) or b""


def find_same_root(path: bytes, roots: Iterable[bytes]) -> tuple[bytes, bytes] | None:
    """The same where the system says that a folder above the path is one of the roots.

    A link, another mount of the same folder, or another spelling where capitals do not count.
    """
    known = {_identity(root): root for root in roots} if asks_system() else {}
    known.pop(None, None)
    if known:
        real = os.path.realpath(path)
        for folder in ancestors(real):
            key = _identity(folder)
            if key in known:
                return known[key], relative_to(real, folder) or b""
    return None


def _identity(path: bytes) -> tuple[int, int] | None:
    try:
        status = os.stat(path)
    except (OSError, ValueError):
        return None
    return (status.st_dev, status.st_ino) if status.st_ino else None


def normal_form(path: bytes) -> bytes:
    """A path whose letters and marks are joined (NFC), to compare names: macOS takes them apart."""
    if path.isascii():
        return path
    return os.fsencode(unicodedata.normalize("NFC", os.fsdecode(path)))


def as_on_disk(path: bytes) -> bytes | None:
    """The one file that is there and differs from this path at most in its normal form."""
    if os.path.lexists(path):
        return path
    found = b"/"
    for part in path.strip(b"/").split(b"/"):
        exact = join(found, part)
        if not os.path.lexists(exact):
            if part.isascii():
                return None
            try:
                names = [one for one in os.listdir(found) if normal_form(one) == normal_form(part)]
            except OSError:
                return None
            if len(names) != 1:
                return None
            exact = join(found, names[0])
        found = exact
    return found


def umask() -> int:
    """The permissions that this process leaves out of new files: it can only be set, and is put
    back at once.
    """
    mask = os.umask(0)
    os.umask(mask)
    return mask
