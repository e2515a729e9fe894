"""Hits page by page: of a query, and of a list of photos.

In: what is asked, limits, from which place to which; the rankings kept. Out: an Answer, with the
same hits however large the pages are.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import replace
from datetime import date
from typing import TYPE_CHECKING

from photosearch.records import Answer, Hit
from photosearch.search.asked import Asked
from photosearch.search.browse import in_order, listed
from photosearch.search.example import InLibrary
from photosearch.search.fuse import Found, fuse
from photosearch.search.hits import Online, hit_of
from photosearch.search.query import IMAGE_KINDS
from photosearch.search.rankings import STEPS, Course, Listing, Rankings, judge, look_until
from photosearch.search.relevance import is_match
from photosearch.search.run import JUDGED, Limits, hit_at, relevance_of

if TYPE_CHECKING:
    from photosearch.search.query import Query
    from photosearch.store.snapshot import PhotoRow, Snapshot

# Hits of a query, of all its pages. In another order than the best first, fewer are still meant.
PAGED = STEPS[-1]
ORDERED = 200
_LISTED = 200  # photos of a list looked up at first


def page(
    asked: Asked, limits: Limits, order: str, first: int, end: int, rankings: Rankings
) -> Answer:
    """The hits from one place of a ranking or list to another."""
    query = _without_images(asked.query)
    if query is None:
        query, rankings = asked.query, Rankings()
    # "last summer" is another one tomorrow.
    key = (query, order, limits.min_score, limits.min_relevance, date.today())
    state, goes_on = asked.snapshot.state, first > 0
    if query.lists:
        listing = rankings.get(Listing, key, state, goes_on=goes_on)
        with listing.lock:
            return _of_list(listing, asked, limits, order, (first, end), rankings.online())
    course = rankings.get(Course, key, state, goes_on=goes_on)
    with course.lock:
        return _of_ranking(course, asked, limits, order, (first, end), rankings.online())


def _without_images(query: Query) -> Query | None:
    """What a ranking is known by: the digest of an image in place of its megabytes. None where an
    example may be another one the next time, as a file may.
    """
    parts = []
    for part in query.parts:
        if isinstance(part.value, bytes):
            part = replace(part, value=hashlib.sha256(part.value).digest())
        elif part.kind in IMAGE_KINDS and not isinstance(part.value, InLibrary):
            return None
        parts.append(part)
    return replace(query, parts=tuple(parts))


def _of_list(
    kept: Listing,
    asked: Asked,
    limits: Limits,
    order: str,
    places: tuple[int, int],
    online: Online,
) -> Answer:
    first, end = places
    snapshot = asked.snapshot
    if kept.total is None:
        only = asked.allowed[0]
        kept.total = snapshot.count_lying() if only is None else len(only)
    if len(kept.ids) < end and not kept.is_whole:
        count = max(end, 4 * len(kept.ids), _LISTED)
        found = listed(snapshot, asked.allowed[0], order, count)
        kept.is_whole = len(found) < count
        kept.ids = list(dict.fromkeys((*kept.ids, *found)))
    hits = hits_of_list(kept.ids[first:end], first, snapshot, limits, online)
    more = end < (len(kept.ids) if kept.is_whole else kept.total)
    return Answer(tuple(hits), None, more=more, total=kept.total)


def hits_of_list(
    ids: Sequence[int], first: int, snapshot: Snapshot, limits: Limits, online: Online
) -> list[Hit]:
    """Photos as hits, of a list that begins further up."""
    photos = snapshot.photos(ids)
    hits: list[Hit] = []
    for rank, photo_id in enumerate(ids, first + 1):
        photo = photos.get(photo_id)
        hit = photo and hit_of(photo, rank=rank, online=online, accepts_path=limits.accepts_path)
        if hit:
            hits.append(hit)
    return hits


def _of_ranking(
    kept: Course,
    asked: Asked,
    limits: Limits,
    order: str,
    places: tuple[int, int],
    online: Online,
) -> Answer:
    if kept.reads is None:
        if not _begin(kept, asked, limits):
            return Answer((), None)
    elif not places[0]:
        asked.remember()
    # The ranking is without the examples; `rerank` brings photos that are not of it.
    limits = replace(limits, left_out=kept.left_out, by_words=asked.query.words_only)
    by_relevance = order == "relevance"
    first, end = places
    end = min(end, PAGED if by_relevance else ORDERED)
    # One more than is shown tells whether there are others.
    count = min(max(end + 1, JUDGED), PAGED) if by_relevance else ORDERED
    if asked.query.rerank:
        from photosearch.search.rerank import MOST, rerank

        count = max(count, MOST)
    photos = look_until(kept, count, asked.must_look, asked.snapshot, limits)
    if by_relevance and not asked.query.rerank:
        hits = _hits(kept, first, kept.passed[first:end], photos, asked, limits, online)
        return _answer(kept, hits, kept.notes, more=len(kept.passed) > end)
    hits = _hits(kept, 0, kept.passed[:count], photos, asked, limits, online)
    notes = kept.notes
    if asked.query.rerank:
        found = rerank(hits, asked.must_look(), asked.snapshot, limits)
        hits, notes = found.hits, (*notes, *found.notes)
    return _answer(kept, in_order(hits, order)[first:end], notes, more=len(hits) > end)


def _begin(kept: Course, asked: Asked, limits: Limits) -> bool:
    """What a ranking is made of; False where there is nothing to rank."""
    words_only = asked.query.words_only
    if asked.looks is None and not words_only:
        return False
    kept.left_out = asked.limits(limits).left_out
    kept.notes, kept.printed = asked.notes, asked.printed
    if words_only:
        kept.ranked, kept.is_whole = fuse(None, asked.reads), True
    kept.reads = asked.reads
    return True


def _hits(
    kept: Course,
    first: int,
    part: Sequence[Found],
    photos: dict[int, PhotoRow],
    asked: Asked,
    limits: Limits,
    online: Online,
) -> list[Hit]:
    """Some of the photos that passed as hits, without those that are gone since."""
    ids = [one.photo_id for one in part]
    judge(kept, [*(one.photo_id for one in kept.passed[:JUDGED]), *ids], asked.must_look)
    photos = photos | asked.snapshot.photos([one for one in ids if one not in photos])
    seen = asked.must_look().seen(ids) if asked.query.small and ids else {}
    hits = []
    for rank, one in enumerate(part, first + 1):
        photo = photos.get(one.photo_id)
        by_looks = kept.relevances.get(one.photo_id)
        hit = photo and hit_at(rank, one, photo, by_looks, seen.get(one.photo_id), online, limits)
        if hit:
            hits.append(hit)
    return hits


def _answer(kept: Course, hits: Sequence[Hit], notes: tuple[str, ...], *, more: bool) -> Answer:
    judged = [relevance_of(one, kept.relevances.get(one.photo_id)) for one in kept.passed[:JUDGED]]
    return Answer(tuple(hits), best_match(judged), notes, kept.printed, more=more)


def best_match(relevances: Sequence[float | None]) -> bool | None:
    """Whether the best hits match well; None where their relevance could not be judged."""
    judged = [relevance for relevance in relevances if relevance is not None]
    return is_match(judged) if judged else None
