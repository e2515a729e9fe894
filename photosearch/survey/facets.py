"""How many photos there are of each year, place, camera, folder, tag and format.

In: Columns, and the ids of the photos that pass filters. Out: a Facets record. What a filter is
called and how it is written, whoever asks has to say (`spell`); that each passes just the photos
that are counted here, tests/unit/test_facets.py proves.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from photosearch.gazetteer import usual_name
from photosearch.paths import ancestors, join, relative_to
from photosearch.reports import Counted, Facets
from photosearch.store.functions import folded
from photosearch.survey.columns import Coded, Columns, Numbers, PlaceNames, rows_of

# (name of a filter, value) → the qualifier, None where it cannot be written.
Spell = Callable[[str, str], str | None]

MOST = 200  # values of one kind, the most frequent ones
_POINTS = 1000
_CELLS = (0.01, 0.05, 0.2, 1.0, 2.0, 5.0, 10.0)  # degrees


def count(
    columns: Columns,
    only: Numbers | None,
    accepts_path: Callable[[bytes], bool],
    spell: Spell,
) -> Facets:
    """The counts among the photos that pass.

    only: their ids, None for all. accepts_path: of a photo that lies at several paths, which of
    them pass.
    """
    chosen: Any = slice(None)
    flags = np.ones(len(columns.ids), np.bool_)
    if only is not None:
        chosen, _ = rows_of(columns.ids, only)
        flags[:] = False
        flags[chosen] = True
    photos = int(flags.sum())
    months = columns.months.counts(chosen)
    return Facets(
        photos=photos,
        years=_years(columns, months, spell),
        months=_months(columns, months, spell),
        places=_most(_cities(columns, columns.places.counts(chosen), spell)),
        countries=_most(_countries(columns, columns.places.counts(chosen), spell)),
        cameras=_most(_cameras(columns, columns.cameras.counts(chosen), spell)),
        lenses=_most(_lenses(columns, columns.lenses.counts(chosen), spell)),
        folders=_most(_folders(columns, flags, only is not None, accepts_path, spell)),
        tags=_most(_tag_counts(columns, flags, spell)),
        formats=_most(_formats(columns, columns.formats.counts(chosen), spell)),
        points=_points(columns.points[chosen]),
    )


def _counted(
    option: str, value: str, photos: int, spell: Spell, asked: str | None = None, **more: Any
) -> Iterator[Counted]:
    """One value, unless there is nothing to say of it. asked: what the filter says, if not that."""
    text = spell(option, asked or value) if photos else None
    if text is not None:
        yield Counted(value, photos, text, **more)


def _most(counted: Iterable[Counted]) -> tuple[Counted, ...]:
    ordered = sorted(counted, key=lambda one: (-one.photos, one.value.casefold(), one.value))
    return tuple(ordered[:MOST])


def _years(columns: Columns, months: Sequence[int], spell: Spell) -> tuple[Counted, ...]:
    years: Counter[str] = Counter()
    for month, photos in zip(columns.months.values, months, strict=True):
        years[month[:4]] += photos
    return _newest_first(years, spell)


def _months(columns: Columns, months: Sequence[int], spell: Spell) -> tuple[Counted, ...]:
    """Of one year; of several they would be too many to choose from."""
    there = {
        month: photos for month, photos in zip(columns.months.values, months, strict=True) if photos
    }
    return _newest_first(there, spell) if len({month[:4] for month in there}) == 1 else ()


def _newest_first(counts: dict[str, int], spell: Spell) -> tuple[Counted, ...]:
    found = (one for value in counts for one in _counted("date", value, counts[value], spell))
    return tuple(sorted(found, key=lambda one: one.value, reverse=True))


def _cities(columns: Columns, counts: Sequence[int], spell: Spell) -> Iterator[Counted]:
    countries: dict[str, Counter[str]] = {}
    for place, photos in zip(columns.places.values, counts, strict=True):
        if photos and _is_called(place, place.city):
            countries.setdefault(place.city, Counter())[place.country or ""] += photos
    for city, photos in _named(columns, counts, countries):
        country = countries[city].most_common(1)[0][0] or None
        yield from _counted("place", city, photos, spell, kind="city", country=country)


def _countries(columns: Columns, counts: Sequence[int], spell: Spell) -> Iterator[Counted]:
    there = [
        place.country
        for place, photos in zip(columns.places.values, counts, strict=True)
        if photos and _is_called(place, place.country)
    ]
    for country, photos in _named(columns, counts, there):
        yield from _counted("place", country, photos, spell, kind="country")


def _is_called(place: PlaceNames, name: str | None) -> bool:
    """Whether a place is found by this name: America is a city, and its name another's."""
    return bool(name) and f"\n{usual_name(name or '')}\n" in (place.names or "")


def _named(
    columns: Columns, counts: Sequence[int], names: Iterable[str]
) -> Iterator[tuple[str, int]]:
    """Of each name the photos that the filter finds by it: Paris is in France and in Texas.

    Two spellings of a name are one.
    """
    spelled: dict[str, str] = {}
    for name in names:
        spelled.setdefault(usual_name(name), name)
    spelled.pop("", None)
    found: Counter[str] = Counter()
    for place, photos in zip(columns.places.values, counts, strict=True):
        if photos and place.names:
            for name in set(place.names.split("\n")) & spelled.keys():
                found[name] += photos
    for name, photos in found.items():
        yield spelled[name], photos


