"""Photos a second on 12-megapixel JPEGs, and what bounds them.

The photos are made here: noise shaped like a camera's, 4000 x 3000, quality 90, about 4 MB each.
Baselines of the same run: the same files decoded alone by as many threads, the same pixels encoded
alone. A pipeline cannot be faster than both together on the same cores, nor than either.
"""

from __future__ import annotations

import argparse
import io
import os
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
from PIL import Image, ImageFilter

from photosearch.decode.pixels import decode
from photosearch.encode.names import open_encoder
from photosearch.library import temporary_library
from photosearch.reports import IndexReport
from scripts.benchmarks.common import SCRATCH, Run, report, run

SIZE = (4000, 3000)


def make_photo(path: Path, seed: int) -> None:
    """One 12-megapixel JPEG of 3-5 MB: smooth shapes, fine structure, sensor noise."""
    rng = np.random.default_rng(seed)
    small = Image.fromarray(rng.integers(0, 256, (24, 32, 3), dtype=np.uint8))
    scene = small.resize(SIZE, Image.Resampling.BICUBIC).filter(ImageFilter.GaussianBlur(8))
    noise = rng.normal(0, 7.0, (SIZE[1], SIZE[0], 1)) + rng.normal(0, 2.0, (SIZE[1], SIZE[0], 3))
    pixels = np.asarray(scene, np.float32) + noise.astype(np.float32)
    Image.fromarray(pixels.clip(0, 255).astype(np.uint8)).save(path, quality=90)


def photos_of(folder: Path | None, count: int) -> list[Path]:
    """All JPEGs of a folder, or as many as asked for that are made here."""
    made = folder is None
    if folder is None:
        folder = SCRATCH / "12mp"
        folder.mkdir(parents=True, exist_ok=True)
        for number in range(count):
            path = folder / f"photo{number:04}.jpg"
            if not path.exists():
                make_photo(path, number)
    files = sorted(path for path in folder.rglob("*") if path.suffix.lower() in (".jpg", ".jpeg"))
    return files[:count] if made else files


def _command(folder: Path, rounds: int) -> Run:
    """The whole command, in a process that is started while this one is still small."""
    runs = []
    for _ in range(rounds):
        with tempfile.TemporaryDirectory() as scratch:
            command = [sys.executable, "-m", "photosearch", "index", "-q", str(folder)]
            runs.append(run(command, {"PHOTOSEARCH_LIBRARY": f"{scratch}/library"}))
    return sorted(runs, key=lambda one: one.seconds)[len(runs) // 2]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--photos", type=int, default=100)
    parser.add_argument("--folder", type=Path, help="photos of your own instead")
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    files = photos_of(options.folder, options.photos)
    folder = options.folder or SCRATCH / "12mp"
    command = _command(folder, options.rounds)
    data = [path.read_bytes() for path in files]
    cores = len(os.sched_getaffinity(0))
    tower = open_encoder("mini").image
    tower.encode(np.zeros((1, 224, 224, 3), np.uint8))

    rounds = []
    for _ in range(options.rounds):
        started = time.perf_counter()
        for one in data[:6]:
            Image.open(io.BytesIO(one)).convert("RGB").load()
        full = 6 / (time.perf_counter() - started)
        with ThreadPoolExecutor(cores) as pool:
            started, cpu = time.perf_counter(), time.process_time()
            pixels = list(
                pool.map(lambda one: tower.preprocess.resize(decode(one, need=224).image), data)
            )
            decoding = len(data) / (time.perf_counter() - started)
            decode_cpu = (time.process_time() - cpu) / len(data)
        stack = np.stack(pixels)
        cpu = time.process_time()
        started = time.perf_counter()
        for at in range(0, len(stack), 16):
            tower.encode(stack[at : at + 16])
        encoding = len(stack) / (time.perf_counter() - started)
        encode_cpu = (time.process_time() - cpu) / len(stack)
        cpu = time.process_time()
        indexed = _index(folder)
        index_cpu = time.process_time() - cpu
        rounds.append(
            (
                indexed.photos_per_second,
                decoding,
                encoding,
                full,
                index_cpu / indexed.seconds,
                decode_cpu,
                encode_cpu,
            )
        )
    index, decoding, encoding, full, busy, decode_cpu, encode_cpu = np.median(rounds, axis=0)
    bound = cores / (decode_cpu + encode_cpu)
    rows: list[dict[str, object]] = [
        {
            "what": "index, the whole command with its start",
            "photos_per_second": round(len(files) / command.seconds, 1),
            "of_bound": round(len(files) / command.seconds / bound, 2),
        },
        {
            "what": "index, in a running process",
            "photos_per_second": round(index, 1),
            "of_bound": round(index / bound, 2),
        },
        {
            "what": "bound: all cores on decoding and encoding",
            "photos_per_second": round(bound, 1),
            "of_bound": 1.0,
        },
        {
            "what": "decoding alone, reduced scale",
            "photos_per_second": round(decoding, 1),
            "of_bound": "-",
        },
        {"what": "encoding alone", "photos_per_second": round(encoding, 1), "of_bound": "-"},
        {
            "what": "decoding at full size, one thread",
            "photos_per_second": round(full, 1),
            "of_bound": "-",
        },
    ]
    report(
        "index",
        rows,
        photos=len(files),
        mb=round(sum(map(len, data)) / len(data) / 1e6, 1),
        cores_busy=round(busy, 2),
        peak_mb=round(command.peak_mb),
    )


def _index(folder: Path) -> IndexReport:
    with temporary_library() as library:
        return library.index([folder])


if __name__ == "__main__":
    main()
    sys.exit()
