"""The fault suite in its long form: `scripts/soak`.

In: how many kills or minutes. Out: the rounds' progress, a table of faults by kind, and a last line
`N faults injected, N survived`; exit 1 when that is not the same number. Each round is the suite as
all tests run it, with a seed of its own and some times the number of faults.
"""

# ruff: noqa: T201
from __future__ import annotations

import argparse
import json
import os
import random
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

TIMES = 4  # a round has so many times the faults of the short form
SUITE = "tests/faults"


def main() -> int:
    parser = argparse.ArgumentParser(prog="scripts/soak", description=__doc__.splitlines()[0])
    parser.add_argument("--kills", type=int, help="until so many processes were killed [200]")
    parser.add_argument("--minutes", type=float, help="for so long, at least")
    parser.add_argument("--seed", type=int, default=random.randrange(1_000_000))
    parser.add_argument("tests", nargs="*", default=[SUITE])
    given = parser.parse_args()
    kills = given.kills if given.kills is not None else 0 if given.minutes else 200
    started = time.monotonic()
    injected: Counter[str] = Counter()
    survived: Counter[str] = Counter()
    failed_rounds = []
    seed = given.seed
    while True:
        ended = _round(given.tests, seed, injected, survived)
        minutes = (time.monotonic() - started) / 60
        print(
            f"seed {seed}: {injected.total():,} faults so far, {_kills(injected):,} of them kills, "
            f"{survived.total():,} survived, {minutes:.0f} min",
            flush=True,
        )
        if ended:
            failed_rounds.append(seed)
        # Tests that inject no kill, or fail before they do, never reach the number.
        enough = _kills(injected) >= kills or not _kills(injected) or failed_rounds
        if enough and minutes >= (given.minutes or 0):
            break
        seed += 1
    _print_table(injected, survived)
    for seed in failed_rounds:
        tests = " ".join(given.tests)
        print(f"a test failed; again: scripts/soak --kills 1 --seed {seed} {tests}")
    print(f"{injected.total():,} faults injected, {survived.total():,} survived")
    return int(bool(failed_rounds) or injected != survived)


def _round(tests: list[str], seed: int, injected: Counter[str], survived: Counter[str]) -> int:
    with tempfile.TemporaryDirectory(prefix="soak-") as folder:
        tally = Path(folder, "tally")
        ended = subprocess.run(
            [
                *(sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "--tb=short"),
                *("--basetemp", str(Path(folder, "tests")), *tests),
            ],
            env={
                **os.environ,
                "PHOTOSEARCH_FAULTS_SEED": str(seed),
                "PHOTOSEARCH_FAULTS_ROUNDS": str(TIMES),
                "PHOTOSEARCH_FAULTS_TALLY": str(tally),
            },
        ).returncode
        lines = tally.read_text("utf-8").splitlines() if tally.exists() else []
        for note in map(json.loads, lines):
            injected[note["kind"]] += 1
            survived[note["kind"]] += note["survived"]
    return ended


def _kills(counted: Counter[str]) -> int:
    return sum(number for kind, number in counted.items() if kind.startswith("kill -9"))


def _print_table(injected: Counter[str], survived: Counter[str]) -> None:
    """As Markdown, so that it can stand in docs/reliability.md."""
    print("\n| fault | injected | survived |\n| --- | ---: | ---: |")
    groups: dict[str, Counter[str]] = {}
    for kind in injected:
        group = groups.setdefault(kind.partition(": ")[0], Counter())
        group.update(injected=injected[kind], survived=survived[kind])
    for name in sorted(groups):
        print(f"| {name} | {groups[name]['injected']:,} | {groups[name]['survived']:,} |")
    print()


if __name__ == "__main__":
    sys.exit(main())
