"""Printed words of photos: their normal form, storing them, and finding lines that hold a text.

In: what a reader found in photos; texts to look for. Out: rows of `readings` and `lines`; lines
that hold a text. Knows nothing of readers and of how hits are ranked. Lines are found by FTS5 with
trigrams, so that parts of words match (RE16 in RE16TGK, 浦东 inside a Chinese line); what is
shorter than three characters by comparing plain rows. The normal form of a line has a blank before
and after it, so a whole word can be asked for: " exit ".
"""

from __future__ import annotations

import json
import unicodedata
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

from photosearch.records import Line
from photosearch.simplified import simplified_letters

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from photosearch.store.catalogue import Catalogue
    from photosearch.store.snapshot import Snapshot

TRIGRAM = 3
# Accents are left out of these scripts' letters: people search "cafe" for CAFÉ. In others, such
# as Japanese and Hindi, a mark makes another letter.
_ACCENTED = ("LATIN", "GREEK")


@dataclass(frozen=True, slots=True)
class Reading:
    """What a reader made of one photo: lines, none where nothing is printed, or a failure."""

    photo_id: int
    lines: tuple[Line, ...] = ()
    failure: str | None = None


@dataclass(frozen=True, slots=True)
class FoundLine:
    """A stored line that holds what was looked for."""

    photo_id: int
    text: str
    confidence: float
    box: str  # as stored: of a thousand lines that hold a word, a few are shown
    normal: str  # with a blank before and after
    joined: str  # without any
    weight: float  # bm25 of what was looked for in this line: above 0, the rarer the greater

    @property
    def line(self) -> Line:
        return _line(self.text, self.confidence, self.box)


def normal_words(text: str) -> str:
    """Words without capitals, accents and punctuation, one blank between them; Chinese in
    simplified characters.

    NFKC first: full-width letters and ligatures become plain ones.
    """
    # A stray byte of the command line is no text that SQLite takes, and in no line.
    text = text.encode("utf-8", "replace").decode()
    folded = unicodedata.normalize("NFKC", text).casefold()
    kept: list[str] = []
    accented = False
    for char in unicodedata.normalize("NFKD", folded):
        kind, is_accented = _sort_of(char)
        if kind == "M" and accented:
            continue
        if kind in "LN":
            accented = is_accented
        kept.append(char if kind in "LNM" else " ")
    words = " ".join(unicodedata.normalize("NFKC", "".join(kept)).split())
    return simplified_letters(words)


@lru_cache(maxsize=4096)
def _sort_of(char: str) -> tuple[str, bool]:
    """Letter, number, mark or else (L N M …), and whether its accents are left out."""
    return unicodedata.category(char)[0], unicodedata.name(char, "").startswith(_ACCENTED)


# Writing


def reader_id(catalogue: Catalogue, key: str, name: str) -> int:
    """The number of a reader, made known if it is new."""
    with catalogue.transaction() as connection:
        row = connection.execute(
            "INSERT INTO readers (key, name) VALUES (?, ?) "
            "ON CONFLICT (key) DO UPDATE SET name = excluded.name RETURNING id",
            (key, name),
        ).fetchone()
    return int(row[0])


def store_readings(catalogue: Catalogue, reader: int, readings: Iterable[Reading]) -> None:
    """Store what was read, in one transaction; what an earlier reader found goes."""
    with catalogue.transaction() as connection:
        for reading in readings:
            connection.execute("DELETE FROM lines WHERE photo_id = ?", (reading.photo_id,))
            connection.execute(
                "INSERT OR REPLACE INTO readings (photo_id, reader_id, failure) "
                "SELECT id, ?, ? FROM photos WHERE id = ?",
                (reader, reading.failure, reading.photo_id),
            )
            connection.executemany(
                "INSERT INTO lines (photo_id, text, confidence, box, normal, joined) "
                "SELECT id, ?, ?, ?, ?, ? FROM photos WHERE id = ?",
                (
                    (*values, reading.photo_id)
                    for line in reading.lines
                    if (values := _line_values(line)) is not None
                ),
            )


def _line_values(line: Line) -> tuple[object, ...] | None:
    normal = normal_words(line.text)
    if not normal:  # nothing but punctuation
        return None
    joined = normal.replace(" ", "")
    box = json.dumps([[round(x, 1), round(y, 1)] for x, y in line.box])
    return line.text, line.confidence, box, f" {normal} ", joined if joined != normal else ""


# Reading


def has_words(snapshot: Snapshot) -> bool:
    """Whether the catalogue can hold printed words."""
    return snapshot.has_table("lines")


