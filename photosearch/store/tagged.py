"""Reading the tags of photos. A catalogue of an older schema has none, until it is written to."""

from __future__ import annotations

from collections.abc import Sequence

from photosearch.store.snapshot import Snapshot


def has_tags(snapshot: Snapshot) -> bool:
    """Whether the catalogue can hold tags."""
    return snapshot.has_table("tags")


def tag_counts(snapshot: Snapshot) -> list[tuple[str, str, int]]:
    """(tag, label, photos that lie somewhere), the most frequent first."""
    if not has_tags(snapshot):
        return []
    return list(
        snapshot.rows(
            "SELECT tag, min(label), count(DISTINCT photo_id) AS photos FROM tags t "
            "WHERE EXISTS (SELECT 1 FROM files f WHERE f.photo_id = t.photo_id "
            "AND f.missing = 0) GROUP BY tag ORDER BY photos DESC, tag"
        )
    )


def tags_of(snapshot: Snapshot, photo_ids: Sequence[int]) -> dict[int, list[str]]:
    """The labels of photos that have any, in the order of their normal forms."""
    labels: dict[int, list[str]] = {}
    if has_tags(snapshot):
        for photo_id, label in snapshot.in_blocks(
            "SELECT photo_id, min(label) FROM tags WHERE photo_id IN ({}) "
            "GROUP BY photo_id, tag ORDER BY photo_id, tag",
            photo_ids,
        ):
            labels.setdefault(photo_id, []).append(label)
    return labels
