"""Run the server until it is told to end.

In: a Library and terms. Out: nothing, when it has ended.
"""

from __future__ import annotations

import socket
from collections.abc import Callable

import uvicorn

from photosearch.errors import WrongUse
from photosearch.library import Library
from photosearch.web.app import create_app
from photosearch.web.site import Terms


def listen(terms: Terms) -> socket.socket:
    """The socket to serve on; raises WrongUse where it cannot be had."""
    family = socket.AF_INET6 if ":" in terms.host else socket.AF_INET
    listening = socket.socket(family)
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listening.bind((terms.host, terms.port))
    except OSError as error:
        listening.close()
        raise WrongUse(
            f"--port {terms.port}: {error.strerror or error}",
            hint=f"another port: photosearch serve --port {terms.port + 1}",
        ) from error
    listening.listen(128)
    return listening


def serve(library: Library, terms: Terms, ready: Callable[[], None]) -> None:
    """Answer until Ctrl-C."""
    listening = listen(terms)
    app = create_app(library, terms)
    config = uvicorn.Config(app, access_log=False, log_level="warning", server_header=False)
    server = uvicorn.Server(config)
    ready()
    with listening:
        server.run([listening])
