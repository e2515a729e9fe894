"""Photos that were taken somewhere → what that place is called. A short pass at the end of a run.

In: a catalogue. Out: rows of its table `places`. The gazetteer is opened only where there is a
photo for it; a stopped pass goes on at the next run.
"""

from __future__ import annotations

from collections.abc import Callable

from photosearch.gazetteer.places import places_of
from photosearch.gazetteer.settlements import key as gazetteer_key
from photosearch.store.catalogue import Catalogue
from photosearch.store.places import all_placed, store_places, unplaced

_AT_ONCE = 2000  # photos a transaction: 0.3 s of work


def name_places(catalogue: Catalogue, should_stop: Callable[[], bool] = lambda: False) -> int:
    """Name the place of every photo that has a position and no name for it; how many were named.

    Photos of one spot, to 10 metres, are looked up once.
    """
    key = gazetteer_key()
    waiting = unplaced(catalogue, key)
    for start in range(0, len(waiting), _AT_ONCE):
        if should_stop():
            return start
        photos = waiting[start : start + _AT_ONCE]
        spots = {(round(north, 4), round(east, 4)) for _, north, east in photos}
        known = dict(zip(spots, places_of(list(spots)), strict=True))
        store_places(
            catalogue,
            key,
            (
                (photo_id, known[round(north, 4), round(east, 4)])
                for photo_id, north, east in photos
            ),
        )
    all_placed(catalogue, key)
    return len(waiting)
