"""A whole query, in order: filters → printed words → looks → one ranking → hits.

In: a Query, a snapshot, a way to the looking side. Out: an Answer.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING

from photosearch.records import Answer
from photosearch.search.asked import Asked
from photosearch.search.browse import in_order, listed
from photosearch.search.hits import Online
from photosearch.search.pages import best_match, hits_of_list, page
from photosearch.search.rankings import Rankings
from photosearch.search.run import JUDGED, Limits, find

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from photosearch.search.looks import Looks
    from photosearch.search.query import Query
    from photosearch.store.snapshot import Snapshot


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
    rankings: Rankings | None = None,
) -> Answer:
    """The hits of a query, best first, or in another order.

    looks_for: allowed ids → the looking side of this query, None in a library without vectors.
    offset: k hits from there on, of the PAGED best; the same ones however large the pages are.
    rankings: where those are kept that pages are cut from.
    """
    accepts_path = query.filters.path_test(snapshot)
    asked = Asked(query, snapshot, looks_for)
    limits = Limits(max(k, JUDGED), min_score, min_relevance, accepts_path=accepts_path)
    if offset is not None:
        return page(asked, limits, order, offset, offset + k, rankings or Rankings())
    if query.lists:
        ids = listed(snapshot, asked.allowed[0], order, k)
        return Answer(tuple(hits_of_list(ids, 0, snapshot, limits, Online())), None)
    if asked.looks is None and not query.words_only:
        return Answer((), None)
    limits = asked.limits(limits)
    notes = asked.notes
    if query.rerank and asked.looks:
        from photosearch.search.rerank import MOST, rerank

        limits = replace(limits, k=max(limits.k, MOST))
        hits = find(looks=asked.looks, reads=asked.reads, snapshot=snapshot, limits=limits)
        reranked = rerank(hits, asked.looks, snapshot, limits)
        hits, notes = reranked.hits, (*notes, *reranked.notes)
    else:
        hits = find(looks=asked.looks, reads=asked.reads, snapshot=snapshot, limits=limits)
    judged = [hit.relevance for hit in hits[:JUDGED]]
    return Answer(tuple(in_order(hits[:k], order)), best_match(judged), notes, asked.printed)
