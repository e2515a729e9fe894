"""Groups of photos as they are reported: files, which one to keep, why, what the others are.

In: photos that belong together. Out: DuplicateGroup records, None where nothing is there twice: a
file that is reached by two paths is no copy of itself.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence

from photosearch.duplicates.groups import Star
from photosearch.duplicates.keep import (
    Candidate,
    Place,
    what_is_lost,
    what_it_is,
    why_first,
    why_kept,
    worth,
)
from photosearch.paths import to_path
from photosearch.reports.duplicates import DuplicateFile, DuplicateGroup

_COPY = "the same content"
_LINK = "the same file by another path"


def told_copies(photo: Candidate) -> DuplicateGroup | None:
    """A photo that lies at several paths."""
    kept = _file(photo, photo.places[0], "kept", why_first(photo))
    others = _copies(photo, photo.places[0])
    if all(other.relation == "link" for other in others):
        return None
    return DuplicateGroup((kept, *others))


def told_star(star: Star, photos: Mapping[int, Candidate]) -> DuplicateGroup:
    """A photo and its near duplicates, what is most like it first."""
    kept = photos[star.kept]
    members = [(photos[photo_id], found) for photo_id, found in star.others]
    reason = why_kept(kept, [other for other, _ in members])
    files = [_file(kept, kept.places[0], "kept", reason), *_copies(kept, kept.places[0])]
    for other, found in sorted(members, key=lambda each: worth(each[0])):
        first = other.places[0]
        files.append(
            _file(
                other,
                first,
                found.verdict,
                what_it_is(kept, other, found),
                likeness=found.likeness,
                lost=what_is_lost(kept, other, found),
            )
        )
        for place in other.places[1:]:
            told = f"{_COPY} as {os.fsdecode(os.path.basename(first.path))}"
            files.append(
                _file(
                    other,
                    place,
                    found.verdict,
                    told,
                    likeness=found.likeness,
                    lost=what_is_lost(kept, other, found),
                )
            )
    return DuplicateGroup(tuple(files))


def told_burst(frames: Sequence[Candidate]) -> DuplicateGroup:
    """A sequence; the frame that lost least to compression is often the sharpest."""
    best = min(frames, key=worth)
    rest = [one for one in frames if one is not best]
    reason = f"{why_kept(best, rest)}, of {len(frames)} frames"
    lost = "frames of a burst are different photos"
    others = [
        _file(one, one.places[0], "burst", f"taken at {one.taken_at}", lost=lost) for one in rest
    ]
    return DuplicateGroup((_file(best, best.places[0], "kept", reason), *others))


def _copies(photo: Candidate, kept: Place) -> list[DuplicateFile]:
    """The other paths of a photo."""
    own = _identity(kept)
    files = []
    for place in photo.places:
        if place is not kept:
            is_link = own is not None and _identity(place) == own
            files.append(
                _file(
                    photo,
                    place,
                    "link" if is_link else "copy",
                    _LINK if is_link else _COPY,
                    lost="it is the file to keep" if is_link else None,
                    likeness=1.0,
                )
            )
    return files


def _identity(place: Place) -> tuple[int, int] | None:
    try:
        state = os.stat(place.full)
    except OSError:
        return None
    return state.st_dev, state.st_ino


def _file(
    photo: Candidate,
    place: Place,
    relation: str,
    reason: str,
    *,
    likeness: float | None = None,
    lost: str | None = None,
) -> DuplicateFile:
    return DuplicateFile(
        path=to_path(place.root, place.path),
        photo=photo.digest.hex(),
        relation=relation,
        reason=reason,
        width=photo.width,
        height=photo.height,
        bytes=photo.bytes,
        format=photo.format,
        taken_at=photo.taken_at,
        likeness=likeness,
        offline=not os.path.lexists(place.full),
        lost=lost,
        mtime_ns=place.mtime_ns,
    )
