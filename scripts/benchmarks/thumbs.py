"""Previews of the page: the first of a 12-megapixel photo, one that is kept, and how many a second.

    scripts/bench thumbs [--photos 16] [--rounds 3]

In one process, over HTTP, as the page asks for them. The baseline of a first preview is decoding
the photo whole and making the same WebP of it; of a kept one, a reply of the server without one.
"""

from __future__ import annotations

import argparse
import hashlib
import http.client
import io
import os
import statistics
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
from PIL import Image

from photosearch import Library
from photosearch.store.previews import FOLDER, SIZES
from photosearch.web.run import listen, serve
from photosearch.web.site import Terms
from scripts.benchmarks import common

SIZE = (4000, 3000)


def photos_in(folder: Path, count: int) -> list[Path]:
    """Pictures as large as a camera's, with its grain: some 4 MB each."""
    folder.mkdir(parents=True, exist_ok=True)
    paths = []
    for number in range(count):
        path = folder / f"{number:03}.jpg"
        paths.append(path)
        if path.exists():
            continue
        chance = np.random.default_rng(number)
        coarse = Image.fromarray(chance.integers(0, 256, (30, 40, 3), dtype=np.uint8))
        scene = np.asarray(coarse.resize(SIZE, Image.Resampling.BICUBIC), np.float32)
        scene += chance.normal(0, 5.5, (*SIZE[::-1], 1)).astype(np.float32)
        Image.fromarray(scene.clip(0, 255).astype(np.uint8)).save(path, quality=90)
    return paths


class Client:
    """One connection that stays."""

    def __init__(self, port: int) -> None:
        self._connection = http.client.HTTPConnection("127.0.0.1", port)

    def get(self, path: str) -> bytes:
        self._connection.request("GET", path)
        answer = self._connection.getresponse()
        body = answer.read()
        if answer.status != 200:
            raise SystemExit(f"{path}: {answer.status} {body[:200]!r}")
        return body


def median_ms(call: Callable[[int], object], rounds: Sequence[int]) -> float:
    seconds = []
    for number in rounds:
        started = time.perf_counter()
        call(number)
        seconds.append(time.perf_counter() - started)
    return 1000 * statistics.median(seconds)


def whole(path: Path, size: int) -> bytes:
    """The plain way: decode all pixels, resize, encode."""
    with Image.open(path) as image:
        image.load()
        scale = size / max(image.size)
        small = image.resize(
            (round(image.width * scale), round(image.height * scale)), Image.Resampling.LANCZOS
        )
    file = io.BytesIO()
    small.save(file, "WEBP", quality=78, method=2)
    return file.getvalue()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--photos", type=int, default=16)
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    folder = common.SCRATCH / "thumbs"
    paths = photos_in(folder / "photos", options.photos)
    with Library.open(folder / "library", "mini", create=True) as library:
        library.index(folder / "photos", words=False)
        listening, terms = listen(Terms(port=0))
        up = threading.Event()
        threading.Thread(
            target=serve, args=(library, terms, listening, up.set), daemon=True
        ).start()
        up.wait()
        rows = measure(paths, folder / "library" / FOLDER, terms.port, options.rounds)
    common.report("thumbs", rows, photos=options.photos, rounds=options.rounds)
    os._exit(0)  # the server's thread has no signal to end by


def measure(paths: list[Path], kept: Path, port: int, rounds: int) -> list[dict[str, object]]:
    ids = [hashlib.sha256(path.read_bytes()).hexdigest() for path in paths]
    client = Client(port)
    nothing = median_ms(lambda _: client.get("/page/any/app.css"), range(50))
    client.get(f"/api/photo/{ids[0]}/preview?size=240")  # the worker process has started
    rows: list[dict[str, object]] = []
    for size in SIZES:
        urls = [f"/api/photo/{one}/preview?size={size}" for one in ids]
        firsts, plains, many = [], [], []
        for _ in range(rounds):
            forget(kept)
            firsts.append(median_ms(lambda n, urls=urls: client.get(urls[n]), range(len(ids))))
            plains.append(
                median_ms(lambda n, size=size: whole(paths[n], size), range(min(len(ids), 5)))
            )
            forget(kept)
            many.append(len(ids) / together(urls, port))
        again = median_ms(lambda n, urls=urls: client.get(urls[n % len(urls)]), range(200))
        sent = statistics.median(len(client.get(url)) for url in urls)
        rows.append(
            {
                "pixels": size,
                "first_ms": round(statistics.median(firsts), 1),
                "decoded_whole_ms": round(statistics.median(plains), 1),
                "ratio": round(statistics.median(firsts) / statistics.median(plains), 2),
                "a_second": round(statistics.median(many), 1),
                "kept_ms": round(again, 2),
                "page_file_ms": round(nothing, 2),
                "kb": round(sent / 1000, 1),
            }
        )
    return rows


def together(urls: list[str], port: int) -> float:
    """Seconds for all of them by six connections, as many as a browser opens."""
    own = threading.local()

    def get(url: str) -> None:
        if not hasattr(own, "client"):
            own.client = Client(port)
        own.client.get(url)

    started = time.perf_counter()
    with ThreadPoolExecutor(6) as pool:
        list(pool.map(get, urls))
    return time.perf_counter() - started


def forget(kept: Path) -> None:
    for path in kept.rglob("*.webp"):
        path.unlink()


if __name__ == "__main__":
    main()
