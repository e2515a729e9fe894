"""The photos among which duplicates are looked for, and what the library knows of them.

In: a snapshot, which photos count. Out: candidates with their files, vectors, hashes; the hashing
of those that have none yet, stored a block at a time.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from photosearch.duplicates import fingerprint
from photosearch.duplicates.comparing import BLOCK, Counts
from photosearch.duplicates.keep import Candidate, Place, candidate
from photosearch.duplicates.pixels import hash_of
from photosearch.ordered import ordered_map
from photosearch.paths import join, to_path
from photosearch.records import Failure, Progress
from photosearch.store.hashes import NewHash, failed_hashes, hashes_of, store_hashes, unhashed

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from photosearch.store.catalogue import Catalogue
    from photosearch.store.snapshot import Model, Snapshot


@dataclass(frozen=True, slots=True)
class Options:
    """How to run."""

    only: Collection[int] | None = None  # the photos that are looked at, None for all
    accepts_path: Callable[[bytes], bool] = lambda path: True
    jobs: int = 2
    progress: Callable[[Progress], None] = lambda progress: None
    should_stop: Callable[[], bool] = lambda: False


class Photos:
    """Those that are looked at: all of the library, or the ones that pass filters."""

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
        self._colours: dict[int, float] = {}
        ids = snapshot.photo_ids()
        only = None if options.only is None else set(options.only)
        self.ids = ids if only is None else [one for one in ids if one in only]
        self.wanted = frozenset(self.ids)

    def hashes(self) -> list[tuple[int, bytes]]:
        """(photo id, perceptual hash) of those that have one."""
        found = hashes_of(self._snapshot, fingerprint.KIND)
        rows = [row for row in found if row[0] in self.wanted]
        self._colours = {photo_id: colour for photo_id, _, colour in rows}
        return [(photo_id, bits) for photo_id, bits, _ in rows]

    def hash_all(self) -> None:
        """Hash the photos that have no perceptual hash yet; what is done is stored as it goes."""
        waiting = [one for one in unhashed(self._snapshot, fingerprint.KIND) if one in self.wanted]
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

    def vectors(self, photo_ids: list[int]) -> NDArray[np.float16]:
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

    def candidates(self, photo_ids: Collection[int]) -> dict[int, Candidate]:
        """Photos with their files that pass, by id; those without any are left out."""
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
        reasons = failed_hashes(self._snapshot, fingerprint.KIND)
        files = self._files([one for one in reasons if one in self.wanted])
        for photo_id, (_, places) in files.items():
            yield Failure(to_path(places[0].root, places[0].path), reasons[photo_id])
