"""A whole query, in order: filters → printed words → looks → one ranking → hits.

In: a Query, a snapshot, and a way to the looking side, which is asked only where looks count: a
query of printed words, or of metadata alone, opens no model and no index. Out: list[Hit].
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from photosearch.records import Answer, Hit
from photosearch.search.browse import in_order, listed
from photosearch.search.hits import Online, hit_of
from photosearch.search.reading import Read, photos_reading, photos_sharing, photos_showing
from photosearch.search.relevance import is_match
from photosearch.search.run import JUDGED, STEPS, Limits, find

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from photosearch.records import Line
    from photosearch.search.looks import Looks
    from photosearch.search.query import Query
    from photosearch.store.snapshot import Snapshot

# Hits of a query, of all its pages. In another order than the best first, fewer are still meant.
PAGED = STEPS[-1]
ORDERED = 200


def answer(
    query: Query,
    snapshot: Snapshot,
    looks_for: Callable[[NDArray[np.int64] | None], Looks | None],
    *,
    k: int,
    min_score: float | None = None,
    min_relevance: float | None = None,
    order: str = "relevance",
    offset: int | None = None,
) -> Answer:
    """The hits of a query, best first, or in another order.

    looks_for: allowed ids → the looking side of this query, None in a library without vectors.
    offset: k hits from there on, of the PAGED best; the same ones however large the pages are.
    """
    only, shown = _allowed(query, snapshot)
    accepts_path = query.filters.path_test(snapshot)
    first = offset or 0
    if query.lists:
        listing = tuple(_list(snapshot, only, order, Limits(k, accepts_path=accepts_path), first))
        if offset is None:
            return Answer(listing, None)
        total = snapshot.count_lying() if only is None else len(only)
        return Answer(listing, None, more=first + k < total, total=total)
    limits = Limits(max(k, JUDGED), min_score, min_relevance, accepts_path=accepts_path)
    end = k
    if offset is not None:
        most = PAGED if order == "relevance" else ORDERED
        end = min(first + k, most)
        # One more than is shown tells whether there are others.
        count = max(end + 1, JUDGED) if order == "relevance" else ORDERED
        skip = first if order == "relevance" else 0
        limits = replace(limits, k=min(count, most), skip=skip)
    notes: tuple[str, ...] = ()
    printed: tuple[str, ...] | None = None
    if query.words_only:
        reads = _reads(query, snapshot, only, shown)
        hits = find(looks=None, reads=reads, snapshot=snapshot, limits=limits)
    else:
        looks = looks_for(only)
        if looks is None:
            return Answer((), None)
        if not query.include_self:
            limits = replace(limits, left_out=looks.wanted.examples)
        notes += looks.wanted.notes
        reads = _reads(query, snapshot, only, shown, looks.wanted.printed)
        if query.read:
            printed = tuple(line.text for line in looks.wanted.printed)
            notes += _notes_on_reading(query, snapshot, bool(printed))
        if query.rerank:
            from photosearch.search.rerank import MOST, rerank

            limits = replace(limits, k=max(limits.k, MOST))
        hits = find(looks=looks, reads=reads, snapshot=snapshot, limits=limits)
        if query.rerank:
            found = rerank(hits, looks, snapshot, limits)
            hits, notes = found.hits, (*notes, *found.notes)
    judged = [hit.relevance for hit in hits[:JUDGED] if hit.relevance is not None]
    matches_well = is_match(judged) if judged else None
    if offset is None:
        return Answer(tuple(in_order(hits[:k], order)), matches_well, notes, printed)
    page = tuple(in_order(hits, order)[first:end])
    return Answer(page, matches_well, notes, printed, more=len(hits) > end)


def _allowed(query: Query, snapshot: Snapshot) -> tuple[NDArray[np.int64] | None, list[Read]]:
    """Photos that may be hits, and what those show that must show something."""
    only = query.filters.allowed_ids(snapshot)
    shown: dict[int, Read] = {}
    for phrase in query.must_show:
        reads = {read.photo_id: read for read in photos_showing(snapshot, phrase, only)}
        only = np.array(sorted(reads), np.int64)
        shown = {
            photo_id: _both(shown[photo_id], read) if photo_id in shown else read
            for photo_id, read in reads.items()
        }
    for phrase in query.must_not_show:
        reads = {read.photo_id: read for read in photos_showing(snapshot, phrase, only)}
        if only is None:
            only = np.array(snapshot.photo_ids(), np.int64)
        only = only[~np.isin(only, list(reads))]
    return only, sorted(
        (read for photo_id, read in shown.items() if only is not None and photo_id in only),
        key=lambda read: (-read.strength, read.photo_id),
    )


def _both(first: Read, second: Read) -> Read:
    lines = tuple(dict.fromkeys((*first.lines, *second.lines)))
    return replace(first, strength=min(first.strength, second.strength), lines=lines)


def _reads(
    query: Query,
    snapshot: Snapshot,
    only: NDArray[np.int64] | None,
    shown: list[Read],
    printed: Sequence[Line] = (),
) -> list[Read]:
    """Photos by the words in them: those asked for, or printed in the examples, else those that had
    to be there.
    """
    if query.words_only and not query.printed:
        return shown
    # That a phrase must be there is a condition: it ranks photos only where nothing else does.
    known = {read.photo_id: replace(read, whole=False, strength=0.0) for read in shown}
    merged: list[Read] = []
    reads = []
    if query.printed:
        reads = photos_reading(snapshot, query.printed, only=only, sure=query.words_only)
    elif printed:
        reads = photos_sharing(snapshot, printed, only=only)
    for read in reads:
        condition = known.pop(read.photo_id, None)
        lines = (*read.lines, *(condition.lines if condition else ()))
        merged.append(replace(read, lines=tuple(dict.fromkeys(lines))))
    return merged + list(known.values())


def _notes_on_reading(query: Query, snapshot: Snapshot, found: bool) -> tuple[str, ...]:
    if found:
        return ()
    from photosearch.search.example_words import knows_words

    if not knows_words(snapshot):
        return (
            "no photo of the library has been read yet, so looks alone count: "
            "photosearch index --words-only",
        )
    example = "the example" if len(query.images) == 1 else "the examples"
    return (f"no words are read in {example}: only looks count",)


def _list(
    snapshot: Snapshot,
    only: NDArray[np.int64] | None,
    order: str,
    limits: Limits,
    first: int,
) -> list[Hit]:
    ids = listed(snapshot, only, order, first + limits.k)[first:]
    photos = snapshot.photos(ids)
    online = Online()
    hits: list[Hit] = []
    for photo_id in ids:
        photo = photos.get(photo_id)
        rank = first + len(hits) + 1
        hit = photo and hit_of(photo, rank=rank, online=online, accepts_path=limits.accepts_path)
        if hit:
            hits.append(hit)
    return hits
