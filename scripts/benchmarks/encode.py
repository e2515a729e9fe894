"""Images a second of a model: by torch, by its bundle, by its 8-bit form, and from file to vector.

Weights are random, of a published model's shape. Runs take turns; each figure is a median, its
ratio that of the same round to the bundle in float32. On a machine with a GPU its tower is added,
and the run from files uses it.
"""

from __future__ import annotations

import argparse
import os
import statistics
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
from PIL import Image

from photosearch.encode.names import INT8, load_model
from photosearch.library import temporary_library
from scripts.benchmarks.common import SCRATCH, report
from scripts.benchmarks.random_clip import VITS, make


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", default="ViT-B/32", choices=sorted(VITS))
    parser.add_argument("--images", type=int, default=64)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--device", default="auto")
    options = parser.parse_args()

    os.environ["PHOTOSEARCH_MODELS"] = str(SCRATCH / "models")
    name = str(make(options.model, SCRATCH / "models" / f"{options.model.replace('/', '-')}.pt"))
    towers = {
        "bundle, float32": load_model(name, device="cpu").image,
        "torch, float32": load_model(name, device="cpu", runtime="torch").image,
        "bundle, int8": load_model(f"{name}{INT8}", device="cpu").image,
    }
    on_device = load_model(name, device=options.device).bulk_image
    if getattr(on_device, "device", None) is not None:
        towers[f"torch, float16 on {on_device.device}"] = on_device  # type: ignore[attr-defined]
    side = towers["bundle, float32"].preprocess.need
    random = np.random.default_rng(0)
    pixels = random.integers(0, 256, (options.images, side, side, 3), np.uint8)
    folder = _photos(SCRATCH / "small", options.images)

    def from_files() -> None:
        with temporary_library(name, device=options.device) as library:
            library.index([folder], words=False)

    tasks: dict[str, Callable[[], object]] = {
        label: lambda tower=tower: tower.encode(pixels)  # type: ignore[misc]
        for label, tower in towers.items()
    }
    tasks["index, from files"] = from_files
    seconds: dict[str, list[float]] = {label: [] for label in tasks}
    for number in range(-1, options.rounds):
        for label, task in tasks.items():
            started = time.perf_counter()
            task()
            if number >= 0:
                seconds[label].append(time.perf_counter() - started)
    base = seconds["bundle, float32"]
    cosines = {
        label: (towers["bundle, float32"].encode(pixels) * tower.encode(pixels)).sum(axis=1).min()
        for label, tower in towers.items()
    }
    report(
        "encode",
        [
            {
                "name": label,
                "images_per_second": round(options.images / statistics.median(taken), 1),
                "ratio": round(
                    statistics.median(one / its for one, its in zip(base, taken, strict=True)), 2
                ),
                "least_cosine": f"{cosines[label]:.6f}" if label in cosines else "",
            }
            for label, taken in seconds.items()
        ],
        model=options.model,
        images=options.images,
    )


def _photos(folder: Path, count: int) -> Path:
    """JPEG files of 1024 x 768, as small as photos are that were sent around."""
    folder.mkdir(parents=True, exist_ok=True)
    random = np.random.default_rng(1)
    for number in range(count):
        path = folder / f"{number:04}.jpg"
        if not path.exists():
            noise = Image.fromarray(random.integers(0, 256, (24, 32, 3), np.uint8))
            noise.resize((1024, 768), Image.Resampling.BICUBIC).save(path, quality=90)
    return folder


if __name__ == "__main__":
    main()
