"""Boxes of a picture → one vector a box.

In: an upright RGB image, boxes, an image tower. Out: unit vectors. Each box is cut out as it is and
with half as much around it, and the two vectors are averaged, as ViLD does it (arXiv:2104.13921,
3.2): the thing alone, and the thing where it stands.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from photosearch.encode.towers import ImageTower, normalise
from photosearch.settings import usable_cores

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

    def resized(box: NDArray[np.float64]) -> NDArray[np.uint8]:
        return tower.preprocess.resize(_cut(image, box))

    image.load()  # the threads must not all do it
    with ThreadPoolExecutor(usable_cores(), "crop") as pool:
        for scale in scales:
            around = grown(boxes, scale, image.size)
            for at in range(0, len(boxes), tower.batch_size):
                pixels = list(pool.map(resized, around[at : at + tower.batch_size]))
                total[at : at + len(pixels)] += tower.encode(np.stack(pixels))
    return normalise(total)


def grown(boxes: NDArray[np.float64], scale: float, size: tuple[int, int]) -> NDArray[np.float64]:
    """Boxes made larger around their centres, but not beyond a picture of (width, height).

    In whole pixels, one at least each way.
    """
    margin = (boxes[:, 2:] - boxes[:, :2]) * ((scale - 1) / 2)
    low = np.clip(np.round(boxes[:, :2] - margin), 0, np.array(size) - 1)
    high = np.minimum(np.round(boxes[:, 2:] + margin), size)
    return np.concatenate([low, np.maximum(high, low + 1)], axis=1)


def _cut(image: Image.Image, box: NDArray[np.float64]) -> Image.Image:
    x0, y0, x1, y1 = (int(edge) for edge in box)
    return image.crop((x0, y0, x1, y1))
