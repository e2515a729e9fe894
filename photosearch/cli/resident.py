"""`photosearch serve --socket`, `--status`, `--stop`: the process that answers the command line.

In: a library and what was typed. Out: queries are answered until it ends; or a word on the one that
does. What is served over the socket is in `photosearch/resident/`.
"""

from __future__ import annotations

import gc
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from photosearch.cli import output
from photosearch.cli.opened import open_library, use
from photosearch.cli.output import NOTHING_FOUND, say, talk, tell, write_json
from photosearch.show.text import counted, printable, size_text

if TYPE_CHECKING:
    from photosearch.resident.record import Run


def runner(root: Any) -> Run:
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


def answer(folder: Path, model: str | None, idle: float | None, run: Run) -> None:
    """Answer the queries of one library until idle or told to end."""
    from photosearch import __version__
    from photosearch.resident.place import identity
    from photosearch.resident.server import INTERRUPTED, Server, Terms
    from photosearch.resident.start import listening, only_one
    from photosearch.resident.warm import Warm

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


def show(folder: Path, as_json: bool) -> None:
    """Say what answers for a library."""
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


def end(folder: Path) -> None:
    """End what answers for a library."""
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
