"""Which index answers, and whether its file is still true to the catalogue.

In: a snapshot and a model. Out: a CurrentIndex that sees every stored vector. Files lie in
`library/vectors/`, one index and one stamp a model:

    <model key>.json                      the stamp, replaced by a rename: the commit point
    <model key>-<last vector id>.faiss    what the stamp names

A file that is stale, missing or damaged is made anew, with one line to tell. Photos added since it
was written are compared beside it, and folded in once they are more than a tenth.
"""

from __future__ import annotations

import hashlib
import json
import os
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import get_type_hints

import numpy as np
from numpy.typing import NDArray

from photosearch.index.base import Ranking, best
from photosearch.index.exact import ExactIndex
from photosearch.index.tail import Tail
from photosearch.store.files import VECTORS
from photosearch.store.replace import sync_file, sync_folder
from photosearch.store.snapshot import Model, Snapshot

FOLD_IN_SHARE = 0.1
# Fewer allowed photos than this are fetched and compared by themselves: a selector over the whole
# file costs as much as the full scan (50 ms for 2,000 of 200,000 on a busy core).
SMALL_SET = 2_000
# The ends of a file that are hashed at each opening: header, and the tail where truncation shows.
# The whole is hashed by `check` alone: 100 MB take 70 ms.
_HASHED_ENDS = 1 << 16


@dataclass(frozen=True, slots=True)
class Stamp:
    """What an index file was made from."""

    catalogue: str
    model: str
    dim: int
    file: str
    bytes: int
    count: int
    last_id: int  # newest vector in it; ids are never used again
    last_photo: int
    last_vector: str  # hash of that vector: tells a catalogue restored from a backup
    ends: str  # hash of the file's first and last bytes
    sha256: str


class CurrentIndex:
    """The index file, and beside it what was stored since."""

    def __init__(self, indexed: ExactIndex, tail: Tail, snapshot: Snapshot, model: Model) -> None:
        self._indexed = indexed
        self._tail = tail
        self._snapshot = snapshot
        self._model = model

    def __len__(self) -> int:
        return len(self._indexed) + len(self._tail)

    def search(
        self, vector: NDArray[np.float32], k: int, only: NDArray[np.int64] | None = None
    ) -> Ranking:
        """The k best of all, or of the photos in `only` (sorted ids)."""
        if only is not None and len(only) < SMALL_SET:
            rows = self._snapshot.vectors_of(self._model.id, only.tolist())
            return Tail.from_rows(rows, self._model.dim).search(vector, k)
        first = self._indexed.search(vector, k, only)
        if not len(self._tail):
            return first
        second = self._tail.search(vector, k, only)
        return best(
            np.concatenate([first.ids, second.ids]),
            np.concatenate([first.scores, second.scores]),
            k,
        )


def open_index(
    library: Path, snapshot: Snapshot, model: Model, tell: Callable[[str], None]
) -> CurrentIndex:
    """The index of a model, from its file where that is good, else made anew."""
    folder = library / VECTORS
    for _ in range(2):  # another process may replace the file between the stamp and its opening
        stamp = read_stamp(folder, model)
        indexed, trouble = _open_file(folder, stamp, snapshot, model)
        if indexed is not None and stamp is not None:
            rows = ((row[1], row[2]) for row in snapshot.vectors_after(model.id, stamp.last_id))
            tail = Tail.from_rows(rows, model.dim)
            if not _needs_rebuild(model, len(indexed), len(tail)):
                return CurrentIndex(indexed, tail, snapshot, model)
            trouble = ""
            break
    if trouble:
        tell(f"vector index {trouble}: rebuilding it from the catalogue")
    return CurrentIndex(
        build_index(library, snapshot, model), Tail.from_rows([], model.dim), snapshot, model
    )


def refresh_index(library: Path, snapshot: Snapshot, model: Model) -> None:
    """Bring a model's file up to the catalogue, if what was added or removed is worth it."""
    open_index(library, snapshot, model, lambda _: None)


def build_index(library: Path, snapshot: Snapshot, model: Model) -> ExactIndex:
    """Make the index from the catalogue; kept as a file where the library can be written."""
    last: list[tuple[int, int, bytes]] = [(0, 0, b"")]

    def rows() -> Iterator[tuple[int, bytes]]:
        for row in snapshot.vectors_after(model.id, 0):
            last[0] = row
            yield row[1], row[2]

    index = ExactIndex.build(rows(), model.dim)
    with suppress(OSError, RuntimeError):  # read-only or full disk: answer from memory
        _write(library / VECTORS, snapshot, model, index, last[0])
    return index


