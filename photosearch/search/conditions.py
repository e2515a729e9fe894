"""What the value of a filter means: read from a text, and as a condition within SQL.

In: a text as it is typed. Out: the value that a filter keeps; later, with a library at hand, the
clause that says it of photos `p` and files `f`. Values are bound, never put into SQL.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from functools import cached_property, lru_cache
from typing import TYPE_CHECKING, Any

from photosearch.errors import WrongUse
from photosearch.filenames import RAW_SUFFIXES
from photosearch.gazetteer.names import usual_name
from photosearch.paths import (
    asks_system,
    below,
    find_same_root,
    join,
    normal_form,
    relative_to,
    to_bytes,
)
from photosearch.search.dates import period_of
from photosearch.search.places import area_of, point_of
from photosearch.store.functions import folded, is_in_folder_named
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


def read_folder(option: str) -> Callable[[object], str]:
    """A folder's path or name. Its bytes survive, whatever they are."""

    def read(given: object) -> str:
        try:
            text = os.fsdecode(given)  # type: ignore[arg-type]
            to_bytes(text)
        except (ValueError, TypeError):  # a NUL, half a character
            raise WrongUse(f"--{option} {given!a} is no folder") from None
        if not text.strip():
            raise WrongUse(f"--{option} is empty")
        return text

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
    return _where_path_holds(re.sub(r"\[.*\]", "*", text), Clause("is_named(f.path, ?)", (text,)))


def _where_path_holds(text: str, clause: Clause) -> Clause:
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


def in_folder(text: str, situation: Situation) -> Clause:
    """A file lies in a folder, or in any folder of a name."""
    if not by_name(text, situation):
        clause = _below(to_bytes(text), situation)
        if clause is None:
            raise WrongUse(
                f"{text}: not in any indexed folder", hint="indexed folders: photosearch status"
            )
        return clause
    inside = [number for root, number in situation.roots.items() if _is_within(root, text)]
    asked = _where_path_holds(text, Clause("is_in_folder_named(f.path, ?)", (os.fsencode(text),)))
    return Clause(
        f"f.root_id IN ({', '.join('?' * len(inside))}) OR ({asked.sql})",
        (*inside, *asked.values),
    )


def is_bare(text: str) -> bool:
    """Whether this is a name and no path."""
    return "/" not in text and os.sep not in text and not text.startswith(("~", "."))


def by_name(text: str, situation: Situation) -> bool:
    """Whether a folder is meant by its name: the text is one, and no indexed folder is here so."""
    if not is_bare(text):
        return False
    clause = _below_exactly(to_bytes(text), situation.roots)
    return clause is None or not _has_photos(clause, situation)


def lies_in(path: bytes, text: str, *, name: bool) -> bool:
    """Whether an absolute path lies in a folder, or in any of this name."""
    if name and is_in_folder_named(path, text):
        return True
    wanted = to_bytes(text)
    if relative_to(path, wanted) is not None:
        return True
    if relative_to(normal_form(path), normal_form(wanted)) is not None:
        return True
    return asks_system() and _is_below_same(path.rpartition(b"/")[0], wanted)


@lru_cache(maxsize=4096)
def _is_below_same(folder: bytes, wanted: bytes) -> bool:
    """Whether the system says that a folder is the wanted one, or lies in it, by another name."""
    return find_same_root(folder, [wanted]) is not None


def _is_within(root: bytes, name: str) -> bool:
    return is_in_folder_named(root + b"/", name)


def _below(wanted: bytes, situation: Situation) -> Clause | None:
    """Files below a folder; None where it is in no root and above none.

    Where none is there by this very name, it is looked for by another that means the same folder:
    through a link or in other capitals, as the system has it, or in another normal form.
    """
    roots = situation.roots
    exact = _below_exactly(wanted, roots)
    if exact is not None and (wanted.isascii() or _has_photos(exact, situation)):
        return exact
    same = find_same_root(wanted, roots) if exact is None else None
    if same:
        exact = _below_exactly(join(*same), roots)
    plain = normal_form(wanted)
    forms = {
        folder
        for root, root_id in roots.items()
        if relative_to(plain, normal_form(root)) is not None
        for folder in _folders_called(plain, root, root_id, situation)
    }
    clauses = [exact, *(_below_exactly(folder, roots) for folder in sorted(forms))]
    return _any_of([clause for clause in clauses if clause is not None])


def _folders_called(
    plain: bytes, root: bytes, root_id: int, situation: Situation
) -> Iterator[bytes]:
    """Folders of a root, as bytes, whose normal form is this: 0.1 s for 100,000 files."""
    depth = plain.count(b"/") - root.count(b"/")
    if plain.isascii() or depth < 0:
        return
    if not depth:
        yield root
    rows = situation.snapshot.rows("SELECT path FROM files WHERE root_id = ?", (root_id,))
    folders = {b"/".join(path.split(b"/")[:depth]) for (path,) in rows if depth}
    for folder in folders:
        if normal_form(join(root, folder)) == plain:
            yield join(root, folder)


def _has_photos(clause: Clause, situation: Situation) -> bool:
    return situation.snapshot.has_photo(clause.sql, clause.values)


def _any_of(clauses: Sequence[Clause]) -> Clause | None:
    if not clauses:
        return None
    return Clause(
        " OR ".join(f"({clause.sql})" for clause in clauses),
        tuple(value for clause in clauses for value in clause.values),
    )


def _below_exactly(wanted: bytes, roots: Mapping[bytes, int]) -> Clause | None:
    """Files below a folder of this very name; None where it is in no root and above none."""
    clauses: list[str] = []
    values: list[object] = []
    for root, root_id in roots.items():
        inner = relative_to(wanted, root)
        if inner:
            clauses.append("(f.root_id = ? AND f.path >= ? AND f.path < ?)")
            values += [root_id, *below(inner)]
        elif inner == b"" or relative_to(root, wanted) is not None:
            clauses.append("f.root_id = ?")
            values.append(root_id)
    return Clause(" OR ".join(clauses), tuple(values)) if clauses else None
