"""Whether a library is whole, and where its folders were taken.

Frozen records; `as_dict` is the document of `--json` (docs/json.md). They carry `pathlib.Path`.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

NOTE, REPAIRABLE, LOST = "note", "repairable", "lost"


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that `check` found."""

    kind: str
    message: str
    count: int = 1
    severity: str = NOTE
    hint: str = ""

    def as_dict(self) -> dict[str, Any]:
        """As `--json` has it: docs/json.md."""
        return {
            "kind": self.kind,
            "message": self.message,
            "count": self.count,
            "severity": self.severity,
            "hint": self.hint or None,
        }


@dataclass(frozen=True, slots=True)
class CheckReport:
    """What `check` looked at and found."""

    library: Path
    problems: tuple[Problem, ...]  # what is wrong; of a repair: what is still wrong or is lost
    notes: tuple[Problem, ...]  # what is worth knowing, and no fault
    checked: dict[str, int]  # rows of each table, vector files, files looked at
    repaired: tuple[Problem, ...] = ()  # what was wrong and is not any more
    backup: Path | None = None  # where the catalogue is kept as it was before the repair
    seconds: float = 0.0

    @property
    def ok(self) -> bool:
        """Whether nothing is wrong."""
        return not self.problems

    def as_dict(self) -> dict[str, Any]:
        """The document of `check --json` (docs/json.md)."""
        return {
            "version": 1,
            "library": os.fspath(self.library),
            "ok": self.ok,
            "problems": [problem.as_dict() for problem in self.problems],
            "notes": [note.as_dict() for note in self.notes],
            "checked": dict(self.checked),
            "repaired": [problem.as_dict() for problem in self.repaired],
            "backup": os.fspath(self.backup) if self.backup else None,
            "seconds": round(self.seconds, 3),
        }


@dataclass(frozen=True, slots=True)
class Relocated:
    """Where indexed folders were taken to lie from now on."""

    roots: tuple[tuple[Path, Path], ...]  # (old, new)
    files: int
    sampled: int  # files that were looked for at the new place
    agreed: int  # of those, found there with the same size
    dry_run: bool = False

    def as_dict(self) -> dict[str, Any]:
        """As `--json` has it: docs/json.md."""
        return {
            "version": 1,
            "roots": [{"old": os.fspath(old), "new": os.fspath(new)} for old, new in self.roots],
            "files": self.files,
            "sampled": self.sampled,
            "agreed": self.agreed,
            "dry_run": self.dry_run,
        }
