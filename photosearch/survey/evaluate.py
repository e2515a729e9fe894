"""Recall of captions against their photos, measured the same way every time.

In: captions, and an index that holds the photos. Out: an EvalReport. A caption's rank is 1 + the
number of photos that score higher, among the photos of the captions file alone; a photo's rank is
that of its best caption. Vectors and scores are those that a query would see.
"""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from photosearch.encode.taught import as_taught
from photosearch.errors import WrongUse
from photosearch.paths import to_bytes
from photosearch.reports.recall import EvalReport, Recall

if TYPE_CHECKING:
    from photosearch.encode.encoder import Encoder
    from photosearch.index.base import VectorIndex
    from photosearch.store.snapshot import Model, Snapshot


@dataclass(frozen=True, slots=True)
class Captioned:
    """One line of a captions file."""

    file: str  # relative to the root
    captions: list[str]


def read_captions(path: Path, field: str = "captions") -> list[Captioned]:
    """Lines of {"file": …, "captions": […]}; `field` names another list of captions."""
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        raise WrongUse(f"{path} cannot be read: {error.strerror or error}") from error
    except UnicodeDecodeError as error:
        raise WrongUse(f"{path} cannot be read: it is no UTF-8 text") from error
    lines = []
    for number, line in enumerate(text.splitlines(), 1):
        if not line.strip():
            continue
        try:
            row = json.loads(line)
            captions = row[field]
            if not isinstance(captions, list) or not isinstance(row["file"], str):
                raise TypeError("wrong types")
            lines.append(Captioned(row["file"], [str(caption) for caption in captions]))
        except (ValueError, KeyError, TypeError) as error:
            reason = f"there is no {error}" if isinstance(error, KeyError) else error
            raise WrongUse(
                f'{path}, line {number}: expected {{"file": "…", "{field}": ["…"]}} ({reason})'
            ) from error
    if not lines:
        raise WrongUse(f"{path} holds no captions")
    return lines


def which_are_here(
    rows: Sequence[Captioned], snapshot: Snapshot, root: str | os.PathLike[str]
) -> list[int | None]:
    """The photos of a captions file, None where the library has no such file.

    Raises WrongUse where there is none at all: indexing would not bring it.
    """
    found: list[int | None] = []
    for path in (Path(root) / row.file for row in rows):
        known = snapshot.file_at(to_bytes(path))
        if known is None and not os.path.lexists(path):
            raise WrongUse(f"{path}: no such file; --root names the folder that they are in")
        found.append(known[0] if known else None)
    return found


def photos_of(
    rows: Sequence[Captioned], snapshot: Snapshot, root: str | os.PathLike[str]
) -> list[int]:
    """The photos of a captions file, all of which must be in the library."""
    found = which_are_here(rows, snapshot, root)
    if None in found:
        raise WrongUse(
            f"{Path(root) / rows[found.index(None)].file} is not in the library",
            hint=f"photosearch index {os.fspath(root)}",
        )
    return [photo_id for photo_id in found if photo_id is not None]


def evaluate(
    rows: list[Captioned],
    photo_ids: list[int],
    *,
    encoder: Encoder,
    index: VectorIndex,
    snapshot: Snapshot,
    model: Model,
    language: str | None = None,
) -> EvalReport:
    """Recall both ways; photo_ids[i] is the photo of rows[i]."""
    only = np.array(sorted(set(photo_ids)), np.int64)
    texts = [caption for row in rows for caption in row.captions]
    owners = np.array([photo_ids[i] for i, row in enumerate(rows) for _ in row.captions], np.int64)
    vectors = encoder.encode_texts(as_taught(texts, encoder, language), language=language)

    text_ranks = np.empty(len(texts), np.int64)
    for number, (vector, owner) in enumerate(zip(vectors, owners, strict=True)):
        ranking = index.search(vector, len(only), only)
        own = ranking.scores[ranking.ids == owner]
        text_ranks[number] = 1 + int((ranking.scores > own[0]).sum())

    stored = dict(snapshot.vectors_of(model.id, only.tolist()))
    image_ranks = np.empty(len(only), np.int64)
    for number, photo_id in enumerate(only.tolist()):
        scores = vectors @ np.frombuffer(stored[photo_id], "<f2").astype(np.float32)
        image_ranks[number] = 1 + int((scores > scores[owners == photo_id].max()).sum())
    return EvalReport(
        model=encoder.name,
        photos=len(only),
        text_to_image=_recall(text_ranks),
        image_to_text=_recall(image_ranks),
    )


def _recall(ranks: NDArray[np.int64]) -> Recall:
    return Recall(
        queries=len(ranks),
        recall_at_1=100 * float((ranks <= 1).mean()),
        recall_at_5=100 * float((ranks <= 5).mean()),
        recall_at_10=100 * float((ranks <= 10).mean()),
        median_rank=float(np.median(ranks)),
    )
