"""One page with its outputs as the program gives them now.

In: a page's text. Out: the same text, in which every output stands as the page had it where that
says the same (compare.py), and as it is now where it does not.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

from scripts.pages.compare import same
from scripts.pages.made import MADE
from scripts.pages.session import Session

_CONSOLE = re.compile(r"^```console\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_JSON = re.compile(r"^<!-- runs: (.+?) -->\n```json\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_MADE = re.compile(r"^<!-- made: (\w+) -->\n(.*?)^<!-- end -->$", re.MULTILINE | re.DOTALL)
_PYTHON = re.compile(
    r"(?:^<!-- with: (.+?) -->\n)?^```python\n(.*?)^```$", re.MULTILINE | re.DOTALL
)
_ONE_LINE = 96  # a JSON value that is no longer stays on its line


class Writer:
    """The pages in turn. A block that a later page has, too, such as a translation, runs once."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._ran: dict[tuple[str, ...], list[str]] = {}

    def written(self, page: str) -> str:
        """The page, with all outputs in it brought up to date."""
        page = _MADE.sub(lambda found: self._made(*found.groups()), page)
        page = _CONSOLE.sub(lambda found: self._console(found.group(1)), page)
        return _JSON.sub(lambda found: self._json(*found.groups()), page)

    def _made(self, name: str, old: str) -> str:
        return f"<!-- made: {name} -->\n{MADE[name]()}\n<!-- end -->"

    def _console(self, block: str) -> str:
        shown = list(_commands(block))
        commands = tuple(command for command, _ in shown)
        if commands not in self._ran:
            self._ran[commands] = [self._output(command, old) for command, old in shown]
        parts = []
        for command, output in zip(commands, self._ran[commands], strict=True):
            parts.append(f"$ {command}\n{output}".rstrip("\n") + "\n")
        return "```console\n" + "\n".join(parts) + "```"

    def _output(self, command: str, old: str) -> str:
        now = self._session.in_terminal(command.replace("\\\n", " "))
        return old if same(old, now) else now

    def _json(self, command: str, old: str) -> str:
        now = compact(json.loads(self._session.answer(command)))
        return f"<!-- runs: {command} -->\n```json\n{old.rstrip() if same(old, now) else now}\n```"


def programs(page: str) -> list[str]:
    """The Python of a page, each block with the line that it takes for granted before it."""
    return [f"{given}\n{code}" for given, code in _PYTHON.findall(page)]


def _commands(block: str) -> Iterator[tuple[str, str]]:
    """Each command of a console block, and the output below it."""
    command, output = "", ""
    for line in block.splitlines():
        if line.startswith("$ "):
            if command:
                yield command, output.strip("\n")
            command, output = line[2:], ""
        elif command.endswith("\\") and not output:
            command += "\n" + line
        else:
            output += line + "\n"
    if command:
        yield command, output.strip("\n")


def compact(value: Any, indent: int = 0) -> str:
    """JSON for a person: what fits on a line is on one."""
    line = json.dumps(value, ensure_ascii=False)
    if len(line) + indent <= _ONE_LINE or not isinstance(value, (dict, list)) or not value:
        return line
    inner = " " * (indent + 2)
    if isinstance(value, dict):
        parts = [f"{json.dumps(key)}: {compact(one, indent + 2)}" for key, one in value.items()]
    else:
        parts = [compact(one, indent + 2) for one in value]
    start, end = ("{", "}") if isinstance(value, dict) else ("[", "]")
    return start + "\n" + ",\n".join(inner + part for part in parts) + f"\n{' ' * indent}{end}"
