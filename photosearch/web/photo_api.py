"""/api/photo/…: one photo of the library, by the SHA-256 of its content, never by a path.

In: a digest. Out: facts, a small picture of it, the picture itself.
"""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Path, Request

from photosearch.errors import WrongUse
from photosearch.web.replies import Reply, error_reply
from photosearch.web.site import SiteHere

router = APIRouter(prefix="/api/photo")

Digest = Annotated[str, Path(pattern="^[0-9a-f]{64}$", description="SHA-256 of the photo")]


@router.get("/{photo}")
async def facts(request: Request, site: SiteHere, photo: Digest) -> Reply:
    """All that the library knows of a photo."""
    try:
        return Reply(
            await site.readers.ask(request, lambda library: library.facts(photo).as_dict())
        )
    except WrongUse as error:
        return error_reply(404, "WrongUse", str(error))


@router.get("/{photo}/preview")
async def preview(request: Request, site: SiteHere, photo: Digest, size: int = 320) -> Reply:
    """A WebP of the photo."""
    raise NotImplementedError
