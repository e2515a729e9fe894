"""Scores of boxes → a map of the picture → which boxes are around the hot part.

In: boxes, a number for each and each label. Out: the same for a grid of cells, and its means in
any other box. No picture and no model is known here.

A crop's score is about the mean of what lies in it, so a map whose means in the boxes are the
boxes' scores tells where a score comes from: a ridge regression, with neighbouring cells held
together. The best crop by itself is a bad answer: it is often a telling part of the thing, or the
thing with much around it.
"""

from __future__ import annotations

from functools import cache

import numpy as np
from numpy.typing import NDArray

Numbers = NDArray[np.float64]

SIDE = 16  # cells
_RIDGE = 1.0
_SMOOTH = 10.0  # the boxes point alike from 3 to 30


def cover(boxes: Numbers, width: int, height: int) -> Numbers:
    """float64[n, cells]: each box's area by cell, as shares of 1; a row of the mean's weights."""
    across = _shares(boxes[:, 0] / width, boxes[:, 2] / width)
    down = _shares(boxes[:, 1] / height, boxes[:, 3] / height)
    cells = (down[:, :, np.newaxis] * across[:, np.newaxis, :]).reshape(len(boxes), -1)
    shares: Numbers = cells / cells.sum(axis=1, keepdims=True)
    return shares


def heat(covers: Numbers, scores: Numbers) -> Numbers:
    """float64[n, cells] and float64[n, labels] → float64[cells, labels]."""
    middle = scores.mean(axis=0)
    # There are more cells than boxes: the matrix inversion lemma, as for a kernel.
    spread = covers @ _given()
    alone = spread @ covers.T + np.eye(len(covers))
    cells_heat: Numbers = spread.T @ np.linalg.solve(alone, scores - middle) + middle
    return cells_heat


@cache
def _given() -> Numbers:
    """The inverse of what holds the map flat and smooth."""
    cells = SIDE * SIDE
    held: Numbers = (_RIDGE * np.eye(cells) + _SMOOTH * _roughness()) / cells
    return np.asarray(np.linalg.inv(held), np.float64)


def _shares(low: Numbers, high: Numbers) -> Numbers:
    """float64[n, SIDE]: how much of each of the equal parts of 0..1 lies between low and high."""
    edges = np.arange(SIDE + 1) / SIDE
    least = np.maximum(low[:, np.newaxis], edges[:-1])
    most = np.minimum(high[:, np.newaxis], edges[1:])
    shares: Numbers = np.maximum(most - least, 0.0)
    return shares


@cache
def _roughness() -> Numbers:
    """The matrix whose form is the sum of squared differences of neighbouring cells."""
    numbers = np.arange(SIDE * SIDE).reshape(SIDE, SIDE)
    matrix = np.zeros((SIDE * SIDE, SIDE * SIDE))
    for one, other in (
        (numbers[:, :-1].ravel(), numbers[:, 1:].ravel()),
        (numbers[:-1].ravel(), numbers[1:].ravel()),
    ):
        np.add.at(matrix, (one, one), 1)
        np.add.at(matrix, (other, other), 1)
        matrix[one, other] = matrix[other, one] = -1
    return matrix
