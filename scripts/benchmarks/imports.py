"""What each command imports, and for how long: `python -X importtime`, the heaviest first."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from pathlib import Path

from scripts.benchmarks.common import report

HEAVY = ("torch", "transformers", "PIL", "numpy", "faiss", "onnxruntime", "tokenizers",
         "sqlite_utils", "typer", "pydantic", "sqlite3")  # fmt: skip
SAMPLES = Path(__file__).parents[2] / "examples" / "photos"


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        env = {
            **os.environ,
            "PHOTOSEARCH_LIBRARY": f"{folder}/library",
            "PHOTOSEARCH_CACHE": f"{folder}/cache",
        }
        _imports(["index", "-q", str(SAMPLES)], env)
        rows = []
        for name, arguments in (
            ("--help", ["--help"]),
            ("query, new text", ["query", "a cat on a sofa"]),
            ("query, repeated", ["query", "a cat on a sofa"]),
            ("query --image", ["query", "--image", str(next(SAMPLES.rglob("cat.jpg")))]),
            ("index, unchanged", ["index", "-q", str(SAMPLES)]),
        ):
            times = _imports(arguments, env)
            row: dict[str, object] = {"command": name}
            row["all_ms"] = round(sum(own for own, _ in times.values()) / 1e3)
            row.update({heavy: round(times[heavy][1] / 1e3) if heavy in times else "-"
                        for heavy in HEAVY})  # fmt: skip
            rows.append(row)
    report("imports", rows)


def _imports(arguments: list[str], env: dict[str, str]) -> dict[str, tuple[int, int]]:
    """Module → (own, cumulative) microseconds."""
    command = [sys.executable, "-X", "importtime", "-m", "photosearch", *arguments]
    done = subprocess.run(command, env=env, capture_output=True, text=True, check=True)
    times = {}
    for line in done.stderr.splitlines():
        if line.startswith("import time:") and "[us]" not in line:
            own, whole, name = line.removeprefix("import time:").split("|")
            times[name.strip()] = (int(own), int(whole))
    return times


if __name__ == "__main__":
    main()
