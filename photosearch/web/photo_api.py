"""/api/photo/…: one photo of the library, by the SHA-256 of its content, never by a path.

In: a digest. Out: facts, a small picture of it, the picture itself, its file; several as a ZIP.
"""

from __future__ import annotations

import os
from collections.abc import Awaitable
from pathlib import Path as FilePath
from typing import Annotated, Any, TypeVar
from urllib.parse import parse_qs

from fastapi import APIRouter, Body, Path, Query, Request
from starlette.responses import Response, StreamingResponse

from photosearch.errors import PhotosearchError, WrongUse
from photosearch.library import Library
from photosearch.store.originals import Original, open_original
from photosearch.store.previews import SIZES, VERSION
from photosearch.web import desktop
from photosearch.web.bundle_zip import MOST, zip_of
from photosearch.web.replies import Reply, error_reply
from photosearch.web.sending import FileReply, attachment, is_unchanged, unchanged
from photosearch.web.site import Site, SiteHere
from photosearch.web.thumbs import NoPhoto, Offline

router = APIRouter(prefix="/api")

_DIGEST = "^[0-9a-f]{64}$"
Digest = Annotated[str, Path(pattern=_DIGEST, description="SHA-256 of the photo")]

# By the catalogue's word for what a photo is; a path's ending says nothing.
_KINDS = {
    "jpeg": "image/jpeg",
    "png": "image/png",
    "webp": "image/webp",
    "gif": "image/gif",
    "avif": "image/avif",
    "heic": "image/heic",
    "tiff": "image/tiff",
    "bmp": "image/bmp",
    "jpeg2000": "image/jp2",
    "jxl": "image/jxl",
}
# What every browser shows as it is. AVIF has been shown by all since 2024.
_SHOWN = ("jpeg", "png", "webp", "gif", "avif")
# Browsers turn a JPEG upright by its EXIF; of other formats only some do.
_TURNED = ("jpeg", "avif")

# A digest names one content for ever: what was fetched once is never asked for again.
_OFFLINE = 410
_NOT_KEPT = {"Cache-Control": "private, no-store"}
_FOR_EVER = "private, max-age=31536000, immutable"
# A picture is a picture, whatever else its bytes could be taken for.
_INERT = {"Content-Security-Policy": "default-src 'none'; sandbox"}
_PICTURE = {"content": {"image/webp": {}}, "description": "the picture"}
_ERRORS: dict[int | str, dict[str, Any]] = {
    404: {"description": "no such photo in the library"},
    410: {"description": "none of its files is there now"},
    422: {"description": "damaged, or of a format that needs an optional decoder"},
}

Found = TypeVar("Found")


@router.get("/photo/{photo}", responses={404: _ERRORS[404]})
async def facts(request: Request, site: SiteHere, photo: Digest) -> Reply:
    """All that the library knows of a photo."""

    def task(library: Library) -> dict[str, Any] | None:
        original = library.originals([photo]).get(photo)
        if original is None:
            return None
        shown = {"image": original.format in _SHOWN, "can_open": site.can_open}
        return {**library.facts(photo).as_dict(), "web": shown}

    document = await site.readers.ask(request, task)
    return _unknown() if document is None else Reply(document)


@router.get(
    "/photo/{photo}/preview",
    response_class=Response,
    responses={200: _PICTURE, 304: {"description": "as it was"}, **_ERRORS},
)
async def preview(
    request: Request,
    site: SiteHere,
    photo: Digest,
    size: Annotated[
        int, Query(ge=1, le=10_000, description="pixels of the longer side: 240, 480, 960, 1920")
    ] = 480,
) -> Response:
    """A WebP of the photo: upright, sRGB, without metadata."""
    side = next((one for one in SIZES if one >= size), SIZES[-1])
    headers = _headers(f'"{photo[:32]}-{side}-{VERSION}"')
    if is_unchanged(request.headers, headers["ETag"]):
        return unchanged(headers)
    data = await _found(site.thumbs.preview(request, photo, side))
    if isinstance(data, Response):
        other = await site.thumbs.another(photo) if data.status_code == _OFFLINE else None
        if other is None:
            return data
        # Not the one that was asked for: it is to be asked for again.
        return Response(other, headers={**_NOT_KEPT, **_INERT}, media_type="image/webp")
    return Response(data, headers={**headers, **_INERT}, media_type="image/webp")


