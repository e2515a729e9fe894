"""What the value of a filter means: read from a text, and as a condition within SQL.

In: a text as it is typed. Out: the value that a filter keeps; later, with a library at hand, the
clause that says it of photos `p` and files `f`. Values are bound, never put into SQL.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from functools import cached_property
from typing import TYPE_CHECKING, Any

from photosearch.errors import WrongUse
from photosearch.filenames import RAW_SUFFIXES
from photosearch.gazetteer.names import usual_name
from photosearch.search.dates import period_of
from photosearch.search.places import area_of, point_of
from photosearch.store.functions import folded
from photosearch.store.tags import normal_tag

if TYPE_CHECKING:
    from photosearch.store.snapshot import Snapshot

# What `photos.format` holds, and what else people call it.
FORMATS = "avif bmp gif heic jpeg jpeg2000 jxl png raw tiff webp".split()
_FORMAT_ALIASES = {
    "jpg": "jpeg", "jpe": "jpeg", "jfif": "jpeg", "tif": "tiff", "heif": "heic", "hif": "heic",
    "jp2": "jpeg2000", "j2k": "jpeg2000", "dib": "bmp", "apng": "png", "mpo": "jpeg",
}  # fmt: skip
HAS = {
    "gps": "p.latitude IS NOT NULL AND p.longitude IS NOT NULL",
    "date": "p.taken_at IS NOT NULL",
    "camera": "p.make IS NOT NULL OR p.camera IS NOT NULL",
    "words": "p.id IN (SELECT photo_id FROM lines)",
    "tag": "p.id IN (SELECT photo_id FROM tags)",
}
HAS_ALIASES = {
    "location": "gps", "position": "gps", "place": "gps", "text": "words", "word": "words",
    "tags": "tag", "time": "date",
}  # fmt: skip
_HAS_TABLES = {"words": "lines", "tag": "tags"}
ORIENTATIONS = {
    "landscape": "p.width > p.height",
    "portrait": "p.width < p.height",
    "square": "p.width = p.height",
}


# Conditions joined by OR, at most: SQLite takes them up to 1,000 deep, of all filters together.
_MANY = 20


@dataclass(frozen=True, slots=True)
class Clause:
    """A condition and what is bound in it."""

    sql: str
    values: tuple[object, ...] = ()


NEVER = Clause("0")


@dataclass(frozen=True)
class Situation:
    """What a value may mean depends on this."""

    snapshot: Snapshot
    today: date | None = None
    within: float | None = None

    @cached_property
    def roots(self) -> dict[bytes, int]:
        return self.snapshot.roots()


Maker = Callable[[Any, Situation], Clause]


def plain(option: str) -> Callable[[object], str]:
    """A text that is not empty, in characters that SQLite takes."""

    def read(given: object) -> str:
        # A stray byte of the command line is no text that SQLite takes, and stands nowhere.
        text = str(given).encode("utf-8", "replace").decode()
        if not text.strip():
            raise WrongUse(f"--{option} is empty")
        return text

    return read


def one_of(
    option: str, noun: str, known: Sequence[str], aliases: Mapping[str, str]
) -> Callable[[object], str]:
    """One of some words, also by its other names."""

    def read(given: object) -> str:
        word = plain(option)(given).strip().casefold().removeprefix(".")
        word = aliases.get(word, word)
        if word not in known:
            raise WrongUse(
                f"--{option} {given}: no such {noun}", hint=f"one of: {', '.join(sorted(known))}"
            )
        return word

    return read


def read_format(given: object) -> str:
    """`jpg` → jpeg."""
    word = str(given).strip().casefold().removeprefix(".")
    if b"." + os.fsencode(word.encode("utf-8", "replace").decode()) in RAW_SUFFIXES:
        raise WrongUse(
            f"--type {given}: all raw files are one type", hint=f'--type raw --name "*.{word}"'
        )
    return one_of("type", "format", FORMATS, _FORMAT_ALIASES)(given)


def read_number(option: str) -> Callable[[object], float]:
    """A number above zero; `12MP` is 12."""

    def read(given: object) -> float:
        match = re.fullmatch(
            r"([0-9]*\.?[0-9]+(?:e[+-]?[0-9]+)?) ?(?:mp)?", str(given).strip().casefold()
        )
        number = float(match[1]) if match else 0.0
        if not 0 < number < float("inf"):
            raise WrongUse(f"--{option} {given} is no number above 0", hint=f"--{option} 12")
        return number

    return read


def read_near(given: object) -> str:
    """A city's name or a point, which is looked at; a name only when it is needed."""
    text = plain("near")(given)
    point_of(text)
    return text


