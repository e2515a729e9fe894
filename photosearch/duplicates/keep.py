"""Which of several photos of one picture is worth keeping, and why, in words.

In: what the catalogue knows of the photos. Out: an order, and sentences. First comes what cannot be
got back from the others: colour, raw data, pixels, what the camera wrote, then how little was
compressed away; then what merely looks like the original: an old date, a tidy name.
"""

from __future__ import annotations

import math
import os
import re
from dataclasses import dataclass
from typing import Any

from photosearch.paths import join
from photosearch.store.hashes import ALTERED, Compared

# Mean distance from grey, 0..255: scans and compressed grey photos have up to about 2.
_COLOURFUL = 3.0
# Formats that cameras write, or that lose nothing; the others are what services make of a photo.
_FORMAT_RANK = {"raw": 0, "heic": 1, "avif": 1, "tiff": 1, "png": 2, "jpeg": 1, "webp": 3, "gif": 4}
_COPY_NAMES = re.compile(
    rb"(?i)(?:^|[^a-z])(?:copy|copie|kopie|copia|duplicate|edited|edit|bearbeitet|resized|small|"
    rb"thumb|thumbnail|preview)(?:$|[^a-z])|\(\d+\)|~\d*$|-\d{3,4}x\d{3,4}$|\xe5\x89\xaf\xe6\x9c\xac"
)
_COPY_FOLDERS = re.compile(
    rb"(?i)^(?:\.?cache|\.?thumbnails?|thumbs|downloads?|whatsapp.*|telegram.*|wechat.*|weixin.*|"
    rb"tmp|temp|trash|\.trash.*|\.?recycle.*|\$recycle.*|duplicates?|screenshots?)$"
)
_CAMERA = "taken_at make camera lens latitude iso f_number exposure focal_length".split()
# A side that differs by less than this is the same size: cameras and tools round.
_SAME_SIZE = 0.02
# Mean difference of brightness, and quotient of colourfulness, that compressing anew brings about.
_SAME_TONES = 4.0
_SAME_COLOURS = 1.25


@dataclass(frozen=True, slots=True)
class Place:
    """One file of a photo, as the catalogue knows it."""

    root: bytes
    path: bytes
    size: int
    mtime_ns: int

    @property
    def full(self) -> bytes:
        return join(self.root, self.path)


@dataclass(frozen=True, slots=True)
class Candidate:
    """A photo that may be kept."""

    photo_id: int
    digest: bytes
    format: str
    bytes: int
    width: int
    height: int
    taken_at: str | None
    camera: str | None
    facts: int  # how many of the camera's data there are
    colour: float | None
    places: tuple[Place, ...]  # the tidiest first; never empty

    @property
    def is_grey(self) -> bool:
        return self.colour is not None and self.colour < _COLOURFUL

    @property
    def pixels(self) -> int:
        return self.width * self.height


def candidate(row: dict[str, Any], colour: float | None, places: list[Place]) -> Candidate:
    """A photo from its row in the catalogue (`Snapshot.photo_columns`)."""
    return Candidate(
        photo_id=row["id"],
        digest=row["digest"],
        format=str(row["format"]),
        bytes=row["bytes"],
        width=row["width"],
        height=row["height"],
        taken_at=row["taken_at"],
        camera=row["camera"],
        facts=sum(row[name] is not None for name in _CAMERA),
        colour=colour,
        places=tuple(sorted(places, key=untidiness)),
    )


def what_cannot_be_got_back(photo: Candidate) -> tuple[object, ...]:
    """The first part of `worth`: colour, raw data, pixels, camera data."""
    return (
        photo.is_grey,
        photo.format != "raw",
        -round(math.log(photo.pixels) / (2 * _SAME_SIZE)),
        -photo.facts,
    )


def worth(photo: Candidate) -> tuple[object, ...]:
    """A key that sorts what is worth most first; no two photos have the same."""
    return (
        *what_cannot_be_got_back(photo),
        _FORMAT_RANK.get(photo.format, 2),
        -photo.bytes,
        photo.taken_at or "9999",
        untidiness(photo.places[0]),
        photo.photo_id,
    )


