"""What commands report: counts of a run, the state of a library, all about one photo.

Frozen records that the runners make and the command line prints; `as_dict` is the document of
`--json` (docs/json.md). They carry `pathlib.Path`.
"""

from __future__ import annotations

import os
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from photosearch.records import Facts, Failure, Hit, Line


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
class RegionsReport:
    """What one pass over the parts of photos did. Counts are of photos."""

    looked_at: int = 0
    unavailable: int = 0  # the file is not there now, or not as it was: left for another run
    left: int = 0  # not dealt with, because the run was stopped
    failed: tuple[Failure, ...] = ()
    seconds: float = 0.0

    def as_dict(self) -> dict[str, Any]:
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
    regions: int = 0  # photos whose parts the library's own model knows, too: `query --small`
    regions_failed: int = 0  # of those, which could not be looked at
    regions_wanted: bool = False  # whether `index` keeps them up to date
    copies_bytes: int = 0  # earlier catalogues kept beside the present one
    models_bytes: int = 0  # models in the cache folder, which libraries share
    free_bytes: int | None = None  # on the library's disk
    previews_bytes: int = 0  # small pictures for the page, in the library
    unused_bytes: int = 0  # of the catalogue: pages that hold nothing at the moment
    advice: tuple[tuple[str, str], ...] = ()  # (what could be better, the command for it)

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
            "bytes": {
                "catalogue": self.catalogue_bytes,
                "unused": self.unused_bytes,
                "copies": self.copies_bytes,
                "vectors": self.vectors_bytes,
                "previews": self.previews_bytes,
                "models": self.models_bytes,
                "free": self.free_bytes,
            },
            "advice": [{"text": text, "command": command} for text, command in self.advice],
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
            "regions": {
                "looked_at": self.regions,
                "failed": self.regions_failed,
                "wanted": self.regions_wanted,
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


# How bad a problem is: nothing to worry about; can be put right; something is gone for good.
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
        return {
            "version": 1,
            "roots": [{"old": os.fspath(old), "new": os.fspath(new)} for old, new in self.roots],
            "files": self.files,
            "sampled": self.sampled,
            "agreed": self.agreed,
            "dry_run": self.dry_run,
        }


@dataclass(frozen=True, slots=True)
class Counted:
    """One value that photos have, how many have it, and the qualifier that passes just these."""

    value: str
    photos: int
    filter: str
    kind: str = ""  # of a place: city, country
    country: str | None = None  # of a city
    name: str = ""  # of a folder, its own

    def as_dict(self) -> dict[str, Any]:
        record: dict[str, Any] = {"value": self.value}
        if self.name:
            record["name"] = self.name
        if self.kind:
            record["kind"] = self.kind
        if self.kind == "city":
            record["country"] = self.country
        return {**record, "photos": self.photos, "filter": self.filter}


@dataclass(frozen=True, slots=True)
class Facets:
    """What the photos that pass filters have in common, counted."""

    photos: int
    years: tuple[Counted, ...] = ()  # the newest first
    months: tuple[Counted, ...] = ()  # where all photos are of one year
    places: tuple[Counted, ...] = ()  # cities; as all below, the most frequent first
    countries: tuple[Counted, ...] = ()
    cameras: tuple[Counted, ...] = ()
    lenses: tuple[Counted, ...] = ()
    folders: tuple[Counted, ...] = ()  # those inside the innermost one that holds all
    tags: tuple[Counted, ...] = ()
    formats: tuple[Counted, ...] = ()
    points: tuple[tuple[float, float, int], ...] = ()  # latitude, longitude, photos around it

    def as_dict(self) -> dict[str, Any]:
        kinds = ("years", "months", "places", "countries", "cameras", "lenses", "folders", "tags",
                 "formats")  # fmt: skip
        return {
            "version": 1,
            "photos": self.photos,
            **{kind: [one.as_dict() for one in getattr(self, kind)] for kind in kinds},
            "points": [list(point) for point in self.points],
        }
