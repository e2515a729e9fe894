"""The codes of the scan: learning a product quantiser, and encoding rows with it.

In: a file that begins with float16 rows. Out: FAISS's index of their codes, ids being row numbers.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import faiss as typed_faiss
import numpy as np
from numpy.typing import NDArray

# Its stubs lack the quantisers used here.
faiss: Any = typed_faiss

DIMENSIONS_A_CODE = 4  # of a vector, in 4 bits
_BLOCK = 8192  # rows encoded at a time: 8 MB
_SAMPLE = 8192  # rows that the quantiser learns from
_ROUNDS = 10  # of k-means


def encode(path: Path, count: int, dim: int, like: Any) -> Any:
    """Codes of the rows that a file begins with."""
    codes = _quantiser(_sample(path, count, dim), dim) if like is None else _empty_like(like, dim)
    with path.open("rb") as file:
        for at in range(0, count, _BLOCK):
            block = np.frombuffer(file.read(min(_BLOCK, count - at) * dim * 2), "<f2")
            codes.add(block.reshape(-1, dim).astype(np.float32))
    return codes


def _sample(path: Path, count: int, dim: int) -> NDArray[np.float32]:
    rows = []
    with path.open("rb") as file:
        for place in np.linspace(0, count - 1, min(count, _SAMPLE)).astype(np.int64).tolist():
            file.seek(place * dim * 2)
            rows.append(file.read(dim * 2))
    return np.frombuffer(b"".join(rows), "<f2").reshape(-1, dim).astype(np.float32)


def _quantiser(sample: NDArray[np.float32], dim: int) -> Any:
    """An index that has learned, and is empty."""
    rotation = faiss.LinearTransform(dim, dim, False)
    faiss.copy_array_to_vector(_balanced(sample).ravel(), rotation.A)
    rotation.is_trained = True
    inner = _one_cell(dim)
    inner.pq.cp.niter = _ROUNDS
    inner.pq.cp.min_points_per_centroid = 1  # of few, FAISS would write to standard error
    codes = faiss.IndexPreTransform(rotation, inner)
    codes.train(sample)
    return codes


def _empty_like(like: Any, dim: int) -> Any:
    inner = _one_cell(dim)
    inner.pq = faiss.downcast_index(like.index).pq
    inner.is_trained = True
    known = faiss.downcast_VectorTransform(like.chain.at(0))
    rotation = faiss.LinearTransform(dim, dim, False)
    rotation.A = known.A
    rotation.is_trained = True
    return faiss.IndexPreTransform(rotation, inner)


def _one_cell(dim: int) -> Any:
    """Unlike the plain fast-scan index, one with cells takes id selectors: here all is one cell."""
    coarse = faiss.IndexFlatIP(dim)
    coarse.add(np.zeros((1, dim), np.float32))
    inner = faiss.IndexIVFPQFastScan(
        coarse, dim, 1, dim // DIMENSIONS_A_CODE, 4, faiss.METRIC_INNER_PRODUCT
    )
    inner.by_residual = False
    return inner


def _balanced(sample: NDArray[np.float32]) -> NDArray[np.float32]:
    """The rotation (its rows are axes) to principal axes, dealt out so that each group of 4 that
    makes a code holds as much as the others. Few axes hold nearly everything that photos differ
    in: the candidates that have to be ranked for the same recall are a half to a third.
    """
    variances, axes = np.linalg.eigh(np.cov(sample, rowvar=False))
    logs = np.log(np.maximum(variances, variances[-1] * 1e-6 + 1e-12))
    groups: list[list[int]] = [[] for _ in range(len(logs) // DIMENSIONS_A_CODE)]
    held = np.zeros(len(groups))
    for axis in range(len(logs) - 1, -1, -1):  # the largest first, to the group that has least
        group = int(np.argmin(held))
        groups[group].append(axis)
        held[group] += logs[axis] - logs[0] + 1e-6
        if len(groups[group]) == DIMENSIONS_A_CODE:
            held[group] = np.inf
    dealt = np.concatenate([np.array(group) for group in groups])
    turned: NDArray[np.float32] = np.ascontiguousarray(axes[:, dealt].T, np.float32)
    return turned
