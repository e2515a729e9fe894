"""Points of the globe → names, and names of cities → points, offline.

In: latitudes and longitudes; names. Out: Place and City records. It knows nothing of photos.

The cities (GeoNames, 1,000 inhabitants and more) lie in `geonames/`. "Nearest" is in kilometres on
the globe: in degrees it would be another city where degrees of longitude are short (towards the
poles) or wrap (the date line).
"""

from __future__ import annotations

import math
import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache, cached_property, lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

_DATA = Path(__file__).parent / "geonames"
_CITIES, _COUNTRIES = _DATA / "cities.json.gz", _DATA / "countries.csv"
EARTH_KM = 6371.0088  # mean radius
_DEGREE_KM = math.pi * EARTH_KM / 180
_RULES = 1  # grows when the same data gives other names

# How far from the nearest settlement its names are still true. Taken away one at a time, each of
# the 155,210 settlements lies in the same region as the nearest other one in 96 % of cases below
# 5 km, 77 % at 50-75 km, 63 % past 100 km; in the same country in 99 %, 94 %, and about 90 % up to
# 500 km, but 30 % beyond (scripts/bench places). A city is a place to be in: no further than an
# hour's drive. At sea names end earlier than on land, so a country does at 300 km.
CITY_KM = 50.0
REGION_KM = 100.0
COUNTRY_KM = 300.0
# A city reaches as far as its people fill at this density, such as 12 km for Kyoto, 15 km for
# Paris, 31 km for London: inside, it is the city that people name and not its quarter.
_PEOPLE_PER_KM2 = 3000.0
# The least reach, so that each settlement has one: about 1,000 inhabitants.
_LEAST_REACH_KM = 0.33

_LARGE = 50_000  # inhabitants

