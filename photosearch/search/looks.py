"""The looking side of a query: candidates by the vector index, cosines and relevance of photos.

In: a query's vector, an index, allowed ids. Out: a Ranking; figures by photo id.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from photosearch.index.base import Ranking, VectorIndex
    from photosearch.search.fuse import Found
    from photosearch.search.likeness import QueryVector
    from photosearch.store.snapshot import Model, Snapshot

Vectors = NDArray[np.float32]
# (query float32[dim], photos float32[n, dim]) → relevance float32[n], 0..1.
Judging = Callable[[Vectors, Vectors], Vectors]


@dataclass(frozen=True, slots=True)
class Seen:
    """What a query sees in a photo's parts."""

    cosine: float  # of the best part
    box: tuple[int, int, int, int]  # x0, y0, x1, y1 in the upright photo's pixels
    vector: Vectors


@dataclass(frozen=True, slots=True)
class Looks:
    """One side of a query: the vector, and where it is looked for."""

    wanted: QueryVector
    index: VectorIndex
    snapshot: Snapshot
    model: Model
    only: NDArray[np.int64] | None  # sorted ids of the photos that may be hits, None for all
    judge: Judging | None

    @property
    def count(self) -> int:
        """Photos that can be candidates, at most."""
        return len(self.index) if self.only is None else min(len(self.only), len(self.index))

    def search(self, count: int) -> Ranking:
        return self.index.search(self.wanted.vector, count, self.only)

    def add_cosines(self, found: Sequence[Found]) -> None:
        """The cosines of photos that words alone brought in."""
        lacking = [one for one in found if one.cosine is None]
        vectors = self.vectors_of([one.photo_id for one in lacking])
        for one in lacking:
            if one.photo_id in vectors:  # it may have been encoded with another model only
                one.cosine = float(vectors[one.photo_id] @ self.wanted.vector)

    def relevances(self, photo_ids: Sequence[int]) -> dict[int, float]:
        """Relevance by looks, of photos that have a vector; none where it cannot be judged."""
        vectors = self.vectors_of(photo_ids) if self.judge else {}
        if not self.judge or not vectors:
            return {}
        judged = self.judge(self.wanted.vector, np.stack(list(vectors.values())))
        return dict(zip(vectors, judged.tolist(), strict=True))

    def seen(self, photo_ids: Sequence[int]) -> dict[int, Seen]:
        """The part of each photo that fits best; none where only whole photos are compared."""
        return {}

    def vectors_of(self, photo_ids: Sequence[int]) -> dict[int, Vectors]:
        rows = self.snapshot.vectors_of(self.model.id, photo_ids) if photo_ids else []
        return {photo_id: np.frombuffer(blob, "<f2").astype(np.float32) for photo_id, blob in rows}
