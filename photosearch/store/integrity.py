"""Whether a catalogue is whole: its pages, its schema, and what its tables say of each other.

In: a read-only connection. Out: Problem records; nothing is changed, no lock is taken. All is read
in one transaction, so a run that is storing photos meanwhile makes no difference.
"""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

from photosearch.errors import NewerLibrary
from photosearch.reports.upkeep import LOST, NOTE, REPAIRABLE, Problem
from photosearch.store import schema
from photosearch.store.salvage.shapes import tables
from photosearch.store.salvage.wal import read_wal
from photosearch.store.words import normal_words

_BLOCK = 4096  # vectors looked at together
# float16 rounds each part to 11 bits: lengths of stored vectors differ from 1 by less than 0.001.
_LENGTH_ERROR = 0.01


def damage(connection: sqlite3.Connection, *, quick: bool) -> list[str]:
    """What SQLite finds wrong with the pages; empty where they are whole."""
    try:
        found = connection.execute(f"PRAGMA {'quick_check' if quick else 'integrity_check'}(100)")
        messages = [str(message) for (message,) in found]
        if messages == ["ok"] and not quick:
            _read_texts(connection)
        application, version, objects = (
            connection.execute(sql).fetchone()[0]
            for sql in (
                "PRAGMA application_id",
                "PRAGMA user_version",
                "SELECT count(*) FROM sqlite_master",
            )
        )
    except sqlite3.OperationalError as error:
        if "locked" in str(error) or "unable to open" in str(error):
            raise
        return [str(error).encode("ascii", "replace").decode()]
    except (sqlite3.DatabaseError, UnicodeDecodeError) as error:
        return [str(error)]
    messages = [] if messages == ["ok"] else messages
    if not messages and application == schema.APPLICATION_ID and version > schema.SCHEMA:
        raise NewerLibrary(f"the catalogue was made by a newer photosearch (schema {version})")
    if objects and application != schema.APPLICATION_ID:
        messages.append("the header does not name it a catalogue of photosearch")
    elif objects and not 1 <= version <= schema.SCHEMA:
        messages.append(f"the header names a schema that does not exist ({version})")
    return messages


def _read_texts(connection: sqlite3.Connection) -> None:
    """Every text of every table: SQLite does not ask whether bytes are one."""
    for table in tables(connection):
        columns = [
            row[1] for row in connection.execute(f"PRAGMA table_info({table})") if row[2] == "TEXT"
        ]
        if columns:
            for _ in connection.execute(f"SELECT {', '.join(columns)} FROM {table}"):
                pass


def check_log(path: Path) -> Iterator[Problem]:
    """Transactions behind damage in the write-ahead log, which SQLite passes over in silence."""
    wal = read_wal(path)
    if wal.lost:
        yield Problem(
            "log",
            "the newest changes are lost: the log is damaged before their end",
            wal.lost,
            LOST,
            "photosearch index finds again what they held",
        )
    elif wal.header_lost:
        yield Problem("log", "the log of the newest changes has no header", 1, LOST)


def check_tables(connection: sqlite3.Connection, *, quick: bool) -> Iterator[Problem]:
    """What is wrong with the rows of a catalogue whose pages are whole."""
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    if version < schema.SCHEMA:
        yield Problem("schema", f"of an older schema ({version}): the next index updates it", 1)
    else:
        yield from _schema(connection)
    have = set(tables(connection))
    if not {"settings", "roots", "photos", "files", "models", "vectors"} <= have:
        return
    yield from _references(connection)
    yield from _settings(connection)
    for kind, sql, message, severity in _COUNTED:
        if re.search(r"FROM (\w+)", sql)[1] in have:  # type: ignore[index]
            (count,) = connection.execute(sql).fetchone()
            if count:
                yield Problem(kind, message, count, severity)
    if not quick:
        yield from _lengths(connection)
        if "regions" in have:
            yield from _parts(connection)
    if "lines" in have:
        yield from _words(connection)
        if not quick:
            yield from _normal_forms(connection)


