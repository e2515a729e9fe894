"""What a run did: photos indexed, words read, parts encoded, folders watched, tags given.

Frozen records; `as_dict` is the document of `--json` (docs/json.md). They carry `pathlib.Path`.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from photosearch.records import Failure


@dataclass(frozen=True, slots=True)
class WordsReport:
    """What one pass over the photos looking for printed words did. Counts are of photos."""

    read: int = 0
    with_words: int = 0  # of those, in how many something is printed
    unavailable: int = 0  # the file is not there now, or not as it was: left for another run
    left: int = 0  # not dealt with, because the run was stopped
    failed: tuple[Failure, ...] = ()
    seconds: float = 0.0

    def as_dict(self) -> dict[str, Any]:
        """As `--json` has it: docs/json.md."""
        return {
            "read": self.read,
            "with_words": self.with_words,
            "unavailable": self.unavailable,
            "left": self.left,
            "failed": [failure.as_dict() for failure in self.failed],
            "seconds": round(self.seconds, 3),
        }


@dataclass(frozen=True, slots=True)
class RegionsReport:
    """What one pass over the parts of photos did. Counts are of photos."""

    looked_at: int = 0
    unavailable: int = 0  # the file is not there now, or not as it was: left for another run
    left: int = 0  # not dealt with, because the run was stopped
    failed: tuple[Failure, ...] = ()
    seconds: float = 0.0

    def as_dict(self) -> dict[str, Any]:
        """As `--json` has it: docs/json.md."""
        return {
            "looked_at": self.looked_at,
            "unavailable": self.unavailable,
            "left": self.left,
            "failed": [failure.as_dict() for failure in self.failed],
            "seconds": round(self.seconds, 3),
        }


@dataclass(frozen=True, slots=True)
class IndexReport:
    """What one `index` run did. Counts are of files; `encoded` counts photos."""

    encoded: int = 0
    added: int = 0  # files holding a photo that was new to the library
    changed: int = 0  # known paths whose content is another photo now
    unchanged: int = 0
    moved: int = 0  # known photos at a new path, gone from an old one
    copied: int = 0  # known photos at a further path
    missing: int = 0  # files that were there at an earlier run and are not now
    returned: int = 0  # of the unchanged ones, how many had been missing
    read: int = 0  # files that were opened
    known_failures: int = 0  # failed at an earlier run, unchanged since, not tried again
    raw_skipped: int = 0  # raw files, for want of the optional decoder
    not_encoded: int = 0  # photos of the library without a vector of this run's model
    offline: tuple[Path, ...] = ()  # roots that are not there, or emptied: their files are kept
    failed: tuple[Failure, ...] = ()
    seconds: float = 0.0
    interrupted: bool = False
    dry_run: bool = False
    regions: RegionsReport | None = None  # None: the pass was left out, as the next
    words: WordsReport | None = None

    @property
    def photos_per_second(self) -> float:
        """Photos encoded a second of the whole run."""
        return self.encoded / self.seconds if self.seconds > 0 else 0.0

    def as_dict(self) -> dict[str, Any]:
        """The document of `index --json` (docs/json.md)."""
        return {
            "version": 1,
            "encoded": self.encoded,
            "added": self.added,
            "changed": self.changed,
            "unchanged": self.unchanged,
            "moved": self.moved,
            "copied": self.copied,
            "missing": self.missing,
            "returned": self.returned,
            "read": self.read,
            "known_failures": self.known_failures,
            "raw_skipped": self.raw_skipped,
            "not_encoded": self.not_encoded,
            "offline": [os.fspath(path) for path in self.offline],
            "failed": [failure.as_dict() for failure in self.failed],
            "seconds": round(self.seconds, 3),
            "photos_per_second": round(self.photos_per_second, 2),
            "interrupted": self.interrupted,
            "dry_run": self.dry_run,
            "regions": self.regions.as_dict() if self.regions else None,
            "words": self.words.as_dict() if self.words else None,
        }


@dataclass(frozen=True, slots=True)
class WatchReport:
    """What one run of a watch did: over photos, over printed words, or over neither."""

    at: datetime
    index: IndexReport | None = None
    words: WordsReport | None = None

    @property
    def did_something(self) -> bool:
        """Whether anything in the library is other than before."""
        index, words = self.index, self.words
        return bool(words and (words.read or words.failed)) or bool(
            index
            and (
                index.encoded
                or index.added
                or index.changed
                or index.moved
                or index.copied
                or index.missing
                or index.returned
                or index.failed
                or (index.regions and (index.regions.looked_at or index.regions.failed))
            )
        )

    def as_dict(self) -> dict[str, Any]:
        """A line of `watch --json` (docs/json.md)."""
        return {
            "version": 1,
            "at": self.at.isoformat(timespec="seconds"),
            "index": self.index.as_dict() if self.index else None,
            "words": self.words.as_dict() if self.words else None,
        }


@dataclass(frozen=True, slots=True)
class TagReport:
    """What a run that wrote tags did."""

    tags: tuple[tuple[str, int], ...]  # (label, photos that have it now), in the labels' order
    untagged: int  # photos whose best label was not probable enough
    scoring: str  # "softmax" or "sigmoid"

    def as_dict(self) -> dict[str, Any]:
        """As `--json` has it: docs/json.md."""
        return {
            "scoring": self.scoring,
            "tags": [{"label": label, "photos": photos} for label, photos in self.tags],
            "untagged": self.untagged,
        }
