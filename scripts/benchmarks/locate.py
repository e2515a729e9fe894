"""Where in a photo a thing is: `locate --by regions` on labelled photos, against plain answers.

Photos with boxes (COCO) are asked for each category that they show, and for some that they do not.

  pointing   the centre of the surest region lies in a thing of the category
  F1         the same for one category a photo: the largest of 3 to 35 % of it, there once or
             twice
  IoU 1, 5   the surest region, or one of five, overlaps a thing of the category by half (IoU 0.5)
  AUC        telling categories that are there from those that are not, by the surest region's score

Then what passes which threshold, and, pair by pair, against the best of 140 sliding windows by the
same score of a crop, `rise`; regions encodes 130 crops.

Half of the photos was used for fitting; both halves are told apart. Before that, the boxes by
themselves: the share of things, of 1 % of the photo or more, that some box overlaps by half.
"""

from __future__ import annotations

import argparse
import json
import random
import time
from collections import defaultdict
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from photosearch.encode.crops import encode_boxes
from photosearch.encode.encoder import Encoder
from photosearch.encode.names import open_encoder
from photosearch.encode.proposals import candidates
from photosearch.library.locating import open_locator
from photosearch.records import Region
from photosearch.search import bank
from photosearch.settings import cache_path
from photosearch.zeroshot.by_regions import ByRegions
from photosearch.zeroshot.ranking import overlaps
from scripts.benchmarks.common import report, show
from tests.make import shared_photos

Boxes = NDArray[np.float64]
Found = dict[str, list[Region]]

Answer = Callable[[Image.Image], Found]
Kind = Callable[[list[str]], Answer]
Told = dict[str, list[Any]]

WINDOW = "best sliding window"
THRESHOLDS = (0.1, 0.2, 0.25, 0.3, 0.35, 0.5)
BUDGETS = (6, 20, 50, 100, 200)
ABSENT = 5  # categories a photo that it does not show


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--photos", type=int, help="so many of the 251")
    parser.add_argument("--model", default="mini")
    options = parser.parse_args()
    folder = shared_photos()
    if folder is None:
        raise SystemExit("the labelled photos are not here")
    lines = (folder / "coco" / "gt.jsonl").read_text(encoding="utf-8").splitlines()
    photos = [json.loads(line) for line in lines][: options.photos]
    halves = {"fitted on": photos[0::2], "other half": photos[1::2]}

    boxes = [row for half, some in halves.items() for row in proposals(half, some, folder / "coco")]
    show(boxes)
    print()
    encoder = open_encoder(options.model)
    rows, passing, pairs = [], [], []
    for half, some in halves.items():
        told = {}
        for name, kind in answers(encoder).items():
            row, told[name] = judged(half, name, kind, some, folder / "coco")
            rows.append(row)
        passing += thresholds(half, told["regions"])
        pairs += compared(half, told)
    show(passing)
    print()
    show(pairs)
    print()
    report(
        "locate",
        rows,
        photos=len(photos),
        model=options.model,
    )


def proposals(half: str, photos: Sequence[dict[str, Any]], folder: Path) -> list[dict[str, object]]:
    """Recall of the boxes of each kind, for each budget."""
    kinds: dict[str, Callable[[Image.Image, int], Boxes]] = {
        "sliding windows": lambda image, budget: sliding(*image.size)[:budget],
        "proposals": lambda image, budget: candidates(image).best(budget),
    }
    rows = []
    for name, kind in kinds.items():
        found: dict[int, list[bool]] = defaultdict(list)
        seconds = 0.0
        for photo in photos:
            image = opened(photo, folder)
            started = time.process_time()
            boxes = kind(image, BUDGETS[-1])
            seconds += time.process_time() - started
            things = np.concatenate([*things_of(photo).values(), np.empty((0, 4))])
            things = things[
                (things[:, 2:] - things[:, :2]).prod(axis=1) >= 0.01 * np.prod(image.size)
            ]
            share = overlaps(things, boxes)
            for budget in BUDGETS:
                found[budget] += (share[:, :budget].max(axis=1) >= 0.5).tolist()
        row: dict[str, object] = {"photos": half, "boxes": name, "things": len(found[BUDGETS[0]])}
        row |= {f"of {budget}": mean(found[budget]) for budget in BUDGETS}
        rows.append(row | {"cpu_ms": round(1000 * seconds / len(photos))})
    return rows


def answers(encoder: Encoder) -> dict[str, Kind]:
    """Ways to locate: labels → an image → each label's regions, the surest first."""

    def whole(labels: list[str]) -> Answer:
        return best_crops(labels, lambda image: sliding(*image.size)[:1])

    def windows(labels: list[str]) -> Answer:
        return best_crops(labels, lambda image: sliding(*image.size))

    def best_crops(labels: list[str], boxes_of: Callable[[Image.Image], Boxes]) -> Answer:
        locator = ByRegions(labels, encoder, words=bank.load(encoder, cache_path()))

        def answer(image: Image.Image) -> Found:
            boxes = boxes_of(image)
            rises = locator.rises(encode_boxes(image, boxes, encoder.image))
            return {label: crops(boxes, rises[:, at], label) for at, label in enumerate(labels)}

        return answer

    def crops(boxes: Boxes, rises: Boxes, label: str) -> list[Region]:
        found: list[Region] = []
        for row in np.argsort(-rises, kind="stable"):
            box = boxes[row]
            if found and overlaps(box[np.newaxis], np.array([r.box for r in found])).max() > 0.5:
                continue
            found.append(Region(tuple(box.tolist()), label, float(rises[row])))
            if len(found) == 5:
                break
        return found

    def regions(labels: list[str]) -> Answer:
        locator = open_locator(labels, threshold=0.0, encoder=lambda: encoder)

        def answer(image: Image.Image) -> Found:
            found: Found = {label: [] for label in labels}
            for region in locator.locate(image):
                found[region.label].append(region)
            return found

        return answer

    return {"the whole photo": whole, WINDOW: windows, "regions": regions}


