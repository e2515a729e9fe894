"""What every benchmark needs: timed processes in turn, machine facts, one JSON result.

Wall seconds stand beside CPU seconds everywhere: on a shared machine the latter drift less. The
page cache is emptied of given files by `pages.drop_cache`.
"""

from __future__ import annotations

import json
import os
import platform
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

# What a shell may set of the linear algebra would be measured instead of what people have.
UNSET = ("OPENBLAS_CORETYPE",)
for _name in UNSET:
    os.environ.pop(_name, None)
_LOAD_AT_THE_START = os.getloadavg()[0]
_VERSIONS = ("numpy", "faiss-cpu", "onnxruntime", "Pillow")
SCRATCH = Path(os.environ.get("PHOTOSEARCH_BENCH", "bench-results")).absolute()
BASELINE = [sys.executable, "-c", "import numpy"]


@dataclass(frozen=True)
class Run:
    """One finished process."""

    seconds: float
    cpu_seconds: float
    peak_mb: float


def run(command: Sequence[str], env: Mapping[str, str]) -> Run:
    """Run a command to its end; its output is read and dropped."""
    started = time.perf_counter()
    process = subprocess.Popen(
        command, env={**os.environ, **env}, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE
    )
    assert process.stderr is not None
    errors = process.stderr.read()
    _, status, usage = os.wait4(process.pid, 0)
    seconds = time.perf_counter() - started
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise SystemExit(f"{command}: exit {process.returncode}\n{errors.decode()}")
    # ru_maxrss is in KiB on Linux, in bytes on macOS.
    unit = 1 if sys.platform == "darwin" else 1024
    return Run(seconds, usage.ru_utime + usage.ru_stime, usage.ru_maxrss * unit / 1e6)


def in_turns(
    commands: Mapping[str, Callable[[int], tuple[Sequence[str], Mapping[str, str]]]], rounds: int
) -> dict[str, list[Run]]:
    """A B C, A B C, ...: what slows the machine for a while slows all of them."""
    results: dict[str, list[Run]] = {name: [] for name in commands}
    for number in range(-1, rounds):
        for name, make in commands.items():
            command, env = make(number)
            finished = run(command, env)
            if number >= 0:  # the first round only warms the page cache
                results[name].append(finished)
    return results


def table(results: Mapping[str, list[Run]], baseline: str) -> list[dict[str, object]]:
    """Medians, and ratios to the baseline round by round, with the least and the greatest."""
    rows: list[dict[str, object]] = []
    for name, runs in results.items():
        ratios = ratios_of(runs, results[baseline])
        rows.append(
            {
                "name": name,
                "seconds": round(statistics.median(one.seconds for one in runs), 3),
                "cpu_seconds": round(statistics.median(one.cpu_seconds for one in runs), 3),
                "peak_mb": round(statistics.median(one.peak_mb for one in runs)),
                "ratio": round(statistics.median(ratios), 2),
                "spread": spread(ratios),
            }
        )
    return rows


def ratios_of(runs: Sequence[Run], baseline: Sequence[Run]) -> list[float]:
    """Round by round: what slowed both in a round does not show."""
    return [one.seconds / base.seconds for one, base in zip(runs, baseline, strict=True)]


def spread(values: Iterable[float], digits: int = 2) -> str:
    """The least and the greatest."""
    ordered = sorted(values)
    return f"{ordered[0]:.{digits}f}-{ordered[-1]:.{digits}f}"


@dataclass(frozen=True)
class Timed:
    """Calls of one function in this process: seconds each."""

    seconds: tuple[float, ...]
    cpu_seconds: tuple[float, ...]

    @property
    def median(self) -> float:
        return statistics.median(self.seconds)

    @property
    def cpu(self) -> float:
        return statistics.median(self.cpu_seconds)