def unread(snapshot: Snapshot, key: str, *, retry: bool = False) -> list[int]:
    """Photos that lie somewhere and were not read by this reader; with `retry` failed ones too."""
    known = next(snapshot.rows("SELECT id FROM readers WHERE key = ?", (key,)), None)
    reader = known[0] if known else 0
    again = " AND failure IS NULL" if retry else ""
    ((left,),) = snapshot.rows(
        "SELECT (SELECT count(*) FROM photos) - "
        f"(SELECT count(*) FROM readings WHERE reader_id = ?{again})",
        (reader,),
    )
    if not left:  # as at most runs: a tenth of the time of asking for each photo
        return []
    rows = snapshot.rows(
        "SELECT DISTINCT f.photo_id FROM files f WHERE f.missing = 0 AND NOT EXISTS (SELECT 1 FROM "
        f"readings WHERE photo_id = f.photo_id AND reader_id = ?{again}) ORDER BY f.photo_id",
        (reader,),
    )
    return [photo_id for (photo_id,) in rows]


def lines_of(snapshot: Snapshot, photo_id: int) -> list[Line]:
    """The lines read in a photo, in the order in which they were read."""
    if not has_words(snapshot):
        return []
    rows = snapshot.rows(
        "SELECT text, confidence, box FROM lines WHERE photo_id = ? ORDER BY id", (photo_id,)
    )
    return [_line(*row) for row in rows]


def is_read(snapshot: Snapshot, photo_id: int) -> bool:
    """Whether a photo was looked at for words, and that did not fail."""
    return has_words(snapshot) and any(
        True
        for _ in snapshot.rows(
            "SELECT 1 FROM readings WHERE photo_id = ? AND failure IS NULL", (photo_id,)
        )
    )


def lines_with(
    snapshot: Snapshot, match: str, limit: int, *, allowed: bool = False
) -> Iterator[FoundLine]:
    """Lines that fulfil an FTS5 expression (see `either`), by bm25 weighted with confidence.

    allowed: of the photos of the last call of `allow` only.
    """
    where = " AND is_allowed(l.photo_id)" if allowed else ""
    for row in snapshot.rows(
        "SELECT l.photo_id, l.text, l.confidence, l.box, l.normal, l.joined, -bm25(words) "
        f"FROM words JOIN lines l ON l.id = words.rowid WHERE words MATCH ?{where} "
        "ORDER BY bm25(words) * l.confidence, l.id LIMIT ?",
        (match, limit),
    ):
        yield _found(*row)


def lines_with_short(
    snapshot: Snapshot, part: str, limit: int, *, allowed: bool = False
) -> Iterator[FoundLine]:
    """Lines that hold one or two characters: every row is compared.

    LIKE on the trigram table itself would silently find nothing (SQLite 3.40).
    """
    where = " AND is_allowed(photo_id)" if allowed else ""
    for row in snapshot.rows(
        "SELECT photo_id, text, confidence, box, normal, joined, 1.0 FROM lines "
        f"WHERE normal LIKE ?{where} ORDER BY confidence DESC, id LIMIT ?",
        (f"%{part}%", limit),
    ):
        yield _found(*row)


def allow(snapshot: Snapshot, photo_ids: NDArray[np.int64]) -> None:
    """Say which photos (sorted ids) may be found: looked up for each line that holds the words.

    A list within SQL would be read as a whole for each word: 1.5 s for a million photos.
    """
    import numpy as np

    flags = np.zeros(int(photo_ids[-1]) + 1 if len(photo_ids) else 0, np.uint8)
    flags[photo_ids] = 1
    known = flags.tobytes()
    count = len(known)
    snapshot.define("is_allowed", 1, lambda number: number < count and known[number])


def either(*parts: str) -> str:
    """An FTS5 expression: lines with any of these texts. Each must have three characters."""
    return " OR ".join('"' + part.replace('"', '""') + '"' for part in parts)


def counts(snapshot: Snapshot) -> dict[str, int]:
    """Photos read, photos with words, photos whose reading failed."""
    if not has_words(snapshot):
        return {"read": 0, "with_words": 0, "failed": 0}
    ((read, failed),) = snapshot.rows("SELECT count(*), count(failure) FROM readings")
    ((with_words,),) = snapshot.rows("SELECT count(DISTINCT photo_id) FROM lines")
    return {"read": read, "with_words": with_words, "failed": failed}


def failed_readings(snapshot: Snapshot) -> list[tuple[bytes, bytes, str]]:
    """(root, path, reason) of photos in which no words could be looked for."""
    if not has_words(snapshot):
        return []
    return list(
        snapshot.rows(
            "SELECT r.path, f.path, x.failure FROM readings x "
            "JOIN files f ON f.photo_id = x.photo_id AND f.missing = 0 "
            "JOIN roots r ON r.id = f.root_id WHERE x.failure IS NOT NULL ORDER BY r.path, f.path"
        )
    )


def _found(
    photo_id: int,
    text: str,
    confidence: float,
    box: str,
    normal: str,
    joined: str,
    weight: float,
) -> FoundLine:
    joined = joined or normal.strip()
    return FoundLine(photo_id, text, confidence, box, normal, joined, max(weight, 1e-6))


@lru_cache(maxsize=4096)  # 2 MB: words that were typed before are looked up with each letter
def _line(text: str, confidence: float, box: str) -> Line:
    return Line(text, confidence, tuple((x, y) for x, y in json.loads(box)))
