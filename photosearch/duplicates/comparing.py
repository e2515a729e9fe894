"""The second check of near duplicates: two photos at a time, each pair once in a library's life.

In: two photos of the catalogue. Out: what their pixels have to do with each other, None where the
other is no duplicate of the one to keep. What was compared is stored, whatever the outcome.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from photosearch.duplicates.keep import Candidate
from photosearch.duplicates.pixels import Views
from photosearch.duplicates.sequences import are_other_shots
from photosearch.store.hashes import DIFFERENT, Compared, compared, store_pairs

if TYPE_CHECKING:
    from photosearch.store.catalogue import Catalogue
    from photosearch.store.snapshot import Snapshot

# What one transaction stores.
BLOCK = 64
# The kept photo must show this much of the other: what it lacks would be lost with the other.
_SHOWN = 0.97


@dataclass(slots=True)
class Counts:
    """What a run did."""

    hashed: int = 0
    compared: int = 0
    unavailable: set[int] = field(default_factory=set)


class Comparing:
    """The second check, of two photos at a time; remembers what it found."""

    def __init__(
        self,
        photos: dict[int, Candidate],
        snapshot: Snapshot,
        writer: Callable[[], Catalogue],
        counts: Counts,
    ) -> None:
        self._snapshot = snapshot
        self._writer = writer
        self._counts = counts
        self._views = Views()
        self._fresh: dict[tuple[int, int], Compared] = {}  # not stored yet

    def __call__(self, kept: Candidate, other: Candidate) -> Compared | None:
        if are_other_shots(kept.taken_at, other.taken_at):
            return None
        found = self._compare(kept, other)
        if found is None or found.verdict == DIFFERENT or found.shown_other < _SHOWN:
            return None
        return found

    def _compare(self, kept: Candidate, other: Candidate) -> Compared | None:
        from photosearch.duplicates import same_picture

        # Always the same one is laid over the other, whichever is asked about.
        first, second = sorted((kept, other), key=lambda one: one.photo_id)
        pair = first.photo_id, second.photo_id
        known = self._fresh.get(pair) or compared(self._snapshot, same_picture.KIND, *pair)
        if known is not None:
            return known if first is kept else known.turned()
        views = [self._views(one.photo_id, one.digest, one.places) for one in (first, second)]
        self._counts.unavailable |= self._views.unavailable
        if views[0] is None or views[1] is None:
            return None
        found = same_picture.compare(views[0], views[1])
        self._fresh[pair] = found
        self._counts.compared += 1
        if len(self._fresh) >= BLOCK:
            self.store()
        return found if first is kept else found.turned()

    def store(self) -> None:
        from photosearch.duplicates import same_picture

        if self._fresh:
            pairs = ((*pair, found) for pair, found in self._fresh.items())
            store_pairs(self._writer(), same_picture.KIND, pairs)
            self._fresh.clear()
