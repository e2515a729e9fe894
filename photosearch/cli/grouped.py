"""The help of a command with many options, in groups.

In: options whose `rich_help_panel` names a group. Out: help as plain text, a section a group, in
the order in which groups first appear; options of none come last, under "Options".
"""

from __future__ import annotations

from typing import Any

import typer.core

_USUAL = "Options"


class Grouped(typer.core.TyperCommand):
    """A command that lists its options by their groups."""

    def format_options(self, ctx: Any, formatter: Any) -> None:
        sections: dict[str, list[tuple[str, str]]] = {"Arguments": [], _USUAL: []}
        for param in self.get_params(ctx):
            record = param.get_help_record(ctx)
            if record is not None:
                group = getattr(param, "rich_help_panel", None) or _USUAL
                section = "Arguments" if param.param_type_name == "argument" else group
                sections.setdefault(section, []).append(record)
        usual = sections.pop(_USUAL)
        for title, records in [*sections.items(), (_USUAL, usual)]:
            if records:
                with formatter.section(title):
                    formatter.write_dl(records)
