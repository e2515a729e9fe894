"""JSON replies and errors, in the words and fields of the command line.

In: documents and errors of the library. Out: HTTP responses.
"""

from __future__ import annotations

import json
import logging
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.responses import Response

from photosearch.errors import (
    DamagedLibrary,
    LibraryBusy,
    NewerLibrary,
    NoLibrary,
    PhotosearchError,
    StorageError,
)

logger = logging.getLogger("photosearch")

# What whoever runs the server has to mend; everything else is about the request.
_OURS = (NoLibrary, NewerLibrary, DamagedLibrary, StorageError, LibraryBusy)


class Reply(Response):
    """JSON as the command prints it: ASCII, so that any file name survives."""

    media_type = "application/json"

    def render(self, content: Any) -> bytes:
        return json.dumps(content, separators=(",", ":")).encode("ascii")


def error_reply(status: int, kind: str, message: str, hint: str = "") -> Reply:
    """The document of docs/json.md, "Errors"."""
    error = {"kind": kind, "message": message, "hint": hint or None}
    return Reply({"version": 1, "error": error}, status)


def answer_errors(app: FastAPI) -> None:
    """Errors of the library, of parameters and of paths become replies of one shape."""

    @app.exception_handler(PhotosearchError)
    async def ours(request: Request, error: PhotosearchError) -> Reply:
        status = 503 if isinstance(error, _OURS) else 400
        return error_reply(status, type(error).__name__, str(error), error.advice)

    @app.exception_handler(RequestValidationError)
    async def parameters(request: Request, error: RequestValidationError) -> Reply:
        first = error.errors()[0]
        name = ".".join(str(part) for part in first["loc"][1:]) or "request"
        return error_reply(422, "WrongUse", f"{name}: {first['msg']}", "/docs lists the parameters")

    @app.exception_handler(HTTPException)
    async def paths(request: Request, error: HTTPException) -> Reply:
        reply = error_reply(error.status_code, "WrongUse", str(error.detail), "/docs")
        reply.headers.update(error.headers or {})
        return reply

    @app.exception_handler(Exception)
    async def unexpected(request: Request, error: Exception) -> Reply:
        logger.error("unexpected error: %s: %s", type(error).__name__, error)
        return error_reply(500, type(error).__name__, "unexpected error; this is a bug")