# Clauses


def taken(sql: str) -> Maker:
    """A condition on a day: the first of a period, and the one after it where it asks for both."""

    def clause(text: str, situation: Situation) -> Clause:
        bounds = period_of(text, situation.today).bounds
        return Clause(sql, bounds[: sql.count("?")])

    return clause


def contains(*columns: str) -> Maker:
    """Columns of photos, joined by a blank, hold this somewhere, without regard to capitals.

    A library knows a few cameras and lenses, and each is compared once: within SQL `folded` would
    be called for every photo.
    """
    joined = " || ' ' || ".join(f"coalesce(p.{column}, '')" for column in columns)
    names = ", ".join(columns)
    is_one = " AND ".join(f"p.{column} IS ?" for column in columns)

    def clause(text: str, situation: Situation) -> Clause:
        wanted = folded(text)
        known = situation.snapshot.rows(f"SELECT DISTINCT {names} FROM photos")
        meant = [row for row in known if wanted in folded(" ".join(filter(None, row)))]
        if len(meant) > _MANY:
            return Clause(f"instr(folded({joined}), ?) > 0", (wanted,))
        if not meant:
            return NEVER
        return Clause(
            " OR ".join(f"({is_one})" for _ in meant),
            tuple(value for row in meant for value in row),
        )

    return clause


def compares(sql: str) -> Maker:
    return lambda value, situation: Clause(sql, (value,))


def word(conditions: Mapping[str, str]) -> Maker:
    """One of some words, each with its own condition."""

    def clause(text: str, situation: Situation) -> Clause:
        table = _HAS_TABLES.get(text)
        if table and not situation.snapshot.has_table(table):
            return NEVER
        return Clause(conditions[text])

    return clause


def has_tag(text: str, situation: Situation) -> Clause:
    if not situation.snapshot.has_table("tags"):  # made before there were any
        return NEVER
    return Clause("p.id IN (SELECT photo_id FROM tags WHERE tag = ?)", (normal_tag(text),))


def at_place(text: str, situation: Situation) -> Clause:
    if not situation.snapshot.has_table("places"):
        return NEVER
    return Clause(
        "p.id IN (SELECT photo_id FROM places WHERE instr(names, ?) > 0)",
        (f"\n{usual_name(text)}\n",),
    )


def near(text: str, situation: Situation) -> Clause:
    area = area_of(text, situation.within)
    # The band of latitude leaves few photos for the exact distance, which Python computes.
    return Clause(
        "p.latitude BETWEEN ? AND ? AND km(p.latitude, p.longitude, ?, ?) <= ?",
        (*area.latitudes, area.latitude, area.longitude, area.km),
    )


def named(text: str, situation: Situation) -> Clause:
    return where_path_holds(re.sub(r"\[.*\]", "*", text), Clause("is_named(f.path, ?)", (text,)))


def where_path_holds(text: str, clause: Clause) -> Clause:
    """A clause in Python about paths, asked only of those that hold the longest word of a text.

    SQLite compares that in 0.4 of the time. Letters outside of ASCII may fold into others: paths
    with such letters are all asked.
    """
    part = max(re.findall(r"[\w -]+", text, re.ASCII), key=len, default="")[:200]
    if not part:
        return clause
    like = "%" + part.replace("_", r"\_") + "%"
    return Clause(
        "(CAST(f.path AS TEXT) LIKE ? ESCAPE '\\' "
        f"OR length(CAST(f.path AS TEXT)) <> length(f.path)) AND {clause.sql}",
        (like, *clause.values),
    )
