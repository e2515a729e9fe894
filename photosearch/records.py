"""Frozen records that cross floors: what one stage hands to the next.

Paths inside the library are bytes (`os.fsencode`), because file names are bytes: a name that is no
valid UTF-8 must survive. Records for the outside (`Hit`, `Failure`) carry `pathlib.Path`.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any


@dataclass(frozen=True, slots=True)
class FoundFile:
    """A regular file that may be a photo, found by the walk; nothing of it has been read."""

    path: bytes  # relative to its root, with "/" between the parts
    size: int
    mtime_ns: int
    unsure: bool = False  # no suffix: only its content can tell


@dataclass(frozen=True, slots=True)
class Skipped:
    """Something the walk could not look into, such as a folder without permission."""

    path: bytes
    reason: str


@dataclass(frozen=True, slots=True)
class Facts:
    """What the camera wrote. Everything may be unknown.

    taken_at is ISO 8601, in the wall-clock time of the place, with an offset where it is known.
    """

    taken_at: str | None = None
    make: str | None = None
    camera: str | None = None
    lens: str | None = None
    latitude: float | None = None  # decimal degrees, north positive
    longitude: float | None = None  # decimal degrees, east positive
    altitude: float | None = None  # metres above sea level
    orientation: int | None = None  # the EXIF value, 1-8, as the file has it
    iso: int | None = None
    f_number: float | None = None
    exposure: float | None = None  # seconds
    focal_length: float | None = None  # millimetres


@dataclass(frozen=True, slots=True)
class Photo:
    """A photo is its bytes: identity is the SHA-256 digest of the file's content."""

    digest: bytes
    bytes: int
    format: str
    width: int  # pixels, after the orientation is applied
    height: int
    facts: Facts = field(default_factory=Facts)


@dataclass(frozen=True, slots=True)
class Failure:
    """A file that could not be indexed, and why."""

    path: Path
    reason: str

    def as_dict(self) -> dict[str, Any]:
        return {"path": os.fspath(self.path), "reason": self.reason}


@dataclass(frozen=True, slots=True)
class Progress:
    """Where a run stands: counts of photos, all since the run began."""

    done: int  # files dealt with that had to be read
    total: int | None  # files that have to be read, when it is known
    encoded: int
    failed: int


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
    read: int = 0  # files that were opened
    known_failures: int = 0  # failed at an earlier run, unchanged since, not tried again
    raw_skipped: int = 0  # raw files, for want of the optional decoder
    not_encoded: int = 0  # photos of the library without a vector of this run's model
    offline: tuple[Path, ...] = ()  # roots that are not there, or emptied: their files are kept
    failed: tuple[Failure, ...] = ()
    seconds: float = 0.0
    interrupted: bool = False
    dry_run: bool = False

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
        }


@dataclass(frozen=True, slots=True)
class Hit:
    """One photo found, with the reason.

    score is a cosine, or a weighted sum of them for a mixed query: comparable only within one
    query and one model. evidence says why, by kind: {"looks_like": {"cosine": 0.41, "rank": 1}}.
    """

    rank: int  # from 1
    path: Path
    score: float
    photo: str  # SHA-256 of the file's content, hexadecimal
    photo_id: int
    width: int
    height: int
    taken_at: str | None
    evidence: Mapping[str, Any]
    copies: tuple[Path, ...] = ()  # further paths of the same photo
    offline: bool = False  # its root is not there at the moment

    def as_dict(self) -> dict[str, Any]:
        return {
            "rank": self.rank,
            "path": os.fspath(self.path),
            "score": round(self.score, 6),
            "photo": self.photo,
            "width": self.width,
            "height": self.height,
            "taken_at": self.taken_at,
            "offline": self.offline,
            "copies": [os.fspath(path) for path in self.copies],
            "evidence": dict(self.evidence),
        }


