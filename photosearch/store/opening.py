"""Opening a catalogue for reading, also where nothing can be written.

In: the catalogue's path. Out: a connection, and whether it reads the file as it stands, blind for
what is stored later. Nothing here knows tables.
"""

from __future__ import annotations

import os
import sqlite3
from pathlib import Path
from urllib.parse import quote

from photosearch.store.files import size_of


def file_of(path: Path) -> tuple[int, int] | None:
    """Which file lies at a path: it is another one after a rename into its place."""
    try:
        found = os.stat(path)
    except OSError:
        return None
    return found.st_dev, found.st_ino


def connect(path: Path) -> sqlite3.Connection:
    """Open for reading, also on a disk that cannot be written to."""
    return open_catalogue(path, may_freeze=True)[0]


def open_catalogue(path: Path, *, may_freeze: bool) -> tuple[sqlite3.Connection, bool]:
    """A connection, and whether it reads the file as it stands, blind for what is stored later."""
    address = "file:" + quote(path.as_posix())
    connection = sqlite3.connect(
        f"{address}?mode=ro", uri=True, timeout=30, check_same_thread=False
    )
    try:
        connection.execute("SELECT 1 FROM sqlite_master").fetchone()
        return connection, False
    except sqlite3.OperationalError as error:
        connection.close()
        if "locked" in str(error) or not may_freeze:
            raise
        # A database in WAL mode wants to create its two side files. Where the disk refuses them,
        # read-only or full, others can hardly write either, so the file is read as it is.
        if not size_of(path.with_name(f"{path.name}-wal")):
            return (
                sqlite3.connect(f"{address}?immutable=1", uri=True, check_same_thread=False),
                True,
            )
    except (sqlite3.DatabaseError, UnicodeDecodeError):  # the latter in its own message
        connection.close()
        raise
    # What was stored last is still in the log, which an immutable file would be read without. In
    # exclusive mode its index is kept in memory; that wants locks, which cannot be had here.
    system = "win32-none" if os.name == "nt" else "unix-none"
    connection = sqlite3.connect(
        f"{address}?mode=ro&vfs={system}", uri=True, check_same_thread=False
    )
    connection.execute("PRAGMA locking_mode = EXCLUSIVE")
    return connection, True


def state_of(path: Path) -> tuple[tuple[int, int] | None, ...]:
    """Size and time of the catalogue and its log: they change with what is stored."""
    found: list[tuple[int, int] | None] = []
    for one in (path, path.with_name(f"{path.name}-wal")):
        try:
            status = one.stat()
            found.append((status.st_size, status.st_mtime_ns))
        except OSError:
            found.append(None)
    return tuple(found)
