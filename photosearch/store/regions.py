"""Parts of photos in the eyes of a model: storing them, and giving them to an index.

In: boxes and vectors of a photo's parts. Out: rows of `regions`; parts of chosen photos; all parts
as the rows of an index. Knows nothing of how parts are chosen: a `kind` names the way, and a photo
whose parts were chosen in another way is looked at again. To an index each part is a thing of its
own, whose number tells the photo (`photo_of`).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from photosearch.store.catalogue import Catalogue
    from photosearch.store.snapshot import Model, Snapshot

MOST = 16  # parts of a photo
PREFIX = "regions-"  # of the key under which an index of parts has its files
# Whether `index` keeps parts up to date: "yes" from the first time that they were asked for.
SETTING = "regions"
_BLOCK = 500  # photos asked for at a time


@dataclass(frozen=True, slots=True)
class Parts:
    """The parts of one photo, or why there are none."""

    photo_id: int
    boxes: bytes  # int32[n, 4]: x0, y0, x1, y1 in the upright photo's pixels
    vectors: bytes  # float16[n, dim], unit length
    failure: str | None = None

    @property
    def count(self) -> int:
        return len(self.boxes) // 16

    def box(self, number: int) -> tuple[int, int, int, int]:
        x0, y0, x1, y1 = memoryview(self.boxes).cast("i")[4 * number : 4 * number + 4]
        return x0, y0, x1, y1


# Writing


def store_parts(catalogue: Catalogue, model_id: int, kind: str, parts: Iterable[Parts]) -> None:
    """Store the parts of photos, in one transaction; what was known of them goes."""
    with catalogue.transaction() as connection:
        for one in parts:
            connection.execute(
                "DELETE FROM regions WHERE photo_id = ? AND model_id = ?", (one.photo_id, model_id)
            )
            connection.execute(
                "INSERT INTO regions (photo_id, model_id, kind, count, boxes, failure, vectors) "
                "SELECT id, ?, ?, ?, ?, ?, ? FROM photos WHERE id = ?",
                (model_id, kind, one.count, one.boxes, one.failure, one.vectors, one.photo_id),
            )


# Reading


def without_parts(
    snapshot: Snapshot, model_id: int, kind: str, *, retry: bool = False
) -> list[int]:
    """Photos that lie somewhere and were not yet looked at in this way, failed ones with `retry`.

    A photo without a vector of its own is not asked for: it has to be encoded first.
    """
    again = " AND r.failure IS NULL" if retry else ""
    if not retry and snapshot.has_table("regions"):
        ((left,),) = snapshot.rows(
            "SELECT (SELECT vectors FROM models WHERE id = ?1) - "
            "(SELECT count(*) FROM regions WHERE model_id = ?1 AND kind = ?2)",
            (model_id, kind),
        )
        if not left:  # as at most runs: both are counted in an index
            return []
    known = (
        "SELECT 1 FROM regions r WHERE r.photo_id = v.photo_id AND r.model_id = v.model_id "
        f"AND r.kind = ?{again}"
        if snapshot.has_table("regions")
        else "SELECT 1 WHERE ? IS NULL"
    )
    rows = snapshot.rows(
        "SELECT v.photo_id FROM vectors v WHERE v.model_id = ? "
        "AND EXISTS (SELECT 1 FROM files f WHERE f.photo_id = v.photo_id AND f.missing = 0) "
        f"AND NOT EXISTS ({known}) ORDER BY v.photo_id",
        (model_id, kind),
    )
    return [photo_id for (photo_id,) in rows]


def counts(snapshot: Snapshot, model_id: int) -> dict[str, int]:
    """Photos looked at, those of them that failed, parts of all, photos that wait for it."""
    if not snapshot.has_table("regions"):
        return {"photos": 0, "failed": 0, "parts": 0}
    ((photos, failed, parts),) = snapshot.rows(
        "SELECT count(*), coalesce(sum(count = 0), 0), coalesce(sum(count), 0) "
        "FROM regions WHERE model_id = ?",
        (model_id,),
    )
    return {"photos": photos, "failed": failed, "parts": parts}


def count_without(snapshot: Snapshot, model: Model) -> int:
    """Photos whose parts nobody looked at yet."""
    if model.vectors == counts(snapshot, model.id)["photos"]:  # as after nearly every run
        return 0
    ((count,),) = snapshot.rows(
        "SELECT count(*) FROM vectors v WHERE v.model_id = ? "
        "AND EXISTS (SELECT 1 FROM files f WHERE f.photo_id = v.photo_id AND f.missing = 0) "
        "AND NOT EXISTS (SELECT 1 FROM regions r WHERE r.photo_id = v.photo_id "
        "AND r.model_id = v.model_id)",
        (model.id,),
    )
    return int(count)


def failed_parts(snapshot: Snapshot) -> list[tuple[bytes, bytes, str]]:
    """(root, path, reason) of photos whose parts could not be looked at."""
    if not snapshot.has_table("regions"):
        return []
    return list(
        snapshot.rows(
            "SELECT DISTINCT r.path, f.path, x.failure FROM regions x "
            "JOIN files f ON f.photo_id = x.photo_id AND f.missing = 0 "
            "JOIN roots r ON r.id = f.root_id WHERE x.count = 0 ORDER BY r.path, f.path"
        )
    )


def parts_of(snapshot: Snapshot, model_id: int, photo_ids: Sequence[int]) -> Iterator[Parts]:
    """The parts of chosen photos, of those that have any."""
    for at in range(0, len(photo_ids), _BLOCK):
        block = photo_ids[at : at + _BLOCK]
        for row in snapshot.rows(
            "SELECT photo_id, boxes, vectors FROM regions "
            f"WHERE model_id = ? AND count > 0 AND photo_id IN ({', '.join('?' * len(block))})",
            (model_id, *block),
        ):
            yield Parts(*row)


# As rows of an index


def photo_of(numbers: NDArray[np.int64]) -> NDArray[np.int64]:
    """The photos of parts."""
    return numbers // MOST


def numbers_of(photo_ids: NDArray[np.int64]) -> NDArray[np.int64]:
    """All numbers that parts of these photos (sorted) can have, sorted."""
    import numpy as np

    return (photo_ids[:, np.newaxis] * MOST + np.arange(MOST)).ravel()


def as_model(snapshot: Snapshot, model: Model) -> Model:
    """What an index of the parts is made of: the model with as many vectors as there are parts."""
    parts = counts(snapshot, model.id)["parts"]
    return replace(
        model, key=PREFIX + model.key, name=f"the parts of photos, {model.name}", vectors=parts
    )


class PartRows:
    """The parts of all photos, as a snapshot gives the vectors of photos.

    A row's parts have one row id: what was stored past an id is whole photos.
    """

    def __init__(self, snapshot: Snapshot) -> None:
        self._snapshot = snapshot

    def setting(self, name: str) -> str | None:
        return self._snapshot.setting(name)

    def vectors_after(self, model_id: int, last_id: int) -> Iterator[tuple[int, int, bytes]]:
        """(row id, number of a part, float16 bytes), in order, past a row id."""
        for row_id, photo_id, count, vectors in self._snapshot.rows(
            "SELECT id, photo_id, count, vectors FROM regions "
            "WHERE id > ? AND model_id = ? AND count > 0 ORDER BY id",
            (last_id, model_id),
        ):
            size = len(vectors) // count
            for number in range(count):
                part = vectors[number * size : (number + 1) * size]
                yield row_id, photo_id * MOST + number, part

    def vector_row(self, row_id: int) -> tuple[int, int, bytes] | None:
        """(model id, number, float16 bytes) of the last part of a row."""
        for model_id, photo_id, count, vectors in self._snapshot.rows(
            "SELECT model_id, photo_id, count, vectors FROM regions WHERE id = ? AND count > 0",
            (row_id,),
        ):
            last = vectors[(count - 1) * (len(vectors) // count) :]
            return model_id, photo_id * MOST + count - 1, last
        return None

    def vectors_of(self, model_id: int, numbers: Sequence[int]) -> list[tuple[int, bytes]]:
        """(number, float16 bytes) of chosen parts."""
        wanted = set(numbers)
        photos = sorted({number // MOST for number in wanted})
        found = []
        for parts in parts_of(self._snapshot, model_id, photos):
            size = len(parts.vectors) // parts.count
            for at in range(parts.count):
                number = parts.photo_id * MOST + at
                if number in wanted:
                    found.append((number, parts.vectors[at * size : (at + 1) * size]))
        return found
