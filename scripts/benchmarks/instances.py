"""A thing in a catalogue from a phone photo of it: by looks, by printed words, by both, closely.

The covers of `instances` lie in one library with the photos of `retrieval` and `coco`. Each phone
photo is an example; its cover should be the first, or among the first five. `--read` looks for the
words in the example as well; "words alone" looks for nothing else. Each phone photo is read once:
the time of it is in the first row with --read. The weight of shared words was chosen on the covers
with even numbers, so the others have rows of their own. Some rankings once more with their first 20
(or 50) compared by local features, and as `--rerank geometry` does it. The parts: the cover's frame
in the phone photo, as local features find it, given as --crop.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import shutil
import statistics
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import cache, partial
from pathlib import Path
from typing import Any
from unittest.mock import patch

from PIL import Image

from photosearch import Library
from photosearch.decode.pixels import decode
from photosearch.ocr.rapid import RapidReader
from photosearch.records import Hit, Line
from photosearch.search import example_words
from photosearch.search.geometry import (
    ENOUGH,
    NEED,
    Agreement,
    Features,
    agreement,
    features_of,
)
from photosearch.search.query import make_query
from photosearch.settings import usable_cores
from scripts.benchmarks.common import SCRATCH, report
from tests.make import shared_photos

DEPTH = 100  # of each ranking
Rank = Callable[[Path], list[Path]]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--photos", type=int, help="phone photos, 99 unless given")
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
        # The other photos are not read: it takes minutes, and what it would change is little.
        unread = not library.status().words_read
        library.index([_covers_alone(covers.values())], words=unread)
        library.index([photos / "retrieval", photos / "coco"], words=False)
        titles = [(row["title"], row["object"]) for row in rows if row["role"] == "ref"]
        with patch.object(example_words, "reader", return_value=ReadOnce()):
            found = measured(library, wanted) + by_title(library, titles, covers)
        report("instances", found, photos=library.status().photos, examples=len(wanted))


def measured(library: Library, wanted: dict[Path, Path]) -> list[dict[str, object]]:
    names = {example: cover.name for example, cover in wanted.items()}
    odd = {example: name for example, name in names.items() if int(name[3:6]) % 2}
    printed: dict[Path, str] = {}

    def look(example: Path, **options: Any) -> list[Path]:
        return _paths(library.search(image=example, k=DEPTH, **options))

    def read(example: Path, rerank: str | None = None) -> list[Path]:
        query = make_query(images=[example], read=True, rerank=rerank)
        answer = library.run_query(query, k=DEPTH)
        printed[example] = " ".join(answer.read or ())
        return _paths(answer.hits)

    def words(example: Path) -> list[Path]:
        text = printed[example]
        return _paths(library.search(text, k=DEPTH, words=True)) if text.strip() else []

    def cropped(example: Path, rerank: str | None = None) -> list[Path]:
        found = _agreement(example, wanted[example])
        x0, y0, x1, y1 = found.example_box or (0, 0, 1e5, 1e5)
        crop = (max(x0, 0), max(y0, 0), x1 - x0, y1 - y0)
        return look(example, crop=crop, rerank=rerank)

    ways: list[tuple[str, Rank, Mapping[Path, str]]] = [
        ("looks", look, names),
        ("looks, first 20 by geometry", _closer(look, 20), names),
        ("looks, first 50 by geometry", _closer(look, 50), names),
        ("looks --rerank geometry", partial(look, rerank="geometry"), names),
        ("looks of the part (--crop)", cropped, names),
        ("looks of the part --rerank geometry", partial(cropped, rerank="geometry"), names),
        ("looks and words (--read)", read, names),
        ("looks and words (--read), odd numbers", read, odd),
        ("words alone", words, names),
        ("words alone, odd numbers", words, odd),
        ("looks and words, first 20 by geometry", _closer(read, 20), names),
        ("--read --rerank geometry", partial(read, rerank="geometry"), names),
    ]
    return [_row(name, rank, some) for name, rank, some in ways]


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


class ReadOnce:
    """The reader of `--read`, which remembers what it read in a picture."""

    def __init__(self) -> None:
        self._reader = RapidReader(threads=usable_cores())
        self._known: dict[bytes, tuple[Line, ...]] = {}
        self.key, self.name = self._reader.key, self._reader.name
        self.read_side = self._reader.read_side

    def read(self, image: Image.Image) -> tuple[Line, ...]:
        digest = hashlib.sha256(image.tobytes()).digest()
        if digest not in self._known:
            self._known[digest] = self._reader.read(image)
        return self._known[digest]


if __name__ == "__main__":
    main()
