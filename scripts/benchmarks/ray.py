"""Indexing over a Ray cluster beside indexing without it, on one machine.

The photos of scripts/bench index, and ten small ones of each (0.3 megapixels): there the work on a
photo is little, and what the cluster adds shows. In turns: this machine by itself, a local cluster
of one CPU, one of two. The cluster's start is measured apart, as a run over a folder of one photo.
Several machines were not at hand: what is measured is what spreading costs, not what it gains.
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import threading
from pathlib import Path
from typing import Self

from PIL import Image

from scripts.benchmarks.common import report
from scripts.benchmarks.index import photos_of

_SMALL_OF_ONE = 10


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--photos", type=int, default=40)
    parser.add_argument("--folder", type=Path, help="photos of your own instead")
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    large = [path.absolute() for path in photos_of(options.folder, options.photos)]
    with tempfile.TemporaryDirectory() as scratch:
        sets = {"12 MP": _linked(large, Path(scratch) / "large")}
        sets["0.3 MP"] = _small(large, Path(scratch) / "small")
        counts = {name: len(list(folder.iterdir())) for name, folder in sets.items()}
        one = _linked(large[:1], Path(scratch) / "one")
        ways: dict[str, list[str]] = {
            "this machine": [],
            "cluster, 1 CPU": ["--ray", "local", "--jobs", "1"],
            "cluster, 2 CPUs": ["--ray", "local", "--jobs", "2"],
        }
        seconds: dict[tuple[str, str], list[tuple[float, float, float]]] = {}
        for number in range(-1, options.rounds):
            for way, how in ways.items():
                for name, folder in {"start": one, **sets}.items():
                    if number >= 0:
                        seconds.setdefault((way, name), []).append(_run(folder, how))
                    elif name == "start":  # the first round only warms the page cache
                        _run(folder, how)
    rows: list[dict[str, object]] = []
    for name in sets:
        for way in ways:
            count = counts[name]
            runs, starts, alone = (
                seconds[way, name],
                seconds[way, "start"],
                seconds["this machine", name],
            )
            wall = _median([one[0] for one in runs])
            start = _median([one[0] for one in starts])
            cpu = _median([one[1] for one in runs])
            rows.append(
                {
                    "way": f"{name}, {way}",
                    "seconds": round(wall, 2),
                    "start": round(start, 2),
                    "ms_a_photo": round(1000 * (wall - start) / (count - 1), 1),
                    "cpu_ms_a_photo": round(
                        1000 * (cpu - _median([one[1] for one in starts])) / (count - 1), 1
                    ),
                    "ratio": round(
                        _median([one[0] / base[0] for one, base in zip(runs, alone, strict=True)]),
                        2,
                    ),
                    "store_mb": round(max(one[2] for one in runs) / 1e6, 1),
                }
            )
    report("ray", rows, photos=len(large))


def _median(values: list[float]) -> float:
    return statistics.median(values)


def _linked(files: list[Path], folder: Path) -> Path:
    folder.mkdir()
    for number, path in enumerate(files):
        os.link(path, folder / f"{number:05}.jpg") if _same_disk(path, folder) else (
            folder / f"{number:05}.jpg"
        ).write_bytes(path.read_bytes())
    return folder


def _same_disk(one: Path, other: Path) -> bool:
    return one.stat().st_dev == other.stat().st_dev


def _small(files: list[Path], folder: Path) -> Path:
    """The same scenes as a messenger would send them."""
    folder.mkdir()
    for number, path in enumerate(files):
        with Image.open(path) as image:
            image.draft("RGB", (640, 480))
            for part in range(_SMALL_OF_ONE):
                box = (part, part, image.width - part, image.height - part)
                small = image.resize((640, 480), box=box)
                small.save(folder / f"{number:05}-{part}.jpg", quality=85)
    return folder


# Orphans come to this process (PR_SET_CHILD_SUBREAPER): what all processes of a cluster have used
# is counted when the last one has ended.
_REAPER = """
import contextlib, ctypes, os, resource, subprocess, sys, time
ctypes.CDLL(None).prctl(36, 1, 0, 0, 0)
started = time.perf_counter()
code = subprocess.run(sys.argv[1:]).returncode
seconds = time.perf_counter() - started
with contextlib.suppress(ChildProcessError):
    while True:
        os.wait()
used = resource.getrusage(resource.RUSAGE_CHILDREN)
print(code, seconds, used.ru_utime + used.ru_stime)
"""


def _run(folder: Path, how: list[str]) -> tuple[float, float, float]:
    """Wall seconds, CPU seconds of all processes, most bytes in shared memory."""
    with tempfile.TemporaryDirectory() as scratch, _Store() as store:
        command = [sys.executable, "-m", "photosearch", "index", "-q", str(folder), *how]
        env = {**os.environ, "PHOTOSEARCH_LIBRARY": f"{scratch}/library", "PHOTOSEARCH_WORDS": "0"}
        done = subprocess.run(
            [sys.executable, "-c", _REAPER, *command], env=env, stdout=subprocess.PIPE, text=True
        )
        code, seconds, cpu = done.stdout.split()
        if code != "0":
            raise SystemExit(f"{command}: exit {code}")
        return float(seconds), float(cpu), store.most


class _Store:
    """How much of the machine's shared memory is taken, at most: the object store is there."""

    def __init__(self) -> None:
        self._before = self._top = _shared()
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._watch)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self._thread.join()

    def _watch(self) -> None:
        while not self._ended.wait(0.05):
            self._top = max(self._top, _shared())

    @property
    def most(self) -> float:
        return self._top - self._before


def _shared() -> float:
    for line in Path("/proc/meminfo").read_text().splitlines():
        if line.startswith("Shmem:"):
            return float(line.split()[1]) * 1024
    return 0.0


if __name__ == "__main__":
    main()
    sys.exit()
