"""Vectors and metadata for other tools: JSON lines, CSV, NumPy.

In: a snapshot and a model. Out: a stream written to a binary file.
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator
from itertools import islice
from typing import TYPE_CHECKING, Any, BinaryIO

import numpy as np

from photosearch.paths import to_path
from photosearch.store.tagged import tags_of

if TYPE_CHECKING:
    from photosearch.store.snapshot import Model, Snapshot

FORMATS = ("jsonl", "csv", "npz")
_COLUMNS = (
    "photo path copies bytes format width height taken_at make camera lens latitude longitude "
    "altitude orientation iso f_number exposure focal_length tags"
).split()
_BLOCK = 1000


def export(snapshot: Snapshot, model: Model, kind: str, out: BinaryIO) -> int:
    """Write every photo that lies somewhere; gives their number.

    jsonl: an object a line, `vector` a list of float; csv: the same without vectors; npz: arrays
    `vectors` float16[n, dim] (unit length), `photos` (digests) and `paths`, row by row.
    """
    if kind == "jsonl":
        return _export_jsonl(snapshot, model, out)
    if kind == "csv":
        return _export_csv(snapshot, model, out)
    return _export_npz(snapshot, model, out)


def _export_jsonl(snapshot: Snapshot, model: Model, out: BinaryIO) -> int:
    count = 0
    for row, blob in _rows(snapshot, model):
        vector = np.frombuffer(blob, "<f2").tolist() if blob else None
        line = json.dumps({**row, "model": model.name, "vector": vector})
        out.write(line.encode() + b"\n")
        count += 1
    return count


def _export_csv(snapshot: Snapshot, model: Model, out: BinaryIO) -> int:
    text = io.TextIOWrapper(out, encoding="utf-8", errors="surrogateescape", newline="")
    writer = csv.DictWriter(text, _COLUMNS)
    writer.writeheader()
    count = 0
    for row, _ in _rows(snapshot, model):
        copies = " ".join(json.dumps(path) for path in row["copies"])
        tags = " ".join(json.dumps(tag, ensure_ascii=False) for tag in row["tags"])
        writer.writerow({**row, "copies": copies, "tags": tags})
        count += 1
    text.flush()
    text.detach()
    return count


def _export_npz(snapshot: Snapshot, model: Model, out: BinaryIO) -> int:
    pairs = [(row, blob) for row, blob in _rows(snapshot, model) if blob]
    matrix = np.frombuffer(b"".join(blob for _, blob in pairs), "<f2")
    np.savez(
        out,
        vectors=matrix.reshape(len(pairs), model.dim),
        photos=np.array([row["photo"] for row, _ in pairs], dtype="U64"),
        # A name that is no valid text cannot stand in a NumPy file: "?" for its odd bytes.
        paths=np.array(
            [row["path"].encode("utf-8", "replace").decode() for row, _ in pairs], dtype=str
        ),
        model=np.array(model.name),
        key=np.array(model.key),
    )
    return len(pairs)


def _rows(snapshot: Snapshot, model: Model) -> Iterator[tuple[dict[str, Any], bytes | None]]:
    """Each photo's row, and its float16 vector where it has one; a few queries a block."""
    photos = snapshot.all_photos()
    while block := list(islice(photos, _BLOCK)):
        photo_ids = [columns["id"] for columns in block]
        shown = snapshot.photos(photo_ids)
        vectors = dict(snapshot.vectors_of(model.id, photo_ids))
        tags = tags_of(snapshot, photo_ids)
        for columns in block:
            photo_id = columns.pop("id")
            if photo_id not in shown:  # its last file went while this was being written
                continue
            paths = [str(to_path(place.root, place.path)) for place in shown[photo_id].places]
            row = {"photo": columns.pop("digest").hex(), "path": paths[0], "copies": paths[1:]}
            yield {**row, **columns, "tags": tags.get(photo_id, [])}, vectors.get(photo_id)
