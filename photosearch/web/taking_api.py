"""/api/zip, /api/open: what is done with photos of the library: taken along, shown where they lie.

In: digests. Out: a ZIP; a file manager on the screen of this machine.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated
from urllib.parse import parse_qs

from fastapi import APIRouter, Body, Request
from starlette.responses import Response, StreamingResponse

from photosearch.store.originals import Original, open_original
from photosearch.web import desktop
from photosearch.web.bundle_zip import MOST, zip_of
from photosearch.web.photo_api import DIGEST, ERRORS, INERT, found, offline, unknown
from photosearch.web.replies import Reply, error_reply
from photosearch.web.site import SiteHere

router = APIRouter(prefix="/api")


@router.post(
    "/zip",
    response_class=Response,
    responses={
        200: {"content": {"application/zip": {}}, "description": "the photos' files"},
        400: {"description": "no photos, or too many"},
        404: ERRORS[404],
        410: ERRORS[410],
        413: {"description": "more than a form of so many photos"},
        422: {"description": "not ids of photos"},
    },
    openapi_extra={
        "requestBody": {
            "required": True,
            "content": {
                "application/x-www-form-urlencoded": {
                    "schema": {
                        "type": "object",
                        "required": ["photos"],
                        "properties": {
                            "photos": {
                                "type": "array",
                                "items": {"type": "string", "pattern": DIGEST},
                                "minItems": 1,
                                "maxItems": MOST,
                            }
                        },
                    }
                }
            },
        }
    },
)
async def zipped(request: Request, site: SiteHere) -> Response:
    """Several photos as one ZIP of their files."""
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind != "application/x-www-form-urlencoded":
        return error_reply(415, "WrongUse", "a form is expected: photos=ID&photos=ID")
    try:
        fields = parse_qs((await request.body()).decode("ascii"), max_num_fields=MOST)
    except ValueError:
        return error_reply(400, "WrongUse", f"photos=ID&photos=ID…, at most {MOST:,} of them")
    photos = list(dict.fromkeys(fields.get("photos", [])))
    if not photos or not all(_is_digest(one) for one in photos):
        return error_reply(400, "WrongUse", "photos: the SHA-256 of one photo or more")
    known = await site.lookups.ask(request, lambda library: library.originals(photos))
    if not known:
        return unknown()
    others = [one for one in photos if one not in known]
    blocks = zip_of([known[one] for one in photos if one in known], others)
    headers = {"Content-Disposition": 'attachment; filename="photos.zip"', **INERT}
    return StreamingResponse(blocks, headers=headers, media_type="application/zip")


@router.post(
    "/open",
    responses={
        403: {"description": "not a server of this machine alone"},
        404: ERRORS[404],
        410: ERRORS[410],
    },
)
async def shown_in_folder(
    request: Request,
    site: SiteHere,
    photo: Annotated[str, Body(embed=True, pattern=DIGEST)],
) -> Reply:
    """Show the photo in the file manager of this machine."""
    if not site.can_open:
        reason = "no desktop here" if site.is_for_this_screen else "the page may be elsewhere"
        return error_reply(403, "WrongUse", f"a folder cannot be opened: {reason}")
    original = await found(site.thumbs.original(request, photo))
    if isinstance(original, Reply):
        return original
    there = await site.thumbs.in_thread(lambda: _first_there(original))
    if there is None:
        return offline()
    opened = await site.thumbs.in_thread(lambda: desktop.show(there))
    if not opened:
        return error_reply(503, "WrongUse", "no file manager could be started")
    return Reply({"version": 1, "opened": os.fspath(there.parent)})


def _is_digest(text: str) -> bool:
    return len(text) == 64 and not set(text) - set("0123456789abcdef")


def _first_there(original: Original) -> Path | None:
    opened = open_original(original)
    if opened is None:
        return None
    opened.file.close()
    return opened.path
