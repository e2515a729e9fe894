"""Self-describing filters: each field carries its help, an example and its condition.

In: a Filters record. Out: the ids of the photos that pass, or None for all. Command line,
qualifiers inside a text, web form and documentation are made from the same fields. Conditions are
on photos `p` and files `f`.
"""

from __future__ import annotations

import datetime
import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import Field, dataclass, fields, replace
from typing import TYPE_CHECKING, Any

from photosearch.errors import WrongUse
from photosearch.search import conditions as are
from photosearch.search import folders
from photosearch.search.dates import first_day, period_of
from photosearch.search.fields import clause_of, contrary, flt, is_list
from photosearch.search.places import DEFAULT_KM, read_km
from photosearch.store.functions import define, is_named

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from photosearch.store.snapshot import Snapshot

__all__ = ["Filters", "PathTest", "filters_table", "first_day", "is_list", "opposite", "options"]

PathTest = Callable[[bytes], bool]


def _later(one: str, other: str, today: datetime.date | None) -> bool:
    return period_of(one, today).first >= period_of(other, today).first


_MOST = 200  # values in all: SQLite takes conditions up to 1,000 deep
_MEGAPIXELS = "p.width * p.height / 1e6"


@dataclass(frozen=True, slots=True)
class Filters:
    """Which photos may be hits. A field left out filters nothing; all given ones must hold.

    Each text field that may be given several times takes one text or a list of them. Of several,
    one must hold; of `tag` and `has` all must. A `not_…` field passes photos of which none of its
    values is true, those of which the fact is not known among them. `in_folder`, `name` and their
    opposites are about paths: a photo that lies at several passes where one path passes all four.
    """

    in_folder: Sequence[str] = flt(
        "in this folder or below it; a bare name means every folder so called",
        "in ~/Pictures/2024",
        folders.in_folder,
        option="in",
        metavar="FOLDER",
        read=folders.read_folder("in"),
    )
    not_in_folder: Sequence[str] = contrary(
        "in_folder", "not-in screenshots", read=folders.read_folder("not-in")
    )
    after: str | None = flt(
        "taken on or after the first day of this date",
        "after 2024-06",
        are.taken("p.taken_at >= ?"),
        option="after",
        metavar="DATE",
        default=None,
        stricter=_later,
    )
    before: str | None = flt(
        "taken before the first day of this date",
        "before 2024",
        are.taken("p.taken_at < ?"),
        option="before",
        metavar="DATE",
        default=None,
        stricter=lambda one, other, today: _later(other, one, today),
    )
    tag: Sequence[str] = flt(
        "with this tag; of several, with all of them",
        "tag cat",
        are.has_tag,
        option="tag",
        metavar="TAG",
        every=True,
    )
    not_tag: Sequence[str] = contrary("tag", "not-tag cat")
    date: Sequence[str] = flt(
        "taken within this day, month, year or season",
        'date "last summer"',
        are.taken("p.taken_at >= ? AND p.taken_at < ?"),
        option="date",
        metavar="DATE",
    )
    not_date: Sequence[str] = contrary("date", "not-date 2020")
    camera: Sequence[str] = flt(
        "whose camera's make and model contain this",
        'camera "Pixel 6"',
        are.contains("make", "camera"),
        option="camera",
        metavar="NAME",
    )
    not_camera: Sequence[str] = contrary("camera", "not-camera canon")
    lens: Sequence[str] = flt(
        "whose lens's name contains this",
        "lens 50mm",
        are.contains("lens"),
        option="lens",
        metavar="NAME",
    )
    not_lens: Sequence[str] = contrary("lens", "not-lens fisheye")
    place: Sequence[str] = flt(
        "taken in this city, region or country",
        "place Kyoto",
        are.at_place,
        option="place",
        metavar="NAME",
    )
    not_place: Sequence[str] = contrary("place", "not-place Japan")
    near: Sequence[str] = flt(
        "taken near a city, or near a point",
        "near 35.01,135.77",
        are.near,
        option="near",
        metavar="PLACE|LAT,LON",
        read=are.read_near,
    )
    not_near: Sequence[str] = contrary("near", "not-near Kyoto", read=are.read_near)
    within: float | None = flt(
        f"no further than this from `--near`, in kilometres ({DEFAULT_KM:g} unless given)",
        "within 5",
        option="within",
        metavar="KM",
        read=read_km,
        default=None,
        stricter=lambda one, other, today: one <= other,
    )
    has: Sequence[str] = flt(
        f"that have {', '.join(are.HAS)}; of several, all of them",
        "has gps",
        are.word(are.HAS),
        option="has",
        metavar="FACT",
        read=are.one_of("has", "fact", tuple(are.HAS), are.HAS_ALIASES),
        every=True,
    )
    not_has: Sequence[str] = contrary(
        "has", "not-has words", read=are.one_of("not-has", "fact", tuple(are.HAS), are.HAS_ALIASES)
    )
    type: Sequence[str] = flt(
        f"in this format: {', '.join(are.FORMATS)}",
        "type raw",
        are.compares("p.format = ?"),
        option="type",
        metavar="FORMAT",
        read=are.read_format,
    )
    not_type: Sequence[str] = contrary("type", "not-type png", read=are.read_format)
    orientation: Sequence[str] = flt(
        f"that are {', '.join(are.ORIENTATIONS)}, as they are seen",
        "orientation portrait",
        are.word(are.ORIENTATIONS),
        option="orientation",
        metavar="WAY",
        read=are.one_of("orientation", "orientation", tuple(are.ORIENTATIONS), {}),
    )
    not_orientation: Sequence[str] = contrary(
        "orientation",
        "not-orientation square",
        read=are.one_of("not-orientation", "orientation", tuple(are.ORIENTATIONS), {}),
    )
    min_megapixels: float | None = flt(
        "of at least so many million pixels",
        "min-megapixels 12",
        are.compares(f"{_MEGAPIXELS} >= ?"),
        option="min-megapixels",
        metavar="N",
        read=are.read_number("min-megapixels"),
        default=None,
        stricter=lambda one, other, today: one >= other,
    )
    max_megapixels: float | None = flt(
        "of fewer million pixels than this",
        "max-megapixels 2",
        are.compares(f"{_MEGAPIXELS} < ?"),
        option="max-megapixels",
        metavar="N",
        read=are.read_number("max-megapixels"),
        default=None,
        stricter=lambda one, other, today: one <= other,
    )
    name: Sequence[str] = flt(
        "whose file is so called, with or without its ending; * and ? stand for anything",
        "name IMG_12*",
        are.named,
        option="name",
        metavar="GLOB",
    )
    not_name: Sequence[str] = contrary("name", "not-name *-edited")
    also: tuple[Filters, ...] = ()  # further filters, all of which must hold too

    def __post_init__(self) -> None:
        """Several values become a tuple; each is read, so that one meaning is written one way."""
        for one in options():
            given = getattr(self, one.name)
            read = one.metadata["read"]
            if not is_list(one):
                value = None if given in (None, "", 0) else read(given)
            elif isinstance(given, (str, os.PathLike)):
                value = (read(given),) if os.fspath(given) else ()
            else:
                value = tuple(dict.fromkeys(read(text) for text in given))
            object.__setattr__(self, one.name, value)

    def is_empty(self) -> bool:
        return not any(getattr(self, one.name) for one in fields(self))

    def check(self, today: datetime.date | None = None) -> None:
        """Raise WrongUse for a date that is none; all else was read when it was given."""
        for one in ("after", "before"):
            if getattr(self, one):
                period_of(getattr(self, one), today)
        for text in (*self.date, *self.not_date):
            period_of(text, today)
        for other in self.also:
            other.check(today)

    def merged(self, other: Filters, today: datetime.date | None = None) -> Filters:
        """What passes both: of two dates or numbers the stricter one holds."""
        if self.is_empty() or other.is_empty():
            return other if self.is_empty() else self
        joined: dict[str, Any] = {}
        apart: dict[str, Any] = {}
        both_near = (self.near or self.not_near) and (other.near or other.not_near)
        for one in options():
            mine, theirs = getattr(self, one.name), getattr(other, one.name)
            if both_near and one.name in ("near", "not_near", "within"):
                apart[one.name] = theirs  # each with its own distance
            elif not theirs or mine == theirs:
                continue
            elif not mine:
                joined[one.name] = theirs
            elif one.metadata["stricter"]:
                holds = one.metadata["stricter"](mine, theirs, today)
                joined[one.name] = mine if holds else theirs
            elif one.metadata["every"] or one.metadata["negates"]:
                joined[one.name] = (*mine, *theirs)
            else:
                apart[one.name] = theirs  # one of mine, and one of theirs
        also = (*self.also, *other.also)
        if any(apart.values()):
            also = (*also, Filters(**apart))
        return replace(self, **joined, also=tuple(dict.fromkeys(also)))

    def accepts_path(self, path: bytes) -> bool:
        """Whether a path itself is one to show: of several copies, those in the right folder."""
        return self._path_passes(path, folders.is_bare)

    def path_test(self, snapshot: Snapshot) -> PathTest:
        """The same, knowing which folders are meant by name: see `in_folder`."""
        situation = are.Situation(snapshot)
        texts = {
            text for one in (self, *self.also) for text in (*one.in_folder, *one.not_in_folder)
        }
        by_name = {text for text in texts if folders.by_name(text, situation)}
        return lambda path: self._path_passes(path, by_name.__contains__)

    def _path_passes(self, path: bytes, by_name: Callable[[str], bool]) -> bool:
        def is_in(given: Sequence[str]) -> bool:
            return any(folders.lies_in(path, folder, name=by_name(folder)) for folder in given)

        def is_called(patterns: Sequence[str]) -> bool:
            return any(is_named(path, pattern) for pattern in patterns)

        return (
            (not self.in_folder or is_in(self.in_folder))
            and not is_in(self.not_in_folder)
            and (not self.name or is_called(self.name))
            and not is_called(self.not_name)
            and all(other._path_passes(path, by_name) for other in self.also)
        )

    def allowed_ids(
        self, snapshot: Snapshot, today: datetime.date | None = None
    ) -> NDArray[np.int64] | None:
        """Sorted ids of the photos that pass, None where nothing is filtered."""
        if self.is_empty():
            return None
        if self.within and not (self.near or self.not_near):
            raise WrongUse("--within needs --near", hint="--near Kyoto --within 5")
        if self._count() > _MOST:
            raise WrongUse(f"more than {_MOST} filters at once", hint="fewer of them")
        define(snapshot)
        clause = self._clause(snapshot, today)
        found = snapshot.ids_where(clause.sql, clause.values)
        if not len(found):
            self._check_folders(snapshot)
        return found

    def _count(self) -> int:
        given = (getattr(self, one.name) for one in options())
        own = sum(len(value) if isinstance(value, tuple) else 1 for value in given if value)
        return own + sum(other._count() for other in self.also)

    def _check_folders(self, snapshot: Snapshot) -> None:
        """Say so where a folder is asked for by a name that none has."""
        situation = are.Situation(snapshot)
        for text in (text for one in (self, *self.also) for text in one.in_folder):
            clause = folders.in_folder(text, situation)
            if folders.by_name(text, situation) and not snapshot.has_photo(
                clause.sql, clause.values
            ):
                raise WrongUse(
                    f"no indexed folder is called {text}",
                    hint="indexed folders: photosearch status",
                )

    def _clause(self, snapshot: Snapshot, today: datetime.date | None) -> are.Clause:
        """All conditions on one photo p and one of its files f."""
        situation = are.Situation(snapshot, today, self.within)
        known = _fields_by_name()
        clauses = [
            clause_of(one, known[one.metadata["negates"] or name], value, situation)
            for name, one in known.items()
            if (value := getattr(self, name))
        ]
        clauses += [other._clause(snapshot, today) for other in self.also]
        clauses = [clause for clause in clauses if clause.sql]
        return are.Clause(
            " AND ".join(f"({clause.sql})" for clause in clauses) or "1",
            tuple(value for clause in clauses for value in clause.values),
        )

    def as_dict(self) -> dict[str, Any]:
        """What is given, by the names of the options."""
        document: dict[str, Any] = {}
        for one in options():
            value = getattr(self, one.name)
            if value:
                document[one.metadata["option"]] = list(value) if is_list(one) else value
        if self.also:
            document["also"] = [other.as_dict() for other in self.also]
        return document


def options() -> Iterator[Field[Any]]:
    """The fields that people fill in, in the order of the help."""
    return (one for one in fields(Filters) if one.metadata)


def _fields_by_name() -> dict[str, Field[Any]]:
    return {one.name: one for one in options()}


def opposite(one: Field[Any]) -> Field[Any] | None:
    """The field that means the contrary."""
    known = _fields_by_name()
    pairs = {"after": "before", "min_megapixels": "max_megapixels"}
    pairs |= {theirs: mine for mine, theirs in pairs.items()}
    name = one.metadata["negates"] or pairs.get(one.name, f"not_{one.name}")
    return known.get(name)


def filters_table() -> str:
    """The filters as rows of a Markdown table, for the documentation."""
    rows = [
        "| Option | Inside the text | Keeps photos | The contrary |",
        "| --- | --- | --- | --- |",
    ]
    for one in options():
        about = one.metadata
        if about["negates"]:
            continue
        name, _, value = about["example"].partition(" ")
        other = opposite(one)
        rows.append(
            f"| `--{name} {value}` | `{name}:{value}` | {about['help']} | "
            + (f"`--{other.metadata['option']}`, `-{name}:`" if other else "")
            + " |"
        )
    return "\n".join(rows) + "\n"
