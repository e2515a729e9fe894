"""What is in a library: its state, all that is known of one photo, counts of what photos have.

Frozen records; `as_dict` is the document of `--json` (docs/json.md). They carry `pathlib.Path`.
"""

from __future__ import annotations

import os
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from photosearch.records import Facts, Hit, Line


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
        """As `--json` has it: docs/json.md."""
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
        """As `--json` has it: docs/json.md."""
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
        """As `--json` has it: docs/json.md."""
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
        """As `--json` has it: docs/json.md."""
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
        """As `--json` has it: docs/json.md."""
        kinds = ("years", "months", "places", "countries", "cameras", "lenses", "folders", "tags",
                 "formats")  # fmt: skip
        return {
            "version": 1,
            "photos": self.photos,
            **{kind: [one.as_dict() for one in getattr(self, kind)] for kind in kinds},
            "points": [list(point) for point in self.points],
        }
