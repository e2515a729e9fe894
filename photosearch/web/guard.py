"""Who may ask: hosts, origins, tokens; and what a browser may do with the answer.

In: each request, before anything else sees it. Out: the request handed on, or refused.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from contextlib import AbstractAsyncContextManager, nullcontext
from urllib.parse import parse_qsl, urlencode

from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from photosearch.web.bodies import LARGEST, TooMuch, limited, most_of, too_large
from photosearch.web.connection import STRANGER
from photosearch.web.hosts import Names, is_same_origin
from photosearch.web.replies import error_reply
from photosearch.web.site import Terms
from photosearch.web.tokens import Gate

POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob: data:; "
    "connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'; "
    "require-trusted-types-for 'script'; trusted-types 'none'"
)
HEADERS = {
    "Content-Security-Policy": POLICY,
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    # Not "no-referrer": forms would then be sent with the origin "null".
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Permissions-Policy": "camera=(), display-capture=(), geolocation=(), microphone=(), "
    "payment=(), usb=()",
    "X-Robots-Tag": "noindex",
}

METHODS = ("GET", "HEAD", "POST")
PAGES = ("/", "/docs")  # what a link on another page may lead to
LONGEST_URL = 32 << 10  # 20 examples, and 2,000 Chinese characters as the URL spells them
LARGE_BODIES = 4  # images that are held in memory at once, of 50 MiB each; further ones wait
WRONG_TOKEN_SECONDS = 0.3

_ASK = b"""<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>photosearch</title>
<meta name="viewport" content="width=device-width"><meta name="color-scheme" content="light dark">
</head><body><main><h1>photosearch</h1>
<p>These photos are shown to those who have the token. It was set where the server was started.</p>
<form method="post"><p><label>Token <input type="password" name="token" required autofocus
autocomplete="current-password"></label> <button>Show the photos</button></p></form>
</main></body></html>
"""


_AGAIN = b'<!doctype html><title>photosearch</title><meta http-equiv="refresh" content="0">'

_FOR_ONE_USER = (
    "this page is for the user of this machine who started it",
    "whoever started it can set a token, for others: PHOTOSEARCH_TOKEN",
)

_COOKIE = "photosearch.cookie"  # in a request's scope: to be set with its reply


class Guard:
    """ASGI middleware around the whole application."""

    def __init__(self, app: ASGIApp, terms: Terms) -> None:
        self._app = app
        self._names = Names(terms.host, terms.allowed_hosts)
        secure = terms.behind_proxy
        self._gate = Gate(terms.token, terms.port, secure=secure) if terms.token else None
        self._large = asyncio.Semaphore(LARGE_BODIES)
        self._hint = f"http://127.0.0.1:{terms.port}/, or serve it with --allow-host NAME"

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
        elif scope["type"] == "http":
            await self._answer(scope, receive, send)
        else:
            await send({"type": "websocket.close", "code": 1008})

    async def _answer(self, scope: Scope, receive: Receive, send: Send) -> None:
        started = False
        is_head = scope["method"] == "HEAD"
        is_api = scope["path"].startswith("/api")

        async def guarded(message: Message) -> None:
            nonlocal started
            if message["type"] == "http.response.start":
                started = True
                added = MutableHeaders(scope=message)
                for name, value in HEADERS.items():
                    added.setdefault(name, value)
                if _COOKIE in scope:
                    added.append("Set-Cookie", scope[_COOKIE])
                if is_api:
                    added.setdefault("Cache-Control", "private, no-store")
            elif is_head and message["type"] == "http.response.body":
                message = {**message, "body": b""}
            await send(message)

        try:
            reply = self._refusal(scope) or await self._without_token(scope, receive)
            if reply is None:
                asked = {**scope, "method": "GET"} if is_head else scope
                async with self._room(scope):
                    await self._app(asked, limited(receive, most_of(scope["path"])), guarded)
                return
        except TooMuch as much:
            if started:
                raise
            reply = much.reply()
        await reply(scope, receive, guarded)

    def _room(self, scope: Scope) -> AbstractAsyncContextManager[object]:
        is_large = scope["method"] == "POST" and most_of(scope["path"]) > LARGEST
        return self._large if is_large else nullcontext()

    def _refusal(self, scope: Scope) -> Response | None:
        """Why a request is not answered, whoever asks."""
        headers = Headers(scope=scope)
        method, path = scope["method"], scope["path"]
        hosts = headers.getlist("host")
        # "GET http://other/ HTTP/1.1" would name a host beside the header.
        if len(hosts) != 1 or not path.startswith("/"):
            return error_reply(400, "WrongUse", "one Host header and a path are needed")
        if not self._names.has(hosts[0]):
            return error_reply(403, "WrongUse", "this server is not called so", self._hint)
        if scope.get("state", {}).get(STRANGER):
            return error_reply(403, "WrongUse", *_FOR_ONE_USER)
        if method not in METHODS:
            reply = error_reply(405, "WrongUse", f"only {', '.join(METHODS)} are answered")
            reply.headers["Allow"] = ", ".join(METHODS)
            return reply
        if len(scope.get("raw_path") or b"") + len(scope["query_string"]) > LONGEST_URL:
            return error_reply(414, "WrongUse", "the URL is too long")
        if "content-length" in headers and "transfer-encoding" in headers:
            # A proxy that goes by the other one would take the end of this body for a request.
            reply = error_reply(400, "WrongUse", "Content-Length or Transfer-Encoding, not both")
            reply.headers["Connection"] = "close"
            return reply
        length = headers.get("content-length", "0")
        if not length.isdecimal() or int(length) > most_of(path):
            return too_large(most_of(path)).reply()
        if not _is_own_page(headers, hosts[0], method, path):
            return error_reply(403, "WrongUse", "pages of other sites are not answered")
        return None

    async def _without_token(self, scope: Scope, receive: Receive) -> Response | None:
        """What is said to those who do not show the token, or to let a browser keep it."""
        if self._gate is None:
            return None
        headers = Headers(scope=scope)
        path, method = scope["path"], scope["method"]
        fields = parse_qsl(scope["query_string"].decode("latin-1"), keep_blank_values=True)
        shown = [value for name, value in fields if name == "token"]
        is_named = bool(shown)  # in the URL, where it shall not stay
        scheme, _, bearer = headers.get("authorization", "").partition(" ")
        if scheme.lower() == "bearer":
            shown.append(bearer.strip())
        if method == "POST" and path in PAGES:  # the form of _ASK
            shown += await _typed(scope, receive)
        cookies = headers.get("cookie", "")
        address = (scope.get("client") or ("",))[0]
        if self._gate.is_guessing(address):
            return error_reply(429, "WrongUse", "too many wrong tokens; wait a minute")
        if not self._gate.is_shown(shown, cookies):
            if shown or cookies:
                self._gate.note_wrong(address, shown, cookies)
            if shown:
                await asyncio.sleep(WRONG_TOKEN_SECONDS)
            return _ask(path)
        if is_named:
            kept = [(name, value) for name, value in fields if name != "token"]
            scope["query_string"] = urlencode(kept).encode()
        if path in PAGES and (is_named or method == "POST"):
            return self._let_in(scope, headers)
        if is_named:
            scope[_COOKIE] = self._gate.set_cookie()
        return None

    def _let_in(self, scope: Scope, headers: Headers) -> Response:
        assert self._gate is not None
        query = scope["query_string"].decode("latin-1")
        url = scope["path"] + (f"?{query}" if query else "")
        reply = Response(status_code=303, headers={"Location": url, "Cache-Control": "no-store"})
        if headers.get("sec-fetch-site") == "cross-site":
            # A redirect that began at a link of another page gets no cookie of this kind.
            reply = Response(_AGAIN, media_type="text/html; charset=utf-8")
        reply.headers["Set-Cookie"] = self._gate.set_cookie()
        return reply


def _is_own_page(headers: Headers, host: str, method: str, path: str) -> bool:
    """Whether no page of another site is behind a request; what is no browser sends neither."""
    site = headers.get("sec-fetch-site")
    for origin in headers.getlist("origin"):
        # Of a form on a page that tells nobody where it is, browsers send "null".
        if not is_same_origin(origin, host) and (origin != "null" or site != "same-origin"):
            return False
    if site in (None, "same-origin", "none"):
        return True
    is_link = headers.get("sec-fetch-mode") == "navigate"
    is_tab = headers.get("sec-fetch-dest", "document") == "document"
    return method != "POST" and path in PAGES and is_link and is_tab


async def _typed(scope: Scope, receive: Receive) -> Iterable[str]:
    """Tokens in the body of a form."""
    body = b""
    async for block in Request(scope, limited(receive, 4096)).stream():
        body += block
    return [value for name, value in parse_qsl(body.decode("latin-1")) if name == "token"]


def _ask(path: str) -> Response:
    if path in PAGES:
        return Response(_ASK, 401, {"Cache-Control": "no-store"}, "text/html; charset=utf-8")
    reply = error_reply(
        401,
        "WrongUse",
        "the server's token is needed",
        "the header Authorization: Bearer TOKEN, or ?token=TOKEN",
    )
    reply.headers["WWW-Authenticate"] = "Bearer"
    return reply