def judged(
    half: str, name: str, kind: Kind, photos: Sequence[dict[str, Any]], folder: Path
) -> tuple[dict[str, object], Told]:
    every = sorted({one["category"] for photo in photos for one in photo["objects"]})
    chance = random.Random(0)
    told: Told = defaultdict(list)
    wall = cpu = 0.0
    for photo in photos:
        things = things_of(photo)
        others = chance.sample([label for label in every if label not in things], ABSENT)
        image, answer = opened(photo, folder), kind([*things, *others])
        started, began = time.perf_counter(), time.process_time()
        found = answer(image)
        wall, cpu = wall + time.perf_counter() - started, cpu + time.process_time() - began
        main_one = largest(photo)
        for label, boxes in things.items():
            at = np.array([region.box for region in found[label]])
            points = ((at[:1, :2] + at[:1, 2:]) / 2).repeat(len(boxes), axis=0)
            inside = bool(((boxes[:, :2] <= points) & (points <= boxes[:, 2:])).all(axis=1).any())
            close = (overlaps(at[:5], boxes) >= 0.5).any(axis=1)
            told["pointing"].append(inside)
            told["IoU 1"].append(bool(close[0]))
            told["IoU 5"].append(bool(close.any()))
            told["there"].append(found[label][0].score)
            if label == main_one:
                told["F1"].append(inside)
                told["F1 IoU 1"].append(bool(close[0]))
                told["F1 there"].append(found[label][0].score)
        told["absent"] += [found[label][0].score for label in others]
    row: dict[str, object] = {"photos": half, "answer": name, "pairs": len(told["pointing"])}
    row |= {key: mean(told[key]) for key in ("pointing", "IoU 1", "IoU 5")}
    row |= {"F1 pairs": len(told["F1"]), "F1": mean(told["F1"]), "F1 IoU 1": mean(told["F1 IoU 1"])}
    row |= {"AUC": round(auc(told["there"], told["absent"]), 3)}
    row |= {"seconds": round(wall / len(photos), 2), "cpu_seconds": round(cpu / len(photos), 2)}
    return row, told


def thresholds(half: str, told: Told) -> list[dict[str, object]]:
    """What passes; the pointing game where no answer is a wrong one."""
    return [
        {
            "photos": half,
            "threshold": least,
            "there": mean([score >= least for score in told["there"]]),
            "absent": mean([score >= least for score in told["absent"]]),
            "F1": mean(
                [
                    right and score >= least
                    for right, score in zip(told["F1"], told["F1 there"], strict=True)
                ]
            ),
        }
        for least in THRESHOLDS
    ]


def compared(half: str, told: dict[str, Told]) -> list[dict[str, object]]:
    """Pair by pair: how often one answer is right and the other is wrong."""
    rows: list[dict[str, object]] = []
    for measure in ("pointing", "IoU 1", "IoU 5", "F1", "F1 IoU 1"):
        ours, theirs = (
            np.array(told[name][measure]) for name in ("regions", "best sliding window")
        )
        row = {"photos": half, "measure": measure, "regions alone": int((ours & ~theirs).sum())}
        rows.append(row | {"window alone": int((theirs & ~ours).sum())})
    return rows


def sliding(width: int, height: int) -> Boxes:
    """Windows of several sizes, each half over the next, the largest first: 140."""
    boxes = []
    for parts in range(1, 8):
        wide, high = 2 * width / (parts + 1), 2 * height / (parts + 1)
        for row in range(parts):
            for column in range(parts):
                x, y = column * wide / 2, row * high / 2
                boxes.append((x, y, min(width, x + wide), min(height, y + high)))
    return np.array(boxes, np.float64)


def largest(photo: dict[str, Any]) -> str | None:
    area = photo["width"] * photo["height"]
    sizes = [
        (float((boxes[:, 2:] - boxes[:, :2]).prod(axis=1).max()), label)
        for label, boxes in things_of(photo).items()
        if len(boxes) <= 2
    ]
    return max(
        ((size, label) for size, label in sizes if 0.03 < size / area < 0.35), default=(0, None)
    )[1]


def things_of(photo: dict[str, Any]) -> dict[str, Boxes]:
    """Category → its boxes."""
    found: dict[str, list[list[float]]] = defaultdict(list)
    for one in photo["objects"]:
        x, y, wide, high = one["box"]
        found[one["category"]].append([x, y, x + wide, y + high])
    return {label: np.array(boxes, np.float64) for label, boxes in found.items()}


def opened(photo: dict[str, Any], folder: Path) -> Image.Image:
    return Image.open(folder / photo["file"]).convert("RGB")


def auc(there: Sequence[float], absent: Sequence[float]) -> float:
    """The chance that one that is there scores more than one that is not."""
    more = np.array(there)[:, np.newaxis] - np.array(absent)
    return float((more > 0).mean() + (more == 0).mean() / 2)


def mean(values: Sequence[Any]) -> float:
    return round(float(np.mean(values)), 3) if values else 0.0


if __name__ == "__main__":
    main()
