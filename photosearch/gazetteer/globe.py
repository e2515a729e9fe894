"""Distances on the globe.

In: latitudes and longitudes in degrees. Out: kilometres. In degrees another city would be nearest
where degrees of longitude are short (towards the poles) or wrap (the date line).
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

EARTH_KM = 6371.0088  # mean radius
DEGREE_KM = math.pi * EARTH_KM / 180  # of latitude: the least that a degree can be


def km_between(
    latitude: float, longitude: float, other_latitude: float, other_longitude: float
) -> float:
    """Kilometres between two points on the globe (haversine: exact also for points at one door)."""
    one, other = math.radians(latitude), math.radians(other_latitude)
    north = math.sin((other - one) / 2)
    east = math.sin(math.radians(other_longitude - longitude) / 2)
    square = north * north + math.cos(one) * math.cos(other) * east * east
    return 2 * EARTH_KM * math.asin(min(1.0, math.sqrt(square)))


def on_globe(
    latitudes: NDArray[np.float64], longitudes: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Points as unit vectors from the centre of the globe."""
    import numpy as np

    north, east = np.radians(latitudes), np.radians(longitudes)
    return np.stack([np.cos(north) * np.cos(east), np.cos(north) * np.sin(east), np.sin(north)], 1)


def km_to(points: NDArray[np.float64], latitude: float, longitude: float) -> NDArray[np.float64]:
    """Kilometres from each of many unit vectors to one point."""
    import numpy as np

    point = on_globe(np.array([latitude]), np.array([longitude]))[0]
    chords = np.sqrt(np.square(points - point).sum(axis=1))
    kilometres: NDArray[np.float64] = 2 * EARTH_KM * np.arcsin(np.minimum(chords / 2, 1.0))
    return kilometres
