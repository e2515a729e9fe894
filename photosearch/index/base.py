"""The seam of vector indexes: inner product of one query with many unit vectors.

Ids are photo ids. Results are best first; equal scores stand in the order of ids, so that a
ranking is the same whatever index made it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray


class Ranking(NamedTuple):
    """Ids and their scores, best first."""

    ids: NDArray[np.int64]
    scores: NDArray[np.float32]


class Rows(Protocol):
    """What an index is made of: the vectors of photos (a snapshot), or of their parts."""

    def setting(self, name: str) -> str | None: ...

    def vectors_after(self, model_id: int, last_id: int) -> Iterator[tuple[int, int, bytes]]:
        """(row id, id, float16 bytes) of a model, in order, past a row id."""
        ...

    def vector_row(self, vector_id: int) -> tuple[int, int, bytes] | None:
        """(model id, id, float16 bytes) of the last vector of a row."""
        ...

    def vectors_of(self, model_id: int, photo_ids: Sequence[int]) -> list[tuple[int, bytes]]:
        """(id, float16 bytes) of those that have a vector of this model."""
        ...


class VectorIndex(Protocol):
    """Anything that ranks vectors."""

    def __len__(self) -> int: ...

    def search(
        self, vector: NDArray[np.float32], k: int, only: NDArray[np.int64] | None = None
    ) -> Ranking:
        """The k best of all, or of the photos in `only` (sorted ids)."""
        ...


def best(ids: NDArray[np.int64], scores: NDArray[np.float32], k: int) -> Ranking:
    """The k best of unordered results."""
    if len(scores) > k > 0:
        # Everything that equals the k-th score stays in the running, for the order of ids.
        least = np.partition(scores, len(scores) - k)[len(scores) - k]
        kept = scores >= least
        ids, scores = ids[kept], scores[kept]
    order = np.lexsort((ids, -scores))[: max(k, 0)]
    return Ranking(ids[order], scores[order])
