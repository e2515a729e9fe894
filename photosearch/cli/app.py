"""The command line's frame: global options, and the commands of the modules beside this one.

Only the command that was asked for is imported and built: all of them together take 60 ms.
"""

from __future__ import annotations

import gc
import os
import sys
import warnings
from collections.abc import Iterator, Mapping, Sequence
from importlib import import_module
from typing import Annotated, Any, NoReturn

import typer
import typer.main

from photosearch.cli import output
from photosearch.cli.grouped import Commands, Grouped
from photosearch.cli.output import leave
from photosearch.errors import PhotosearchError
from photosearch.resident.client import COMMANDS as SHORT

# Name of the command → where it is, in the groups and the order of the help.
_GROUPS = {
    "To find photos": {
        "index": "index.index",
        "query": "query.query",
        "similar": "query.similar",
        "serve": "serve.serve",
        "watch": "watch.watch",
    },
    "To learn more of them": {
        "facts": "facts.facts",
        "classify": "classify.classify",
        "locate": "locate.locate",
        "duplicates": "duplicates.duplicates",
    },
    "To look after the library": {
        "status": "photos.status",
        "prune": "upkeep.prune",
        "forget": "upkeep.forget",
        "relocate": "upkeep.relocate",
        "check": "check.check",
        "repair": "check.repair",
        "backup": "check.backup",
        "restore": "check.restore",
    },
    "Models, and other programs": {
        "models": "models.app",
        "export": "photos.export",
        "eval": "photos.evaluate",
        "mcp": "mcp.mcp",
    },
}
COMMANDS = {name: place for group in _GROUPS.values() for name, place in group.items()}


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
        alone.command(name, cls=Grouped)(found)
        return typer.main.get_command(alone)


class _Commands(Commands):
    """All commands, whose complaints are printed as all errors are."""

    groups = tuple((title, tuple(names)) for title, names in _GROUPS.items())

    def __init__(self, **named: Any) -> None:
        super().__init__(**named)
        self.commands = _Late()  # type: ignore[assignment]

    def main(self, args: Sequence[str] | None = None, *given: Any, **named: Any) -> NoReturn:
        typed = list(sys.argv[1:] if args is None else args)
        try:
            code = super().main(typed, *given, **{**named, "standalone_mode": False})
        except PhotosearchError as error:
            wrong = error
        except Exception as error:
            from photosearch.cli.complaints import complaint

            found = complaint(error, typed)
            if found is None:
                raise
            wrong = found
        else:
            sys.exit(code if isinstance(code, int) else 0)
        output.explain(wrong, as_json="--json" in typed)
        sys.exit(wrong.exit_code)


_HELP = """Find the photo you see in your mind.

Searches your own photos by what they show, on your own machine. They are indexed once, and only
read. The help of each command has examples: photosearch query --help.

\b
Examples:
  photosearch index ~/Pictures
  photosearch query "a dog on the beach"
  photosearch serve --open             the same in the browser
"""

app = typer.Typer(
    name="photosearch",
    cls=_Commands,
    help=_HELP,
    add_completion=True,
    pretty_exceptions_enable=False,
    # Plain help: the boxes cost 100 ms of imports, and break when piped.
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
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
    output.mind_interrupts()
    for stream in (sys.stdout, sys.stderr):
        # A name that the terminal's encoding lacks is shown escaped; it never ends the command.
        stream.reconfigure(errors="backslashreplace")  # type: ignore[union-attr]
    output.talk()
    if not sys.warnoptions:
        # What libraries think of damaged metadata is no word for users; python -W shows it.
        warnings.simplefilter("ignore")
    try:
        app(prog_name="photosearch")  # by `python -m photosearch` too, in hints and completion
        code = 0
    except SystemExit as end:
        code = end.code if isinstance(end.code, int) else 2
    except OSError as error:  # of --help and --version; commands mind their own
        if not output.is_of_answer(error):
            raise
        output.tell(f"the answer cannot be written: {error.strerror}")
        code = output.WRONG_USE
    leave(code)
