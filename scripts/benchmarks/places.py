"""Names of places and filters: what they cost, and how far from a town its names are true.

    scripts/bench places [--photos 100000]

Positions are drawn near the settlements of the gazetteer, as photos' are.
"""

from __future__ import annotations

import argparse
import random
import shutil
import time
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np

from photosearch.gazetteer.cities import cities_called
from photosearch.gazetteer.globe import km_to, on_globe
from photosearch.gazetteer.places import place_of
from photosearch.gazetteer.settlements import key, settlements
from photosearch.ingest.places import name_places
from photosearch.records import Facts, FoundFile, Photo
from photosearch.search.filters import Filters
from photosearch.store.catalogue import Batch, Catalogue, NewPhoto
from photosearch.store.places import unplaced
from photosearch.store.snapshot import Snapshot
from scripts.benchmarks.common import SCRATCH

STEPS = [0, 5, 10, 25, 50, 75, 100, 150, 200, 300, 500, 20_000]
FILTERS = [
    {"after": "2021"},
    {"camera": "pixel 6"},
    {"not_camera": "pixel 6"},
    {"name": "img_12*"},
    {"in_folder": "holiday7"},
    {"near": "35.01,135.77"},
    {"near": "35.01,135.77", "within": 500},
    {"place": "Japan"},
    {"not_place": "Japan"},
    {"has": "gps"},
    {"orientation": "portrait", "min_megapixels": 12},
]


def timed(work: Callable[[], Any], rounds: int = 1) -> tuple[float, Any]:
    """(median of seconds, the last result)."""
    took = []
    for _ in range(rounds):
        started = time.perf_counter()
        result = work()
        took.append(time.perf_counter() - started)
    return sorted(took)[len(took) // 2], result


def agreement() -> list[dict[str, Any]]:
    """Each settlement taken away: has the nearest other one its region and country?"""
    data = settlements()
    order = np.argsort(data.latitudes, kind="stable")
    south = data.latitudes[order]
    points = on_globe(south, data.longitudes[order])
    region = data.region[order]
    code = np.array([code for code, _ in data.regions])[region]
    distance, other = np.empty(len(points)), np.empty(len(points), np.int64)
    for at, (latitude, row) in enumerate(zip(south.tolist(), order.tolist(), strict=True)):
        for band in (0.2, 2.0, 180.0):
            first, end = south.searchsorted([latitude - band, latitude + band])
            kilometres = km_to(points[first:end], latitude, float(data.longitudes[row]))
            kilometres[at - first] = np.inf
            nearest = int(kilometres.argmin())
            km = float(kilometres[nearest])
            if km <= band * 111 or band == 180:
                break
        distance[at], other[at] = km, first + nearest
    rows = []
    for low, high in pairwise(STEPS):
        chosen = (distance >= low) & (distance < high)
        rows.append(
            {
                "km": f"{low}-{high}",
                "settlements": int(chosen.sum()),
                "same_region": round(float((region == region[other])[chosen].mean()), 3),
                "same_country": round(float((code == code[other])[chosen].mean()), 3),
            }
        )
    return rows


def fill(library: Path, photos: int) -> None:
    """A catalogue of photos with positions, cameras and names."""
    chance = random.Random(0)
    data = settlements()
    catalogue = Catalogue(library, create=True)
    root = catalogue.add_root(b"/photos")
    model = catalogue.add_model("key", "model", 4)
    cameras = [("Google", "Pixel 6"), ("Canon", "EOS R6"), ("Apple", "iPhone 15"), (None, None)]
    batch = Batch()
    for number in range(photos):
        home = chance.randrange(len(data))
        make, camera = chance.choice(cameras)
        facts = Facts(
            taken_at=f"{chance.randint(2005, 2024)}-06-15T12:00:00",
            make=make,
            camera=camera,
            latitude=float(data.latitudes[home]) + chance.gauss(0, 0.02),
            longitude=float(data.longitudes[home]) + chance.gauss(0, 0.02),
        )
        size = chance.choice([(4000, 3000), (3000, 4000)])
        photo = Photo(number.to_bytes(32, "big"), 1, "jpeg", *size, facts)
        path = b"holiday%d/IMG_%06d.JPG" % (number // 100, number)
        batch.new.append(NewPhoto(photo, b"\0" * 8, [FoundFile(path, 1, 1)]))
        if len(batch) == 5000 or number == photos - 1:
            catalogue.commit(root, model, batch)
            batch = Batch()
    catalogue.close()


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--photos", type=int, default=100_000)
    photos = parser.parse_args().photos
    print(f"open the gazetteer: {timed(settlements)[0]:.3f} s")
    print(f"name the first point: {timed(lambda: place_of(0, 0))[0]:.3f} s")
    name, _ = timed(lambda: cities_called("Kyoto"))
    print(f"find a city by name: {name:.3f} s")

    print("How true the names of the nearest settlement are, by its distance:")
    for row in agreement():
        print(" ", row)

    library = SCRATCH / "places"
    shutil.rmtree(library, ignore_errors=True)
    fill(library, photos)
    catalogue = Catalogue(library)
    seconds, count = timed(lambda: name_places(catalogue))
    print(f"name {count} photos: {seconds:.2f} s, {seconds / count * 1e6:.0f} ms a thousand")
    edition = key()
    seconds, _ = timed(lambda: unplaced(catalogue, edition), 5)
    print(f"nothing to name among {photos}: {seconds * 1e3:.1f} ms")
    catalogue.close()
    snapshot = Snapshot(library)
    for given in FILTERS:
        filters = Filters(**given)  # type: ignore[arg-type]
        seconds, found = timed(lambda one=filters: one.allowed_ids(snapshot), 5)
        print(f"{given}: {len(found)} photos, {seconds * 1e3:.0f} ms")
    snapshot.close()


if __name__ == "__main__":
    main()
