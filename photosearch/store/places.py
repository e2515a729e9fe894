"""Names of the places where photos were taken: storing and reading them.

In: photos with a position, and what a gazetteer calls it. Out: rows of the table `places`. A row
says whose word it is: a newer gazetteer's replaces it. What the names mean is not known here.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import TYPE_CHECKING

from photosearch.gazetteer.names import normal_name
from photosearch.gazetteer.places import Place

if TYPE_CHECKING:
    from photosearch.store.catalogue import Catalogue
    from photosearch.store.snapshot import Snapshot


# How far the naming has come: [gazetteer, last photo looked at, rows of its names then].
_SETTING = "placed"


def unplaced(catalogue: Catalogue, gazetteer: str) -> list[tuple[int, float, float]]:
    """(photo id, latitude, longitude) of photos that this gazetteer has not named yet."""
    return list(
        catalogue.rows(
            "SELECT p.id, p.latitude, p.longitude FROM photos p WHERE p.id > ? "
            "AND p.latitude IS NOT NULL AND p.longitude IS NOT NULL AND NOT EXISTS "
            "(SELECT 1 FROM places n WHERE n.photo_id = p.id AND n.gazetteer = ?) ORDER BY p.id",
            (_placed_to(catalogue, gazetteer), gazetteer),
        )
    )


def all_placed(catalogue: Catalogue, gazetteer: str) -> None:
    """Note that every photo of now is named, so that the next run looks at newer ones alone."""
    ((last,),) = catalogue.rows("SELECT coalesce(max(id), 0) FROM photos")
    if last > _placed_to(catalogue, gazetteer):
        rows = _rows_of(catalogue, gazetteer)
        catalogue.set_setting(_SETTING, json.dumps([gazetteer, last, rows]))


def _placed_to(catalogue: Catalogue, gazetteer: str) -> int:
    """The last photo of those that need not be looked at; their numbers are never used again.

    Only while there are as many names as then: a repair, which may lose some, changes that.
    """
    try:
        named, last, rows = json.loads(catalogue.setting(_SETTING) or "")
    except ValueError:
        return 0
    is_true = named == gazetteer and rows == _rows_of(catalogue, gazetteer)
    return int(last) if is_true else 0


def _rows_of(catalogue: Catalogue, gazetteer: str) -> int:
    ((rows,),) = catalogue.rows("SELECT count(*) FROM places WHERE gazetteer = ?", (gazetteer,))
    return int(rows)


def store_places(catalogue: Catalogue, gazetteer: str, places: Iterable[tuple[int, Place]]) -> None:
    """Store what photos' places are called, in one transaction."""
    with catalogue.transaction() as connection:
        connection.executemany(
            "INSERT OR REPLACE INTO places "
            "(photo_id, city, region, country, country_code, names, gazetteer) "
            "VALUES (?, ?, ?, ?, ?, ?, ?)",
            (
                (
                    photo_id,
                    place.city,
                    place.region,
                    place.country,
                    place.country_code,
                    normal_names(place),
                    gazetteer,
                )
                for photo_id, place in places
            ),
        )


def normal_names(place: Place) -> str:
    """All names of a place as they are compared, each with a line end before and after."""
    names = dict.fromkeys(map(normal_name, place.names))
    return "\n" + "".join(f"{name}\n" for name in names if name)


def place_of_photo(snapshot: Snapshot, photo_id: int) -> Place | None:
    """What the place of a photo is called; None where that is not known."""
    if not snapshot.has_table("places"):
        return None
    for row in snapshot.rows(
        "SELECT city, region, country, country_code FROM places WHERE photo_id = ?", (photo_id,)
    ):
        return Place(*row)
    return None


def place_names(snapshot: Snapshot) -> list[str]:
    """The names of all places of the library: countries, regions, cities."""
    if not snapshot.has_table("places"):
        return []
    names = {
        name
        for row in snapshot.rows("SELECT DISTINCT country, region, city FROM places")
        for name in row
        if name
    }
    return sorted(names)
