"""Writing a file of vectors, beside the present ones, so that at any moment either is whole.

In: rows of the catalogue past those in the files that stay. Out: the index that was made. The file
is written under a temporary name, synced, renamed; then its stamp, likewise: the commit point.
"""

from __future__ import annotations

import json
import os
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path

from photosearch.index.base import Rows, VectorIndex
from photosearch.index.exact import ExactIndex
from photosearch.index.scan import ScanIndex, can_scan
from photosearch.index.stamps import (
    EXACT,
    SCAN,
    Stamp,
    read_stamps,
    stamp_name,
    stamp_of,
)
from photosearch.store.replace import sync_file, sync_folder
from photosearch.store.snapshot import Model

# From so many photos on codes are looked at. An exact file has a kilobyte a photo to read where
# nothing is in memory yet: 50 MB here, where the codes have 4.
SCAN_FROM = 50_000
_STRANGE_SECONDS = 60  # another process may be about to write the stamp of a younger file
_LEFT_SECONDS = 3600


class _Rows:
    """Rows of a model past an id, and the newest that was given."""

    def __init__(self, snapshot: Rows, model: Model, after: int) -> None:
        self._rows = snapshot.vectors_after(model.id, after)
        self.last: tuple[int, int, bytes] = (after, 0, b"")

    def __iter__(self) -> Iterator[tuple[int, bytes]]:
        for row in self._rows:
            self.last = row
            yield row[1], row[2]


def write_part(
    folder: Path,
    snapshot: Rows,
    model: Model,
    kept: Sequence[Stamp],
    like: ScanIndex | None,
) -> VectorIndex:
    """An index of all vectors past the files that are kept; from memory where none can be written.

    like: the index whose quantiser serves for codes; None: a new one is learned.
    """
    after = kept[-1].last_id if kept else 0
    expected = model.vectors - sum(stamp.count for stamp in kept)
    number = len(kept)
    if expected >= SCAN_FROM and can_scan(model.dim):
        rows = _Rows(snapshot, model, after)
        try:
            with _Beside(folder, snapshot, model) as beside:
                count = ScanIndex.write(beside.temporary, rows, model.dim, like)
                stamp = beside.commit(SCAN, number, after, count, rows.last)
                return ScanIndex.open(folder / stamp.file, count, model.dim)
        except OSError:
            # A read-only or full disk: answer from memory. An exact file would hardly be smaller,
            # and would stay where the next run can have the codes.
            return ExactIndex.build(_Rows(snapshot, model, after), model.dim)
        except RuntimeError:
            pass  # vectors that FAISS makes no codes of
    rows = _Rows(snapshot, model, after)
    index = ExactIndex.build(rows, model.dim)
    with suppress(OSError, RuntimeError), _Beside(folder, snapshot, model) as beside:
        index.write(beside.temporary)
        beside.commit(EXACT, number, after, len(index), rows.last)
    return index


class _Beside:
    """A temporary file that becomes a file of vectors, or goes."""

    def __init__(self, folder: Path, snapshot: Rows, model: Model) -> None:
        self._folder = folder
        self._snapshot = snapshot
        self._model = model
        folder.mkdir(mode=0o700, exist_ok=True)
        self._before = read_stamps(folder, model)
        name = f"{model.key}.faiss.{os.getpid()}-{threading.get_ident()}.tmp"
        self.temporary = folder / name

    def __enter__(self) -> _Beside:
        return self

    def __exit__(self, *error: object) -> None:
        with suppress(OSError):  # what was committed holds
            self.temporary.unlink(missing_ok=True)

    def commit(
        self, kind: str, number: int, after: int, count: int, last: tuple[int, int, bytes]
    ) -> Stamp:
        """Give file and stamp their names, and remove what they replace."""
        temporary, folder = self.temporary, self._folder
        sync_file(temporary)
        stamp = stamp_of(
            temporary, self._snapshot, self._model, kind=kind, after=after, count=count, last=last
        )
        os.replace(temporary, folder / stamp.file)
        sync_folder(folder)  # the file has its name before the stamp speaks of it
        temporary.write_text(json.dumps(asdict(stamp), indent=2), encoding="utf-8")
        sync_file(temporary)
        os.replace(temporary, folder / stamp_name(self._model, number))
        sync_folder(folder)
        self._clean(number + 1)
        return stamp

    def _clean(self, number: int) -> None:
        """Remove what is no more named, and what was left by a process that was killed."""
        folder = self._folder
        # Stamps past this one spoke of rows that it holds now.
        while (later := folder / stamp_name(self._model, number)).exists():
            with suppress(OSError):
                later.unlink()
            number += 1
        named = {stamp.file for stamp in read_stamps(folder, self._model)}
        replaced = {stamp.file for stamp in self._before} - named
        for name in replaced:
            # Windows refuses while another process has it mapped: the next run removes it.
            with suppress(OSError):
                (folder / name).unlink()
        clean_up(folder, self._model)


def clean_up(folder: Path, model: Model) -> None:
    """Remove what no stamp names: left by a process that was killed before it could.

    Not what is young: another process may be writing it, or about to write the stamp that names it.
    """
    stamps = read_stamps(folder, model)
    named = {stamp.file for stamp in stamps}
    named |= {stamp_name(model, number) for number in range(len(stamps))}
    with suppress(OSError):
        for path in [*folder.glob(f"{model.key}-*.faiss"), *folder.glob(f"{model.key}.*.json")]:
            if path.name not in named:
                _remove(path, _STRANGE_SECONDS)
        for leftover in folder.glob("*.tmp"):
            _remove(leftover, _LEFT_SECONDS)


def _remove(path: Path, seconds: float) -> None:
    with suppress(OSError):
        if time.time() - path.stat().st_mtime > seconds:
            path.unlink()
