"""The way the cost grows with the library: index, rescan, query, filters, words, memory, files.

One synthetic library of each size (`fill`, `furnish`; kept between runs), whose files are really
there, empty but of the right size and time. Each cost is a median of wall seconds; its slope, told
by CPU seconds, is that of a line through the upper sizes, both axes logarithmic, after what the
smallest library takes is subtracted: 1 is in proportion, 0 constant. More than 1.05 is a defect;
"-" where nothing grows.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import shutil
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from scripts.benchmarks.common import SCRATCH, Run, report, run
from scripts.benchmarks.rescan import BARE_WALK
from scripts.benchmarks.synthetic import files_of, library_of

SIZES = (1_000, 3_000, 10_000, 30_000, 100_000, 300_000, 1_000_000)
TOO_STEEP = 1.05
ADDED = 100
# What is drawn: the others stand in the table.
DRAWN = (
    "index, 100 new photos",
    "rescan",
    "a bare walk",
    "cold query, repeated text",
    "search",
    "search, file name",
    "search, not a tag",
    "printed, frequent",
    "status",
    "check --quick",
)
DRAWN_MB = (
    "memory of cold query, repeated text",
    "memory of rescan",
    "memory of index, 100 new photos",
    "catalogue.db",
    "vector files",
)
_CANDIDATES_TO = 30_000  # they grow with the square of the number: 4 minutes at 300,000

Costs = dict[str, dict[int, float]]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--sizes", type=int, nargs="+", default=SIZES)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--files", type=int, default=1_000_000, help="the largest rescan")
    parser.add_argument("--plot", type=Path, help="a PNG file to draw, such as docs/growth.png")
    options = parser.parse_args()
    walls: Costs = {}
    cpus: Costs = {}
    sizes: Costs = {}
    for photos in sorted(options.sizes):
        library = library_of(photos)
        started = time.perf_counter()
        for name, seconds, cpu in inside(library, options.rounds, photos <= _CANDIDATES_TO):
            walls.setdefault(name, {})[photos] = seconds
            cpus.setdefault(name, {})[photos] = cpu
        with_files = photos <= options.files
        for name, runs in whole_commands(library, options.rounds, with_files).items():
            walls.setdefault(name, {})[photos] = _median(runs, lambda one: one.seconds)
            cpus.setdefault(name, {})[photos] = _median(runs, lambda one: one.cpu_seconds)
            if name != "a bare walk":
                sizes.setdefault(f"memory of {name}", {})[photos] = _median(
                    runs, lambda one: one.peak_mb
                )
        sizes.setdefault("catalogue.db", {})[photos] = _mb([library / "catalogue.db"])
        sizes.setdefault("vector files", {})[photos] = _mb((library / "vectors").iterdir())
        print(f"{photos:,} photos: {time.perf_counter() - started:.0f} s", file=sys.stderr)
    rows = [
        *(_row(name, "s", by_size, cpus[name]) for name, by_size in walls.items()),
        *(_row(name, "MB", by_size, by_size) for name, by_size in sizes.items()),
    ]
    report("growth", rows, rounds=options.rounds)
    (SCRATCH / "growth-costs.json").write_text(json.dumps({"wall": walls, "cpu": cpus}))
    if options.plot:
        from scripts.benchmarks.plot import growth_plot

        growth_plot(
            {
                "seconds": {name: sorted(walls[name].items()) for name in DRAWN if name in walls},
                "MB": {name: sorted(sizes[name].items()) for name in DRAWN_MB if name in sizes},
            },
            options.plot,
        )


def inside(library: Path, rounds: int, candidates: bool) -> list[tuple[str, float, float]]:
    """What is measured within one process: (name, wall seconds, CPU seconds)."""
    command = [sys.executable, "-m", "scripts.benchmarks.inside", str(library)]
    command += ["--rounds", str(rounds), *(["--candidates"] if candidates else [])]
    done = subprocess.run(command, check=True, capture_output=True, env={**os.environ, **_env()})
    found = json.loads(done.stdout.splitlines()[-1])["seconds"]
    return [(name, one["wall"], one["cpu"]) for name, one in found.items()]


def whole_commands(library: Path, rounds: int, with_files: bool) -> Mapping[str, list[Run]]:
    """Whole commands over the library, in turns."""
    env = {**_env(), "PHOTOSEARCH_LIBRARY": str(library)}
    tool = [sys.executable, "-m", "photosearch"]
    steps: dict[str, Callable[[], Run]] = {
        "cold query, repeated text": lambda: run([*tool, "query", "a dog", "-k", "3"], env),
        "cold query, one folder": lambda: run(
            [*tool, "query", "a dog", "-k", "3", "--in", f"{library}-photos/2010"], env
        ),
        "check --quick": lambda: run([*tool, "check", "--quick"], env),
    }
    if with_files:
        folder = files_of(library)
        known = [sys.executable, "-c", BARE_WALK, str(folder), str(_count(folder))]
        steps["a bare walk"] = lambda: run(known, {})
        steps["rescan"] = lambda: run([*tool, "index", "-q", str(folder)], env)
    added = SCRATCH / f"added-{os.getpid()}"
    steps["index, 100 new photos"] = lambda: _add(tool, added, env)
    steps["index, the same again"] = lambda: run([*tool, "index", "-q", str(added)], env)
    runs: dict[str, list[Run]] = {name: [] for name in steps}
    try:
        for number in range(-1, rounds):
            for name, step in steps.items():
                done = step()
                if number >= 0:
                    runs[name].append(done)
            # Photos that nobody sees stay otherwise, and the library would grow.
            for command in (["forget", str(added)], ["prune"]):
                subprocess.run([*tool, *command], env={**os.environ, **env}, capture_output=True)
    finally:
        shutil.rmtree(added, ignore_errors=True)
    return runs


def _add(tool: Sequence[str], folder: Path, env: Mapping[str, str]) -> Run:
    """Index a folder of small photos that the library does not know."""
    import io

    import numpy as np
    from PIL import Image

    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    rng = np.random.default_rng(time.time_ns())
    for number in range(ADDED):
        image = Image.fromarray(rng.integers(0, 256, (6, 8, 3), np.uint8)).resize((64, 48))
        file = io.BytesIO()
        image.save(file, "JPEG")
        (folder / f"new{number:03}.jpg").write_bytes(file.getvalue())
    return run([*tool, "index", "-q", str(folder)], env)


def _env() -> dict[str, str]:
    return {"PHOTOSEARCH_CACHE": str(SCRATCH / "cache"), "PHOTOSEARCH_WORDS": "0"}


def _count(folder: Path) -> int:
    return sum(len(files) for _, _, files in os.walk(folder))


def _mb(paths: object) -> float:
    return sum(path.stat().st_size for path in paths) / 1e6  # type: ignore[attr-defined]


def _median(runs: Sequence[Run], of: Callable[[Run], float]) -> float:
    return statistics.median(map(of, runs))


def _row(
    name: str, unit: str, by_size: Mapping[int, float], steady: Mapping[int, float]
) -> dict[str, object]:
    """steady: the same in CPU seconds, by which the slope is told."""
    found = slope(steady)
    row: dict[str, object] = {"cost": f"{name}, {unit}"}
    row |= {f"{size:,}": float(f"{value:.3g}") for size, value in by_size.items()}
    return row | {
        "slope": "-" if found is None else round(found, 2),
        "": "TOO STEEP" if found is not None and found > TOO_STEEP else "",
    }


def slope(costs: Mapping[int, float]) -> float | None:
    """How a cost grows over the upper sizes; None where it hardly does.

    The smallest library's cost is taken for what does not depend on the size at all.
    """
    ordered = sorted(costs.items())
    (_, overhead), *rest = ordered
    upper = [(size, cost - overhead) for size, cost in rest if cost > overhead][-4:]
    if len(upper) < 2 or upper[-1][1] < max(0.25 * overhead, 2e-3):
        return None
    x = [math.log(size) for size, _ in upper]
    y = [math.log(cost) for _, cost in upper]
    middle_x, middle_y = statistics.fmean(x), statistics.fmean(y)
    over = sum((one - middle_x) * (two - middle_y) for one, two in zip(x, y, strict=True))
    return over / sum((one - middle_x) ** 2 for one in x)


if __name__ == "__main__":
    main()
