"""Writing to the catalogue: one batch, one transaction, generation + 1.

In: batches of what a run found out. Out: rows. Only the holder of the writer's lock may use this.
A transaction is the only commit point of the whole library: killed before it, a batch is done
again; everything else (vector files, remembered queries) is derived.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

from photosearch.errors import NoLibrary
from photosearch.paths import below
from photosearch.records import FoundFile, Photo
from photosearch.store import schema
from photosearch.store.database import database_of
from photosearch.store.files import catalogue_path, make_library_folder, storage_errors


class Known(NamedTuple):
    """What the catalogue has about a path."""

    # A named tuple: made once a file at each run, in a third of the time of a frozen dataclass.
    file_id: int
    size: int
    mtime_ns: int
    photo_id: int
    missing: int
    has_vector: int

    def is_current(self, found: FoundFile) -> bool:
        return self.size == found.size and self.mtime_ns == found.mtime_ns and self.has_vector == 1


@dataclass(frozen=True, slots=True)
class NewPhoto:
    """A photo to be stored with its vector, and the paths where it lies."""

    photo: Photo
    vector: bytes  # float16[dim]
    files: list[FoundFile]


@dataclass(slots=True)
class Batch:
    """What one transaction stores, all of it under one root."""

    new: list[NewPhoto] = field(default_factory=list)
    known: list[tuple[FoundFile, int]] = field(default_factory=list)  # path now holds this photo
    returned: list[int] = field(default_factory=list)  # file ids that were missing
    undecodable: list[tuple[FoundFile, str]] = field(default_factory=list)
    unreadable: list[tuple[FoundFile, str]] = field(default_factory=list)

    def __len__(self) -> int:
        return (
            len(self.new)
            + len(self.known)
            + len(self.returned)
            + len(self.undecodable)
            + len(self.unreadable)
        )


class Catalogue:
    """The writing side of a library."""

    def __init__(self, library: Path, *, create: bool = False) -> None:
        self.path = catalogue_path(library)
        if not self.path.exists() and not create:
            raise NoLibrary(f"there is no library in {library}")
        make_library_folder(library)
        with storage_errors(self.path), ExitStack() as undo:
            self._connection = sqlite3.connect(self.path, timeout=30)
            undo.callback(self._connection.close)
            self._database = database_of(self._connection)
            if self._is_empty():
                schema.create(self._connection)
            schema.upgrade(self._connection, self.path)
            # A restored backup is a single file: readers would have to wait for a writer.
            self._connection.execute("PRAGMA journal_mode = WAL")
            self._connection.execute("PRAGMA foreign_keys = ON")
            # SQLite's own 2 MB are less than the indexes of 100,000 files, which a run looks up one
            # by one: with these it takes 0.7 of the CPU time. Memory is taken as it is needed.
            self._connection.execute("PRAGMA cache_size = -32768")
            # A commit is on the disk when it returns; there are but a few a minute.
            self._connection.execute("PRAGMA synchronous = FULL")
            undo.pop_all()

    def close(self) -> None:
        # The log goes into the catalogue, so that the one file is all there is to copy. Whoever
        # reads at this moment prevents that, and need not be waited for.
        with suppress(sqlite3.Error):
            self._connection.execute("PRAGMA busy_timeout = 0")
            self._connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        self._connection.close()

    # Roots and models

    def roots(self) -> dict[bytes, int]:
        """Absolute path → id."""
        return dict(self.rows("SELECT path, id FROM roots ORDER BY path"))

    def add_root(self, path: bytes) -> int:
        with self._writing():
            return int(self._one("INSERT INTO roots (path) VALUES (?) RETURNING id", (path,))[0])

    def add_model(self, key: str, name: str, dim: int) -> int:
        """The id of a model, made known if it is new."""
        row = self._one("SELECT id, name FROM models WHERE key = ?", (key,))
        if row and row[1] == name:
            return int(row[0])
        with self._writing():
            return int(
                self._one(
                    "INSERT INTO models (key, name, dim) VALUES (?, ?, ?) "
                    "ON CONFLICT (key) DO UPDATE SET name = excluded.name RETURNING id",
                    (key, name, dim),
                )[0]
            )

    def setting(self, name: str) -> str | None:
        row = self._one("SELECT value FROM settings WHERE name = ?", (name,))
        return row[0] if row else None

    def set_setting(self, name: str, value: str) -> None:
        if self.setting(name) != value:
            with self._writing():
                self._database.table("settings").upsert({"name": name, "value": value}, pk="name")

    # What is known

    def lookup(self, root_id: int, paths: list[bytes], model_id: int) -> dict[bytes, Known]:
        """What the catalogue has about some paths of a root."""
        rows = self.rows(
            "SELECT f.path, f.id, f.size, f.mtime_ns, f.photo_id, f.missing, v.id IS NOT NULL "
            "FROM files f LEFT JOIN vectors v ON v.photo_id = f.photo_id AND v.model_id = ? "
            f"WHERE f.root_id = ? AND f.path IN ({_marks(paths)})",
            (model_id, root_id, *paths),
        )
        return {row[0]: Known._make(row[1:]) for row in rows}

    def failed_before(self, root_id: int, paths: list[bytes]) -> dict[bytes, tuple[int, int]]:
        """Paths that could not be indexed → the (size, mtime_ns) they had then."""
        rows = self.rows(
            "SELECT path, size, mtime_ns FROM failures "
            f"WHERE root_id = ? AND path IN ({_marks(paths)})",
            (root_id, *paths),
        )
        return {path: (size, mtime_ns) for path, size, mtime_ns in rows}

    def photo_with_digest(self, digest: bytes, model_id: int) -> tuple[int, bool] | None:
        """(photo id, whether it has a vector of this model), None where the photo is new."""
        row = self._one(
            "SELECT p.id, v.id IS NOT NULL FROM photos p "
            "LEFT JOIN vectors v ON v.photo_id = p.id AND v.model_id = ? WHERE p.digest = ?",
            (model_id, digest),
        )
        return (row[0], bool(row[1])) if row else None

    def files_below(
        self, root_id: int, folder: bytes, *, missing: bool
    ) -> Iterator[tuple[int, bytes, int]]:
        """(file id, path, photo id) of a root's files in a folder, b"" for all of them."""
        where, bounds = _scope(folder)
        return self.rows(
            f"SELECT id, path, photo_id FROM files WHERE root_id = ? AND missing = ?{where}",
            (root_id, int(missing), *bounds),
        )

    def file_ids_below(self, root_id: int, folder: bytes) -> Iterator[int]:
        """Ids of a root's files in a folder that are not missing."""
        where, bounds = _scope(folder)
        rows = self.rows(
            f"SELECT id FROM files WHERE root_id = ? AND missing = 0{where}", (root_id, *bounds)
        )
        return (file_id for (file_id,) in rows)

    def last_file(self, root_id: int) -> int | None:
        """The greatest id of a root's files that are not missing."""
        # NOT INDEXED: from the end of the table, where it is one of the first rows looked at. By
        # the index of the root all of its files would be read.
        row = self._one(
            "SELECT id FROM files NOT INDEXED WHERE root_id = ? AND missing = 0 "
            "ORDER BY id DESC LIMIT 1",
            (root_id,),
        )
        return int(row[0]) if row else None

    def failures_below(self, root_id: int, folder: bytes) -> Iterator[tuple[bytes]]:
        where, bounds = _scope(folder)
        return self.rows(f"SELECT path FROM failures WHERE root_id = ?{where}", (root_id, *bounds))

    # Storing

    def commit(self, root_id: int, model_id: int, batch: Batch) -> list[int]:
        """Store a batch in one transaction: the commit point. Gives the ids of its files."""
        file_ids: list[int] = []
        with self._writing():
            for new in batch.new:
                photo_id = self._store_photo(new.photo)
                self._execute(
                    "INSERT OR IGNORE INTO vectors (photo_id, model_id, vector) VALUES (?, ?, ?)",
                    (photo_id, model_id, new.vector),
                )
                file_ids += [self._store_file(root_id, found, photo_id) for found in new.files]
            for found, photo_id in batch.known:
                file_ids.append(self._store_file(root_id, found, photo_id))
            for file_id in batch.returned:
                self._execute("UPDATE files SET missing = 0 WHERE id = ?", (file_id,))
            for found, reason in batch.undecodable:
                # What lay at this path before does not lie there now.
                self._execute(
                    "DELETE FROM files WHERE root_id = ? AND path = ?", (root_id, found.path)
                )
                self._store_failure(root_id, found.path, found.size, found.mtime_ns, reason)
            for found, reason in batch.unreadable:
                # Permissions and disks recover without a change of the file: always tried again,
                # and what was known of the path stays.
                self._store_failure(root_id, found.path, -1, -1, reason)
        return file_ids

    def drop_vanished(self, file_ids: list[int]) -> None:
        """Files that are gone: forgotten where their photo lies elsewhere too, else missing."""
        with self._writing():
            self._connection.executemany(
                "UPDATE files SET missing = 1 WHERE id = ?", ((file_id,) for file_id in file_ids)
            )
            self._execute(
                "DELETE FROM files WHERE missing = 1 AND EXISTS (SELECT 1 FROM files other "
                "WHERE other.photo_id = files.photo_id AND other.missing = 0)"
            )

    def drop_failures(self, root_id: int, paths: Iterable[bytes]) -> None:
        """Failures of files that are gone, or that can be read now."""
        with self._writing():
            self._connection.executemany(
                "DELETE FROM failures WHERE root_id = ? AND path = ?",
                ((root_id, path) for path in paths),
            )

    def forget_root(self, root_id: int) -> int:
        """Remove a root and its files, whose number is given; their photos stay."""
        with self._writing():
            files = self._execute("DELETE FROM files WHERE root_id = ?", (root_id,)).rowcount
            self._execute("DELETE FROM roots WHERE id = ?", (root_id,))
        return files

    def prune(self) -> tuple[int, int]:
        """Remove missing files and photos that lie nowhere: (files, photos) removed."""
        with self._writing():
            files = self._execute("DELETE FROM files WHERE missing = 1").rowcount
            return files, self.drop_photos_nowhere()

    def drop_photos_nowhere(self) -> int:
        """Remove photos that no file holds, not even a missing one: gives their number."""
        with self._writing():
            return self._execute(
                "DELETE FROM photos WHERE NOT EXISTS "
                "(SELECT 1 FROM files WHERE files.photo_id = photos.id)"
            ).rowcount

    def compact(self) -> None:
        """Give space back to the disk when a quarter of the file is unused."""
        (free,) = self._one("PRAGMA freelist_count")
        (pages,) = self._one("PRAGMA page_count")
        if free * 4 > pages:
            with storage_errors(self.path):
                self._connection.execute("VACUUM")

    def _store_photo(self, photo: Photo) -> int:
        row = self._one("SELECT id FROM photos WHERE digest = ?", (photo.digest,))
        if row:
            return int(row[0])
        values = {
            "digest": photo.digest,
            "bytes": photo.bytes,
            "format": photo.format,
            "width": photo.width,
            "height": photo.height,
            **asdict(photo.facts),
        }
        columns = ", ".join(values)
        row = self._one(
            f"INSERT INTO photos ({columns}) VALUES ({_marks(values)}) RETURNING id",
            tuple(values.values()),
        )
        return int(row[0])

    def _store_file(self, root_id: int, found: FoundFile, photo_id: int) -> int:
        self._execute("DELETE FROM failures WHERE root_id = ? AND path = ?", (root_id, found.path))
        row = self._one(
            "INSERT INTO files (root_id, path, size, mtime_ns, photo_id) VALUES (?, ?, ?, ?, ?) "
            "ON CONFLICT (root_id, path) DO UPDATE SET size = excluded.size, "
            "mtime_ns = excluded.mtime_ns, photo_id = excluded.photo_id, missing = 0 RETURNING id",
            (root_id, found.path, found.size, found.mtime_ns, photo_id),
        )
        return int(row[0])

    def _store_failure(
        self, root_id: int, path: bytes, size: int, mtime_ns: int, reason: str
    ) -> None:
        self._execute(
            "INSERT OR REPLACE INTO failures (root_id, path, size, mtime_ns, reason) "
            "VALUES (?, ?, ?, ?, ?)",
            (root_id, path, size, mtime_ns, reason),
        )

    # SQL

    @contextmanager
    def transaction(self) -> Iterator[sqlite3.Connection]:
        """One transaction, for the statements of a module beside this one."""
        with self._writing():
            yield self._connection

    @contextmanager
    def _writing(self) -> Iterator[None]:
        """One transaction; readers see by the generation that something changed."""
        with storage_errors(self.path), self._database.atomic():
            yield
            self._execute(
                "UPDATE settings SET value = CAST(value AS INTEGER) + 1 WHERE name = 'generation'"
            )

    def _execute(self, sql: str, values: tuple[object, ...] = ()) -> sqlite3.Cursor:
        return self._connection.execute(sql, values)

    def rows(self, sql: str, values: tuple[object, ...] = ()) -> Iterator[Any]:
        """Rows of a statement, for the modules of this floor."""
        # Damage shows when rows are fetched, not when the statement is prepared.
        with storage_errors(self.path):
            yield from self._connection.execute(sql, values)

    def _one(self, sql: str, values: tuple[object, ...] = ()) -> Any:
        with storage_errors(self.path):
            return self._connection.execute(sql, values).fetchone()

    def _is_empty(self) -> bool:
        return not self._connection.execute("SELECT 1 FROM sqlite_master").fetchone()


def _marks(values: Iterable[object]) -> str:
    return ", ".join("?" for _ in values)


def _scope(folder: bytes) -> tuple[str, tuple[bytes, ...]]:
    """SQL for "this file, or below this folder", and its values."""
    if not folder:
        return "", ()
    return " AND (path = ? OR (path >= ? AND path < ?))", (folder, *below(folder))
