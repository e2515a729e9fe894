"""Which file systems lie in and above a folder at this moment.

In: a folder. Out: its mount points, each with a name for what is mounted there. So that a disk that
is gone, or another one in its place, is not taken for deleted photos. Knows nothing of the library.

No inode or device number counts: network folders and USB disks change them at every mount. What is
mounted is told by the file system's own number (UUID) where it is on a disk, else by its source,
such as nas:/photos.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from photosearch.filenames import is_litter
from photosearch.paths import join, relative_to

_TABLE = Path("/proc/self/mountinfo")
_DISKS = b"/dev/disk/by-uuid"
# Where the system has no table to read: that something is mounted, but not what.
_SOMETHING = "mounted"


@dataclass(frozen=True, slots=True)
class Mounts:
    """The mounts of one moment; None where the system keeps no table of them."""

    table: Mapping[bytes, str] | None

    @classmethod
    def now(cls) -> Mounts:
        try:
            return cls(_parsed(_TABLE.read_bytes()))
        except OSError:
            return cls(None)

    def of(self, root: bytes) -> dict[bytes, str]:
        """Folder relative to the root → what is mounted there; b"" where the root lies on a mount.

        The system's own disk, mounted at /, is none.
        """
        real = os.path.realpath(root)
        if self.table is None:
            return _asked_for(real)
        found: dict[bytes, str] = {}
        above = b"/"
        for point, what in self.table.items():
            inner = relative_to(point, real)
            if inner:
                found[inner] = what
            elif relative_to(real, point) is not None and len(point) > len(above):
                above = point
        if above != b"/":
            found[b""] = self.table[above]
        return found


def is_there(folder: bytes) -> bool:
    """Whether a folder exists and holds more than litter: an empty one is left of a disk gone."""
    try:
        with os.scandir(folder) as entries:
            return not all(map(is_litter, (entry.name for entry in entries)))
    except PermissionError:
        return True
    except OSError:
        return False


def _parsed(text: bytes) -> dict[bytes, str]:
    """proc_pid_mountinfo(5): number parent device root point options [tags] - type source more."""
    uuids = _uuids()
    table = {}
    for line in text.splitlines():
        before, dash, after = line.partition(b" - ")
        fields, more = before.split(b" "), after.split(b" ")
        if not dash or len(fields) < 5 or len(more) < 2:
            continue
        inner, point, source = (_unescaped(field) for field in (fields[3], fields[4], more[1]))
        disk = os.path.realpath(source) if source.startswith(b"/dev/") else source
        what = uuids.get(disk) or more[0] + b":" + source
        # Of several at one point the last is the one that is seen.
        table[point] = os.fsdecode(what + b" " + inner)
    return table


def _unescaped(field: bytes) -> bytes:
    """Blanks, line ends and backslashes stand as three octal digits."""
    return re.sub(rb"\\([0-7]{3})", lambda match: bytes([int(match[1], 8) & 255]), field)


def _uuids() -> dict[bytes, bytes]:
    """Disk → the number of its file system."""
    try:
        names = os.listdir(_DISKS)
    except OSError:
        return {}
    return {os.path.realpath(join(_DISKS, name)): name for name in names}


def _asked_for(real: bytes) -> dict[bytes, str]:
    """Without a table: the root, what it lies in, and the folders directly in it."""
    found = {}
    point = real
    while not os.path.ismount(point) and os.path.dirname(point) != point:
        point = os.path.dirname(point)
    if os.path.dirname(point) != point:
        found[b""] = _SOMETHING
    try:
        with os.scandir(real) as entries:
            folders = [entry.name for entry in entries if entry.is_dir(follow_symlinks=False)]
    except OSError:
        folders = []
    return found | {name: _SOMETHING for name in folders if os.path.ismount(join(real, name))}
