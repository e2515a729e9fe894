"""Whether the disks that photos were found on are there.

In: what was and is mounted in a root, and which of its files were seen. Out: which of the others
lie on a disk that is gone, and what is to be remembered. Nothing is looked up in the library here.
"""

from __future__ import annotations

import os
from bisect import bisect_left
from collections import Counter
from collections.abc import Callable, Iterable, Mapping

from photosearch.mounts import is_there
from photosearch.paths import ancestors, join

# What a folder is called in which nothing is mounted.
PLAIN = ""
# (last file id, disk) in the order of ids: on which disk the files of a folder were last seen. They
# are numbered as they are found, so one or two such spans tell it of 100,000 files.
Spans = list[tuple[int, str]]


class Disks:
    """The mounts in one root during one run, or in a part of the root.

    A file belongs to the disk on which it was last seen. Of a disk that is no longer mounted, or
    has another one in its place, files that are not seen are kept: unless half of them are seen,
    for then the photos have moved to the disk that is there now, and those unseen are deleted. A
    disk that went while the run was on its way is gone in any case.
    """

    def __init__(
        self,
        remembered: Mapping[bytes, Spans],
        at_the_start: Mapping[bytes, str],
        now: Mapping[bytes, str],
    ) -> None:
        self._remembered = remembered
        self._now = now
        self._went = {
            (folder, what) for folder, what in at_the_start.items() if now.get(folder) != what
        }
        self._watched = {b"", *remembered, *at_the_start, *now}
        self._files: Counter[tuple[bytes, str | None]] = Counter()
        self._seen: Counter[tuple[bytes, str | None]] = Counter()
        self._last: tuple[bytes | None, bytes] = (None, b"")  # a folder, and its mount
        self._spans: dict[bytes, Spans | None] = {}  # mount → see _spans_of
        self._here: dict[bytes, str] = {}  # mount → see _disk_now

    @property
    def has_new_mounts(self) -> bool:
        """Whether something is mounted of which nothing is remembered."""
        return not self._now.keys() <= self._remembered.keys()

    @property
    def is_settled(self) -> bool:
        """Whether the root lies on one disk, where every one of its files was last seen.

        As it is nearly always: then nothing depends on which file is which, and going through all
        of them, 0.3 s for 100,000, can be left out.
        """
        spans = self._remembered.get(b"", [])
        return (
            self._watched == {b""}
            and not self._went
            and [what for _, what in spans] == [self._disk_now(b"")]
        )

    def count(self, file_id: int, path: bytes, *, seen: bool) -> None:
        """A file that the library knows."""
        mount = self.mount_of(path)
        if seen and self._is_new(mount, file_id):
            return  # that it is there says nothing of the disk of the others
        disk = (mount, self._disk_of(mount, file_id))
        self._files[disk] += 1
        self._seen[disk] += seen

    def mount_of(self, path: bytes) -> bytes:
        """The innermost folder above a file in which something is or was mounted, or the root."""
        parent = path.rpartition(b"/")[0]
        if parent != self._last[0]:
            mount = next(one for one in ancestors(parent) if one in self._watched)
            self._last = (parent, mount)
        return self._last[1]

    def has_left(self, file_id: int, path: bytes) -> bytes | None:
        """The mount whose disk is gone, and this unseen file with it; None: its disk is here."""
        mount = self.mount_of(path)
        disk = (mount, self._disk_of(mount, file_id))
        return mount if self._is_gone(disk) else None

    def has_gone(self, path: bytes) -> bool:
        """Whether any disk is gone from where this path lies."""
        mount = self.mount_of(path)
        return any(disk[0] == mount and self._is_gone(disk) for disk in [*self._files, *self._went])

    def _is_gone(self, disk: tuple[bytes, str | None]) -> bool:
        mount, what = disk
        if what == self._disk_now(mount):
            return False
        return disk in self._went or 2 * self._seen[disk] < self._files[disk]

    def _disk_now(self, mount: bytes) -> str:
        if mount not in self._here:
            inner = (self._now[one] for one in ancestors(mount) if one in self._now)
            self._here[mount] = next(inner, PLAIN)
        return self._here[mount]

    def _spans_of(self, mount: bytes) -> Spans | None:
        """Of a folder in which nothing was mounted so far those of the disk that it is on."""
        if mount not in self._spans:  # asked for each file
            inner = (self._remembered.get(one) for one in ancestors(mount))
            self._spans[mount] = next((spans for spans in inner if spans), None)
        return self._spans[mount]

    def _is_new(self, mount: bytes, file_id: int) -> bool:
        """Whether a file was not known at the last run."""
        spans = self._spans_of(mount)
        return spans is not None and file_id > spans[-1][0]

    def _disk_of(self, mount: bytes, file_id: int) -> str | None:
        """Where a file was last seen; None where it is not known."""
        spans = self._spans_of(mount)
        if spans is None:
            return None
        at = bisect_left(spans, (file_id, ""))
        return spans[min(at, len(spans) - 1)][1]

    def to_remember(
        self, files: Mapping[bytes, Iterable[int]], seen: Callable[[int], bool]
    ) -> dict[bytes, Spans]:
        """What is mounted where; files: of each of `mounts`, the ids known now."""
        kept = {}
        for mount, file_ids in files.items():
            spans: Spans = []
            now = self._disk_now(mount)
            unknown = PLAIN if self._is_gone((mount, None)) else now
            for file_id in sorted(file_ids):
                was = self._disk_of(mount, file_id)
                what = now if seen(file_id) else unknown if was is None else was
                if spans and spans[-1][1] == what:
                    spans.pop()
                spans.append((file_id, what))
            is_mount = mount in self._now or not mount
            if spans and (is_mount or any(what != now for _, what in spans)):
                kept[mount] = spans
        return kept

    def to_remember_settled(self, last_id: int | None) -> dict[bytes, Spans]:
        """The same for a root that `is_settled`; last_id: the greatest id of its files."""
        return {} if last_id is None else {b"": [(last_id, self._disk_now(b""))]}

    @property
    def mounts(self) -> set[bytes]:
        """Folders in which something is or was mounted."""
        return self._watched


class Away:
    """Files of a root behind a link that leads nowhere."""

    def __init__(self, root: bytes) -> None:
        self._root = root
        self._links: dict[bytes, bool] = {}  # folder → whether it is a link that leads nowhere
        self.met: set[bytes] = set()  # those that paths were found to lie in

    def __contains__(self, path: bytes) -> bool:
        if self._leads_nowhere(path):
            self.met.add(path)
            return True
        for folder in ancestors(path.rpartition(b"/")[0]):
            if folder not in self._links:
                self._links[folder] = bool(folder) and self._leads_nowhere(folder)
            if self._links[folder]:
                self.met.add(folder)
                return True
        return False

    def _leads_nowhere(self, path: bytes) -> bool:
        absolute = join(self._root, path)
        return os.path.islink(absolute) and not os.path.isfile(absolute) and not is_there(absolute)
