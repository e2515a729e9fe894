"""A name or a point → an area on the globe; a name that no photo's place has → names it may mean.

In: `Kyoto`, `Paris, Texas`, `35.01,135.77`. Out: an Area. The gazetteer is asked for names alone.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from photosearch.errors import WrongUse
from photosearch.gazetteer.globe import EARTH_KM, km_between
from photosearch.gazetteer.names import normal_name

if TYPE_CHECKING:
    from photosearch.store.snapshot import Snapshot

# All but 47 of 155,210 cities reach less far than this (the square root of their people, see
# gazetteer), so a city is found whole, with what lies around it.
DEFAULT_KM = 25.0
_KM_OF = {"": 1.0, "km": 1.0, "m": 0.001, "mi": 1.609344, "mile": 1.609344, "miles": 1.609344}
_NUMBER = r"[+-]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)"


@dataclass(frozen=True, slots=True)
class Area:
    """All points that are so near to one."""

    latitude: float
    longitude: float
    km: float

    def holds(self, latitude: float | None, longitude: float | None) -> bool:
        """Whether a point lies inside; one that is unknown does not."""
        if latitude is None or longitude is None:
            return False
        return km_between(latitude, longitude, self.latitude, self.longitude) <= self.km

    @property
    def latitudes(self) -> tuple[float, float]:
        """The band that holds the area: true at the poles and across the date line too."""
        import math

        half = math.degrees(self.km / EARTH_KM) + 1e-9
        return self.latitude - half, self.latitude + half


def area_of(text: str, km: float | None = None) -> Area:
    """The surroundings of a city, or of a point."""
    from photosearch.gazetteer.cities import cities_called, like_names

    km = DEFAULT_KM if km is None else km
    point = point_of(text)
    if point is not None:
        return Area(*point, km)
    found = cities_called(text)
    if not found:
        like = " or ".join(like_names(text))
        raise WrongUse(
            f"no city called {text!r} is known",
            hint=f"--near {like}" if like else "its English name, or a point: --near 35.01,135.77",
        )
    return Area(found[0].latitude, found[0].longitude, km)


def point_of(text: str) -> tuple[float, float] | None:
    """`35.01,135.77` or `48.85N 2.35E` → degrees; None where no point is meant."""
    match = re.fullmatch(
        rf"({_NUMBER}) ?°? ?([NS])?\s*[,;\s]\s*({_NUMBER}) ?°? ?([EW])?",
        text.strip(),
        re.IGNORECASE,
    )
    if match is None:
        return None
    latitude, longitude = float(match[1]), float(match[3])
    if (match[2] or "").upper() == "S":
        latitude = -latitude
    if (match[4] or "").upper() == "W":
        longitude = -longitude
    if abs(latitude) > 90 or abs(longitude) > 180:
        raise WrongUse(
            f"{text!r} is no point on the globe",
            hint="latitude,longitude in degrees, north and east positive: 35.01,135.77",
        )
    return latitude, longitude


def read_km(given: object) -> float:
    """`25`, `5km`, `3 mi` → kilometres."""
    match = re.fullmatch(
        r"([0-9]*\.?[0-9]+(?:e[+-]?[0-9]+)?) ?([a-z]*)", str(given).strip().lower()
    )
    km = float(match[1]) * _KM_OF[match[2]] if match and match[2] in _KM_OF else 0.0
    if not 0 < km < float("inf"):
        raise WrongUse(f"--within {given} is no distance", hint="--within 5, --within 3mi")
    return km


def suggest_places(snapshot: Snapshot, name: str, limit: int = 3) -> list[str]:
    """Places of the library's own photos that are spelled much like a name."""
    from difflib import get_close_matches

    from photosearch.store.places import place_names

    spelled: dict[str, str] = {}
    for known in place_names(snapshot):
        spelled.setdefault(normal_name(known), known)
    close = get_close_matches(normal_name(name), spelled, n=limit, cutoff=0.6)
    return [spelled[one] for one in close]
