"""Run the server until it is told to end.

In: a Library and terms. Out: why it ended. Nothing is logged of a request, unless debugging.
"""

from __future__ import annotations

import asyncio
import errno
import os
import signal
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from types import FrameType

import uvicorn

from photosearch.ending import ended_by
from photosearch.errors import WrongUse
from photosearch.library import Library
from photosearch.web.app import create_app
from photosearch.web.connection import IDLE_SECONDS, connections
from photosearch.web.hosts import EVERYWHERE
from photosearch.web.site import Terms

INTERRUPTED = "interrupted"
TOLD = "told to end"

_CONNECTIONS = 500  # at once; more are told to come back


def listen(terms: Terms) -> tuple[socket.socket, Terms]:
    """The socket to serve on, and the terms with its port; WrongUse where it cannot be had."""
    try:
        found = socket.getaddrinfo(
            terms.host or None, terms.port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )
    except (OSError, UnicodeError):
        raise WrongUse(
            f"--host {terms.host}: no such address", hint="--host 127.0.0.1, for yourself alone"
        ) from None
    # "localhost" may be two: the older one is what browsers try as well.
    family, kind, protocol, _, address = min(found, key=lambda one: one[0] != socket.AF_INET)
    # The protocol by its number: asyncio lets small replies out at once (TCP_NODELAY) only where it
    # sees that. Else each one on a kept connection waits 40 ms for the client's acknowledgement.
    listening = socket.socket(family, kind, protocol or socket.IPPROTO_TCP)
    try:
        if os.name == "nt":  # where SO_REUSEADDR means that two may have one port
            exclusive = getattr(socket, "SO_EXCLUSIVEADDRUSE", -5)
            listening.setsockopt(socket.SOL_SOCKET, exclusive, 1)
        else:
            listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind(address)
        listening.listen(128)
    except OSError as error:
        listening.close()
        raise _no_socket(terms, error) from error
    return listening, replace(terms, port=listening.getsockname()[1])


def _no_socket(terms: Terms, error: OSError) -> WrongUse:
    port = terms.port
    if error.errno == errno.EADDRINUSE:
        host = "127.0.0.1" if terms.host in EVERYWHERE else terms.host
        if is_photosearch(host, port):
            return WrongUse(
                f"--port {port}: photosearch serves a page there already: {url_of(host, port)}",
                hint=f"open it in a browser, or photosearch serve --port {port + 1}",
            )
        return WrongUse(
            f"--port {port} is in use by another program",
            hint=f"photosearch serve --port {port + 1}",
        )
    if error.errno == errno.EACCES:
        return WrongUse(f"--port {port}: the system lets only its own programs have it",
                        hint="photosearch serve --port 8420")  # fmt: skip
    if error.errno == errno.EADDRNOTAVAIL:
        return WrongUse(f"--host {terms.host}: this machine has no such address",
                        hint="--host 127.0.0.1, for yourself alone")  # fmt: skip
    return WrongUse(f"--host {terms.host} --port {port}: {error.strerror or error}")


def is_photosearch(host: str, port: int) -> bool:
    """Whether what answers at an address is a photosearch, with or without a token."""
    from http.client import HTTPConnection, HTTPException

    connection = HTTPConnection(host, port, timeout=1)
    try:
        connection.request("GET", "/openapi.json")
        answer = connection.getresponse()
        start = answer.read(200)
    except (OSError, HTTPException):
        return False
    finally:
        connection.close()
    return b'"title":"photosearch"' in start or start.startswith(b'{"version":1,"error":')


def url_of(host: str, port: int) -> str:
    return f"http://{f'[{host}]' if ':' in host else host}:{port}/"


def urls(terms: Terms) -> list[str]:
    """Where the page is to be found, from this machine and, if it is served so, from others."""
    if terms.host not in EVERYWHERE:
        return [url_of(terms.host, terms.port)]
    names = ["127.0.0.1", _own_address()]
    return [url_of(name, terms.port) for name in names if name]


def _own_address() -> str:
    """This machine's address in its network, "" where it has none. Nothing is sent."""
    with suppress(OSError), socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.connect(("192.0.2.1", 9))  # an address that is kept for examples
        return str(probe.getsockname()[0])
    return ""


def serve(
    library: Library,
    terms: Terms,
    listening: socket.socket,
    ready: Callable[[], None],
    *,
    debug: bool = False,
) -> str:
    """Answer until a signal comes; gives why it ended."""
    config = uvicorn.Config(
        create_app(library, terms),
        # h11, always: what is installed beside it must not change what is understood.
        http=connections(for_one_user=terms.for_one_user),
        ws="none",
        loop="asyncio",
        lifespan="on",
        proxy_headers=False,  # nobody's word is taken for who asks
        server_header=False,
        access_log=debug,
        log_config=None if not debug else uvicorn.config.LOGGING_CONFIG,
        log_level="info" if debug else "critical",
        limit_concurrency=_CONNECTIONS,
        timeout_keep_alive=round(IDLE_SECONDS),
        timeout_graceful_shutdown=1,
    )
    server = _Server(config, ready)
    with listening:
        asyncio.run(server.serve([listening]))
    return server.reason


class _Server(uvicorn.Server):
    """uvicorn's own, but for signals: it would raise them anew when it has ended."""

    def __init__(self, config: uvicorn.Config, ready: Callable[[], None]) -> None:
        super().__init__(config)
        self._ready = ready
        self.reason = TOLD

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        if self.started:
            self._ready()

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        if threading.current_thread() is not threading.main_thread():
            yield  # signals are the main thread's
            return
        with ended_by(self.handle_exit):
            yield

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        if sig == signal.SIGINT and not self.should_exit:
            self.reason = INTERRUPTED
        self.force_exit = self.should_exit  # told twice: nothing is waited for
        self.should_exit = True
