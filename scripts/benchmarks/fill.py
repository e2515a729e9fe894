"""Fill a library with plausible photos and vectors, through the real writing path.

    python -m scripts.benchmarks.fill LIBRARY [--photos 100000]

Vectors are unit length and clustered as photos are (holidays, bursts); their values do not change
how long a search takes. The folder of the photos exists and is empty.
"""

from __future__ import annotations

import argparse
import hashlib
from pathlib import Path

import numpy as np

from photosearch.encode.names import open_encoder
from photosearch.index.cache import refresh_index
from photosearch.paths import to_bytes
from photosearch.records import Facts, FoundFile, Photo
from photosearch.store.catalogue import Batch, Catalogue, NewPhoto
from photosearch.store.snapshot import Snapshot

BATCH = 2000


def fill(library: Path, photos: int, seed: int = 0) -> None:
    """Make a library of `photos` photos, unless it is there already."""
    if (library / "catalogue.db").exists():
        return
    encoder = open_encoder("mini")
    rng = np.random.default_rng(seed)
    root = library.with_name(library.name + "-photos")
    root.mkdir(parents=True, exist_ok=True)
    catalogue = Catalogue(library, create=True)
    root_id = catalogue.add_root(to_bytes(root))
    model_id = catalogue.add_model(encoder.key, encoder.name, encoder.dim)
    catalogue.set_setting("model", encoder.name)
    centres = rng.standard_normal((max(1, photos // 50), encoder.dim), np.float32)
    for first in range(0, photos, BATCH):
        count = min(BATCH, photos - first)
        vectors = centres[rng.integers(len(centres), size=count)]
        vectors = vectors + 0.7 * rng.standard_normal(vectors.shape, np.float32)
        vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
        batch = Batch(new=[_photo(first + row, vectors[row]) for row in range(count)])
        catalogue.commit(root_id, model_id, batch)
    catalogue.close()
    snapshot = Snapshot(library)
    model = snapshot.model(encoder.key)
    assert model is not None
    refresh_index(library, snapshot, model)
    snapshot.close()


def _photo(number: int, vector: np.ndarray) -> NewPhoto:
    year, month, day = 2005 + number % 20, 1 + number // 20 % 12, 1 + number // 240 % 28
    taken_at = f"{year}-{month:02}-{day:02}T{number % 24:02}:{number % 60:02}:00"
    photo = Photo(
        digest=hashlib.sha256(str(number).encode()).digest(),
        bytes=3_500_000,
        format="jpeg",
        width=4000,
        height=3000,
        facts=Facts(taken_at=taken_at, make="Example", camera="Example One"),
    )
    path = f"{year}/{month:02}/IMG_{number:07}.jpg".encode()
    return NewPhoto(photo, vector.astype("<f2").tobytes(), [FoundFile(path, 3_500_000, number)])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("library", type=Path)
    parser.add_argument("--photos", type=int, default=100_000)
    options = parser.parse_args()
    fill(options.library.absolute(), options.photos)


if __name__ == "__main__":
    main()
