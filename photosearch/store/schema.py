"""Tables of the catalogue, and how an older catalogue becomes a current one.

In: a connection that may write. Out: the same, at schema SCHEMA. `PRAGMA user_version` holds the
schema's number; a newer one than this program knows is refused, never guessed at. The tables are
described in docs/format.md.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

from photosearch.errors import DamagedLibrary, NewerLibrary, NoLibrary
from photosearch.store.database import database_of
from photosearch.store.replace import discard, sync_file, sync_folder, unused

if TYPE_CHECKING:
    import sqlite_utils

SCHEMA = 5
APPLICATION_ID = 0x50685365  # "PhSe", in the file's header: `file catalogue.db` shows it

_TABLES = """
CREATE TABLE settings (
    name TEXT PRIMARY KEY,
    value TEXT NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE roots (
    id INTEGER PRIMARY KEY,
    path BLOB NOT NULL UNIQUE           -- absolute, as bytes
) STRICT;

-- AUTOINCREMENT: a number is never used again, so a vector file that is out of date may name a
-- photo that is gone, but never another one.
CREATE TABLE photos (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    digest BLOB NOT NULL UNIQUE,        -- SHA-256 of the file's content
    bytes INTEGER NOT NULL,
    format TEXT NOT NULL,
    width INTEGER NOT NULL,             -- pixels, upright
    height INTEGER NOT NULL,
    taken_at TEXT,                      -- ISO 8601, local to the place, offset where known
    make TEXT,
    camera TEXT,
    lens TEXT,
    latitude REAL,
    longitude REAL,
    altitude REAL,
    orientation INTEGER,
    iso INTEGER,
    f_number REAL,
    exposure REAL,
    focal_length REAL
) STRICT;
CREATE INDEX photos_taken_at ON photos (taken_at) WHERE taken_at IS NOT NULL;

CREATE TABLE files (
    id INTEGER PRIMARY KEY,
    root_id INTEGER NOT NULL REFERENCES roots (id) ON DELETE CASCADE,
    path BLOB NOT NULL,                 -- relative to its root, "/" between the parts
    size INTEGER NOT NULL,
    mtime_ns INTEGER NOT NULL,
    photo_id INTEGER NOT NULL REFERENCES photos (id),
    missing INTEGER NOT NULL DEFAULT 0 CHECK (missing IN (0, 1)),
    UNIQUE (root_id, path)
) STRICT;
CREATE INDEX files_photo ON files (photo_id);
CREATE INDEX files_missing ON files (photo_id) WHERE missing = 1;

CREATE TABLE failures (
    root_id INTEGER NOT NULL REFERENCES roots (id) ON DELETE CASCADE,
    path BLOB NOT NULL,
    size INTEGER NOT NULL,
    mtime_ns INTEGER NOT NULL,
    reason TEXT NOT NULL,
    PRIMARY KEY (root_id, path)
) STRICT, WITHOUT ROWID;

CREATE TABLE models (
    id INTEGER PRIMARY KEY,
    key TEXT NOT NULL UNIQUE,           -- fingerprint of image tower and preprocessing
    name TEXT NOT NULL,
    dim INTEGER NOT NULL,
    vectors INTEGER NOT NULL DEFAULT 0  -- how many there are: kept by the triggers below
) STRICT;

CREATE TABLE vectors (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    photo_id INTEGER NOT NULL REFERENCES photos (id) ON DELETE CASCADE,
    model_id INTEGER NOT NULL REFERENCES models (id) ON DELETE CASCADE,
    vector BLOB NOT NULL,               -- float16[dim], little-endian, unit length
    UNIQUE (photo_id, model_id)
) STRICT;

CREATE TRIGGER vectors_added AFTER INSERT ON vectors BEGIN
    UPDATE models SET vectors = vectors + 1 WHERE id = new.model_id;
END;
CREATE TRIGGER vectors_removed AFTER DELETE ON vectors BEGIN
    UPDATE models SET vectors = vectors - 1 WHERE id = old.model_id;
END;
"""
# Since schema 2. A step that changes this table has to leave the present text to the first step.
_TAGS = """
CREATE TABLE tags (
    photo_id INTEGER NOT NULL REFERENCES photos (id) ON DELETE CASCADE,
    source TEXT NOT NULL,               -- who gave it, such as "classify": replaced as a whole
    tag TEXT NOT NULL,                  -- the normal form (tags.normal_tag): what is compared
    label TEXT NOT NULL,                -- as it was given: what is shown
    score REAL,                         -- its probability, where the source has one
    model_id INTEGER REFERENCES models (id) ON DELETE CASCADE,
    PRIMARY KEY (photo_id, source, tag)
) STRICT, WITHOUT ROWID;
CREATE INDEX tags_tag ON tags (tag);
"""
# Since schema 3.
_WORDS = """
CREATE TABLE readers (
    id INTEGER PRIMARY KEY,
    key TEXT NOT NULL UNIQUE,           -- fingerprint of the engine, its models and settings
    name TEXT NOT NULL
) STRICT;

-- One row a photo that was looked at, also where nothing is printed in it.
CREATE TABLE readings (
    photo_id INTEGER PRIMARY KEY REFERENCES photos (id) ON DELETE CASCADE,
    reader_id INTEGER NOT NULL REFERENCES readers (id),
    failure TEXT                        -- why it could not be read, where it could not
) STRICT;
CREATE INDEX readings_failed ON readings (photo_id) WHERE failure IS NOT NULL;

CREATE TABLE lines (
    id INTEGER PRIMARY KEY,
    photo_id INTEGER NOT NULL REFERENCES photos (id) ON DELETE CASCADE,
    text TEXT NOT NULL,
    confidence REAL NOT NULL,
    box TEXT NOT NULL,                  -- JSON: four corners [x, y] in the upright photo's pixels
    normal TEXT NOT NULL,               -- words.normal_words(text), a blank before and after
    joined TEXT NOT NULL                -- the same without blanks inside; '' where that is all
) STRICT;
CREATE INDEX lines_photo ON lines (photo_id);

-- The normal forms have no capitals any more: comparing letters as they are is enough.
CREATE VIRTUAL TABLE words USING fts5 (
    normal, joined, content = 'lines', content_rowid = 'id', tokenize = 'trigram case_sensitive 1'
);
CREATE TRIGGER lines_added AFTER INSERT ON lines BEGIN
    INSERT INTO words (rowid, normal, joined) VALUES (new.id, new.normal, new.joined);
END;
CREATE TRIGGER lines_removed AFTER DELETE ON lines BEGIN
    INSERT INTO words (words, rowid, normal, joined)
    VALUES ('delete', old.id, old.normal, old.joined);
END;
"""
_PLACES = """
CREATE TABLE places (
    photo_id INTEGER PRIMARY KEY REFERENCES photos (id) ON DELETE CASCADE,
    city TEXT,
    region TEXT,
    country TEXT,
    country_code TEXT,
    names TEXT NOT NULL,                -- normal forms of these, a line end before and after each
    gazetteer TEXT NOT NULL             -- whose word it is
) STRICT;
"""
# Since schema 4. Both are derived from pixels: `duplicates` makes again what is not there.
_HASHES = """
CREATE TABLE hashes (
    photo_id INTEGER NOT NULL REFERENCES photos (id) ON DELETE CASCADE,
    kind TEXT NOT NULL,                 -- how it was computed; another way has another name
    hash BLOB,                          -- 8 bytes: alike in photos that look alike
    colour REAL,                        -- mean distance from grey, 0..255
    failure TEXT,                       -- why there is none, where there is none
    PRIMARY KEY (photo_id, kind),
    CHECK ((hash IS NULL) = (failure IS NOT NULL))
) STRICT, WITHOUT ROWID;

-- Two photos whose pixels were compared, whatever the outcome: it takes longer than all else.
CREATE TABLE pairs (
    photo_a INTEGER NOT NULL REFERENCES photos (id) ON DELETE CASCADE,
    photo_b INTEGER NOT NULL REFERENCES photos (id) ON DELETE CASCADE,
    kind TEXT NOT NULL,                 -- how they were compared
    verdict TEXT NOT NULL,              -- "same", "altered", "different"
    likeness REAL NOT NULL,             -- 0..1
    shown_a REAL NOT NULL,              -- how much of a is in b, 0..1
    shown_b REAL NOT NULL,
    scale REAL NOT NULL,                -- pixels a side in which b shows what a shows in one
    tones REAL NOT NULL,                -- mean difference of brightness, 0..255
    PRIMARY KEY (photo_a, photo_b, kind),
    CHECK (photo_a < photo_b)
) STRICT, WITHOUT ROWID;
CREATE INDEX pairs_b ON pairs (photo_b);
"""
# Since schema 5. Derived from pixels: `index --regions` makes again what is not there.
_REGIONS = """
-- One row a photo whose parts were encoded, or could not be.
CREATE TABLE regions (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    photo_id INTEGER NOT NULL REFERENCES photos (id) ON DELETE CASCADE,
    model_id INTEGER NOT NULL REFERENCES models (id) ON DELETE CASCADE,
    kind TEXT NOT NULL,                 -- how parts are chosen; another way has another name
    count INTEGER NOT NULL,
    boxes BLOB NOT NULL,                -- int32[count, 4], little-endian: x0, y0, x1, y1 in pixels
    failure TEXT,                       -- why there are none, where there are none
    vectors BLOB NOT NULL,              -- float16[count, dim], little-endian, unit length
    UNIQUE (photo_id, model_id, kind),
    CHECK ((count = 0) = (failure IS NOT NULL))
) STRICT;
CREATE INDEX regions_counted ON regions (model_id, kind, count);
"""
_TABLES += _TAGS + _WORDS + _PLACES + _HASHES + _REGIONS


def create(connection: sqlite3.Connection) -> None:
    """Make an empty catalogue."""
    # A 1 KiB vector leaves half of each default 4 KiB page empty: 50,000 of 512 dimensions take
    # 59 MB and are read in 0.12 s with 8 KiB pages, 68 MB and 0.31 s with 4 KiB ones.
    connection.execute("PRAGMA page_size = 8192")
    connection.execute("PRAGMA journal_mode = WAL")
    database = database_of(connection)
    with database.atomic():
        for statement in _statements(_TABLES):
            database.execute(statement)
        database.table("settings").insert_all(
            [{"name": "catalogue", "value": _random_name()}, {"name": "generation", "value": "0"}]
        )
        database.execute(f"PRAGMA application_id = {APPLICATION_ID}")
        database.execute(f"PRAGMA user_version = {SCHEMA}")


def _add_tags(database: sqlite_utils.Database) -> None:
    for statement in _statements(_TAGS):
        database.execute(statement)


def _add_words_and_places(database: sqlite_utils.Database) -> None:
    for statement in _statements(_WORDS + _PLACES):
        database.execute(statement)


def _add_hashes(database: sqlite_utils.Database) -> None:
    for statement in _statements(_HASHES):
        database.execute(statement)


def _add_regions(database: sqlite_utils.Database) -> None:
    for statement in _statements(_REGIONS):
        database.execute(statement)


# Number of the schema a step starts from → the step. Each runs in the one transaction of upgrade().
_STEPS: dict[int, Callable[[sqlite_utils.Database], None]] = {
    1: _add_tags,
    2: _add_words_and_places,
    3: _add_hashes,
    4: _add_regions,
}


def upgrade(connection: sqlite3.Connection, path: Path) -> None:
    """Bring a catalogue to the current schema; a copy of the old one is kept beside it."""
    version = version_of(connection, path)
    if version == SCHEMA:
        return
    _keep_copy(connection, path.with_name(f"{path.name}.schema{version}"))
    database = database_of(connection)
    with database.atomic():
        for number in range(version, SCHEMA):
            _STEPS[number](database)
        database.execute(f"PRAGMA user_version = {SCHEMA}")


def _keep_copy(connection: sqlite3.Connection, kept: Path) -> None:
    """A copy that is whole as soon as it has its name; one that is there already stays."""
    partial = kept.with_name(f"{kept.name}.tmp")
    discard(partial)
    try:
        with closing(sqlite3.connect(partial)) as copy:
            connection.backup(copy)
            copy.execute("PRAGMA journal_mode = DELETE")  # one file, without a log beside it
        sync_file(partial)
        os.replace(partial, unused(kept))
        sync_folder(kept.parent)
    finally:
        discard(partial)


def version_of(connection: sqlite3.Connection, path: Path) -> int:
    """The schema of a catalogue; refuses what is not ours or is newer than this program."""
    try:
        (version,) = connection.execute("PRAGMA user_version").fetchone()
        (application,) = connection.execute("PRAGMA application_id").fetchone()
        (tables,) = connection.execute("SELECT count(*) FROM sqlite_master").fetchone()
    except sqlite3.DatabaseError as error:
        raise DamagedLibrary(f"{path} cannot be read: {error}") from error
    if not tables:  # its maker was interrupted before the first transaction
        raise NoLibrary(f"the library {path.parent} is empty")
    if application != APPLICATION_ID:
        raise DamagedLibrary(f"{path} is no catalogue of photosearch")
    if version > SCHEMA:
        raise NewerLibrary(
            f"{path} was made by a newer photosearch (schema {version}, this one knows {SCHEMA})"
        )
    return int(version)


def _statements(script: str) -> list[str]:
    """Split a script, leaving the semicolons inside triggers alone."""
    statements, current = [], ""
    for line in script.splitlines(keepends=True):
        current += line
        if sqlite3.complete_statement(current):
            statements.append(current)
            current = ""
    return statements


def _random_name() -> str:
    import secrets

    return secrets.token_hex(8)
