"""Commands and options as the help shows them: in groups, and fit for a narrow terminal.

In: commands and options whose `rich_help_panel` names a group. Out: help as plain text, a section a
group, in the order in which groups first appear; what is of none comes last, under the usual
title. And a command that there is not: which one may have been meant.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable
from typing import Any

import typer
import typer.core

from photosearch.cli.output import WRONG_USE, terminal_width

_OPTIONS = "Options"
_NARROW = 60  # below it, explanations stand under what they explain
_LEAST = 24


def _fit(context: Any) -> None:
    """As wide as the terminal: unasked, help takes 50 columns at least, and lines break twice."""
    width = terminal_width()
    if width < _NARROW:
        context.terminal_width = max(width, _LEAST) - 1


def _write(formatter: Any, title: str, rows: list[tuple[str, str]], narrow: int) -> None:
    with formatter.section(title):
        formatter.write_dl(rows, col_max=narrow if formatter.width < _NARROW else 30)


def _write_options(command: Any, context: Any, formatter: Any) -> None:
    sections: dict[str, list[tuple[str, str]]] = {"Arguments": []}
    for param in command.get_params(context):
        record = param.get_help_record(context)
        if record is not None:
            group = getattr(param, "rich_help_panel", None) or _OPTIONS
            section = "Arguments" if param.param_type_name == "argument" else group
            sections.setdefault(section, []).append(record)
    usual = sections.pop(_OPTIONS, [])
    for title, records in [*sections.items(), (_OPTIONS, usual)]:
        if records:
            _write(formatter, title, records, narrow=4)


class Grouped(typer.core.TyperCommand):
    """A command that lists its options by their groups."""

    def get_help(self, ctx: Any) -> str:
        _fit(ctx)
        return super().get_help(ctx)

    def format_options(self, ctx: Any, formatter: Any) -> None:
        _write_options(self, ctx, formatter)


class Commands(typer.core.TyperGroup):
    """Commands under one name; alone it shows its help."""

    groups: Iterable[tuple[str, tuple[str, ...]]] = ()

    def get_help(self, ctx: Any) -> str:
        _fit(ctx)
        return super().get_help(ctx)

    def format_options(self, ctx: Any, formatter: Any) -> None:
        groups = self.groups or [("Commands", tuple(self.commands))]
        for title, names in groups:
            found = [(name, self.commands[name]) for name in names]
            rows = [(name, command.get_short_help_str(60)) for name, command in found]
            _write(formatter, title, rows, narrow=11)
        _write_options(self, ctx, formatter)

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        if not args and not ctx.resilient_parsing:
            sys.stderr.write(f"{self.get_help(ctx)}\n")
            raise typer.Exit(WRONG_USE)
        return super().parse_args(ctx, args)

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        known = self.commands
        if args[0] in known or args[0].startswith("-") or ctx.resilient_parsing:
            return super().resolve_command(ctx, args)
        from photosearch.cli.complaints import no_such_command

        raise no_such_command(ctx.command_path, args, list(known))