@dataclass(frozen=True, slots=True)
class Classified:
    """One photo and the labels that fit it, best first.

    scoring "softmax": probabilities are shares among all labels asked about, and add up to 1 even
    where none fits. "sigmoid": each label is judged by itself.
    """

    path: Path | None  # None for an image that was given in memory
    labels: tuple[tuple[str, float], ...]  # (label, probability), best first
    scoring: str  # "softmax" or "sigmoid"

    @property
    def best(self) -> str:
        """The label that fits best."""
        return self.labels[0][0]

    def as_dict(self) -> dict[str, Any]:
        return {
            "path": None if self.path is None else os.fspath(self.path),
            "scoring": self.scoring,
            "labels": [
                {"label": label, "probability": round(probability, 6)}
                for label, probability in self.labels
            ],
        }


@dataclass(frozen=True, slots=True)
class TagReport:
    """What a run that wrote tags did."""

    tags: tuple[tuple[str, int], ...]  # (label, photos that have it now), in the labels' order
    untagged: int  # photos whose best label was not probable enough
    scoring: str  # "softmax" or "sigmoid"

    def as_dict(self) -> dict[str, Any]:
        return {
            "scoring": self.scoring,
            "tags": [{"label": label, "photos": photos} for label, photos in self.tags],
            "untagged": self.untagged,
        }


@dataclass(frozen=True, slots=True)
class RootStatus:
    """One indexed folder."""

    path: Path
    files: int
    missing: int
    online: bool


@dataclass(frozen=True, slots=True)
class Agreement:
    """Cosines between a model's vectors and those of a smaller form of it, on the same photos."""

    mean: float
    least: float
    photos: int

    def as_dict(self) -> dict[str, Any]:
        return {"mean": round(self.mean, 6), "least": round(self.least, 6), "photos": self.photos}


@dataclass(frozen=True, slots=True)
class ModelStatus:
    """One model whose vectors the library holds."""

    name: str
    key: str
    dim: int
    vectors: int
    current: bool  # the library's own model: queries use it unless told otherwise
    agreement: Agreement | None = None  # of an 8-bit form with the float32 model


@dataclass(frozen=True, slots=True)
class Status:
    """What is in a library."""

    library: Path
    schema: int
    photos: int  # photos that lie at one or more paths
    files: int
    missing: int
    forgotten: int  # photos at no path any more: `prune` removes them
    failures: int
    catalogue_bytes: int
    vectors_bytes: int
    roots: tuple[RootStatus, ...]
    models: tuple[ModelStatus, ...]
    writer: str | None  # who is indexing at this moment

    def as_dict(self) -> dict[str, Any]:
        return {
            "version": 1,
            "library": os.fspath(self.library),
            "schema": self.schema,
            "photos": self.photos,
            "files": self.files,
            "missing": self.missing,
            "forgotten": self.forgotten,
            "failures": self.failures,
            "bytes": {"catalogue": self.catalogue_bytes, "vectors": self.vectors_bytes},
            "roots": [
                {
                    "path": os.fspath(root.path),
                    "files": root.files,
                    "missing": root.missing,
                    "online": root.online,
                }
                for root in self.roots
            ],
            "models": [
                {
                    "name": model.name,
                    "key": model.key,
                    "dim": model.dim,
                    "vectors": model.vectors,
                    "current": model.current,
                    "cosine_to_float32": model.agreement.as_dict() if model.agreement else None,
                }
                for model in self.models
            ],
            "writer": self.writer,
        }


@dataclass(frozen=True, slots=True)
class Recall:
    """How well one direction of retrieval works: shares in percent, ranks from 1."""

    queries: int
    recall_at_1: float
    recall_at_5: float
    recall_at_10: float
    median_rank: float

    def as_dict(self) -> dict[str, Any]:
        return {
            "queries": self.queries,
            "recall@1": round(self.recall_at_1, 2),
            "recall@5": round(self.recall_at_5, 2),
            "recall@10": round(self.recall_at_10, 2),
            "median_rank": self.median_rank,
        }


@dataclass(frozen=True, slots=True)
class EvalReport:
    """Recall of captions against their photos."""

    model: str
    photos: int
    text_to_image: Recall
    image_to_text: Recall

    def as_dict(self) -> dict[str, Any]:
        return {
            "version": 1,
            "model": self.model,
            "photos": self.photos,
            "text_to_image": self.text_to_image.as_dict(),
            "image_to_text": self.image_to_text.as_dict(),
        }
