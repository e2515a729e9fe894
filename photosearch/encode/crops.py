"""Boxes of a picture → one vector a box.

In: an upright RGB image, boxes, an image tower. Out: unit vectors. Each box is cut out as it is and
with half as much around it, and the two vectors are averaged, as ViLD does it (arXiv:2104.13921,
3.2): the thing alone, and the thing where it stands.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from photosearch.encode.towers import ImageTower, normalise

if TYPE_CHECKING:
    from PIL import Image

SCALES = (1.0, 1.5)


def encode_boxes(
    image: Image.Image,
    boxes: NDArray[np.float64],
    tower: ImageTower,
    scales: tuple[float, ...] = SCALES,
) -> NDArray[np.float32]:
    """float64[n, 4] boxes x0, y0, x1, y1 in the image's pixels → float32[n, dim], unit length."""
    total = np.zeros((len(boxes), tower.dim), np.float32)
    for scale in scales:
        for at in range(0, len(boxes), tower.batch_size):
            some = boxes[at : at + tower.batch_size]
            pixels = [tower.preprocess.resize(_cut(image, box, scale)) for box in some]
            total[at : at + len(some)] += tower.encode(np.stack(pixels))
    return normalise(total)


def _cut(image: Image.Image, box: NDArray[np.float64], scale: float) -> Image.Image:
    """What is in a box, made larger around its centre but not beyond the picture."""
    x0, y0, x1, y1 = box.tolist()
    across, down = (x1 - x0) * (scale - 1) / 2, (y1 - y0) * (scale - 1) / 2
    left, top = max(0, round(x0 - across)), max(0, round(y0 - down))
    right, bottom = min(image.width, round(x1 + across)), min(image.height, round(y1 + down))
    return image.crop((left, top, max(right, left + 1), max(bottom, top + 1)))
