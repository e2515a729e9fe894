"""A text query in a fresh process, with a model of ViT-B/32's size beside mini: time and memory.

Random weights of the published shape, exported to a bundle as a real checkpoint is. Both libraries
hold the sample photos, so that the models alone differ.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import time
from pathlib import Path

from scripts.benchmarks.common import SCRATCH, in_turns, report, table

_MAKE = """import sys; from pathlib import Path
from scripts.benchmarks.random_clip import make; make(sys.argv[1], Path(sys.argv[2]))"""
SAMPLES = Path(__file__).parents[2] / "examples" / "photos"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--model", default="ViT-B/32")
    parser.add_argument("--rounds", type=int, default=9)
    options = parser.parse_args()
    os.environ["PHOTOSEARCH_MODELS"] = str(SCRATCH / "models")
    slug = options.model.replace("/", "-")
    checkpoint = SCRATCH / "models" / f"{slug}.pt"
    libraries = {"mini": SCRATCH / "cold-mini", options.model: SCRATCH / f"cold-{slug}"}
    # In processes of their own: a child's peak memory counts that of its parent at the fork.
    if not checkpoint.exists():
        subprocess.run([sys.executable, "-c", _MAKE, options.model, str(checkpoint)], check=True)
    for name, folder in libraries.items():
        model = "mini" if name == "mini" else str(checkpoint)
        index = [sys.executable, "-m", "photosearch", "index", "-q", str(SAMPLES)]
        subprocess.run([*index, "--model", model, "--library", str(folder)], check=True)
    stamp = str(time.time_ns())

    def query(folder: Path, text: str) -> tuple[list[str], dict[str, str]]:
        command = [sys.executable, "-m", "photosearch", "query", text, "-k", "3"]
        return command, {
            "PHOTOSEARCH_LIBRARY": str(folder),
            "PHOTOSEARCH_CACHE": str(SCRATCH / "cache"),
        }

    results = in_turns(
        {
            f"{name}, {kind}": lambda n, folder=folder, kind=kind: query(  # type: ignore[misc]
                folder, f"a dog {n} {stamp}" if kind == "new text" else "a dog"
            )
            for name, folder in libraries.items()
            for kind in ("new text", "repeated text")
        },
        options.rounds,
    )
    report("cold", table(results, "mini, new text"), model=options.model)


if __name__ == "__main__":
    main()
