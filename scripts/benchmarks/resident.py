"""A query that a warm process answers, beside the same query by itself, and what the process costs.

Each round: `python -c pass`, `python -c "import numpy"`, the query by itself, the query answered by
`photosearch serve --socket`; all in fresh processes, files in the page cache. Then clients at once.
"""

from __future__ import annotations

import argparse
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from scripts.benchmarks.common import BASELINE, SCRATCH, aim, in_turns, report, table


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--photos", type=int, default=100_000)
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--library", type=Path, help="one that is filled already")
    options = parser.parse_args()
    library = options.library or SCRATCH / f"library-{options.photos}"
    filler = [sys.executable, "-m", "scripts.benchmarks.fill", str(library)]
    subprocess.run([*filler, "--photos", str(options.photos)], check=True)
    runtime = tempfile.mkdtemp(prefix="ps")  # a socket's path is short
    env = {
        "PHOTOSEARCH_LIBRARY": str(library),
        "PHOTOSEARCH_CACHE": str(SCRATCH / "cache"),
        "XDG_RUNTIME_DIR": runtime,
    }
    # Without compiled files each start would compile the client: not what people have.
    for name in ("PYTHONDONTWRITEBYTECODE", "PYTHONUNBUFFERED", "PHOTOSEARCH_RESIDENT"):
        os.environ.pop(name, None)
    server, seconds = _started(env)
    try:
        before = _cpu_seconds(server.pid), _status(env)["answered"]
        rows = table(in_turns(_commands(env), options.rounds), "query alone")
        after = _cpu_seconds(server.pid), _status(env)["answered"]
        at_once = _at_once(env)
        status = _status(env)
    finally:
        server.terminate()
        server.wait()
        shutil.rmtree(runtime)
    cpu_ms = 1e3 * (after[0] - before[0]) / max(1, after[1] - before[1])
    warm = next(row["seconds"] for row in rows if row["name"] == "query")
    report(
        "resident",
        rows,
        aims=[aim("a query with the interpreter's start", warm, 0.15, " s")],
        photos=options.photos,
        ready_after_s=seconds,
        residents_cpu_ms_a_query=round(cpu_ms, 1),
        **at_once,
        **status,
    )


def _commands(env: Mapping[str, str]):  # type: ignore[no-untyped-def]
    query = [sys.executable, "-m", "photosearch", "query"]
    alone = {**env, "PHOTOSEARCH_RESIDENT": "0"}
    stamp = str(time.time_ns())

    def new(kind: str, number: int) -> Sequence[str]:
        return [*query, f"a dog number {number} {kind} {stamp}", "-k", "3"]

    known = [*query, "a dog on the beach", "-k", "3"]
    folder = f"{env['PHOTOSEARCH_LIBRARY']}-photos/2010"
    return {
        "python -c pass": lambda _: ([sys.executable, "-c", "pass"], {}),
        "import numpy": lambda _: (BASELINE, {}),
        "query alone": lambda _: (known, alone),
        "query": lambda _: (known, env),
        "new text alone": lambda n: (new("alone", n), alone),
        "new text": lambda n: (new("warm", n), env),
        "filtered alone": lambda _: ([*known, "--in", folder], alone),
        "filtered": lambda _: ([*known, "--in", folder], env),
    }


def _started(env: Mapping[str, str]) -> tuple[subprocess.Popen[bytes], float]:
    """A resident, and after how many seconds it could be asked."""
    started = time.perf_counter()
    server = subprocess.Popen(
        [sys.executable, "-m", "photosearch", "serve", "--socket"],
        env={**os.environ, **env},
        stderr=subprocess.PIPE,
    )
    assert server.stderr is not None
    told = b""
    while b"answering" not in told:  # an index that is made anew is told first
        line = server.stderr.readline()
        told += line
        if not line:
            raise SystemExit(told.decode())
    return server, round(time.perf_counter() - started, 2)


def _cpu_seconds(pid: int) -> float:
    """What a process has computed so far; 0 where the system does not say."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return 0.0
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def _at_once(env: Mapping[str, str], clients: int = 20, rounds: int = 3) -> dict[str, float]:
    """Seconds until the last of some clients that start at once has its answer."""
    times: dict[str, list[float]] = {"0": [], "": []}
    for _ in range(rounds):
        for setting, found in times.items():
            started = time.perf_counter()
            processes = [
                subprocess.Popen(
                    [sys.executable, "-m", "photosearch", "query", "a dog on the beach"],
                    env={**os.environ, **env, "PHOTOSEARCH_RESIDENT": setting},
                    stdout=subprocess.DEVNULL,
                    stderr=subprocess.DEVNULL,
                )
                for _ in range(clients)
            ]
            for process in processes:
                process.wait()
            found.append(time.perf_counter() - started)
    alone, warm = (round(statistics.median(found), 2) for found in times.values())
    return {f"clients_{clients}_alone_s": alone, f"clients_{clients}_s": warm}


def _status(env: Mapping[str, str]) -> dict[str, int]:
    import json

    done = subprocess.run(
        [sys.executable, "-m", "photosearch", "serve", "--status", "--json"],
        env={**os.environ, **env},
        capture_output=True,
        check=True,
    )
    found = json.loads(done.stdout)["running"]
    return {
        "answered": found["answered"],
        "private_mb": round(found["private_bytes"] / 1e6),
    }


if __name__ == "__main__":
    main()
