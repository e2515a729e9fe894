"""What was found out by comparing photos with photos: perceptual hashes, and pairs compared.

In: hashes of photos, verdicts about pairs. Out: rows of `hashes` and `pairs`. Knows nothing of how
either is computed: a `kind` names the way, and what another way found is never mixed in.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from photosearch.store.catalogue import Catalogue
    from photosearch.store.snapshot import Snapshot

SAME, ALTERED, DIFFERENT = "same", "altered", "different"


@dataclass(frozen=True, slots=True)
class NewHash:
    """The perceptual hash of a photo, or why there is none."""

    photo_id: int
    hash: bytes | None
    colour: float | None = None  # mean distance from grey, 0..255
    failure: str | None = None


@dataclass(frozen=True, slots=True)
class Compared:
    """What the pixels of two photos, one and other, have to do with each other."""

    verdict: str  # SAME, ALTERED: in a part of the picture, DIFFERENT
    likeness: float = 0.0  # 0..1
    shown_one: float = 0.0  # how much of the one can be seen in the other, 0..1
    shown_other: float = 0.0
    scale: float = 1.0  # pixels a side in which the other shows what the one shows in one
    tones: float = 0.0  # mean difference of their brightness, 0..255

    def turned(self) -> Compared:
        """The same, told about the other and the one."""
        return replace(
            self,
            shown_one=self.shown_other,
            shown_other=self.shown_one,
            scale=1 / self.scale,
        )


def store_hashes(catalogue: Catalogue, kind: str, hashes: Iterable[NewHash]) -> None:
    """Store hashes in one transaction; photos that are gone by now are left out."""
    with catalogue.transaction() as connection:
        connection.executemany(
            "INSERT OR REPLACE INTO hashes (photo_id, kind, hash, colour, failure) "
            "SELECT id, ?, ?, ?, ? FROM photos WHERE id = ?",
            ((kind, one.hash, one.colour, one.failure, one.photo_id) for one in hashes),
        )


def unhashed(snapshot: Snapshot, kind: str) -> list[int]:
    """Photos that lie somewhere and were not yet looked at in this way."""
    known = (
        " AND NOT EXISTS (SELECT 1 FROM hashes h WHERE h.photo_id = f.photo_id AND h.kind = ?)"
        if snapshot.has_table("hashes")
        else " AND ? IS NOT NULL"
    )
    rows = snapshot.rows(
        f"SELECT DISTINCT f.photo_id FROM files f WHERE f.missing = 0{known} ORDER BY f.photo_id",
        (kind,),
    )
    return [photo_id for (photo_id,) in rows]


def hashes_of(snapshot: Snapshot, kind: str) -> Iterator[tuple[int, bytes, float]]:
    """(photo id, hash, colour) of all photos that lie somewhere and have one, by id."""
    if not snapshot.has_table("hashes"):
        return iter(())
    return snapshot.rows(
        "SELECT h.photo_id, h.hash, h.colour FROM hashes h WHERE h.kind = ? AND h.hash IS NOT NULL "
        "AND EXISTS (SELECT 1 FROM files f WHERE f.photo_id = h.photo_id AND f.missing = 0) "
        "ORDER BY h.photo_id",
        (kind,),
    )


def failed_hashes(snapshot: Snapshot, kind: str) -> dict[int, str]:
    """Photos whose pixels could not be had → why."""
    if not snapshot.has_table("hashes"):
        return {}
    return dict(
        snapshot.rows(
            "SELECT photo_id, failure FROM hashes WHERE kind = ? AND failure IS NOT NULL", (kind,)
        )
    )


def store_pairs(
    catalogue: Catalogue, kind: str, pairs: Iterable[tuple[int, int, Compared]]
) -> None:
    """Store what comparing (one, other) gave, in one transaction."""
    with catalogue.transaction() as connection:
        for one, other, found in pairs:
            told = found if one < other else found.turned()
            connection.execute(
                "INSERT OR REPLACE INTO pairs "
                "(photo_a, photo_b, kind, verdict, likeness, shown_a, shown_b, scale, tones) "
                "SELECT a.id, b.id, ?, ?, ?, ?, ?, ?, ? FROM photos a, photos b "
                "WHERE a.id = ? AND b.id = ?",
                (
                    kind,
                    told.verdict,
                    told.likeness,
                    told.shown_one,
                    told.shown_other,
                    told.scale,
                    told.tones,
                    min(one, other),
                    max(one, other),
                ),
            )


def compared(snapshot: Snapshot, kind: str, one: int, other: int) -> Compared | None:
    """What is known of two photos, None where they were not compared in this way."""
    if not snapshot.has_table("pairs"):
        return None
    for row in snapshot.rows(
        "SELECT verdict, likeness, shown_a, shown_b, scale, tones FROM pairs "
        "WHERE photo_a = ? AND photo_b = ? AND kind = ?",
        (min(one, other), max(one, other), kind),
    ):
        found = Compared(*row)
        return found if one < other else found.turned()
    return None
