"""`photosearch mcp`: tools for assistants, over standard input and output.

What the tools do is in `assistant/`; here are the options, and what it takes to be started by a
program that shows nobody what is said here.
"""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from photosearch.cli.options import LibraryOption, ModelOption
from photosearch.cli.output import INTERRUPTED, command, leave, tell, write_json
from photosearch.cli.unit import own_command
from photosearch.errors import MissingExtra
from photosearch.settings import (
    CACHE_VARIABLE,
    MODEL_VARIABLE,
    MODELS_VARIABLE,
    VECTORS_VARIABLE,
    library_path,
)
from photosearch.show.text import printable
from photosearch.store.files import catalogue_path

_KEPT = (CACHE_VARIABLE, MODEL_VARIABLE, MODELS_VARIABLE, VECTORS_VARIABLE)


@command
def mcp(
    thumbnails: Annotated[
        bool,
        typer.Option("--thumbnails/--no-thumbnails", help="Let the assistant look at photos."),
    ] = True,
    paths: Annotated[
        bool, typer.Option("--paths/--no-paths", help="Tell it where photos and folders lie.")
    ] = True,
    config: Annotated[
        bool, typer.Option("--config", help="Print the entry for an assistant's settings, and end.")
    ] = False,
    model: ModelOption = None,
    library: LibraryOption = None,
) -> None:
    """Let an assistant find photos (Model Context Protocol).

    An assistant that speaks MCP, such as Claude Desktop, starts this command and talks with it
    over standard input and output. It can search, read what is known of a photo, and look at small
    pictures of photos of the library; nothing is written, and no other file is read. What it gets
    to see leaves this machine if the assistant runs elsewhere: see docs/assistants.md.

    \b
    Examples:
      photosearch mcp --config
      photosearch mcp --no-thumbnails
    """
    folder = library_path(library)
    model = _whole(model) if model else None
    _settle_environment()
    if config:
        write_json(_entry(folder, model, thumbnails, paths))
        return
    # As in a query by itself: threads that wait for the next one would keep the cores busy.
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    try:
        from photosearch.assistant.server import serve
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] not in ("mcp", "mcp_types"):
            raise
        raise MissingExtra(
            "photosearch mcp takes the package mcp", hint='pip install "photosearch[mcp]"'
        ) from error
    from photosearch.assistant.desk import Desk
    from photosearch.assistant.tool import Terms

    if not catalogue_path(folder).exists():
        tell(f"there is no library in {printable(folder)} yet; until there is, each answer says so")
    if sys.stdin.isatty():
        tell("waiting for an assistant on standard input; Ctrl-C ends it")
        tell("its settings need an entry: photosearch mcp --config")
    # The thread that reads standard input cannot be told to end.
    signal.signal(signal.SIGINT, lambda *_: leave(INTERRUPTED))
    sys.path[:] = [os.path.abspath(one) for one in sys.path]
    os.chdir(os.path.abspath(os.sep))  # no name is taken to be relative, no disk kept mounted
    desk = Desk(folder, model)
    try:
        serve(desk, Terms(thumbnails=thumbnails, paths=paths))
    finally:
        desk.close()


def _settle_environment() -> None:
    """What it says of paths holds in any folder, and for the entry in an assistant's settings."""
    for name in _KEPT:
        given = os.environ.get(name)
        if given:
            is_folder = name in (CACHE_VARIABLE, MODELS_VARIABLE)
            os.environ[name] = (
                os.path.abspath(os.path.expanduser(given)) if is_folder else _whole(given)
            )


def _whole(name: str) -> str:
    """A path that does not depend on the folder it was typed in; other names as they are."""
    return os.path.abspath(name) if os.path.exists(name) else name


def _entry(folder: Path, model: str | None, thumbnails: bool, paths: bool) -> dict[str, Any]:
    """What stands in the settings of assistants: whole paths, for they know no others."""
    program, *words = own_command()
    words += ["mcp", "--library", os.fspath(folder)]
    words += ["--model", model] if model else []
    words += [] if thumbnails else ["--no-thumbnails"]
    words += [] if paths else ["--no-paths"]
    entry: dict[str, Any] = {"command": program, "args": words}
    environment = {name: os.environ[name] for name in _KEPT if os.environ.get(name)}
    if environment:
        entry["env"] = environment
    return {"mcpServers": {"photosearch": entry}}
