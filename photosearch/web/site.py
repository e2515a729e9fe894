"""What the parts of the server share, and how a request gets at it.

In: a Library and the terms it is served on. Out: a Site, for handlers that name it as a parameter.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from fastapi import Depends, Request

from photosearch.web import desktop
from photosearch.web.hosts import is_loopback
from photosearch.web.readers import Readers
from photosearch.web.thumbs import Thumbs


@dataclass(frozen=True, slots=True)
class Terms:
    """Who may ask, and from where."""

    host: str = "127.0.0.1"
    port: int = 8420
    token: str | None = None
    allowed_hosts: tuple[str, ...] = ()  # further names in the Host header

    @property
    def is_local(self) -> bool:
        """Whether only this machine can reach it."""
        return is_loopback(self.host)


@dataclass(frozen=True, slots=True)
class Site:
    """One library that is served."""

    readers: Readers
    terms: Terms
    lookups: Readers  # what takes a millisecond, and never waits for a search
    thumbs: Thumbs

    @property
    def can_open(self) -> bool:
        """Whether a folder can be shown on the screen of whoever asks."""
        return self.terms.is_local and desktop.can_open()


async def _site(request: Request) -> Site:
    site: Site = request.app.state.site
    return site


SiteHere = Annotated[Site, Depends(_site)]
