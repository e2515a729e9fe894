"""Tables that are made from the code: filters, commands, errors, the Python API.

In: nothing. Out: Markdown by name. Each is what the program itself goes by, so that a page cannot
say anything else.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from functools import cached_property
from typing import Any

from photosearch.errors import PhotosearchError
from scripts.pages.house import house

WIDTH = 80


def filters() -> str:
    """Each filter as option and qualifier, with its contrary."""
    from photosearch.search.filters import filters_table

    return filters_table().rstrip("\n")


def commands() -> str:
    """Each command with the first line of its help."""
    rows = [f"| `photosearch {name}` | {_first(one)} |" for name, one in _commands()]
    return "\n".join(["| Command | What it does |", "| --- | --- |", *rows])


def reference() -> str:
    """The whole help of each command."""
    import typer.main

    from photosearch.cli.app import app

    parts = ["```text\n" + _help(typer.main.get_command(app), "photosearch") + "\n```"]
    for name, one in _commands():
        parts.append(f"## {name}\n\n```text\n{_help(one, f'photosearch {name}')}\n```")
        for below, lower in getattr(one, "commands", {}).items():
            called = f"{name} {below}"
            parts.append(f"### {called}\n\n```text\n{_help(lower, f'photosearch {called}')}\n```")
    return "\n\n".join(parts)


def errors() -> str:
    """Each kind of error, and what it says of itself."""
    rows = [f"| `{kind.__name__}` | {_line(kind)} |" for kind in _below(PhotosearchError)]
    return "\n".join(["| `kind` | |", "| --- | --- |", *rows])


def api() -> str:
    """The public names, and the methods of a Library and of an Encoder, by their first lines."""
    import photosearch

    names = [name for name in photosearch.__all__ if not name.startswith("_")]
    parts = ["| Name | |", "| --- | --- |"]
    parts += [f"| `{name}` | {_line(getattr(photosearch, name))} |" for name in names]
    for kind in (photosearch.Library, photosearch.Encoder):
        parts += ["", f"| `{kind.__name__}` | |", "| --- | --- |"]
        for name, method in public_methods(kind):
            called = name if isinstance(method, property | cached_property) else f"{name}()"
            parts.append(f"| `{called}` | {_line(method)} |")
    return "\n".join(parts)


def public_methods(kind: type) -> list[tuple[str, Any]]:
    """Methods and properties of a class and of what it is made of, those it begins with first."""
    found: dict[str, Any] = {}
    for one in kind.__mro__[:-1]:
        for name, what in vars(one).items():
            if not name.startswith("_") and getattr(what, "__doc__", None):
                found.setdefault(name, what)
    return list(found.items())


def _line(thing: Any) -> str:
    return " ".join((thing.__doc__ or "").split("\n\n")[0].split()).replace("|", "\\|")


def _commands() -> Iterator[tuple[str, Any]]:
    import typer.main

    from photosearch.cli.app import COMMANDS, app

    group: Any = typer.main.get_command(app)
    for name in COMMANDS:
        yield name, group.commands[name]


def _first(one: Any) -> str:
    return (one.help or "").strip().splitlines()[0]


def _help(one: Any, called: str) -> str:
    context = one.make_context(called, [], resilient_parsing=True, terminal_width=WIDTH)
    text = one.get_help(context)
    return "\n".join(line.rstrip() for line in re.sub(r"\n{3,}", "\n\n", text).splitlines())


def _below(kind: type[PhotosearchError]) -> Iterator[type[PhotosearchError]]:
    for lower in kind.__subclasses__():
        if lower.__module__ == kind.__module__:  # not what tests or optional parts derive
            yield lower
            yield from _below(lower)


MADE: dict[str, Callable[[], str]] = {
    "filters": filters,
    "commands": commands,
    "reference": reference,
    "errors": errors,
    "house": house,
    "api": api,
}
