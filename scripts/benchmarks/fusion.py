"""One ranking of looks and printed words: do words find their photos, do captions lose any?

The `ocr` photos are mixed with the 1,000 of `retrieval`. By words: each photo's three longest
legible words or lines (of at most 40 characters) that no other photo shows; the photo should be
among the first five. Once more without the photos of which the reader got no line at all. By
captions: English and Chinese captions of each photo; it should be among the first ten. Each with
looks alone, words alone, and both. And of ordinary words, how many would put another photo first if
those that stand within longer printed words (tree, STREET) counted as any other.
"""

from __future__ import annotations

import argparse
import json
import re
import statistics
import time
from collections.abc import Iterable
from pathlib import Path
from unittest.mock import patch

from photosearch import Library
from photosearch.search import bank
from photosearch.store.words import normal_words
from scripts.benchmarks.common import SCRATCH, report
from tests.make import shared_photos

WAYS = {"looks": False, "words": True, "both": None}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--captions", type=int, default=1, help="captions a photo and language")
    options = parser.parse_args()
    photos = shared_photos()
    if photos is None:
        raise SystemExit("the ground-truth photos are not on this machine: nothing to measure")
    with Library.open(SCRATCH / "fusion-library", create=True) as library:
        library.index([photos / "ocr", photos / "retrieval"], words=True)
        rows = by_words(library, photos / "ocr")
        rows += by_captions(library, photos / "retrieval", options.captions)
        rows.append(by_ordinary_words(library))
    report("fusion", rows)


def by_words(library: Library, folder: Path) -> list[dict[str, object]]:
    """Recall@5 of photos by what is printed in them."""
    shown: dict[str, list[str]] = {}
    for line in (folder / "gt.jsonl").read_text(encoding="utf-8").splitlines():
        row = json.loads(line)
        shown[row["file"]] = [
            word["text"]
            for word in row["words"]
            if word.get("legible", True) and re.search(r"\w{3,}|[\u3040-\u9fff]{2,}", word["text"])
        ]
    whole = {file: " ".join(map(normal_words, words)) for file, words in shown.items()}
    queries = [
        (word, file)
        for file, words in shown.items()
        for word in [
            word[:40]
            for word in sorted(dict.fromkeys(words), key=len, reverse=True)
            if sum(normal_words(word[:40]) in text for text in whole.values()) == 1
        ][:3]
    ]
    plain_queries = [(plain(word), file) for word, file in queries]
    readable = {file for file in shown if library.facts(folder / file, nearest=0).words}
    rows = list(measured(library, "words@5", plain_queries, k=5))
    kept = [query for query in plain_queries if query[1] in readable]
    return rows + list(measured(library, "words@5, of photos with any line read", kept, k=5))


def plain(text: str) -> str:
    """Without quotes and colons, which would make conditions and filters of what follows."""
    return re.sub(r'[":“”„«»「」『』]', " ", text)


def by_captions(library: Library, folder: Path, count: int) -> list[dict[str, object]]:
    """Recall@10 of photos by their captions."""
    lines = (folder / "captions.jsonl").read_text(encoding="utf-8").splitlines()
    rows = [json.loads(line) for line in lines]
    found: list[dict[str, object]] = []
    for field, name in (
        ("captions", "English captions@10"),
        ("captions_zh", "Chinese captions@10"),
    ):
        queries = [(plain(caption), row["file"]) for row in rows for caption in row[field][:count]]
        found += measured(library, name, queries, k=10)
    return found


def by_ordinary_words(library: Library) -> dict[str, object]:
    """Those of the relevance bank, with and without the rule on words within others."""

    def first(word: str) -> Path:
        return library.search(word, k=1)[0].path

    words = bank.texts("en")
    kept = [first(word) for word in words]
    with patch("photosearch.search.terms.is_by_chance", lambda word, line: False):
        moved = [word for word, path in zip(words, kept, strict=True) if first(word) != path]
    return {
        "queries": "ordinary words that another photo would win",
        "by": "words within words",
        "number": len(words),
        "others": len(moved),
        "such as": ", ".join(moved[:5]),
    }


def measured(
    library: Library, name: str, queries: list[tuple[str, str]], *, k: int
) -> Iterable[dict[str, object]]:
    for way, words in WAYS.items():
        found = 0
        times = []
        for text, file in queries:
            started = time.perf_counter()
            hits = library.search(text, k=k, words=words)
            times.append(time.perf_counter() - started)
            found += any(hit.path.name == Path(file).name for hit in hits)
        yield {
            "queries": name,
            "by": way,
            "number": len(queries),
            "recall": round(100 * found / len(queries), 1),
            "ms": round(1e3 * statistics.median(times), 1),
        }


if __name__ == "__main__":
    main()
