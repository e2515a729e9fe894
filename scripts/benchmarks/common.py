"""What every benchmark needs: timed processes in turn, machine facts, one JSON result."""

from __future__ import annotations

import json
import os
import platform
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

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
    """Medians, and ratios to the baseline round by round."""
    rows = []
    for name, runs in results.items():
        ratios = [
            one.seconds / base.seconds for one, base in zip(runs, results[baseline], strict=True)
        ]
        rows.append(
            {
                "name": name,
                "seconds": round(statistics.median(one.seconds for one in runs), 3),
                "cpu_seconds": round(statistics.median(one.cpu_seconds for one in runs), 3),
                "peak_mb": round(statistics.median(one.peak_mb for one in runs)),
                "ratio": round(statistics.median(ratios), 2),
            }
        )
    return rows


def report(name: str, rows: list[dict[str, object]], **facts: object) -> None:
    """Print a table, and write it with the machine's facts to bench-results/NAME.json."""
    SCRATCH.mkdir(parents=True, exist_ok=True)
    document = {"benchmark": name, "machine": machine(), **facts, "rows": rows}
    (SCRATCH / f"{name}.json").write_text(json.dumps(document, indent=2) + "\n")
    columns = list(rows[0])
    widths = [
        max(len(str(row[column])) for row in [dict.fromkeys([column], column), *rows])
        for column in columns
    ]
    for row in [{column: column for column in columns}, *rows]:
        print(
            "  ".join(
                str(row[column]).rjust(width)
                if column != columns[0]
                else str(row[column]).ljust(width)
                for column, width in zip(columns, widths, strict=True)
            )
        )
    print(", ".join(f"{key}: {value}" for key, value in {**machine(), **facts}.items()))


def machine() -> dict[str, object]:
    return {
        "cores": os.cpu_count(),
        "cpu": _cpu_name(),
        "python": platform.python_version(),
        "system": platform.system(),
        "load": round(os.getloadavg()[0], 2),
    }


def _cpu_name() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
        return next(line.split(":")[1].strip() for line in lines if line.startswith("model name"))
    except (OSError, StopIteration):
        return platform.processor()
