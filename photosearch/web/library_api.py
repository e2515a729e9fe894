"""/api/facets, /api/complete, /api/status, /api/locate: what is in the library, and in a photo.

In: the parameters of a request. Out: documents.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query, Request

from photosearch import __version__
from photosearch.errors import BadImage, WrongUse
from photosearch.library import Library
from photosearch.records import Failure
from photosearch.search.filters import Filters
from photosearch.search.qualifiers import read_text
from photosearch.search.typed import last_item
from photosearch.web.parameters import Digest, Typing
from photosearch.web.replies import Reply, error_reply
from photosearch.web.schemas import (
    CompletionDocument,
    FacetsDocument,
    LocateDocument,
    StatusDocument,
    errors,
)
from photosearch.web.site import SiteHere

router = APIRouter(prefix="/api", tags=["library"])

MOST_LABELS = 50
Line = Annotated[str, Query(max_length=2000, description="the text of the search field")]


@router.get("/facets", responses={200: {"model": FacetsDocument}, **errors(400, 422, 503)})
async def facets(request: Request, site: SiteHere, q: Line = "", typing: Typing = False) -> Reply:
    """Counts of years, places, cameras, folders, tags and formats among the photos that pass the
    filters inside a text.

    Each `filter` is a qualifier that passes just the photos that are counted.
    """

    def task(library: Library) -> dict[str, Any]:
        return library.facets(_filters_of(q, is_typed=typing)).as_dict()

    return Reply(await site.readers.ask(request, task))


@router.get("/complete", responses={200: {"model": CompletionDocument}, **errors(422, 503)})
async def complete(
    request: Request,
    site: SiteHere,
    q: Line = "",
    at: Annotated[
        int | None,
        Query(ge=0, le=4000, description="the cursor, in UTF-16 code units; left out: the end"),
    ] = None,
) -> Reply:
    """What may stand at the cursor: names of filters, or their values in this library."""

    def task(library: Library) -> dict[str, Any]:
        return library.complete(q, at).as_dict()

    return Reply(await site.lookups.ask(request, task))


@router.get("/status", responses={200: {"model": StatusDocument}, **errors(503)})
async def status(request: Request, site: SiteHere) -> Reply:
    """What is in the library, and what this server can do."""
    web = {"local": site.terms.is_local, "can_open": site.can_open, "version": __version__}

    def task(library: Library) -> dict[str, Any]:
        return library.status().as_dict()

    return Reply({**await site.lookups.ask(request, task), "web": web})


@router.get(
    "/locate",
    responses={200: {"model": LocateDocument}, **errors(400, 404, 410, 422, 503)},
)
async def locate(
    request: Request,
    site: SiteHere,
    photo: Digest,
    what: Annotated[
        str,
        Query(
            min_length=1,
            max_length=1000,
            description=f"labels with commas between them, {MOST_LABELS} at most; printed words "
            "with by=words",
        ),
    ],
    by: Annotated[
        Literal["regions", "words"],
        Query(description="regions: parts of the photo are compared; words: they are read"),
    ] = "regions",
) -> Reply:
    """Where in a photo something is. It takes seconds, and one photo is looked at at a time."""
    document = await site.readers.ask(
        request, lambda library: _located(library, photo, what, by), slowly=True
    )
    return document if isinstance(document, Reply) else Reply(document)


def _filters_of(text: str, *, is_typed: bool) -> Filters:
    """The filters inside a text; while it is typed, without an unfinished one at its end."""
    try:
        return read_text(text).filters
    except WrongUse:
        begun = last_item(text) if is_typed else None
        if begun is None:
            raise
        return read_text(text[: begun.start]).filters


def _located(library: Library, photo: str, what: str, by: str) -> dict[str, Any] | Reply:
    from photosearch.library.locating import labels_of, locate_images, open_locator
    from photosearch.library.spotting import PrintedWords
    from photosearch.store.originals import open_original
    from photosearch.zeroshot.files import named_file
    from photosearch.zeroshot.region import Locator

    original = library.originals([photo]).get(photo)
    if original is None:
        return error_reply(404, "WrongUse", f"{photo} is no photo of the library")
    if by == "regions" and len(labels_of(what)) > MOST_LABELS:
        return error_reply(400, "WrongUse", f"what: more than {MOST_LABELS} labels")
    opened = open_original(original)
    if opened is None:
        return error_reply(410, "BadImage", "no file of this photo is there now")
    opened.file.close()
    locator: Locator = (
        PrintedWords(what)
        if by == "words"
        else open_locator(what, by=by, encoder=lambda: library.encoder)
    )
    (record,) = locate_images([named_file(opened.path)], locator)
    if isinstance(record, Failure):
        raise BadImage(f"{record.path}: {record.reason}")
    return {
        "version": 1,
        "by": by,
        "model": locator.model,
        "photos": [record.as_dict()],
        "failed": [],
    }
