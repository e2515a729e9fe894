"""`photosearch serve`: the page; `--socket`: stay, and answer the queries of the command line.

What is served over a socket is in `resident/`; here are its options, and what it says. What is said
of the page is in `serve_page`.
"""

from __future__ import annotations

import gc
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from photosearch.cli import output
from photosearch.cli.opened import open_library, use
from photosearch.cli.options import JsonOption, LibraryOption, ModelOption, seconds_of
from photosearch.cli.output import NOTHING_FOUND, command, say, talk, tell, write_json
from photosearch.errors import WrongUse
from photosearch.settings import library_path
from photosearch.show.text import counted, printable, size_text

if TYPE_CHECKING:
    from photosearch.resident.record import Run

_IDLE = "15m"


@command
def serve(
    context: typer.Context,
    port: Annotated[
        int | None,
        typer.Option(
            metavar="N", min=0, max=65535, help="Port of the page; 0: any. [default: 8420]"
        ),
    ] = None,
    host: Annotated[
        str | None,
        typer.Option(
            metavar="ADDRESS",
            help="Address of the page; 0.0.0.0: of other devices, too. [default: 127.0.0.1]",
        ),
    ] = None,
    token: Annotated[
        str | None,
        typer.Option(
            metavar="TEXT",
            help="Who has it may see the page. Other users of this machine can read a command "
            "line: the variable is safer. [env PHOTOSEARCH_TOKEN]",
        ),
    ] = None,
    allow_host: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME", help="A further name of this machine in the page's URL. Repeatable."
        ),
    ] = None,
    open_browser: Annotated[
        bool, typer.Option("--open", help="Open the page in the browser.")
    ] = False,
    socket: Annotated[
        bool, typer.Option("--socket", help="Answer the command line, until idle or ended.")
    ] = False,
    idle: Annotated[
        str | None,
        typer.Option(
            metavar="TIME",
            help="With --socket: end after this long without a query; never: stay. [default: 15m]",
        ),
    ] = None,
    status: Annotated[
        bool, typer.Option("--status", help="Show the process of --socket, if any.")
    ] = False,
    stop: Annotated[bool, typer.Option("--stop", help="End the process of --socket.")] = False,
    as_json: JsonOption = False,
    model: ModelOption = None,
    library: LibraryOption = None,
) -> None:
    """Search in a browser: a page of your own machine.

    Open the address that it prints. Nobody else can reach the page: it is served to this machine
    alone, unless --host says otherwise, which takes a --token. Ctrl-C ends it.

    With --socket there is no page: a process keeps the index and the model in memory, and query,
    similar, facts and status of this user are answered by it: the same output, in a tenth of the
    time. With PHOTOSEARCH_RESIDENT=1 a query starts one by itself; with 0 none is asked.

    \b
    Examples:
      photosearch serve --open
      photosearch serve --port 9000
      PHOTOSEARCH_TOKEN=… photosearch serve --host 0.0.0.0
      photosearch serve --socket --idle 8h &
      photosearch serve --status
      photosearch serve --stop
    """
    chosen = [name for name, on in (("--socket", socket), ("--status", status), ("--stop", stop))
              if on]  # fmt: skip
    if len(chosen) > 1:
        raise WrongUse(f"{' and '.join(chosen)} exclude each other")
    of_page = {"--port": port, "--host": host, "--token": token, "--allow-host": allow_host,
               "--open": open_browser or None}  # fmt: skip
    if chosen and (odd := [name for name, given in of_page.items() if given not in (None, [])]):
        raise WrongUse(f"{odd[0]} is for the page; with {chosen[0]} there is none")
    if idle is not None and chosen != ["--socket"]:
        raise WrongUse("--idle goes with --socket; the page stays until Ctrl-C")
    if as_json and chosen != ["--status"]:
        raise WrongUse("--json goes with --status")
    if not chosen:
        from photosearch.cli.serve_page import serve_page

        serve_page(library, model, host, port, token, allow_host or [], open_browser)
        return
    if os.name == "nt":
        raise WrongUse(
            f"{chosen[0]} takes Unix sockets, which Python has not on Windows",
            hint="photosearch serve, for the page",
        )
    folder = library_path(library)
    if status:
        _show(folder, as_json)
    elif stop:
        _stop(folder)
    else:
        idle = idle or _IDLE
        seconds = None if idle == "never" else seconds_of("--idle", idle)
        _answer(folder, model, seconds, _runner(context.find_root()))


