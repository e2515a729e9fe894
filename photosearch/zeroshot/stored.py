"""A library's stored vectors → labels of its photos; the best of them as tags.

In: a snapshot, a model, encoded labels. Out: Classified records, rows of tags. No photo is opened.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np

from photosearch.paths import to_path
from photosearch.records import Classified
from photosearch.reports.runs import TagReport
from photosearch.store.tags import NewTag, replace_tags
from photosearch.zeroshot.classify import LabelVectors

if TYPE_CHECKING:
    from photosearch.store.catalogue import Catalogue
    from photosearch.store.snapshot import Model, Snapshot

SOURCE = "classify"
# Photos at a time, and cells of their table of logits: a million float64 are 8 MB, and there are
# five such tables on the way. 20,000 labels are compared with 50 photos at a time.
_BLOCK = 1000
_CELLS = 1_000_000


def classify_stored(
    snapshot: Snapshot, model: Model, labels: LabelVectors, *, top: int | None = None
) -> Iterator[tuple[int, Classified]]:
    """(photo id, record) of every photo that lies somewhere and has a vector of this model."""
    size = max(1, min(_BLOCK, _CELLS // len(labels.labels)))
    for block in snapshot.vector_blocks(model.id, size):
        shown = snapshot.photos([photo_id for photo_id, _ in block])
        rows = [(photo_id, blob) for photo_id, blob in block if photo_id in shown]
        if not rows:
            continue
        vectors = np.frombuffer(b"".join(blob for _, blob in rows), "<f2").reshape(-1, model.dim)
        best = labels.best(vectors.astype(np.float32), top)
        for (photo_id, _), found in zip(rows, best, strict=True):
            place = shown[photo_id].places[0]
            yield photo_id, Classified(to_path(place.root, place.path), found, labels.scoring)


def tag_stored(
    catalogue: Catalogue,
    snapshot: Snapshot,
    model: Model,
    labels: LabelVectors,
    min_probability: float,
) -> TagReport:
    """Give every photo its best label as a tag, instead of those of an earlier run."""
    counts: Counter[str] = Counter()
    untagged = 0

    def tags() -> Iterator[NewTag]:
        nonlocal untagged
        for photo_id, record in classify_stored(snapshot, model, labels, top=1):
            label, probability = record.labels[0]
            if probability < min_probability:
                untagged += 1
            else:
                counts[label] += 1
                yield NewTag(photo_id, label, probability)

    replace_tags(catalogue, SOURCE, model.id, tags())
    return TagReport(
        tuple((label, counts[label]) for label in labels.labels), untagged, labels.scoring
    )