@router.get(
    "/photo/{photo}/image",
    response_class=Response,
    responses={
        200: {"content": {"image/jpeg": {}, "image/*": {}}, "description": "the picture"},
        206: {"description": "the part that was asked for"},
        304: {"description": "as it was"},
        416: {"description": "it has no such part"},
        **_ERRORS,
    },
)
async def image(request: Request, site: SiteHere, photo: Digest) -> Response:
    """The photo at full size: its file where browsers show its format, else a JPEG of it."""
    headers = _headers(f'"{photo[:32]}-image-{VERSION}"')
    if is_unchanged(request.headers, headers["ETag"]):
        return unchanged(headers)
    original = await _found(site.thumbs.original(request, photo))
    if isinstance(original, Response):
        return original
    if original.format in _SHOWN and (original.orientation == 1 or original.format in _TURNED):
        kind = _KINDS[original.format]
        return await _sent(request, site, original, {**headers, **_INERT, "Content-Type": kind})
    data = await _found(site.thumbs.jpeg(request, original))
    if isinstance(data, Response):
        return data
    return Response(data, headers={**headers, **_INERT}, media_type="image/jpeg")


@router.get(
    "/photo/{photo}/file",
    response_class=Response,
    responses={
        200: {
            "content": {"application/octet-stream": {}, "image/*": {}},
            "description": "the file",
        },
        206: {"description": "the part that was asked for"},
        304: {"description": "as it was"},
        416: {"description": "it has no such part"},
        404: _ERRORS[404],
        410: _ERRORS[410],
    },
)
async def file(request: Request, site: SiteHere, photo: Digest) -> Response:
    """The photo's file as it is, to be saved."""
    headers = _headers(f'"{photo[:32]}"')
    if is_unchanged(request.headers, headers["ETag"]):
        return unchanged(headers)
    original = await _found(site.thumbs.original(request, photo))
    if isinstance(original, Response):
        return original
    saved = {
        "Content-Type": _KINDS.get(original.format, "application/octet-stream"),
        "Content-Disposition": attachment(original.name),
    }
    return await _sent(request, site, original, {**headers, **_INERT, **saved})


@router.post(
    "/zip",
    response_class=Response,
    responses={
        200: {"content": {"application/zip": {}}, "description": "the photos' files"},
        400: {"description": "no photos, or too many"},
        404: _ERRORS[404],
        410: _ERRORS[410],
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
                                "items": {"type": "string", "pattern": _DIGEST},
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
    found = await site.lookups.ask(request, lambda library: library.originals(photos))
    if not found:
        return _unknown()
    unknown = [one for one in photos if one not in found]
    blocks = zip_of([found[one] for one in photos if one in found], unknown)
    headers = {"Content-Disposition": 'attachment; filename="photos.zip"', **_INERT}
    return StreamingResponse(blocks, headers=headers, media_type="application/zip")


@router.post(
    "/open",
    responses={
        403: {"description": "not a server of this machine alone"},
        404: _ERRORS[404],
        410: _ERRORS[410],
    },
)
async def shown_in_folder(
    request: Request,
    site: SiteHere,
    photo: Annotated[str, Body(embed=True, pattern=_DIGEST)],
) -> Reply:
    """Show the photo in the file manager of this machine."""
    if not site.can_open:
        reason = "no desktop here" if site.terms.is_local else "this server is not for you alone"
        return error_reply(403, "WrongUse", f"a folder cannot be opened: {reason}")
    original = await _found(site.thumbs.original(request, photo))
    if isinstance(original, Reply):
        return original
    there = await site.thumbs.in_thread(lambda: _first_there(original))
    if there is None:
        return _offline()
    opened = await site.thumbs.in_thread(lambda: desktop.show(there))
    if not opened:
        return error_reply(503, "WrongUse", "no file manager could be started")
    return Reply({"version": 1, "opened": os.fspath(there.parent)})


async def _found(wanted: Awaitable[Found]) -> Found | Reply:
    """What is wanted, or the reply that says why there is none."""
    try:
        return await wanted
    except NoPhoto:
        return _unknown()
    except Offline:
        return _offline()
    except WrongUse:
        raise
    except PhotosearchError as error:
        return error_reply(422, type(error).__name__, str(error), error.hint)


async def _sent(
    request: Request, site: Site, original: Original, headers: dict[str, str]
) -> Response:
    opened = await site.thumbs.in_thread(lambda: open_original(original))
    if opened is None:
        return _offline()
    return FileReply(opened.file, original.size, request.headers, headers)


def _headers(tag: str) -> dict[str, str]:
    return {"ETag": tag, "Cache-Control": _FOR_EVER}


def _unknown() -> Reply:
    return error_reply(404, "WrongUse", "the library has no such photo", "photosearch index")


def _offline() -> Reply:
    return error_reply(
        _OFFLINE,
        "BadImage",
        "none of its files is there now",
        "connect its disk, or photosearch index",
    )


def _is_digest(text: str) -> bool:
    return len(text) == 64 and not set(text) - set("0123456789abcdef")


def _first_there(original: Original) -> FilePath | None:
    opened = open_original(original)
    if opened is None:
        return None
    opened.file.close()
    return opened.path
