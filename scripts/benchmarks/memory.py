"""Memory of indexing: a plot of it against the photos stored, and whether it stays flat.

Many small JPEGs of noise, made here, through the whole command with the embedded model. Sampled
from outside: the resident memory of the command and of its worker processes, and how many photos
the catalogue holds at that moment. Linux alone has what is asked here (/proc).
"""

from __future__ import annotations

import argparse
import io
import json
import os
import sqlite3
import subprocess
import sys
import time
from contextlib import closing
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from scripts.benchmarks.common import SCRATCH, report

FLAT_FROM = 5_000
A_FOLDER = 1_000


@dataclass(frozen=True)
class Sample:
    """The memory at one moment, in MB."""

    photos: int
    command: float
    workers: float


def make_photos(folder: Path, count: int) -> None:
    """Small JPEGs, each with a content of its own, a thousand to a folder."""
    rng = np.random.default_rng(1)
    for number in range(count):
        path = folder / f"{number // A_FOLDER:04}" / f"photo{number:07}.jpg"
        if path.exists():
            continue
        path.parent.mkdir(parents=True, exist_ok=True)
        image = Image.fromarray(rng.integers(0, 256, (6, 8, 3), np.uint8)).resize((64, 48))
        file = io.BytesIO()
        image.save(file, "JPEG", quality=90)
        path.write_bytes(file.getvalue())


def resident(process: int) -> float:
    try:
        status = Path(f"/proc/{process}/status").read_text()
    except OSError:
        return 0.0
    for line in status.splitlines():
        if line.startswith("VmRSS"):
            return int(line.split()[1]) * 1024 / 1e6
    return 0.0


def children(process: int) -> list[int]:
    found = []
    for task in Path(f"/proc/{process}/task").glob("*/children"):
        found += [int(word) for word in task.read_text().split()]
    return found


def stored(library: Path) -> int:
    try:
        with closing(sqlite3.connect(f"file:{library}/catalogue.db?mode=ro", uri=True)) as database:
            return int(database.execute("SELECT total(vectors) FROM models").fetchone()[0])
    except sqlite3.Error:
        return 0


def watch(folder: Path, library: Path) -> tuple[list[Sample], float]:
    """Run the command, and look at it every half second."""
    env = {**os.environ, "PHOTOSEARCH_LIBRARY": str(library), "PHOTOSEARCH_WORDS": "0"}
    started = time.monotonic()
    process = subprocess.Popen(
        [sys.executable, "-m", "photosearch", "index", "-q", "--model", "mini", str(folder)],
        env={**env, "PHOTOSEARCH_CACHE": str(library / "cache")},
    )
    samples = []
    while process.poll() is None:
        try:
            workers = sum(map(resident, children(process.pid)))
            sample = Sample(stored(library), resident(process.pid), workers)
            if sample.command:
                samples.append(sample)
        except OSError:  # it has just ended
            break
        time.sleep(0.5)
    if process.wait():
        raise SystemExit(f"photosearch index: exit {process.returncode}")
    return samples, time.monotonic() - started


def plot(samples: list[Sample], path: Path) -> None:
    from matplotlib.figure import Figure

    figure = Figure(figsize=(7, 3.2), layout="constrained")
    axes = figure.subplots()
    photos = [sample.photos for sample in samples]
    axes.plot(photos, [one.command + one.workers for one in samples], label="with its workers")
    axes.plot(photos, [one.command for one in samples], label="the command alone")
    axes.set(xlabel="photos stored", ylabel="resident memory, MB", ylim=(0, None), xlim=(0, None))
    axes.grid(alpha=0.3)
    axes.legend(loc="lower right")
    figure.savefig(path, dpi=110)


def main() -> None:
    parser = argparse.ArgumentParser(prog="scripts/bench memory", description=__doc__)
    parser.add_argument("--files", type=int, default=100_000)
    parser.add_argument("--plot", type=Path, help="a PNG file to draw; needs matplotlib")
    options = parser.parse_args()
    folder = SCRATCH / f"tiny-{options.files}"
    make_photos(folder, options.files)
    library = SCRATCH / f"memory-{os.getpid()}"
    library.mkdir(parents=True)
    samples, seconds = watch(folder, library)
    early = [sample for sample in samples if 0 < sample.photos <= FLAT_FROM]
    late = [sample for sample in samples if sample.photos > FLAT_FROM]
    rows = [
        {
            "photos": name,
            "command": round(max(one.command for one in part)),
            "workers": round(max(one.workers for one in part)),
            "both": round(max(one.command + one.workers for one in part)),
        }
        for name, part in ((f"to {FLAT_FROM:,}", early), (f"to {options.files:,}", late))
        if part
    ]
    report("memory", rows, files=options.files, seconds=round(seconds), unit="MB, the most seen")
    (SCRATCH / "memory-samples.json").write_text(json.dumps([asdict(one) for one in samples]))
    if options.plot:
        plot(samples, options.plot)


if __name__ == "__main__":
    main()
