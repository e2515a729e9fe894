"""Exact duplicates, near duplicates and bursts of a library.

In: a snapshot, the photos to look at, a way to the writer. Out: a DuplicatesReport; Progress on the
way. Near duplicates are found in three steps, each resumable because it stores what it found: a
perceptual hash for each photo (photos.py); pairs that are near by hash or by embedding; their
pixels. The catalogue is opened for writing only where there is something new to store, so a second
run needs neither the lock nor the photos.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np

from photosearch.duplicates import candidates
from photosearch.duplicates.comparing import Comparing, Counts
from photosearch.duplicates.groups import Star, neighbours, recentred, stars
from photosearch.duplicates.keep import (
    Candidate,
    what_cannot_be_got_back,
    what_is_lost,
    worth,
)
from photosearch.duplicates.photos import Options, Photos
from photosearch.duplicates.sequences import Shot, sequences
from photosearch.duplicates.told import told_burst, told_copies, told_star
from photosearch.records import Progress
from photosearch.reports.duplicates import DuplicateGroup, DuplicatesReport
from photosearch.store.hashes import (
    Compared,
)

if TYPE_CHECKING:
    from photosearch.store.catalogue import Catalogue
    from photosearch.store.snapshot import Model, Snapshot

KINDS = ("near", "exact", "burst")
# How many others are tried as the one to keep, where most of a group differs from it.
_ALTERNATIVES = 3
# How near to each other the frames of a burst look, as candidates.NEAR.
_BURST_NEARNESS = 0.5


def find(
    kind: str,
    snapshot: Snapshot,
    model: Model | None,
    writer: Callable[[], Catalogue],
    options: Options,
) -> DuplicatesReport:
    """Groups of one of KINDS. `writer` gives the catalogue for writing, when it is first needed."""
    started = time.monotonic()
    counts = Counts()
    photos = Photos(snapshot, model, writer, options, counts)
    run = _Run(snapshot, photos, writer, options, counts)
    groups = {"exact": run.exact, "near": run.near, "burst": run.bursts}[kind]()
    return DuplicatesReport(
        kind=kind,
        groups=tuple(groups),
        photos=len(photos.ids),
        hashed=counts.hashed,
        compared=counts.compared,
        unavailable=len(counts.unavailable),
        undated=run.undated,
        failed=tuple(photos.failures()) if kind == "near" else (),
        interrupted=options.should_stop(),
        seconds=time.monotonic() - started,
    )


class _Run:
    def __init__(
        self,
        snapshot: Snapshot,
        photos: Photos,
        writer: Callable[[], Catalogue],
        options: Options,
        counts: Counts,
    ) -> None:
        self._snapshot = snapshot
        self._photos = photos
        self._writer = writer
        self._options = options
        self._counts = counts
        self.undated = 0

    # Exact

    def exact(self) -> list[DuplicateGroup]:
        several = self._with_several_files()
        photos = sorted(
            self._photos.candidates(several).values(), key=lambda one: one.places[0].full
        )
        return [group for one in photos if (group := told_copies(one)) is not None]

    def _with_several_files(self) -> list[int]:
        rows = self._snapshot.rows(
            "SELECT photo_id FROM files WHERE missing = 0 GROUP BY photo_id HAVING count(*) > 1"
        )
        return [photo_id for (photo_id,) in rows if photo_id in self._photos.wanted]

    # Near

    def near(self) -> list[DuplicateGroup]:
        self._photos.hash_all()
        pairs = self._pairs()
        if self._options.should_stop():
            return []
        near = neighbours(pairs)
        photos = self._photos.candidates([*near, *self._with_several_files()])
        in_order = sorted(photos.values(), key=worth)
        comparing = Comparing(photos, self._snapshot, self._writer, self._counts)
        done = 0

        def belongs(kept: int, other: int) -> Compared | None:
            nonlocal done
            done += 1
            self._options.progress(Progress(done, None, 0, 0, stage="pairs"))
            if kept not in photos or other not in photos:
                return None
            return comparing(photos[kept], photos[other])

        try:
            found = [
                self._recentred(star, photos, belongs)
                for star in stars(
                    [one.photo_id for one in in_order], near, belongs, self._options.should_stop
                )
            ]
        finally:
            comparing.store()
        if self._options.should_stop():
            return []
        starred = {one for star in found for one in (star.kept, *(o for o, _ in star.others))}
        groups: list[DuplicateGroup | None] = [told_star(star, photos) for star in found]
        groups += [told_copies(one) for one in in_order if one.photo_id not in starred]
        kept = [group for group in groups if group is not None]
        return sorted(kept, key=lambda group: (-len(group.files), str(group.kept.path)))

    def _recentred(
        self,
        star: Star,
        photos: dict[int, Candidate],
        belongs: Callable[[int, int], Compared | None],
    ) -> Star:
        """The group around a photo that most of the others agree with, where there is one."""
        kept = photos[star.kept]
        equals = [
            other
            for other in (photos[photo_id] for photo_id, _ in star.others)
            if what_cannot_be_got_back(other) == what_cannot_be_got_back(kept)
        ]
        return recentred(
            star,
            [one.photo_id for one in sorted(equals, key=worth)[:_ALTERNATIVES]],
            belongs,
            lambda one, other, found: what_is_lost(photos[one], photos[other], found) is None,
        )

    def _pairs(self) -> list[tuple[int, int]]:
        """Pairs worth comparing, the likeliest first."""
        if self._options.should_stop():
            return []
        hashes = self._photos.hashes()
        ids = [photo_id for photo_id, _ in hashes]
        bits = np.frombuffer(b"".join(found for _, found in hashes), ">u8").astype(np.uint64)
        one, other = candidates.pairs(bits, self._photos.vectors(ids), self._options.should_stop)
        numbers = np.array(ids, np.int64)
        return list(zip(numbers[one].tolist(), numbers[other].tolist(), strict=True))

    # Bursts

    def bursts(self) -> list[DuplicateGroup]:
        shots = []
        dated = 0
        for photo_id, taken_at, make, camera in self._snapshot.rows(
            "SELECT id, taken_at, make, camera FROM photos WHERE taken_at IS NOT NULL"
        ):
            if photo_id in self._photos.wanted:
                dated += 1
                shots.append(Shot(photo_id, taken_at, (make, camera)))
        self.undated = len(self._photos.ids) - dated
        row_of = {shot.photo_id: row for row, shot in enumerate(shots)}
        vectors = self._photos.vectors(list(row_of))
        least = candidates.least_cosine(candidates.sample_of(vectors), _BURST_NEARNESS)

        def alike(one: int, other: int) -> bool:
            rows = vectors[[row_of[one], row_of[other]]].astype(np.float32)
            return float(rows[0] @ rows[1]) >= least

        found = sequences(shots, alike)
        photos = self._photos.candidates([one for frames in found for one in frames])
        groups = []
        for frames in found:
            present = [photos[one] for one in frames if one in photos]
            if len({one.taken_at for one in present}) > 1 or len(present) > 2:
                groups.append(told_burst(present))
        return groups
