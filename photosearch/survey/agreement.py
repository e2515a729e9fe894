"""How near a smaller form of a model is to the model itself, on photos of the library.

In: both image towers, a library's photos. Out: an Agreement.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from photosearch.decode.pixels import decode
from photosearch.errors import BadImage
from photosearch.paths import to_path
from photosearch.reports.contents import Agreement

if TYPE_CHECKING:
    from photosearch.encode.towers import ImageTower
    from photosearch.store.snapshot import Snapshot

PHOTOS = 64  # enough for a mean to three digits; 2 s a model on 2 cores


def measure(snapshot: Snapshot, full: ImageTower, small: ImageTower) -> Agreement | None:
    """Cosines between the two towers' vectors of the same photos; None where none can be read."""
    pixels = list(_samples(snapshot, full))
    if not pixels:
        return None
    stacked = np.stack(pixels)
    cosines = (full.encode(stacked) * small.encode(stacked)).sum(axis=1)
    return Agreement(float(cosines.mean()), float(cosines.min()), len(pixels))


def _samples(snapshot: Snapshot, tower: ImageTower) -> Iterator[NDArray[np.uint8]]:
    """Up to PHOTOS photos, evenly spread over the library, prepared for the tower."""
    ids = snapshot.photo_ids()
    chosen = ids[:: max(1, len(ids) // PHOTOS)][:PHOTOS]
    for photo in snapshot.photos(chosen).values():
        for place in photo.places:
            try:
                data = to_path(place.root, place.path).read_bytes()
                yield tower.preprocess.resize(decode(data, need=tower.preprocess.need).image)
                break
            except (OSError, BadImage):
                continue  # offline or damaged since: another one will do
