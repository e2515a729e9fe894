"""The seam between photosearch and any engine that reads printed words.

In: an upright RGB image. Out: lines of text with confidence and box, in that image's pixels.
A reading's meaning is the reader's `key`: another engine, model or setting has another key, and
whoever stores readings can tell which are out of date.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import TYPE_CHECKING, Protocol

from photosearch.errors import PhotosearchError
from photosearch.records import Line

if TYPE_CHECKING:
    from PIL.Image import Image


class ReadFailed(PhotosearchError):
    """The engine gave up on one image; the next may be read all the same."""


class WordReader(Protocol):
    """Photos → printed words. May be shared by threads."""

    key: str  # fingerprint of engine, models and settings
    name: str  # for people
    read_side: int  # pixels a side that are of use: `decode(data, need=reader.read_side)`

    def read(self, image: Image) -> tuple[Line, ...]:
        """The lines of an upright RGB image, in reading order, boxes in its pixels.

        Raises ReadFailed; an image without text gives no lines.
        """
        ...


def scaled(lines: Iterable[Line], factor_x: float, factor_y: float) -> tuple[Line, ...]:
    """The same lines in the pixels of another size of the picture, such as the photo's own."""
    return tuple(
        replace(line, box=tuple((x * factor_x, y * factor_y) for x, y in line.box))
        for line in lines
    )
