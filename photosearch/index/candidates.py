"""Candidates by Milvus, ranked by the catalogue's own vectors.

In: a collection and how far it goes. Out: a Ranking, the same as of every other index. A row that
should not be there can push no photo out; what is newer is compared beside it; where Milvus cannot
be relied on, or cannot give enough, everything is: slower, and right.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice

import numpy as np
from numpy.typing import NDArray

from photosearch.index.base import Ranking, best
from photosearch.index.milvus import MOST, Collection
from photosearch.index.pushdown import Condition, conditions, lists
from photosearch.store.snapshot import Model, Snapshot

Ids = NDArray[np.int64]
Vector = NDArray[np.float32]
Row = tuple[int, int, bytes]  # vector id, photo id, float16 bytes

_STREAMED = 4096  # rows compared at a time
_HELD = 20_000  # newer photos kept in memory between searches; more are read each time
_MARGIN = 16  # candidates beyond those wanted
_ROUNDING = 1e-5


class MilvusIndex:
    """The collection, and beside it what was stored since."""

    def __init__(
        self, snapshot: Snapshot, model: Model, collection: Collection, last_id: int | None
    ) -> None:
        self._snapshot = snapshot
        self._model = model
        self._collection = collection
        self._last_id = last_id  # None: what lies there cannot be relied on
        newer = islice(snapshot.vectors_after(model.id, last_id or 0), _HELD + 1)
        held = [] if last_id is None else list(newer)
        self._newer = held if len(held) <= _HELD else None

    def __len__(self) -> int:
        return self._model.vectors

    def search(self, vector: Vector, k: int, only: Ids | None = None) -> Ranking:
        """The k best of all, or of the photos in `only` (sorted ids)."""
        k = min(k, len(self) if only is None else len(only))
        if k <= 0:
            return best(np.empty(0, np.int64), np.empty(0, np.float32), 0)
        if only is not None and len(only) <= k + _MARGIN:
            return self._ranked(only, vector, k)  # all of them are candidates
        if self._last_id is not None:
            for plan in (conditions(only), lists(only) if only is not None else []):
                found = [self._among(condition, vector, k) for condition in plan]
                sure = [ranking for ranking in found if ranking is not None]
                if found and len(sure) == len(found):
                    newer = self._rows(self._last_id) if self._newer is None else self._newer
                    return _merged([*sure, _compared(newer, vector, k, only)], k)
        return _compared(self._rows(0), vector, k, only)

    def _among(self, condition: Condition, vector: Vector, k: int) -> Ranking | None:
        """The k best of a condition's photos; None where more are needed than Milvus gives.

        Photos that are not among the candidates score, by its arithmetic, no more than the last of
        these: when this falls below the k-th, whatever rounding did, none of them is missing.
        """
        slack = _ROUNDING
        if self._collection.is_half:  # it takes the query in float16 only
            slack += float(np.linalg.norm(vector - vector.astype(np.float16).astype(np.float32)))
        count = int((k + _MARGIN) / condition.share * 1.25) if condition.share < 1 else k + _MARGIN
        while count <= MOST:
            found = self._collection.search(vector, count, condition)
            ids = found.ids
            if condition.ids is not None and len(ids):
                ids = ids[np.isin(ids, condition.ids)]
            ranking = self._ranked(ids, vector, k)
            if len(found.ids) < count or (
                len(ranking.ids) == k and found.scores[-1] + slack < ranking.scores[-1]
            ):
                return ranking
            count = MOST if count < MOST < 2 * count else 2 * count
        return None

    def _ranked(self, ids: Ids, vector: Vector, k: int) -> Ranking:
        rows = self._snapshot.vectors_of(self._model.id, ids.tolist())
        return _compared([(0, *row) for row in rows], vector, k, None)

    def _rows(self, last_id: int) -> Iterator[Row]:
        return self._snapshot.vectors_after(self._model.id, last_id)


def _compared(rows: Iterator[Row] | list[Row], vector: Vector, k: int, only: Ids | None) -> Ranking:
    """The k best of rows of the catalogue, read in blocks."""
    kept = Ranking(np.empty(0, np.int64), np.empty(0, np.float32))
    stream = iter(rows)
    while block := list(islice(stream, _STREAMED)):
        ids = np.array([photo_id for _, photo_id, _ in block], np.int64)
        matrix = np.frombuffer(b"".join(blob for *_, blob in block), "<f2").reshape(len(ids), -1)
        if only is not None:
            chosen = np.isin(ids, only)
            ids, matrix = ids[chosen], matrix[chosen]
        # Row by row in the same order: equal vectors get equal scores, wherever they stand.
        scores = np.einsum("ij,j->i", matrix.astype(np.float32), vector)
        kept = _merged([kept, Ranking(ids, scores)], k)
    return kept


def _merged(rankings: list[Ranking], k: int) -> Ranking:
    ids, first = np.unique(np.concatenate([one.ids for one in rankings]), return_index=True)
    return best(ids, np.concatenate([one.scores for one in rankings])[first], k)
