"""Small things: what `index --regions` and `query --small` find, and what they cost.

    python -m scripts.benchmarks.small [--photos 100000] [--truth FOLDER] [--no-truth]

With FOLDER, photos with ground truth (coco, instances, retrieval):
captions → photos, names of things → photos by the size of the thing, covers → phone photos. Then a
synthetic library of so many photos with nine parts each: seconds of a fresh process, bytes.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from scripts.benchmarks.common import SCRATCH, in_turns, report, show, table
from tests.make import shared_photos

SIZES = (0.02, 0.05, 1.01)  # a thing is small below this share of the picture
BLOCK = 2_000


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--photos", type=int, default=100_000)
    parser.add_argument("--truth", type=Path, default=shared_photos())
    parser.add_argument("--no-truth", action="store_true", help="Measure costs alone.")
    parser.add_argument("--rounds", type=int, default=5)
    arguments = parser.parse_args()
    os.environ["PHOTOSEARCH_WORDS"] = "0"
    facts: dict[str, Any] = {}
    if arguments.truth and not arguments.no_truth:
        facts = found_with(arguments.truth)
    rows: list[dict[str, object]] = []
    if arguments.photos:
        rows, facts["synthetic"] = synthetic(arguments.photos, arguments.rounds)
    report("small", rows, **facts)


# What is found


def found_with(truth: Path) -> dict[str, Any]:
    results: dict[str, Any] = {}
    for name, measure in (("coco", coco), ("retrieval", captions), ("instances", instances)):
        with tempfile.TemporaryDirectory(dir=_scratch()) as folder:
            library, costs = indexed(truth / name, Path(folder))
            with library:
                rows = measure(truth / name, library)
        print(f"{name}: {costs}")
        show(rows)
        results[name] = {"costs": costs, "rows": rows}
    return results


def indexed(photos: Path, folder: Path) -> tuple[Any, dict[str, float]]:
    """A library of the photos and their parts, and what the latter cost."""
    from photosearch import Library

    library = Library.open(folder / "library", "mini", create=True)
    before = time.process_time(), time.perf_counter()
    report = library.index([photos])
    between = time.process_time(), time.perf_counter()
    size = _bytes(library.path)
    looked = library.index(regions=True).regions
    after = time.perf_counter()
    assert looked is not None
    count = max(1, report.encoded)
    return library, {
        "photos": count,
        "ms a photo": round(1000 * (between[1] - before[1]) / count, 1),
        "ms a photo for its parts": round(1000 * (after - between[1]) / count, 1),
        "bytes a photo": size // count,
        "bytes a photo for its parts": (_bytes(library.path) - size) // count,
    }


def coco(folder: Path, library: Any) -> list[dict[str, object]]:
    truth = _lines(folder / "gt.jsonl")
    areas: dict[str, dict[str, float]] = {}
    for row in truth:
        for thing in row["objects"]:
            share = thing["box"][2] * thing["box"][3] / (row["width"] * row["height"])
            files = areas.setdefault(thing["category"], {})
            files[row["file"]] = max(files.get(row["file"], 0.0), share)
    rows = captions(folder, library, "gt.jsonl")
    names = {row["search"]: row for row in rows}
    for small in (False, True):
        scores: dict[float, list[tuple[float, float, float]]] = {size: [] for size in SIZES}
        for category, files in sorted(areas.items()):
            hits = [
                hit.path.name
                for hit in library.search(
                    f"a photo of a {category}", k=len(truth), words=False, small=small
                )
            ]
            for size in SIZES:
                wanted = {file for file, share in files.items() if share < size}
                # A photo in which it is larger is neither right nor wrong.
                order = [file in wanted for file in hits if file in wanted or file not in files]
                if wanted:
                    scores[size].append(_precision(np.array(order)))
        for size in SIZES:
            mean = np.mean(scores[size], axis=0).round(3).tolist()
            label = "any" if size > 1 else f"<{size:.0%}"
            names[_name(small)] |= dict(
                zip((f"{label} mAP", f"{label} P@5", f"{label} R@10"), mean, strict=True)
            )
    return rows


def captions(folder: Path, library: Any, file: str = "captions.jsonl") -> list[dict[str, object]]:
    """Recall of each photo's captions, by the command's own search."""
    truth = _lines(folder / file)
    step = max(1, len(truth) // 250)
    rows: list[dict[str, object]] = []
    for small in (False, True):
        ranks = []
        for row in truth[::step]:
            for text in row["captions"][:5]:
                hits = library.search(text.replace('"', ""), k=10, words=False, small=small)
                names = [hit.path.name for hit in hits]
                ranks.append(names.index(row["file"]) if row["file"] in names else 10)
        found: dict[str, object] = {"search": _name(small), "captions": len(ranks)}
        for k in (1, 5, 10):
            found[f"R@{k}"] = round(float(np.mean([rank < k for rank in ranks])), 3)
        rows.append(found)
    return rows


def instances(folder: Path, library: Any) -> list[dict[str, object]]:
    """A cover finds the phone photos in which it lies, and a phone photo its cover."""
    truth = _lines(folder / "gt.jsonl")
    role = {row["file"]: row["role"] for row in truth}
    thing = {row["file"]: row["object"] for row in truth}
    rows = []
    for small in (False, True):
        found: dict[str, object] = {"search": _name(small)}
        for asked, wanted in (("ref", "query"), ("query", "ref")):
            places = []
            for file in (file for file in role if role[file] == asked):
                hits = library.search(image=folder / file, k=len(truth), small=small)
                order = [hit.path.name for hit in hits if role[hit.path.name] == wanted]
                places.append(
                    next((at for at, one in enumerate(order) if thing[one] == thing[file]), 999)
                )
            way = "cover → photo" if asked == "ref" else "photo → cover"
            for k in (1, 5):
                found[f"{way} top-{k}"] = round(float(np.mean([at < k for at in places])), 3)
        rows.append(found)
    return rows


def _precision(order: NDArray[np.bool_]) -> tuple[float, float, float]:
    """Average precision, precision at 5, recall at 10 (of at most ten)."""
    total = int(order.sum())
    steps = np.cumsum(order) / np.arange(1, len(order) + 1)
    average = float((steps * order).sum() / total)
    return average, float(order[:5].mean()), float(order[:10].sum() / min(total, 10))


# What it costs


def synthetic(photos: int, rounds: int) -> tuple[list[dict[str, object]], dict[str, int]]:
    """Fresh processes over a library of so many photos, with and without `--small`."""
    from scripts.benchmarks.synthetic import library_of

    plain = library_of(photos)
    library = plain.with_name(f"{plain.name}-parts")
    if not (library / "made").exists():
        shutil.rmtree(library, ignore_errors=True)
        shutil.copytree(plain, library)
        before = time.perf_counter()
        add_parts(library)
        print(f"parts made in {time.perf_counter() - before:.0f} s")
        (library / "made").touch()
    size = _bytes(library) - _bytes(plain)

    def query(where: Path, *more: str, text: str | None = None) -> Any:
        def make(number: int) -> tuple[Sequence[str], Mapping[str, str]]:
            words = text or f"a thing number {number + 1000} on a table"
            command = [sys.executable, "-m", "photosearch", "query", words, "-k", "3", *more]
            env = {
                "PHOTOSEARCH_LIBRARY": str(where),
                "PHOTOSEARCH_CACHE": str(SCRATCH / "small-cache"),
                "PHOTOSEARCH_RESIDENT": "0",
            }
            return command, env

        return make

    runs = in_turns(
        {
            "known text, without parts": query(plain, text="a dog"),
            "known text, parts there, not asked": query(library, text="a dog"),
            "known text, --small": query(library, "--small", text="a dog"),
            "new text": query(library),
            "new text, --small": query(library, "--small"),
            "one year, --small": query(library, "--small", "--date", "2010", text="a dog"),
        },
        rounds,
    )
    rows = table(runs, "known text, without parts")
    return rows, {"photos": photos, "bytes a photo for its parts": size // photos}


def add_parts(library: Path) -> None:
    """Nine parts a photo: half the photo, half something else."""
    from photosearch.index.cache import refresh_index
    from photosearch.ingest.regions import COUNT, KIND, windows
    from photosearch.store.catalogue import Catalogue
    from photosearch.store.regions import PartRows, Parts, as_model, store_parts
    from photosearch.store.snapshot import Snapshot
    from scripts.benchmarks.fill import Looks, unit

    with closing(Snapshot(library)) as snapshot, closing(Catalogue(library)) as catalogue:
        (model,) = snapshot.models()
        looks = Looks(model.dim, seed=1)
        boxes = windows(4000, 3000).astype("<i4").tobytes()
        for block in snapshot.vector_blocks(model.id, BLOCK):
            whole = np.frombuffer(b"".join(blob for _, blob in block), "<f2")
            whole = whole.reshape(len(block), 1, -1).astype(np.float32)
            other = looks.photos(COUNT * len(block)).reshape(len(block), COUNT, -1)
            mixed = unit((whole + other).reshape(-1, model.dim)).astype("<f2")
            rows = mixed.reshape(len(block), COUNT, -1)
            store_parts(
                catalogue,
                model.id,
                KIND,
                [
                    Parts(photo_id, boxes, rows[at].tobytes())
                    for at, (photo_id, _) in enumerate(block)
                ],
            )
        refresh_index(library, PartRows(snapshot), as_model(snapshot, model))


def _lines(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def _bytes(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


def _scratch() -> Path:
    SCRATCH.mkdir(parents=True, exist_ok=True)
    return SCRATCH


def _name(small: bool) -> str:
    return "--small" if small else "whole photos"


if __name__ == "__main__":
    main()
