"""Memory of the walk: very many files in one folder, very many folders.

Empty files, made here and removed afterwards. Memory is the growth of the process itself while it
takes the files one by one, and the peak of what Python allocated, in a second walk.
"""

from __future__ import annotations

import argparse
import os
import shutil
import sys
import time
import tracemalloc
from collections.abc import Callable
from pathlib import Path

from photosearch.walk import WalkRules, walk
from scripts.benchmarks.common import SCRATCH, report


def make_flat(folder: Path, count: int) -> None:
    """All files in one folder."""
    folder.mkdir(parents=True)
    for number in range(count):
        os.close(os.open(folder / f"IMG_{number:07}.jpg", os.O_CREAT | os.O_WRONLY))


def make_folders(folder: Path, count: int) -> None:
    """Folders side by side, a file in each."""
    for number in range(count):
        inner = folder / f"{number:07}"
        inner.mkdir(parents=True)
        os.close(os.open(inner / "IMG.jpg", os.O_CREAT | os.O_WRONLY))


def resident() -> float:
    """MB of this process at the moment; 0 where the system does not tell."""
    if not sys.platform.startswith("linux"):
        return 0.0
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 1e6


def measure(folder: Path, count: int) -> dict[str, object]:
    next(walk(os.fsencode(folder), WalkRules()))  # what is imported on the way
    before, most = resident(), 0.0
    started = time.perf_counter()
    files = 0
    for files, _ in enumerate(walk(os.fsencode(folder), WalkRules()), 1):
        if not files % 1000:
            most = max(most, resident() - before)
    seconds = time.perf_counter() - started
    assert files == count, files
    tracemalloc.start()
    for _ in walk(os.fsencode(folder), WalkRules()):
        pass
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    return {"seconds": round(seconds, 2), "grown_mb": round(most, 1), "peak_kb": peak // 1000}


def main() -> None:
    parser = argparse.ArgumentParser(prog="scripts/bench walk", description=__doc__.splitlines()[0])
    parser.add_argument("--files", type=int, default=1_000_000)
    parser.add_argument("--folders", type=int, default=100_000)
    options = parser.parse_args()
    rows = []
    cases: list[tuple[str, Callable[[Path, int], None], int]] = [
        ("files in one folder", make_flat, options.files),
        ("folders", make_folders, options.folders),
    ]
    for name, make, count in cases:
        folder = SCRATCH / f"walk-{os.getpid()}"
        try:
            make(folder, count)
            rows.append({"what": f"{count:,} {name}", **measure(folder, count)})
        finally:
            shutil.rmtree(folder, ignore_errors=True)
    report("walk", rows)


if __name__ == "__main__":
    main()
