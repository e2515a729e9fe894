"""Everything a library holds, in a form that two libraries can be compared by.

In: a library folder. Out: Contents, after the proof that the library is consistent in itself:
SQLite's own checks, counters kept by triggers, every printed line in the full-text index, and
vector files that say what the catalogue says.
"""

from __future__ import annotations

import hashlib
import json
import re
import sqlite3
from collections import Counter
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path

Rows = set[tuple[object, ...]]
# What stands for the id of a row elsewhere: ids depend on the order of a run.
_NATURAL = {"photos": "digest", "roots": "path", "models": "key", "readers": "key"}
_NAMED = ("photos", "files", "vectors", "failures")


@dataclass(frozen=True)
class Contents:
    """Rows without their ids, which depend on the order of a run."""

    photos: Rows
    files: Rows
    vectors: Rows
    failures: Rows
    # The rows of every other table that has any: what a later schema adds is compared, too.
    rest: dict[str, Counter[tuple[object, ...]]] = field(default_factory=dict)


def contents_of(library: Path) -> Contents:
    """All that is compared, of a library that is consistent in itself."""
    with closing(sqlite3.connect(library / "catalogue.db")) as connection:
        _check(connection)

        def rows(sql: str) -> Rows:
            found = connection.execute(sql).fetchall()
            assert len(found) == len(set(found))
            return set(found)

        columns = [name for name in _columns(connection, "photos") if name != "id"]
        return Contents(
            photos=rows(f"SELECT {', '.join(columns)} FROM photos"),
            files=rows(
                "SELECT r.path, f.path, f.size, f.mtime_ns, f.missing, p.digest FROM files f "
                "JOIN roots r ON r.id = f.root_id JOIN photos p ON p.id = f.photo_id"
            ),
            vectors=rows(
                "SELECT p.digest, m.key, v.vector FROM vectors v "
                "JOIN photos p ON p.id = v.photo_id JOIN models m ON m.id = v.model_id"
            ),
            failures=rows(
                "SELECT r.path, x.path, x.size, x.mtime_ns, x.reason FROM failures x "
                "JOIN roots r ON r.id = x.root_id"
            ),
            rest={
                table: found
                for table in _tables(connection)
                if table not in _NAMED and (found := _rows_of(connection, table))
            },
        )


def check_vector_files(library: Path, *, complete: bool = False) -> int:
    """Each stamped vector file says what the catalogue says; gives the number of such files.

    A file may be older than the catalogue: it lacks what came later and holds what was pruned. What
    it does hold is the same, and what it should hold is there. complete: every model has one.
    """
    import faiss
    import numpy as np

    good = 0
    with closing(sqlite3.connect(library / "catalogue.db")) as connection:
        (name,) = connection.execute(
            "SELECT value FROM settings WHERE name = 'catalogue'"
        ).fetchone()
        models = connection.execute("SELECT id, key, dim FROM models WHERE vectors > 0").fetchall()
        for model_id, key, dim in models:
            stamp_file = library / "vectors" / f"{key}.json"
            if not stamp_file.exists():
                assert not complete, f"no vector file of {key}"
                continue
            stamp = json.loads(stamp_file.read_text("utf-8"))
            assert (stamp["catalogue"], stamp["model"], stamp["dim"]) == (name, key, dim)
            file = library / "vectors" / stamp["file"]
            assert file.stat().st_size == stamp["bytes"]
            assert hashlib.sha256(file.read_bytes()).hexdigest() == stamp["sha256"]
            index = faiss.read_index(str(file))
            ids = faiss.vector_to_array(index.id_map).tolist()
            assert len(set(ids)) == len(ids) == stamp["count"]
            codes = faiss.vector_to_array(faiss.downcast_index(index.index).codes)
            held = dict(zip(ids, codes.reshape(len(ids), -1), strict=True))
            for vector_id, photo_id, vector in connection.execute(
                "SELECT id, photo_id, vector FROM vectors WHERE model_id = ?", (model_id,)
            ):
                if vector_id <= stamp["last_id"]:
                    assert held[photo_id].tobytes() == vector, f"vector of photo {photo_id}"
                else:
                    assert photo_id not in held
            assert all(np.isfinite(np.frombuffer(codes.tobytes(), "<f2")))
            good += 1
    return good


def _check(connection: sqlite3.Connection) -> None:
    assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    assert connection.execute("PRAGMA foreign_key_check").fetchall() == []
    for counted, real in connection.execute(
        "SELECT vectors, (SELECT count(*) FROM vectors WHERE model_id = models.id) FROM models"
    ):
        assert counted == real
    if "lines" in _tables(connection):
        # Rank 1: the index is compared with the rows of `lines` that it is made from.
        connection.execute("INSERT INTO words (words, rank) VALUES ('integrity-check', 1)")
        connection.rollback()
        lines = connection.execute("SELECT id, normal FROM lines").fetchall()
        for line_id, normal in lines:
            text = '"' + normal.replace('"', '""') + '"'
            found = connection.execute("SELECT rowid FROM words WHERE words MATCH ?", (text,))
            assert (line_id,) in found.fetchall(), f"line {normal!r} is not found"


def _tables(connection: sqlite3.Connection) -> list[str]:
    """Plain tables but for `settings`: neither full-text indexes nor what these are kept in."""
    found = connection.execute("SELECT name, sql FROM sqlite_master WHERE type = 'table'")
    sql_of = dict(found.fetchall())
    virtual = [name for name, sql in sql_of.items() if sql and sql.startswith("CREATE VIRTUAL")]
    inner = re.compile("|".join(f"{re.escape(name)}(_.*)?" for name in virtual) or "(?!)")
    return sorted(
        name
        for name in sql_of
        if name != "settings" and not name.startswith("sqlite_") and not inner.fullmatch(name)
    )


def _columns(connection: sqlite3.Connection, table: str) -> list[str]:
    return [row[1] for row in connection.execute(f"PRAGMA table_info({table})")]


def _rows_of(connection: sqlite3.Connection, table: str) -> Counter[tuple[object, ...]]:
    """Rows of a table, what they refer to by its natural key instead of its id."""
    refers = {
        row[3]: row[2]
        for row in connection.execute(f"PRAGMA foreign_key_list({table})")
        if row[2] in _NATURAL
    }

    def parts() -> Iterator[str]:
        for column in _columns(connection, table):
            if column in refers:
                other = refers[column]
                yield f"(SELECT o.{_NATURAL[other]} FROM {other} o WHERE o.id = t.{column})"
            elif column != "id":
                yield f"t.{column}"

    return Counter(connection.execute(f"SELECT {', '.join(parts())} FROM {table} t").fetchall())
