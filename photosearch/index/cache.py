"""Which indexes answer, and whether their files are still true to the catalogue.

In: a snapshot and a model. Out: a CurrentIndex that sees every stored vector: those in files (see
index/stamps.py), and beside them what was stored since the newest was written.

Up to SCAN_FROM photos there is one file, exact. A larger library has a file of codes, and files of
what was added since, each less than a quarter of the one before: adding to a million photos writes
what is new, and now and then joins small files; the large one is made anew when a quarter came to
it. A file that is stale, missing or damaged is made anew from the catalogue, with one line to tell.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from photosearch.index.base import Ranking, Rows, VectorIndex, best
from photosearch.index.exact import ExactIndex
from photosearch.index.scan import ScanIndex
from photosearch.index.stamps import EXACT, Stamp, read_stamps, trouble_with
from photosearch.index.tail import Tail
from photosearch.index.write import SCAN_FROM, clean_up, write_part
from photosearch.store.files import VECTORS
from photosearch.store.snapshot import Model

# What was added since is folded in when it is more than a tenth, or more than this many: so many
# rows cost a cold query 15 ms to read and compare.
FOLD_IN_SHARE = 0.1
TAIL_MOST = 2_500
# A file is joined with what is added after it unless it has so many times as many photos.
GROWTH = 4
# A query joins no more than so many (1 s); the end of an `index` run as many as there are.
QUERY_MOST = 50_000
# Fewer allowed photos than this are fetched and compared by themselves: a selector over the whole
# file costs as much as the full scan (50 ms for 2,000 of 200,000 on a busy core).
SMALL_SET = 2_000


class CurrentIndex:
    """The index files, and beside them what was stored since."""

    def __init__(
        self, parts: Sequence[VectorIndex], tail: Tail, snapshot: Rows, model: Model
    ) -> None:
        self._parts = [part for part in parts if len(part)]
        self._tail = tail
        self._snapshot = snapshot
        self._model = model

    def __len__(self) -> int:
        return sum(map(len, self._parts)) + len(self._tail)

    def search(
        self, vector: NDArray[np.float32], k: int, only: NDArray[np.int64] | None = None
    ) -> Ranking:
        """The k best of all, or of the photos in `only` (sorted ids)."""
        if only is not None and len(only) < SMALL_SET:
            rows = self._snapshot.vectors_of(self._model.id, only.tolist())
            return Tail.from_rows(rows, self._model.dim).search(vector, k)
        found = [part.search(vector, k, only) for part in self._parts]
        if len(self._tail) or not found:
            found.append(self._tail.search(vector, k, only))
        if len(found) == 1:
            return found[0]
        return best(
            np.concatenate([one.ids for one in found]),
            np.concatenate([one.scores for one in found]),
            k,
        )


def open_index(
    library: Path, snapshot: Rows, model: Model, tell: Callable[[str], None]
) -> CurrentIndex:
    """The index of a model, from its files where they are good, else made anew."""
    return _current(library, snapshot, model, tell, most=QUERY_MOST)


def refresh_index(library: Path, snapshot: Rows, model: Model) -> None:
    """Bring a model's files up to the catalogue, if what was added or removed is worth it."""
    _current(library, snapshot, model, lambda _: None, most=None)
    clean_up(library / VECTORS, model)


def _current(
    library: Path,
    snapshot: Rows,
    model: Model,
    tell: Callable[[str], None],
    *,
    most: int | None,
) -> CurrentIndex:
    folder = library / VECTORS
    for _ in range(2):  # another process may replace a file between its stamp and its opening
        stamps, parts, trouble = _open_parts(folder, snapshot, model)
        if not trouble:
            break
    sizes = [len(part) for part in parts]
    # Removed photos hide as many new ones from this count: the rows themselves tell.
    added = max(0, model.vectors - sum(sizes))
    tail = Tail.from_rows([], model.dim)
    if parts and not trouble and not _is_too_many(added, sum(sizes)):
        newest = snapshot.vectors_after(model.id, stamps[-1].last_id)
        tail = Tail.from_rows(((row[1], row[2]) for row in newest), model.dim)
        added = len(tail)
    kept = _kept_parts(sizes, added, model.vectors, most)
    if parts and not trouble and kept is None:
        return CurrentIndex(parts, tail, snapshot, model)
    if trouble:
        tell(f"vector index {trouble}: rebuilding it from the catalogue")
    kept = len(parts) if kept is None else kept
    first = parts[0] if kept and isinstance(parts[0], ScanIndex) else None
    made = write_part(folder, snapshot, model, stamps[:kept], first)
    return CurrentIndex([*parts[:kept], made], Tail.from_rows([], model.dim), snapshot, model)


def _is_too_many(added: int, indexed: int) -> bool:
    return added > min(FOLD_IN_SHARE * indexed, TAIL_MOST)


def _kept_parts(sizes: Sequence[int], added: int, vectors: int, most: int | None) -> int | None:
    """How many files stay as they are, where what was added is folded in; None: all of them do.

    most: files are joined to no more photos than this.
    """
    indexed = sum(sizes)
    removed = indexed + added - vectors
    if removed < 0 or (removed > FOLD_IN_SHARE * indexed and (most is None or indexed <= most)):
        return 0
    if not _is_too_many(added, indexed):
        return None
    kept, joined = len(sizes), added
    while kept:
        together = joined + sizes[kept - 1]
        if sizes[kept - 1] >= GROWTH * joined and together > SCAN_FROM:
            break
        if most is not None and together > most:
            break
        kept, joined = kept - 1, together
    return kept


def _open_parts(
    folder: Path, snapshot: Rows, model: Model
) -> tuple[list[Stamp], list[VectorIndex], str]:
    """The files that can be used, and what is wrong with the one after them."""
    stamps = read_stamps(folder, model)
    parts: list[VectorIndex] = []
    for stamp in stamps:
        trouble = trouble_with(folder, stamp, snapshot, model)
        part = None if trouble else _open_part(folder, stamp)
        if part is None:
            return stamps[: len(parts)], parts, trouble or "is damaged"
        parts.append(part)
    return stamps, parts, "" if parts or not model.vectors else "is missing"


def _open_part(folder: Path, stamp: Stamp) -> VectorIndex | None:
    path = folder / stamp.file
    try:
        if stamp.kind != EXACT:
            return ScanIndex.open(path, stamp.count, stamp.dim)
        exact = ExactIndex.open(path)
    except (OSError, RuntimeError, ValueError, MemoryError):  # FAISS raises all but OSError
        return None
    return exact if (exact.dim, len(exact)) == (stamp.dim, stamp.count) else None
