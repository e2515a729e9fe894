"""Exact duplicates, near duplicates and bursts of a library.

In: a snapshot, the photos to look at, a way to the writer. Out: a DuplicatesReport; Progress on the
way. Near duplicates are found in three steps, each resumable because it stores what it found: a
perceptual hash for each photo; pairs that are near by hash or by embedding; their pixels. The
catalogue is opened for writing only where there is something new to store, so a second run needs
neither the lock nor the photos.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from photosearch.duplicates import candidates, fingerprint
from photosearch.duplicates.comparing import BLOCK, Comparing, Counts
from photosearch.duplicates.groups import Star, neighbours, recentred, stars
from photosearch.duplicates.keep import (
    Candidate,
    Place,
    candidate,
    what_cannot_be_got_back,
    what_is_lost,
    worth,
)
from photosearch.duplicates.pixels import hash_of
from photosearch.duplicates.sequences import Shot, sequences
from photosearch.duplicates.told import told_burst, told_copies, told_star
from photosearch.ordered import ordered_map
from photosearch.paths import join, to_path
from photosearch.records import Failure, Progress
from photosearch.reports.duplicates import DuplicateGroup, DuplicatesReport
from photosearch.store.hashes import (
    Compared,
    NewHash,
    failed_hashes,
    hashes_of,
    store_hashes,
    unhashed,
)

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from photosearch.store.catalogue import Catalogue
    from photosearch.store.snapshot import Model, Snapshot

KINDS = ("near", "exact", "burst")
# How many others are tried as the one to keep, where most of a group differs from it.
_ALTERNATIVES = 3
# How near to each other the frames of a burst look, as candidates.NEAR.
_BURST_NEARNESS = 0.5


@dataclass(frozen=True, slots=True)
class Options:
    """How to run."""

    only: Collection[int] | None = None  # the photos that are looked at, None for all
    accepts_path: Callable[[bytes], bool] = lambda path: True
    jobs: int = 2
    progress: Callable[[Progress], None] = lambda progress: None
    should_stop: Callable[[], bool] = lambda: False


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
    run = _Run(snapshot, model, writer, options, counts)
    groups = {"exact": run.exact, "near": run.near, "burst": run.bursts}[kind]()
    return DuplicatesReport(
        kind=kind,
        groups=tuple(groups),
        photos=len(run.photo_ids),
        hashed=counts.hashed,
        compared=counts.compared,
        unavailable=len(counts.unavailable),
        undated=run.undated,
        failed=tuple(run.failures()) if kind == "near" else (),
        interrupted=options.should_stop(),
        seconds=time.monotonic() - started,
    )


class _Run:
    def __init__(
        self,
        snapshot: Snapshot,
        model: Model | None,
        writer: Callable[[], Catalogue],
        options: Options,
        counts: Counts,
    ) -> None:
        self._snapshot = snapshot
        self._model = model
        self._writer = writer
        self._options = options
        self._counts = counts
        ids = snapshot.photo_ids()
        only = None if options.only is None else set(options.only)
        self.photo_ids = ids if only is None else [one for one in ids if one in only]
        self.undated = 0
        self._colours: dict[int, float] = {}

    # Exact

    def exact(self) -> list[DuplicateGroup]:
        several = self._with_several_files()
        photos = sorted(self._candidates(several).values(), key=lambda one: one.places[0].full)
        return [group for one in photos if (group := told_copies(one)) is not None]

    def _with_several_files(self) -> list[int]:
        rows = self._snapshot.rows(
            "SELECT photo_id FROM files WHERE missing = 0 GROUP BY photo_id HAVING count(*) > 1"
        )
        wanted = set(self.photo_ids)
        return [photo_id for (photo_id,) in rows if photo_id in wanted]

    # Near

    def near(self) -> list[DuplicateGroup]:
        self._hash_all()
        pairs = self._pairs()
        if self._options.should_stop():
            return []
        near = neighbours(pairs)
        photos = self._candidates([*near, *self._with_several_files()])
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

    def _hash_all(self) -> None:
        wanted = set(self.photo_ids)
        waiting = [one for one in unhashed(self._snapshot, fingerprint.KIND) if one in wanted]
        total, done = len(waiting), 0
        ready: list[NewHash] = []

        def sources() -> Iterator[tuple[int, bytes, list[Place]]]:
            for at in range(0, len(waiting), BLOCK):
                for photo_id, (digest, places) in self._files(waiting[at : at + BLOCK]).items():
                    if self._options.should_stop():
                        return
                    yield photo_id, digest, places

        with ThreadPoolExecutor(self._options.jobs, "hashes") as pool:
            results = ordered_map(
                lambda source: (source[0], hash_of(*source)),
                sources(),
                pool=pool,
                ahead=2 * self._options.jobs,
            )
            for photo_id, found in results:
                done += 1
                if found is None:
                    self._counts.unavailable.add(photo_id)
                else:
                    ready.append(found)
                if len(ready) >= BLOCK:
                    self._store_hashes(ready)
                self._options.progress(Progress(done, total, 0, 0, stage="hashes"))
        self._store_hashes(ready)

    def _store_hashes(self, ready: list[NewHash]) -> None:
        if ready:
            store_hashes(self._writer(), fingerprint.KIND, ready)
            self._counts.hashed += len(ready)
            ready.clear()

    def _pairs(self) -> list[tuple[int, int]]:
        """Pairs worth comparing, the likeliest first."""
        if self._options.should_stop():
            return []
        wanted = set(self.photo_ids)
        rows = [row for row in hashes_of(self._snapshot, fingerprint.KIND) if row[0] in wanted]
        self._colours = {photo_id: colour for photo_id, _, colour in rows}
        ids = [row[0] for row in rows]
        bits = np.frombuffer(b"".join(row[1] for row in rows), ">u8").astype(np.uint64)
        one, other = candidates.pairs(bits, self._vectors(ids), self._options.should_stop)
        numbers = np.array(ids, np.int64)
        return list(zip(numbers[one].tolist(), numbers[other].tolist(), strict=True))

    def _vectors(self, photo_ids: list[int]) -> NDArray[np.float16]:
        """Embeddings row by row, zeros where a photo has none: 100 MB for 100,000 photos."""
        if self._model is None:
            return np.zeros((len(photo_ids), 1), np.float16)
        out = np.zeros((len(photo_ids), self._model.dim), np.float16)
        row_of = {photo_id: row for row, photo_id in enumerate(photo_ids)}
        for at in range(0, len(photo_ids), 1000):
            block = photo_ids[at : at + 1000]
            for photo_id, blob in self._snapshot.vectors_of(self._model.id, block):
                out[row_of[photo_id]] = np.frombuffer(blob, "<f2")
        return out

    # Bursts

    def bursts(self) -> list[DuplicateGroup]:
        wanted = set(self.photo_ids)
        shots = []
        dated = 0
        for photo_id, taken_at, make, camera in self._snapshot.rows(
            "SELECT id, taken_at, make, camera FROM photos WHERE taken_at IS NOT NULL"
        ):
            if photo_id in wanted:
                dated += 1
                shots.append(Shot(photo_id, taken_at, (make, camera)))
        self.undated = len(self.photo_ids) - dated
        row_of = {shot.photo_id: row for row, shot in enumerate(shots)}
        vectors = self._vectors(list(row_of))
        least = candidates.least_cosine(candidates.sample_of(vectors), _BURST_NEARNESS)

        def alike(one: int, other: int) -> bool:
            rows = vectors[[row_of[one], row_of[other]]].astype(np.float32)
            return float(rows[0] @ rows[1]) >= least

        found = sequences(shots, alike)
        photos = self._candidates([one for frames in found for one in frames])
        groups = []
        for frames in found:
            present = [photos[one] for one in frames if one in photos]
            if len({one.taken_at for one in present}) > 1 or len(present) > 2:
                groups.append(told_burst(present))
        return groups

    # What is known of photos

    def _candidates(self, photo_ids: Collection[int]) -> dict[int, Candidate]:
        files = self._files(list(dict.fromkeys(photo_ids)))
        return {
            photo_id: candidate(
                self._snapshot.photo_columns(photo_id), self._colours.get(photo_id), places
            )
            for photo_id, (_, places) in files.items()
        }

    def _files(self, photo_ids: list[int]) -> dict[int, tuple[bytes, list[Place]]]:
        found: dict[int, tuple[bytes, list[Place]]] = {}
        for photo_id, digest, root, path, size, mtime_ns in self._snapshot.files_of(photo_ids):
            if self._options.accepts_path(join(root, path)):
                places = found.setdefault(photo_id, (digest, []))[1]
                places.append(Place(root, path, size, mtime_ns))
        return found

    def failures(self) -> Iterator[Failure]:
        """Photos whose pixels could not be had, this time or an earlier one."""
        wanted = set(self.photo_ids)
        reasons = failed_hashes(self._snapshot, fingerprint.KIND)
        files = self._files([one for one in reasons if one in wanted])
        for photo_id, (_, places) in files.items():
            yield Failure(to_path(places[0].root, places[0].path), reasons[photo_id])
