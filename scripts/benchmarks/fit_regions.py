"""The constants of `locate --by regions`, fitted anew: python -m scripts.benchmarks.fit_regions

In: a folder of photos with boxes (gt.jsonl, as in the shared test photos); every other line of it
is used, the rest is for judging (locate.py). Out: the numbers, as they stand in
encode/proposals.py and zeroshot/by_regions.py. It takes some three minutes.

All three are logistic regressions with a small ridge, by Newton's method.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from photosearch.encode import proposals
from photosearch.encode.encoder import Encoder
from photosearch.encode.names import open_encoder
from photosearch.zeroshot.by_regions import ByRegions, overlaps
from scripts.benchmarks.locate import opened, things_of

Numbers = NDArray[np.float64]
Photos = list[dict[str, Any]]

_RIDGE = 1e-4


def boxes(photos: Photos, folder: Path) -> list[tuple[float, ...]]:
    """proposals._FITTED: has a box an overlap of half with some thing?

    A category counts once in a photo, however many of its things are there.
    """
    rows, answers, weights = [], [], []
    for photo in photos:
        things = things_of(photo)
        if not things:
            continue
        image = opened(photo, folder)
        pixels = proposals._looked_at(image)
        found, features = proposals._found(pixels)
        _, first = np.unique(found, axis=0, return_index=True)
        found, features = found[first], features[first]
        height, width = pixels.shape[:2]
        scale = np.array([image.width / width, image.height / height] * 2)
        weight = np.zeros(len(found))
        for some in things.values():
            hit = (overlaps(some, found * scale) >= 0.5).any(axis=0)
            weight[hit] = np.maximum(weight[hit], 1 / len(some))
        rows.append(features)
        answers.append(weight > 0)
        weights.append(np.where(weight > 0, weight, 1) / len(found))
    every = np.concatenate(rows)
    means, spreads = every.mean(axis=0), every.std(axis=0, ddof=1) + 1e-6
    *slopes, offset = logistic(
        (every - means) / spreads, np.concatenate(answers), np.concatenate(weights)
    )
    return [*zip(slopes, means, spreads, strict=True), (offset, 0.0, 1.0)]


def logistic(features: Numbers, answers: NDArray[np.bool_], weights: Numbers) -> list[float]:
    """Slopes, then the offset."""
    columns = np.c_[features, np.ones(len(features))]
    shares = weights / weights.sum()
    ridge = np.full(columns.shape[1], 2 * _RIDGE)
    ridge[-1] = 0
    found = np.zeros(columns.shape[1])
    for _ in range(30):
        chances = 1 / (1 + np.exp(-columns @ found))
        slope = columns.T @ (shares * (chances - answers)) + ridge * found
        bend = (columns * (shares * chances * (1 - chances))[:, np.newaxis]).T @ columns
        found -= np.linalg.solve(bend + np.diag(ridge), slope)
    return [float(value) for value in found]
