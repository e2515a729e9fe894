"""What the system says happens in a folder tree → paths.

In: a folder, and which of its folders are of interest. Out: paths that something happened to, or
one of the errors below. Knows nothing of photos or the library.

Each folder is watched for itself, not the tree by the notifier's own recursion: that follows
links out of the tree, watches what is never indexed (caches, hidden folders), gives up at the first
folder that may not be read, and passes over new folders in silence when the system's limit is
reached (all seen in watchfiles 1.3). 10,000 folders take 0.09 s, 0.30 s by its recursion.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

from photosearch.paths import join

if TYPE_CHECKING:
    from watchfiles._rust_notify import RustNotify

# New folders are watched by a second notifier, which is cheap to make anew; beyond this many they
# go over to the first.
_ADDED_APART = 500
# A notifier whose place another has taken may still have to hear of what happened before.
# Not for long, and not too many: of these the system allows 128 a user.
_HEARD_OUT_SECONDS, _HEARD_OUT_MOST = 2.0, 8
# File systems whose changes by other machines raise no events here.
_NETWORK = frozenset(
    "nfs nfs4 cifs smb3 smbfs 9p afs ceph glusterfs vboxsf prl_fs davfs drvfs virtiofs "
    "fuse.sshfs fuse.rclone fuse.gvfsd-fuse fuse.glusterfs fuse.s3fs fuse.davfs2".split()
)


class EventsLost(Exception):
    """Something happened that no path was given for: only a look at everything helps."""


class NoEvents(Exception):
    """The system gives no events for this folder; the text says why, and what to do."""


class Events:
    """The events of one folder and those below it."""

    def __init__(self, top: bytes, enters: Callable[[bytes], bool]) -> None:
        self._enters = enters
        self._first: tuple[RustNotify, set[str]] | None = None
        self._added: tuple[RustNotify, set[str]] | None = None
        self._replaced: list[tuple[RustNotify, float]] = []  # and since when
        self._heard: set[bytes] = set()  # from those that were closed
        self._lost: EventsLost | None = None
        self.is_partial = False  # some folders cannot be watched
        self._first = self._open(set(self._names(top)))

    def follow(self, folder: bytes) -> None:
        """Watch a folder that is new, and all below it.

        Folders that are made while this goes on are found by looking again; what was put into them
        before is for the caller to look at.
        """
        while True:
            watched = self._added[1] if self._added else set()
            new = set(self._names(folder)) - watched
            if not new:
                return
            names = {name for name in watched | new if os.path.isdir(name)}
            # The new one listens before the old one ends, and that one is heard out: what it was
            # told of before, and has not handed on yet, nobody else knows.
            if len(names) > _ADDED_APART and self._first:
                names |= {name for name in self._first[1] if os.path.isdir(name)}
                opened = self._open(names)
                self._hear_out(self._first, self._added)
                self._first, self._added = opened, None
                return
            opened = self._open(names)
            self._hear_out(self._added)
            self._added = opened
            if not new & names:
                return

    def take(self) -> set[bytes]:
        """Paths that something happened to since the last call; it does not wait."""
        if self._lost:
            raise self._lost
        taken, self._heard = self._heard, set()
        for part in (self._first, self._added):
            if part is not None:
                taken |= _taken(part[0])
        for one in list(self._replaced):
            notifier, since = one
            heard = _taken(notifier)
            taken |= heard
            if not heard and time.monotonic() - since > _HEARD_OUT_SECONDS:
                self._replaced.remove(one)
                notifier.close()
        return taken

    def _hear_out(self, *parts: tuple[RustNotify, set[str]] | None) -> None:
        self._replaced += [(part[0], time.monotonic()) for part in parts if part]
        while len(self._replaced) > _HEARD_OUT_MOST:
            notifier, _ = self._replaced.pop(0)
            try:
                self._heard |= _taken(notifier)
            except EventsLost as error:
                self._lost = error
            notifier.close()

    def close(self) -> None:
        for part in (self._first, self._added, *self._replaced):
            if part:
                part[0].close()
        self._first = self._added = None
        self._replaced = []

    def _open(self, names: set[str]) -> tuple[RustNotify, set[str]]:
        from watchfiles._rust_notify import RustNotify

        for refused in range(100):
            try:
                return RustNotify(sorted(names), False, False, 1000, False, False), names
            except FileNotFoundError:  # it went since it was listed
                names = {name for name in names if os.path.isdir(name)}
            except PermissionError:
                names = {name for name in names if os.access(name, os.R_OK)}
                self.is_partial = True
            except Exception as error:
                text = str(error)
                if "limit" in text or "Too many open" in text or "No space" in text:
                    raise NoEvents(_limit_text(len(names))) from error
                if refused > 1:
                    raise NoEvents(f"no events ({text})") from error
        raise NoEvents("no events (its folders keep changing)")

    def _names(self, folder: bytes) -> Iterator[str]:
        for path in folders_below(folder, self._enters):
            try:
                yield path.decode()
            except UnicodeDecodeError:  # the notifier takes no such name
                self.is_partial = True


def _taken(notifier: RustNotify) -> set[bytes]:
    try:
        changes = notifier.watch(1, 1, 1, None)
    except Exception as error:  # a name that is no UTF-8, a lost descriptor
        raise EventsLost(str(error)) from error
    return set() if isinstance(changes, str) else {os.fsencode(path) for _, path in changes}


def folders_below(top: bytes, enters: Callable[[bytes], bool]) -> Iterator[bytes]:
    """A folder and those below it that are of interest; links are not followed."""
    waiting = [top]
    while waiting:
        folder = waiting.pop()
        if not os.access(folder, os.R_OK):
            continue
        yield folder
        try:
            with os.scandir(folder) as entries:
                for entry in entries:
                    if entry.is_dir(follow_symlinks=False):
                        path = join(folder, entry.name)
                        if enters(path):
                            waiting.append(path)
        except OSError:
            continue


def is_network(path: bytes) -> bool:
    """Whether a folder lies on a file system that other machines change (Linux alone can tell)."""
    try:
        with open("/proc/self/mountinfo", "rb") as file:
            lines = file.read().splitlines()
    except OSError:
        return False
    best, kind = b"", ""
    real = os.path.realpath(path)
    for line in lines:
        before, _, after = line.partition(b" - ")
        fields = before.split()
        if len(fields) < 5 or not after:
            continue
        point = fields[4].decode("unicode_escape").encode("latin-1")
        inside = real == point or real.startswith(point.rstrip(b"/") + b"/")
        if inside and len(point) >= len(best):
            best, kind = point, after.split()[0].decode("ascii", "replace")
    return kind in _NETWORK


def queue_length() -> int:
    """How many events the system keeps for a reader that is late; the rest it throws away."""
    try:
        with open("/proc/sys/fs/inotify/max_queued_events", "rb") as file:
            return int(file.read())
    except (OSError, ValueError):
        return 16384


def _limit_text(folders: int) -> str:
    return (
        f"the system's limit of watched folders is too low for {folders:,} more of them; "
        "to raise it: sudo sysctl fs.inotify.max_user_watches=1048576 "
        "fs.inotify.max_user_instances=1024"
    )