# What Unicode does not take apart into a letter and its mark.
_LETTERS = {
    "æ": "ae", "ð": "d", "đ": "d", "ħ": "h", "ı": "i", "ł": "l", "ŋ": "n", "ø": "o", "œ": "oe",
    "þ": "th", "ŧ": "t", "ə": "a", "ʻ": " ", "ʼ": " ", "ʿ": " ", "ʾ": " ",
}  # fmt: skip
_ALSO_CALLED = {
    "america": "us", "usa": "us", "u s a": "us", "united states of america": "us", "uk": "gb",
    "great britain": "gb", "britain": "gb", "holland": "nl",
    "czech republic": "cz", "burma": "mm", "turkiye": "tr", "swaziland": "sz", "macedonia": "mk",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Place:
    """What a point is called; names that would not be true of it are None."""

    city: str | None = None
    region: str | None = None
    country: str | None = None
    country_code: str | None = None
    distance_km: float | None = None  # to the nearest settlement; None past COUNTRY_KM
    others: tuple[str, ...] = ()  # further names: the quarter, the county

    @property
    def names(self) -> tuple[str, ...]:
        """All of them, each once."""
        known = (self.city, *self.others, self.region, self.country, self.country_code)
        return tuple(dict.fromkeys(name for name in known if name))


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


@lru_cache(maxsize=4096)
def normal_name(text: str) -> str:
    """What spellings of a name have in common: no capitals, marks, hyphens, points; NFKC."""
    folded = unicodedata.normalize("NFKD", unicodedata.normalize("NFKC", text).casefold())
    bare = "".join(_LETTERS.get(char, char) for char in folded if not "\u0300" <= char <= "\u036f")
    words = "".join(
        " " if unicodedata.category(char)[0] in "PCZ" else char
        for char in unicodedata.normalize("NFKC", bare)
    )
    return " ".join(words.split())


def usual_name(text: str) -> str:
    """The normal form of a name that is asked for: `USA` is looked for as the code `us`."""
    name = normal_name(text)
    return _ALSO_CALLED.get(name, name)


@cache
def key() -> str:
    """Which data and rules name the places: two of one key give the same names."""
    with _CITIES.open("rb") as file:
        file.seek(-8, 2)  # a gzip file ends with the checksum and the size of its content
        return f"{_RULES}-{file.read(8).hex()}"


def place_of(latitude: float, longitude: float) -> Place:
    """What one point is called."""
    return places_of([(latitude, longitude)])[0]


def places_of(points: Sequence[tuple[float, float]]) -> list[Place]:
    """What points, each (latitude, longitude), are called."""
    settlements = _settlements()
    return [settlements.place_of(latitude, longitude) for latitude, longitude in points]


def km_between(
    latitude: float, longitude: float, other_latitude: float, other_longitude: float
) -> float:
    """Kilometres between two points on the globe (haversine: exact also for points at one door)."""
    one, other = math.radians(latitude), math.radians(other_latitude)
    north = math.sin((other - one) / 2)
    east = math.sin(math.radians(other_longitude - longitude) / 2)
    square = north * north + math.cos(one) * math.cos(other) * east * east
    return 2 * EARTH_KM * math.asin(min(1.0, math.sqrt(square)))


@lru_cache(maxsize=64)
def cities_called(name: str) -> tuple[City, ...]:
    """Cities of this name, the most populous first; `Paris, US` or `Paris, Texas` narrows.

    The data is not parsed for that (0.5 s): the name is sought in its text (0.15 s).
    """
    first, *within = name.split(",")
    wanted = [usual_name(part) for part in within if normal_name(part)]
    # New York is New York City there, Nara is Nara-shi.
    for own in (normal_name(first) + ending for ending in ("", " city", " shi")):
        found = [
            city
            for city in (_city(record) for record in _records_called(own))
            if all(part in _names_around(city) for part in wanted)
        ]
        if found:
            return tuple(sorted(found, key=lambda city: -city.population))
    return ()


def like_names(name: str, limit: int = 3) -> list[str]:
    """Names of cities that are spelled much like this one; large ones, which people mean."""
    import json

    from rapidfuzz import fuzz, process

    found = re.findall(
        rb'"city":"((?:[^"\\]|\\.)*)","latitude":[^,]*,"longitude":[^,]*,"population":([0-9]+)',
        _text(),
    )
    large = (name for name, people in found if int(people) >= _LARGE)
    names = json.loads(b'["' + b'","'.join(large) + b'"]')
    wanted = normal_name(name.split(",")[0])
    close = process.extract(
        wanted, names, scorer=fuzz.ratio, processor=normal_name, limit=limit, score_cutoff=75
    )
    return list(dict.fromkeys(name for name, _, _ in close))


@lru_cache(maxsize=1)
def _text() -> bytes:
    import gzip

    return gzip.decompress(_CITIES.read_bytes())


@cache
def _countries() -> dict[str, str]:
    import csv

    with _COUNTRIES.open(encoding="utf-8", newline="") as file:
        return dict(csv.reader(file))


def _records_called(normal: str) -> list[dict[str, Any]]:
    """Records of the data whose city has this normal name."""
    import json

    if not normal or len(normal) > 100:
        return []
    text = _text()
    found = []
    for match in re.finditer(rb'"city":"' + _spellings(normal) + b'"', text):
        start, end = text.rfind(b"{", 0, match.start()), text.index(b"}", match.end())
        record = json.loads(text[start : end + 1])
        if normal_name(record["city"]) == normal:
            found.append(record)
    return found


def _spellings(normal: str) -> bytes:
    """A pattern of all spellings in the data that may have this normal name, and of few others.

    What is beyond ASCII stands there as \\u00e9: that may be a letter, two (\\u00df for "ss"), a
    mark upon the letter before it, or a sign that became a blank.
    """
    escape = rb"\\u[0-9a-f]{4}"
    between = rb"(?:\\\"|[^\"a-zA-Z0-9]|%s)" % escape
    parts = [between + b"*"]
    for part in re.findall(r"ae|oe|ss|th|.", normal, re.DOTALL):
        if part == " ":
            parts.append(between + b"+")
        elif part.isascii():
            spelled = b"".join(
                rb"(?:[%c%c]|%s)(?:%s)?" % (ord(char), ord(char.upper()), escape, escape)
                for char in part
            )
            parts.append(b"(?:%s|%s)" % (spelled, escape))
        else:
            parts.append(rb"(?:%s){1,2}" % escape)
    return b"".join(parts) + between + b"*"


def _city(record: dict[str, Any]) -> City:
    code = record["country_code"]
    return City(
        name=record["city"],
        region=record.get("state"),
        country=_countries().get(code),
        country_code=code,
        latitude=record["latitude"],
        longitude=record["longitude"],
        population=record["population"],
    )


def _names_around(city: City) -> set[str]:
    names = (city.region, city.country, city.country_code)
    return {normal_name(name) for name in names if name}


@cache
def _settlements() -> Settlements:
    import gc
    import json

    # Half a million small objects, none of which is rubbish: the collector would look through them
    # again and again (0.3 s instead of 0.5 s).
    was_on = gc.isenabled()
    gc.disable()
    try:
        return Settlements(json.loads(_text()), _countries())
    finally:
        _text.cache_clear()
        if was_on:
            gc.enable()


class Settlements:
    """All cities, in the order of their latitude.

    Two points are never nearer than their latitudes say, anywhere on the globe. So those within a
    band of latitude are all that can be near, and they lie side by side here: about 2,500 records
    for half a degree at 50° north, compared at once.
    """

    def __init__(self, records: list[dict[str, Any]], countries: dict[str, str]) -> None:
        import numpy as np

        records.sort(key=lambda record: float(record["latitude"]))
        self._countries = countries
        self._cities = [record["city"] for record in records]
        self._regions = [record.get("state") for record in records]
        self._counties = [record.get("county") for record in records]
        self._codes = [record["country_code"] for record in records]
        self._latitudes = np.array([record["latitude"] for record in records], np.float64)
        self._points = on_globe(
            self._latitudes, np.array([record["longitude"] for record in records], np.float64)
        )
        people = np.array([record["population"] for record in records], np.float64)
        self._reaches = np.maximum(np.sqrt(people / (math.pi * _PEOPLE_PER_KM2)), _LEAST_REACH_KM)

    def __len__(self) -> int:
        return len(self._cities)

    @cached_property
    def furthest_reach(self) -> float:
        """Kilometres that the largest city reaches."""
        return float(self._reaches.max())

    def place_of(self, latitude: float, longitude: float) -> Place:
        """What a point is called."""
        for within in (CITY_KM, COUNTRY_KM):
            first, distances = self._near(latitude, longitude, within)
            if not len(distances):
                continue
            nearest = int(distances.argmin())
            if distances[nearest] > within:
                continue
            return self._named(first, nearest, distances)
        return Place()

    def _near(
        self, latitude: float, longitude: float, km: float
    ) -> tuple[int, NDArray[np.float64]]:
        """(first, distances) of all settlements in the band that holds what is so near."""
        import numpy as np

        # The largest city reaches 51 km: whoever is looked for within 50 finds it in the band too.
        band = max(km, self.furthest_reach) / _DEGREE_KM + 1e-6
        bounds = self._latitudes.searchsorted([latitude - band, latitude + band])
        first, end = int(bounds[0]), int(bounds[1])
        point = on_globe(np.array([latitude]), np.array([longitude]))[0]
        chords = np.sqrt(np.square(self._points[first:end] - point).sum(axis=1))
        return first, 2 * EARTH_KM * np.arcsin(np.minimum(chords / 2, 1.0))

    def _named(self, first: int, nearest: int, distances: NDArray[np.float64]) -> Place:
        at = first + nearest
        distance = float(distances[nearest])
        code, region = self._codes[at], self._regions[at]
        is_near, is_in_region = distance <= CITY_KM, distance <= REGION_KM
        city, largest = self._cities_around(first, nearest, distances) if is_near else (at, at)
        others = [
            named[one] for one in (at, city, largest) for named in (self._cities, self._counties)
        ]
        return Place(
            city=self._cities[city] if is_near else None,
            region=region if is_in_region else None,
            country=self._countries.get(code) or None,
            country_code=code,
            distance_km=distance,
            others=tuple(dict.fromkeys(name for name in others if name)) if is_near else (),
        )

    def _cities_around(
        self, first: int, nearest: int, distances: NDArray[np.float64]
    ) -> tuple[int, int]:
        """(the city to name, the largest) of those that reach a point, in the nearest's region.

        To name is the one that is nearest for its reach: two kilometres from its centre one is in
        Versailles, at the Eiffel Tower in Paris. Fürth lies within Nuremberg's reach, and is
        Fürth; whoever looks for Nuremberg will not mind to see it.
        """
        reaches = self._reaches[first : first + len(distances)]
        at = first + nearest
        home = (self._codes[at], self._regions[at])
        best, share = at, float(distances[nearest] / reaches[nearest])
        largest = nearest
        for other in (distances <= reaches).nonzero()[0].tolist():
            index = first + other
            if (self._codes[index], self._regions[index]) != home:
                continue
            own = float(distances[other] / reaches[other])
            if own < share:
                best, share = index, own
            if reaches[other] > reaches[largest]:
                largest = other
        return best, first + largest


def on_globe(
    latitudes: NDArray[np.float64], longitudes: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Points as unit vectors from the centre of the globe."""
    import numpy as np

    north, east = np.radians(latitudes), np.radians(longitudes)
    return np.stack([np.cos(north) * np.cos(east), np.cos(north) * np.sin(east), np.sin(north)], 1)
