"""A thing in a catalogue from a phone photo of it: by looks, by printed words, by both, closely.

The covers of `instances` lie in one library with the photos of `retrieval` and `coco`. Each phone
photo is an example; its cover should be the first, or among the first five. By words: what is read
in the phone photo is looked up among the words read in the covers. Each ranking once more with its
first 20 (or 50) compared by local features, and as `--rerank geometry` does it. The parts: the
cover's frame in the phone photo, as local features find it, given as --crop.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import statistics
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

from photosearch import Library
from photosearch.decode.pixels import decode
from photosearch.ocr.rapid import RapidReader
from photosearch.records import Hit
from photosearch.search.geometry import (
    ENOUGH,
    NEED,
    Agreement,
    Features,
    agreement,
    features_of,
)
from photosearch.search.query import make_query
from scripts.benchmarks.common import SCRATCH, report
from tests.make import shared_photos

DEPTH = 100  # of each ranking
Rank = Callable[[Path], list[Path]]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--photos", type=int, help="phone photos, all 99 unless given")
    options = parser.parse_args()
    photos = shared_photos()
    if photos is None:
        raise SystemExit("the ground-truth photos are not on this machine: nothing to measure")
    folder = photos / "instances"
    rows = [json.loads(line) for line in (folder / "gt.jsonl").read_text("utf-8").splitlines()]
    covers = {row["object"]: folder / row["file"] for row in rows if row["role"] == "ref"}
    wanted = {folder / row["file"]: covers[row["object"]] for row in rows if row["role"] == "query"}
    wanted = dict(list(wanted.items())[: options.photos])
    with Library.open(SCRATCH / "instances-library", create=True) as library:
        library.index([_covers_alone(covers.values())], words=True)
        library.index([photos / "retrieval", photos / "coco"], words=False)
        words = _words_in(list(wanted))
        titles = [(row["title"], row["object"]) for row in rows if row["role"] == "ref"]
        found = measured(library, wanted, words) + by_title(library, titles, covers)
        report("instances", found, photos=library.status().photos, examples=len(wanted))


def measured(
    library: Library, wanted: dict[Path, Path], words: dict[str, str]
) -> list[dict[str, object]]:
    def look(example: Path) -> list[Path]:
        return _paths(library.search(image=example, k=DEPTH))

    def printed(example: Path) -> list[Path]:
        text = words[example.name]
        return _paths(library.search(text, k=DEPTH, words=True)) if text.strip() else []

    def both(example: Path) -> list[Path]:
        query = replace(make_query(images=[example]), printed=words[example.name])
        return _paths(library.run_query(query, k=DEPTH).hits)

    def cropped(example: Path) -> list[Path]:
        found = _agreement(example, wanted[example])
        x0, y0, x1, y1 = found.example_box or (0, 0, 1e5, 1e5)
        crop = (max(x0, 0), max(y0, 0), x1 - x0, y1 - y0)
        return _paths(library.search(image=example, crop=crop, k=DEPTH))

    def reranked(example: Path) -> list[Path]:
        return _paths(library.search(image=example, k=DEPTH, rerank="geometry"))

    def both_reranked(example: Path) -> list[Path]:
        query = make_query(images=[example], rerank="geometry")
        query = replace(query, printed=words[example.name])
        return _paths(library.run_query(query, k=DEPTH).hits)

    ways: dict[str, Rank] = {
        "looks": look,
        "looks, first 20 by geometry": _closer(look, 20),
        "looks, first 50 by geometry": _closer(look, 50),
        "looks --rerank geometry": reranked,
        "looks of the part (--crop)": cropped,
        "looks of the part, first 20 by geometry": _closer(cropped, 20),
        "words": printed,
        "words, first 20 by geometry": _closer(printed, 20),
        "looks and words": both,
        "looks and words, first 20 by geometry": _closer(both, 20),
        "looks and words --rerank geometry": both_reranked,
    }
    names = {example: cover.name for example, cover in wanted.items()}
    return [_row(name, rank, names) for name, rank in ways.items()]


def by_title(
    library: Library, titles: Sequence[tuple[str, str]], covers: dict[str, Path]
) -> list[dict[str, object]]:
    """The cover by its title, typed."""
    wanted = {title: covers[name].name for title, name in titles}

    def rank(words: bool | None) -> Callable[[str], list[Path]]:
        return lambda title: _paths(
            library.search(title.replace(":", " ").replace('"', " "), k=DEPTH, words=words)
        )

    ways = {"title, by looks": False, "title, by words": True, "title, by both": None}
    return [_row(name, rank(words), wanted) for name, words in ways.items()]


def _row(
    name: str, rank: Callable[[Any], list[Path]], wanted: Mapping[Any, str]
) -> dict[str, object]:
    places, times = [], []
    for example, cover in wanted.items():
        started = time.perf_counter()
        names = [path.name for path in rank(example)]
        times.append(time.perf_counter() - started)
        places.append(names.index(cover) if cover in names else DEPTH)

    def share(first: int) -> float:
        return round(100 * sum(place < first for place in places) / len(places), 1)

    return {
        "by": name,
        "top 1": share(1),
        "top 5": share(5),
        "top 20": share(20),
        "ms": round(1e3 * statistics.median(times), 1),
    }


def _closer(rank: Rank, first: int) -> Rank:
    """The same ranking, its first photos compared by local features. The times are those of
    comparing alone where the features are known from an earlier row.
    """

    def closer(example: Path) -> list[Path]:
        paths = rank(example)
        points = {path: _agreement(example, path).inliers for path in paths[:first]}
        same = [path for path in points if points[path] >= ENOUGH]
        same.sort(key=lambda path: -points[path])
        return same + [path for path in paths if path not in same]

    return closer


@cache
def _agreement(example: Path, photo: Path) -> Agreement:
    return agreement(_features(example), _features(photo))


@cache
def _features(path: Path) -> Features:
    decoded = decode(path.read_bytes(), need=NEED)
    return features_of(decoded.image, (0, 0, decoded.width, decoded.height))


def _paths(hits: Sequence[Hit]) -> list[Path]:
    return [hit.path for hit in hits]


def _covers_alone(covers: Iterable[Path]) -> Path:
    """A folder of the covers without the phone photos: among the results, not in the project."""
    folder = SCRATCH / "instances-covers"
    folder.mkdir(parents=True, exist_ok=True)
    for cover in covers:
        if not (folder / cover.name).exists():
            shutil.copyfile(cover, folder / cover.name)
    return folder


def _words_in(examples: Sequence[Path]) -> dict[str, str]:
    """What is printed in the phone photos; read once."""
    reader = RapidReader(threads=os.cpu_count() or 1)
    kept = SCRATCH / f"instances-words-{reader.key[:12]}.json"
    known: dict[str, str] = json.loads(kept.read_text()) if kept.exists() else {}
    for example in examples:
        if example.name not in known:
            image = decode(example.read_bytes(), need=reader.read_side).image
            known[example.name] = " ".join(line.text for line in reader.read(image))
            kept.write_text(json.dumps(known))
    return known


if __name__ == "__main__":
    main()
