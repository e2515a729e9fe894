"""Every photo's code looked at, the likeliest ranked exactly: for libraries of 50,000 and more.

In: rows of the catalogue, or a file. Out: a Ranking, the same as ExactIndex gives. A code is a
product quantiser's, 4 bits for each 4 dimensions (64 bytes for 512), in FAISS's fast-scan layout.
Candidates are looked at in the order of their estimates, by their float16 vectors in the same file,
until no other can be expected to pass the k-th best.

The file: float16 rows, ids (int64), the codes as FAISS writes them. Only what a search touches is
read: 64 MB of codes for a million photos, and some thousands of rows of a kilobyte.
"""

from __future__ import annotations

import mmap
import time
from collections.abc import Iterable
from itertools import islice
from pathlib import Path
from typing import Any

import faiss as typed_faiss
import numpy as np
from numpy.typing import NDArray

from photosearch.index.base import Ranking, best
from photosearch.index.codes import DIMENSIONS_A_CODE, encode
from photosearch.index.threads import one_thread

try:
    import resource
except ImportError:  # Windows
    resource = None  # type: ignore[assignment]

# Its stubs lack the readers used here.
faiss: Any = typed_faiss

_BLOCK = 8192  # rows written at a time: 8 MB
# Candidates fetched at first. More are fetched where the estimates cannot tell photos apart.
_FIRST = 4096
_STEP = 512  # candidates ranked at a time
# A touched page maps 16: a few queries map the whole file. Up to this size they may, for mapping
# pages anew takes longer than comparing the rows on them (0.7 ms of 1.1 for 512); of larger files
# they are let go after each step.
_KEPT_MAPPED = 128 << 20
# How many standard deviations of the estimates' error a candidate may lie below the k-th best.
_SPREAD = 5.0
# Up to so many allowed photos are compared without a look at codes.
_EXACT = 8192
# From this share of all on, ranking all is quicker than choosing candidates.
_DENSE = 0.1
# Reading this many rows takes 0.1 ms from memory, and more than the limit from a disk.
_PROBE, _PROBE_SECONDS = 32, 0.002
_WIDE = 2048  # rows compared at a time: 2 MB, which stay in the processor's cache


def can_scan(dim: int) -> bool:
    """Whether vectors of this width have such codes."""
    return dim % (2 * DIMENSIONS_A_CODE) == 0


