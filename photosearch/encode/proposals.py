"""A picture → boxes that may hold one thing each, whatever it is.

In: an upright RGB image. Out: float64[n, 4] boxes x0, y0, x1, y1 in its pixels, the likeliest
first.
Nothing is known here of labels or models.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from PIL import Image

Boxes = NDArray[np.float64]

_STEPS = (1, 2, 3, 4, 5)


def propose(image: Image.Image, budget: int) -> Boxes:
    """At most `budget` boxes."""
    return grid(image.width, image.height)[:budget]


def grid(width: int, height: int) -> Boxes:
    """Sliding windows of several sizes, each half over the next, the largest first."""
    boxes = []
    for parts in _STEPS:
        wide, high = 2 * width / (parts + 1), 2 * height / (parts + 1)
        for row in range(parts):
            for column in range(parts):
                x, y = column * wide / 2, row * high / 2
                boxes.append((x, y, min(width, x + wide), min(height, y + high)))
    return np.array(boxes, np.float64)
