"""Photos a second on several kinds of file and model, what bounds them, and rclip in turns.

The photos are made here: noise shaped like a camera's, JPEGs of 12 megapixels (4 MB) and of half a
megapixel, PNG screenshots, HEIC where pillow-heif is installed or --heic names a folder. Models:
`mini`, and random weights of ViT-B/32's shape and of ViT-B-32-256's, which is rclip's.

Of the same run, in turns: the same files decoded alone by as many threads, the same pixels
encoded alone. No pipeline is faster than the slower of both (`of_slower_alone`). As both need the
same cores, none is faster either than cores / (CPU seconds of decoding and of encoding), which is
`cpu_bound`: well below the slower of both where neither of the two is free.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFilter

from photosearch.decode.pixels import decode
from photosearch.encode.names import load_model
from photosearch.encode.towers import ImageTower
from photosearch.library import temporary_library
from photosearch.settings import usable_cores
from scripts.benchmarks import peer_rclip, random_clip
from scripts.benchmarks.common import SCRATCH, Run, aim, report, run

SIZE = (4000, 3000)
MODELS: dict[str, str | None] = {
    "mini": None,
    "ViT-B/32": "vit-b-32.pt",
    "ViT-B-32-256": "vit-b-32-256",
}
PEER = "ViT-B-32-256"  # the model of rclip
INT8 = ":int8"

# kind of file: how many, and which models are measured on it
KINDS = {
    "jpeg 12 MP": (60, ("mini", "ViT-B/32", PEER, PEER + INT8)),
    "jpeg 0.5 MP": (300, ("mini", "ViT-B/32", PEER, PEER + INT8)),
    "png 2 MP": (100, ("mini",)),
    "heic 12 MP": (20, ("mini",)),
}


def make_photo(path: Path, seed: int, size: tuple[int, int] = SIZE) -> None:
    """One photo, of 3-5 MB as a JPEG of 12 megapixels: smooth shapes, fine structure, noise."""
    rng = np.random.default_rng(seed)
    small = Image.fromarray(rng.integers(0, 256, (24, 32, 3), dtype=np.uint8))
    scene = small.resize(size, Image.Resampling.BICUBIC).filter(ImageFilter.GaussianBlur(8))
    noise = rng.normal(0, 7.0, (size[1], size[0], 1)) + rng.normal(0, 2.0, (size[1], size[0], 3))
    pixels = np.asarray(scene, np.float32) + noise.astype(np.float32)
    Image.fromarray(pixels.clip(0, 255).astype(np.uint8)).save(path, quality=90)


def make_screenshot(path: Path, seed: int) -> None:
    """A PNG of 1920 x 1080: areas of one colour, lines of small print."""
    rng = np.random.default_rng(seed)
    image = Image.new("RGB", (1920, 1080), tuple(rng.integers(180, 256, 3).tolist()))
    draw = ImageDraw.Draw(image)
    for _ in range(40):
        left, top = rng.integers(0, (1700, 1000)).tolist()
        colour = tuple(rng.integers(0, 256, 3).tolist())
        draw.rectangle((left, top, left + 200, top + 60), fill=colour)
        draw.text((left + 4, top + 4), "the quick brown fox " * 2, fill="black")
    image.save(path)


def photos_of(folder: Path | None, count: int) -> list[Path]:
    """All JPEGs of a folder, or as many of 12 megapixels as asked for that are made here."""
    if folder is None:
        return _made("12mp", "jpg", count, make_photo)
    return sorted(path for path in folder.rglob("*") if path.suffix.lower() in (".jpg", ".jpeg"))


def _made(name: str, suffix: str, count: int, make: Callable[[Path, int], None]) -> list[Path]:
    folder = SCRATCH / name
    folder.mkdir(parents=True, exist_ok=True)
    paths = [folder / f"photo{number:04}.{suffix}" for number in range(count)]
    for number, path in enumerate(paths):
        if not path.exists():
            make(path, number)
    return paths


def _files(kind: str, count: int, heic: Path | None) -> list[Path]:
    if kind == "jpeg 12 MP":
        return photos_of(None, count)
    if kind == "jpeg 0.5 MP":
        return _made("half-mp", "jpg", count, partial(make_photo, size=(816, 612)))
    if kind == "png 2 MP":
        return _made("png", "png", count, make_screenshot)
    if heic is not None:
        return sorted(path for path in heic.rglob("*") if path.suffix.lower() == ".heic")
    try:
        import pillow_heif  # type: ignore[import-not-found,unused-ignore]
    except ImportError:
        return []
    pillow_heif.register_heif_opener()
    return _made("heic", "heic", count, make_photo)


# In processes of their own: what this one needs of memory at its peak would count as that of the
# commands that it starts (Linux keeps a process's peak across its start of another program).


def _make(kind: str, count: int, model: str, heic: Path | None) -> dict[str, object]:
    """Files and a model bundle, made once."""
    name = plain = model.removesuffix(INT8)
    checkpoint = MODELS[plain]
    if checkpoint is not None:
        name = str(random_clip.make(plain, SCRATCH / "models" / checkpoint)) + model[len(plain) :]
        load_model(name, device="cpu")
    return {"model": name, "files": [str(path) for path in _files(kind, count, heic)]}


def _alone(folder: Path, name: str) -> dict[str, object]:
    """Seconds and CPU seconds of decoding alone, of encoding alone, of a run without its start."""
    tower: ImageTower = load_model(name, device="cpu").image
    prepare = tower.preprocess
    data = [path.read_bytes() for path in sorted(folder.iterdir())]

    def one(content: bytes) -> NDArray[np.uint8]:
        return prepare.resize(decode(content, need=prepare.need).image)

    def decoding() -> list[NDArray[np.uint8]]:
        with ThreadPoolExecutor(usable_cores()) as pool:
            return list(pool.map(one, data))

    def encoding(pixels: list[NDArray[np.uint8]]) -> None:
        size = tower.batch_size
        for at in range(0, len(pixels), size):
            tower.encode(np.stack(pixels[at : at + size]))

    pixels = decoding()
    encoding(pixels[: tower.batch_size])
    with temporary_library(name) as library:
        running = library.index([folder], words=False).seconds
    return {
        "running": running,
        "decode": _timed(decoding),
        "encode": _timed(lambda: encoding(pixels)),
    }


def _timed(work: Callable[[], object]) -> tuple[float, float]:
    wall, cpu = time.perf_counter(), time.process_time()
    work()
    return time.perf_counter() - wall, time.process_time() - cpu


def _inside(**what: object) -> dict[str, Any]:
    """One of the two functions above, in a process of its own."""
    command = [sys.executable, "-m", "scripts.benchmarks.index", "--inside", json.dumps(what)]
    done = subprocess.run(command, stdout=subprocess.PIPE, check=True)
    answer: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return answer


@dataclass(frozen=True, slots=True)
class _Round:
    command: Run
    running: float  # seconds in a process that is up
    decoding: float
    decode_cpu: float
    encoding: float
    encode_cpu: float
    peer: Run | None


def _round(folder: Path, model: str, peer: Path | None) -> _Round:
    with tempfile.TemporaryDirectory(dir=SCRATCH) as scratch:
        command = run(
            [sys.executable, "-m", "photosearch", "index", "-q", str(folder)],
            {"PHOTOSEARCH_LIBRARY": f"{scratch}/library", "PHOTOSEARCH_MODEL": model},
        )
        beside = None
        if peer is not None:
            rclip, env, where = peer_rclip.index_command(peer, folder, Path(scratch, "peer"))
            beside = run(["sh", "-c", 'cd "$0" && exec "$@"', str(where), *rclip], env)
    alone = _inside(alone=str(folder), model=model)
    (decoding, decode_cpu), (encoding, encode_cpu) = alone["decode"], alone["encode"]
    return _Round(command, alone["running"], decoding, decode_cpu, encoding, encode_cpu, beside)


def _measure(
    kind: str, model: str, files: Sequence[str], name: str, peer: Path | None, rounds: int
) -> dict[str, object]:
    # A folder with these files alone, however many others were made before.
    with tempfile.TemporaryDirectory(dir=SCRATCH) as folder:
        for file in files:
            shutil.copy(file, folder)
        done = [_round(Path(folder), name, peer) for _ in range(rounds + 1)][1:]
    count, cores = len(files), usable_cores()

    def rate(seconds: Callable[[_Round], float]) -> float:
        return round(count / median(seconds(one) for one in done), 1)

    needed = median(one.decode_cpu + one.encode_cpu for one in done) / count
    row: dict[str, object] = {
        "files": kind,
        "model": model,
        "photos_s": rate(lambda one: one.command.seconds),
        "running": rate(lambda one: one.running),
        "decode_alone": rate(lambda one: one.decoding),
        "encode_alone": rate(lambda one: one.encoding),
        "of_slower_alone": _share(done, lambda one: max(one.decoding, one.encoding)),
        "cpu_bound": round(cores / needed, 1),
        "of_cpu_bound": _share(done, lambda one: (one.decode_cpu + one.encode_cpu) / cores),
        "cpu_ms": round(1e3 * median(one.command.cpu_seconds for one in done) / count, 1),
        "peak_mb": round(median(one.command.peak_mb for one in done)),
    }
    peers = [one.peer for one in done if one.peer is not None]
    if peers:
        row["rclip"] = rate(lambda one: one.peer.seconds if one.peer else 0)
        row["rclip_cpu_ms"] = round(1e3 * median(one.cpu_seconds for one in peers) / count, 1)
        row["rclip_mb"] = round(median(one.peak_mb for one in peers))
        row["times_rclip"] = round(
            median(one.peer.seconds / one.command.seconds for one in done if one.peer), 2
        )
    return row


def _share(rounds: Sequence[_Round], least: Callable[[_Round], float]) -> float:
    """How much of a running process's time the least that is possible would be."""
    return round(median(least(one) / one.running for one in rounds), 2)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--share", type=float, default=1.0, help="of the usual number of photos")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--kind", choices=sorted(KINDS), help="this kind of file alone")
    parser.add_argument("--model", choices=[*sorted(MODELS), PEER + INT8], help="this model alone")
    parser.add_argument("--heic", type=Path, help="HEIC photos of your own")
    parser.add_argument("--inside", type=json.loads, help=argparse.SUPPRESS)
    options = parser.parse_args()
    SCRATCH.mkdir(parents=True, exist_ok=True)
    os.environ |= {
        "PHOTOSEARCH_MODELS": str(SCRATCH / "models"),
        "PHOTOSEARCH_CACHE": str(SCRATCH / "cache"),
        "PHOTOSEARCH_WORDS": "0",  # another pass, measured by `words`
    }
    if options.inside:
        what = options.inside
        if "alone" in what:
            print(json.dumps(_alone(Path(what["alone"]), what["model"])))
        else:
            heic = Path(what["heic"]) if what["heic"] else None
            print(json.dumps(_make(what["make"], what["count"], what["model"], heic)))
        return
    peer = peer_rclip.rclip_environment()
    if peer is None:
        print(peer_rclip.absent())
    rows = []
    for kind, (usual, models) in KINDS.items():
        for model in models:
            if options.kind in (None, kind) and options.model in (None, model):
                count, heic = max(4, int(usual * options.share)), options.heic
                made = _inside(make=kind, count=count, model=model, heic=heic and str(heic))
                if not made["files"]:
                    print(f"{kind}: left out, without pillow-heif none can be made: --heic")
                    continue
                beside = peer if model == PEER and kind.startswith("jpeg") else None
                row = _measure(kind, model, made["files"], made["model"], beside, options.rounds)
                rows.append(row)
    report("index", rows, aims=_aims(rows), rounds=options.rounds, photos=options.share)


def _aims(rows: Sequence[Mapping[str, object]]) -> list[dict[str, object]]:
    aims = []
    for row in rows:
        what = f"{row['files']}, {row['model']}"
        slower = float(str(row["of_slower_alone"]))
        aims.append(aim(f"{what}: time / the slower of both alone", 1 / slower, 1 / 0.9))
        if "times_rclip" in row:
            ratio = 1 / float(str(row["times_rclip"]))
            aims.append(aim(f"{what}: time / rclip's", ratio, 0.5))
    return aims


if __name__ == "__main__":
    main()
