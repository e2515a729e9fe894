"""Upkeep of a synthetic library: check, backup, and the repair of damaged pages.

The library is that of the query benchmark, whose photos are not there: they are offline. The
baseline, in turn with each round, is a Python process that imports numpy and ends.
"""

from __future__ import annotations

import argparse
import random
import shutil
import subprocess
import sys
from pathlib import Path

from scripts.benchmarks.common import BASELINE, SCRATCH, in_turns, report, table

PAGE = 8192


def damaged(library: Path, target: Path, pages: int) -> None:
    """A copy of the library in which some pages are noise."""
    shutil.rmtree(target, ignore_errors=True)
    shutil.copytree(library, target)
    catalogue = target / "catalogue.db"
    chance = random.Random(1)
    with catalogue.open("r+b") as file:
        for page in chance.sample(range(10, catalogue.stat().st_size // PAGE), pages):
            file.seek(page * PAGE)
            file.write(chance.randbytes(PAGE))


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="scripts/bench upkeep", description=__doc__.splitlines()[0]
    )
    parser.add_argument("--photos", type=int, default=100_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--pages", type=int, default=20, help="damaged ones")
    options = parser.parse_args()
    library = SCRATCH / f"library-{options.photos}"
    filler = [sys.executable, "-m", "scripts.benchmarks.fill", str(library)]
    subprocess.run([*filler, "--photos", str(options.photos)], check=True)
    base = [sys.executable, "-m", "photosearch"]
    cache = {"PHOTOSEARCH_CACHE": str(SCRATCH / "cache")}
    env = {**cache, "PHOTOSEARCH_LIBRARY": str(library)}
    broken = SCRATCH / "library-damaged"

    def repair(_: int) -> tuple[list[str], dict[str, str]]:
        damaged(library, broken, options.pages)
        # Exit 3 says that something was wrong: for this benchmark it is what is meant.
        command = [*base, "repair", "--library", str(broken)]
        code = "import subprocess, sys; sys.exit(subprocess.call(sys.argv[1:]) not in (0, 3))"
        return [sys.executable, "-c", code, *command], cache

    results = in_turns(
        {
            "import numpy": lambda _: (BASELINE, {}),
            "check --quick": lambda _: ([*base, "check", "--quick"], env),
            "check": lambda _: ([*base, "check"], env),
            "backup": lambda _: (
                [*base, "backup", str(SCRATCH / "backup.db"), "--force"],
                env,
            ),
            f"repair, {options.pages} pages of noise": repair,
        },
        options.rounds,
    )
    report("upkeep", table(results, "import numpy"), photos=options.photos)
    shutil.rmtree(broken, ignore_errors=True)
    (SCRATCH / "backup.db").unlink(missing_ok=True)


if __name__ == "__main__":
    main()
