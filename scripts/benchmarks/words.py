"""Reading printed words: share of the words found, lines seen where none are, seconds a photo.

Sets of the shared test photos, and words drawn onto photos at known heights. A word counts as found
as a token (it is one, between spaces, less the punctuation around it), within a line, or within all
text of the photo without its spaces; NFKC and case-folded each. Truth in lines is split into words,
words of one character do not count: they are within nearly any text.
"""

from __future__ import annotations

import argparse
import json
import random
import re
import statistics
import time
import unicodedata
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFilter, ImageFont

from photosearch.decode.pixels import decode
from photosearch.ocr.rapid import RapidReader
from photosearch.records import Line
from scripts.benchmarks.common import report
from tests.make import jpeg, shared_photos

WORDS = (
    "exit station coffee bakery keyboard parking hotel street museum library open closed platform "
    "ticket welcome danger private road market garden school police taxi menu fresh bread"
).split()
HEIGHTS = (12, 16, 20, 26, 34, 48)  # of letters, in photos of 1280 pixels


@dataclass(frozen=True)
class Item:
    """A photo's bytes, and the words that it shows."""

    data: bytes
    words: tuple[str, ...] = ()


@dataclass
class Result:
    lines: tuple[Line, ...]
    seconds: float
    cpu_seconds: float


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--sets", default="scene,receipt,other,covers,drawn,12mp,retrieval,coco")
    parser.add_argument("--photos", type=int, default=60, help="at most, of a set")
    parser.add_argument("--threads", action="store_true", help="compare ways to use the cores")
    options = parser.parse_args()
    folder = shared_photos()
    if folder is None:
        raise SystemExit("the shared test photos are not there: set PHOTOSEARCH_TEST_PHOTOS")
    sets = {
        name: list(SETS[name](folder, options.photos)) for name in options.sets.split(",") if name
    }
    if options.threads:
        return compare_threads(sets)
    readers = {"gate": RapidReader(threads=2), "no gate": RapidReader(threads=2, gate=False)}
    for reader in readers.values():
        read(reader, next(iter(sets.values()))[0])
    rows: list[dict[str, object]] = []
    for name, items in sets.items():
        # In turns, photo by photo: what slows the machine for a while slows both.
        results: dict[str, list[Result]] = {way: [] for way in readers}
        for item in items:
            for way, reader in readers.items():
                results[way].append(read(reader, item))
        rows += [row(name, way, items, results[way]) for way in readers]
    report("words", rows, reader=readers["gate"].name)
    return None


def read(reader: RapidReader, item: Item) -> Result:
    """As the pass over a library does it, from the file's bytes."""
    started, worked = time.perf_counter(), time.process_time()
    lines = reader.read(decode(item.data, need=reader.read_side).image)
    return Result(lines, time.perf_counter() - started, time.process_time() - worked)


def row(name: str, way: str, items: list[Item], results: list[Result]) -> dict[str, object]:
    wanted, *found = np.sum(
        [count(item.words, result.lines) for item, result in zip(items, results, strict=True)], 0
    )
    shares = [f"{one / wanted:.3f}" if wanted else "" for one in found]
    seconds = sorted(result.seconds for result in results)
    empty = [result.seconds for result in results if not result.lines]
    return {
        "set": name,
        "way": way,
        "photos": len(items),
        "words": int(wanted),
        **dict(zip(("token", "in a line", "in the photo"), shares, strict=True)),
        "lines/photo": round(statistics.mean(len(result.lines) for result in results), 2),
        "no lines": len(empty),
        "s without lines": round(statistics.mean(empty), 3) if empty else "",
        "s/photo": round(statistics.mean(seconds), 3),
        "median": round(statistics.median(seconds), 3),
        "cpu s/photo": round(statistics.mean(result.cpu_seconds for result in results), 3),
        "90%": round(seconds[int(len(seconds) * 0.9)], 3),
    }


def count(words: tuple[str, ...], lines: tuple[Line, ...]) -> tuple[int, int, int, int]:
    """Words wanted; found as token, within a line, within the photo's text."""
    wanted = [token for text in words for token in tokens(text) if len(token) > 1]
    known = {token for line in lines for token in tokens(line.text)}
    joined = ["".join(folded(line.text).split()) for line in lines]
    text = "".join(joined)
    return (
        len(wanted),
        sum(word in known for word in wanted),
        sum(any(word in line for line in joined) for word in wanted),
        sum(word in text for word in wanted),
    )


def folded(text: str) -> str:
    return unicodedata.normalize("NFKC", text).casefold()


def tokens(text: str) -> list[str]:
    bare = (re.sub(r"^\W+|\W+$", "", part) for part in folded(text).split())
    return [part for part in bare if part]


