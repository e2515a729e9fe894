"""A user's home folder and terminal, as the commands of the pages see them.

In: a command as a page shows it. Out: what the terminal shows, without progress bars and without
the names of this machine's folders. Knows nothing of pages.
"""

from __future__ import annotations

import fcntl
import os
import pty
import re
import shlex
import shutil
import struct
import subprocess
import sys
import tempfile
import termios
from pathlib import Path
from types import TracebackType

PROJECT = Path(__file__).parents[2]
SAMPLES = PROJECT / "examples" / "photos"
SHOWN_HOME = "/home/me"
COLUMNS, ROWS = 100, 50
SECONDS = 300  # of one command; reading the printed words of all samples takes 15 to 40

_BAR = re.compile(r"\d+%\||photos? \[\d+:\d+, |\[00:00, \?")
_ESCAPE = re.compile(r"\x1b(\][^\x07\x1b]*(\x07|\x1b\\)|\[[0-9;?]*[A-Za-z])")


class Failed(Exception):
    """A command of a page did not do what it is shown for."""


class Session:
    """One home folder with the sample photos in ~/Pictures; gone when its `with` block ends."""

    def __init__(self) -> None:
        self._folder = tempfile.TemporaryDirectory(prefix="photosearch-docs-")
        scratch = Path(self._folder.name).resolve()
        self.home, self._kept = scratch / "home", scratch / "kept"
        self.home.mkdir()
        shutil.copytree(SAMPLES, self.home / "Pictures", copy_function=shutil.copy2)
        (self.home / "Pictures" / "CREDITS.md").unlink()
        commands = scratch / "bin"
        commands.mkdir()
        door = commands / "photosearch"
        start = "import sys; sys.argv[0] = 'photosearch'; from photosearch.__main__ import main"
        door.write_text(
            f'#!/bin/sh\nexec {shlex.quote(sys.executable)} -c "{start}; main()" "$@"\n'
        )
        door.chmod(0o755)
        self.environment = {
            **{name: value for name, value in os.environ.items() if "PHOTOSEARCH" not in name},
            "PATH": f"{commands}{os.pathsep}{Path(sys.executable).parent}{os.pathsep}"
            + os.environ.get("PATH", ""),
            "PYTHONPATH": str(PROJECT),
            "HOME": str(self.home),
            "PHOTOSEARCH_LIBRARY": str(self.home / ".local/share/photosearch/library"),
            "PHOTOSEARCH_CACHE": str(self.home / ".cache/photosearch"),
            "PHOTOSEARCH_OFFLINE": "1",
            "PHOTOSEARCH_RESIDENT": "0",
            "HF_HOME": str(scratch / "hub"),
            "LC_ALL": "C.UTF-8",
            "TERM": "dumb",  # no links, colours or pictures
            "TZ": "UTC",
        }
        for name in ("XDG_DATA_HOME", "XDG_CACHE_HOME", "NO_COLOR", "COLUMNS", "LINES"):
            self.environment.pop(name, None)

    def __enter__(self) -> Session:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._folder.cleanup()

    def keep(self) -> None:
        """Remember all but the photos as it is now."""
        shutil.copytree(self.home, self._kept, ignore=lambda *_: {"Pictures"}, symlinks=True)

    def back(self) -> None:
        """Make it as it was when it was kept."""
        for path in self.home.iterdir():
            if path.name != "Pictures":
                shutil.rmtree(path) if path.is_dir() else path.unlink()
        shutil.copytree(self._kept, self.home, dirs_exist_ok=True, symlinks=True)

    def in_terminal(self, command: str) -> str:
        """What a terminal shows when this is typed."""
        ours, theirs = pty.openpty()
        fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", ROWS, COLUMNS, 0, 0))
        with subprocess.Popen(
            ["bash", "-c", command],
            stdin=subprocess.DEVNULL,
            stdout=theirs,
            stderr=theirs,
            cwd=self.home,
            env=self.environment,
        ) as process:
            os.close(theirs)
            shown = b""
            while piece := _read(ours):
                shown += piece
            os.close(ours)
            process.wait(SECONDS)
        return self._tidied(shown.decode(), command)

    def answer(self, command: str) -> str:
        """What it prints into a pipe."""
        done = subprocess.run(
            ["bash", "-c", command],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            cwd=self.home,
            env=self.environment,
            timeout=SECONDS,
        )
        if "Traceback" in done.stderr or not done.stdout:
            raise Failed(f"{command}: {done.stderr}")
        return self._tidied(done.stdout, command)

    def python(self, code: str) -> str:
        """Run a program that a page shows; gives what it prints."""
        done = subprocess.run(
            [sys.executable, "-c", code],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            cwd=self.home,
            env=self.environment,
            timeout=SECONDS,
        )
        if done.returncode:
            raise Failed(f"{code}\n{done.stderr}")
        return self._tidied(done.stdout, code)

    def _tidied(self, shown: str, command: str) -> str:
        lines = [_overwritten(_ESCAPE.sub("", line)) for line in shown.split("\n")]
        text = "\n".join(line.rstrip() for line in lines if not _BAR.search(line))
        text = text.replace(str(self.home), SHOWN_HOME).strip("\n")
        if "Traceback" in text:
            raise Failed(f"{command}\n{text}")
        return text


def _read(terminal: int) -> bytes:
    try:
        return os.read(terminal, 65536)
    except OSError:  # the last writer has left: Linux says so by an error
        return b""


def _overwritten(line: str) -> str:
    """A line as it stands when carriage returns have written over its beginning."""
    shown = ""
    for part in line.rstrip("\r").split("\r"):
        shown = part + shown[len(part) :]
    return shown
