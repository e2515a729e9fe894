"""The same photos, two models: vectors never mix, and only what is missing is encoded."""

from __future__ import annotations

import tempfile
from pathlib import Path

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from photosearch.decode.pixels import decode
from photosearch.store.snapshot import Snapshot
from tests.fake import ColourTower, run_index
from tests.make import jpeg, picture


class Negative(ColourTower):
    """Another space of the same width: a mix-up would go unnoticed by shapes."""

    def encode(self, pixels: NDArray[np.uint8]) -> NDArray[np.float32]:
        return -super().encode(pixels)[:, ::-1]


@settings(max_examples=25, deadline=None)
@given(
    steps=st.lists(
        st.tuples(st.sampled_from(["one", "other"]), st.sets(st.integers(0, 7), min_size=1)),
        min_size=1,
        max_size=5,
    ),
    batch_size=st.integers(1, 4),
)
def test_each_model_has_its_own_vectors(steps: list[tuple[str, set[int]]], batch_size: int) -> None:
    with tempfile.TemporaryDirectory() as scratch:
        library, photos = Path(scratch) / "library", Path(scratch) / "photos"
        photos.mkdir()
        known: dict[str, set[int]] = {"one": set(), "other": set()}
        there: set[int] = set()
        for name, new in steps:
            for seed in new - there:
                (photos / f"{seed}.jpg").write_bytes(jpeg(picture(seed)))
            there |= new
            tower = ColourTower("one") if name == "one" else Negative("other")
            run_index(library, [photos], tower=tower, batch_size=batch_size)
            assert tower.encoded == len(there - known[name])
            known[name] = set(there)
        snapshot = Snapshot(library)
        try:
            for tower in (ColourTower("one"), Negative("other")):
                model = snapshot.model(tower.key)
                if model is None:
                    assert not known[tower.key]
                    continue
                stored = dict(snapshot.vectors_of(model.id, snapshot.photo_ids()))
                assert len(stored) == len(known[tower.key]) == model.vectors
                for photo in snapshot.photos(list(stored)).values():
                    path = photos / photo.places[0].path.decode()
                    image = decode(path.read_bytes(), need=tower.preprocess.need).image
                    expected = tower.encode(tower.preprocess.resize(image)[np.newaxis])[0]
                    given_vector = np.frombuffer(stored[photo.id], "<f2").astype(np.float32)
                    np.testing.assert_allclose(given_vector, expected, atol=2e-3)
        finally:
            snapshot.close()
