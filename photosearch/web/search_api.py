"""/api/search and /api/similar: looking for photos.

In: the parameters of a request, perhaps an image. Out: the document of `query --json`, a page of
hits at a time.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from fastapi import APIRouter, Request

from photosearch.errors import WrongUse
from photosearch.library import Library
from photosearch.search.typed import last_item
from photosearch.show.answers import answer_document
from photosearch.show.notes import notes_on, why_nothing
from photosearch.web.parameters import Count, Digest, Wanted, WantedHere
from photosearch.web.replies import Reply, error_reply
from photosearch.web.schemas import SearchDocument, errors
from photosearch.web.site import SiteHere
from photosearch.web.upload import IMAGE_BODY, Refused, image_of

router = APIRouter(prefix="/api", tags=["search"])


@router.get("/search", responses={200: {"model": SearchDocument}, **errors(400, 422, 503)})
async def search(request: Request, site: SiteHere, wanted: WantedHere) -> Reply:
    """Photos that match, best first.

    Without a text and examples all photos are listed, and with filters alone those that pass, the
    newest first.
    """
    return await site.readers.ask(request, lambda library: found(library, wanted))


@router.get("/similar", responses={200: {"model": SearchDocument}, **errors(400, 404, 422, 503)})
async def similar(request: Request, site: SiteHere, photo: Digest, k: Count = 50) -> Reply:
    """Photos like one of the library."""
    wanted = Wanted(k=k, like=(photo,))

    def task(library: Library) -> Reply:
        if not library.originals([photo]):
            return error_reply(404, "WrongUse", f"{photo} is no photo of the library")
        return found(library, wanted)

    return await site.readers.ask(request, task)


@router.post(
    "/similar",
    responses={200: {"model": SearchDocument}, **errors(400, 408, 413, 415, 422, 503)},
    openapi_extra={"requestBody": IMAGE_BODY},
)
async def similar_to_image(request: Request, site: SiteHere, wanted: WantedHere) -> Reply:
    """Photos like an image, which is the body of the request: one more example of a search.

    It is not kept, and written nowhere.
    """
    try:
        image = await image_of(request)
    except Refused as refused:
        return refused.reply()
    wanted = replace(wanted, images=(image,))
    return await site.readers.ask(request, lambda library: found(library, wanted))


def warm(library: Library) -> None:
    """What the first request would wait for: the index, the towers, the counts."""
    library.facets()
    found(library, Wanted())
    found(library, Wanted(q="a photo", typing=True))


def found(library: Library, wanted: Wanted) -> Reply:
    """One page of hits. Of a text that is being typed an unfinished filter at its end is left out.

    Written out here, and not where all requests are waited for: 50 hits take 1 ms.
    """
    text = wanted.q.strip()
    try:
        return Reply(_document(library, wanted, text))
    except WrongUse:
        begun = last_item(text) if wanted.typing else None
        if begun is None:
            raise
        finished = replace(wanted, q=text[: begun.start])
        note = f"{text[begun.start :]} does not count yet: it is not finished"
        return Reply(_document(library, finished, text, note))


def _document(library: Library, wanted: Wanted, text: str, *more: str) -> dict[str, Any]:
    asked = wanted.query()
    with library.remembering(on_disk=not wanted.typing):
        answer = library.run_query(
            asked,
            k=wanted.k,
            sort=wanted.sort,
            min_relevance=wanted.min_relevance,
            offset=wanted.offset,
        )
    notes = [*more, *notes_on(library, asked, text or None, answer, in_terminal=False)]
    if not answer.hits and not wanted.offset:
        notes.append(
            why_nothing(
                library,
                asked,
                min_score=None,
                min_relevance=wanted.min_relevance,
                in_terminal=False,
            )
        )
    return answer_document(asked, text or None, library, answer, notes, offset=wanted.offset)
