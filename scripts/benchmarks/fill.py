"""Fill a library with plausible photos and vectors, through the real writing path.

    python -m scripts.benchmarks.fill LIBRARY [--photos 100000]

Vectors are drawn as `mini` sees photos (see Looks); a query's time hangs on how alike they are. The
folder of the photos exists and is empty. 50,000 photos take 8 seconds of CPU.
"""

from __future__ import annotations

import argparse
import hashlib
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from photosearch.encode.names import open_encoder
from photosearch.index.cache import refresh_index
from photosearch.paths import to_bytes
from photosearch.records import Facts, FoundFile, Photo
from photosearch.store.catalogue import Batch, Catalogue, NewPhoto
from photosearch.store.snapshot import Snapshot

BATCH = 10_000
# Measured with `mini` on 1,416 photos and 1,252 English captions: lengths of the two means (their
# cosine is -0.03), and the variance along the photos' principal axes by the axis' number.
PHOTO_MEAN, TEXT_MEAN = 0.20, 0.14
AXES = (0, 1, 3, 7, 15, 31, 63, 127, 255, 400, 511)
PHOTO_VARIANCE = (0.123, 0.073, 0.041, 0.025, 0.0153, 0.0072, 0.0025, 6.6e-4, 1.4e-4, 3e-5, 1e-6)
TEXT_VARIANCE = (0.029, 0.024, 0.029, 0.0156, 0.0125, 0.0061, 0.0027, 0.0013, 5.5e-4, 5.3e-4, 5e-4)
# A caption of a photo has with it the cosine 0.45 to 0.5.
CAPTION = 0.5
SCENE = 50  # photos that share the half of what they show: an afternoon, a place
BURST = 1_000  # photos within a cosine of 0.99 of each other, in every 100,000


class Looks:
    """Unit vectors of photos and of texts, with the shape of a model's."""

    def __init__(self, dim: int, seed: int = 0) -> None:
        self._rng = np.random.default_rng(seed)
        axes = np.linalg.qr(self._rng.standard_normal((dim, dim)))[0]
        self._photo_mean, self._text_mean = PHOTO_MEAN * axes[-1], TEXT_MEAN * axes[-2]
        self._photo, self._text = (
            (axes.T * np.sqrt(_spread(values, dim))).T.astype(np.float32)
            for values in (PHOTO_VARIANCE, TEXT_VARIANCE)
        )

    def photos(self, count: int) -> NDArray[np.float16]:
        """Photos of scenes; where there are many, one long burst among them."""
        scenes = self._draw(max(1, count // SCENE), self._photo)
        rows = np.sqrt(0.5) * scenes[self._rng.integers(len(scenes), size=count)]
        rows += np.sqrt(0.5) * self._draw(count, self._photo) + self._photo_mean
        rows = unit(rows)
        burst = min(BURST, count // 100)
        if burst > 1:
            start = int(self._rng.integers(count - burst))
            rows[start : start + burst] = unit(rows[start] + 0.1 * self._draw(burst, self._photo))
        return rows.astype("<f2")

    def texts(self, photos: NDArray[np.float16]) -> NDArray[np.float32]:
        """A caption for each of these photos."""
        others = unit(self._draw(len(photos), self._text) + self._text_mean)
        shared = CAPTION * photos.astype(np.float32)
        return unit(shared + np.sqrt(1 - CAPTION**2) * others).astype(np.float32)

    def _draw(self, count: int, shape: NDArray[np.float32]) -> NDArray[np.float32]:
        return self._rng.standard_normal((count, len(shape)), np.float32) @ shape


def _spread(values: tuple[float, ...], dim: int) -> NDArray[np.float64]:
    """Variance along each of `dim` axes; one in all, with the length of the mean."""
    places = np.linspace(0, AXES[-1], dim)
    spread: NDArray[np.float64] = np.exp(np.interp(places, AXES, np.log(values)))
    return spread / spread.sum()


def unit(rows: NDArray[np.float32]) -> NDArray[np.float32]:
    """Rows of length one."""
    return rows / np.linalg.norm(rows, axis=1, keepdims=True)


def fill(library: Path, photos: int, seed: int = 0) -> None:
    """Make a library of `photos` photos, unless it is there already."""
    if (library / "catalogue.db").exists():
        return
    encoder = open_encoder("mini")
    looks = Looks(encoder.dim, seed)
    root = library.with_name(library.name + "-photos")
    root.mkdir(parents=True, exist_ok=True)
    catalogue = Catalogue(library, create=True)
    root_id = catalogue.add_root(to_bytes(root))
    model_id = catalogue.add_model(encoder.key, encoder.name, encoder.dim)
    catalogue.set_setting("model", encoder.name)
    for first in range(0, photos, 100_000):
        vectors = looks.photos(min(100_000, photos - first))
        for at in range(0, len(vectors), BATCH):
            block = enumerate(vectors[at : at + BATCH], first + at)
            batch = Batch(new=[_photo(number, vector) for number, vector in block])
            catalogue.commit(root_id, model_id, batch)
    catalogue.close()
    make_index(library, encoder.key)


def make_index(library: Path, key: str) -> None:
    """Bring the vector file of a model up to the catalogue."""
    snapshot = Snapshot(library)
    model = snapshot.model(key)
    assert model is not None
    refresh_index(library, snapshot, model)
    snapshot.close()


def _photo(number: int, vector: NDArray[np.float16]) -> NewPhoto:
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
    return NewPhoto(photo, vector.tobytes(), [FoundFile(path, 3_500_000, number)])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("library", type=Path)
    parser.add_argument("--photos", type=int, default=100_000)
    options = parser.parse_args()
    fill(options.library.absolute(), options.photos)


if __name__ == "__main__":
    main()