def _needs_rebuild(model: Model, indexed: int, added: int) -> bool:
    removed = indexed + added - model.vectors
    return added > FOLD_IN_SHARE * indexed or removed > FOLD_IN_SHARE * indexed or removed < 0


def _open_file(
    folder: Path, stamp: Stamp | None, snapshot: Snapshot, model: Model
) -> tuple[ExactIndex | None, str]:
    """The index, or what is wrong with it."""
    trouble = trouble_with(folder, stamp, snapshot, model)
    if trouble or stamp is None:
        return None, trouble
    try:
        index = ExactIndex.open(folder / stamp.file)
    except (OSError, RuntimeError):  # FAISS raises RuntimeError on files it cannot read
        return None, "is damaged"
    if index.dim != model.dim or len(index) != stamp.count:
        return None, "is damaged"
    return index, ""


def trouble_with(folder: Path, stamp: Stamp | None, snapshot: Snapshot, model: Model) -> str:
    """What can be seen to be wrong with a file without opening it; empty for nothing."""
    if stamp is None:
        return "is missing" if model.vectors else ""
    path = folder / stamp.file
    if stamp.catalogue != snapshot.setting("catalogue") or stamp.dim != model.dim:
        return "belongs to another library"
    row = snapshot.vector_row(stamp.last_id)
    if stamp.count and (
        row is None or row[:2] != (model.id, stamp.last_photo) or _hash(row[2]) != stamp.last_vector
    ):
        return "is out of date"
    try:
        if path.stat().st_size != stamp.bytes or _hash_ends(path) != stamp.ends:
            return "is damaged"
    except FileNotFoundError:
        return "is missing"
    except OSError:
        return "is damaged"
    return ""


def _write(
    folder: Path,
    snapshot: Snapshot,
    model: Model,
    index: ExactIndex,
    last: tuple[int, int, bytes],
) -> None:
    folder.mkdir(mode=0o700, exist_ok=True)
    name = _file_name(model, last[0], len(index))
    temporary = folder / f"{name}.{os.getpid()}.tmp"
    try:
        index.write(temporary)
        sync_file(temporary)
        stamp = Stamp(
            catalogue=snapshot.setting("catalogue") or "",
            model=model.key,
            dim=model.dim,
            file=name,
            bytes=temporary.stat().st_size,
            count=len(index),
            last_id=last[0],
            last_photo=last[1],
            last_vector=_hash(last[2]),
            ends=_hash_ends(temporary),
            sha256=file_sha256(temporary),
        )
        os.replace(temporary, folder / name)
        sync_folder(folder)  # the file has its name before the stamp speaks of it
        temporary.write_text(json.dumps(asdict(stamp), indent=2), encoding="utf-8")
        sync_file(temporary)
        os.replace(temporary, folder / f"{model.key}.json")
        sync_folder(folder)
    finally:
        temporary.unlink(missing_ok=True)
    for other in folder.glob(f"{model.key}-*.faiss"):
        if other.name != name:
            # Windows refuses while another process has it mapped: the next build removes it.
            with suppress(OSError):
                other.unlink()
    for leftover in folder.glob("*.tmp"):  # of a process that was killed
        with suppress(OSError):
            if time.time() - leftover.stat().st_mtime > 3600:
                leftover.unlink()


def read_stamp(folder: Path, model: Model) -> Stamp | None:
    """What is said of a model's file; None where nothing is, or nothing that can be read."""
    try:
        stamp = Stamp(**json.loads((folder / f"{model.key}.json").read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError, RecursionError):
        return None
    kinds = get_type_hints(Stamp)
    values = asdict(stamp)
    if any(type(value) is not kinds[name] for name, value in values.items()):
        return None
    if any(not 0 <= value < 1 << 63 for value in values.values() if isinstance(value, int)):
        return None  # more than SQLite can be asked for
    return stamp if stamp.file == _file_name(model, stamp.last_id, stamp.count) else None


def _file_name(model: Model, last_id: int, count: int) -> str:
    return f"{model.key}-{last_id}-{count}.faiss"


def _hash(data: bytes) -> str:
    return hashlib.blake2b(data, digest_size=16).hexdigest()


def _hash_ends(path: Path) -> str:
    with path.open("rb") as file:
        data = file.read(_HASHED_ENDS)
        file.seek(max(0, path.stat().st_size - _HASHED_ENDS))
        return _hash(data + file.read(_HASHED_ENDS))


def file_sha256(path: Path) -> str:
    """The digest of a whole file."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
