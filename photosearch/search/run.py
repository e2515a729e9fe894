"""Candidates by looks and by printed words → one ranking → hits.

In: the looking side of a query, Reads, limits. Out: list[Hit], best first.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from itertools import islice
from typing import TYPE_CHECKING

from photosearch.paths import join
from photosearch.records import Hit
from photosearch.search.fuse import Found, fuse
from photosearch.search.hits import Online, evidence_of, hit_of

if TYPE_CHECKING:
    from photosearch.index.base import Ranking
    from photosearch.search.looks import Looks, Seen
    from photosearch.search.reading import Read
    from photosearch.store.snapshot import PhotoRow, Snapshot

# Candidates by looks at least, where printed words are looked for too: fusing wants to know the
# rank of the photos that words bring in.
_DEPTH = 100
# Whether a library has what is asked for is told by its best ten photos, also where fewer are
# wanted: AUC 0.940 by ten, 0.930 by three, 0.915 by one (scripts/bench relevance).
JUDGED = 10


@dataclass(frozen=True, slots=True)
class Limits:
    """Which of the candidates may be hits, and how many."""

    k: int
    min_score: float | None = None
    min_relevance: float | None = None
    left_out: frozenset[int] = frozenset()  # examples of the query itself
    accepts_path: Callable[[bytes], bool] = field(default=lambda path: True)
    by_words: bool = False  # looks do not count

    def accepts(self, photo: PhotoRow) -> bool:
        """Whether a photo lies at a path that passes."""
        return any(self.accepts_path(join(place.root, place.path)) for place in photo.places)


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
        return _hits(fuse(None, reads), None, snapshot, replace(limits, by_words=True))
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


def hits_of(
    photo_ids: Sequence[int], looks: Looks, snapshot: Snapshot, limits: Limits
) -> list[Hit]:
    """These photos as hits, those that pass; without a rank by looks."""
    found = [Found(photo_id) for photo_id in photo_ids]
    looks.add_cosines(found)
    return _hits(found, looks, snapshot, replace(limits, k=max(1, len(found))))


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
    left = (one for one in found if one.photo_id not in limits.left_out and passes(one, limits))
    while block := list(islice(left, max(limits.k, 16))):
        ids = [one.photo_id for one in block]
        photos = snapshot.photos(ids)
        relevances = looks.relevances(ids) if looks else {}
        seen = looks.seen(ids) if looks else {}
        for one in block:
            photo = photos.get(one.photo_id)
            by_looks = relevances.get(one.photo_id)
            least = limits.min_relevance
            if photo is None or (
                least is not None and (relevance_of(one, by_looks) or 0.0) < least
            ):
                continue
            hit = hit_at(
                len(hits) + 1, one, photo, by_looks, seen.get(one.photo_id), online, limits
            )
            if hit is not None:
                hits.append(hit)
            if len(hits) == limits.k:
                return hits
    return hits


def hit_at(
    rank: int,
    one: Found,
    photo: PhotoRow,
    by_looks: float | None,
    seen: Seen | None,
    online: Online,
    limits: Limits,
) -> Hit | None:
    """A photo found as a hit; None where it lies at no path that passes."""
    return hit_of(
        photo,
        rank=rank,
        score=_score(one, limits),
        relevance=relevance_of(one, by_looks),
        evidence=evidence_of(one, by_looks, seen),
        online=online,
        accepts_path=limits.accepts_path,
    )


def passes(one: Found, limits: Limits) -> bool:
    """Whether its score is enough."""
    return limits.min_score is None or (_score(one, limits) or 0.0) >= limits.min_score


def _score(one: Found, limits: Limits) -> float | None:
    """The cosine; of a query of printed words alone, how much of them is read."""
    return (one.read.strength if one.read else None) if limits.by_words else one.cosine


def relevance_of(one: Found, by_looks: float | None) -> float | None:
    """By looks or by words, whichever is more."""
    # How much of an example's words a photo shares tells nothing of how like they are.
    shares = one.read is not None and one.read.weight is not None
    by_words = one.read.strength if one.read and one.read.strength and not shares else None
    known = [value for value in (by_looks, by_words) if value is not None]
    return round(max(known), 4) if known else None
