"""The command as people run it: a process of its own, its own library, no network."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

SAMPLES = Path(__file__).parents[1] / "examples" / "photos"


@dataclass(frozen=True)
class Done:
    """What a command left behind."""

    code: int
    out: bytes
    err: str

    @property
    def text(self) -> str:
        return self.out.decode()

    @property
    def lines(self) -> list[str]:
        return self.text.splitlines()

    @property
    def json(self) -> Any:
        return json.loads(self.out)

    def ended(self, code: int | None) -> Done:
        """Itself, if it ended with this code (None: any) and shows no traceback."""
        assert "Traceback" not in self.err, self.err
        assert code is None or self.code == code, f"exit {self.code}: {self.err}"
        return self


class Command:
    """`photosearch` with a library in a scratch folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.library = folder / "library"
        self.env = {
            **{name: value for name, value in os.environ.items() if "PHOTOSEARCH" not in name},
            "PHOTOSEARCH_LIBRARY": str(self.library),
            "PHOTOSEARCH_CACHE": str(folder / "cache"),
            "HOME": str(folder / "home"),
            "PHOTOSEARCH_OFFLINE": "1",
            # Reading takes longer than all else: tests that need words ask for them.
            "PHOTOSEARCH_WORDS": "0",
            "HF_HOME": str(folder / "hub"),
            "COLUMNS": "100",
        }

    def __call__(
        self,
        *arguments: str | Path | bytes,
        code: int | None = 0,
        stdin: bytes = b"",
        python: Sequence[str] = (),
        cwd: Path | None = None,
    ) -> Done:
        """Run it; `code` is the exit code that is expected, None for any."""
        done = subprocess.run(
            [sys.executable, *python, "-m", "photosearch", *map(os.fspath, arguments)],
            env=self.env,
            input=stdin,
            capture_output=True,
            timeout=600,
            cwd=cwd,
        )
        result = Done(done.returncode, done.stdout, done.stderr.decode(errors="replace"))
        return result.ended(code)


def copied(command: Command, folder: Path) -> Command:
    """The same library and cache once more, elsewhere."""
    copy = Command(folder)
    shutil.copytree(command.library, copy.library)
    if (command.folder / "cache").exists():
        shutil.copytree(command.folder / "cache", folder / "cache")
    return copy
