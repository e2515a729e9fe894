"""Kinds of vector indexes: time, memory, file, building, and recall on texts and on photos.

    scripts/bench search [--vectors 100000 200000] [--vectors 1000000]

Photos are drawn from `mini`'s vectors of real ones where those are at hand (each is one of them,
half of its variance exchanged for noise of the photos' own covariance; captions are real), else
from the distribution in fill.py. In every 100,000 there is a burst of 1,000 within a cosine of
0.99 of each other, and some queries are for it. What is right is what float32 products over all
float16 vectors say. Each kind is built in a process of its own and asked in another.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from scripts.benchmarks.common import SCRATCH, report
from scripts.benchmarks.fill import BURST, Looks, unit
from tests.make import shared_photos

DIM = 512
PART = 100_000
TEXTS, IMAGES, BURSTS = 200, 60, 20
SHARES = (0.001, 0.01, 0.1, 0.5, 0.9)
SLOW = {"HNSW32": 200_000, "SQ8": 200_000, "float32": 200_000, "IVF,SQfp16": 200_000}
KINDS = ("float32", "exact (ours)", "SQ8", "scan (ours)", "PQ128x4fs", "IVF,SQfp16")
KINDS += ("HNSW32",)


# Vectors and what is right


class Real:
    """Vectors between those of real photos, and real captions."""

    def __init__(self, photos: NDArray[Any], texts: NDArray[Any], seed: int = 0) -> None:
        self._rng = np.random.default_rng(seed)
        self._photos, self._texts = photos.astype(np.float32), texts.astype(np.float32)
        self._mean = self._photos.mean(0)
        variances, axes = np.linalg.eigh(np.cov(self._photos.T))
        shape = (axes * np.sqrt(np.maximum(variances, 0))).T
        self._shape = shape.astype(np.float32)

    def photos(self, count: int) -> NDArray[np.float16]:
        noise = self._rng.standard_normal((count, DIM), np.float32) @ self._shape
        real = self._photos[self._rng.integers(len(self._photos), size=count)] - self._mean
        rows = unit(self._mean + np.sqrt(0.5) * (real + noise))
        burst = min(BURST, count // 100)
        noise = self._rng.standard_normal((burst, DIM), np.float32) @ self._shape
        rows[:burst] = unit(rows[0] + 0.1 * noise)
        return rows.astype("<f2")

    def texts(self, photos: NDArray[np.float16]) -> NDArray[np.float32]:
        chosen = self._rng.permutation(len(self._texts))[: len(photos)]
        return np.ascontiguousarray(self._texts[chosen])


def source(folder: Path) -> tuple[Real | Looks, str]:
    """Where vectors come from: real photos if there are any, read once."""
    photos = shared_photos()
    known = folder / "real.npz"
    if photos is None:
        return Looks(DIM), "drawn from a distribution"
    if not known.exists():
        from photosearch import Library

        lines = (photos / "retrieval" / "captions.jsonl").read_text("utf-8").splitlines()
        with Library.open(folder / "real", model="mini", create=True) as library:
            library.index([photos / "retrieval", photos / "coco"], words=False)
            snapshot = library._snapshot
            rows = [row[2] for row in snapshot.vectors_after(snapshot.models()[0].id, 0)]
            texts = [json.loads(line)["captions"][0] for line in lines]
            captions = np.concatenate(
                [library.encoder.encode_texts(texts[at : at + 50]) for at in range(0, 1000, 50)]
            )
        vectors = np.frombuffer(b"".join(rows), "<f2").reshape(-1, DIM)
        np.savez(known, photos=vectors, texts=captions)
    stored = np.load(known)
    return Real(stored["photos"], stored["texts"]), "drawn between real photos"


def prepare(folder: Path, count: int) -> str:
    """Vectors, queries and right answers of one size, as files."""
    looks, how = source(folder)
    rows = np.lib.format.open_memmap(
        folder / "rows.npy", mode="w+", dtype=np.float16, shape=(count, DIM)
    )
    for at in range(0, count, PART):
        rows[at : at + PART] = looks.photos(min(PART, count - at))
    rng = np.random.default_rng(1)
    some = rows[np.sort(rng.permutation(count)[:TEXTS])]
    # For the burst: photos beside it, as a query by example has them.
    beside = unit(rows[:BURSTS].astype(np.float32) + 0.02 * rng.standard_normal((BURSTS, DIM)))
    queries = np.concatenate(
        [looks.texts(some), looks.photos(IMAGES * 2)[-IMAGES:].astype(np.float32), beside]
    ).astype(np.float32)
    scores = np.full((len(queries), 100), -2, np.float32)
    ids = np.zeros((len(queries), 100), np.int64)
    for at in range(0, count, 20_000):
        found = queries @ rows[at : at + 20_000].astype(np.float32).T
        places = np.argpartition(-found, 100, axis=1)[:, :100]
        scores = np.concatenate([scores, np.take_along_axis(found, places, 1)], axis=1)
        ids = np.concatenate([ids, places + at], axis=1)
        order = np.argsort(-scores, axis=1, kind="stable")[:, :100]
        scores = np.take_along_axis(scores, order, 1)
        ids = np.take_along_axis(ids, order, 1)
    np.savez(folder / "truth.npz", queries=queries, scores=scores, ids=ids)
    return how


# One kind, in a process of its own


def build(kind: str, folder: Path) -> dict[str, Any]:
    """Make the file of an index; ids are row numbers."""
    from photosearch.index.exact import ExactIndex
    from photosearch.index.scan import ScanIndex

    rows = np.load(folder / "rows.npy", mmap_mode="r")
    path = folder / "index"
    started, cpu = time.perf_counter(), time.process_time()
    pairs = ((number, row.tobytes()) for number, row in enumerate(rows))
    if kind == "exact (ours)":
        ExactIndex.build(pairs, DIM).write(path)
    elif kind == "scan (ours)":
        ScanIndex.write(path, pairs, DIM)
    else:
        import faiss

        faiss.omp_set_num_threads(1)  # beside other work more spin and wait
        index: Any = _faiss_kind(kind, len(rows))
        sample = rows[:: max(1, len(rows) // 20_000)].astype(np.float32)
        if not index.is_trained:
            index.train(sample)
        for at in range(0, len(rows), 20_000):
            index.add(rows[at : at + 20_000].astype(np.float32))
        faiss.write_index(index, str(path))
    return {
        "build_s": round(time.perf_counter() - started, 1),
        "build_cpu_s": round(time.process_time() - cpu, 1),
        "file_mb": round(path.stat().st_size / 1e6),
    }


def _faiss_kind(kind: str, count: int) -> Any:
    import faiss

    recipe = {
        "float32": "Flat",
        "HNSW32": "HNSW32,SQfp16",
        "IVF,SQfp16": f"IVF{int(4 * count**0.5)},SQfp16",
    }.get(kind, kind)
    index: Any = faiss.index_factory(DIM, recipe, faiss.METRIC_INNER_PRODUCT)
    if kind == "HNSW32":
        index.hnsw.efSearch = 128
    if kind.startswith("IVF"):
        index.nprobe = 16
    return index


def ask(kind: str, folder: Path) -> dict[str, Any]:
    """Open the file and ask all queries, and some with filters."""
    rows_count = np.load(folder / "rows.npy", mmap_mode="r").shape[0]
    truth = np.load(folder / "truth.npz")
    queries, right, scores = truth["queries"], truth["ids"], truth["scores"]
    before = resident_mb()
    started = time.perf_counter()
    search = _open(kind, folder / "index", rows_count)
    facts: dict[str, Any] = {"open_ms": round(1000 * (time.perf_counter() - started), 1)}
    groups = {"text": (0, TEXTS), "image": (TEXTS, TEXTS + IMAGES)}
    groups["burst"] = (TEXTS + IMAGES, len(queries))
    search(queries[0], 10, None)
    times, worst = [], 0.0
    for name, (first, end) in groups.items():
        hits10 = hits100 = 0
        for number in range(first, end):
            started = time.perf_counter()
            ids, got = search(queries[number], 10, None)
            times.append(time.perf_counter() - started)
            hits10 += len(set(ids.tolist()) & set(right[number, :10].tolist()))
            if "ours" in kind:
                worst = max(worst, float(np.abs(got - scores[number, :10]).max()))
            ids, _ = search(queries[number], 100, None)
            hits100 += len(set(ids.tolist()) & set(right[number].tolist()))
        facts[f"{name}@10"] = round(hits10 / 10 / (end - first), 4)
        facts[f"{name}@100"] = round(hits100 / 100 / (end - first), 4)
    facts["ms"] = round(1000 * float(np.median(times)), 2)
    facts["ms_min"] = round(1000 * min(times), 2)
    facts["memory_mb"] = round(resident_mb() - before)
    facts["process_mb"] = round(resident_mb())
    if "ours" in kind:
        facts["score_off"] = f"{worst:.0e}"
        facts["filtered_ms"] = _filtered(search, queries, rows_count)
    return facts


def _open(kind: str, path: Path, count: int) -> Callable[..., tuple[Any, Any]]:
    import faiss

    from photosearch.index.cache import CurrentIndex
    from photosearch.index.exact import ExactIndex
    from photosearch.index.scan import ScanIndex
    from photosearch.index.tail import Tail

    if "ours" in kind:
        part = ExactIndex.open(path) if "exact" in kind else ScanIndex.open(path, count, DIM)
        nothing: Any = None  # the catalogue is asked for small filters alone
        current = CurrentIndex([part], Tail.from_rows([], DIM), nothing, nothing)
        return lambda query, k, only: (part if only is not None else current).search(
            query, k, only
        )[:2]
    index: Any = faiss.read_index(str(path), faiss.IO_FLAG_MMAP_IFC)
    faiss.omp_set_num_threads(1)

    def search(query: Any, k: int, only: None) -> tuple[Any, Any]:
        scores, ids = index.search(query[np.newaxis], k)
        return ids[0], scores[0]

    return search


def _filtered(search: Callable[..., Any], queries: NDArray[Any], count: int) -> str:
    rng, found = np.random.default_rng(2), []
    for share in SHARES:
        only = np.flatnonzero(rng.random(count) < share).astype(np.int64)
        times = []
        for query in queries[:15]:
            started = time.perf_counter()
            search(query, 10, only)
            times.append(time.perf_counter() - started)
        found.append(f"{share:g}: {1000 * float(np.median(times)):.1f}")
    return ", ".join(found)


def resident_mb() -> float:
    """What of the process is in memory now, mapped files included (Linux)."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) / 1024 for line in lines if line.startswith("VmRSS"))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--vectors", type=int, nargs="+", default=[100_000, 200_000])
    parser.add_argument("--kinds", nargs="+", default=list(KINDS))
    parser.add_argument("--step", nargs=2, help=argparse.SUPPRESS)
    options = parser.parse_args()
    folder = SCRATCH / "search"
    if options.step:
        step, kind = options.step
        print(json.dumps({"build": build, "ask": ask}[step](kind, folder)))
        return
    folder.mkdir(parents=True, exist_ok=True)
    rows: list[dict[str, object]] = []
    notes, how = [], ""
    for count in options.vectors:
        how = prepare(folder, count)
        for kind in options.kinds:
            if count > SLOW.get(kind, count):
                notes.append(f"{kind} left out at {count:,}: slow to build or large in memory")
                continue
            row: dict[str, object] = {"name": kind, "vectors": count}
            for step in ("build", "ask"):
                command = [sys.executable, "-m", "scripts.benchmarks.search", "--step", step, kind]
                row |= json.loads(subprocess.run(command, check=True, capture_output=True).stdout)
            row.setdefault("score_off", "")
            row.setdefault("filtered_ms", "")
            rows.append(row)
            print(row, file=sys.stderr, flush=True)
    report("search", rows, vectors=how, notes=notes)
    for path in (folder / "rows.npy", folder / "index", folder / "truth.npz"):
        path.unlink(missing_ok=True)


if __name__ == "__main__":
    main()
