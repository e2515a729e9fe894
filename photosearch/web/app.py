"""The application: the guard around the API, and the page.

In: a Library and the terms it is served on. Out: an ASGI application.
"""

from __future__ import annotations

import hashlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import cache
from pathlib import Path
from threading import Thread

from fastapi import FastAPI, Request
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect
from starlette.responses import Response

from photosearch import __version__
from photosearch.library import Library
from photosearch.settings import cache_path, thumbs_bytes, usable_cores
from photosearch.store.previews import FOLDER, Previews
from photosearch.web import library_api, photo_api, search_api, taking_api
from photosearch.web.guard import Guard
from photosearch.web.readers import Gone, Readers
from photosearch.web.replies import answer_errors
from photosearch.web.site import Site, Terms
from photosearch.web.thumbs import Thumbs

_CLOSING_SECONDS = 0.5
PAGE = Path(__file__).parent / "page"
KINDS = {
    ".html": "text/html; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
    ".json": "application/json",
}


def create_app(library: Library, terms: Terms) -> FastAPI:
    """Serve a library. It is closed with the application."""

    @asynccontextmanager
    async def life(app: FastAPI) -> AsyncIterator[None]:
        readers = Readers(library, max(usable_cores(), 2))
        lookups = Readers(library, 2)
        folders = [place / FOLDER for place in (library.path, cache_path())]
        thumbs = Thumbs(lookups, Previews(folders, thumbs_bytes()), min(usable_cores(), 8))
        readers.warm(search_api.warm)
        app.state.site = Site(readers, terms, lookups, thumbs)
        try:
            yield
        finally:
            # A disk that does not answer must not keep the server from ending.
            closing = Thread(target=_close, args=(thumbs, lookups, readers), daemon=True)
            closing.start()
            closing.join(_CLOSING_SECONDS)

    app = FastAPI(
        title="photosearch",
        version=__version__,
        docs_url=None,  # it would load its scripts from elsewhere
        redoc_url=None,
        redirect_slashes=False,
        lifespan=life,
    )
    answer_errors(app)
    app.add_exception_handler(Gone, _to_nobody)
    app.add_exception_handler(ClientDisconnect, _to_nobody)
    app.include_router(search_api.router)
    app.include_router(library_api.router)
    app.include_router(photo_api.router)
    app.include_router(taking_api.router)

    @app.get("/", include_in_schema=False)
    async def index(request: Request) -> Response:
        return _file(request, "index.html")

    @app.get("/docs", include_in_schema=False)
    async def docs(request: Request) -> Response:
        return _file(request, "docs.html")

    @app.get("/page/{name}", include_in_schema=False)
    async def page(request: Request, name: str) -> Response:
        return _file(request, name)

    app.add_middleware(Guard, terms=terms)
    return app


async def _to_nobody(request: Request, error: Exception) -> Response:
    """Who asked has left: no error of anybody's."""
    return Response(status_code=499)


def _close(*parts: Readers | Thumbs) -> None:
    for part in parts:
        part.close()


@cache
def _files() -> dict[str, tuple[bytes, str]]:
    """The page's files by name: content, and its tag. All of them take some 100 KB."""
    return {
        path.name: (data, f'"{hashlib.sha256(data).hexdigest()[:16]}"')
        for path in sorted(PAGE.iterdir())
        if path.suffix in KINDS
        for data in [path.read_bytes()]
    }


def _file(request: Request, name: str) -> Response:
    if name not in _files():
        raise HTTPException(404, "there is no such page")
    data, tag = _files()[name]
    headers = {"ETag": tag, "Cache-Control": "no-cache"}
    if request.headers.get("if-none-match") == tag:
        return Response(status_code=304, headers=headers)
    return Response(data, headers=headers, media_type=KINDS[Path(name).suffix])