# (kind, how many, what is wrong, how bad)
_COUNTED = (
    (
        "count",
        "SELECT count(*) FROM models m WHERE vectors != "
        "(SELECT count(*) FROM vectors v WHERE v.model_id = m.id)",
        "the number of a model's vectors is not what is stored",
        REPAIRABLE,
    ),
    (
        "vector size",
        "SELECT count(*) FROM vectors v JOIN models m ON m.id = v.model_id "
        "WHERE length(v.vector) != 2 * m.dim",
        "vectors of the wrong size",
        REPAIRABLE,
    ),
    (
        "digest",
        "SELECT count(*) FROM photos WHERE length(digest) != 32",
        "photos without a whole digest",
        REPAIRABLE,
    ),
    (
        "numbers",
        "SELECT count(*) FROM (SELECT max(id) AS used, 'photos' AS name FROM photos UNION ALL "
        "SELECT max(id), 'vectors' FROM vectors) t WHERE used > "
        "coalesce((SELECT max(seq) FROM sqlite_sequence s WHERE s.name = t.name), 0)",
        "numbers of photos or vectors could be given away again",
        REPAIRABLE,
    ),
    (
        "orphans",
        "SELECT count(*) FROM photos p WHERE NOT EXISTS "
        "(SELECT 1 FROM files f WHERE f.photo_id = p.id)",
        "photos that lie nowhere any more: photosearch prune forgets them",
        NOTE,
    ),
)


def expected_schema() -> dict[tuple[str, str], str]:
    """(type, name) → statement of everything in a catalogue of the current schema."""
    with closing(sqlite3.connect(":memory:")) as fresh:
        schema.create(fresh)
        return _objects(fresh)


def _objects(connection: sqlite3.Connection) -> dict[tuple[str, str], str]:
    rows = connection.execute("SELECT type, name, sql FROM sqlite_master WHERE sql IS NOT NULL")
    return {
        (kind, name): " ".join(re.sub(r"--.*", "", text).replace('"', "").split()).lower()
        for kind, name, text in rows
        if not name.startswith("sqlite_")  # its own statistics
    }


def _schema(connection: sqlite3.Connection) -> Iterator[Problem]:
    have, wanted = _objects(connection), expected_schema()
    for kind, name in wanted:
        if (kind, name) not in have:
            yield Problem("schema", f"the {kind} {name} is missing", 1, REPAIRABLE)
        elif kind == "trigger" and have[kind, name] != wanted[kind, name]:
            yield Problem("schema", f"the {kind} {name} is not what it should be", 1, REPAIRABLE)
    for kind, name in have.keys() - wanted.keys():
        yield Problem("schema", f"the {kind} {name} is not photosearch's", 1)


def _references(connection: sqlite3.Connection) -> Iterator[Problem]:
    broken: dict[tuple[str, str], int] = {}
    for table, _, parent, _ in connection.execute("PRAGMA foreign_key_check"):
        broken[table, parent] = broken.get((table, parent), 0) + 1
    for (table, parent), count in broken.items():
        message = f"rows of {table} whose row of {parent} is not there"
        yield Problem("reference", message, count, REPAIRABLE)


def _settings(connection: sqlite3.Connection) -> Iterator[Problem]:
    settings = dict(connection.execute("SELECT name, value FROM settings"))
    for name in ("catalogue", "generation"):
        if name not in settings:
            yield Problem("settings", f"the setting {name!r} is missing", 1, REPAIRABLE)
    key = settings.get("model_key")
    keys = {key for (key,) in connection.execute("SELECT key FROM models")}
    if key is not None and key not in keys:
        yield Problem("settings", "the model in use is not among the models", 1, REPAIRABLE)


def bad_vectors(connection: sqlite3.Connection) -> Iterator[int]:
    """Ids of vectors that are not of unit length, or not made of numbers."""
    import numpy as np

    for model_id, dim in connection.execute("SELECT id, dim FROM models").fetchall():
        rows = connection.execute(
            "SELECT id, vector FROM vectors WHERE model_id = ? AND length(vector) = ?",
            (model_id, 2 * dim),
        )
        while block := rows.fetchmany(_BLOCK):
            matrix = np.frombuffer(b"".join(vector for _, vector in block), "<f2")
            with np.errstate(all="ignore"):
                lengths = np.linalg.norm(matrix.reshape(len(block), dim).astype("f4"), axis=1)
            good = np.abs(lengths - 1) < _LENGTH_ERROR  # false for what is no number
            yield from (block[at][0] for at in np.flatnonzero(~good))


