"""Query → one unit vector, with as little work as possible.

In: a Query. Out: its vector, and the photos of the library that it was made from. A text's vector
is remembered from an earlier query or encoded now, by the text tower alone; an example that is
already in the library has its vector there.
"""

from __future__ import annotations

import hashlib
import os
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from photosearch.encode.taught import as_taught
from photosearch.errors import WrongUse
from photosearch.paths import time_of, to_bytes
from photosearch.search.example import InLibrary, is_url, name_of, read_example
from photosearch.search.picture import Picture, picture_of
from photosearch.store.whereabouts import file_now

if TYPE_CHECKING:
    from photosearch.encode.encoder import Encoder
    from photosearch.encode.towers import ImageTower
    from photosearch.records import Line
    from photosearch.search.crop import Crop
    from photosearch.search.query import Query
    from photosearch.store.remembered import Remembered
    from photosearch.store.snapshot import Model, Snapshot

# Shares of an example's width and height that are looked for beside the whole, and pixels a side
# that its local features take: see search/rerank.py.
MIDDLES = (0.6, 0.4)
RERANK_NEED = 320


@dataclass(frozen=True, slots=True)
class QueryVector:
    """What is looked for."""

    vector: NDArray[np.float32]  # float32[dim], unit length
    examples: frozenset[int]  # photos of the library that served as examples
    notes: tuple[str, ...] = ()
    # For `rerank`: what the examples show, and the query's vector with the middle of an example in
    # its place.
    pictures: tuple[Picture, ...] = ()
    middles: tuple[NDArray[np.float32], ...] = ()
    printed: tuple[Line, ...] = ()  # in the examples, for `read`


def query_vector(
    query: Query,
    encoder: Encoder,
    snapshot: Snapshot,
    model: Model,
    remembered: Remembered,
) -> QueryVector:
    """The weighted sum of a query's parts, scaled to unit length."""
    total = np.zeros(encoder.dim, np.float32)
    for part in query.texts:
        total += part.weight * _text_vector(part.value, query.language, encoder, remembered)
    sought = [
        image_vector(
            part.value,
            encoder,
            snapshot,
            model,
            crop=part.crop,
            rerank=query.rerank is not None and part.weight > 0,
            read=query.read and part.weight > 0,
        )
        for part in query.images
    ]
    for part, found in zip(query.images, sought, strict=True):
        total += part.weight * found.vector
    middles = [
        total + part.weight * (middle - found.vector)
        for part, found in zip(query.images, sought, strict=True)
        for middle in found.middles
    ]
    return QueryVector(
        _unit(total),
        frozenset(found.photo_id for found in sought if found.photo_id is not None),
        notes=tuple(found.note for found in sought if found.note),
        pictures=tuple(found.picture for found in sought if found.picture),
        middles=tuple(_unit(middle) for middle in middles if middle.any()),
        printed=tuple(line for found in sought for line in found.printed),
    )


def _unit(total: NDArray[np.float32]) -> NDArray[np.float32]:
    length = float(np.linalg.norm(total))
    if length < 1e-6:
        raise WrongUse("the parts of this query cancel each other out: nothing is left to look for")
    return total / np.float32(length)


def _text_vector(
    text: str, language: str | None, encoder: Encoder, remembered: Remembered
) -> NDArray[np.float32]:
    tower = encoder.language_of(text, language)
    (text,) = as_taught([text], encoder, language)
    key = encoder.text_key(tower)
    vector = remembered.get(key, text, encoder.dim)
    if vector is None:
        vector = encoder.text(tower).encode([text])[0]
        remembered.put(key, text, vector)
    return vector


@dataclass(frozen=True, slots=True)
class Sought:
    """An example as it is looked for."""

    vector: NDArray[np.float32]
    photo_id: int | None  # where the library has the same photo
    note: str = ""
    picture: Picture | None = None
    middles: tuple[NDArray[np.float32], ...] = ()
    printed: tuple[Line, ...] = ()


def image_vector(
    source: Any,
    encoder: Encoder,
    snapshot: Snapshot,
    model: Model,
    *,
    crop: Crop | None = None,
    rerank: bool = False,
    read: bool = False,
) -> Sought:
    """An example's vector; of a part of it, which the library does not have, always encoded now.

    rerank, read: what that takes is added.
    """
    if isinstance(source, InLibrary):
        photo_id = snapshot.photo_with_digest(bytes.fromhex(source.digest))
        if photo_id is None:
            raise WrongUse(f"{source.digest} is no photo of the library")
        source = file_now(snapshot, photo_id) or source
    else:
        photo_id = _photo_at(source, snapshot)
    data = b""
    if photo_id is None and not hasattr(source, "convert"):
        data = read_example(source)
        photo_id = snapshot.photo_with_digest(hashlib.sha256(data).digest())
    stored = None
    if photo_id is not None and crop is None:
        stored = stored_vector(snapshot, model, photo_id)
    tower = encoder.image if stored is None or rerank else None
    if stored is not None:
        sought = Sought(stored.vector, photo_id)
    else:
        assert tower is not None
        picture = picture_of(source, data, crop, tower.preprocess.need)
        vector = tower.encode(tower.preprocess.resize(picture.image)[np.newaxis])[0]
        sought = Sought(vector, photo_id, _note_on(picture, source))
    if read:
        from photosearch.search.example_words import lines_in

        sought = replace(sought, printed=lines_in(source, data, crop, photo_id, snapshot))
    if not rerank:
        return sought
    assert tower is not None
    picture = picture_of(source, data, crop, max(RERANK_NEED, tower.preprocess.need))
    # A part was chosen by somebody: it shows the thing and little else.
    middles = () if crop else _middles(picture, tower)
    return replace(sought, picture=picture, middles=middles)


def _middles(picture: Picture, tower: ImageTower) -> tuple[NDArray[np.float32], ...]:
    """The vectors of the middle of an example, as large as the thing in it may be."""
    width, height = picture.image.size
    inner = []
    for share in MIDDLES:
        across, down = (
            min(round(side * (1 - share) / 2), (side - 1) // 2) for side in (width, height)
        )
        inner.append(picture.image.crop((across, down, width - across, height - down)))
    return tuple(tower.encode(np.stack([tower.preprocess.resize(image) for image in inner])))


def _note_on(picture: Picture, source: Any) -> str:
    if not picture.cut_short:
        return ""
    left, top, right, bottom = picture.box
    return (
        f"the crop reaches over an edge of {name_of(source)}: "
        f"{left},{top},{right - left},{bottom - top} is looked for"
    )


def stored_vector(snapshot: Snapshot, model: Model, photo_id: int) -> QueryVector | None:
    """A photo of the library as an example, None where it has no vector of this model."""
    rows = snapshot.vectors_of(model.id, [photo_id])
    if not rows:
        return None
    vector = np.frombuffer(rows[0][1], "<f2").astype(np.float32)
    return QueryVector(vector, frozenset({photo_id}))


def _photo_at(source: Any, snapshot: Snapshot) -> int | None:
    """The photo of a path that the library knows, if the file is as it was when indexed."""
    if not isinstance(source, (str, os.PathLike)) or source == "-" or is_url(source):
        return None
    try:
        path = to_bytes(source)
        status = os.stat(path)
    except (OSError, ValueError):
        return None
    known = snapshot.file_at(path)
    return known[0] if known and known[1:] == (status.st_size, time_of(status)) else None
