"""What a run came across, and so what is no longer there.

In: file ids, paths and folders as the run meets them. Out: Absences, dealt with in the catalogue.
A file is only missing when its folder could be looked into, and the disk that it was on is there:
what lay on a mount that is gone, or behind a link to it, is kept as it is.
"""

from __future__ import annotations

import logging
import os
from array import array
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import groupby

from photosearch.ingest.disks import Away, Disks, Spans
from photosearch.ingest.scopes import Scope
from photosearch.mounts import Mounts
from photosearch.paths import ancestors, join
from photosearch.store.catalogue import Catalogue
from photosearch.store.volumes import remember_mounts, remembered_mounts

logger = logging.getLogger("photosearch")

# So much of a folder gone at once, of at least so many files, is worth a word.
_SUSPICIOUS = 0.9
_SUSPICIOUS_FILES = 20


@dataclass(frozen=True, slots=True)
class Absences:
    """What had been there at an earlier run."""

    moved: int
    copied: int
    missing: int
    emptied: list[Scope]  # roots, and folders in them, whose disk is gone: their files are kept


class Attendance:
    """The register of one run over all its folders."""

    def __init__(self) -> None:
        self._seen = _Bitmap()
        self._found: Counter[bytes] = Counter()  # root → files found
        self._unread: dict[bytes, set[bytes]] = {}  # root → what cannot be looked into
        self._failing: dict[bytes, set[bytes]] = {}  # root → paths that fail, now or since long
        self._arrived: Counter[int] = Counter()  # photo → new paths of a known photo
        self._mounts = Mounts.now()

    def found(self, scope: Scope, count: int) -> None:
        self._found[scope.root] += count

    def seen(self, file_id: int) -> None:
        self._seen.add(file_id)

    def arrived(self, photo_id: int) -> None:
        """A known photo lies at a path that is new."""
        self._arrived[photo_id] += 1

    def unread(self, scope: Scope, folder: bytes) -> None:
        self._unread.setdefault(scope.root, set()).add(folder)
        self.failing(scope, folder)

    def failing(self, scope: Scope, path: bytes) -> None:
        self._failing.setdefault(scope.root, set()).add(path)

    def close(self, catalogue: Catalogue, scopes: list[Scope]) -> Absences:
        """Mark what is not there any more; after the last folder, so that moves are recognised."""
        left = Counter(self._arrived)
        moved = missing = 0
        offline: list[Scope] = []
        mounts = remembered_mounts(catalogue)
        now = Mounts.now()
        by_root = sorted(scopes, key=lambda scope: (scope.root, scope.start))
        for root, parts in groupby(by_root, key=lambda scope: scope.root):
            of_root = list(parts)
            disks = Disks(mounts.get(root, {}), self._mounts.of(root), now.of(root))
            known = {scope: self._count(catalogue, scope, disks) for scope in of_root}
            if disks.has_new_mounts or not all(map(_is_one_file, of_root)):
                # It may go through all files of the root: 0.3 s for 100,000, too much for each
                # file that arrives in a folder that is watched.
                mounts[root] = self._to_remember(catalogue, of_root[0].root_id, disks)
            for scope in of_root:
                files, unseen = known[scope]
                if not os.path.isdir(root) or (
                    unseen and not scope.start and not self._found[root]
                ):
                    # Gone since the run began; or an empty mount point: deleting every photo of a
                    # root looks the same, and is what `forget` is for.
                    offline.append(scope)
                    continue
                away = Away(root)
                gone = self._gone(catalogue, scope, disks, away) if unseen else []
                again = sum((Counter(photo_id for _, photo_id in gone) & left).values())
                left -= Counter(photo_id for _, photo_id in gone)
                moved += again
                missing += len(gone) - again
                _warn_if_suspicious(join(root, scope.start), len(gone) - again, files)
                if gone or self._arrived:
                    catalogue.drop_vanished([file_id for file_id, _ in gone])
                self._forget_failures(catalogue, scope, disks, away)
                offline += [Scope(scope.root_id, join(root, folder)) for folder in sorted(away.met)]
        remember_mounts(catalogue, mounts)
        return Absences(moved, left.total(), missing, offline)

    def _count(self, catalogue: Catalogue, scope: Scope, disks: Disks) -> tuple[int, int]:
        """How many files the library knows in this place, and how many of them were not seen."""
        known = unseen = 0
        if disks.is_settled:
            for file_id in catalogue.file_ids_below(scope.root_id, scope.start):
                known += 1
                unseen += file_id not in self._seen
            return known, unseen
        for file_id, path, _ in self._known(catalogue, scope):
            seen = file_id in self._seen
            disks.count(file_id, path, seen=seen)
            known += 1
            unseen += not seen
        return known, unseen

    def _gone(
        self, catalogue: Catalogue, scope: Scope, disks: Disks, away: Away
    ) -> list[tuple[int, int]]:
        """(file id, photo id) of files that are not there though their disk is."""
        gone = []
        for file_id, path, photo_id in self._known(catalogue, scope):
            if file_id in self._seen or self._is_unread(scope, path):
                continue
            mount = disks.has_left(file_id, path)
            if mount is not None:
                away.met.add(mount)
            elif path not in away:
                gone.append((file_id, photo_id))
        return gone

    def _known(self, catalogue: Catalogue, scope: Scope) -> Iterator[tuple[int, bytes, int]]:
        return catalogue.files_below(scope.root_id, scope.start, missing=False)

    def _to_remember(self, catalogue: Catalogue, root_id: int, disks: Disks) -> dict[bytes, Spans]:
        """Of each mount all files are asked for, whatever part of the root the run was about."""
        if disks.is_settled:
            return disks.to_remember_settled(catalogue.last_file(root_id))
        files: dict[bytes, array[int]] = {mount: array("q") for mount in disks.mounts}
        for file_id, path, _ in catalogue.files_below(root_id, b"", missing=False):
            files[disks.mount_of(path)].append(file_id)
        return disks.to_remember(files, self._seen.__contains__)

    def _forget_failures(
        self, catalogue: Catalogue, scope: Scope, disks: Disks, away: Away
    ) -> None:
        failing = self._failing.get(scope.root, set())
        gone = [
            path
            for (path,) in catalogue.failures_below(scope.root_id, scope.start)
            if path not in failing
            and not self._is_unread(scope, path)
            and not disks.has_gone(path)
            and path not in away
        ]
        if gone:
            catalogue.drop_failures(scope.root_id, gone)

    def _is_unread(self, scope: Scope, path: bytes) -> bool:
        unread = self._unread.get(scope.root)
        return unread is not None and any(folder in unread for folder in ancestors(path))


def _is_one_file(scope: Scope) -> bool:
    return bool(scope.start) and os.path.isfile(join(scope.root, scope.start))


def _warn_if_suspicious(folder: bytes, lost: int, known: int) -> None:
    if lost >= max(_SUSPICIOUS_FILES, _SUSPICIOUS * known):
        logger.warning(
            "%s: %s of %s files are no longer there. If that is not meant so, do not run "
            "photosearch prune, which forgets them, before they are back",
            os.fsdecode(folder),
            f"{lost:,}",
            f"{known:,}",
        )


class _Bitmap:
    """A set of small whole numbers: a million file ids in 125 KB."""

    def __init__(self) -> None:
        self._bits = bytearray()

    def add(self, number: int) -> None:
        byte = number >> 3
        if byte >= len(self._bits):
            self._bits.extend(bytes(byte + 1 - len(self._bits) + (1 << 12)))
        self._bits[byte] |= 1 << (number & 7)

    def __contains__(self, number: int) -> bool:
        byte = number >> 3
        return byte < len(self._bits) and bool(self._bits[byte] & (1 << (number & 7)))
