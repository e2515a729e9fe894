"""A picture → its regions, from few to many, by merging what is alike.

In: uint8[height, width, 3], RGB, of some hundred pixels a side at most. Out: a Merged: the box of
every region that was ever there, and maps of the regions at any number of them.

As selective search does it (Uijlings et al. 2013, https://doi.org/10.1007/s11263-013-0620-5): small
pieces of one colour each, then again and again the two neighbours that are most alike, small ones
first and those that fill their common box. The pieces are made by a watershed, which plain OpenCV
has.
"""

from __future__ import annotations

import heapq
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

_BINS = 16  # of each colour channel's histogram


@dataclass(frozen=True, slots=True)
class Weights:
    """What counts when two regions are compared."""

    colour: float = 1.0  # their histograms' common part
    size: float = 1.0  # how small both are
    fill: float = 1.0  # how little else lies in the box around both


@dataclass(frozen=True, slots=True)
class Merged:
    """Regions 0 to len(pieces)-1 are the pieces; each later one was merged of two before it."""

    boxes: NDArray[np.float64]  # float64[n, 4]: x0, y0, x1, y1
    parents: NDArray[np.intp]  # the region that each became a part of; its own number: none
    pieces: NDArray[np.intp]  # [height, width]: the piece of each pixel

    @property
    def merged(self) -> NDArray[np.float64]:
        """The boxes of all but the pieces, the largest regions first."""
        return self.boxes[len(self.boxes) // 2 + 1 :][::-1]

    def regions(self, count: int) -> NDArray[np.intp]:
        """[height, width]: the region of each pixel, 0 to `count`-1, when there were `count`."""
        total = len(self.boxes) // 2 + 1  # pieces: each merger takes one region away
        last = max(total, 2 * total - count)
        root = np.arange(len(self.boxes))
        for region in range(last - 1, -1, -1):
            if self.parents[region] < last:
                root[region] = root[self.parents[region]]
        _, numbers = np.unique(root[self.pieces], return_inverse=True)
        return numbers.reshape(self.pieces.shape)


def gradient(lab: NDArray[np.uint8]) -> NDArray[np.float32]:
    """float32[height, width]: how fast the colours change."""
    import cv2

    across = cv2.Sobel(lab, cv2.CV_32F, 1, 0)
    down = cv2.Sobel(lab, cv2.CV_32F, 0, 1)
    slope: NDArray[np.float32] = np.sqrt((across * across + down * down).sum(axis=2))
    return slope


def smooth_lab(pixels: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """The colours as they are told apart by eye, less noise."""
    import cv2

    lab = cv2.GaussianBlur(cv2.cvtColor(pixels, cv2.COLOR_RGB2LAB), (0, 0), 0.8)
    return lab.astype(np.uint8, copy=False)


def cut_up(slope: NDArray[np.float32], count: int) -> NDArray[np.intp]:
    """[height, width]: about `count` pieces, numbered from 0, whose borders follow the edges."""
    import cv2

    height, width = slope.shape
    cell = max(3, int((height * width / count) ** 0.5))
    markers = np.zeros((height, width), np.int32)
    number = 0
    for top in range(0, height, cell):
        for left in range(0, width, cell):
            part = slope[top : top + cell, left : left + cell]
            row, column = divmod(int(part.argmin()), part.shape[1])
            number += 1
            markers[top + row, left + column] = number
    steep = np.clip(slope * (510 / max(float(slope.max()), 1.0)), 0, 255).astype(np.uint8)
    cv2.watershed(np.dstack([steep] * 3), markers)
    # The lines between pieces, and the picture's rim, belong to none yet: to a neighbour then.
    found = markers.astype(np.float32)
    for _ in range(2):
        found = np.where(found <= 0, cv2.dilate(found, np.ones((3, 3), np.uint8)), found)
    _, pieces = np.unique(np.maximum(found, 0), return_inverse=True)
    return pieces.reshape(height, width)


def merge(lab: NDArray[np.uint8], pieces: NDArray[np.intp], weights: Weights) -> Merged:
    """Merge neighbours until one region is left."""
    count, area = int(pieces.max()) + 1, float(pieces.size)
    sizes = np.bincount(pieces.ravel(), minlength=count).astype(np.float64).tolist()
    hists = list(_histograms(lab, pieces, count))
    boxes = _boxes(pieces, count)
    parents = list(range(count))
    near: list[set[int]] = [set() for _ in range(count)]
    alive = [True] * count

    def likeness(one: int, other: int) -> float:
        a, b = boxes[one], boxes[other]
        around = (max(a[2], b[2]) - min(a[0], b[0])) * (max(a[3], b[3]) - min(a[1], b[1]))
        both = float(sizes[one] + sizes[other])
        common = float(np.minimum(hists[one], hists[other]).sum())
        return (
            weights.colour * common
            + weights.size * (1 - both / area)
            + weights.fill * (1 - (around - both) / area)
        )

    waiting = []
    for one, other in _neighbours(pieces).tolist():
        near[one].add(other)
        near[other].add(one)
        waiting.append((-likeness(one, other), one, other))
    heapq.heapify(waiting)
    while waiting:
        _, one, other = heapq.heappop(waiting)
        if not (alive[one] and alive[other]):
            continue
        new = len(sizes)
        alive[one] = alive[other] = False
        alive.append(True)
        parents[one] = parents[other] = new
        parents.append(new)
        both = sizes[one] + sizes[other]
        hists.append((hists[one] * sizes[one] + hists[other] * sizes[other]) / both)
        sizes.append(both)
        a, b = boxes[one], boxes[other]
        boxes.append((min(a[0], b[0]), min(a[1], b[1]), max(a[2], b[2]), max(a[3], b[3])))
        near.append((near[one] | near[other]) - {one, other})
        for neighbour in sorted(near[new]):
            near[neighbour] -= {one, other}
            near[neighbour].add(new)
            heapq.heappush(waiting, (-likeness(neighbour, new), neighbour, new))
    return Merged(np.array(boxes, np.float64), np.array(parents, np.intp), pieces)


def _histograms(lab: NDArray[np.uint8], pieces: NDArray[Any], count: int) -> NDArray[np.float64]:
    """float64[count, 3 x bins], each row with a sum of 1."""
    rows = [
        np.bincount(
            (pieces * _BINS + lab[..., channel] // (256 // _BINS)).ravel(), minlength=count * _BINS
        ).reshape(count, _BINS)
        for channel in range(3)
    ]
    table = np.concatenate(rows, axis=1).astype(np.float64)
    shares: NDArray[np.float64] = table / table.sum(axis=1, keepdims=True)
    return shares


def _boxes(pieces: NDArray[np.intp], count: int) -> list[tuple[float, ...]]:
    _height, width = pieces.shape
    order = np.argsort(pieces.ravel(), kind="stable")
    starts = np.searchsorted(pieces.ravel()[order], np.arange(count))
    rows, columns = np.divmod(order, width)
    edges = (
        np.minimum.reduceat(columns, starts),
        np.minimum.reduceat(rows, starts),
        np.maximum.reduceat(columns, starts) + 1,
        np.maximum.reduceat(rows, starts) + 1,
    )
    return [tuple(box) for box in np.stack(edges, axis=1).astype(np.float64).tolist()]


def _neighbours(pieces: NDArray[np.intp]) -> NDArray[np.intp]:
    """[n, 2]: each pair of pieces that touch, once."""
    across = np.stack([pieces[:, :-1].ravel(), pieces[:, 1:].ravel()], axis=1)
    down = np.stack([pieces[:-1].ravel(), pieces[1:].ravel()], axis=1)
    pairs = np.concatenate([across, down])
    pairs = np.sort(pairs[pairs[:, 0] != pairs[:, 1]], axis=1)
    return np.unique(pairs, axis=0)