def _runner(root: Any) -> Run:
    """What runs a command line in this process, its commands built once: 10 ms a query."""
    from photosearch.resident.client import COMMANDS

    group = root.command
    group.commands = {name: group.commands[name] for name in COMMANDS}

    def run(arguments: list[str]) -> int:
        talk()
        try:
            group.main(args=arguments, prog_name=root.info_name)
        except SystemExit as end:
            return end.code if isinstance(end.code, int) else 2
        return 0

    return run


def _answer(folder: Path, model: str | None, idle: float | None, run: Run) -> None:
    from photosearch import __version__
    from photosearch.resident.place import identity
    from photosearch.resident.server import INTERRUPTED, Server, Terms
    from photosearch.resident.start import listening, only_one
    from photosearch.resident.warm import Warm

    # As for one query: threads that wait for the next would keep the cores busy, and hits must be
    # those of a command that runs by itself.
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    # As for one query by itself: threads that wait for the next one would keep the cores busy.
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    open_library(folder).close()  # says it where there is none
    sys.path[:] = [os.path.abspath(one) for one in sys.path]  # the folder changes by request

    with only_one(os.fspath(folder)) as path:
        warm = Warm(folder)

        def ready() -> None:
            ends = "" if idle is None else f"; ends after {_time_text(idle)} without one"
            tell(f"answering queries of {printable(folder)} with {printable(name)}{ends}")
            tell("end it by Ctrl-C, or: photosearch serve --stop")

        server = Server(warm, run, Terms(identity(__version__), idle, ready))
        name = server.prepare(model)
        gc.freeze()  # what is open now stays: no collection need look at it
        use(warm.open)
        os.chdir("/")  # no disk is kept from being unmounted
        with listening(path) as listener:
            reason = server.run(listener)
    tell(f"ended: {reason}")
    if reason == INTERRUPTED:
        raise typer.Exit(output.INTERRUPTED)


def start_later() -> None:
    """Start one in the background, for the next query of this command's library."""
    from photosearch.cli.unit import own_command
    from photosearch.resident.place import library_named
    from photosearch.resident.start import is_possible, program, start_later

    library = library_named(sys.argv[1:])
    if library and is_possible():
        start_later(own_command(), library, program())


def _show(folder: Path, as_json: bool) -> None:
    from photosearch.resident.start import running

    found = running(os.fspath(folder))
    if as_json:
        from dataclasses import asdict

        document = asdict(found) if found else None
        write_json({"version": 1, "running": document})
    if found is None:
        tell(f"no process answers for {printable(folder)} (photosearch serve --socket)")
        raise typer.Exit(NOTHING_FOUND)
    if as_json:
        return
    say(f"library   {printable(found.library)}")
    say(f"process   {found.pid}, running {_time_text(found.seconds)}, "
        f"{counted(found.answered, 'query', 'queries')} answered")  # fmt: skip
    say(f"models    {printable(found.models)}")
    if found.private_bytes:
        say(f"memory    {size_text(found.private_bytes)} of its own, and mapped files")
    say(f"ends      {'by itself, never' if found.idle_left < 0 else _left(found.idle_left)}")


def _left(seconds: int) -> str:
    return f"in {_time_text(seconds)}, if nothing is asked"


def _stop(folder: Path) -> None:
    from photosearch.resident.start import stop

    pid = stop(os.fspath(folder))
    if pid is None:
        tell(f"no process answers for {printable(folder)}")
        raise typer.Exit(NOTHING_FOUND)
    say(f"ended process {pid}")


def _time_text(seconds: float) -> str:
    for size, unit in ((3600, "h"), (60, "min")):
        if seconds >= 2 * size or (seconds >= size and seconds % size == 0):
            return f"{seconds / size:.3g} {unit}"
    return f"{seconds:.3g} s"
