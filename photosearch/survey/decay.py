"""The photos on the disk against what the catalogue has of them.

In: a snapshot. Out: Problem records: changed and vanished files, which the next run deals with, and
files that decayed: other content, though size and time say that nobody wrote to them.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Iterator

from photosearch.mounts import is_there
from photosearch.paths import join, time_of, to_path
from photosearch.reports.upkeep import LOST, Problem
from photosearch.store.snapshot import Snapshot

_NAMED = 20  # files that are named one by one


def check_photos(
    snapshot: Snapshot,
    checked: dict[str, int],
    read: bool,
    progress: Callable[[str, int], None],
) -> Iterator[Problem]:
    """What is not as it was; `checked` learns how many were looked at. read: all of them."""
    changed = gone = hidden = looked = 0
    bad: list[str] = []
    for root, root_id in snapshot.roots().items():
        if not is_there(root):
            message = f"{to_path(root)} is offline: its photos stay in the library"
            yield Problem("offline", message)
            continue
        for path, size, mtime_ns, digest in snapshot.rows(
            "SELECT f.path, f.size, f.mtime_ns, p.digest FROM files f "
            "JOIN photos p ON p.id = f.photo_id WHERE f.root_id = ? AND f.missing = 0",
            (root_id,),
        ):
            looked += 1
            full = join(root, path)
            try:
                if _has_changed(full, size, mtime_ns):
                    changed += 1
                elif read:
                    bad += _decay(full, size, mtime_ns, digest)
                    progress("read", looked)
            except FileNotFoundError:
                gone += 1
            except OSError:
                hidden += 1
    checked["files on disk"] = looked
    if changed:
        message = "files changed since they were indexed: photosearch index"
        yield Problem("changed", message, changed)
    if gone:
        yield Problem("gone", "files are not there any more: photosearch index", gone)
    if hidden:
        yield Problem("hidden", "files in folders that cannot be looked into", hidden)
    way_back = "restore the file from a backup"
    for message in bad[:_NAMED]:
        yield Problem("photo", message, 1, LOST, way_back)
    if left := len(bad[_NAMED:]):
        yield Problem("photo", "more files that are not as they were", left, LOST, way_back)


def _decay(path: bytes, size: int, mtime_ns: int, digest: bytes) -> Iterator[str]:
    """What is wrong with a file that looks unchanged; nothing where its content is the same."""
    name = os.fsdecode(path)
    try:
        with open(path, "rb") as file:
            now = hashlib.file_digest(file, "sha256").digest()
    except FileNotFoundError:
        raise
    except OSError as error:
        yield f"{name} cannot be read: {error.strerror or error}"
        return
    if now != digest and not _has_changed(path, size, mtime_ns):
        yield f"{name}: other content than when it was indexed, with the same size and time"


def _has_changed(path: bytes, size: int, mtime_ns: int) -> bool:
    """Whether a file is not as the catalogue has it."""
    now = os.stat(path)
    return (now.st_size, time_of(now)) != (size, mtime_ns)
