"""The application: the guard around the API, and the page.

In: a Library and the terms it is served on. Out: an ASGI application.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from threading import Thread

from fastapi import FastAPI, Request
from starlette.requests import ClientDisconnect
from starlette.responses import Response

from photosearch import __version__
from photosearch.library import Library
from photosearch.settings import cache_path, thumbs_bytes, usable_cores
from photosearch.store.previews import FOLDER, Previews
from photosearch.web import library_api, photo_api, search_api, taking_api
from photosearch.web.guard import Guard
from photosearch.web.page_files import document, file
from photosearch.web.readers import Gone, Readers
from photosearch.web.replies import answer_errors
from photosearch.web.site import Site, Terms
from photosearch.web.thumbs import Thumbs

_CLOSING_SECONDS = 0.5


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
        return document("index.html", request.headers)

    @app.get("/docs", include_in_schema=False)
    async def docs(request: Request) -> Response:
        return document("docs.html", request.headers)

    @app.get("/page/{under}/{name}", include_in_schema=False)
    async def page(request: Request, under: str, name: str) -> Response:
        return file(under, name, request.headers)

    app.add_middleware(Guard, terms=terms)
    return app


async def _to_nobody(request: Request, error: Exception) -> Response:
    """Who asked has left: no error of anybody's."""
    return Response(status_code=499)


def _close(*parts: Readers | Thumbs) -> None:
    for part in parts:
        part.close()
