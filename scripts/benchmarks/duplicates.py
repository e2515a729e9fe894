"""Duplicates: precision and recall by transform, false alarms, time of the search for candidates.

The set of near duplicates is indexed with `mini` and goes through the whole path of the command. A
file is found where it is in one group with its original; a pair of a group is right where both
files are versions of one photo. Groups of odd and of even number are reported apart. 1,000
different photos (and phone photos of covers beside the covers) have to give no group at all.
"""

from __future__ import annotations

import argparse
import itertools
import json
import resource
import tempfile
import time
from collections import Counter, defaultdict
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from photosearch import Library
from photosearch.duplicates import candidates
from photosearch.duplicates.removable import removable
from photosearch.store.snapshot import Snapshot
from scripts.benchmarks.common import report
from tests.make import shared_photos

PHOTOS_OF_OTHERS = ("retrieval", "instances")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--photos", type=int, default=100_000, help="synthetic, for the time")
    parser.add_argument("--skip", default="", help="of: quality, alarms, time")
    options = parser.parse_args()
    photos = shared_photos()
    if photos is None:
        raise SystemExit("the shared test photos are not there: set PHOTOSEARCH_TEST_PHOTOS")
    with tempfile.TemporaryDirectory() as folder:
        if "quality" not in options.skip:
            quality(photos, Path(folder) / "neardup")
        if "alarms" not in options.skip:
            alarms(photos, Path(folder))
        if "time" not in options.skip:
            seconds(photos, Path(folder) / "time", options.photos)


def quality(photos: Path, folder: Path) -> None:
    truth = {}
    for line in (photos / "neardup" / "gt.jsonl").read_text(encoding="utf-8").splitlines():
        record = json.loads(line)
        truth[record["file"]] = record
    with Library.open(folder, "mini", create=True) as library:
        library.index(photos / "neardup", words=False)
        found = library.duplicates()
    gone = {path.name for path in removable(found).paths}
    group_of = {
        file.path.name: number for number, group in enumerate(found.groups) for file in group.files
    }
    originals = {
        record["group"]: name for name, record in truth.items() if record["transform"] == "original"
    }
    rows: list[dict[str, object]] = []
    counts: dict[str, Counter[str]] = defaultdict(Counter)
    for name, record in truth.items():
        half = "odd" if int(record["group"][1:]) % 2 else "even"
        own = group_of.get(originals[record["group"]])
        is_found = own is not None and group_of.get(name) == own
        counts[record["transform"]].update(
            {half: 1, f"{half} found": is_found, "named": name in gone}
        )
    for transform, count in counts.items():
        if transform != "original":
            rows.append(
                {
                    "transform": transform,
                    "files": count["odd"] + count["even"],
                    "found": count["odd found"] + count["even found"],
                    "odd groups": f"{count['odd found']}/{count['odd']}",
                    "even groups": f"{count['even found']}/{count['even']}",
                    "named by --print0": count["named"],
                }
            )
    right = Counter[bool]()
    for group in found.groups:
        for one, other in itertools.combinations(group.files, 2):
            first, second = truth[one.path.name], truth[other.path.name]
            right[
                first["group"] == second["group"] and first["duplicate"] and second["duplicate"]
            ] += 1
    report(
        "duplicates",
        rows,
        pairs_in_groups=sum(right.values()),
        wrong_pairs=right[False],
        precision=round(right[True] / max(sum(right.values()), 1), 4),
        compared=found.compared,
        seconds=round(found.seconds, 1),
    )


def alarms(photos: Path, folder: Path) -> None:
    rows: list[dict[str, object]] = []
    for name in PHOTOS_OF_OTHERS:
        with Library.open(folder / name, "mini", create=True) as library:
            library.index(photos / name, words=False)
            found = library.duplicates()
            again = library.duplicates()
        rows.append(
            {
                "photos": name,
                "count": found.photos,
                "pairs compared": found.compared,
                "groups": len(found.groups),
                "seconds": round(found.seconds, 1),
                "seconds again": round(again.seconds, 2),
            }
        )
        for group in found.groups:
            print("looked like duplicates:", *(file.path.name for file in group.files))
    report("duplicates-alarms", rows)


def seconds(photos: Path, folder: Path, count: int) -> None:
    """Candidates among photos whose vectors are spread as those of real photos are."""
    with Library.open(folder, "mini", create=True) as library:
        library.index(photos / "retrieval", words=False)
    snapshot = Snapshot(folder)
    (model,) = snapshot.models()
    real = np.stack(
        [
            np.frombuffer(blob, "<f2").astype(np.float32)
            for _, blob in snapshot.vectors_of(model.id, snapshot.photo_ids())
        ]
    )
    snapshot.close()
    vectors, hashes = synthetic(real, count)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    started, worked = time.perf_counter(), time.process_time()
    one, _ = candidates.pairs(hashes, vectors)
    after = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    report(
        "duplicates-time",
        [
            {
                "photos": count,
                "pairs": len(one),
                "seconds": round(time.perf_counter() - started, 1),
                "cpu seconds": round(time.process_time() - worked, 1),
                "more memory, MB": max(after - before, 0) // 1024,
            }
        ],
    )


def synthetic(
    real: NDArray[np.float32], count: int
) -> tuple[NDArray[np.float16], NDArray[np.uint64]]:
    """Vectors with the mean and the covariance of real ones; every twentieth photo is a copy."""
    chance = np.random.default_rng(0)
    mean = real.mean(0)
    _, spread, axes = np.linalg.svd(real - mean, full_matrices=False)
    vectors = np.empty((count, real.shape[1]), np.float16)
    for at in range(0, count, 5000):
        size = min(5000, count - at)
        block = chance.standard_normal((size, len(spread))).astype(np.float32)
        vectors[at : at + size] = unit(mean + block * spread / len(real) ** 0.5 @ axes)
    hashes = chance.integers(0, 2**63, count).astype(np.uint64)
    copies: Sequence[int] = chance.choice(count, count // 20, replace=False).tolist()
    for copy, source in zip(copies, chance.choice(count, len(copies)).tolist(), strict=True):
        noise = chance.standard_normal(real.shape[1]) * 0.01
        vectors[copy] = unit(vectors[source].astype(np.float32) + noise)
        hashes[copy] = hashes[source] ^ np.uint64(1)
    return vectors, hashes


def unit(rows: NDArray[np.float32]) -> NDArray[np.float32]:
    return rows / np.linalg.norm(rows, axis=-1, keepdims=True)


if __name__ == "__main__":
    main()
