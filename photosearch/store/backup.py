"""A copy of the catalogue while it is in use, and a copy put back.

In: a library, a file. Out: a whole catalogue in one file, verified, never half written; or a
library that holds what such a file holds. A backup takes no lock and stops nobody: it is one read
transaction, which sees one moment.
"""

from __future__ import annotations

import os
import shutil
import sqlite3
from contextlib import closing
from datetime import datetime
from pathlib import Path

from photosearch.errors import DamagedLibrary, StorageError, WrongUse
from photosearch.store.files import catalogue_path, storage_errors
from photosearch.store.integrity import damage
from photosearch.store.opening import connect
from photosearch.store.replace import discard, keep, put_in_place, sync_file, sync_folder
from photosearch.store.schema import version_of


def backup(library: Path, target: Path, *, force: bool = False) -> Path:
    """Copy the catalogue to a file, or into a folder under a name with the date; gives its path."""
    catalogue = catalogue_path(library)
    if target.is_dir():
        target = target / f"catalogue-{datetime.now():%Y%m%d}.db"
    _check_target(catalogue, target, force=force)
    partial = target.with_name(f"{target.name}.{os.getpid()}.tmp")
    try:
        _copy(catalogue, partial)
        if target.exists() and not force:  # made by another in the meantime
            raise WrongUse(f"{target} is there already", hint="--force replaces it")
        with storage_errors(target):
            sync_file(partial)
            os.replace(partial, target)
            sync_folder(target.parent)
    finally:
        discard(partial)
    return target


def restore(library: Path, source: Path) -> Path | None:
    """Let a backup be the catalogue; gives where the present one is kept. Under the writer's lock.

    Vector files that were made of the other catalogue are noticed by their stamps and made anew.
    """
    catalogue = catalogue_path(library)
    if not source.is_file():
        raise WrongUse(f"{source}: no such file")
    if catalogue.exists() and os.path.samefile(source, catalogue):
        raise WrongUse(f"{source} is the catalogue itself")
    partial = catalogue.with_name(f"{catalogue.name}.{os.getpid()}.tmp")
    try:
        try:
            _copy(source, partial)
        except DamagedLibrary as error:
            raise WrongUse(f"{source} is no whole backup: {error}") from error
        with storage_errors(partial), closing(sqlite3.connect(partial)) as connection, connection:
            # Numbers of photos begin again where the backup ends. Under another name no vector
            # file of the catalogue that was here can be taken for one of this.
            connection.execute(
                "UPDATE settings SET value = lower(hex(randomblob(8))) WHERE name = 'catalogue'"
            )
        kept = None
        with storage_errors(catalogue):
            if catalogue.exists():
                kept = keep(catalogue, "replaced")
            put_in_place(partial, catalogue)
    finally:
        discard(partial)
    return kept


def _copy(source: Path, target: Path) -> None:
    """A catalogue as it is at this moment, in one file, verified."""
    discard(target)
    with (
        storage_errors(source),
        closing(connect(source)) as reading,
        closing(sqlite3.connect(target)) as writing,
    ):
        version_of(reading, source)
        reading.isolation_level = None
        # One transaction: else the copy begins anew each time that another process stores photos.
        reading.execute("BEGIN")
        reading.execute("SELECT 1 FROM sqlite_master").fetchone()
        with storage_errors(target):
            reading.backup(writing, pages=1024, sleep=0)
            # One file, which can be read where nothing can be written beside it.
            writing.execute("PRAGMA journal_mode = DELETE")
        wrong = damage(writing, quick=False)
    if wrong:
        raise DamagedLibrary(f"{source} is damaged: {wrong[0]}")


def _check_target(catalogue: Path, target: Path, *, force: bool) -> None:
    if not target.parent.is_dir():
        raise WrongUse(f"{target.parent}: no such folder")
    if target.resolve().parent == catalogue.resolve().parent and target.name.startswith(
        catalogue.name
    ):
        raise WrongUse(f"{target} is a name that the library needs", hint="another file name")
    if target.exists() and not force:
        raise WrongUse(f"{target} is there already", hint="--force replaces it")
    free = shutil.disk_usage(target.parent).free
    needed = catalogue.stat().st_size
    if free < needed:
        raise StorageError(
            f"{target.parent}: {free:,} bytes are free, {needed:,} are needed",
            hint="another folder",
        )
