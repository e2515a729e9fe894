"""The data: settlements of the world (GeoNames, 1,000 inhabitants and more), column by column.

In: `geonames/settlements.npz`, as `scripts/places` writes it. Out: one Settlements. What a point is
called and which cities have a name is decided in the modules below.

Columns rather than records: 155,210 of those took 0.5 s to open, columns take 0.05 s.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

_DATA = Path(__file__).parent.parent / "geonames" / "settlements.npz"
_RULES = 1  # grows when the same data gives other names
_DEGREE = 100_000  # positions are whole numbers of this part of a degree: a metre


@dataclass(frozen=True, slots=True, eq=False)
class Settlements:
    """A row of each column is one settlement; the last three are tables that rows point into."""

    names: list[str]
    latitudes: NDArray[np.float64]
    longitudes: NDArray[np.float64]
    people: NDArray[np.uint32]
    region: NDArray[np.uint16]
    county: NDArray[np.uint16]
    regions: list[tuple[str, str | None]]  # country code, name: "" of a country has none
    counties: list[str | None]
    countries: dict[str, str]

    def __len__(self) -> int:
        return len(self.names)


@cache
def key() -> str:
    """Which data and rules name the places: two of one key give the same names."""
    import numpy as np

    with np.load(_DATA) as columns:
        return f"{_RULES}-{_text(columns['edition'])}"


@cache
def settlements() -> Settlements:
    """All of them, in the order of their countries' codes."""
    import numpy as np

    with np.load(_DATA) as columns:
        regions = [line.split("\t") for line in _lines(columns["regions"])]
        return Settlements(
            names=_lines(columns["names"]),
            latitudes=columns["latitude"] / _DEGREE,
            longitudes=columns["longitude"] / _DEGREE,
            people=columns["people"],
            region=columns["region"],
            county=columns["county"],
            regions=[(code, name or None) for code, name in regions],
            counties=[name or None for name in _lines(columns["counties"])],
            countries=dict(line.split("\t") for line in _lines(columns["countries"])),
        )


def _text(column: NDArray[np.uint8]) -> str:
    return column.tobytes().decode()


def _lines(column: NDArray[np.uint8]) -> list[str]:
    return _text(column).split("\n")
