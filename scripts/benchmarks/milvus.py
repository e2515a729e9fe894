"""Milvus Lite beside FAISS: filling, opening and searching, with and without filters.

Synthetic libraries with 512-dimensional vectors, searched through `VectorIndex`, warm, in turns.
The query is text-like: far from every photo, a little nearer to some. Milvus Lite is a stand-in,
written in Python: of a cluster only the client's side is measured here.
"""

from __future__ import annotations

import argparse
import json
import shutil
import statistics
import subprocess
import sys
import time
from itertools import islice
from pathlib import Path

import numpy as np

from photosearch.index.choose import LocalVectors, Vectors, vectors_at
from photosearch.index.pushdown import conditions
from photosearch.store.snapshot import Snapshot
from scripts.benchmarks.common import SCRATCH, report
from scripts.benchmarks.synthetic import library_of

ROUNDS = 7
_ONE = """
import json, resource, sys, time
from pathlib import Path
from photosearch.index.choose import vectors_at
from photosearch.store.snapshot import Snapshot
library, where, what = Path(sys.argv[1]), sys.argv[2] or None, sys.argv[3]
snapshot = Snapshot(library)
(model,) = snapshot.models()
wall, cpu = time.perf_counter(), time.process_time()
vectors = vectors_at(library, where)
if what == "refresh":
    vectors.refresh(snapshot, model)
else:
    vectors.open(snapshot, model, print)
vectors.close()
peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e3
print(json.dumps([time.perf_counter() - wall, time.process_time() - cpu, peak]))
"""


def alone(library: Path, where: Path | None, what: str) -> tuple[float, float, float]:
    """Seconds, CPU seconds and peak MB of one step in a process of its own, imports included."""
    command = [sys.executable, "-c", _ONE, str(library), str(where or ""), what]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    seconds, cpu, peak = json.loads(done.stdout.splitlines()[-1])
    return seconds, cpu, peak


def searches(library: Path, where: Path) -> list[dict[str, object]]:
    snapshot = Snapshot(library)
    (model,) = snapshot.models()
    sides: dict[str, Vectors] = {
        "FAISS": LocalVectors(library),
        "Milvus Lite": vectors_at(library, str(where)),
    }
    indexes = {name: side.open(snapshot, model, print) for name, side in sides.items()}
    rng = np.random.default_rng(3)
    ((_, _, blob),) = islice(snapshot.vectors_after(model.id, 7), 1)
    noise = rng.standard_normal(model.dim).astype(np.float32)
    # The best photos of a text score 0.2 to 0.4 with the models at hand.
    vector = 0.4 * np.frombuffer(blob, "<f2").astype(np.float32) + noise / np.linalg.norm(noise)
    vector /= np.linalg.norm(vector)
    count = model.vectors
    some = {
        "no filter": None,
        "5 % of the photos, one folder": np.arange(count // 2, count // 2 + count // 20),
        "5 %, scattered": np.sort(rng.choice(count, count // 20, replace=False)) + 1,
        "half, scattered": np.sort(rng.choice(count, count // 2, replace=False)) + 1,
        "20 photos": np.sort(rng.choice(count, 20, replace=False)) + 1,
    }
    rows = []
    for name, only in some.items():
        times: dict[str, list[float]] = {side: [] for side in indexes}
        answers = {}
        for _ in range(ROUNDS):
            for side, index in indexes.items():
                started = time.perf_counter()
                answers[side] = index.search(vector, 10, only)
                times[side].append(time.perf_counter() - started)
        ours, theirs = answers.values()
        assert ours.ids.tolist() == theirs.ids.tolist(), name
        assert np.allclose(ours.scores, theirs.scores, atol=1e-5), name
        medians = {side: 1000 * statistics.median(found) for side, found in times.items()}
        rows.append(
            {
                "photos": f"{count:,}",
                "filter": name,
                "pushed as": _pushed(only),
                **{f"{side} ms": round(value, 2) for side, value in medians.items()},
                "ratio": round(medians["Milvus Lite"] / medians["FAISS"], 1),
            }
        )
    for side in sides.values():
        side.close()
    snapshot.close()
    return rows


def _pushed(only: np.ndarray | None) -> str:
    if only is None:
        return "nothing"
    if len(only) <= 26:
        return "not asked"
    plan = conditions(only)
    if plan[0].text.startswith("id in"):
        return f"a list of {len(only):,}"
    ranges = plan[0].text.count(">=")
    return f"{ranges} range{'s' * (ranges > 1)}, {plan[0].share:.0%} of them allowed"


def main() -> None:
    parser = argparse.ArgumentParser(prog="scripts/bench milvus", description=__doc__)
    parser.add_argument("--photos", type=int, nargs="+", default=[10_000, 100_000])
    options = parser.parse_args()
    rows: list[dict[str, object]] = []
    made: dict[str, object] = {}
    for photos in options.photos:
        library = library_of(photos, furnished=False)
        where = SCRATCH / f"milvus-{photos}.db"
        shutil.rmtree(where, ignore_errors=True)

        for file in (library / "vectors").glob("*"):
            file.unlink()
        steps = {
            "FAISS made": (None, "refresh"),
            "Milvus Lite filled": (where, "refresh"),
            "FAISS opened": (None, "open"),
            "Milvus Lite opened": (where, "open"),
        }
        for name, (at, what) in steps.items():
            seconds, cpu, peak = alone(library, at, what)
            made[f"{photos:,} photos, {name}"] = f"{seconds:.2f} s, {cpu:.2f} CPU, {peak:.0f} MB"
        size = sum(path.stat().st_size for path in where.rglob("*") if path.is_file())
        ours = sum(path.stat().st_size for path in (library / "vectors").iterdir())
        made[f"{photos:,} photos, on disk"] = f"FAISS {ours / 1e6:.0f}, Lite {size / 1e6:.0f} MB"
        rows += searches(library, where)
        shutil.rmtree(where)
    report("milvus", rows, rounds=ROUNDS, k=10, **made)


if __name__ == "__main__":
    main()
