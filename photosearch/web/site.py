"""What the parts of the server share, and how a request gets at it.

In: a Library and the terms it is served on. Out: a Site, for handlers that name it as a parameter.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Annotated

from fastapi import Depends, Request
from starlette.datastructures import Headers

from photosearch.web import desktop
from photosearch.web.hosts import is_loopback, split_host
from photosearch.web.readers import Readers
from photosearch.web.thumbs import Thumbs


@dataclass(frozen=True, slots=True)
class Terms:
    """Who may ask, and from where."""

    host: str = "127.0.0.1"
    port: int = 8420
    token: str | None = None
    allowed_hosts: tuple[str, ...] = ()  # further names in the Host header
    behind_proxy: bool = False  # one that adds TLS: browsers know it by https alone

    @property
    def is_local(self) -> bool:
        """Whether only this machine can reach it."""
        return is_loopback(self.host)

    @property
    def for_one_user(self) -> bool:
        """Whether other users of this machine are turned away: a token tells who may see it."""
        return self.is_local and self.token is None and not self.behind_proxy


@dataclass(frozen=True, slots=True)
class Site:
    """One library that is served."""

    readers: Readers
    terms: Terms
    lookups: Readers  # what takes a millisecond, and never waits for a search
    thumbs: Thumbs
    is_direct: bool = True  # this request shows no sign of a proxy

    @property
    def is_for_this_screen(self) -> bool:
        """Whether whoever asks sits at this machine, as far as can be told."""
        is_named = bool(self.terms.allowed_hosts) or self.terms.behind_proxy
        return self.terms.is_local and not is_named and self.is_direct

    @property
    def can_open(self) -> bool:
        """Whether a folder can be shown on the screen of whoever asks."""
        return self.is_for_this_screen and desktop.can_open()


def is_direct(headers: Headers) -> bool:
    """Whether a request shows no sign of a proxy: a name of this machine itself, and no word of
    one. They are taken as a warning only; what they say is not believed.
    """
    host = split_host(headers.get("host", ""))
    proxied = any(name in ("forwarded", "via") or name.startswith("x-forwarded-") or
                  name == "x-real-ip" for name in headers)  # fmt: skip
    return host is not None and is_loopback(host[0]) and not proxied


async def _site(request: Request) -> Site:
    site: Site = request.app.state.site
    return site if is_direct(request.headers) else replace(site, is_direct=False)


SiteHere = Annotated[Site, Depends(_site)]
