"""/api/photo/…: one photo of the library, by the SHA-256 of its content, never by a path.

In: a digest. Out: facts, a small picture of it, the picture itself, its file.
"""

from __future__ import annotations

from collections.abc import Awaitable
from typing import Annotated, Any, TypeVar

from fastapi import APIRouter, Path, Query, Request
from starlette.responses import Response

from photosearch.errors import PhotosearchError, WrongUse
from photosearch.library import Library
from photosearch.store.originals import Original, open_original
from photosearch.store.previews import SIZES, VERSION
from photosearch.web.replies import Reply, error_reply
from photosearch.web.sending import FOR_EVER, FileReply, attachment, is_unchanged, unchanged
from photosearch.web.site import Site, SiteHere
from photosearch.web.thumbs import NoPhoto, Offline

router = APIRouter(prefix="/api")

DIGEST = "^[0-9a-f]{64}$"
Digest = Annotated[str, Path(pattern=DIGEST, description="SHA-256 of the photo")]

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

_OFFLINE = 410
_NOT_KEPT = {"Cache-Control": "private, no-store"}
# A picture is a picture, whatever else its bytes could be taken for.
INERT = {"Content-Security-Policy": "default-src 'none'; sandbox"}
_PICTURE = {"content": {"image/webp": {}}, "description": "the picture"}
ERRORS: dict[int | str, dict[str, Any]] = {
    404: {"description": "no such photo in the library"},
    410: {"description": "none of its files is there now"},
    422: {"description": "damaged, or of a format that needs an optional decoder"},
}

Found = TypeVar("Found")


@router.get("/photo/{photo}", responses={404: ERRORS[404]})
async def facts(request: Request, site: SiteHere, photo: Digest) -> Reply:
    """All that the library knows of a photo."""

    def task(library: Library) -> dict[str, Any] | None:
        original = library.originals([photo]).get(photo)
        if original is None:
            return None
        shown = {"image": original.format in _SHOWN, "can_open": site.can_open}
        return {**library.facts(photo).as_dict(), "web": shown}

    document = await site.readers.ask(request, task)
    return unknown() if document is None else Reply(document)


@router.get(
    "/photo/{photo}/preview",
    response_class=Response,
    responses={200: _PICTURE, 304: {"description": "as it was"}, **ERRORS},
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
    data = await found(site.thumbs.preview(request, photo, side))
    if isinstance(data, Response):
        other = await site.thumbs.another(photo) if data.status_code == _OFFLINE else None
        if other is None:
            return data
        # Not the one that was asked for: it is to be asked for again.
        return Response(other, headers={**_NOT_KEPT, **INERT}, media_type="image/webp")
    return Response(data, headers={**headers, **INERT}, media_type="image/webp")


@router.get(
    "/photo/{photo}/image",
    response_class=Response,
    responses={
        200: {"content": {"image/jpeg": {}, "image/*": {}}, "description": "the picture"},
        206: {"description": "the part that was asked for"},
        304: {"description": "as it was"},
        416: {"description": "it has no such part"},
        **ERRORS,
    },
)
async def image(request: Request, site: SiteHere, photo: Digest) -> Response:
    """The photo at full size: its file where browsers show its format, else a JPEG of it."""
    headers = _headers(f'"{photo[:32]}-image-{VERSION}"')
    if is_unchanged(request.headers, headers["ETag"]):
        return unchanged(headers)
    original = await found(site.thumbs.original(request, photo))
    if isinstance(original, Response):
        return original
    if original.format in _SHOWN and (original.orientation == 1 or original.format in _TURNED):
        kind = _KINDS[original.format]
        return await _sent(request, site, original, {**headers, **INERT, "Content-Type": kind})
    data = await found(site.thumbs.jpeg(request, original))
    if isinstance(data, Response):
        return data
    return Response(data, headers={**headers, **INERT}, media_type="image/jpeg")


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
        404: ERRORS[404],
        410: ERRORS[410],
    },
)
async def file(request: Request, site: SiteHere, photo: Digest) -> Response:
    """The photo's file as it is, to be saved."""
    headers = _headers(f'"{photo[:32]}"')
    if is_unchanged(request.headers, headers["ETag"]):
        return unchanged(headers)
    original = await found(site.thumbs.original(request, photo))
    if isinstance(original, Response):
        return original
    saved = {
        "Content-Type": _KINDS.get(original.format, "application/octet-stream"),
        "Content-Disposition": attachment(original.name),
    }
    return await _sent(request, site, original, {**headers, **INERT, **saved})


async def found(wanted: Awaitable[Found]) -> Found | Reply:
    """What is wanted, or the reply that says why there is none."""
    try:
        return await wanted
    except NoPhoto:
        return unknown()
    except Offline:
        return offline()
    except WrongUse:
        raise
    except PhotosearchError as error:
        return error_reply(422, type(error).__name__, str(error), error.advice)


async def _sent(
    request: Request, site: Site, original: Original, headers: dict[str, str]
) -> Response:
    opened = await site.thumbs.in_thread(lambda: open_original(original))
    if opened is None:
        return offline()
    return FileReply(opened.file, original.size, request.headers, headers)


def _headers(tag: str) -> dict[str, str]:
    # A digest names one content for ever: what was fetched once is never asked for again.
    return {"ETag": tag, "Cache-Control": FOR_EVER}


def unknown() -> Reply:
    return error_reply(404, "WrongUse", "the library has no such photo", "photosearch index")


def offline() -> Reply:
    return error_reply(
        _OFFLINE,
        "BadImage",
        "none of its files is there now",
        "connect its disk, or photosearch index",
    )
