"""Putting another catalogue in the place of the present one, which is kept.

In: a whole catalogue under a temporary name, beside the present one. Out: the same under the
catalogue's name, and the old one, with its log, under one that says why and when. The caller holds
the writer's lock. Killed at any moment, there is a catalogue, and the kept copy is whole.
"""

from __future__ import annotations

import io
import os
from contextlib import suppress
from datetime import datetime
from pathlib import Path

LOG, MEMORY = "-wal", "-shm"
_BLOCK, _SECTOR = 1 << 20, 4096


def keep(catalogue: Path, why: str) -> Path:
    """Another name for the present catalogue and its log: `catalogue.db.<why>-<time>`."""
    stamp = datetime.now().strftime("%Y%m%d-%H%M%S")
    kept = unused(catalogue.with_name(f"{catalogue.name}.{why}-{stamp}"))
    log = catalogue.with_name(catalogue.name + LOG)
    if log.exists() and log.stat().st_size:
        _copy(log, kept.with_name(kept.name + LOG))
    _copy(catalogue, kept)
    sync_folder(kept.parent)
    return kept


def unused(path: Path) -> Path:
    """The path, with a number after it where there is such a file already."""
    found, number = path, 1
    while found.exists():
        number += 1
        found = path.with_name(f"{path.name}-{number}")
    return found


def put_in_place(new: Path, catalogue: Path) -> None:
    """Let `new` be the catalogue. The log of the old one must not be there when it is."""
    sync_file(new)
    for suffix in (LOG, MEMORY):
        catalogue.with_name(catalogue.name + suffix).unlink(missing_ok=True)
    sync_folder(catalogue.parent)
    os.replace(new, catalogue)
    sync_folder(catalogue.parent)


def discard(path: Path) -> None:
    """Remove a database that did not come to be, with what belongs to it."""
    for suffix in ("", LOG, MEMORY, "-journal"):
        with suppress(OSError):
            path.with_name(path.name + suffix).unlink(missing_ok=True)


def sync_file(path: Path) -> None:
    with path.open("rb+") as file:
        os.fsync(file.fileno())


def sync_folder(folder: Path) -> None:
    """A name is on the disk when its folder is. Some systems know no such thing."""
    if os.name == "nt":
        return
    with suppress(OSError):
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def _block(file: io.FileIO, at: int) -> bytes:
    """A part of a file; zeros for what a failing disk does not give."""
    try:
        file.seek(at)
        return file.read(_BLOCK)
    except OSError:
        parts = []
        for sector in range(at, at + _BLOCK, _SECTOR):
            try:
                file.seek(sector)
                parts.append(file.read(_SECTOR))
            except OSError:
                parts.append(bytes(_SECTOR))
        return b"".join(parts)


def _copy(source: Path, target: Path) -> None:
    """A copy that is whole as soon as it has its name."""
    partial = target.with_name(f"{target.name}.tmp")
    try:
        with source.open("rb", buffering=0) as reading, partial.open("wb") as writing:
            for at in range(0, source.stat().st_size, _BLOCK):
                writing.write(_block(reading, at))
            writing.truncate(source.stat().st_size)
        sync_file(partial)
        os.replace(partial, target)
    finally:
        partial.unlink(missing_ok=True)
