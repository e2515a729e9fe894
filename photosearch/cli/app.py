"""The command line's frame: global options, and the commands of the modules beside this one.

Only the command that was asked for is imported and built: all of them together take 60 ms.
"""

from __future__ import annotations

import gc
import os
import sys
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from importlib import import_module
from typing import Annotated, Any

import typer
import typer.core
import typer.main

from photosearch.cli import output
from photosearch.cli.grouped import Grouped
from photosearch.cli.output import leave
from photosearch.resident.client import COMMANDS as SHORT
from photosearch.show.text import printable

# Name of the command → where it is, in the order of the help.
COMMANDS = {
    "index": "index.index",
    "watch": "watch.watch",
    "query": "query.query",
    "similar": "query.similar",
    "facts": "facts.facts",
    "classify": "classify.classify",
    "locate": "locate.locate",
    "duplicates": "duplicates.duplicates",
    "status": "photos.status",
    "export": "photos.export",
    "eval": "photos.evaluate",
    "prune": "upkeep.prune",
    "forget": "upkeep.forget",
    "relocate": "upkeep.relocate",
    "check": "check.check",
    "repair": "check.repair",
    "backup": "check.backup",
    "restore": "check.restore",
    "serve": "serve.serve",
    "mcp": "mcp.mcp",
    "models": "models.app",
}

_GROUPED = ("query", "similar", "serve")  # whose many options the help shows in groups


class _Late(Mapping[str, Any]):
    """The commands by name, each made when it is first asked for."""

    def __init__(self) -> None:
        self._made: dict[str, Any] = {}

    def __iter__(self) -> Iterator[str]:
        return iter(COMMANDS)

    def __len__(self) -> int:
        return len(COMMANDS)

    def __contains__(self, name: object) -> bool:
        return name in COMMANDS

    def __getitem__(self, name: str) -> Any:
        if name not in self._made:  # the help asks twice for each
            self._made[name] = self._make(name)
        return self._made[name]

    def _make(self, name: str) -> Any:
        module, _, thing = COMMANDS[name].partition(".")
        found = getattr(import_module(f"photosearch.cli.{module}"), thing)
        if isinstance(found, typer.Typer):
            return typer.main.get_group(found)
        alone = typer.Typer(add_completion=False, rich_markup_mode=None)
        alone.command(name, cls=Grouped if name in _GROUPED else None)(found)
        return typer.main.get_command(alone)


class _Commands(typer.core.TyperGroup):
    """All commands, whose complaints about wrong options show what was typed harmlessly."""

    def __init__(self, **named: Any) -> None:
        super().__init__(**named)
        self.commands = _Late()  # type: ignore[assignment]

    def make_context(self, *given: Any, **named: Any) -> Any:
        with _harmless():
            return super().make_context(*given, **named)

    def invoke(self, context: Any) -> Any:
        with _harmless():
            return super().invoke(context)


@contextmanager
def _harmless() -> Iterator[None]:
    try:
        yield
    except Exception as error:
        message = getattr(error, "message", None)
        if isinstance(message, str):
            error.message = printable(message)  # type: ignore[attr-defined]
        raise


app = typer.Typer(
    name="photosearch",
    cls=_Commands,
    help="Find the photo you see in your mind: search your own photos, on your own machine.",
    no_args_is_help=True,
    add_completion=True,
    pretty_exceptions_enable=False,
    # Plain help: the boxes cost 100 ms of imports, and break when piped.
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog='Start with: photosearch index ~/Pictures\n\nThen: photosearch query "a dog" -k 3',
)


def _show_version(wanted: bool) -> None:
    if wanted:
        from photosearch import __version__

        print(f"photosearch {__version__}")  # noqa: T201
        raise typer.Exit


@app.callback()
def _global_options(
    debug: Annotated[bool, typer.Option("--debug", help="Show where an error came from.")] = False,
    version: Annotated[
        bool,
        typer.Option("--version", help="Show the version.", callback=_show_version, is_eager=True),
    ] = False,
) -> None:
    output.debug = debug


def _make_haste() -> None:
    """For a process that imports, answers once and ends: 0.74 of a repeated query's CPU time.

    The threads of BLAS and OpenMP cost more to start, and to keep spinning while they wait, than
    one query gains by them; nothing is worth being looked for by the garbage collector.
    """
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    gc.disable()


def main() -> None:
    """The entry point of the `photosearch` command."""
    if any(word in SHORT for word in sys.argv[1:2]):  # those that a resident may answer, too
        _make_haste()
    output.open_streams()
    for stream in (sys.stdout, sys.stderr):
        # A name that the terminal's encoding lacks is shown escaped; it never ends the command.
        stream.reconfigure(errors="backslashreplace")  # type: ignore[union-attr]
    output.talk()
    if not sys.warnoptions:
        # What libraries think of damaged metadata is no word for users; python -W shows it.
        warnings.simplefilter("ignore")
    try:
        app()
        code = 0
    except SystemExit as end:
        code = end.code if isinstance(end.code, int) else 2
    except OSError as error:  # of --help and --version; commands mind their own
        if not output.is_of_answer(error):
            raise
        output.tell(f"the answer cannot be written: {error.strerror}")
        code = output.WRONG_USE
    leave(code)
