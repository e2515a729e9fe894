"""A text query in a fresh process over a synthetic library: new text, repeated text, filtered.

Cold means a fresh process; files are in the page cache. The baseline, in turn with each round, is
a Python process that imports numpy and ends.
"""

from __future__ import annotations

import argparse
import statistics
import subprocess
import sys
import time

from scripts.benchmarks.common import BASELINE, SCRATCH, in_turns, report, table


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--photos", type=int, default=100_000)
    parser.add_argument("--rounds", type=int, default=9)
    options = parser.parse_args()
    library = SCRATCH / f"library-{options.photos}"
    # In a process of its own: a child's peak memory counts that of its parent at the fork.
    filler = [sys.executable, "-m", "scripts.benchmarks.fill", str(library)]
    subprocess.run([*filler, "--photos", str(options.photos)], check=True)
    env = {
        "PHOTOSEARCH_LIBRARY": str(library),
        "PHOTOSEARCH_CACHE": str(SCRATCH / "cache"),
    }
    command = [sys.executable, "-m", "photosearch", "query"]
    stamp = str(time.time_ns())
    folder = f"{library}-photos/2010"
    results = in_turns(
        {
            "import numpy": lambda _: (BASELINE, {}),
            "--help": lambda _: ([sys.executable, "-m", "photosearch", "--help"], env),
            "new text": lambda n: ([*command, f"a dog number {n} {stamp}", "-k", "3"], env),
            "repeated text": lambda _: ([*command, "a dog on the beach", "-k", "3"], env),
            "filtered": lambda _: (
                [*command, "a dog on the beach", "-k", "3", "--in", folder],
                env,
            ),
        },
        options.rounds,
    )
    rows = table(results, "import numpy")
    inside = _inside(str(library))
    report("query", rows, photos=options.photos, in_process_ms=inside)


def _inside(library: str) -> dict[str, float]:
    """Milliseconds of a search in a process that is warm already."""
    from photosearch import Filters, Library

    with Library.open(library) as opened:
        times: dict[str, list[float]] = {"all": [], "filtered": []}
        for number in range(30):
            for name, filters in (
                ("all", None),
                ("filtered", Filters(after="2020", before="2021")),
            ):
                started = time.perf_counter()
                opened.search("a dog on the beach", k=10, filters=filters)
                if number >= 5:
                    times[name].append(1e3 * (time.perf_counter() - started))
    return {name: round(statistics.median(values), 1) for name, values in times.items()}


if __name__ == "__main__":
    main()
