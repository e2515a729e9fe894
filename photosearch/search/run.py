"""Candidates by looks and by printed words → one ranking → hits.

In: the looking side of a query, Reads, limits. Out: list[Hit], best first.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from itertools import islice
from typing import TYPE_CHECKING

from photosearch.records import Hit
from photosearch.search.fuse import Found, fuse
from photosearch.search.hits import Online, evidence_of, hit_of

if TYPE_CHECKING:
    from photosearch.index.base import Ranking
    from photosearch.search.looks import Looks
    from photosearch.search.reading import Read
    from photosearch.store.snapshot import Snapshot

# Of pages: see `_steps`. The last one is as far as anybody can look.
STEPS = (100, 300, 1000)
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
    # Hits are shown page by page, and these are on earlier pages: counted, and not judged.
    skip: int | None = None


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
    if limits.skip is not None:
        return _hits(_steps(looks, reads, limits), looks, snapshot, limits)
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


def _steps(looks: Looks, reads: Sequence[Read], limits: Limits) -> Iterator[Found]:
    """The ranking of which pages are cut, by steps: 100 photos from a ranking of 100, then 200
    others from one of 300, …

    How deep is looked changes a ranking a little: an index looks closer, and a photo that words
    brought in has a rank by looks, too. So each place has the same photo on pages of any size, and
    the first page does not wait for the last one: of 100,000 photos the best 100 take 15 ms, the
    best 1,000 take 180 ms.
    """
    shown: set[int] = set()
    for depth in STEPS:
        ranking = looks.search(min(looks.count, depth + len(limits.left_out)))
        found = [one for one in fuse(ranking, reads) if one.photo_id not in shown]
        step = found[: depth + len(limits.left_out) - len(shown)]
        looks.add_cosines(step)
        yield from step
        shown.update(one.photo_id for one in step)
        least = ranking.scores[-1] if len(ranking.scores) else 0.0
        if len(ranking.ids) >= looks.count or (
            limits.min_score is not None and least < limits.min_score
        ):
            return


def _is_exhausted(ranking: Ranking, hits: Sequence[Hit], limits: Limits) -> bool:
    """Whether what comes after these candidates falls below a limit as well."""
    least = ranking.scores[-1] if len(ranking.scores) else 0.0
    if limits.min_score is not None and least < limits.min_score:
        return True
    # Relevance does not fall as evenly as the score: it is enough if most do not reach it.
    return limits.min_relevance is not None and 2 * len(hits) < len(ranking.scores)


def _hits(
    found: Iterable[Found], looks: Looks | None, snapshot: Snapshot, limits: Limits
) -> list[Hit]:
    """The first k that pass, with the facts of their photos."""
    online = Online()
    hits: list[Hit] = []
    skip = limits.skip or 0
    step = max(limits.k - skip, 16)
    left = iter(found)
    while some := list(islice(left, step)):
        block = [one for one in some if _passes(one, looks, limits)]
        ids = [one.photo_id for one in block]
        photos = snapshot.photos(ids)
        unseen = len(hits) >= JUDGED and len(hits) + len(block) <= skip
        is_judged = looks is not None and (not unseen or limits.min_relevance is not None)
        relevances = looks.relevances(ids) if looks and is_judged else {}
        seen = looks.seen(ids) if looks and not unseen else {}
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
                evidence=evidence_of(one, by_looks, seen.get(one.photo_id)),
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
    # How much of an example's words a photo shares tells nothing of how like they are.
    shares = one.read is not None and one.read.weight is not None
    by_words = one.read.strength if one.read and one.read.strength and not shares else None
    known = [value for value in (by_looks, by_words) if value is not None]
    return round(max(known), 4) if known else None
