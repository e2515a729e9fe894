"""Paths as the catalogue keeps them: bytes, absolute for roots, relative below, "/" between parts.

Every system accepts "/", so a catalogue means the same on each. A name that is no valid UTF-8
survives, because it is never made into text on the way.
"""

from __future__ import annotations

import os
from pathlib import Path


def to_bytes(path: str | os.PathLike[str] | bytes) -> bytes:
    """An absolute path as bytes. Links are left as they are: people know the name they typed."""
    absolute = os.path.abspath(os.path.expanduser(os.fsdecode(path)))
    if os.sep != "/":
        absolute = absolute.replace(os.sep, "/")
    return os.fsencode(absolute)


def to_path(root: bytes, relative: bytes = b"") -> Path:
    """The system's path of a file in a root."""
    return Path(os.fsdecode(join(root, relative)))


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
