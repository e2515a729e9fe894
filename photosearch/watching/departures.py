"""Files that are said to be gone → rows that say so.

In: an open catalogue, absolute paths of files or folders. Out: rows marked missing, as a run over
their whole root would have marked them, by a look at these paths alone.
A file is gone when the system says that there is none; a root that is not there, or holds nothing
any more, is offline, and its rows stay.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import dataclass, field

from photosearch.mounts import Mounts, is_there
from photosearch.paths import below, find_root, join
from photosearch.store.catalogue import Catalogue
from photosearch.store.snapshot import Snapshot


@dataclass(slots=True)
class Departed:
    """What was found to be gone."""

    elsewhere: int = 0  # files whose photo lies at another path, too
    missing: int = 0
    emptied: list[bytes] = field(default_factory=list)  # roots in which no file would be left


def knows(snapshot: Snapshot, path: bytes) -> bool:
    """Whether the library has this file, or one below this folder: as present, or as a failure."""
    roots = snapshot.roots()
    found = find_root(path, roots)
    if found is None:
        return False
    root, start = found
    values = (roots[root], start, *below(start))
    where = "root_id = ? AND (path = ? OR (path >= ? AND path < ?)) LIMIT 1"
    return any(
        list(snapshot.rows(f"SELECT 1 FROM {table} WHERE {where}", values))
        for table in ("files", "failures")
    )


def depart(catalogue: Catalogue, paths: Iterable[bytes]) -> Departed:
    """Mark as missing what is gone of these files, and of the files in these folders."""
    roots = catalogue.roots()
    places: dict[bytes, set[bytes]] = {}
    for path in paths:
        found = find_root(path, roots)
        if found and found[1]:
            places.setdefault(found[0], set()).add(found[1])
    done = Departed()
    for root, starts in places.items():
        _depart_from(catalogue, root, roots[root], starts, done)
    return done


def _depart_from(
    catalogue: Catalogue, root: bytes, root_id: int, starts: set[bytes], done: Departed
) -> None:
    mounts = Mounts.now().of(root)
    if not is_there(root):
        done.emptied.append(root)
        return
    vanished: dict[int, int] = {}  # file → photo
    failures: list[bytes] = []
    for start in starts:
        for file_id, path, photo_id in catalogue.files_below(root_id, start, missing=False):
            if _is_gone(join(root, path)):
                vanished[file_id] = photo_id
        for (path,) in catalogue.failures_below(root_id, start):
            if _is_gone(join(root, path)):
                failures.append(path)
    if not is_there(root) or Mounts.now().of(root) != mounts:
        return  # a disk went while we looked: nothing can be said of its files
    if failures:
        catalogue.drop_failures(root_id, failures)
    if not vanished:
        return
    present = catalogue.files_below(root_id, b"", missing=False)
    if all(file_id in vanished for file_id, _, _ in present):
        done.emptied.append(root)
        return
    catalogue.drop_vanished(list(vanished))
    # Those that stand as missing now are the only files of their photos.
    kept = {
        file_id
        for start in starts
        for file_id, _, _ in catalogue.files_below(root_id, start, missing=True)
    }
    missing = sum(file_id in kept for file_id in vanished)
    done.missing += missing
    done.elsewhere += len(vanished) - missing


def withdraw_failures(catalogue: Catalogue, paths: Iterable[bytes]) -> None:
    """Forget that these files failed: they are looked at again."""
    roots = catalogue.roots()
    by_root: dict[int, list[bytes]] = {}
    for path in paths:
        if found := find_root(path, roots):
            by_root.setdefault(roots[found[0]], []).append(found[1])
    for root_id, starts in by_root.items():
        catalogue.drop_failures(root_id, starts)


def _is_gone(path: bytes) -> bool:
    """Only where the system says so: not when it refuses to look, or the network fails."""
    try:
        os.lstat(path)
    except (FileNotFoundError, NotADirectoryError):
        return True
    except OSError:
        return False
    return False