class ScanIndex:
    """Codes, ids and rows of one file, mapped into memory."""

    def __init__(self, mapped: mmap.mmap, count: int, dim: int) -> None:
        self._mapped = mapped
        self._row_bytes = count * dim * 2
        ids_end = self._row_bytes + count * 8
        whole = np.frombuffer(mapped, np.uint8)
        self._rows: NDArray[np.float16] = whole[: self._row_bytes].view("<f2").reshape(count, dim)
        self._ids: NDArray[np.int64] = whole[self._row_bytes : ids_end].view("<i8")
        self._bytes = whole[ids_end:]  # FAISS keeps a view of it
        reader = faiss.ZeroCopyIOReader(faiss.swig_ptr(self._bytes), len(self._bytes))
        self.codes: Any = faiss.read_index(reader, faiss.IO_FLAG_MMAP_IFC)
        if (self.codes.ntotal, self.codes.d) != (count, dim):
            raise RuntimeError("codes of other vectors")
        self._advise("MADV_RANDOM", 0, self._row_bytes)

    @classmethod
    def open(cls, path: Path, count: int, dim: int) -> ScanIndex:
        """Map a file; raises OSError, RuntimeError or ValueError where it is none of ours."""
        with path.open("rb") as file:
            return cls(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ), count, dim)

    @staticmethod
    def write(
        path: Path, rows: Iterable[tuple[int, bytes]], dim: int, like: ScanIndex | None = None
    ) -> int:
        """Make a file of (photo id, float16 bytes) pairs, block by block; gives their number.

        like: an index whose quantiser is used again, which saves the seconds of learning one.
        """
        ids: list[int] = []
        stream = iter(rows)
        with path.open("wb") as file:
            while block := list(islice(stream, _BLOCK)):
                file.write(b"".join(blob for _, blob in block))
                ids.extend(photo_id for photo_id, _ in block)
            file.flush()
            with one_thread():
                codes = encode(path, len(ids), dim, None if like is None else like.codes)
            file.write(np.array(ids, "<i8").tobytes())
            faiss.write_index(codes, faiss.PyCallbackIOWriter(file.write))
        return len(ids)

    def __len__(self) -> int:
        return len(self._ids)

    @property
    def dim(self) -> int:
        return int(self._rows.shape[1])

    @property
    def ids(self) -> NDArray[np.int64]:
        """Photo ids, in the order of the rows."""
        return self._ids

    @property
    def rows(self) -> NDArray[np.float16]:
        return self._rows

    def search(
        self, vector: NDArray[np.float32], k: int, only: NDArray[np.int64] | None = None
    ) -> Ranking:
        """The k best of all, or of the photos in `only`."""
        places = None if only is None else self._places(only)
        total = len(self) if places is None else len(places)
        k = min(k, total)
        if k <= 0:
            return best(np.empty(0, np.int64), np.empty(0, np.float32), 0)
        if total <= _EXACT or k > _DENSE * total:
            if places is None:
                places = np.arange(len(self))
            return best(self._ids[places], self._scores(places, vector), k)
        return self._search_codes(vector, k, places, total)

    def _search_codes(
        self, vector: NDArray[np.float32], k: int, places: NDArray[np.int64] | None, total: int
    ) -> Ranking:
        inner = faiss.SearchParametersIVF(nprobe=1)
        if places is not None:
            allowed = np.zeros(len(self), np.bool_)
            allowed[places] = True
            bits = np.packbits(allowed, bitorder="little")
            inner.sel = faiss.IDSelectorBitmap(len(bits), faiss.swig_ptr(bits))
        parameters = faiss.SearchParametersPreTransform(index_params=inner)
        count = max(_FIRST, 8 * k)
        while True:
            with one_thread():
                estimates, found = self.codes.search(
                    vector[np.newaxis], min(count, total), params=parameters
                )
            # Numbers of no row: too few were found, or that part of the file is damaged.
            kept = (found[0] >= 0) & (found[0] < len(self))
            candidates, scores, is_sure = self._rank(
                vector, k, found[0][kept], estimates[0][kept].astype(np.float64)
            )
            if is_sure or count >= total:
                return best(self._ids[candidates], scores, k)
            count *= 2
            if count > _DENSE * total:
                everything = np.arange(len(self)) if places is None else places
                return best(self._ids[everything], self._scores(everything, vector), k)

    def _rank(
        self,
        vector: NDArray[np.float32],
        k: int,
        candidates: NDArray[np.int64],
        estimates: NDArray[np.float64],
    ) -> tuple[NDArray[np.int64], NDArray[np.float32], bool]:
        """Candidates with their cosines, as far as needed; whether no others are."""
        scores = np.empty(len(candidates), np.float32)
        at = 0
        while at < len(candidates):
            end = min(len(candidates), at + max(_STEP, k))
            scores[at:end] = self._scores(candidates[at:end], vector)
            at = end
            errors = scores[:at] - estimates[:at]
            reach = max(errors.mean() + _SPREAD * errors.std(), errors.max())
            kth = np.partition(scores[:at], at - k)[at - k] if at >= k else -np.inf
            if estimates[at - 1] + reach < kth:
                return candidates[:at], scores[:at], True
        return candidates, scores, False

    def _places(self, only: NDArray[np.int64]) -> NDArray[np.int64]:
        """Rows of the photos in `only` (sorted): 4 ms in a million, however many they are."""
        if not len(only) or not len(self):
            return np.empty(0, np.int64)
        allowed = np.zeros(max(int(only[-1]), int(self._ids.max())) + 1, np.bool_)
        allowed[only] = True
        return np.flatnonzero(allowed[self._ids])

    def _scores(self, places: NDArray[np.int64], vector: NDArray[np.float32]) -> NDArray[Any]:
        """Cosines of rows, read in the order of the file."""
        order = np.argsort(places)
        ordered = places[order]
        scores = np.empty(len(places), np.float32)
        started, faults = time.perf_counter(), _disk_faults()
        sums = [_products(self._rows[ordered[:_PROBE]], vector)]
        is_slow = time.perf_counter() - started > _PROBE_SECONDS
        # On a busy machine it may be the processor that was waited for.
        is_cold = is_slow and (faults is None or _disk_faults() != faults)
        is_large = self._row_bytes > _KEPT_MAPPED
        step = _STEP if is_cold or is_large else _WIDE
        for at in range(_PROBE, len(ordered), step):
            block = ordered[at : at + step]
            # Rows that lie on a disk are asked for all at once: 4,000 take 0.07 s instead of 0.8.
            if is_cold:
                self._ask_for(block)
            sums.append(_products(self._rows[block], vector))
            if is_large:
                self._advise("MADV_DONTNEED", 0, self._row_bytes)
        scores[order] = np.concatenate(sums)
        return scores

    def _ask_for(self, places: NDArray[np.int64]) -> None:
        size = self.dim * 2
        for start in np.unique(places * size // mmap.PAGESIZE) * mmap.PAGESIZE:
            self._advise("MADV_WILLNEED", int(start), size + mmap.PAGESIZE)

    def _advise(self, what: str, start: int, length: int) -> None:
        """Tell the system about whole pages of rows; where it cannot be told, nothing happens."""
        length = min(length, self._row_bytes - start) // mmap.PAGESIZE * mmap.PAGESIZE
        if length > 0 and hasattr(mmap, what):
            self._mapped.madvise(getattr(mmap, what), start, length)


def _disk_faults() -> int | None:
    """How often this thread has waited for a page from a disk; None where nobody counts."""
    if resource is None or not hasattr(resource, "RUSAGE_THREAD"):
        return None
    return resource.getrusage(resource.RUSAGE_THREAD).ru_majflt


def _products(rows: NDArray[np.float16], vector: NDArray[np.float32]) -> NDArray[np.float32]:
    """Inner products: equal rows have equal ones, which BLAS does not promise.

    FAISS widens float16 as it multiplies: a third of the time that numpy takes to do it before.
    """
    products = np.full(len(rows), -np.inf, np.float32)
    if len(rows):
        kind = faiss.ScalarQuantizer.QT_fp16
        block = faiss.IndexScalarQuantizer(rows.shape[1], kind, faiss.METRIC_INNER_PRODUCT)
        block.add_sa_codes(rows.view(np.uint8))
        with one_thread():
            found, places = block.search(vector[np.newaxis], len(rows))
        known = places[0] >= 0  # a damaged row may be no number
        products[places[0][known]] = found[0][known]
    return products
