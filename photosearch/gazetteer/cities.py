"""Names of cities → where they are.

In: `Kyoto`, `Paris, Texas`, or a misspelled one. Out: City records; names that may be meant.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache, lru_cache

from photosearch.gazetteer.names import normal_name, usual_name
from photosearch.gazetteer.settlements import settlements

_LARGE = 50_000  # inhabitants
_LONGEST = 100  # characters of a name


@dataclass(frozen=True, slots=True)
class City:
    """A settlement of the data."""

    name: str
    region: str | None
    country: str | None
    country_code: str
    latitude: float
    longitude: float
    population: int


@lru_cache(maxsize=64)
def cities_called(name: str) -> tuple[City, ...]:
    """Cities of this name, the most populous first; `Paris, US` or `Paris, Texas` narrows."""
    first, *within = name.split(",")
    wanted = [usual_name(part) for part in within if normal_name(part)]
    # New York is New York City there, Nara is Nara-shi.
    for own in (normal_name(first) + ending for ending in ("", " city", " shi")):
        found = [
            city
            for city in map(_city, _rows_called(own))
            if all(part in _names_around(city) for part in wanted)
        ]
        if found:
            return tuple(sorted(found, key=lambda city: -city.population))
    return ()


def like_names(name: str, limit: int = 3) -> list[str]:
    """Names of cities that are spelled much like this one; large ones, which people mean."""
    from rapidfuzz import fuzz, process

    data = settlements()
    names = [data.names[row] for row in (data.people >= _LARGE).nonzero()[0].tolist()]
    wanted = normal_name(name.split(",")[0])
    close = process.extract(
        wanted, names, scorer=fuzz.ratio, processor=normal_name, limit=limit, score_cutoff=75
    )
    return list(dict.fromkeys(name for name, _, _ in close))


def _rows_called(normal: str) -> Iterator[int]:
    """Rows of the data whose name has this normal form.

    To bring all names into it takes a second: spellings are sought first.
    """
    if not normal or len(normal) > _LONGEST:
        return
    text, row, counted_to = _all_names(), 0, 1
    for match in re.finditer(f"\n({_spellings(normal)})(?=\n)", text):
        row += text.count("\n", counted_to, match.start() + 1)
        counted_to = match.start() + 1
        if normal_name(match[1]) == normal:
            yield row


@cache
def _all_names() -> str:
    return "\n".join(["", *settlements().names, ""])


def _spellings(normal: str) -> str:
    """A pattern of all spellings that may have this normal form, and of few others.

    What is beyond ASCII may be a letter, two (ß for "ss"), a mark upon the letter before it, or a
    sign that became a blank.
    """
    beyond, between = r"[^\x00-\x7f]", r"[^a-zA-Z0-9\n]"
    parts = [f"{between}*"]
    for part in re.findall(r"ae|oe|ss|th|.", normal, re.DOTALL):
        if part == " ":
            parts.append(f"{between}+")
        elif part.isascii():
            either = (f"(?:[{re.escape(char + char.upper())}]|{beyond})" for char in part)
            parts.append(f"(?:{f'{between}*'.join(either)}|{beyond}){between}*")
        else:
            parts.append(f"{beyond}{{1,2}}{between}*")
    return "".join(parts)


def _city(row: int) -> City:
    data = settlements()
    code, region = data.regions[data.region[row]]
    return City(
        name=data.names[row],
        region=region,
        country=data.countries.get(code),
        country_code=code,
        latitude=float(data.latitudes[row]),
        longitude=float(data.longitudes[row]),
        population=int(data.people[row]),
    )


def _names_around(city: City) -> set[str]:
    names = (city.region, city.country, city.country_code)
    return {normal_name(name) for name in names if name}
