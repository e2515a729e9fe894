"""Whether one photo shows every detail of another, at the other's full size.

In: two pictures of the same frame. Out: the largest difference found. Looks alike is not enough
where a file is to be removed: two forms from one scanner that differ in a number are one picture
at 400 pixels, and so are two frames of a still scene in which somebody blinks.
"""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image

# Steps of 255 by which pixels of a version may differ, after blurring away single ones. Of 88 ones
# (q30 JPEG, halved, turned, grey, WebP, copies) none differs by more than 21; another digit in a
# page of text by 34 and more, down to where it can hardly be read.
MOST_APART = 25.0

_SQUARE = 16
_STRIP = 512  # rows at a time: a square is a float, a photo may have 200 million pixels


def detail_apart(kept: Image.Image, other: Image.Image) -> float:
    """The largest difference of brightness, each square of 16 pixels fitted to its counterpart.

    Both are compared at the other's size: what it does not show cannot be lost with it.
    """
    second = np.asarray(other.convert("L"))
    height, width = second.shape
    how = cv2.INTER_AREA if kept.width >= width else cv2.INTER_CUBIC
    first = cv2.resize(np.asarray(kept.convert("L")), (width, height), interpolation=how)
    worst = 0.0
    for top in range(0, height, _STRIP):
        # Whole squares; the last strip is filled up by repeating its edge.
        rows = slice(top, min(top + _STRIP, height))
        strip = np.asarray(first[rows], np.uint8)
        worst = max(worst, _apart(_blurred(strip), _blurred(second[rows])))
    return worst


def _blurred(rows: NDArray[np.uint8]) -> NDArray[np.float32]:
    down, across = (-rows.shape[0]) % _SQUARE, (-rows.shape[1]) % _SQUARE
    filled = np.pad(rows, ((0, down), (0, across)), mode="edge").astype(np.float32)
    return np.asarray(cv2.GaussianBlur(filled, (0, 0), 1.0), np.float32)


def _apart(one: NDArray[np.float32], other: NDArray[np.float32]) -> float:
    first, second = _cut(one), _cut(other)
    mean_one, mean_other = first.mean(2, keepdims=True), second.mean(2, keepdims=True)
    level = float(np.abs(mean_one - mean_other).max())
    first, second = first - mean_one, second - mean_other
    gain = (first * second).sum(2) / np.maximum((second * second).sum(2), 1.0)
    fitted = second * np.clip(gain, 0.7, 1.4)[..., None]
    return max(level, float(np.abs(first - fitted).max()))


def _cut(picture: NDArray[np.float32]) -> NDArray[np.float32]:
    rows, columns = picture.shape[0] // _SQUARE, picture.shape[1] // _SQUARE
    parts = picture.reshape(rows, _SQUARE, columns, _SQUARE).swapaxes(1, 2)
    return parts.reshape(rows, columns, _SQUARE * _SQUARE)
