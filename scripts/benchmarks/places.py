"""Names of places and filters: what they cost, and how far from a town its names are true.

    scripts/bench places [--photos 100000]

Positions are drawn near the settlements of the gazetteer, as photos' are.
"""

from __future__ import annotations

import argparse
import json
import random
import shutil
import time
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np

from photosearch import gazetteer
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
    records = json.loads(gazetteer._text())
    degrees = np.array([(one["latitude"], one["longitude"]) for one in records])
    points = gazetteer.on_globe(degrees[:, 0], degrees[:, 1])
    order = np.argsort(degrees[:, 0], kind="stable")
    points, south = points[order], degrees[order, 0]
    code = np.array([records[at]["country_code"] for at in order])
    region = np.array([f"{records[at]['country_code']}/{records[at].get('state')}" for at in order])
    distance, other = np.empty(len(points)), np.empty(len(points), np.int64)
    for at, point in enumerate(points):
        for band in (0.2, 2.0, 180.0):
            first, end = south.searchsorted([south[at] - band, south[at] + band])
            chords = np.square(points[first:end] - point).sum(axis=1)
            chords[at - first] = 9
            nearest = int(chords.argmin())
            km = 2 * gazetteer.EARTH_KM * np.arcsin(min(1.0, np.sqrt(chords[nearest]) / 2))
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
    records = json.loads(gazetteer._text())
    catalogue = Catalogue(library, create=True)
    root = catalogue.add_root(b"/photos")
    model = catalogue.add_model("key", "model", 4)
    cameras = [("Google", "Pixel 6"), ("Canon", "EOS R6"), ("Apple", "iPhone 15"), (None, None)]
    batch = Batch()
    for number in range(photos):
        home = chance.choice(records)
        make, camera = chance.choice(cameras)
        facts = Facts(
            taken_at=f"{chance.randint(2005, 2024)}-06-15T12:00:00",
            make=make,
            camera=camera,
            latitude=home["latitude"] + chance.gauss(0, 0.02),
            longitude=home["longitude"] + chance.gauss(0, 0.02),
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
    print("How true the names of the nearest settlement are, by its distance:")
    for row in agreement():
        print(" ", row)
    gazetteer._settlements.cache_clear()
    print(f"open the gazetteer: {timed(lambda: gazetteer.place_of(0, 0))[0]:.3f} s")
    gazetteer._text.cache_clear()
    name, _ = timed(lambda: gazetteer.cities_called("Kyoto"))
    print(f"find a city by name: {name:.3f} s")

    library = SCRATCH / "places"
    shutil.rmtree(library, ignore_errors=True)
    fill(library, photos)
    catalogue = Catalogue(library)
    seconds, count = timed(lambda: name_places(catalogue))
    print(f"name {count} photos: {seconds:.2f} s, {seconds / count * 1e6:.0f} ms a thousand")
    key = gazetteer.key()
    seconds, _ = timed(lambda: unplaced(catalogue, key), 5)
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
