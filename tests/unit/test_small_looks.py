"""search/small: the best photos by whole and part, found among a few candidates of each."""

from __future__ import annotations

from collections.abc import Sequence
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from photosearch.index.base import Ranking, best
from photosearch.search import small
from photosearch.search.looks import Seen, Vectors
from photosearch.search.small import SmallLooks
from photosearch.store.regions import MOST

PHOTOS, DIM = 150, 6


class All:
    """An index that compares everything, and counts how often it is asked."""

    def __init__(self, ids: NDArray[np.int64], vectors: Vectors) -> None:
        self.ids, self.vectors, self.asked = ids, vectors, 0

    def __len__(self) -> int:
        return len(self.ids)

    def search(self, vector: Vectors, k: int, only: NDArray[np.int64] | None = None) -> Ranking:
        self.asked += 1
        ids, scores = self.ids, self.vectors @ vector
        if only is not None:
            kept = np.isin(ids, only)
            ids, scores = ids[kept], scores[kept]
        return best(ids, scores, k)


class Made(SmallLooks):
    """Photos and parts in memory."""

    def vectors_of(self, photo_ids: Sequence[int]) -> dict[int, Vectors]:
        index: Any = self.index
        return {one: index.vectors[one] for one in photo_ids}

    def seen(self, photo_ids: Sequence[int]) -> dict[int, Seen]:
        parts: Any = self.parts
        found = {}
        for one in photo_ids:
            own = parts.vectors[parts.ids // MOST == one]
            if len(own):
                at = int((own @ self.wanted.vector).argmax())
                score = float(own[at] @ self.wanted.vector)
                found[one] = Seen(score, (0, 0, 1, 1), own[at])
        return found


def made(seed: int, only: NDArray[np.int64] | None, alike: float) -> Made:
    rng = np.random.default_rng(seed)

    def units(count: int) -> Vectors:
        rows = rng.standard_normal((count, DIM)) + alike
        return np.asarray(rows / np.linalg.norm(rows, axis=1, keepdims=True), np.float32)

    # Of some photos the parts are not known.
    counts = rng.integers(0, 4, PHOTOS)
    numbers = [one * MOST + part for one in range(PHOTOS) for part in range(counts[one])]
    parts = All(np.array(numbers, np.int64), units(len(numbers)))
    whole = All(np.arange(PHOTOS, dtype=np.int64), units(PHOTOS))
    nothing: Any = None
    wanted: Any = SimpleNamespace(vector=units(1)[0])
    return Made(wanted, whole, nothing, nothing, only, None, parts)


@pytest.fixture(autouse=True)
def few(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(small, "_FIRST", 1)
    monkeypatch.setattr(small, "_SMALL_SET", 0)


@given(
    seed=st.integers(0, 10_000),
    count=st.integers(1, 12),
    alike=st.sampled_from([0.0, 1.0, 3.0]),
    filtered=st.booleans(),
)
def test_what_is_found_is_what_comparing_all_finds(
    seed: int, count: int, alike: float, filtered: bool
) -> None:
    only = np.flatnonzero(np.random.default_rng(seed).random(PHOTOS) < 0.7) if filtered else None
    looks = made(seed, only, alike)
    expected = looks._scored(np.arange(PHOTOS) if only is None else only, count)
    found = looks.search(count)
    assert found.ids.tolist() == expected.ids.tolist()
    assert found.scores == pytest.approx(expected.scores)


def test_more_are_fetched_where_the_first_do_not_settle_it() -> None:
    asked = []
    for seed in range(40):
        looks = made(seed, None, 0.0)
        looks.search(1)
        asked.append(looks.index.asked)  # type: ignore[attr-defined]
    assert min(asked) == 1
    assert max(asked) > 2
