"""A query's way out: candidates by looks and by printed words → one ranking → hits.

In: what a Query became (a vector, Reads, allowed ids) and an open library's parts. Out: list[Hit],
best first. No walking, no lock.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from photosearch.paths import join, to_path
from photosearch.records import Hit
from photosearch.search.fuse import Found, fuse

if TYPE_CHECKING:
    from photosearch.index.base import Ranking, VectorIndex
    from photosearch.search.likeness import QueryVector
    from photosearch.search.reading import Read
    from photosearch.store.snapshot import Model, PhotoRow, Place, Snapshot

# Candidates by looks at least, where printed words are looked for too: fusing wants to know the
# rank of the photos that words bring in.
_DEPTH = 100

Vectors = NDArray[np.float32]
# (query float32[dim], photos float32[n, dim]) → relevance float32[n], 0..1.
Judging = Callable[[Vectors, Vectors], Vectors]


@dataclass(frozen=True, slots=True)
class Limits:
    """Which of the candidates may be hits, and how many."""

    k: int
    min_score: float | None = None
    min_relevance: float | None = None
    left_out: frozenset[int] = frozenset()  # examples of the query itself
    accepts_path: Callable[[bytes], bool] = field(default=lambda path: True)


def find(
    *,
    looks: Looks | None,
    reads: Sequence[Read],
    snapshot: Snapshot,
    limits: Limits,
) -> list[Hit]:
    """The k best photos that lie somewhere.

    looks: what they should look like, None for a query of printed words alone. reads: photos that
    show the words, best first.
    """
    if looks is None:
        return _hits(fuse(None, reads), None, snapshot, limits)
    total = looks.count
    fetch = min(total, max(limits.k, _DEPTH if reads else 0) + len(limits.left_out))
    while True:
        ranking = looks.search(fetch)
        found = fuse(ranking, reads)
        looks.add_cosines(found)
        hits = _hits(found, looks, snapshot, limits)
        # Photos that were removed since, or are at no path any more, take up places: fetch more.
        if len(hits) >= limits.k or fetch >= total or _is_exhausted(ranking, hits, limits):
            return hits
        fetch = min(total, fetch * 2)


@dataclass(frozen=True, slots=True)
class Looks:
    """One side of a query: the vector, and where it is looked for."""

    wanted: QueryVector
    index: VectorIndex
    snapshot: Snapshot
    model: Model
    only: NDArray[np.int64] | None  # sorted ids of the photos that may be hits, None for all
    judge: Judging | None

    @property
    def count(self) -> int:
        """Photos that can be candidates, at most."""
        return len(self.index) if self.only is None else min(len(self.only), len(self.index))

    def search(self, count: int) -> Ranking:
        return self.index.search(self.wanted.vector, count, self.only)

    def add_cosines(self, found: Sequence[Found]) -> None:
        """The cosines of photos that words alone brought in."""
        lacking = [one for one in found if one.cosine is None]
        vectors = self.vectors_of([one.photo_id for one in lacking])
        for one in lacking:
            if one.photo_id in vectors:  # it may have been encoded with another model only
                one.cosine = float(vectors[one.photo_id] @ self.wanted.vector)

    def relevances(self, photo_ids: Sequence[int]) -> dict[int, float]:
        """Relevance by looks, of photos that have a vector; none where it cannot be judged."""
        vectors = self.vectors_of(photo_ids) if self.judge else {}
        if not self.judge or not vectors:
            return {}
        judged = self.judge(self.wanted.vector, np.stack(list(vectors.values())))
        return dict(zip(vectors, judged.tolist(), strict=True))

    def vectors_of(self, photo_ids: Sequence[int]) -> dict[int, Vectors]:
        rows = self.snapshot.vectors_of(self.model.id, photo_ids) if photo_ids else []
        return {photo_id: np.frombuffer(blob, "<f2").astype(np.float32) for photo_id, blob in rows}


def _is_exhausted(ranking: Ranking, hits: Sequence[Hit], limits: Limits) -> bool:
    """Whether what comes after these candidates falls below a limit as well."""
    least = ranking.scores[-1] if len(ranking.scores) else 0.0
    if limits.min_score is not None and least < limits.min_score:
        return True
    # Relevance does not fall as evenly as the score: it is enough if most do not reach it.
    return limits.min_relevance is not None and 2 * len(hits) < len(ranking.scores)


def _hits(
    found: Sequence[Found], looks: Looks | None, snapshot: Snapshot, limits: Limits
) -> list[Hit]:
    """The first k that pass, with the facts of their photos."""
    online = Online()
    hits: list[Hit] = []
    step = max(limits.k, 16)
    for at in range(0, len(found), step):
        block = [one for one in found[at : at + step] if _passes(one, looks, limits)]
        ids = [one.photo_id for one in block]
        photos = snapshot.photos(ids)
        relevances = looks.relevances(ids) if looks else {}
        for one in block:
            photo = photos.get(one.photo_id)
            by_looks = relevances.get(one.photo_id)
            relevance = _relevance(one, by_looks)
            if photo is None or (
                limits.min_relevance is not None and (relevance or 0.0) < limits.min_relevance
            ):
                continue
            hit = hit_of(
                photo,
                rank=len(hits) + 1,
                score=_score(one, looks),
                relevance=relevance,
                evidence=_evidence(one, by_looks),
                online=online,
                accepts_path=limits.accepts_path,
            )
            if hit is not None:
                hits.append(hit)
            if len(hits) == limits.k:
                return hits
    return hits


def _passes(one: Found, looks: Looks | None, limits: Limits) -> bool:
    if one.photo_id in limits.left_out:
        return False
    return limits.min_score is None or (_score(one, looks) or 0.0) >= limits.min_score


def _score(one: Found, looks: Looks | None) -> float | None:
    """The cosine; of a query of printed words alone, how much of them is read."""
    return one.cosine if looks else one.read.strength if one.read else None


def _relevance(one: Found, by_looks: float | None) -> float | None:
    by_words = one.read.strength if one.read and one.read.strength else None
    known = [value for value in (by_looks, by_words) if value is not None]
    return max(known) if known else None


def _evidence(one: Found, by_looks: float | None) -> dict[str, Any]:
    evidence: dict[str, Any] = {}
    if one.cosine is not None:
        evidence["looks_like"] = {
            "cosine": round(one.cosine, 6),
            "rank": one.look_rank,
            "relevance": None if by_looks is None else round(by_looks, 4),
        }
    if one.read is not None:
        evidence["reads"] = {
            **one.read.lines[0].as_dict(),
            "rank": one.read_rank,
            "strength": round(one.read.strength, 4),
            "whole": one.read.whole,
            "lines": [line.as_dict() for line in one.read.lines],
        }
    return evidence


class Online:
    """Which roots are there at the moment, each asked once."""

    def __init__(self) -> None:
        self._known: dict[bytes, bool] = {}

    def __call__(self, place: Place) -> bool:
        if place.root not in self._known:
            self._known[place.root] = os.path.isdir(place.root)
        return self._known[place.root]


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
