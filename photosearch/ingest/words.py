"""The second pass: what is printed in the photos, read photo by photo.

In: an open catalogue and a reader. Out: a WordsReport; Progress on the way. Each photo is a
transaction of its own: a run that is stopped goes on at the photo where it was, one that is killed
reads those again that were in flight. A photo in which nothing is printed is remembered as read.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

from photosearch.decode.limits import Limits
from photosearch.decode.pool import WorkerPool
from photosearch.errors import BadImage, MissingExtra
from photosearch.ingest.held import Options, Source, data_of, sources_of
from photosearch.ingest.prepare import open_picture
from photosearch.ocr.reader import ReadFailed, scaled
from photosearch.ordered import ordered_map
from photosearch.paths import to_path
from photosearch.records import Failure, Progress
from photosearch.reports.runs import WordsReport
from photosearch.store.words import Reading, reader_id, store_readings, unread

if TYPE_CHECKING:
    from photosearch.ocr.reader import WordReader
    from photosearch.store.catalogue import Catalogue
    from photosearch.store.snapshot import Snapshot


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

    with (
        ThreadPoolExecutor(options.jobs, "words") as pool,
        WorkerPool(options.jobs) as workers,
    ):
        for source, reading in ordered_map(
            lambda source: (source, _read(source, reader, workers, options.limits)),
            sources_of(snapshot, waiting, options.should_stop),
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


def _read(
    source: Source, reader: WordReader, workers: WorkerPool, limits: Limits
) -> Reading | None:
    """None where no file holds this photo now."""
    from PIL import Image

    data = data_of(source)
    if data is None:
        return None
    try:
        picture = workers.run(open_picture, data, reader.read_side, limits=limits)
        image = Image.fromarray(picture.pixels)
        lines = reader.read(image)
    except (BadImage, MissingExtra, ReadFailed) as error:
        return Reading(source.photo_id, failure=error.typed)
    across, down = picture.width / image.width, picture.height / image.height
    return Reading(source.photo_id, scaled(lines, across, down))
