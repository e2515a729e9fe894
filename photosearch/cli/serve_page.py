"""`photosearch serve`: who may see the page, and what is said when it is there.

In: what was typed. Out: the page is served until Ctrl-C.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from photosearch.cli import output
from photosearch.cli.opened import open_library
from photosearch.cli.output import tell
from photosearch.errors import WrongUse
from photosearch.settings import TOKEN_VARIABLE
from photosearch.show.text import counted, printable

if TYPE_CHECKING:
    from photosearch.web.site import Terms

_PORT = 8420


def serve_page(
    folder: Path | None,
    model: str | None,
    host: str | None,
    port: int | None,
    token: str | None,
    names: Sequence[str],
    *,
    behind_proxy: bool,
    open_browser: bool,
) -> None:
    """Serve the page of a library until a signal comes."""
    from photosearch.web.hosts import split_host
    from photosearch.web.site import Terms

    host = "127.0.0.1" if host is None else host.strip().removeprefix("[").removesuffix("]")
    for name in names:
        if (parts := split_host(name)) is None or parts[1]:
            raise WrongUse(
                f"--allow-host {name!r} is no name of a machine", hint="--allow-host photos.lan"
            )
    if behind_proxy and not names:
        raise WrongUse(
            "--behind-proxy needs the name that browsers know the page by",
            hint="photosearch serve --behind-proxy --allow-host photos.example.org",
        )
    if token is None:
        token = os.environ.get(TOKEN_VARIABLE) or None
        source = TOKEN_VARIABLE
    else:
        source = "--token"
    allowed = tuple(name.strip().lower().rstrip(".") for name in names)
    terms = Terms(host, _PORT if port is None else port, token, allowed, behind_proxy)
    _check_token(terms, source)

    with open_library(folder, model) as opened:
        photos = opened.status().photos
        opened.encoder  # noqa: B018  (a model that cannot be had is told before the page is there)
        from photosearch.web.run import INTERRUPTED, listen, serve

        listening, terms = listen(terms)
        tell(f"{counted(photos, 'photo')} of {printable(opened.path)}")
        if not photos:
            tell("add some, while this runs: photosearch index ~/Pictures")

        def ready() -> None:
            _say_where(terms)
            if open_browser:
                _open_browser(terms)

        reason = serve(opened, terms, listening, ready, debug=output.debug)
    tell(f"ended: {reason}")
    if reason == INTERRUPTED:
        raise typer.Exit(output.INTERRUPTED)


def _check_token(terms: Terms, source: str) -> None:
    from photosearch.web.tokens import SHORTEST, new_token

    if terms.token is None:
        if not terms.is_local:
            raise WrongUse(
                f"--host {terms.host} would show every photo of the library, its place and its "
                "words to whoever reaches this machine over the network: it takes a token",
                hint=_with_token(new_token(), terms.host),
            )
    elif len(terms.token) < SHORTEST or not terms.token.isascii() or not terms.token.isprintable():
        raise WrongUse(
            f"{source}: at least {SHORTEST} letters, digits or signs of ASCII are needed",
            hint=f"{TOKEN_VARIABLE}={new_token()}",
        )


def _with_token(token: str, host: str) -> str:
    if os.name == "nt":  # whose shells set variables otherwise
        return f"photosearch serve --host {host} --token {token}"
    return f"{TOKEN_VARIABLE}={token} photosearch serve --host {host}"


def _say_where(terms: Terms) -> None:
    from photosearch.web.run import urls

    first, *others = urls(terms)
    if not terms.is_local:
        tell("whoever reaches this machine over the network and has the token sees all photos;")
        tell("what is sent is not encrypted: use it in networks that you trust")
    elif terms.token:
        tell("the page asks for the token")
    elif terms.behind_proxy:
        tell("whoever reaches the proxy sees all photos, unless it asks for a password itself;")
        tell(f"with {TOKEN_VARIABLE} set, the page asks for that")
    for url in others:
        tell(f"from other devices: {url}")
    if terms.behind_proxy:
        tell(f"for the proxy: {first.removesuffix('/')}")
        first = f"https://{terms.allowed_hosts[0]}/"
    tell(f"open {first} in a browser; Ctrl-C ends it")


def _open_browser(terms: Terms) -> None:
    from photosearch.web.desktop import can_open

    if not can_open():
        tell("there is no desktop here to open a browser on")
        return
    from photosearch.cli.forms import open_in_browser
    from photosearch.web.run import urls

    # In a thread: some browsers come back when they are closed.
    threading.Thread(target=open_in_browser, args=(urls(terms)[0],), daemon=True).start()
