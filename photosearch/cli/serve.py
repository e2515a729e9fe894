"""`photosearch serve`: the page; `--socket`: stay, and answer the queries of the command line.

Here are the options of both, and which of them go together. What is said of the page is in
`serve_page`, of the socket in `resident`.
"""

from __future__ import annotations

import os
from typing import Annotated

import typer

from photosearch.cli import resident
from photosearch.cli.options import JsonOption, LibraryOption, ModelOption, seconds_of
from photosearch.cli.output import command
from photosearch.errors import WrongUse
from photosearch.settings import library_path

# Groups of options in its help.
PAGE = "The page"
OTHERS = "The page, for other people and devices"
COMMANDS = "For the command line"

_IDLE = "15m"


@command
def serve(
    context: typer.Context,
    port: Annotated[
        int | None,
        typer.Option(
            metavar="N",
            min=0,
            max=65535,
            help="The number after the colon of its address; 0: any that is free. [default: 8420]",
            rich_help_panel=PAGE,
        ),
    ] = None,
    open_browser: Annotated[
        bool, typer.Option("--open", help="Open the page in the browser.", rich_help_panel=PAGE)
    ] = False,
    host: Annotated[
        str | None,
        typer.Option(
            metavar="ADDRESS",
            help="127.0.0.1: this machine alone can reach it; 0.0.0.0: other devices of the "
            "network, too, with a token. [default: 127.0.0.1]",
            rich_help_panel=OTHERS,
        ),
    ] = None,
    token: Annotated[
        str | None,
        typer.Option(
            metavar="TEXT",
            help="A password: who has it may see the page. Other users of this machine can read a "
            "command line: the variable is safer. [env PHOTOSEARCH_TOKEN]",
            rich_help_panel=OTHERS,
        ),
    ] = None,
    allow_host: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME",
            help="A further name of this machine in the page's address. Repeatable.",
            rich_help_panel=OTHERS,
        ),
    ] = None,
    behind_proxy: Annotated[
        bool,
        typer.Option(
            "--behind-proxy",
            help="A web server with TLS (https) hands requests on to it: docs/web.md.",
            rich_help_panel=OTHERS,
        ),
    ] = False,
    socket: Annotated[
        bool,
        typer.Option(
            "--socket",
            help="No page: answer the command line, until idle or ended.",
            rich_help_panel=COMMANDS,
        ),
    ] = False,
    idle: Annotated[
        str | None,
        typer.Option(
            metavar="TIME",
            help="End after this long without a query; never: stay. [default: 15m]",
            rich_help_panel=COMMANDS,
        ),
    ] = None,
    status: Annotated[
        bool,
        typer.Option(
            "--status",
            help="Show the process of --socket, if there is one.",
            rich_help_panel=COMMANDS,
        ),
    ] = False,
    stop: Annotated[
        bool,
        typer.Option("--stop", help="End the process of --socket.", rich_help_panel=COMMANDS),
    ] = False,
    as_json: JsonOption = False,
    model: ModelOption = None,
    library: LibraryOption = None,
) -> None:
    """Search in a browser: a page of your own machine.

    Open the address that it prints; Ctrl-C ends it. Nobody else sees the page: it is served to
    you, on this machine alone, unless --host says otherwise, which takes a --token.

    With --socket there is no page: a process keeps the index and the model in memory, and query,
    similar, facts and status of this user are answered by it: the same output, in a tenth of the
    time. With PHOTOSEARCH_RESIDENT=1 a query starts one by itself; with 0 none is asked.

    \b
    Examples:
      photosearch serve --open
      photosearch serve --port 9000
      PHOTOSEARCH_TOKEN=… photosearch serve --host 0.0.0.0
      PHOTOSEARCH_TOKEN=… photosearch serve --behind-proxy --allow-host photos.example.org
      photosearch serve --socket --idle 8h &
      photosearch serve --status
      photosearch serve --stop
    """
    chosen = [name for name, on in (("--socket", socket), ("--status", status), ("--stop", stop))
              if on]  # fmt: skip
    if len(chosen) > 1:
        raise WrongUse(f"{' and '.join(chosen)} exclude each other")
    of_page = {"--port": port, "--host": host, "--token": token, "--allow-host": allow_host,
               "--open": open_browser or None, "--behind-proxy": behind_proxy or None}  # fmt: skip
    if chosen and (odd := [name for name, given in of_page.items() if given not in (None, [])]):
        raise WrongUse(f"{odd[0]} is for the page; with {chosen[0]} there is none")
    if idle is not None and chosen != ["--socket"]:
        raise WrongUse("--idle goes with --socket; the page stays until Ctrl-C")
    if as_json and chosen != ["--status"]:
        raise WrongUse("--json goes with --status")
    # As for one query: threads that wait for the next would keep the cores busy, and hits must be
    # those of a command that runs by itself. Read when numpy and faiss are loaded.
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    if not chosen:
        from photosearch.cli.serve_page import serve_page

        serve_page(
            library,
            model,
            host,
            port,
            token,
            allow_host or [],
            behind_proxy=behind_proxy,
            open_browser=open_browser,
        )
        return
    if os.name == "nt":
        raise WrongUse(
            f"{chosen[0]} takes Unix sockets, which Python has not on Windows",
            hint="photosearch serve, for the page",
        )
    folder = library_path(library)
    if status:
        resident.show(folder, as_json)
    elif stop:
        resident.end(folder)
    else:
        idle = idle or _IDLE
        seconds = None if idle == "never" else seconds_of("--idle", idle)
        resident.answer(folder, model, seconds, resident.runner(context.find_root()))
