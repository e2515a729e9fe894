"""A systemd user unit that runs a command.

In: the command's words, its environment. Out: the unit's text. Knows nothing of what is run.
"""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

UNIT_NAME = "photosearch-watch.service"

# What a user's service manager can do without being allowed more (systemd.exec(5)): no new rights,
# no odd system calls, little weight beside the work of people. ProtectSystem= and the like need
# user namespaces, which many systems forbid; photosearch opens photos for reading alone anyway.
_UNIT = """\
[Unit]
Description=photosearch: keep the photo library up to date
StartLimitIntervalSec=0

[Service]
ExecStart={command}
{environment}Restart=on-failure
RestartSec=30
# Wrong use, a damaged library: starting again would not help.
RestartPreventExitStatus=2
Nice=15
CPUSchedulingPolicy=batch
IOSchedulingClass=idle
NoNewPrivileges=yes
LockPersonality=yes
RestrictRealtime=yes
SystemCallArchitectures=native
UMask=0077
# A batch in flight is finished first.
TimeoutStopSec=90

[Install]
WantedBy=default.target
"""


def unit_text(command: Sequence[str], environment: Mapping[str, str]) -> str:
    """The unit. Raises ValueError where a word cannot be written in one."""
    lines = "".join(
        f"Environment={quoted(f'{name}={value}')}\n" for name, value in sorted(environment.items())
    )
    first, *rest = command
    words = [quoted(first, dollars=False), *(quoted(word, dollars=True) for word in rest)]
    return _UNIT.format(command=" ".join(words), environment=lines)


def quoted(word: str, *, dollars: bool = False) -> str:
    """A word as systemd reads it back: quoted where needed, % doubled, $ too in arguments."""
    word = word.replace("%", "%%")
    if dollars:
        word = word.replace("$", "$$")
    plain = word and all(char.isalnum() or char in "%$/._-=:@,+~" for char in word)
    if plain and word.isascii():
        return word
    return '"' + "".join(map(_escaped, word)) + '"'


def _escaped(char: str) -> str:
    code = ord(char)
    if 0xDC80 <= code <= 0xDCFF:  # a byte that is no UTF-8
        return f"\\x{code - 0xDC00:02x}"
    if char in '"\\':
        return "\\" + char
    if char == "\0":
        raise ValueError("a zero byte")
    return f"\\x{code:02x}" if code < 0x20 or code == 0x7F else char


def own_command() -> list[str]:
    """How this very program is started again, by absolute paths."""
    called = Path(sys.argv[0])
    if called.name == "photosearch":
        found = shutil.which(sys.argv[0])
        if found:
            return [os.path.abspath(found)]
    return [sys.executable, "-m", "photosearch"]


def unit_folder() -> Path:
    """Where a user's own units lie."""
    base = os.environ.get("XDG_CONFIG_HOME") or os.path.expanduser("~/.config")
    return Path(base) / "systemd" / "user"