def compare_threads(sets: dict[str, list[Item]]) -> None:
    """Photos a second: all cores for a photo, or a core each for several photos."""
    items = [item for group in sets.values() for item in group]
    ways = {
        "1 photo, 2 threads": (RapidReader(threads=2), 1),
        "2 photos, 1 thread each, one reader": (RapidReader(threads=1), 2),
        "2 photos, 2 threads each": (RapidReader(threads=2), 2),
    }
    times: dict[str, list[float]] = {way: [] for way in ways}
    for turn in range(4):
        for way, (reader, jobs) in ways.items():
            started = time.perf_counter()
            with ThreadPoolExecutor(jobs) as pool:
                list(pool.map(lambda item, reader=reader: read(reader, item), items))
            if turn:  # the first turn warms up
                times[way].append((time.perf_counter() - started) / len(items))
    base = times["1 photo, 2 threads"]
    report(
        "words-threads",
        [
            {
                "way": way,
                "s/photo": round(statistics.median(taken), 3),
                "ratio": round(
                    statistics.median(one / other for one, other in zip(taken, base, strict=True)),
                    2,
                ),
            }
            for way, taken in times.items()
        ],
        photos=len(items),
    )


def printed(kind: str) -> Callable[[Path, int], Iterator[Item]]:
    def items(photos: Path, most: int) -> Iterator[Item]:
        records = [json.loads(row) for row in (photos / "ocr" / "gt.jsonl").open(encoding="utf-8")]
        known = ("scene", "receipt")
        chosen = [
            record
            for record in records
            if record["kind"] == kind or (kind == "other" and record["kind"] not in known)
        ]
        for record in chosen[:most]:
            words = [word["text"] for word in record["words"] if word["legible"]]
            yield Item((photos / "ocr" / record["file"]).read_bytes(), tuple(words))

    return items


def covers(photos: Path, most: int) -> Iterator[Item]:
    """Phone photos of DVD covers; words of the titles."""
    records = [json.loads(row) for row in (photos / "instances" / "gt.jsonl").open()]
    taken = [record for record in records if record["role"] == "query"]
    random.Random(0).shuffle(taken)
    for record in taken[:most]:
        data = (photos / "instances" / record["file"]).read_bytes()
        yield Item(data, (record["title"],))


def sample(name: str) -> Callable[[Path, int], Iterator[Item]]:
    def items(photos: Path, most: int) -> Iterator[Item]:
        files = sorted((photos / name).glob("*.jpg"))
        random.Random(0).shuffle(files)
        yield from (Item(file.read_bytes()) for file in files[:most])

    return items


def large(photos: Path, most: int) -> Iterator[Item]:
    """The same photos as in `coco`, as files of 12 megapixels."""
    for item in sample("coco")(photos, min(most, 20)):
        image = decode(item.data).image
        size = (4000, 3000) if image.width > image.height else (3000, 4000)
        yield Item(jpeg(noisy(image.resize(size, Image.Resampling.BICUBIC), 1)))


def drawn(photos: Path, most: int) -> Iterator[Item]:
    """Two cards with printed words, slanting, on a photo of 1280 pixels."""
    chance = random.Random(1)
    for number, item in enumerate(sample("coco")(photos, most)):
        image = decode(item.data).image
        image = image.resize((image.width * 2, image.height * 2), Image.Resampling.BICUBIC)
        height, words = HEIGHTS[number % len(HEIGHTS)], []
        for top in (0.05, 0.55):
            text = " ".join(chance.sample(WORDS, 2))
            card = sign(text, height, chance)
            if card.width >= image.width:
                continue
            left = chance.randrange(image.width - card.width)
            image.paste(card, (left, round(image.height * top)), card)
            words.append(text)
        image = image.filter(ImageFilter.GaussianBlur(0.7))
        yield Item(jpeg(noisy(image, 4), quality=85), tuple(words))


def sign(text: str, height: int, chance: random.Random) -> Image.Image:
    font = ImageFont.load_default(height * 1.35)
    left, top, right, bottom = (round(side) for side in font.getbbox(text))
    edge = height // 2
    ground = tuple(chance.randrange(256) for _ in range(3))
    bright = sum(ground) > 3 * 127
    ink = tuple(round(tone * 0.2 if bright else 255 - (255 - tone) * 0.2) for tone in ground)
    size = (right - left + 2 * edge, bottom - top + 2 * edge)
    card = Image.new("RGBA", size, (*ground, 255))
    ImageDraw.Draw(card).text((edge - left, edge - top), text, font=font, fill=ink)
    return card.rotate(chance.uniform(-10, 10), expand=True, resample=Image.Resampling.BICUBIC)


def noisy(image: Image.Image, strength: float) -> Image.Image:
    noise = np.random.default_rng(image.width).normal(0, strength, (image.height, image.width, 1))
    return Image.fromarray((np.asarray(image) + noise).clip(0, 255).astype(np.uint8))


SETS: dict[str, Callable[[Path, int], Iterator[Item]]] = {
    "scene": printed("scene"),
    "receipt": printed("receipt"),
    "other": printed("other"),
    "covers": covers,
    "drawn": drawn,
    "12mp": large,
    "retrieval": sample("retrieval"),
    "coco": sample("coco"),
}


if __name__ == "__main__":
    main()
