"""A damaged catalogue's readable rows, in a catalogue that is whole.

In: a damaged file, its WAL, and a path for the new one. Out: a new catalogue with every row that
could be read and still makes sense, and a Salvaged that says what is lost. The damaged file is only
read. Rows are found through the trees of their tables; where a tree is broken, by what the rows on
the other pages look like. A file whose photo is lost is left out, so the next `index` reads it.
"""

from __future__ import annotations

import sqlite3
from contextlib import closing, suppress
from dataclasses import dataclass, field
from pathlib import Path

from photosearch.store import schema
from photosearch.store.salvage.gather import Found, Reader
from photosearch.store.salvage.pages import Pages
from photosearch.store.salvage.record import Value
from photosearch.store.salvage.shapes import shapes, tables

# Where the highest number itself may be lost, the next one is this much higher.
_LEAP = 10_000


@dataclass(slots=True)
class Salvaged:
    """What came of it."""

    kept: dict[str, int] = field(default_factory=dict)  # table → rows in the new catalogue
    lost: dict[str, int] = field(default_factory=dict)  # table → rows known to be missing, at least
    bad_pages: int = 0
    pages: int = 0
    again: list[tuple[bytes, bytes]] = field(default_factory=list)  # (root, path) to be read again
    made_up: list[str] = field(default_factory=list)  # facts about the library that were replaced


def salvage(damaged: Path, wal: Path | None, new: Path) -> Salvaged:
    """Make `new` from what is readable. `new` must not be there yet."""
    pages = Pages(damaged, wal)
    try:
        read = Reader(pages)
        read.everything()
    finally:
        pages.close()
    _drop_doubtful(read)
    _restore_names(read)
    result = Salvaged(bad_pages=len(read.bad), pages=pages.count)
    with closing(sqlite3.connect(new)) as connection:
        schema.create(connection)
        connection.execute("PRAGMA synchronous = OFF")  # it counts from its renaming on
        with connection:
            _insert(connection, read.found)
            _make_up(connection, read, result)
            _name_lost_files(connection, read, result)
            drop_dangling(connection)
            _forget_readings(connection, read)
            _count(connection, read, result)
    return result


def _drop_doubtful(read: Reader) -> None:
    """Rows that an index has otherwise: which of the two is right cannot be told."""
    for name, shape in shapes().items():
        if name == shape.table:
            continue
        rows = read.found[shape.table]
        for entry in read.table(name):
            row = rows.get((entry["rowid"],))
            if row and any(row[key] != value for key, value in entry.items() if key in row):
                del rows[entry["rowid"],]