def timed(
    calls: Mapping[str, Callable[[int], object]], rounds: int, *, warm: int = 1
) -> dict[str, Timed]:
    """Functions called in turns within this process; each gets the number of the round."""
    walls: dict[str, list[float]] = {name: [] for name in calls}
    cpus: dict[str, list[float]] = {name: [] for name in calls}
    for number in range(-warm, rounds):
        for name, call in calls.items():
            wall, cpu = time.perf_counter(), time.process_time()
            call(number)
            wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
            if number >= 0:
                walls[name].append(wall)
                cpus[name].append(cpu)
    return {name: Timed(tuple(walls[name]), tuple(cpus[name])) for name in calls}


def aim(what: str, found: float, most: float, unit: str = "") -> dict[str, object]:
    """One aim and whether it is reached: found may be `most` and no more."""
    return {
        "aim": f"{what}: at most {most:g}{unit}",
        "found": float(f"{found:.3g}"),
        "reached": "reached" if found <= most else "MISSED",
    }


def report(
    name: str,
    rows: Sequence[Mapping[str, object]],
    *,
    aims: Sequence[Mapping[str, object]] = (),
    **facts: object,
) -> None:
    """Print a table, and write it with the machine's facts to bench-results/NAME.json."""
    SCRATCH.mkdir(parents=True, exist_ok=True)
    about = machine()
    document = {"benchmark": name, "machine": about, **facts, "rows": rows}
    if aims:
        document["aims"] = aims
    (SCRATCH / f"{name}.json").write_text(json.dumps(document, indent=2) + "\n")
    show(rows)
    if aims:
        print()
        show(aims)
    print(", ".join(f"{key}: {value}" for key, value in {**about, **facts}.items()))


def show(rows: Sequence[Mapping[str, object]]) -> None:
    """Print rows in columns; a row may lack some."""
    columns = list(dict.fromkeys(column for row in rows for column in row))
    lines = [columns, *([str(row.get(column, "")) for column in columns] for row in rows)]
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    for line in lines:
        first, *others = zip(line, widths, strict=True)
        print("  ".join([first[0].ljust(first[1]), *(text.rjust(width) for text, width in others)]))


def machine() -> dict[str, object]:
    """What figures depend on; `load` is that at the start and at the end."""
    return {
        "cores": os.cpu_count(),
        "cpu": _cpu_name(),
        "memory_gb": _memory_gb(),
        "python": platform.python_version(),
        "system": platform.system(),
        "kernel": platform.release(),
        "filesystem": filesystem_of(SCRATCH),
        **_versions(),
        "load": f"{_LOAD_AT_THE_START:.2f}-{os.getloadavg()[0]:.2f}",
    }


def _versions() -> dict[str, str]:
    import sqlite3
    from importlib.metadata import PackageNotFoundError, version

    found = {"sqlite": sqlite3.sqlite_version}
    for name in _VERSIONS:
        try:
            found[name.lower()] = version(name)
        except PackageNotFoundError:
            found[name.lower()] = "-"
    return found


def _memory_gb() -> float:
    try:
        pages = os.sysconf("SC_PHYS_PAGES")
    except (ValueError, OSError):
        return 0.0
    return round(pages * os.sysconf("SC_PAGE_SIZE") / 1e9, 1)


def filesystem_of(path: Path) -> str:
    """The kind of file system that a path lies on, such as ext4; "-" where that is not told."""
    try:
        table = Path("/proc/self/mountinfo").read_text()
    except OSError:
        return "-"
    best, kind = "", "-"
    for line in table.splitlines():
        before, _, after = line.partition(" - ")
        point = before.split()[4]
        inside = str(path).startswith(point.rstrip("/") + "/") or str(path) == point
        if inside and len(point) >= len(best):
            best, kind = point, after.split()[0]
    return kind


def _cpu_name() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
        return next(line.split(":")[1].strip() for line in lines if line.startswith("model name"))
    except (OSError, StopIteration):
        return platform.processor()
