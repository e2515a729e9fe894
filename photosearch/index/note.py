"""What a collection in Milvus was made from, and whether it is still true to the catalogue.

In: a collection, a snapshot and a model. Out: a Note, or None where all has to be sent anew.
"""

from __future__ import annotations

import hashlib
import json
import re
from dataclasses import asdict, dataclass
from typing import Any

from photosearch.index.milvus import Collection
from photosearch.store.snapshot import Model, Snapshot


@dataclass(frozen=True, slots=True)
class Note:
    """What a collection was made from."""

    catalogue: str
    model: str
    dim: int
    kind: str
    shards: int
    generation: int  # of the catalogue: a smaller one now was restored from a backup
    count: int
    last_id: int  # newest vector in it
    witnesses: list[list[Any]]  # vector id, photo id and hash of the newest rows


def name_of(snapshot: Snapshot, model: Model) -> str:
    """The collection of a model: of several libraries in one Milvus each has its own."""
    parts = ("photosearch", snapshot.setting("catalogue") or "", model.key)
    return re.sub(r"[^A-Za-z0-9_]", "_", "_".join(parts))


def read_note(collection: Collection, snapshot: Snapshot, model: Model) -> Note | None:
    """What a collection was made from; None where it is not there, or not of this catalogue."""
    if not collection.exists() or collection.dim != model.dim:
        return None
    collection.load()
    try:
        note = Note(**json.loads(collection.note()))
        rows = [(int(row), int(photo), str(digest)) for row, photo, digest in note.witnesses]
        numbers = (note.generation, note.count, note.last_id)
        if any(type(number) is not int or not 0 <= number < 1 << 63 for number in numbers):
            return None
    except (ValueError, TypeError, RecursionError):
        return None
    if (note.catalogue, note.model) != (snapshot.setting("catalogue"), model.key):
        return None
    if note.generation > snapshot.generation:
        return None
    seen = 0
    for row_id, photo_id, digest in rows:
        row = snapshot.vector_row(row_id)
        if row is not None and (row[:2] != (model.id, photo_id) or hash_of(row[2]) != digest):
            return None  # ids are never used again, but by a catalogue restored from a backup
        seen += row is not None
    return note if seen or not note.last_id else None


def text_of(note: Note) -> str:
    return json.dumps(asdict(note))


def hash_of(blob: bytes) -> str:
    return hashlib.blake2b(blob, digest_size=8).hexdigest()
