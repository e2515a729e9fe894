"""A query's way out: vector → candidates → photos that are there → hits.

In: a Query and an open library's parts. Out: list[Hit], best first. No walking, no lock.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from photosearch.paths import join, to_path
from photosearch.records import Hit

if TYPE_CHECKING:
    from photosearch.index.base import VectorIndex
    from photosearch.search.likeness import QueryVector
    from photosearch.store.snapshot import PhotoRow, Place, Snapshot


def find(
    wanted: QueryVector,
    *,
    k: int,
    index: VectorIndex,
    snapshot: Snapshot,
    only: NDArray[np.int64] | None = None,
    min_score: float | None = None,
    include_examples: bool = False,
    accepts_path: Callable[[bytes], bool] = lambda path: True,
) -> list[Hit]:
    """The k best photos that lie somewhere; examples themselves are left out unless asked for."""
    left_out = frozenset() if include_examples else wanted.examples
    total = len(index) if only is None else min(len(only), len(index))
    fetch = min(total, k + len(left_out))
    while True:
        ranking = index.search(wanted.vector, fetch, only)
        photos = snapshot.photos(ranking.ids.tolist())
        chosen = [
            (photos[photo_id], score)
            for photo_id, score in zip(ranking.ids.tolist(), ranking.scores.tolist(), strict=True)
            if photo_id in photos
            and photo_id not in left_out
            and (min_score is None or score >= min_score)
        ]
        # Photos that were removed since, or are at no path any more, take up places: fetch more.
        weak = min_score is not None and len(ranking.scores) and ranking.scores[-1] < min_score
        if len(chosen) >= k or fetch >= total or weak:
            return _hits(chosen[:k], accepts_path)
        fetch = min(total, fetch * 2)


def _hits(
    chosen: Sequence[tuple[PhotoRow, float]], accepts_path: Callable[[bytes], bool]
) -> list[Hit]:
    online: dict[bytes, bool] = {}

    def is_there(place: Place) -> bool:
        if place.root not in online:
            online[place.root] = os.path.isdir(place.root)
        return online[place.root]

    hits: list[Hit] = []
    for photo, score in chosen:
        places = [place for place in photo.places if accepts_path(join(place.root, place.path))]
        if not places:  # moved out of the filtered folder since the filter was asked
            continue
        rank = len(hits) + 1
        places.sort(key=lambda place: not is_there(place))  # one that can be opened now is first
        paths = [to_path(place.root, place.path) for place in places]
        hits.append(
            Hit(
                rank=rank,
                path=paths[0],
                score=score,
                photo=photo.digest.hex(),
                photo_id=photo.id,
                width=photo.width,
                height=photo.height,
                taken_at=photo.taken_at,
                evidence={"looks_like": {"cosine": round(score, 6), "rank": rank}},
                copies=tuple(paths[1:]),
                offline=not is_there(places[0]),
            )
        )
    return hits