def _lengths(connection: sqlite3.Connection) -> Iterator[Problem]:
    count = sum(1 for _ in bad_vectors(connection))
    if count:
        yield Problem("vector", "vectors that are not of unit length", count, REPAIRABLE)


def bad_parts(connection: sqlite3.Connection) -> Iterator[int]:
    """Ids of rows of `regions` whose vectors or boxes are not what their number says."""
    import numpy as np

    for row_id, count, dim, boxes, vectors in connection.execute(
        "SELECT r.id, r.count, m.dim, r.boxes, r.vectors FROM regions r "
        "JOIN models m ON m.id = r.model_id"
    ):
        if len(boxes) != 16 * count or len(vectors) != 2 * dim * count:
            yield row_id
            continue
        matrix = np.frombuffer(vectors, "<f2").reshape(count, dim).astype("f4")
        with np.errstate(all="ignore"):
            lengths = np.sqrt(np.einsum("ij,ij->i", matrix, matrix))
        if not (np.abs(lengths - 1) < _LENGTH_ERROR).all():
            yield row_id


def _parts(connection: sqlite3.Connection) -> Iterator[Problem]:
    count = sum(1 for _ in bad_parts(connection))
    if count:
        message = "photos with vectors of parts that are of a wrong size or length"
        yield Problem("parts", message, count, REPAIRABLE)


def wrong_lines(connection: sqlite3.Connection) -> Iterator[tuple[int, str, str]]:
    """(id, normal, joined) as they should be, of lines whose stored forms are others."""
    for number, text, normal, joined in connection.execute(
        "SELECT id, text, normal, joined FROM lines"
    ):
        words = normal_words(text)
        together = words.replace(" ", "")
        right = f" {words} ", "" if together == words else together
        if right != (normal, joined):
            yield number, *right


def _normal_forms(connection: sqlite3.Connection) -> Iterator[Problem]:
    count = sum(1 for _ in wrong_lines(connection))
    if count:
        message = "lines of printed words whose form for searching is another"
        yield Problem("lines", message, count, REPAIRABLE)


def _words(connection: sqlite3.Connection) -> Iterator[Problem]:
    """FTS5's own comparison with the lines, which wants to write: so it is done in a copy."""
    with closing(sqlite3.connect("")) as copy:  # a file without a name where it grows large
        copy.execute("PRAGMA synchronous = OFF")
        copy.execute("CREATE TABLE lines (id INTEGER PRIMARY KEY, normal TEXT, joined TEXT)")
        row = connection.execute("SELECT sql FROM sqlite_master WHERE name = 'words'").fetchone()
        if row is None:
            return  # said by _schema
        try:
            copy.execute(row[0])
            for table, columns in (("lines", "id, normal, joined"), *_SHADOWS):
                copy.execute(f"DELETE FROM {table}")
                rows = connection.execute(f"SELECT {columns} FROM {table}")
                marks = ", ".join("?" * (columns.count(",") + 1))
                copy.executemany(f"INSERT INTO {table} VALUES ({marks})", rows)
            copy.commit()
            copy.execute("INSERT INTO words (words, rank) VALUES ('integrity-check', 1)")
        except sqlite3.DatabaseError:
            message = "the index of printed words does not agree with the lines"
            yield Problem("words", message, 1, REPAIRABLE)


_SHADOWS = (
    ("words_data", "id, block"),
    ("words_idx", "segid, term, pgno"),
    ("words_docsize", "id, sz"),
    ("words_config", "k, v"),
)


def counted(connection: sqlite3.Connection) -> dict[str, int]:
    """Rows of each table."""
    return {
        name: int(connection.execute(f"SELECT count(*) FROM {name}").fetchone()[0])
        for name in tables(connection)
    }
