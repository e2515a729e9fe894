"""Points → what they are called.

In: latitudes and longitudes. Out: Place records, of names that are true of the point.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

from photosearch.gazetteer.globe import DEGREE_KM, km_to, on_globe
from photosearch.gazetteer.settlements import Settlements, settlements

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

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


def place_of(latitude: float, longitude: float) -> Place:
    """What one point is called."""
    return _surroundings().place_of(latitude, longitude)


def places_of(points: Sequence[tuple[float, float]]) -> list[Place]:
    """What points, each (latitude, longitude), are called."""
    around = _surroundings()
    return [around.place_of(latitude, longitude) for latitude, longitude in points]


@cache
def _surroundings() -> _Surroundings:
    return _Surroundings(settlements())


class _Surroundings:
    """All settlements, in the order of their latitude.

    Two points are never nearer than their latitudes say, anywhere on the globe. So those within a
    band of latitude are all that can be near, and they lie side by side here: about 2,500 of them
    for half a degree at 50° north, compared at once.
    """

    def __init__(self, data: Settlements) -> None:
        import numpy as np

        self._data = data
        self._rows = np.argsort(data.latitudes, kind="stable")  # place in this order → row of data
        self._latitudes = data.latitudes[self._rows]
        self._points = on_globe(self._latitudes, data.longitudes[self._rows])
        self._regions = data.region[self._rows]
        people = data.people[self._rows].astype(np.float64)
        self._reaches = np.maximum(np.sqrt(people / (math.pi * _PEOPLE_PER_KM2)), _LEAST_REACH_KM)
        # The largest city reaches 51 km: whoever is looked for within 50 finds it in the band too.
        self._furthest_reach = float(self._reaches.max())

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
        band = max(km, self._furthest_reach) / DEGREE_KM + 1e-6
        bounds = self._latitudes.searchsorted([latitude - band, latitude + band])
        first, end = int(bounds[0]), int(bounds[1])
        return first, km_to(self._points[first:end], latitude, longitude)

    def _named(self, first: int, nearest: int, distances: NDArray[np.float64]) -> Place:
        data = self._data
        distance = float(distances[nearest])
        is_near = distance <= CITY_KM
        city, largest = self._cities_around(first, nearest, distances) if is_near else (0, 0)
        at, city, largest = (int(self._rows[first + one]) for one in (nearest, city, largest))
        code, region = data.regions[data.region[at]]
        others = [
            name
            for row in (at, city, largest)
            for name in (data.names[row], data.counties[data.county[row]])
        ]
        return Place(
            city=data.names[city] if is_near else None,
            region=region if distance <= REGION_KM else None,
            country=data.countries.get(code),
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
        end = first + len(distances)
        reaches, regions = self._reaches[first:end], self._regions[first:end]
        best, share = nearest, float(distances[nearest] / reaches[nearest])
        largest = nearest
        reaching = (distances <= reaches) & (regions == regions[nearest])
        for other in reaching.nonzero()[0].tolist():
            own = float(distances[other] / reaches[other])
            if own < share:
                best, share = other, own
            if reaches[other] > reaches[largest]:
                largest = other
        return best, largest
