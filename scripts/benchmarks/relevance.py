"""Relevance with `mini`: how well it tells right from wrong, beside the raw score and a robust z.

Photos with captions and categories: PHOTOSEARCH_TEST_PHOTOS, or shared/photos beside the
repository. Of photos and absent queries every other one is for choosing (the curve is fitted
there), the rest is what is reported. --write makes the vectors and curves that the package ships.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import re
import time
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from photosearch.decode.pixels import decode
from photosearch.encode.encoder import Encoder
from photosearch.encode.names import open_encoder
from photosearch.records import WEAK_BELOW
from photosearch.search import bank
from photosearch.search.relevance import Calibration, Judge, background, fit, rise
from scripts.benchmarks.common import SCRATCH, report
from tests.make import shared_photos

Floats = NDArray[np.float64]
Score = Callable[[NDArray[np.float32], NDArray[np.float32]], Floats]  # queries, photos → [q, p]

DATA = Path(__file__).parent / "data"
# Things that captions name often enough to be a truth, in both languages.
THINGS = {
    "dog": "狗", "man": "男人", "woman": "女人", "boy": "男孩", "girl": "女孩", "child": "孩子",
    "ball": "球", "grass": "草", "water": "水", "snow": "雪", "beach": "海滩", "bike": "自行车",
    "street": "街道", "car": "汽车", "horse": "马", "mountain": "山", "rock": "岩石", "tree": "树",
    "bench": "长椅", "hat": "帽子", "pool": "水池", "baby": "婴儿", "player": "运动员",
    "skateboard": "滑板", "football": "足球", "basketball": "篮球", "ocean": "大海", "lake": "湖",
    "river": "河", "field": "田野", "fence": "栅栏", "building": "建筑", "motorcycle": "摩托车",
    "boat": "船", "tent": "帐篷", "flower": "花", "helmet": "头盔", "sunglasses": "太阳镜",
    "guitar": "吉他", "swing": "秋千", "slide": "滑梯", "stairs": "楼梯", "bridge": "桥",
    "dress": "连衣裙", "bird": "鸟", "sand": "沙子", "wave": "海浪", "crowd": "人群",
    "race": "赛跑",
}  # fmt: skip
BANDS = (0.2, 0.4, 0.5, 0.6, 0.8)


def lines_of(name: str) -> list[str]:
    lines = (DATA / name).read_text(encoding="utf-8").splitlines()
    return [line for line in lines if line and not line.startswith("#")]


def rows_of(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


class Data:
    """Vectors of both sets and of all queries; encoded once, then kept in the scratch folder."""

    def __init__(self, encoder: Encoder, photos: Path) -> None:
        self._encoder = encoder
        retrieval = rows_of(photos / "retrieval" / "captions.jsonl")
        coco = rows_of(photos / "coco" / "gt.jsonl")
        self.photos = self._images([photos / "retrieval" / row["file"] for row in retrieval])
        self.coco = self._images([photos / "coco" / row["file"] for row in coco])
        self.other = self._images(
            [photos / kind / row["file"] for kind in ("ocr", "instances")
             for row in rows_of(photos / kind / "gt.jsonl")]
        )  # fmt: skip
        captions = [row["captions"] for row in retrieval]
        flat = [caption for some in captions for caption in some]
        self.owner = np.repeat(np.arange(len(retrieval)), [len(some) for some in captions])
        self.queries = {
            "captions": self._texts(flat, "en"),
            "first half of captions": self._texts([first_half(text) for text in flat], "en"),
            "three words of captions": self._texts([three_words(text) for text in flat], "en"),
            "captions, zh": self._texts(
                [caption for row in retrieval for caption in row["captions_zh"]], "zh"
            ),
        }
        self.absent = {
            "en": self._texts(lines_of("absent_queries.txt"), "en"),
            "zh": self._texts(lines_of("absent_queries_zh.txt"), "zh"),
        }
        self.things = {
            "en": self._texts(list(THINGS), "en"),
            "zh": self._texts(list(THINGS.values()), "zh"),
        }
        self.named = np.array(
            [
                [any(re.search(rf"\b{word}(s|es)?\b", text.lower()) for text in some)
                 for some in captions]
                for word in THINGS
            ]
        )  # fmt: skip
        categories = sorted({thing["category"] for row in coco for thing in row["objects"]})
        self.categories = self._texts(categories, "en")
        self.holds = np.array(
            [[any(thing["category"] == name for thing in row["objects"]) for row in coco]
             for name in categories]
        )  # fmt: skip
        self.words = np.asarray(bank.make(encoder, SCRATCH / "cache"), np.float32)

    def _images(self, paths: list[Path]) -> NDArray[np.float32]:
        tower = self._encoder.image
        need = tower.preprocess.need

        def encode() -> NDArray[np.float32]:
            pictures = (decode(path.read_bytes(), need=need).image for path in paths)
            vectors = [tower.encode(tower.preprocess.resize(one)[np.newaxis]) for one in pictures]
            return np.concatenate(vectors)

        return self._kept([self._encoder.key, *map(str, paths)], encode)

    def _texts(self, texts: list[str], language: str) -> NDArray[np.float32]:
        tower = self._encoder.text(language)
        key = [self._encoder.text_key(language), *texts]
        return self._kept(key, lambda: tower.encode(texts))

    def _kept(
        self, key: list[str], encode: Callable[[], NDArray[np.float32]]
    ) -> NDArray[np.float32]:
        digest = hashlib.sha256("\0".join(key).encode()).hexdigest()[:16]
        path = SCRATCH / "relevance" / f"{digest}.npy"
        if not path.exists():
            path.parent.mkdir(parents=True, exist_ok=True)
            np.save(path, encode())
        # As the catalogue keeps them.
        found: NDArray[np.float32] = np.load(path).astype(np.float16).astype(np.float32)
        return found


def first_half(caption: str) -> str:
    words = caption.split()
    return " ".join(words[: max(2, len(words) // 2)])


_SMALL = set(
    "a an the is are was in on of and with at to by from his her their its it while as for into "
    "over through down up near some two three another others other one being be that who which "
    "there has have very out off next behind front him them he she they this onto against around "
    "along across".split()
)


def three_words(caption: str) -> str:
    words = [word for word in re.findall(r"[a-z]+", caption.lower()) if word not in _SMALL]
    return " ".join(words[:3]) or caption


# What is compared


def raw(queries: NDArray[np.float32], photos: NDArray[np.float32]) -> Floats:
    return np.asarray(queries @ photos.T, np.float64)


def robust_z(queries: NDArray[np.float32], photos: NDArray[np.float32]) -> Floats:
    scores = raw(queries, photos)
    middle = np.median(scores, axis=1, keepdims=True)
    spread = 1.4826 * np.median(np.abs(scores - middle), axis=1, keepdims=True)
    return np.asarray((scores - middle) / spread, np.float64)


def rises_above(words: NDArray[np.float32]) -> Score:
    """What relevance is a curve of, so its AUC is that of relevance."""

    def score(queries: NDArray[np.float32], photos: NDArray[np.float32]) -> Floats:
        mean, best, _ = background(words, photos)
        return rise(raw(queries, photos), mean, best)

    return score


def auc(true: NDArray[Any], false: NDArray[Any]) -> float:
    """The chance that a true one scores above a false one; ties count half."""
    false = np.sort(np.ravel(false))
    true = np.ravel(true)
    below = np.searchsorted(false, true, "left") + np.searchsorted(false, true, "right")
    return float(below.mean() / 2 / len(false))


def measures(data: Data, score: Score, half: int) -> dict[str, float]:
    """The three kinds of questions on one half: 0 is for choosing, 1 is reported.

    A query's verdict is the best of its ten hits. The control asks the same of a library that
    holds neither side, signs and covers: whoever tells captions from absent queries there looks at
    how they are worded, not at photos.
    """
    number = np.arange(len(data.owner))
    mine = data.owner % 2 == half
    partner = (data.owner + 2 * (1 + 7 * number % 499)) % len(data.photos)  # of the same half
    found = {}
    scores = {name: score(queries, data.photos) for name, queries in data.queries.items()}
    for name in ("captions", "captions, zh"):
        true, false = scores[name][number, data.owner], scores[name][number, partner]
        found[f"(a) {name}: own photo or another"] = auc(true[mine], false[mine])
    photos = np.arange(len(data.coco)) % 2 == half
    pairs, truth = score(data.categories, data.coco)[:, photos], data.holds[:, photos]
    found["(b) category names and photos, pooled"] = auc(pairs[truth], pairs[~truth])
    for name, queries in data.queries.items():
        absent = data.absent["zh" if name.endswith("zh") else "en"][half::2]
        for place, library in (("in the library or not", data.photos), ("control", data.other)):
            best = [
                top(score, some, library, 10)[1].max(axis=1) for some in (queries[mine], absent)
            ]
            found[f"(c) {name}: {place}"] = auc(*best)
    return found


# Calibration


def top(
    score: Score, queries: NDArray[np.float32], photos: NDArray[np.float32], k: int
) -> tuple[NDArray[np.int64], Floats]:
    order = np.argsort(-raw(queries, photos), axis=1)[:, :k]
    return order, np.take_along_axis(score(queries, photos), order, axis=1)


def labelled(data: Data, score: Score, half: int, language: str) -> dict[str, tuple[Any, Any]]:
    """Hits as a query shows them, with the truth: {kind: (rise, right)}."""
    mine = np.arange(len(data.photos)) % 2 == half
    order, rises = top(score, data.things[language], data.photos[mine], 10)
    right = np.take_along_axis(data.named[:, mine], order, axis=1)
    found = {"things, 10 hits": (rises, right), "things, best hit": (rises[:, 0], right[:, 0])}
    if language == "en":
        part = np.arange(len(data.coco)) % 2 == half
        truth = data.holds[:, part]
        there = truth.any(axis=1)
        order, rises = top(score, data.categories[there], data.coco[part], 10)
        right = np.take_along_axis(truth[there], order, axis=1)
        found["categories, 10 hits"] = (rises, right)
        found["categories, best hit"] = (rises[:, 0], right[:, 0])
    _, rises = top(score, data.absent[language][half::2], data.photos, 10)
    found["absent, 10 hits"] = (rises, np.zeros(rises.shape, bool))
    found["absent, best hit"] = (rises[:, 0], np.zeros(len(rises), bool))
    own = data.owner % 2 == half
    name = "captions" if language == "en" else "captions, zh"
    order, rises = top(score, data.queries[name][own], data.photos, 1)
    found["captions, best hit (own photo)"] = (rises[:, 0], order[:, 0] == data.owner[own])
    return found


def logistic(sets: dict[str, tuple[Any, Any]]) -> Calibration:
    """Least log-loss over the hits of things, categories and absent queries, each kind alike."""
    kinds = [some for name, some in sets.items() if name.endswith("10 hits")]
    rises = np.concatenate([np.ravel(some) for some, _ in kinds])
    right = np.concatenate([np.ravel(some) for _, some in kinds])
    weight = np.concatenate([np.full(np.size(some), 1 / np.size(some)) for some, _ in kinds])
    columns = np.stack([rises, np.ones_like(rises)], axis=1)
    slope_offset = np.zeros(2)
    for _ in range(50):  # Newton's method
        share = 1 / (1 + np.exp(-columns @ slope_offset))
        gradient = columns.T @ (weight * (right - share))
        curvature = (columns.T * (weight * share * (1 - share))) @ columns
        slope_offset += np.linalg.solve(curvature, gradient)
    slope, offset = slope_offset.tolist()
    return Calibration(middle=round(-offset / slope, 3), slope=round(slope, 3))


def reliability(sets: dict[str, tuple[Any, Any]], curve: Calibration) -> list[dict[str, Any]]:
    """By kind and band of relevance: how many hits, and what share is right."""
    edges = (0.0, *BANDS, 1.0)
    rows = []
    for name, (rises, right) in sets.items():
        shown = 1 / (1 + np.exp(-curve.slope * (np.ravel(rises) - curve.middle)))
        band = np.digitize(shown, BANDS)
        row: dict[str, Any] = {"kind": name}
        for number, (low, high) in enumerate(pairwise(edges)):
            some = np.ravel(right)[band == number]
            text = f"{100 * some.mean():.0f} % of {len(some)}" if len(some) else "-"
            row[f"{100 * low:.0f}-{100 * high:.0f} %"] = text
        row[f"at least {100 * WEAK_BELOW:.0f} %"] = round(float((shown >= WEAK_BELOW).mean()), 3)
        rows.append(row)
    return rows


def milliseconds(data: Data, encoder: Encoder) -> dict[str, float]:
    """Of one process that is warm: opening the judge, judging ten photos."""

    def median(call: Callable[[], object]) -> float:
        times = []
        for _ in range(21):
            started = time.perf_counter()
            call()
            times.append(time.perf_counter() - started)
        return round(1000 * sorted(times)[10], 3)

    judge = Judge.open(encoder, "en", cache_folder=SCRATCH / "cache")
    assert judge is not None
    return {
        "open": median(lambda: Judge.open(encoder, "en", cache_folder=SCRATCH / "cache")),
        "judge 10 photos": median(lambda: judge(data.queries["captions"][0], data.photos[:10])),
        "judge 100 photos": median(lambda: judge(data.queries["captions"][0], data.photos[:100])),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--write", action="store_true", help="write what the package ships")
    options = parser.parse_args()
    photos = shared_photos()
    if photos is None:
        raise SystemExit("needs the test photos: name their folder in PHOTOSEARCH_TEST_PHOTOS")
    encoder = open_encoder("mini")
    data = Data(encoder, photos)
    score = rises_above(data.words)
    curves = {
        language: logistic(labelled(data, score, 0, language)) for language in encoder.languages
    }
    if options.write:
        bank.save(bank.SHIPPED / "mini.npy", data.words.astype(np.float16))
        known = {name: {"middle": one.middle, "slope": one.slope} for name, one in curves.items()}
        content = {"key": bank.key_of(encoder), "calibration": known}
        text = json.dumps(content, indent=2) + "\n"
        (bank.SHIPPED / "mini.json").write_text(text, encoding="utf-8")
        bank.shipped.cache_clear()

    ways = {"raw": raw, "robust z": robust_z, "relevance": score}
    for half, name in ((0, "chosen on"), (1, "reported")):
        columns = {way: measures(data, how, half) for way, how in ways.items()}
        rows = [
            {"measure": measure, **{way: round(some[measure], 3) for way, some in columns.items()}}
            for measure in columns["raw"]
        ]
        report(f"relevance-{half}", rows, half=name)
    for language, curve in curves.items():
        rows = reliability(labelled(data, score, 1, language), curve)
        report(f"relevance-reliability-{language}", rows, middle=curve.middle, slope=curve.slope)
    fitted = fit(data.words, data.photos)
    assert fitted is not None
    rows = reliability(labelled(data, score, 1, "en"), fitted)
    report("relevance-unlabelled-fit", rows, middle=fitted.middle, slope=fitted.slope)
    report("relevance-time", [milliseconds(data, encoder)])


if __name__ == "__main__":
    main()
