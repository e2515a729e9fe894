"""Frozen records that cross floors: what one stage hands to the next.

Paths inside the library are bytes (`os.fsencode`), because file names are bytes: a name that is no
valid UTF-8 must survive. Records for the outside (`Hit`, `Failure`) carry `pathlib.Path`.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

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
        """As `--json` has it: docs/json.md."""
        return {
            "text": self.text,
            "confidence": round(self.confidence, 4),
            "box": [[round(x, 1), round(y, 1)] for x, y in self.box],
        }


@dataclass(frozen=True, slots=True)
class Region:
    """Where in a photo something is.

    box: x0, y0, x1, y1 in the upright photo's pixels. mask: bool[height, width] of the upright
    photo, of kinds that find the shape itself.
    """

    box: tuple[float, float, float, float]
    label: str
    score: float  # 0..1; comparable within one kind and one model
    mask: NDArray[np.bool_] | None = None
    # Of a line of printed words its four corners (x, y), clockwise from the text's own top-left.
    corners: tuple[tuple[float, float], ...] | None = None

    def as_dict(self) -> dict[str, Any]:
        """As `--json` has it: docs/json.md."""
        record: dict[str, Any] = {
            "label": self.label,
            "score": round(self.score, 4),
            "box": [round(edge, 1) for edge in self.box],
        }
        if self.corners is not None:
            record["corners"] = [[round(x, 1), round(y, 1)] for x, y in self.corners]
        if self.mask is not None:
            from photosearch.masks import runs_of

            record["mask"] = runs_of(self.mask)
        return record


@dataclass(frozen=True, slots=True)
class Located:
    """One photo, and what was found in it, the surest first."""

    path: Path | None  # None for an image that was given in memory
    width: int  # pixels, upright
    height: int
    regions: tuple[Region, ...]

    def as_dict(self) -> dict[str, Any]:
        """As `--json` has it: docs/json.md."""
        return {
            "path": None if self.path is None else os.fspath(self.path),
            "width": self.width,
            "height": self.height,
            "regions": [region.as_dict() for region in self.regions],
        }


@dataclass(frozen=True, slots=True)
class Failure:
    """A file that could not be indexed, and why."""

    path: Path
    reason: str

    def as_dict(self) -> dict[str, Any]:
        """As `--json` has it: docs/json.md."""
        return {"path": os.fspath(self.path), "reason": self.reason}


@dataclass(frozen=True, slots=True)
class Progress:
    """Where a run stands: counts of photos, all since the stage began."""

    done: int  # files dealt with that had to be read
    total: int | None  # files that have to be read, when it is known
    encoded: int
    failed: int
    stage: str = "photos"  # "regions", "words": later passes, over parts and printed words


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
    offline: bool = False  # its folder is not there, or empty, at the moment

    @property
    def is_weak(self) -> bool:
        """Whether it is more likely not what was asked for."""
        return self.relevance is not None and self.relevance < WEAK_BELOW

    def as_dict(self) -> dict[str, Any]:
        """As `--json` has it: docs/json.md."""
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
    notes: tuple[str, ...] = ()  # what else is to be said, about an example
    read: tuple[str, ...] | None = None  # lines read in the examples; None: nobody asked for them
    more: bool = False  # of one page of hits: whether there are others behind them
    total: int | None = None  # photos that pass, where filters alone list them page by page


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
        """As `--json` has it: docs/json.md."""
        return {
            "path": None if self.path is None else os.fspath(self.path),
            "scoring": self.scoring,
            "labels": [
                {"label": label, "probability": round(probability, 6)}
                for label, probability in self.labels
            ],
        }
