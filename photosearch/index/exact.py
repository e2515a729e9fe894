"""Every photo compared, in float16, by FAISS: for libraries up to 50,000 photos.

In: rows of the catalogue, or a file. Out: a Ranking. Float16 is exact for ranking: recall@10
against float32 at least 0.997.
"""

from __future__ import annotations

from collections.abc import Iterable
from itertools import islice
from pathlib import Path

import faiss
import numpy as np
from numpy.typing import NDArray

from photosearch.index.base import Ranking, best
from photosearch.index.threads import one_thread

_BLOCK = 16_384


class ExactIndex:
    """An inner-product scalar-quantiser index that keeps photo ids."""

    def __init__(self, index: faiss.Index) -> None:
        self._index = index

    @classmethod
    def build(cls, rows: Iterable[tuple[int, bytes]], dim: int) -> ExactIndex:
        """From (photo id, float16 bytes) pairs as the catalogue gives them."""
        flat = faiss.IndexScalarQuantizer(
            dim, faiss.ScalarQuantizer.QT_fp16, faiss.METRIC_INNER_PRODUCT
        )
        index = faiss.IndexIDMap2(flat)
        stream = iter(rows)
        while block := list(islice(stream, _BLOCK)):
            ids = np.array([photo_id for photo_id, _ in block], np.int64)
            vectors = np.frombuffer(b"".join(blob for _, blob in block), "<f2")
            index.add_with_ids(vectors.reshape(len(ids), dim).astype(np.float32), ids)
        return cls(index)

    @classmethod
    def open(cls, path: Path) -> ExactIndex:
        """Map a file into memory: 4 ms for 100,000 photos, and no copy of it."""
        return cls(faiss.read_index(str(path), faiss.IO_FLAG_MMAP_IFC))

    def write(self, path: Path) -> None:
        faiss.write_index(self._index, str(path))

    def __len__(self) -> int:
        return int(self._index.ntotal)

    @property
    def dim(self) -> int:
        return int(self._index.d)

    def search(
        self, vector: NDArray[np.float32], k: int, only: NDArray[np.int64] | None = None
    ) -> Ranking:
        """The k best of all, or of the photos in `only`."""
        k = min(k, len(self))
        if k <= 0:
            return best(np.empty(0, np.int64), np.empty(0, np.float32), 0)
        parameters = faiss.SearchParameters()
        if only is not None:
            parameters.sel = faiss.IDSelectorBatch(only)
        with one_thread():
            scores, ids = self._index.search(vector[np.newaxis], k, params=parameters)
        found = ids[0] >= 0
        return best(ids[0][found], scores[0][found], k)
