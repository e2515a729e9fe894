"""What the files of vectors say of themselves: from which rows of the catalogue, which bytes.

In: a folder and a model. Out: stamps, and what is wrong with a file. Each file has a stamp:

    <model key>.json          of the first file: all vectors up to its last id
    <model key>.1.json …      of those that were added since, file by file
    <model key>-<last vector id>-<count>.faiss    what a stamp names

A stamp is replaced by a rename: the commit point. One that does not go on where the stamp before
it ends is not believed, nor are those after it.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import get_type_hints

from photosearch.index.base import Rows
from photosearch.store.snapshot import Model

EXACT = "exact"  # float16 rows (index/exact.py)
SCAN = "scan"  # codes, and rows to rank by (index/scan.py)
_WIDTHS = {EXACT: 0, SCAN: 2}  # bytes a dimension that lie ahead of what FAISS wrote
# The ends of a file that are hashed at each opening: header, and the tail where truncation shows.
# The whole is hashed by `check` alone: 100 MB take 70 ms.
_HASHED_ENDS = 1 << 16


@dataclass(frozen=True, slots=True)
class Stamp:
    """What an index file was made from."""

    catalogue: str
    model: str
    dim: int
    kind: str = field(default=EXACT, kw_only=True)
    after: int = field(default=0, kw_only=True)  # it holds the vectors past this id
    file: str
    bytes: int
    count: int
    last_id: int  # newest vector in it; ids are never used again
    last_photo: int
    last_vector: str  # hash of that vector: tells a catalogue restored from a backup
    ends: str  # hash of the file's first and last bytes, and of where its codes say what they are
    sha256: str


def stamp_of(
    path: Path,
    snapshot: Rows,
    model: Model,
    *,
    kind: str,
    after: int,
    count: int,
    last: tuple[int, int, bytes],
) -> Stamp:
    """The stamp of a file that was just written; `last` is the newest row in it."""
    return Stamp(
        catalogue=snapshot.setting("catalogue") or "",
        model=model.key,
        dim=model.dim,
        file=file_name(model, last[0], count),
        bytes=path.stat().st_size,
        count=count,
        last_id=last[0],
        last_photo=last[1],
        last_vector=_hash(last[2]),
        ends=_hash_ends(path, _hashed(kind, count, model.dim)),
        sha256=file_sha256(path),
        kind=kind,
        after=after,
    )


def read_stamps(folder: Path, model: Model) -> list[Stamp]:
    """The stamps of a model's files, as far as each goes on where the one before it ends."""
    stamps: list[Stamp] = []
    while stamp := _read_stamp(folder, model, len(stamps)):
        if stamp.after != (stamps[-1].last_id if stamps else 0):
            break
        stamps.append(stamp)
    return stamps


def stamp_name(model: Model, number: int) -> str:
    """The name of a model's first, second … stamp."""
    return f"{model.key}.{number}.json" if number else f"{model.key}.json"


def file_name(model: Model, last_id: int, count: int) -> str:
    return f"{model.key}-{last_id}-{count}.faiss"


def trouble_with(folder: Path, stamp: Stamp, snapshot: Rows, model: Model) -> str:
    """What can be seen to be wrong with a file without opening it; empty for nothing."""
    path = folder / stamp.file
    if stamp.catalogue != snapshot.setting("catalogue") or stamp.dim != model.dim:
        return "belongs to another library"
    row = snapshot.vector_row(stamp.last_id)
    if stamp.count and (
        row is None or row[:2] != (model.id, stamp.last_photo) or _hash(row[2]) != stamp.last_vector
    ):
        return "is out of date"
    try:
        if path.stat().st_size != stamp.bytes:
            return "is damaged"
        if _hash_ends(path, _hashed(stamp.kind, stamp.count, stamp.dim)) != stamp.ends:
            return "is damaged"
    except FileNotFoundError:
        return "is missing"
    except OSError:
        return "is damaged"
    return ""


def file_sha256(path: Path) -> str:
    """The digest of a whole file."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _read_stamp(folder: Path, model: Model, number: int) -> Stamp | None:
    """What is said of a file; None where nothing is, or nothing that can be read."""
    try:
        text = (folder / stamp_name(model, number)).read_text(encoding="utf-8")
        stamp = Stamp(**json.loads(text))
    except (OSError, ValueError, TypeError, RecursionError):
        return None
    kinds = get_type_hints(Stamp)
    values = asdict(stamp)
    if any(type(value) is not kinds[name] for name, value in values.items()):
        return None
    if any(not 0 <= value < 1 << 63 for value in values.values() if isinstance(value, int)):
        return None  # more than SQLite can be asked for
    if stamp.kind not in _WIDTHS or stamp.after > stamp.last_id:
        return None
    return stamp if stamp.file == file_name(model, stamp.last_id, stamp.count) else None


def _hashed(kind: str, count: int, dim: int) -> list[tuple[int, int]]:
    """(place, length) of what FAISS reads sizes from: with a wrong one it searches for ever.

    At the beginning of its part, and past the rotation, whose dim * dim numbers change no size:
    there follow the cell (4 bytes a dimension), the quantiser (64), and the sizes of the lists.
    """
    if kind == EXACT:
        return []
    codes_at = count * (dim * _WIDTHS[kind] + 8)
    return [(codes_at, _HASHED_ENDS), (codes_at + 4 * dim * dim, 68 * dim + _HASHED_ENDS)]


def _hash(data: bytes) -> str:
    return hashlib.blake2b(data, digest_size=16).hexdigest()


def _hash_ends(path: Path, between: list[tuple[int, int]]) -> str:
    with path.open("rb") as file:
        data = file.read(_HASHED_ENDS)
        for place, length in between:
            file.seek(place)
            data += file.read(length)
        file.seek(max(0, path.stat().st_size - _HASHED_ENDS))
        return _hash(data + file.read(_HASHED_ENDS))
