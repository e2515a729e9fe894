"""Everything a library holds, in a form that two libraries can be compared by.

In: a library folder. Out: Contents, after the proof that the library is consistent in itself:
SQLite's own checks, counters kept by triggers, every printed line in the full-text index, and
vector files that say what the catalogue says.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import sqlite3
from collections import Counter
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

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


def check_vector_files(library: Path, *, complete: bool = False, tidy: bool = False) -> int:
    """Each stamped vector file says what the catalogue says; gives the number of such files.

    A file may be older than the catalogue: it lacks what came later and holds what was pruned. What
    it does hold is the same, and what it should hold is there. complete: every model has one.
    tidy: nothing else lies beside them.
    """
    import numpy as np

    good, named = 0, set()
    with closing(sqlite3.connect(library / "catalogue.db")) as connection:
        (name,) = connection.execute(
            "SELECT value FROM settings WHERE name = 'catalogue'"
        ).fetchone()
        models = connection.execute("SELECT id, key, dim FROM models WHERE vectors > 0").fetchall()
        for model_id, key, dim in models:
            stamps = vector_stamps(library, key)
            assert stamps or not complete, f"no vector file of {key}"
            last, rows = 0, {}
            for number, stamp in enumerate(stamps):
                assert (stamp["catalogue"], stamp["model"], stamp["dim"]) == (name, key, dim)
                ids, codes = vector_file(library, stamp)
                assert len(set(ids)) == len(ids) == stamp["count"]
                assert rows.keys().isdisjoint(ids), "a photo in two files"
                assert all(np.isfinite(np.frombuffer(b"".join(codes), "<f2")))
                rows |= {
                    photo: (last, stamp["last_id"], row)
                    for photo, row in zip(ids, codes, strict=True)
                }
                last = stamp["last_id"]
                named |= {stamp["file"], f"{key}.{number}.json" if number else f"{key}.json"}
                good += 1
            for vector_id, photo_id, vector in connection.execute(
                "SELECT id, photo_id, vector FROM vectors WHERE model_id = ?", (model_id,)
            ):
                if vector_id > last:
                    assert photo_id not in rows
                    continue
                after, until, held = rows[photo_id]
                assert after < vector_id <= until, f"photo {photo_id} in another file"
                assert held == vector, f"vector of photo {photo_id}"
    if tidy:
        assert set(os.listdir(library / "vectors")) == named
    return good


def vector_stamps(library: Path, key: str) -> list[dict[str, Any]]:
    """What is said of a model's files: each stamp that goes on where the one before it ends."""
    found: list[dict[str, Any]] = []
    while True:
        name = f"{key}.{len(found)}.json" if found else f"{key}.json"
        try:
            stamp = json.loads((library / "vectors" / name).read_text("utf-8"))
        except FileNotFoundError:
            return found
        if stamp["after"] != (found[-1]["last_id"] if found else 0):
            return found
        found.append(stamp)


def vector_file(library: Path, stamp: dict[str, Any]) -> tuple[list[int], list[bytes]]:
    """Photo ids and float16 rows of a file, of which every byte is as its stamp says."""
    import faiss
    import numpy as np

    data = (library / "vectors" / stamp["file"]).read_bytes()
    assert len(data) == stamp["bytes"]
    assert hashlib.sha256(data).hexdigest() == stamp["sha256"]
    dim, count, size = stamp["dim"], stamp["count"], 2 * stamp["dim"]
    if stamp["kind"] == "exact":
        index = faiss.deserialize_index(np.frombuffer(data, np.uint8))
        codes = faiss.vector_to_array(faiss.downcast_index(index.index).codes).tobytes()
        ids = faiss.vector_to_array(index.id_map).tolist()
        assert len(codes) == len(ids) * size
    else:
        assert stamp["kind"] == "scan"
        codes, rest = data[: count * size], data[count * size :]
        ids = np.frombuffer(rest[: 8 * count], "<i8").tolist()
        # Its ids are the rows' numbers; what its 4 bits for 4 dimensions say is near to the rows.
        index = faiss.deserialize_index(np.frombuffer(rest[8 * count :], np.uint8))
        assert (index.ntotal, index.d) == (count, dim)
        rows = np.frombuffer(codes, "<f2").reshape(count, dim).astype(np.float32)
        estimates, found = index.search(rows[:1], count)
        # FAISS may leave out one that is among the worst.
        kept = found[0] >= 0
        numbers = found[0][kept].tolist()
        assert len(set(numbers)) == len(numbers) >= count - 1, found
        assert max(numbers) < count, found
        assert np.abs(estimates[0][kept] - rows[numbers] @ rows[0]).mean() < 0.1
    return ids, [codes[at : at + size] for at in range(0, len(codes), size)]


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