def _cameras(columns: Columns, counts: Sequence[int], spell: Spell) -> Iterator[Counted]:
    joined = [folded(" ".join(filter(None, one))) for one in columns.cameras.values]
    for (make, camera), own in zip(columns.cameras.values, counts, strict=True):
        # `NIKON CORPORATION`, `NIKON D90` is a Nikon; `SONY`, `ILCE-7M3` needs both to be one.
        first = (make or "").split()[:1]
        is_both = make and camera and folded(camera).split()[:1] != [folded(one) for one in first]
        value = f"{make} {camera}" if is_both else camera or make
        if own and folded(value):
            photos = sum(n for text, n in zip(joined, counts, strict=True) if folded(value) in text)
            yield from _counted("camera", value, photos, spell)


def _lenses(columns: Columns, counts: Sequence[int], spell: Spell) -> Iterator[Counted]:
    known = [folded(one) for one in columns.lenses.values]
    for lens, own in zip(columns.lenses.values, counts, strict=True):
        if own and folded(lens):
            photos = sum(n for text, n in zip(known, counts, strict=True) if folded(lens) in text)
            yield from _counted("lens", lens, photos, spell)


def _formats(columns: Columns, counts: Sequence[int], spell: Spell) -> Iterator[Counted]:
    for name, photos in zip(columns.formats.values, counts, strict=True):
        yield from _counted("type", name, photos, spell)


def _tag_counts(columns: Columns, flags: NDArray[np.bool_], spell: Spell) -> Iterator[Counted]:
    counts = columns.tags.counts(flags[columns.tagged])
    for (_, label), photos in zip(columns.tags.values, counts, strict=True):
        yield from _counted("tag", label, photos, spell)


def _folders(
    columns: Columns,
    flags: NDArray[np.bool_],
    is_filtered: bool,
    accepts_path: Callable[[bytes], bool],
    spell: Spell,
) -> Iterator[Counted]:
    """The folders inside the innermost one that holds all photos, with all that is below them."""
    passes = flags[columns.filed]
    if is_filtered:
        for at, name in zip(columns.copied.tolist(), columns.files, strict=True):
            if passes[at]:
                folder = columns.folders.values[columns.folders.codes[at]]
                passes[at] = accepts_path(join(folder, name))
    rows, codes = columns.filed[passes].astype(np.int64), columns.folders.codes[passes]
    there = [columns.folders.values[code] for code in np.unique(codes).tolist()]
    if not there:
        return
    above = _common(there)
    children = Coded.of(_child(folder, above) for folder in columns.folders.values)
    inside = children.codes[codes]
    rows, inside = rows[inside >= 0], inside[inside >= 0]
    if len(columns.copied):  # a photo may lie twice in one folder
        pairs = np.unique(rows * max(len(children.values), 1) + inside)
        inside = (pairs % max(len(children.values), 1)).astype(np.int32)
    counts = np.bincount(inside, minlength=len(children.values)).tolist()
    found = dict(zip(children.values, counts, strict=True))
    if len(there) == 1:
        found = {above: len(np.unique(rows if len(rows) else columns.filed[passes]))}
    for folder, photos in found.items():
        yield from _counted("in", os.fsdecode(folder), photos, spell, name=_name_of(folder))


def _common(folders: Sequence[bytes]) -> bytes:
    """The innermost folder that holds all of these."""
    found = folders[0]
    while any(relative_to(one, found) is None for one in folders):
        found = found.rpartition(b"/")[0] or b"/"
    return found


def folders_like(columns: Columns, typed: str, spell: Spell) -> tuple[Counted, ...]:
    """Folders whose path begins like a text, or whose name holds it, with all that is below."""
    wanted = folded(typed)
    counts = columns.folders.counts(slice(None))
    below: Counter[bytes] = Counter()
    for folder, files in zip(columns.folders.values, counts, strict=True):
        for one in ancestors(folder):
            below[one] += files
    roots = _common(columns.folders.values) if columns.folders.values else b"/"

    def is_meant(folder: bytes) -> bool:
        path = os.fsdecode(folder)
        name = path.rstrip("/").rpartition("/")[2]
        return path.startswith(typed) if "/" in typed else wanted in folded(name)

    inside = (one for one in below if relative_to(one, roots) is not None and one != b"/")
    meant = (one for one in inside if is_meant(one))
    return _most(
        counted
        for folder in meant
        for counted in _counted(
            "in", os.fsdecode(folder), below[folder], spell, name=_name_of(folder)
        )
    )


def _name_of(folder: bytes) -> str:
    return os.fsdecode(folder.rstrip(b"/").rpartition(b"/")[2] or folder)


def _child(folder: bytes, above: bytes) -> bytes | None:
    """The folder directly in `above` that holds this one."""
    inner = relative_to(folder, above)
    return join(above, inner.partition(b"/")[0]) if inner else None


def _points(points: NDArray[np.float64]) -> tuple[tuple[float, float, int], ...]:
    """(latitude, longitude, photos) of places on a map: the mean of what lies together."""
    known = points[~np.isnan(points).any(axis=1)]
    for cell in _CELLS:
        squares = np.floor(known / cell).astype(np.int64)
        keys = squares[:, 0] * 100_000 + squares[:, 1]
        cells, inside, counts = np.unique(keys, return_inverse=True, return_counts=True)
        if len(cells) <= _POINTS:
            break
    means = [np.bincount(inside, known[:, axis], len(cells)) / counts for axis in (0, 1)]
    return tuple(
        (round(latitude, 4), round(longitude, 4), photos)
        for latitude, longitude, photos in sorted(
            zip(means[0].tolist(), means[1].tolist(), counts.tolist(), strict=True),
            key=lambda one: -one[2],
        )
    )
