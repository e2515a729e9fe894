"""Vectors and metadata for other tools: JSON lines, CSV, NumPy.

In: a snapshot and a model. Out: a stream written to a binary file.
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, BinaryIO

import numpy as np

from photosearch.paths import to_path

if TYPE_CHECKING:
    from photosearch.store.snapshot import Model, Snapshot

FORMATS = ("jsonl", "csv", "npz")
_COLUMNS = (
    "photo path copies bytes format width height taken_at make camera lens latitude longitude "
    "altitude orientation iso f_number exposure focal_length"
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
        return _export_csv(snapshot, out)
    return _export_npz(snapshot, model, out)


def _export_jsonl(snapshot: Snapshot, model: Model, out: BinaryIO) -> int:
    count = 0
    for row, blob in _rows_with_vectors(snapshot, model):
        vector = np.frombuffer(blob, "<f2").tolist() if blob else None
        line = json.dumps({**row, "model": model.name, "vector": vector})
        out.write(line.encode() + b"\n")
        count += 1
    return count


def _export_csv(snapshot: Snapshot, out: BinaryIO) -> int:
    text = io.TextIOWrapper(out, encoding="utf-8", errors="surrogateescape", newline="")
    writer = csv.DictWriter(text, _COLUMNS)
    writer.writeheader()
    count = 0
    for row in _rows(snapshot):
        writer.writerow({**row, "copies": " ".join(json.dumps(path) for path in row["copies"])})
        count += 1
    text.flush()
    text.detach()
    return count


def _export_npz(snapshot: Snapshot, model: Model, out: BinaryIO) -> int:
    pairs = [(row, blob) for row, blob in _rows_with_vectors(snapshot, model) if blob]
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


def _rows_with_vectors(
    snapshot: Snapshot, model: Model
) -> Iterator[tuple[dict[str, Any], bytes | None]]:
    block: list[dict[str, Any]] = []
    for row in _rows(snapshot, keep_id=True):
        block.append(row)
        if len(block) == _BLOCK:
            yield from _with_vectors(snapshot, model, block)
            block = []
    yield from _with_vectors(snapshot, model, block)


def _with_vectors(
    snapshot: Snapshot, model: Model, block: list[dict[str, Any]]
) -> Iterator[tuple[dict[str, Any], bytes | None]]:
    vectors = dict(snapshot.vectors_of(model.id, [row["id"] for row in block]))
    for row in block:
        yield row, vectors.get(row.pop("id"))


def _rows(snapshot: Snapshot, *, keep_id: bool = False) -> Iterator[dict[str, Any]]:
    for columns in snapshot.all_photos():
        photo_id = columns.pop("id")
        places = snapshot.photos([photo_id])[photo_id].places
        paths = [str(to_path(place.root, place.path)) for place in places]
        row = {
            "photo": columns.pop("digest").hex(),
            "path": paths[0],
            "copies": paths[1:],
            **columns,
        }
        yield {"id": photo_id, **row} if keep_id else row
