"""Groups of files that show one picture.

Frozen records; `as_dict` is the document of `--json` (docs/json.md). They carry `pathlib.Path`.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from photosearch.records import Failure


@dataclass(frozen=True, slots=True)
class DuplicateFile:
    """One file of a group of duplicates."""

    path: Path
    photo: str  # SHA-256 of the file's content, hexadecimal
    relation: str  # kept, copy, link (the kept file by another path), same, altered, burst
    reason: str  # in words
    width: int  # pixels, upright
    height: int
    bytes: int
    format: str
    taken_at: str | None
    likeness: float | None = None  # 0..1, of its pixels to those of the kept one
    offline: bool = False  # it is not there at the moment
    lost: str | None = None  # what only this one has: never given to be removed
    mtime_ns: int = 0  # as it was indexed

    def as_dict(self) -> dict[str, Any]:
        """As `--json` has it: docs/json.md."""
        return {
            "path": os.fspath(self.path),
            "photo": self.photo,
            "relation": self.relation,
            "reason": self.reason,
            "width": self.width,
            "height": self.height,
            "bytes": self.bytes,
            "format": self.format,
            "taken_at": self.taken_at,
            "likeness": None if self.likeness is None else round(self.likeness, 4),
            "offline": self.offline,
            "lost": self.lost,
        }


@dataclass(frozen=True, slots=True)
class DuplicateGroup:
    """Files of one picture, the one to keep first."""

    files: tuple[DuplicateFile, ...]

    @property
    def kept(self) -> DuplicateFile:
        """The one to keep."""
        return self.files[0]

    @property
    def others(self) -> tuple[DuplicateFile, ...]:
        """All but the one to keep."""
        return self.files[1:]

    def as_dict(self) -> dict[str, Any]:
        """As `--json` has it: docs/json.md."""
        return {"files": [file.as_dict() for file in self.files]}


@dataclass(frozen=True, slots=True)
class DuplicatesReport:
    """Groups of duplicates, and what could not be looked at."""

    kind: str  # near, exact, burst
    groups: tuple[DuplicateGroup, ...] = ()
    photos: int = 0  # looked at
    hashed: int = 0  # of those, how many were opened for the first time
    compared: int = 0  # pairs whose pixels were compared by this run
    unavailable: int = 0  # photos whose file is not there now, or not as it was
    undated: int = 0  # of a burst: photos without a date
    failed: tuple[Failure, ...] = ()  # photos that cannot be decoded
    interrupted: bool = False
    seconds: float = 0.0

    def as_dict(self) -> dict[str, Any]:
        """The document of `duplicates --json` (docs/json.md)."""
        return {
            "version": 1,
            "kind": self.kind,
            "groups": [group.as_dict() for group in self.groups],
            "photos": self.photos,
            "hashed": self.hashed,
            "compared": self.compared,
            "unavailable": self.unavailable,
            "undated": self.undated,
            "failed": [failure.as_dict() for failure in self.failed],
            "interrupted": self.interrupted,
            "seconds": round(self.seconds, 3),
        }
