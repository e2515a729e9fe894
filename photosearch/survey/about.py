"""All that the library knows of one photo.

In: a snapshot and a photo's id. Out: a PhotoFacts record; its nearest photos are found elsewhere.
"""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Sequence
from dataclasses import fields

from photosearch.errors import WrongUse
from photosearch.paths import to_bytes, to_path
from photosearch.records import Facts, Hit
from photosearch.reports.contents import PhotoFacts
from photosearch.store.places import place_of_photo
from photosearch.store.snapshot import Snapshot
from photosearch.store.tagged import tags_of
from photosearch.store.words import is_read, lines_of


def photo_called(snapshot: Snapshot, name: str | os.PathLike[str]) -> int:
    """The photo that is meant: by a file's path, the same content elsewhere, or its SHA-256.

    Of the digest its first 8 digits are enough. Raises WrongUse where no photo is meant.
    """
    path = to_bytes(name)
    known = snapshot.file_at(path)
    if known:
        return known[0]
    text = os.fspath(name)
    if re.fullmatch(r"[0-9a-fA-F]{8,64}", text):
        found = snapshot.photos_with_digest(text.lower())
        if len(found) == 1:
            return found[0]
        if found:
            raise WrongUse(f"{text} is the beginning of {len(found)} photos' digests")
    if os.path.isfile(path):
        with open(path, "rb") as file:
            photo_id = snapshot.photo_with_digest(hashlib.file_digest(file, "sha256").digest())
        if photo_id is not None:
            return photo_id
        raise WrongUse(f"{text} is not in the library", hint=f"photosearch index {text}")
    raise WrongUse(
        f"{text}: no such file, and no photo of the library",
        hint="a path, or the first 8 digits of its SHA-256",
    )


def place_text(snapshot: Snapshot, photo_id: int) -> str | None:
    """City, region, country, as far as they are known."""
    place = place_of_photo(snapshot, photo_id)
    names = [place.city, place.region, place.country] if place else []
    return ", ".join(dict.fromkeys(name for name in names if name)) or None


def facts_of(snapshot: Snapshot, photo_id: int, nearest: Sequence[Hit] = ()) -> PhotoFacts:
    """What is stored about a photo of the library."""
    row = snapshot.photo_columns(photo_id)
    files = sorted(set(snapshot.files_of([photo_id])))
    return PhotoFacts(
        photo=row["digest"].hex(),
        photo_id=photo_id,
        paths=tuple(to_path(root, path) for _, _, root, path, _, _ in files),
        format=row["format"],
        bytes=row["bytes"],
        width=row["width"],
        height=row["height"],
        facts=Facts(**{one.name: row[one.name] for one in fields(Facts)}),
        place=place_text(snapshot, photo_id),
        tags=tuple(tags_of(snapshot, [photo_id]).get(photo_id, ())),
        models=tuple(
            model.name for model in snapshot.models() if snapshot.vectors_of(model.id, [photo_id])
        ),
        words_read=is_read(snapshot, photo_id),
        words=tuple(lines_of(snapshot, photo_id)),
        nearest=tuple(nearest),
    )
