"""Frozen records that cross floors: what one stage hands to the next.

Paths inside the library are bytes (`os.fsencode`), because file names are bytes: a name that is no
valid UTF-8 must survive. Records for the outside (`Hit`, `Failure`) carry `pathlib.Path`.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

# A hit of less relevance is called weak: it is calibrated, so that is less than an even chance.
WEAK_BELOW = 0.5


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
class Line:
    """One line of printed words, as a reader found it in a photo."""

    text: str
    confidence: float  # 0..1
    # Four corners (x, y), clockwise from the text's own top-left, in the upright photo's pixels.
    box: tuple[tuple[float, float], ...]

    def as_dict(self) -> dict[str, Any]:
        return {
            "text": self.text,
            "confidence": round(self.confidence, 4),
            "box": [[round(x, 1), round(y, 1)] for x, y in self.box],
        }


@dataclass(frozen=True, slots=True)
class Failure:
    """A file that could not be indexed, and why."""

    path: Path
    reason: str

    def as_dict(self) -> dict[str, Any]:
        return {"path": os.fspath(self.path), "reason": self.reason}


@dataclass(frozen=True, slots=True)
class Progress:
    """Where a run stands: counts of photos, all since the stage began."""

    done: int  # files dealt with that had to be read
    total: int | None  # files that have to be read, when it is known
    encoded: int
    failed: int
    stage: str = "photos"  # "words": the second pass, which looks for printed words


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
        return {
            "read": self.read,
            "with_words": self.with_words,
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
    read: int = 0  # files that were opened
    known_failures: int = 0  # failed at an earlier run, unchanged since, not tried again
    raw_skipped: int = 0  # raw files, for want of the optional decoder
    not_encoded: int = 0  # photos of the library without a vector of this run's model
    offline: tuple[Path, ...] = ()  # roots that are not there, or emptied: their files are kept
    failed: tuple[Failure, ...] = ()
    seconds: float = 0.0
    interrupted: bool = False
    dry_run: bool = False
    words: WordsReport | None = None  # None: the pass was left out

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
            "words": self.words.as_dict() if self.words else None,
        }


@dataclass(frozen=True, slots=True)
class Hit:
    """One photo found, with the reason.

    score is a cosine, or a weighted sum of them for a mixed query: comparable only within one
    query and one model. Of printed words alone it is the share of them that was read; photos
    listed without a query have none. evidence says why, by kind:
    {"looks_like": {"cosine": 0.41, "rank": 1, "relevance": 0.93},
     "reads": {"text": "EXIT", "confidence": 0.98, "box": [[x, y], ...], ...}}.
    """

    rank: int  # from 1
    path: Path
    score: float | None
    photo: str  # SHA-256 of the file's content, hexadecimal
    photo_id: int
    width: int
    height: int
    taken_at: str | None
    evidence: Mapping[str, Any]
    relevance: float | None = None  # 0..1, how sure it is that this was asked for; None: not judged
    copies: tuple[Path, ...] = ()  # further paths of the same photo
    offline: bool = False  # its root is not there at the moment

    @property
    def is_weak(self) -> bool:
        """Whether it is more likely not what was asked for."""
        return self.relevance is not None and self.relevance < WEAK_BELOW

    def as_dict(self) -> dict[str, Any]:
        return {
            "rank": self.rank,
            "path": os.fspath(self.path),
            "score": None if self.score is None else round(self.score, 6),
            "relevance": None if self.relevance is None else round(self.relevance, 4),
            "photo": self.photo,
            "width": self.width,
            "height": self.height,
            "taken_at": self.taken_at,
            "offline": self.offline,
            "copies": [os.fspath(path) for path in self.copies],
            "evidence": dict(self.evidence),
        }


@dataclass(frozen=True, slots=True)
class Answer:
    """The hits of a query, and whether they are what was asked for."""

    hits: tuple[Hit, ...]
    # Whether one of the ten best photos matches well, however few are shown; None where relevance
    # could not be judged.
    matches_well: bool | None


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
    words_read: int = 0  # photos looked at for printed words
    with_words: int = 0  # of those, in how many something is printed
    words_failed: int = 0  # of those, which could not be read

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
            "words": {
                "read": self.words_read,
                "with_words": self.with_words,
                "failed": self.words_failed,
            },
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


@dataclass(frozen=True, slots=True)
class PhotoFacts:
    """All that the library knows of one photo."""

    photo: str  # SHA-256 of the file's content, hexadecimal
    photo_id: int
    paths: tuple[Path, ...]  # where it lies, missing files left out
    format: str
    bytes: int
    width: int  # pixels, upright
    height: int
    facts: Facts
    place: str | None  # "Kyoto, Kyoto, Japan", as the gazetteer calls its position
    tags: tuple[str, ...]
    models: tuple[str, ...]  # those that it is encoded with
    words_read: bool  # whether it was looked at for printed words
    words: tuple[Line, ...]
    nearest: tuple[Hit, ...]  # the photos most like it

    def as_dict(self) -> dict[str, Any]:
        return {
            "version": 1,
            "photo": self.photo,
            "paths": [os.fspath(path) for path in self.paths],
            "format": self.format,
            "bytes": self.bytes,
            "width": self.width,
            "height": self.height,
            **asdict(self.facts),
            "place": self.place,
            "tags": list(self.tags),
            "models": list(self.models),
            "words_read": self.words_read,
            "words": [line.as_dict() for line in self.words],
            "nearest": [hit.as_dict() for hit in self.nearest],
        }
