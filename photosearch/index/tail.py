"""Chosen rows compared exactly by numpy: newer than the index file, or a small filtered set.

In: ids and float16 rows. Out: a Ranking.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

from photosearch.index.base import Ranking, best

# Rows widened to float32 at a time, so that they stay in the processor's cache.
_BLOCK = 2048


class Tail:
    """A small set of vectors, held in memory."""

    def __init__(self, ids: NDArray[np.int64], rows: NDArray[np.float16]) -> None:
        self.ids = ids
        self.rows = rows

    @classmethod
    def from_rows(cls, rows: Iterable[tuple[int, bytes]], dim: int) -> Tail:
        """From (photo id, float16 bytes) pairs as the catalogue gives them."""
        ids: list[int] = []
        blobs: list[bytes] = []
        for photo_id, blob in rows:
            ids.append(photo_id)
            blobs.append(blob)
        matrix = np.frombuffer(b"".join(blobs), "<f2").reshape(len(ids), dim)
        return cls(np.array(ids, np.int64), matrix)

    def __len__(self) -> int:
        return len(self.ids)

    def search(
        self, vector: NDArray[np.float32], k: int, only: NDArray[np.int64] | None = None
    ) -> Ranking:
        """The k best of all, or of the photos in `only`."""
        ids, rows = self.ids, self.rows
        if only is not None:
            chosen = np.isin(ids, only)
            ids, rows = ids[chosen], rows[chosen]
        scores = np.empty(len(ids), np.float32)
        for at in range(0, len(ids), _BLOCK):
            scores[at : at + _BLOCK] = rows[at : at + _BLOCK].astype(np.float32) @ vector
        return best(ids, scores, k)
