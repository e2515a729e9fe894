"""Repairing a catalogue: rows that contradict each other, and pages that cannot be read.

In: a library folder, under the writer's lock. Out: a catalogue that is whole, the old one kept
beside it, and Repair, which says what was lost. What is derived is made anew; what is lost of the
rest is what the next `index` has to read again.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path

from photosearch.errors import DamagedLibrary
from photosearch.reports.upkeep import LOST, NOTE, REPAIRABLE, Problem
from photosearch.store import integrity, schema
from photosearch.store.files import catalogue_path, storage_errors
from photosearch.store.replace import LOG, discard, keep, put_in_place
from photosearch.store.salvage.rebuild import Salvaged, drop_dangling, salvage

# What a table's rows are to people, and how lost ones come back.
_NAMES = {
    "settings": ("settings", "they are made anew"),
    "roots": ("indexed folders", "photosearch index FOLDER"),
    "photos": ("photos", "photosearch index reads and encodes them again"),
    "files": ("files", "photosearch index reads them again"),
    "failures": ("failures", "photosearch index tries those files again"),
    "models": ("models", "photosearch index --model NAME"),
    "vectors": ("vectors", "photosearch index encodes those photos again"),
    "tags": ("tags", "photosearch classify gives them again"),
    "readers": ("readers of words", "photosearch index reads the words again"),
    "readings": ("photos read for words", "photosearch index reads their words again"),
    "lines": ("lines of printed words", "photosearch index reads them again"),
    "places": ("names of places", "photosearch index finds them again"),
    "regions": ("photos looked at part by part", "photosearch index looks at them again"),
}
_TOLD = 5  # folders that are named


@dataclass(slots=True)
class Repair:
    """What was done."""

    kept: Path | None = None  # the catalogue as it was
    repaired: list[Problem] = field(default_factory=list)
    lost: list[Problem] = field(default_factory=list)


def losses(library: Path, scratch: Path) -> tuple[list[Problem], Salvaged]:
    """What of a damaged catalogue cannot be read. A trial repair in the folder `scratch`."""
    catalogue = catalogue_path(library)
    trial = scratch / "trial.db"
    found = salvage(catalogue, catalogue.with_name(catalogue.name + LOG), trial)
    return list(describe(found)), found


def describe(found: Salvaged) -> list[Problem]:
    """The losses in words."""
    if not any(found.kept[name] for name in ("roots", "photos", "files", "vectors")):
        message = "nothing of the catalogue can be read"
        return [Problem("unreadable", message, found.pages, LOST, "photosearch index FOLDER")]
    told = []
    for table, count in found.lost.items():
        name, way_back = _NAMES.get(table, (f"rows of {table}", "photosearch index"))
        total = found.kept[table] + count
        message = f"{count:,} of {total:,} {name} are lost"
        told.append(Problem(f"lost {table}", message, count, LOST, way_back))
    if found.again:
        folders: dict[str, int] = {}
        for root, path in found.again:
            folder = os.fsdecode(os.path.dirname(root.rstrip(b"/") + b"/" + path))
            folders[folder] = folders.get(folder, 0) + 1
        named = sorted(folders, key=lambda folder: -folders[folder])
        more = f" and {len(named) - _TOLD} more folders" if len(named) > _TOLD else ""
        message = f"files to be read again, in {', '.join(named[:_TOLD])}{more}"
        told.append(Problem("again", message, len(found.again), LOST, "photosearch index"))
    told += [Problem("settings", f"lost: {fact}", 1, LOST) for fact in found.made_up]
    return told


def rebuild(library: Path) -> Repair:
    """Put every readable row of a damaged catalogue into a new one, which takes its place."""
    catalogue = catalogue_path(library)
    new = catalogue.with_name(f"{catalogue.name}.{os.getpid()}.tmp")
    with storage_errors(catalogue):
        discard(new)
        try:
            repair = Repair(keep(catalogue, "damaged"))
            found = salvage(catalogue, catalogue.with_name(catalogue.name + LOG), new)
            repair.lost = describe(found)
            if any(problem.kind == "unreadable" for problem in repair.lost):
                for suffix in (LOG, "-shm", ""):
                    catalogue.with_name(catalogue.name + suffix).unlink(missing_ok=True)
                return repair
            with closing(sqlite3.connect(new)) as connection:
                # A row may be readable and still not be what was written.
                wrong = [
                    problem
                    for problem in integrity.check_tables(connection, quick=False)
                    if problem.severity != NOTE
                ]
                repair.repaired += wrong
                if wrong:
                    with connection:
                        _mend_rows(connection)
                if integrity.damage(connection, quick=False):
                    raise DamagedLibrary(
                        f"{catalogue} could not be repaired; it is as it was",
                        hint="photosearch restore BACKUP, or move the library away and index again",
                    )
            put_in_place(new, catalogue)
        finally:
            discard(new)
    pages = Problem("pages", "damaged pages", max(1, found.bad_pages), REPAIRABLE)
    repair.repaired.append(pages)
    return repair


def mend(library: Path, problems: Sequence[Problem]) -> Repair:
    """Put right what rows of a readable catalogue say wrongly of each other, in one transaction."""
    catalogue = catalogue_path(library)
    wrong = [problem for problem in problems if problem.severity != NOTE]
    with storage_errors(catalogue):
        repair = Repair(keep(catalogue, "damaged"), repaired=list(wrong))
        with closing(sqlite3.connect(catalogue, timeout=30)) as connection:
            connection.execute("PRAGMA synchronous = FULL")
            connection.execute("PRAGMA foreign_keys = OFF")
            connection.isolation_level = None
            connection.execute("BEGIN IMMEDIATE")
            try:
                _mend_schema(connection)
                _mend_rows(connection)
                connection.execute(
                    "UPDATE settings SET value = CAST(value AS INTEGER) + 1 "
                    "WHERE name = 'generation'"
                )
            except BaseException:
                connection.execute("ROLLBACK")
                raise
            connection.execute("COMMIT")
            connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    return repair


def _mend_schema(connection: sqlite3.Connection) -> None:
    wanted = schema_statements()
    have = {
        (kind, name): text
        for kind, name, text in connection.execute("SELECT type, name, sql FROM sqlite_master")
    }
    for (kind, name), text in wanted.items():
        if kind == "trigger" and have.get((kind, name)) != text:
            connection.execute(f"DROP TRIGGER IF EXISTS {name}")
        elif (kind, name) in have or name.startswith("words_"):  # FTS5 makes its own tables
            continue
        connection.execute(text)


def schema_statements() -> dict[tuple[str, str], str]:
    """(type, name) → statement, tables first."""
    with closing(sqlite3.connect(":memory:")) as fresh:
        schema.create(fresh)
        rows = fresh.execute(
            "SELECT type, name, sql FROM sqlite_master WHERE sql IS NOT NULL "
            "AND name NOT LIKE 'sqlite%' ORDER BY type = 'trigger', type = 'index', rowid"
        )
        return {(kind, name): text for kind, name, text in rows}


def _mend_rows(connection: sqlite3.Connection) -> None:
    connection.execute("DELETE FROM photos WHERE length(digest) != 32")
    drop_dangling(connection)
    bad = list(integrity.bad_vectors(connection))
    connection.executemany("DELETE FROM vectors WHERE id = ?", ((number,) for number in bad))
    connection.execute(
        "DELETE FROM vectors WHERE length(vector) != "
        "2 * (SELECT dim FROM models WHERE models.id = model_id)"
    )
    bad = list(integrity.bad_parts(connection))
    connection.executemany("DELETE FROM regions WHERE id = ?", ((number,) for number in bad))
    connection.execute(
        "UPDATE models SET vectors = (SELECT count(*) FROM vectors WHERE model_id = models.id)"
    )
    # The index first: the triggers of `lines` take out of it what they believe to be there.
    connection.execute("INSERT INTO words (words) VALUES ('rebuild')")
    wrong = list(integrity.wrong_lines(connection))
    for number, normal, joined in wrong:
        row = connection.execute(
            "SELECT photo_id, text, confidence, box FROM lines WHERE id = ?", (number,)
        ).fetchone()
        connection.execute("DELETE FROM lines WHERE id = ?", (number,))
        if normal.strip():
            connection.execute(
                "INSERT INTO lines (photo_id, text, confidence, box, normal, joined, id) "
                "VALUES (?, ?, ?, ?, ?, ?, ?)",
                (*row, normal, joined, number),
            )
    for table in ("photos", "vectors"):
        (used,) = connection.execute(f"SELECT coalesce(max(id), 0) FROM {table}").fetchone()
        row = connection.execute("SELECT max(seq) FROM sqlite_sequence WHERE name = ?", (table,))
        given = row.fetchone()[0] or 0
        connection.execute("DELETE FROM sqlite_sequence WHERE name = ?", (table,))
        connection.execute("INSERT INTO sqlite_sequence VALUES (?, ?)", (table, max(used, given)))
    with closing(sqlite3.connect(":memory:")) as fresh:
        schema.create(fresh)
        rows = fresh.execute("SELECT name, value FROM settings").fetchall()
    connection.executemany("INSERT OR IGNORE INTO settings VALUES (?, ?)", rows)
    connection.execute(
        "DELETE FROM settings WHERE name IN ('model', 'model_key') AND NOT EXISTS (SELECT 1 FROM "
        "models m JOIN settings s ON s.name = 'model_key' AND s.value = m.key)"
    )
