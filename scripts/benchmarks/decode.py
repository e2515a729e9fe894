"""Decoding a 12-megapixel JPEG at reduced scale against full size: time, and what the model sees.

Error: mean difference of the model's input in steps of 1/255; cosine: of the photo's two vectors.
"""

from __future__ import annotations

import argparse
import statistics
import time
from pathlib import Path

import numpy as np

from photosearch.decode.pixels import decode
from photosearch.encode.names import open_encoder
from scripts.benchmarks.common import report
from scripts.benchmarks.index import photos_of


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--photos", type=int, default=20)
    parser.add_argument("--folder", type=Path, help="photos of your own instead")
    options = parser.parse_args()
    tower = open_encoder("mini").image
    times: dict[int | None, list[float]] = {None: [], tower.preprocess.need: []}
    errors, cosines = [], []
    for path in photos_of(options.folder, options.photos):
        data, inputs = path.read_bytes(), []
        for need, taken in times.items():
            started = time.perf_counter()
            image = decode(data, need=need).image
            inputs.append(tower.preprocess.resize(image))
            taken.append(1e3 * (time.perf_counter() - started))
        full, reduced = (pixels.astype(np.float32) for pixels in inputs)
        errors.append(float(np.abs(full - reduced).mean()))
        vectors = tower.encode(np.stack(inputs))
        cosines.append(float(vectors[0] @ vectors[1]))
    rows: list[dict[str, object]] = [
        {"scale": "full" if need is None else "reduced", "ms": round(statistics.median(taken), 1)}
        for need, taken in times.items()
    ]
    report(
        "decode",
        rows,
        photos=len(errors),
        mean_error=round(statistics.mean(errors), 3),
        lowest_cosine=round(min(cosines), 4),
    )


if __name__ == "__main__":
    main()
