"""Whether the vector files hold what the catalogue says.

In: a library's folder and a snapshot. Out: Problem records; nothing is changed. A file that is only
older than the catalogue is no fault: what was stored since is searched beside it.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from photosearch.index.base import Rows
from photosearch.index.scan import ScanIndex
from photosearch.index.stamps import SCAN, Stamp, file_sha256, read_stamps, stamp_name, trouble_with
from photosearch.reports.upkeep import NOTE, REPAIRABLE, Problem
from photosearch.store.files import VECTORS
from photosearch.store.regions import PartRows, as_model
from photosearch.store.snapshot import Model, Snapshot

KIND = "vector file"
_REMADE = "photosearch index makes it again"
# What is wrong with a file whose time is merely over: it is replaced when it is next needed.
_OUTDATED = ("is missing", "is out of date", "belongs to another library")


def check_files(library: Path, snapshot: Snapshot, *, quick: bool) -> Iterator[Problem]:
    """What is wrong in the folder of vector files."""
    folder = library / VECTORS
    indexes = indexes_of(snapshot)
    for rows, model in indexes:
        if model.vectors:
            yield from _check_model(folder, rows, model, quick=quick)
    yield from _strangers(folder, [model for _, model in indexes])


def remove_files(library: Path, keys: set[str]) -> None:
    """Take away the files of models, so that they are made again."""
    for key in keys:
        for path in (library / VECTORS).glob(f"{key}[.-]*"):
            with suppress(OSError):
                path.unlink()


def damaged_keys(library: Path, snapshot: Snapshot) -> set[str]:
    """Models whose files are not what they should be."""
    return {
        model.key
        for rows, model in indexes_of(snapshot)
        if any(
            problem.severity != NOTE
            for problem in _check_model(library / VECTORS, rows, model, quick=False)
        )
    }


def indexes_of(snapshot: Snapshot) -> list[tuple[Rows, Model]]:
    """What there can be files of: each model's vectors of photos, and of their parts."""
    models = snapshot.models()
    parts = [as_model(snapshot, model) for model in models]
    return [(snapshot, model) for model in models] + [
        (PartRows(snapshot), model) for model in parts if model.vectors
    ]


def _check_model(folder: Path, snapshot: Rows, model: Model, *, quick: bool) -> Iterator[Problem]:
    trouble, stamps = "", []
    for _ in range(2):  # a run may be replacing a file at this moment
        stamps = read_stamps(folder, model)
        trouble = "" if stamps else "is missing"
        for stamp in stamps:
            trouble = trouble or trouble_with(folder, stamp, snapshot, model)
        if not trouble and not quick:
            trouble = _contents(folder, stamps, snapshot, model)
        if not trouble:
            return
    if not stamps and (folder / stamp_name(model, 0)).exists():
        trouble = "has a stamp that cannot be read"
    # Without a stamp there is no file yet; a stamp whose file is missing tells of a loss.
    is_note = trouble in _OUTDATED and (not stamps or trouble != "is missing")
    severity = NOTE if is_note else REPAIRABLE
    yield Problem(KIND, f"the vector file of {model.name} {trouble}", 1, severity, _REMADE)


def _contents(folder: Path, stamps: list[Stamp], snapshot: Rows, model: Model) -> str:
    """What is wrong inside of the files; empty where they hold what the catalogue does."""
    rows = snapshot.vectors_after(model.id, 0)
    ahead: list[tuple[int, int, bytes]] = []  # a row that belongs to the next file
    for stamp in stamps:
        try:
            if trouble := _content(folder / stamp.file, stamp, rows, ahead):
                return trouble
        except FileNotFoundError:
            return "is missing"
        # FAISS raises RuntimeError, and MemoryError where a size is damaged.
        except (OSError, RuntimeError, ValueError, AttributeError, MemoryError):
            return "is damaged"
    return ""


def _content(
    path: Path,
    stamp: Stamp,
    rows: Iterator[tuple[int, int, bytes]],
    ahead: list[tuple[int, int, bytes]],
) -> str:
    if file_sha256(path) != stamp.sha256:
        return "is damaged"
    ids, vectors = _read(path, stamp)
    place = {int(photo_id): at for at, photo_id in enumerate(ids)}
    absent = other = 0
    for row in chain([ahead.pop()] if ahead else [], rows):
        vector_id, photo_id, vector = row
        if vector_id > stamp.last_id:
            ahead.append(row)
            break
        at = place.get(photo_id)
        if at is None:
            absent += 1
        elif vectors[at].tobytes() != vector:
            other += 1
    if len(place) != len(ids):
        return "holds photos twice"
    if absent:
        return f"lacks {absent:,} photos"
    return f"holds other vectors than the catalogue for {other:,} photos" if other else ""


def _read(path: Path, stamp: Stamp) -> tuple[NDArray[np.int64], NDArray[Any]]:
    """(ids, float16 rows) of a file."""
    if stamp.kind == SCAN:
        scan = ScanIndex.open(path, stamp.count, stamp.dim)
        return scan.ids, scan.rows
    import faiss

    index: Any = faiss.read_index(str(path))
    rows: Any = faiss.downcast_index(index.index)
    codes = faiss.vector_to_array(rows.codes).reshape(rows.ntotal, -1)
    return faiss.vector_to_array(index.id_map), codes


def _strangers(folder: Path, models: list[Model]) -> Iterator[Problem]:
    """Files that nothing refers to."""
    left, bytes_left, foreign = 0, 0, []
    named = {stamp_name(model, 0) for model in models}
    for model in models:
        for number, stamp in enumerate(read_stamps(folder, model)):
            named |= {stamp.file, stamp_name(model, number)}
    for path in sorted(folder.iterdir()) if folder.is_dir() else ():
        if path.name in named:
            continue
        if path.suffix in (".tmp", ".faiss", ".json"):
            with suppress(OSError):
                bytes_left += path.stat().st_size
                left += 1
        else:
            foreign.append(path.name)
    if left:
        message = f"leftovers of {bytes_left:,} bytes among the vector files"
        yield Problem("leftover", message, left, NOTE, "the next index removes what is of its own")
    if foreign:
        yield Problem("leftover", f"not photosearch's own: {', '.join(foreign[:5])}", len(foreign))
