"""What a search, a filter and the counts of a library take within one process.

    python -m scripts.benchmarks.inside LIBRARY [--rounds 5]

Prints one JSON document: of each case the median wall and CPU seconds, and the memory of the
process before the first search and after them all. In a process of its own for each library, so
that nothing of another one is in memory. `growth` runs it for each size.
"""

from __future__ import annotations

import argparse
import json
import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from scripts.benchmarks.common import timed

if TYPE_CHECKING:
    from photosearch import Filters, Library

QUERY = "a dog on the beach"


def filters_of(library: Path) -> dict[str, Filters]:
    """One of each kind; the names are those of the rows."""
    from photosearch import Filters

    return {
        "folder": Filters(in_folder=f"{library}-photos/2010"),
        "folder's name": Filters(in_folder="2010"),
        "date": Filters(after="2020", before="2021"),
        "file name": Filters(name="IMG_00012*"),
        "camera": Filters(camera="pixel"),
        "tag": Filters(tag="cat"),
        "not a tag": Filters(not_tag="cat"),
        "place": Filters(place="France"),
        "near": Filters(near="Paris", within=100),
        "shape": Filters(orientation="square"),
        "has words": Filters(has="words"),
    }


# Of the words of `furnish`: on one line of thirty, on one of hundreds, on none, two of them.
PRINTED = {
    "frequent": "exit",
    "rarer": "reserved",
    "nowhere": "kaminopelax",
    "two": "coffee menu",
    "two letters": "no",
}


def cases(library: Library, path: Path) -> dict[str, Callable[[int], object]]:
    """Everything that is timed: name → call."""
    from photosearch.duplicates.fingerprint import KIND
    from photosearch.ocr.rapid import fingerprint
    from photosearch.store.hashes import unhashed
    from photosearch.store.snapshot import Snapshot
    from photosearch.store.words import unread

    snapshot = Snapshot(path)
    (model, *_) = snapshot.models()
    found: dict[str, Callable[[int], object]] = {
        "search": lambda _: library.search(QUERY, k=10),
        "search, looks alone": lambda _: library.search(QUERY, k=10, words=False),
    }
    for name, filters in filters_of(path).items():
        found[f"search, {name}"] = lambda _, f=filters: library.search(QUERY, k=10, filters=f)
    for name, text in PRINTED.items():
        found[f"printed, {name}"] = lambda _, t=text: library.search(t, k=10, words=True)
    found |= {
        "listing by date": lambda _: library.search(k=10, filters=filters_of(path)["shape"]),
        "status": lambda _: library.status(),
        "count not encoded": lambda _: snapshot.count_not_encoded(model.id),
        "list not read": lambda _: len(unread(snapshot, fingerprint())),
        "list not hashed": lambda _: len(unhashed(snapshot, KIND)),
    }
    return found


def candidates_seconds(path: Path) -> float:
    """CPU, once: the candidates of `duplicates`, each photo with each other one."""
    from photosearch.duplicates.candidates import pairs
    from photosearch.duplicates.fingerprint import KIND
    from photosearch.store.hashes import hashes_of
    from photosearch.store.snapshot import Snapshot

    snapshot = Snapshot(path)
    (model, *_) = snapshot.models()
    hashes = np.array([int.from_bytes(row[1]) for row in hashes_of(snapshot, KIND)], np.uint64)
    blobs = b"".join(row[2] for row in snapshot.vectors_after(model.id, 0))
    vectors = np.frombuffer(blobs, "<f2").reshape(-1, model.dim)
    started = time.process_time()
    pairs(hashes, vectors[: len(hashes)])
    return time.process_time() - started


def resident_mb() -> float:
    """Of this process; 0 where the system does not tell."""
    try:
        pages = int(Path("/proc/self/statm").read_text().split()[1])
    except OSError:
        return 0.0
    return pages * os.sysconf("SC_PAGE_SIZE") / 1e6


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("library", type=Path)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--candidates", action="store_true", help="those of duplicates too")
    options = parser.parse_args()
    path = options.library.absolute()
    from photosearch import Library

    with Library.open(path) as library:
        before = resident_mb()
        library.search(QUERY, k=10)
        after = resident_mb()
        results = timed(cases(library, path), options.rounds)
        memory = {"opened": before, "searched": after, "at the end": resident_mb()}
    seconds = {name: {"wall": one.median, "cpu": one.cpu} for name, one in results.items()}
    if options.candidates:
        taken = candidates_seconds(path)
        seconds["candidates for duplicates"] = {"wall": taken, "cpu": taken}
    print(json.dumps({"seconds": seconds, "memory_mb": memory}))


if __name__ == "__main__":
    main()
