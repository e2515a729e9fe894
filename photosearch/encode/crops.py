"""Boxes of a picture → one vector a box.

In: an upright RGB image, boxes, an image tower. Out: unit vectors, of each box cut out as it is.
Around a box there are other things: with half as much around each box (ViLD averages both,
arXiv:2104.13921, 3.2) things are found where they are less often than with twice the boxes.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from photosearch.encode.towers import ImageTower
from photosearch.settings import usable_cores

if TYPE_CHECKING:
    from PIL import Image


def encode_boxes(
    image: Image.Image, boxes: NDArray[np.float64], tower: ImageTower
) -> NDArray[np.float32]:
    """float64[n, 4] boxes x0, y0, x1, y1 in the image's pixels → float32[n, dim], unit length."""

    def cut(box: NDArray[np.float64]) -> NDArray[np.uint8]:
        x0, y0, x1, y1 = (int(edge) for edge in box)
        return tower.preprocess.resize(image.crop((x0, y0, x1, y1)))

    image.load()  # or all threads would do it
    vectors = []
    with ThreadPoolExecutor(usable_cores(), "crop") as pool:
        for at in range(0, len(boxes), tower.batch_size):
            pixels = list(pool.map(cut, boxes[at : at + tower.batch_size]))
            vectors.append(tower.encode(np.stack(pixels)))
    return np.concatenate(vectors) if vectors else np.empty((0, tower.dim), np.float32)