def untidiness(place: Place) -> tuple[int, int, int, bytes]:
    """A key that sorts the file first whose name looks like the original's."""
    *folders, name = place.path.split(b"/")
    stem = os.path.splitext(name)[0]
    return (
        sum(bool(_COPY_FOLDERS.search(folder)) for folder in [*place.root.split(b"/"), *folders]),
        len(_COPY_NAMES.findall(stem)),
        place.mtime_ns,
        place.full,
    )


def why_kept(kept: Candidate, others: list[Candidate]) -> str:
    """What speaks for a photo beside the others."""
    reasons = []
    if not kept.is_grey and any(other.is_grey for other in others):
        reasons.append("in colour")
    if kept.format == "raw" and any(other.format != "raw" for other in others):
        reasons.append("the camera's raw file")
    if any(kept.pixels > other.pixels * (1 + 2 * _SAME_SIZE) for other in others):
        reasons.append("largest")
    if any(kept.facts > other.facts for other in others):
        reasons.append("has the camera's data")
    if not reasons and any(kept.bytes > other.bytes for other in others):
        reasons.append("least compressed")
    if not reasons and any(
        kept.taken_at and other.taken_at and kept.taken_at < other.taken_at for other in others
    ):
        reasons.append("oldest date")
    return ", ".join(reasons) or why_first(kept)


def why_first(kept: Candidate) -> str:
    """Of files with the same content: what speaks for the first path."""
    best, *rest = kept.places
    if any(untidiness(place)[:2] > untidiness(best)[:2] for place in rest):
        return "its name looks like the original's"
    if any(place.mtime_ns > best.mtime_ns for place in rest):
        return "the oldest file"
    return "as good as the others" if not rest else "the first by name"


def what_it_is(kept: Candidate, other: Candidate, found: Compared) -> str:
    """How another photo differs from the kept one."""
    parts = ["same picture"]
    if found.verdict == ALTERED:
        parts = ["same picture, but a part of it differs (a caption, a stamp, a retouch)"]
    if found.shown_one < 1 - _SAME_SIZE:
        parts.append(f"cropped to {found.shown_one:.0%}")
    if abs(found.scale - 1) > _SAME_SIZE:
        size = f"{other.width} x {other.height}"
        parts.append(f"{'smaller' if found.scale < 1 else 'larger'} ({size})")
    if other.is_grey and not kept.is_grey:
        parts.append("grey")
    if found.tones > _SAME_TONES and found.verdict != ALTERED:
        parts.append("brighter or darker")
    if other.format != kept.format:
        parts.append(f"as {other.format}")
    if other.facts < kept.facts:
        parts.append("without the camera's data" if not other.facts else "less camera data")
    if len(parts) == 1 and other.bytes < kept.bytes:
        parts.append("more compressed" if other.bytes < 0.9 * kept.bytes else "stored anew")
    return ", ".join(parts)


def what_is_lost(kept: Candidate, other: Candidate, found: Compared) -> str | None:
    """What only the other photo has: then it is shown, but never given to be removed."""
    if found.verdict == ALTERED:
        return "a part of the picture differs"
    if "raw" in (kept.format, other.format) and kept.digest != other.digest:
        return "a raw file and a photo made from it belong together"
    if kept.is_grey and not other.is_grey:
        return "it is the one in colour"
    if found.tones > _SAME_TONES:
        return "it is brighter or darker, and may be the one before editing"
    if (
        not other.is_grey
        and other.colour
        and kept.colour
        and not (1 / _SAME_COLOURS < other.colour / kept.colour < _SAME_COLOURS)
    ):
        return "its colours differ, and it may be the one before editing"
    if found.scale > 1 + _SAME_SIZE:
        return "it shows more detail"
    if found.shown_one < 1 - _SAME_SIZE:
        return "it is cropped, and cannot be compared in every detail"
    if other.taken_at and other.taken_at != kept.taken_at:
        return "its date is not that of the one to keep"
    if other.facts > kept.facts or (other.camera and other.camera != kept.camera):
        return "it has camera data that the one to keep lacks"
    return None