def _restore_names(read: Reader) -> None:
    """Rows of small tables that an index still knows: folders, models, readers."""
    dims: dict[Value, int] = {}
    for vector in read.table("vectors"):
        blob = vector["vector"]
        dims.setdefault(vector["model_id"], len(blob) // 2 if isinstance(blob, bytes) else 0)
    settings = {row["name"]: row["value"] for row in read.table("settings")}
    for rowid, path in read.entries("roots", "path"):
        read.found["roots"].setdefault((rowid,), {"id": rowid, "path": path})
    for rowid, key in read.entries("models", "key"):
        if rowid in dims:
            name = settings.get("model") if settings.get("model_key") == key else None
            row = {"id": rowid, "key": key, "name": name or key, "dim": dims[rowid]}
            read.found["models"].setdefault((rowid,), row)
    for rowid, key in read.entries("readers", "key"):
        read.found["readers"].setdefault((rowid,), {"id": rowid, "key": key, "name": key})


def _insert(connection: sqlite3.Connection, found: Found) -> None:
    for name in tables(connection):
        has = {row[1] for row in connection.execute(f"PRAGMA table_info({name})")}
        how = "REPLACE" if name == "settings" else "IGNORE"
        for row in found[name].values():
            kept = {column: value for column, value in row.items() if column in has}
            if name == "models":
                kept["vectors"] = 0  # the triggers count them
            # A row that the rules of the table refuse is one that cannot be trusted.
            with suppress(sqlite3.IntegrityError):
                connection.execute(
                    f"INSERT OR {how} INTO {name} ({', '.join(kept)}) "
                    f"VALUES ({', '.join('?' * len(kept))})",
                    tuple(kept.values()),
                )


def _make_up(connection: sqlite3.Connection, read: Reader, result: Salvaged) -> None:
    """What a catalogue cannot be without."""
    have = {row["name"] for row in read.table("settings")}
    if "catalogue" not in have:
        result.made_up.append("the catalogue's own name")
    connection.execute(
        "UPDATE settings SET value = CAST(value AS INTEGER) + 1 WHERE name = 'generation'"
    )
    models = connection.execute("SELECT name, key FROM models ORDER BY vectors DESC").fetchall()
    if "settings" in read.broken and "model_key" not in have and models:
        values = zip(("model", "model_key"), models[0], strict=True)
        connection.executemany("INSERT OR REPLACE INTO settings VALUES (?, ?)", values)
        result.made_up.append(f"the model in use (now {models[0][0]})")
    # A number is never used again, that of a lost row neither.
    for table in ("photos", "vectors"):
        numbers = [number for number, *_ in read.found[table]]
        for name, shape in shapes().items():
            column = "rowid" if name != shape.table == table else None
            column = "photo_id" if table == "photos" and shape.table != table else column
            numbers += [row[column] for row in read.table(name) if column in row]
        highest = max((number for number in numbers if isinstance(number, int)), default=0)
        connection.execute("DELETE FROM sqlite_sequence WHERE name = ?", (table,))
        connection.execute(
            "INSERT INTO sqlite_sequence (name, seq) VALUES (?, ?)",
            (table, highest + (_LEAP if table in read.broken else 0)),
        )


def _name_lost_files(connection: sqlite3.Connection, read: Reader, result: Salvaged) -> None:
    """Paths whose row, or whose photo, is lost: the next run reads them."""
    roots = dict(connection.execute("SELECT id, path FROM roots"))
    known = {(root_id, path) for _, root_id, path in read.entries("files", "root_id", "path")}
    known.update(connection.execute("SELECT root_id, path FROM files"))
    whole = connection.execute(
        "SELECT root_id, path FROM files WHERE photo_id IN (SELECT id FROM photos)"
    )
    result.again = sorted(
        (roots[root_id], path)
        for root_id, path in known.difference(whole)
        if root_id in roots and isinstance(path, bytes)
    )


def drop_dangling(connection: sqlite3.Connection) -> None:
    """Rows that refer to what is lost."""
    before = -1
    while before != connection.total_changes:
        before = connection.total_changes
        for table in tables(connection):
            for _, _, parent, source, target, *_ in connection.execute(
                f"PRAGMA foreign_key_list({table})"
            ).fetchall():
                connection.execute(
                    f"DELETE FROM {table} WHERE {source} NOT IN "
                    f"(SELECT {target or 'id'} FROM {parent})"
                )


def _forget_readings(connection: sqlite3.Connection, read: Reader) -> None:
    """Photos of which a printed line is lost are to be read again; what is left of it stays."""
    if "lines" not in read.broken:
        return
    if "lines_photo" in read.broken:  # which they are cannot be told
        connection.execute("DELETE FROM readings")
        return
    have = read.found["lines"]
    lost = {row["photo_id"] for row in read.table("lines_photo") if (row["rowid"],) not in have}
    connection.executemany("DELETE FROM readings WHERE photo_id = ?", ((one,) for one in lost))


def _count(connection: sqlite3.Connection, read: Reader, result: Salvaged) -> None:
    for name in tables(connection):
        (kept,) = connection.execute(f"SELECT count(*) FROM {name}").fetchone()
        known = max(
            len(read.found[other]) for other, shape in shapes().items() if shape.table == name
        )
        result.kept[name] = kept
        if known > kept:
            result.lost[name] = known - kept
