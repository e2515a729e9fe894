"""Query → one unit vector, with as little work as possible.

In: a Query. Out: its vector, and the photos of the library that it was made from. A text's vector
is remembered from an earlier query or encoded now, by the text tower alone; an example that is
already in the library has its vector there.
"""

from __future__ import annotations

import hashlib
import os
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from photosearch.errors import BadImage, WrongUse
from photosearch.paths import time_of, to_bytes
from photosearch.search.example import is_url, name_of, read_example

if TYPE_CHECKING:
    from photosearch.encode.encoder import Encoder
    from photosearch.search.query import Query
    from photosearch.store.remembered import Remembered
    from photosearch.store.snapshot import Model, Snapshot


@dataclass(frozen=True, slots=True)
class QueryVector:
    """What is looked for."""

    vector: NDArray[np.float32]  # float32[dim], unit length
    examples: frozenset[int]  # photos of the library that served as examples


def query_vector(
    query: Query,
    encoder: Encoder,
    snapshot: Snapshot,
    model: Model,
    remembered: Remembered,
) -> QueryVector:
    """The weighted sum of a query's parts, scaled to unit length."""
    total = np.zeros(encoder.dim, np.float32)
    examples: set[int] = set()
    for part in query.texts:
        total += part.weight * _text_vector(part.value, query.language, encoder, remembered)
    for part in query.images:
        vector, photo_id = image_vector(part.value, encoder, snapshot, model)
        total += part.weight * vector
        if photo_id is not None:
            examples.add(photo_id)
    length = float(np.linalg.norm(total))
    if length < 1e-6:
        raise WrongUse("the parts of this query cancel each other out: nothing is left to look for")
    return QueryVector(total / np.float32(length), frozenset(examples))


def _text_vector(
    text: str, language: str | None, encoder: Encoder, remembered: Remembered
) -> NDArray[np.float32]:
    tower = encoder.language_of(text, language)
    key = encoder.text_key(tower)
    vector = remembered.get(key, text, encoder.dim)
    if vector is None:
        vector = encoder.text(tower).encode([text])[0]
        remembered.put(key, text, vector)
    return vector


def image_vector(
    source: Any, encoder: Encoder, snapshot: Snapshot, model: Model
) -> tuple[NDArray[np.float32], int | None]:
    """An example's vector, and its photo id where the library has the same photo."""
    photo_id = _photo_at(source, snapshot)
    data = b""
    if photo_id is None and not hasattr(source, "convert"):
        data = read_example(source)
        photo_id = snapshot.photo_with_digest(hashlib.sha256(data).digest())
    if photo_id is not None:
        stored = stored_vector(snapshot, model, photo_id)
        if stored:
            return stored.vector, photo_id
    return _encode(source, data, encoder), photo_id


def stored_vector(snapshot: Snapshot, model: Model, photo_id: int) -> QueryVector | None:
    """A photo of the library as an example, None where it has no vector of this model."""
    rows = snapshot.vectors_of(model.id, [photo_id])
    if not rows:
        return None
    vector = np.frombuffer(rows[0][1], "<f2").astype(np.float32)
    return QueryVector(vector, frozenset({photo_id}))


def _encode(source: Any, data: bytes, encoder: Encoder) -> NDArray[np.float32]:
    tower = encoder.image
    if hasattr(source, "convert"):  # a PIL image, for callers of the API
        image = source.convert("RGB")
    else:
        from photosearch.decode.pixels import decode

        try:
            image = decode(data or read_example(source), need=tower.preprocess.need).image
        except BadImage as error:
            raise BadImage(f"{name_of(source)}: {error}") from error
    vector: NDArray[np.float32] = tower.encode(tower.preprocess.resize(image)[np.newaxis])[0]
    return vector


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
