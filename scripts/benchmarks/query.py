"""A query: in a fresh process, with a cold page cache, by the helper, and inside a process.

Over synthetic libraries of several sizes, with the embedded model and with a text tower of
ViT-B/32's shape (random weights). Where rclip's environment is at hand it runs in turns with all of
it, and is what the ratios are to; else a process that imports numpy and ends. The page cache is
emptied of the library, the models and the remembered queries, not of programs.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from scripts.benchmarks.common import BASELINE, SCRATCH, Run, aim, in_turns, report, table
from scripts.benchmarks.pages import drop_cache, say_if_kept
from scripts.benchmarks.peer_rclip import absent, query_command, rclip_environment
from scripts.benchmarks.synthetic import files_of, library_of, relabelled

SAMPLES = Path(__file__).parents[2] / "examples" / "photos"
BUILT_IN = Path(__file__).parents[2] / "photosearch" / "models"
VIT = "ViT-B/32"
RCLIP, PLAIN = "rclip, --no-indexing", "import numpy"
_COLD = ", cold page cache"
# The ratio to rclip at most, and seconds of the helper; at this size.
_AIM_PHOTOS = 100_000
_RATIOS = {"new text": 0.4, f"{VIT}, new text": 0.7, "repeated text": 0.25}
_HELPER_SECONDS, _INSIDE_SECONDS = 0.15, 0.005

Command = tuple[Sequence[str], Mapping[str, str]]
Maker = Callable[[int], Command]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--photos", type=int, nargs="+", default=[10_000, 100_000, 1_000_000])
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--cold-rounds", type=int, default=3, help="with a cold page cache")
    parser.add_argument("--no-vit", action="store_true", help="without the ViT-B/32-shaped tower")
    options = parser.parse_args()
    os.environ["PHOTOSEARCH_MODELS"] = str(SCRATCH / "models")
    rows: list[dict[str, object]] = []
    aims: list[dict[str, object]] = []
    kept: set[str] = set()
    for photos in options.photos:
        library = library_of(photos)
        vit = None
        if not options.no_vit:
            vit = relabelled(library, VIT)
        kinds = _kinds(library, vit)
        peer = _peer(photos)
        baseline = RCLIP if peer else PLAIN
        warm = {PLAIN: lambda _: (BASELINE, {}), **({RCLIP: peer} if peer else {}), **kinds}
        with helper(library) as answering:
            if answering:
                warm["helper, repeated text"] = _query(library, "a dog", helped=True)
                warm["helper, new text"] = _query(library, None, helped=True)
            results = in_turns(warm, options.rounds)
        cold = {name: _cooled(make, library, vit, kept) for name, make in kinds.items()}
        if peer:
            cold = {RCLIP: _cooled(peer, library, vit, kept), **cold}
        cooled = in_turns({name + _COLD: make for name, make in cold.items()}, options.cold_rounds)
        rows += _labelled(photos, table(results, baseline))
        rows += _labelled(photos, table(cooled, RCLIP + _COLD if peer else "new text" + _COLD))
        found = inside(library)
        rows += [
            {"photos": photos, "name": f"in process: {name}", "seconds": round(one["wall"], 4),
             "cpu_seconds": round(one["cpu"], 4)}
            for name, one in found.items()
        ]  # fmt: skip
        if photos == _AIM_PHOTOS:
            aims = _aims(results, peer is not None, found["search"]["wall"])
    report("query", rows, aims=aims, kept_in_memory=", ".join(sorted(kept)) or "nothing")
    if rclip_environment() is None:
        print(absent())


def _kinds(library: Path, vit: Path | None) -> dict[str, Maker]:
    folder = files_of(library)
    own = next(path for path in sorted((folder / "2010").rglob("*.jpg")))
    other = next(iter(sorted(SAMPLES.rglob("*.jpg"))))
    known = "a dog on the beach"
    kinds = {
        "new text": _query(library, None),
        "repeated text": _query(library, known),
        "repeated text, --json": _query(library, known, "--json"),
        "image of the library": _query(library, "", "--image", str(own)),
        "another image": _query(library, "", "--image", str(other)),
        "one folder": _query(library, known, "--in", str(folder / "2010")),
        "one year": _query(library, known, "--after", "2020", "--before", "2021"),
        "a printed word": _query(library, "exit", "--words"),
    }
    if vit is not None:
        kinds[f"{VIT}, new text"] = _query(vit, None)
        kinds[f"{VIT}, repeated text"] = _query(vit, known)
    return kinds


def _query(library: Path, text: str | None, *more: str, helped: bool = False) -> Maker:
    """None: a text that was never asked for."""

    def make(_: int) -> Command:
        asked = f"a dog {time.time_ns()}" if text is None else text
        command = [sys.executable, "-m", "photosearch", "query", *([asked] if asked else [])]
        env = {
            "PHOTOSEARCH_LIBRARY": str(library),
            "PHOTOSEARCH_CACHE": str(SCRATCH / "cache"),
            "PHOTOSEARCH_RESIDENT": "" if helped else "0",
        }
        return [*command, "-k", "3", *more], env

    return make


def _peer(photos: int) -> Maker | None:
    """rclip over as many photos, where its environment and such a library are at hand."""
    place = rclip_environment()
    if place is None or not (place / "libraries" / str(photos)).is_dir():
        return None

    def make(_: int) -> Command:
        assert place is not None
        command, env, folder = query_command(place, photos)
        # A process is started in its own folder: rclip asks about the one that it runs in.
        return ["env", "-C", str(folder), *command], env

    return make


def _cooled(make: Maker, library: Path, vit: Path | None, kept: set[str]) -> Maker:
    """The same, after its files were taken out of the page cache."""

    def cold(number: int) -> Command:
        command, env = make(number)
        folders = [library, SCRATCH / "cache", SCRATCH / "models", BUILT_IN]
        if "RCLIP_DATADIR" in env:
            folders = [Path(env["RCLIP_DATADIR"])]
        elif vit is not None:
            folders.append(vit)
        kept.update(filter(None, [say_if_kept(drop_cache(folders), library)]))
        return command, env

    return cold


@contextmanager
def helper(library: Path) -> Iterator[bool]:
    """`photosearch serve --socket` for this library while the block runs, where there is one."""
    tool = [sys.executable, "-m", "photosearch", "serve"]
    env = {
        **os.environ,
        "PHOTOSEARCH_LIBRARY": str(library),
        "PHOTOSEARCH_CACHE": str(SCRATCH / "cache"),
    }
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    if subprocess.run([*tool, "--help"], env=env, **quiet).returncode:  # type: ignore[call-overload]
        yield False
        return
    process = subprocess.Popen([*tool, "--socket", "--idle", "30m"], env=env, **quiet)  # type: ignore[call-overload]
    try:
        for _ in range(100):
            time.sleep(0.2)
            if process.poll() is not None:
                break
            if not subprocess.run([*tool, "--status"], env=env, **quiet).returncode:  # type: ignore[call-overload]
                break
        yield process.poll() is None
    finally:
        process.terminate()
        process.wait(30)


def inside(library: Path) -> dict[str, dict[str, float]]:
    """Searches within one process, in one of its own."""
    command = [sys.executable, "-m", "scripts.benchmarks.inside", str(library), "--rounds", "9"]
    env = {**os.environ, "PHOTOSEARCH_CACHE": str(SCRATCH / "cache")}
    done = subprocess.run(command, check=True, capture_output=True, env=env)
    found: dict[str, dict[str, float]] = json.loads(done.stdout.splitlines()[-1])["seconds"]
    return {name: one for name, one in found.items() if name.startswith(("search", "printed"))}


def _labelled(photos: int, rows: Sequence[Mapping[str, object]]) -> list[dict[str, object]]:
    return [{"photos": photos, **row} for row in rows]


def _aims(
    results: Mapping[str, Sequence[Run]], has_peer: bool, search: float
) -> list[dict[str, object]]:
    found = [aim("in-process search", search, _INSIDE_SECONDS, " s")]
    for name in ("helper, repeated text", "helper, new text"):
        if name in results:
            seconds = statistics.median(one.seconds for one in results[name])
            found.append(aim(name, seconds, _HELPER_SECONDS, " s"))
    if has_peer:
        for row in table({name: list(runs) for name, runs in results.items()}, RCLIP):
            most = _RATIOS.get(str(row["name"]))
            if most is not None:
                found.append(aim(f"{row['name']}, of rclip's", float(str(row["ratio"])), most))
    return found


if __name__ == "__main__":
    main()
