"""What is printed in an example image: stored where the library has read the photo, else read now.

In: where an example is or what it is, a crop. Out: lines. rapidocr and OpenCV are imported when the
first example is read (0.4 s), and its models stay open for the next, in a process that lives on.
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any

from photosearch.ocr.reader import ReadFailed
from photosearch.search.picture import picture_of
from photosearch.store.words import has_words, is_read, lines_of

if TYPE_CHECKING:
    from photosearch.ocr.reader import WordReader
    from photosearch.records import Line
    from photosearch.search.crop import Crop
    from photosearch.store.snapshot import Snapshot

# Of any reader; the default one gives no line below 0.7.
_CONFIDENT = 0.5


def lines_in(
    source: Any, data: bytes, crop: Crop | None, photo_id: int | None, snapshot: Snapshot
) -> tuple[Line, ...]:
    """The lines of an example, or of a part of it; none where reading fails or is of no use.

    data: its bytes where they have been read before. photo_id: where the library has it.
    """
    if not knows_words(snapshot):
        return ()
    if photo_id is not None and crop is None and is_read(snapshot, photo_id):
        found = lines_of(snapshot, photo_id)
    else:
        opened = reader()
        try:
            found = list(opened.read(picture_of(source, data, crop, opened.read_side).image))
        except ReadFailed:
            found = []
    return tuple(line for line in found if line.confidence >= _CONFIDENT)


def knows_words(snapshot: Snapshot) -> bool:
    """Whether any photo of the library has been read."""
    return has_words(snapshot) and any(
        True for _ in snapshot.rows("SELECT 1 FROM readings WHERE failure IS NULL LIMIT 1")
    )


@cache
def reader() -> WordReader:
    """Opened once; a wrapper may take its place."""
    from photosearch.ocr.rapid import RapidReader
    from photosearch.settings import usable_cores

    return RapidReader(threads=usable_cores())
