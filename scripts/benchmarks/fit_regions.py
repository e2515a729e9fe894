"""The constants of `locate --by regions`, fitted anew:

    python -m scripts.benchmarks.fit_regions PHOTOS

In: a folder of photos with boxes (gt.jsonl, as in the shared test photos); every other line of it
is used, the rest is for judging (locate.py). Out: the numbers, as they stand in
encode/proposals.py and zeroshot/by_regions.py. It takes some three minutes.

Two are logistic regressions with a small ridge, by Newton's method; what ranks the candidates is a
multinomial logit. It was chosen in four-fold cross-validation within the same half: its features,
the target, how many boxes are encoded.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from photosearch.encode import proposals
from photosearch.encode.encoder import Encoder
from photosearch.encode.names import open_encoder
from photosearch.search import bank
from photosearch.settings import cache_path
from photosearch.zeroshot.by_regions import ByRegions
from photosearch.zeroshot.ranking import overlaps
from scripts.benchmarks.locate import opened, things_of

Numbers = NDArray[np.float64]
Photos = list[dict[str, Any]]

_RIDGE = 1e-4
_RANKING_RIDGE = 1e-3
_STEPS = 80
_PACE = 0.12


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


def labels(encoder: Encoder, photos: Photos, folder: Path) -> tuple[list[float], list[float]]:
    """ranking.WEIGHTS: which candidate has an overlap of half with a thing of a category that is
    there? And by_regions._THERE: is a category there?"""
    every = sorted({one["category"] for photo in photos for one in photo["objects"]})
    locator = ByRegions(every, encoder, words=bank.load(encoder, cache_path()))
    groups, right, raised, there = [], [], [], []
    for photo in photos:
        asked, likely, known = locator.looked(opened(photo, folder))
        things = things_of(photo)
        raised.append(known)
        there.append(np.isin(every, list(things)))
        for label, some in things.items():
            hit = (overlaps(some, asked.boxes) >= 0.5).any(axis=0)
            if hit.any():
                groups.append(likely[:, every.index(label)].astype(np.float32))
                right.append(hit)
    answers = np.concatenate(there)
    shares = np.where(answers, 1 / answers.sum(), 1 / (~answers).sum())
    return one_of_many(groups, right), logistic(np.concatenate(raised), answers, shares)


def one_of_many(groups: list[NDArray[np.float32]], right: list[NDArray[np.bool_]]) -> list[float]:
    """Multinomial logit, where any of a group's right rows may be the one: gradient descent."""
    lengths = np.array([len(group) for group in groups])
    starts = np.concatenate([[0], lengths.cumsum()[:-1]])
    rows, hits = np.concatenate(groups), np.concatenate(right)
    spreads = rows.std(axis=0) + 1e-9
    rows = (rows - rows.mean(axis=0)) / spreads
    found = np.zeros(rows.shape[1])
    speed, size = np.zeros_like(found), np.zeros_like(found)
    for step in range(1, _STEPS + 1):  # Adam (arXiv:1412.6980)
        logits = rows @ found
        grown = np.exp(logits - np.maximum.reduceat(logits, starts).repeat(lengths))
        chances = grown / np.add.reduceat(grown, starts).repeat(lengths)
        good = np.add.reduceat(chances * hits, starts).repeat(lengths)
        slope = rows.T @ (chances - chances * hits / np.maximum(good, 1e-9)) / len(groups)
        slope += 2 * _RANKING_RIDGE * found
        speed, size = 0.9 * speed + 0.1 * slope, 0.99 * size + 0.01 * slope**2
        pace = np.sqrt(size / (1 - 0.99**step)) + 1e-9
        found -= _PACE * speed / (1 - 0.9**step) / pace
    return [float(value) for value in found / spreads]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("photos", type=Path, help="a folder with gt.jsonl")
    parser.add_argument("--model", default="mini")
    options = parser.parse_args()
    lines = (options.photos / "gt.jsonl").read_text(encoding="utf-8").splitlines()
    photos = [json.loads(line) for line in lines][0::2]
    rows = boxes(photos, options.photos)
    print("proposals._FITTED")
    for row in rows:
        print("    (" + ", ".join(f"{value:.4g}" for value in row) + "),")
    weights, there = labels(open_encoder(options.model), photos, options.photos)
    print("ranking.WEIGHTS =", tuple(round(value, 2) for value in weights))
    print("by_regions._THERE =", tuple(round(value, 2) for value in there))


if __name__ == "__main__":
    main()
