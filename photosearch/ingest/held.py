"""Photos of the catalogue → the bytes of the files that should hold them, for later passes.

In: photo ids. Out: Source records, and the bytes of a file that holds the photo still.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from photosearch import read
from photosearch.decode.limits import Limits
from photosearch.paths import join
from photosearch.records import FoundFile, Progress

if TYPE_CHECKING:
    from photosearch.store.snapshot import Snapshot

# Photos whose paths are looked up at a time.
_BLOCK = 200


@dataclass(frozen=True, slots=True)
class Options:
    """How to run such a pass."""

    retry: bool = False
    jobs: int = 2
    limits: Limits = field(default_factory=Limits)
    progress: Callable[[Progress], None] = lambda progress: None
    should_stop: Callable[[], bool] = lambda: False


@dataclass(frozen=True, slots=True)
class Source:
    """A photo and the files that should hold it."""

    photo_id: int
    digest: bytes
    files: tuple[tuple[bytes, bytes, int, int], ...]  # (root, path, size, mtime_ns)


def sources_of(
    snapshot: Snapshot, photo_ids: list[int], should_stop: Callable[[], bool]
) -> Iterator[Source]:
    """The photos that lie somewhere, in the order of their ids; none more once it should stop."""
    for at in range(0, len(photo_ids), _BLOCK):
        files: dict[tuple[int, bytes], list[tuple[bytes, bytes, int, int]]] = {}
        rows = snapshot.files_of(photo_ids[at : at + _BLOCK])
        for photo_id, digest, root, path, size, mtime_ns in rows:
            files.setdefault((photo_id, digest), []).append((root, path, size, mtime_ns))
        for (photo_id, digest), places in sorted(files.items()):
            if should_stop():
                return
            yield Source(photo_id, digest, tuple(places))


def data_of(source: Source) -> bytes | None:
    """None where no file holds this photo now."""
    return read.data_of(
        source.digest,
        (
            (join(root, path), FoundFile(path, size, mtime_ns))
            for root, path, size, mtime_ns in source.files
        ),
    )
