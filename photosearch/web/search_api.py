"""/api/search and what belongs to looking for photos.

In: the parameters of a request. Out: the documents of the command line's --json.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request

from photosearch.library import Library
from photosearch.search.example import InLibrary
from photosearch.search.query import Query as Asked
from photosearch.search.query import make_query
from photosearch.show.answers import answer_document
from photosearch.show.notes import notes_on
from photosearch.web.replies import Reply
from photosearch.web.site import SiteHere

router = APIRouter(prefix="/api")

MOST = 1000  # hits of one query, all pages of it

Digest = Annotated[str, Query(pattern="^[0-9a-f]{64}$", description="SHA-256 of a photo")]


@router.get("/search")
async def search(
    request: Request,
    site: SiteHere,
    q: Annotated[str, Query(max_length=2000, description="as after `photosearch query`")] = "",
    k: Annotated[int, Query(ge=1, le=MOST)] = 50,
    offset: Annotated[int, Query(ge=0, le=MOST)] = 0,
    like: Annotated[list[Digest], Query(max_length=20)] = [],  # noqa: B006
    unlike: Annotated[list[Digest], Query(max_length=20)] = [],  # noqa: B006
) -> Reply:
    """Photos that match, best first."""

    def task(library: Library) -> dict[str, Any]:
        asked = make_query(
            q.strip() or None,
            images=[InLibrary(one) for one in like],
            unlike=[InLibrary(one) for one in unlike],
        )
        return answer_page(library, asked, q, k, offset)

    return Reply(await site.readers.ask(request, task))


def answer_page(library: Library, asked: Asked, text: str, k: int, offset: int) -> dict[str, Any]:
    """The answer's hits from `offset` on; `more`: whether there may be others behind them."""
    wanted = min(offset + k, MOST)
    answer = library.run_query(asked, k=wanted)
    shown = replace(answer, hits=answer.hits[offset:])
    document = answer_document(asked, text, library, shown, notes_on(library, asked, text, answer))
    return {**document, "offset": offset, "more": len(answer.hits) == wanted < MOST}


@router.get("/status")
async def status(request: Request, site: SiteHere) -> Reply:
    """What is in the library."""
    return Reply(await site.readers.ask(request, lambda library: library.status().as_dict()))
