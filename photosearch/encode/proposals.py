"""A picture → boxes that may hold one thing each, whatever it is.

In: an upright RGB image. Out: float64[n, 4] boxes x0, y0, x1, y1 in whole pixels of it, the
likeliest first, each new one away from those before it.
Nothing is known here of labels or models.

Boxes come from regions that were merged (merging.py) and from a grid of windows of many sizes and
shapes. What makes one likely: its place and size; that few regions lie half in and half out of it
(Alexe et al. 2012, https://doi.org/10.1109/TPAMI.2012.28); how many edges are in it and around it.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from photosearch.encode.merging import Weights, cut_up, gradient, merge, smooth_lab

if TYPE_CHECKING:
    from PIL import Image

Boxes = NDArray[np.float64]

_SIDE = 160  # pixels of the longer side of what is looked at
_SHORTEST = 8  # and of the shorter one: a strip is widened
_TREES = ((200, Weights(1, 1, 1)), (120, Weights(3, 1, 0.3)))  # pieces, and how they are merged
_LEVELS = (12, 40, 80)  # numbers of regions that a box should not cut through

_SIZES = (1, 0.8, 0.64, 0.5, 0.4, 0.31, 0.24, 0.18, 0.13)  # of windows, shares of a side
_STEP = 0.5  # of a window's own size
_LONGEST = 4.2  # a window's one share to its other
_FEWEST = 4  # pixels a side, of what is looked at

# Logistic regression: is a box's overlap with some thing at least half? Fitted on one half of 251
# COCO photos (scripts/benchmarks/fit_regions.py). Of the other half's objects of at least 1 % of
# the picture, 20, 50 and 100 boxes find 34, 46 and 56 %; sliding windows 19, 27 and 32 %, selective
# search 18, 36 and 53 % in four times the time. A row a feature, in the order of `_features`:
# weight, mean, spread; last the offset.
_FITTED: NDArray[np.float64] = np.array(
    [
        (0.6447, -2.928, 0.8676),
        (-0.2525, 9.327, 4.921),
        (-0.09685, 0.614, 0.4421),
        (-0.1464, 0.5724, 0.7209),
        (-0.1765, 0.2083, 0.1271),
        (-0.3539, 0.2084, 0.1269),
        (0.2378, 0.0007221, 0.244),
        (-0.2962, 0.3148, 0.4878),
        (-0.1642, 0.1541, 0.3611),
        (-0.03265, 0.155, 0.3619),
        (0.01146, 0.0111, 0.1048),
        (-0.01669, 0.009891, 0.09896),
        (-0.3918, -0.6311, 0.453),
        (-0.1949, -0.6311, 0.4522),
        (0.1368, 0.04436, 0.1307),
        (0.3594, 0.1427, 0.2078),
        (0.5122, 0.2761, 0.2438),
        (0.02815, 0.3206, 0.1421),
        (0.6753, 0.3177, 0.1266),
        (-0.1671, 0.3194, 0.1059),
        (-5.662, 0, 1),
    ]
)


def windows(width: int, height: int) -> Boxes:
    """54 windows of four sizes, each half over the next, the largest first."""
    found = []
    for parts in range(2, 6):
        starts = np.arange(parts) / (parts + 1)
        left, top = (axis.ravel() for axis in np.meshgrid(starts, starts))
        found.append(np.stack([left, top, left + 2 / (parts + 1), top + 2 / (parts + 1)], axis=1))
    return _in_pixels(np.concatenate(found), 1, 1, width, height)


@dataclass(frozen=True, slots=True)
class Candidates:
    """Some thousand boxes, and how likely each is to hold one thing."""

    boxes: Boxes
    chances: NDArray[np.float64]

    def best(self, budget: int) -> Boxes:
        """At most `budget` boxes: the likeliest, each new one away from those before it.

        The whole picture is not among them, unless there is nothing else.
        """
        return self.boxes[diverse(self.boxes, self.chances, budget)]


def candidates(image: Image.Image) -> Candidates:
    """All that there is to choose from, each box once."""
    pixels = _looked_at(image)
    boxes, features = _found(pixels)
    height, width = pixels.shape[:2]
    scaled = _in_pixels(boxes, width, height, image.width, image.height)
    _, first = np.unique(scaled, axis=0, return_index=True)
    first = np.sort(first)
    parts = first[(scaled[first] != [0, 0, image.width, image.height]).any(axis=1)]
    kept = parts if len(parts) else first
    return Candidates(scaled[kept], likelihood(features)[kept])


def _found(pixels: NDArray[np.uint8]) -> tuple[Boxes, NDArray[np.float64]]:
    """uint8[height, width, 3] → boxes in its pixels, and what is known of each."""
    height, width = pixels.shape[:2]
    lab = smooth_lab(pixels)
    slope = gradient(lab)
    trees = [merge(lab, cut_up(slope, count), weights) for count, weights in _TREES]
    windows = np.round(_windows() * [width, height, width, height])
    boxes = np.concatenate([*(tree.merged for tree in trees), windows])
    wide, high = boxes[:, 2] - boxes[:, 0], boxes[:, 3] - boxes[:, 1]
    boxes = boxes[(wide >= _FEWEST) & (high >= _FEWEST) & (wide * high < width * height)]
    maps = [trees[0].regions(count) for count in _LEVELS]
    return boxes, _features(boxes, width, height, maps, slope)


def likelihood(features: NDArray[np.float64]) -> NDArray[np.float64]:
    """float64[n]: the chance that each box holds one thing."""
    weights, means, spreads = _FITTED[:-1].T
    logits = (features - means) / spreads @ weights + _FITTED[-1, 0]
    chances: NDArray[np.float64] = 1 / (1 + np.exp(-logits))
    return chances


def diverse(boxes: Boxes, chances: NDArray[np.float64], count: int) -> list[int]:
    """The likeliest boxes; each takes chance away from those that overlap it by half or more."""
    left = chances.astype(np.float64)
    areas = (boxes[:, 2] - boxes[:, 0]) * (boxes[:, 3] - boxes[:, 1])
    chosen: list[int] = []
    for _ in range(min(count, len(boxes))):
        best = int(left.argmax())
        chosen.append(best)
        sides = np.minimum(boxes[:, 2:], boxes[best, 2:]) - np.maximum(
            boxes[:, :2], boxes[best, :2]
        )
        common = np.maximum(sides, 0).prod(axis=1)
        overlap = common / (areas + areas[best] - common)
        left *= 1 - 1 / (1 + np.exp((0.5 - overlap) / 0.05))
        left[best] = -1.0
    return chosen


def _features(
    boxes: Boxes,
    width: int,
    height: int,
    maps: list[NDArray[np.intp]],
    slope: NDArray[np.float32],
) -> NDArray[np.float64]:
    x0, y0, x1, y1 = boxes.T
    area = (x1 - x0) * (y1 - y0)
    size, shape = np.log(area / (width * height)), np.abs(np.log((x1 - x0) / (y1 - y0)))
    beside, below = (x0 + x1) / (2 * width) - 0.5, (y0 + y1) / (2 * height) - 0.5
    left, right, top, bottom = x0 <= 1, x1 >= width - 1, y0 <= 1, y1 >= height - 1
    columns = [size, size**2, shape, shape**2, np.abs(beside), np.abs(below), below]
    columns += [left.astype(np.float64) + right, top, bottom, left & right, top & bottom]
    columns += [np.abs(beside) * size, np.abs(below) * size]
    whole = boxes.astype(np.intp)
    # Every other pixel, which takes a quarter of the time.
    halves = np.concatenate(
        [whole[:, :2] // 2, np.maximum(whole[:, 2:] // 2, whole[:, :2] // 2 + 1)], 1
    )
    for numbers in maps:
        some = numbers[::2, ::2]
        table = _integral(np.eye(int(numbers.max()) + 1, dtype=np.float32)[some])
        inside = _sums(table, halves)
        cut = np.minimum(inside, table[-1, -1] - inside).sum(axis=1)
        columns.append(1 - cut / inside.sum(axis=1))
    edges = np.minimum(slope / (3 * slope.mean() + 1e-3), 1)[..., np.newaxis]
    table = _integral(edges)
    for grown in (-0.12, 0.0, 0.25):
        columns.append(_density(table, _grown(whole, grown, width, height)))
    return np.stack(columns, axis=1).astype(np.float64)


def _grown(boxes: NDArray[np.intp], share: float, width: int, height: int) -> NDArray[np.intp]:
    """Larger by a share of their size on every side, or smaller, but at least a pixel."""
    margin = np.round((boxes[:, 2:] - boxes[:, :2]) * share).astype(np.intp)
    low = np.maximum(boxes[:, :2] - margin, 0)
    high = np.minimum(boxes[:, 2:] + margin, [width, height])
    return np.concatenate([low, np.maximum(high, low + 1)], axis=1)


def _density(table: NDArray[np.float32], boxes: NDArray[np.intp]) -> NDArray[np.float64]:
    area = (boxes[:, 2:] - boxes[:, :2]).prod(axis=1)
    found: NDArray[np.float64] = _sums(table, boxes)[:, 0].astype(np.float64) / area
    return found


def _integral(values: NDArray[np.float32]) -> NDArray[np.float32]:
    """Sums of all that is above and left: float32[height + 1, width + 1, n]."""
    sums = values.cumsum(axis=0, dtype=np.float32).cumsum(axis=1, dtype=np.float32)
    return np.pad(sums, ((1, 0), (1, 0), (0, 0)))


def _sums(table: NDArray[np.float32], boxes: NDArray[np.intp]) -> NDArray[np.float32]:
    x0, y0, x1, y1 = boxes.T
    found: NDArray[np.float32] = table[y1, x1] - table[y0, x1] - table[y1, x0] + table[y0, x0]
    return found


def _looked_at(image: Image.Image) -> NDArray[np.uint8]:
    """uint8[height, width, 3] of a size at which things are told apart, not details."""
    from PIL.Image import Resampling

    scale = _SIDE / max(image.size)
    size = tuple(max(_SHORTEST, round(side * scale)) for side in image.size)
    return np.asarray(image.resize((size[0], size[1]), Resampling.BILINEAR))


def _in_pixels(boxes: Boxes, width: int, height: int, across: int, down: int) -> Boxes:
    """From a picture of width x height to whole pixels of across x down."""
    full = np.array([across, down, across, down], np.float64)
    scaled: Boxes = np.round(boxes / [width, height, width, height] * full)
    scaled[:, :2] = np.minimum(scaled[:, :2], full[:2] - 1)
    scaled[:, 2:] = np.maximum(scaled[:, 2:], scaled[:, :2] + 1)
    return scaled


@cache
def _windows() -> Boxes:
    """Of a picture whose sides are 1: every size and shape, a step apart."""
    windows = [
        (left, top, left + wide, top + high)
        for wide in _SIZES
        for high in _SIZES
        if max(wide / high, high / wide) <= _LONGEST
        for left in _starts(wide)
        for top in _starts(high)
    ]
    return np.array(windows, np.float64)


def _starts(share: float) -> list[float]:
    count = int(np.ceil(round((1 - share) / (share * _STEP), 6))) + 1
    return [float(start) for start in np.linspace(0, 1 - share, count)]
