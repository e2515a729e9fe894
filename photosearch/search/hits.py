"""Photos as hits: their paths, the one that can be opened first, and why they are hits.

In: rows of the catalogue, what a ranking says of them. Out: Hit records.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from photosearch.mounts import is_there
from photosearch.paths import join, to_path
from photosearch.records import Hit

if TYPE_CHECKING:
    from photosearch.search.fuse import Found
    from photosearch.search.looks import Seen
    from photosearch.store.snapshot import PhotoRow, Place


class Online:
    """Which folders are there at the moment, each asked once.

    The folder of the photo and not its root alone: a disk may be mounted in a root.
    """

    def __init__(self) -> None:
        self._known: dict[bytes, bool] = {}

    def __call__(self, place: Place) -> bool:
        folder = join(place.root, place.path.rpartition(b"/")[0])
        if folder not in self._known:
            self._known[folder] = is_there(folder)
        return self._known[folder]


def hit_of(
    photo: PhotoRow,
    *,
    rank: int,
    online: Online,
    accepts_path: Callable[[bytes], bool],
    score: float | None = None,
    relevance: float | None = None,
    evidence: Mapping[str, Any] | None = None,
) -> Hit | None:
    """A photo as a hit; None where it was moved out of the filtered folder since."""
    places = [place for place in photo.places if accepts_path(join(place.root, place.path))]
    if not places:
        return None
    places.sort(key=lambda place: not online(place))  # one that can be opened now is first
    paths = [to_path(place.root, place.path) for place in places]
    return Hit(
        rank=rank,
        path=paths[0],
        score=score,
        photo=photo.digest.hex(),
        photo_id=photo.id,
        width=photo.width,
        height=photo.height,
        taken_at=photo.taken_at,
        relevance=relevance,
        evidence=evidence or {},
        copies=tuple(paths[1:]),
        offline=not online(places[0]),
    )


def evidence_of(one: Found, by_looks: float | None, seen: Seen | None = None) -> dict[str, Any]:
    """Why a photo is a hit; by_looks: its relevance by looks; seen: its part that fits best."""
    evidence: dict[str, Any] = {}
    if one.cosine is not None:
        # With a part the score is the mean of both: see search/small.py.
        cosine = 2 * one.cosine - seen.cosine if seen else one.cosine
        evidence["looks_like"] = {
            "cosine": round(cosine, 6),
            "rank": one.look_rank,
            "relevance": None if by_looks is None else round(by_looks, 4),
        }
    if seen is not None:
        evidence["region"] = {"box": list(seen.box), "cosine": round(seen.cosine, 6)}
    if one.read is not None:
        evidence["reads"] = {
            **one.read.lines[0].as_dict(),
            "rank": one.read_rank,
            "strength": round(one.read.strength, 4),
            "whole": one.read.whole,
            "lines": [line.as_dict() for line in one.read.lines],
        }
    return evidence
