"""The second pass: what is printed in the photos, read photo by photo.

In: an open catalogue and a reader. Out: a WordsReport; Progress on the way. Each photo is a
transaction of its own: a run that is stopped goes on at the photo where it was, one that is killed
reads those again that were in flight. A photo in which nothing is printed is remembered as read.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from photosearch.decode.limits import Limits
from photosearch.decode.pool import WorkerPool
from photosearch.errors import BadImage, MissingExtra
from photosearch.ingest.prepare import open_picture
from photosearch.ocr.reader import ReadFailed, scaled
from photosearch.ordered import ordered_map
from photosearch.paths import join, to_path
from photosearch.read import Changed, read_file
from photosearch.records import Failure, FoundFile, Progress
from photosearch.reports import WordsReport
from photosearch.store.words import Reading, reader_id, store_readings, unread

if TYPE_CHECKING:
    from photosearch.ocr.reader import WordReader
    from photosearch.store.catalogue import Catalogue
    from photosearch.store.snapshot import Snapshot

# Photos whose paths are looked up at a time.
_BLOCK = 200


@dataclass(frozen=True, slots=True)
class Options:
    """How to run."""

    retry: bool = False
    jobs: int = 2
    limits: Limits = field(default_factory=Limits)
    progress: Callable[[Progress], None] = lambda progress: None
    should_stop: Callable[[], bool] = lambda: False


@dataclass(frozen=True, slots=True)
class _Source:
    """A photo and the files that should hold it."""

    photo_id: int
    digest: bytes
    files: tuple[tuple[bytes, bytes, int, int], ...]  # (root, path, size, mtime_ns)


def read_words(
    catalogue: Catalogue,
    snapshot: Snapshot,
    key: str,
    open_reader: Callable[[], WordReader],
    options: Options,
) -> WordsReport:
    """Read every photo of the library that the reader with this key has not read yet.

    The reader is opened where there is something to read, and shared by the threads. A photo
    whose file is not there now, or has changed since it was indexed, is left for another run.
    """
    started = time.monotonic()
    waiting = unread(snapshot, key, retry=options.retry)
    if not waiting:
        return WordsReport()
    reader = open_reader()
    number = reader_id(catalogue, reader.key, reader.name)
    read = with_words = unavailable = 0
    failed: list[Failure] = []

    def sources() -> Iterator[_Source]:
        for source in _sources(snapshot, waiting):
            if options.should_stop():
                return
            yield source

    with (
        ThreadPoolExecutor(options.jobs, "words") as pool,
        WorkerPool(options.jobs) as workers,
    ):
        for source, reading in ordered_map(
            lambda source: (source, _read(source, reader, workers, options.limits)),
            sources(),
            pool=pool,
            ahead=2 * options.jobs,
        ):
            if reading is None:
                unavailable += 1
                continue
            store_readings(catalogue, number, [reading])
            read += 1
            with_words += bool(reading.lines)
            if reading.failure is not None:
                root, path, *_ = source.files[0]
                failed.append(Failure(to_path(root, path), reading.failure))
            done = read + unavailable
            options.progress(Progress(done, len(waiting), 0, len(failed), stage="words"))
    return WordsReport(
        read=read,
        with_words=with_words,
        unavailable=unavailable,
        left=len(waiting) - read - unavailable,
        failed=tuple(failed),
        seconds=time.monotonic() - started,
    )


def _sources(snapshot: Snapshot, photo_ids: list[int]) -> Iterator[_Source]:
    for at in range(0, len(photo_ids), _BLOCK):
        files: dict[tuple[int, bytes], list[tuple[bytes, bytes, int, int]]] = {}
        rows = snapshot.files_of(photo_ids[at : at + _BLOCK])
        for photo_id, digest, root, path, size, mtime_ns in rows:
            files.setdefault((photo_id, digest), []).append((root, path, size, mtime_ns))
        for (photo_id, digest), places in sorted(files.items()):
            yield _Source(photo_id, digest, tuple(places))


def _read(
    source: _Source, reader: WordReader, workers: WorkerPool, limits: Limits
) -> Reading | None:
    """None where no file holds this photo now."""
    from PIL import Image

    data = _data_of(source)
    if data is None:
        return None
    try:
        picture = workers.run(open_picture, data, reader.read_side, limits=limits)
        image = Image.fromarray(picture.pixels)
        lines = reader.read(image)
    except (BadImage, MissingExtra, ReadFailed) as error:
        return Reading(source.photo_id, failure=str(error))
    across, down = picture.width / image.width, picture.height / image.height
    return Reading(source.photo_id, scaled(lines, across, down))


def _data_of(source: _Source) -> bytes | None:
    for root, path, size, mtime_ns in source.files:
        try:
            file = read_file(join(root, path), FoundFile(path, size, mtime_ns))
        except (OSError, Changed):
            continue
        if file.digest == source.digest:
            return file.data
    return None
