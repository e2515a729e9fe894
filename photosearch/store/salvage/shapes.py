"""What rows of each table look like on the page, so that rows can be told whose they are.

In: the statements of the current schema, or the file's own. Out: shapes of tables and of their
indexes. Made from the schema itself, so a new table needs no line here.
"""

from __future__ import annotations

import sqlite3
from contextlib import closing
from dataclasses import dataclass
from functools import cache

from photosearch.store import schema
from photosearch.store.salvage.pages import Row
from photosearch.store.salvage.record import Value

# Tables that SQLite keeps for itself and for the full-text index: made anew, never salvaged.
_DERIVED = ("sqlite_", "words")

# What the types do not tell: two columns (number, blob) are a root, or inside the full-text index.
_MORE = {
    ("photos", "digest"): lambda value: len(value) == 32,
    ("roots", "path"): lambda value: b"\0" not in value and _is_absolute(value),
    ("files", "path"): lambda value: bool(value) and b"\0" not in value,
    ("failures", "path"): lambda value: b"\0" not in value,
    ("files", "missing"): lambda value: value in (0, 1),
}


@dataclass(frozen=True, slots=True)
class Column:
    """A column as a record stores it."""

    name: str
    type: str  # INTEGER, REAL, TEXT, BLOB
    null: bool
    is_rowid: bool = False  # INTEGER PRIMARY KEY: the cell's number, NULL in the record


@dataclass(frozen=True, slots=True)
class Shape:
    """A table, or an index of one: its columns in the order of its records."""

    name: str
    table: str
    columns: tuple[Column, ...]
    has_rowid: bool

    def values(self, row: Row) -> dict[str, Value] | None:
        """The row by column, None where it cannot be a row of this table."""
        if (row.rowid is not None) is not self.has_rowid or len(row.values) > len(self.columns):
            return None
        found: dict[str, Value] = {}
        for column, value in zip(self.columns, row.values, strict=False):
            if column.is_rowid:
                if value is not None:
                    return None
                value = row.rowid
            if not _fits(self.table, column, value):
                return None
            found[column.name] = value
        # Columns added by a migration are not in older records: they have their default.
        missing = self.columns[len(row.values) :]
        return None if any(not column.null for column in missing) else found

    def fit(self, rows: list[Row]) -> bool:
        return all(self.values(row) is not None for row in rows)


@cache
def shapes() -> dict[str, Shape]:
    """Every table that is salvaged, and every index that has an entry for each of its rows."""
    with closing(sqlite3.connect(":memory:")) as connection:
        schema.create(connection)
        found: dict[str, Shape] = {}
        for name in tables(connection):
            info = connection.execute(f"PRAGMA table_info({name})").fetchall()
            has_rowid = not _is_without_rowid(connection, name)
            columns = {row[1]: _column(row, has_rowid, info) for row in info}
            order = list(columns)
            if not has_rowid:
                keys = [row[1] for row in sorted(info, key=lambda row: row[5]) if row[5]]
                order = keys + [column for column in order if column not in keys]
            found[name] = Shape(name, name, tuple(columns[column] for column in order), has_rowid)
            for _, index, _, _, partial in connection.execute(f"PRAGMA index_list({name})"):
                entries = connection.execute(f"PRAGMA index_xinfo({index})").fetchall()
                if not partial and has_rowid:
                    found[index] = Shape(
                        index, name, tuple(_entry(row, columns) for row in entries), False
                    )
        return found


@cache
def first_pages() -> dict[str, int]:
    """Where each of these trees begins in a catalogue as it is born."""
    with closing(sqlite3.connect(":memory:")) as connection:
        schema.create(connection)
        rows = connection.execute("SELECT name, rootpage FROM sqlite_master").fetchall()
    return {name: root for name, root in rows if name in shapes()}


def tables(connection: sqlite3.Connection) -> list[str]:
    """The tables that hold what cannot be made anew, those first to which others refer."""
    names = [
        name
        for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")
        if not name.startswith(_DERIVED)
    ]
    needs = {
        name: {row[2] for row in connection.execute(f"PRAGMA foreign_key_list({name})")}
        for name in names
    }
    ordered: list[str] = []
    while len(ordered) < len(names):
        ready = [name for name in names if name not in ordered and needs[name] <= set(ordered)]
        ordered += ready or [name for name in names if name not in ordered]
    return ordered


def _column(row: tuple[object, ...], has_rowid: bool, info: list[tuple[object, ...]]) -> Column:
    _, name, kind, notnull, _, key = row
    alone = sum(bool(other[5]) for other in info) == 1
    is_rowid = has_rowid and bool(key) and alone and str(kind).upper() == "INTEGER"
    return Column(str(name), str(kind).upper(), not (notnull or key), is_rowid)


def _entry(row: tuple[object, ...], columns: dict[str, Column]) -> Column:
    name = row[2]
    if name is None or columns[str(name)].is_rowid:
        return Column("rowid", "INTEGER", False)
    return columns[str(name)]


def _is_without_rowid(connection: sqlite3.Connection, name: str) -> bool:
    (text,) = connection.execute("SELECT sql FROM sqlite_master WHERE name = ?", (name,)).fetchone()
    return "WITHOUT ROWID" in text.upper()


def _fits(table: str, column: Column, value: Value) -> bool:
    if value is None:
        return column.null
    # An integer stands for a real number without a fraction: SQLite saves the bytes.
    kinds = {"INTEGER": int, "REAL": (int, float), "TEXT": str, "BLOB": bytes}
    if not isinstance(value, kinds.get(column.type, object)):  # type: ignore[arg-type]
        return False
    more = _MORE.get((table, column.name))
    return more is None or bool(more(value))


def _is_absolute(path: bytes) -> bool:
    return path.startswith(b"/") or path[1:3] == b":/"
