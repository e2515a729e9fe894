"""Word spotting: where in a photo a text is printed.

In: a text. Out: a Locator, whose regions are lines of printed words. The photo is read now: it need
not be in a library.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from photosearch.errors import WrongUse
from photosearch.ocr.rapid import RapidReader
from photosearch.records import Line, Region
from photosearch.search.printed import lines_holding
from photosearch.settings import usable_cores
from photosearch.store.words import normal_words

if TYPE_CHECKING:
    from PIL import Image


class PrintedWords:
    """Lines that hold a text. A region's label is the line, its score how surely it holds it."""

    def __init__(self, text: str, threshold: float | None = None) -> None:
        if not normal_words(text):
            raise WrongUse(
                "--words is empty" if not text.strip() else f"--words {text!r} has no letters",
                hint='--words "EXIT"',
            )
        if threshold is not None and not 0 <= threshold <= 1:
            raise WrongUse(f"--threshold must lie between 0 and 1, not {threshold:g}")
        self._reader = RapidReader(threads=usable_cores())
        self._text = text
        self._threshold = threshold or 0.0
        self.model = self._reader.name
        self.need: int | None = self._reader.read_side

    def locate(self, image: Image.Image) -> list[Region]:
        found = lines_holding(self._reader.read(image), self._text)
        return [_region(line, score) for line, score in found if score >= self._threshold]


def _region(line: Line, score: float) -> Region:
    across, down = [x for x, _ in line.box], [y for _, y in line.box]
    box = (min(across), min(down), max(across), max(down))
    return Region(box, line.text, score, corners=line.box)
