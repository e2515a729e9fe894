"""How much a catalogue holds: photos, files, failures, unused space.

In: a snapshot. Out: numbers, counted in indexes alone where that is possible.
"""

from __future__ import annotations

from photosearch.store.snapshot import Snapshot


def totals(snapshot: Snapshot) -> dict[str, int]:
    """Photos and files that lie somewhere; what is missing, forgotten, or could not be indexed."""
    # Counted in indexes alone: asking each photo for its files, in the order of digests, took
    # 1.1 s for 300,000 and grew faster than their number.
    row = snapshot.one(
        "SELECT (SELECT count(DISTINCT photo_id) FROM files), "
        "(SELECT count(DISTINCT m.photo_id) FROM files m WHERE m.missing = 1 AND NOT EXISTS "
        "(SELECT 1 FROM files f WHERE f.photo_id = m.photo_id AND f.missing = 0)), "
        "(SELECT count(*) FROM photos), "
        "(SELECT count(*) FROM files), "
        "(SELECT count(*) FROM files WHERE missing = 1), "
        "(SELECT count(*) FROM failures)"
    )
    assert row is not None
    somewhere, nowhere_now, rows, files, missing, failures = row
    photos = somewhere - nowhere_now
    return {
        "photos": photos,
        "forgotten": rows - photos,
        "files": files - missing,
        "missing": missing,
        "failures": failures,
    }


def root_counts(snapshot: Snapshot) -> list[tuple[bytes, int, int]]:
    """(root, files, missing files) of each root."""
    files = dict(snapshot.rows("SELECT root_id, count(*) FROM files GROUP BY root_id"))
    # By the index of missing files, which are few; else every row would be looked up.
    missing = dict(
        snapshot.rows(
            "SELECT root_id, count(*) FROM files INDEXED BY files_missing "
            "WHERE missing = 1 GROUP BY root_id"
        )
    )
    return [
        (path, files.get(root_id, 0) - missing.get(root_id, 0), missing.get(root_id, 0))
        for path, root_id in snapshot.roots().items()
    ]


def unused_bytes(snapshot: Snapshot) -> int:
    """Of the catalogue's file: pages that hold nothing at the moment."""
    ((pages,),) = snapshot.rows("PRAGMA freelist_count")
    ((size,),) = snapshot.rows("PRAGMA page_size")
    return int(pages * size)


def failures(snapshot: Snapshot) -> list[tuple[bytes, bytes, str]]:
    """(root, path, reason) of every file that could not be indexed."""
    return list(
        snapshot.rows(
            "SELECT r.path, x.path, x.reason FROM failures x JOIN roots r ON r.id = x.root_id "
            "ORDER BY r.path, x.path"
        )
    )
