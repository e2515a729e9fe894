"""What a run came across, and so what is no longer there.

In: file ids, paths and folders as the run meets them. Out: Absences, dealt with in the catalogue.
A file is only missing when its folder could be looked into and its root is really there.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

from photosearch.ingest.scopes import Scope
from photosearch.paths import relative_to
from photosearch.store.catalogue import Catalogue


@dataclass(frozen=True, slots=True)
class Absences:
    """What had been there at an earlier run."""

    moved: int
    copied: int
    missing: int
    emptied: list[Scope]  # roots in which nothing at all was found


class Attendance:
    """The register of one run over all its folders."""

    def __init__(self) -> None:
        self._seen = _Bitmap()
        self._found: Counter[bytes] = Counter()  # root → files found
        self._unread: dict[bytes, list[bytes]] = {}  # root → folders that cannot be looked into
        self._failing: dict[bytes, set[bytes]] = {}  # root → paths that fail, now or since long
        self._arrived: Counter[int] = Counter()  # photo → new paths of a known photo

    def found(self, scope: Scope, count: int) -> None:
        self._found[scope.root] += count

    def seen(self, file_id: int) -> None:
        self._seen.add(file_id)

    def arrived(self, photo_id: int) -> None:
        """A known photo lies at a path that is new."""
        self._arrived[photo_id] += 1

    def unread(self, scope: Scope, folder: bytes) -> None:
        self._unread.setdefault(scope.root, []).append(folder)
        self.failing(scope, folder)

    def failing(self, scope: Scope, path: bytes) -> None:
        self._failing.setdefault(scope.root, set()).add(path)

    def close(self, catalogue: Catalogue, scopes: list[Scope]) -> Absences:
        """Mark what is not there any more; after the last folder, so that moves are recognised."""
        left = Counter(self._arrived)
        moved = missing = 0
        emptied = []
        for scope in scopes:
            vanished = [
                (file_id, photo_id)
                for file_id, path, photo_id in catalogue.files_below(
                    scope.root_id, scope.start, missing=False
                )
                if file_id not in self._seen and not self._is_unread(scope, path)
            ]
            if vanished and not scope.start and not self._found[scope.root]:
                # An empty mount point looks like this; deleting every photo of a root does, too,
                # and is what `forget` is for.
                emptied.append(scope)
                continue
            for _, photo_id in vanished:
                if left[photo_id] > 0:
                    left[photo_id] -= 1
                    moved += 1
                else:
                    missing += 1
            if vanished or self._arrived:
                catalogue.drop_vanished([file_id for file_id, _ in vanished])
            self._forget_failures(catalogue, scope)
        return Absences(moved, left.total(), missing, emptied)

    def _forget_failures(self, catalogue: Catalogue, scope: Scope) -> None:
        failing = self._failing.get(scope.root, set())
        gone = [
            path
            for (path,) in catalogue.failures_below(scope.root_id, scope.start)
            if path not in failing and not self._is_unread(scope, path)
        ]
        if gone:
            catalogue.drop_failures(scope.root_id, gone)

    def _is_unread(self, scope: Scope, path: bytes) -> bool:
        return any(
            not folder or relative_to(path, folder) is not None
            for folder in self._unread.get(scope.root, [])
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
