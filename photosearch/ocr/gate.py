"""The cheap first look: is there text in a photo at all, and where?

In: the size of an image; the text detector's map of it at low resolution (0..1, how probably a
pixel is text). Out: sizes for the detector; the part of the image that is worth reading, or None.
Knows no engine: sizes and arrays alone.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

# The detector's time is that of its pixels: 0.45 s a megapixel on 2 cores.
STEP = 32  # its sizes are multiples of this

# The first look. Letters of 6 pixels still light up in it.
LOOK_LONG = 640
LOOK_SHORT = 224  # of panoramas and long screenshots, which would be a thread otherwise
# The second look, at the part that lit up.
READ_LONG = 1280
READ_SHORT = 640
MOST_ENLARGED = 2.0  # small photos: letters of 8 pixels are read at twice their size
MOST_PIXELS = 5_000_000  # whatever the shape

LIT = 0.3  # the detector's own threshold for "text"
FEWEST_LIT = 20  # pixels of the first look; below are specks
MARGIN = 24  # pixels of the first look around what lit up: the map shows the letters' core


@dataclass(frozen=True, slots=True)
class Part:
    """A rectangle of an image, in its pixels; right and bottom lie outside."""

    left: int
    top: int
    right: int
    bottom: int

    @property
    def size(self) -> tuple[int, int]:
        return self.right - self.left, self.bottom - self.top


def look_size(width: int, height: int) -> tuple[int, int]:
    """At which size the first look sees an image; never enlarged."""
    return _fit(width, height, LOOK_LONG, LOOK_SHORT, 1.0)


def read_size(width: int, height: int) -> tuple[int, int]:
    """At which size text is searched for in a part of an image."""
    return _fit(width, height, READ_LONG, READ_SHORT, MOST_ENLARGED)


def _fit(width: int, height: int, long: int, short: int, most: float) -> tuple[int, int]:
    """Long side `long`, or more if the short side would be below `short`; multiples of STEP."""
    factor = max(long / max(width, height), min(1.0, short / min(width, height)))
    factor = min(factor, most, math.sqrt(MOST_PIXELS / (width * height)))
    return _step(width * factor), _step(height * factor)


def _step(length: float) -> int:
    return max(STEP, round(length / STEP) * STEP)


def lit_part(lit: NDArray[np.float32], width: int, height: int) -> Part | None:
    """The part of an image of this size that the map of the first look shows text in."""
    rows, columns = np.nonzero(lit > LIT)
    if len(rows) < FEWEST_LIT:
        return None
    across, down = width / lit.shape[1], height / lit.shape[0]
    return Part(
        max(0, math.floor((int(columns.min()) - MARGIN) * across)),
        max(0, math.floor((int(rows.min()) - MARGIN) * down)),
        min(width, math.ceil((int(columns.max()) + 1 + MARGIN) * across)),
        min(height, math.ceil((int(rows.max()) + 1 + MARGIN) * down)),
    )
