"""How many photos there are of each year, place, camera, folder, tag and format.

In: Columns, and the ids of the photos that pass filters. Out: a Facets record. What a filter is
called and how it is written, whoever asks has to say (`spell`); that each passes just the photos
that are counted here, tests/unit/test_facets.py proves.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from photosearch.gazetteer.names import usual_name
from photosearch.reports.contents import Counted, Facets
from photosearch.store.functions import folded
from photosearch.survey.columns import Columns, Numbers, PlaceNames, rows_of
from photosearch.survey.folders import folders_of
from photosearch.survey.values import Spell, counted, most

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
        places=most(_cities(columns, columns.places.counts(chosen), spell)),
        countries=most(_countries(columns, columns.places.counts(chosen), spell)),
        cameras=most(_cameras(columns, columns.cameras.counts(chosen), spell)),
        lenses=most(_lenses(columns, columns.lenses.counts(chosen), spell)),
        folders=most(folders_of(columns, flags, only is not None, accepts_path, spell)),
        tags=most(_tag_counts(columns, flags, spell)),
        formats=most(_formats(columns, columns.formats.counts(chosen), spell)),
        points=_points(columns.points[chosen]),
    )


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
    found = (one for value in counts for one in counted("date", value, counts[value], spell))
    return tuple(sorted(found, key=lambda one: one.value, reverse=True))


def _cities(columns: Columns, counts: Sequence[int], spell: Spell) -> Iterator[Counted]:
    countries: dict[str, Counter[str]] = {}
    for place, photos in zip(columns.places.values, counts, strict=True):
        if photos and _is_called(place, place.city):
            countries.setdefault(place.city, Counter())[place.country or ""] += photos
    for city, photos in _named(columns, counts, countries):
        country = countries[city].most_common(1)[0][0] or None
        yield from counted("place", city, photos, spell, kind="city", country=country)


def _countries(columns: Columns, counts: Sequence[int], spell: Spell) -> Iterator[Counted]:
    there = [
        place.country
        for place, photos in zip(columns.places.values, counts, strict=True)
        if photos and _is_called(place, place.country)
    ]
    for country, photos in _named(columns, counts, there):
        yield from counted("place", country, photos, spell, kind="country")


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
            yield from counted("camera", value, photos, spell)


def _lenses(columns: Columns, counts: Sequence[int], spell: Spell) -> Iterator[Counted]:
    known = [folded(one) for one in columns.lenses.values]
    for lens, own in zip(columns.lenses.values, counts, strict=True):
        if own and folded(lens):
            photos = sum(n for text, n in zip(known, counts, strict=True) if folded(lens) in text)
            yield from counted("lens", lens, photos, spell)


def _formats(columns: Columns, counts: Sequence[int], spell: Spell) -> Iterator[Counted]:
    for name, photos in zip(columns.formats.values, counts, strict=True):
        yield from counted("type", name, photos, spell)


def _tag_counts(columns: Columns, flags: NDArray[np.bool_], spell: Spell) -> Iterator[Counted]:
    counts = columns.tags.counts(flags[columns.tagged])
    for (_, label), photos in zip(columns.tags.values, counts, strict=True):
        yield from counted("tag", label, photos, spell)


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
