"""Milvus chooses candidates, the catalogue ranks them: whatever it holds and how it rounds."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from photosearch.index import candidates
from photosearch.index.base import Ranking, best
from photosearch.index.candidates import MilvusIndex
from photosearch.index.pushdown import Condition
from photosearch.store.snapshot import Snapshot
from tests.unit.test_index import DIM, Store, unit_rows


class Elsewhere:
    """A collection that was filled from the catalogue up to some row, and answers inexactly."""

    def __init__(self, rows: Sequence[tuple[int, bytes]], *, is_half: bool, noise: float) -> None:
        self.rows = [(photo_id, np.frombuffer(blob, "<f2")) for photo_id, blob in rows]
        self.is_half = is_half
        self.noise = noise
        self.asked: list[int] = []

    def search(self, vector: NDArray[np.float32], count: int, condition: Condition) -> Ranking:
        self.asked.append(count)
        query = vector.astype(np.float16 if self.is_half else np.float32).astype(np.float32)
        ids = np.array([0, *(one for one, _ in self.rows)], np.int64)
        scores = np.array([0, *(row.astype(np.float32) @ query for _, row in self.rows)], "<f4")
        scores += self.noise * (ids % 3 - 1)
        allowed = eval(f"[{condition.text or True} for id in {ids.tolist()}]")
        return best(ids[allowed], scores[allowed], count)


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    made = Store(tmp_path_factory.mktemp("candidates") / "library")
    made.add(unit_rows(np.random.default_rng(7), 60))
    yield made
    made.close()


def index_of(
    store: Store, filled: int | None, lost: Sequence[int] = (), **options: Any
) -> tuple[MilvusIndex, Elsewhere]:
    """An index over a collection that holds the rows up to one, less some that were lost there."""
    rows = [
        (photo_id, blob)
        for row_id, photo_id, blob in store.snapshot.vectors_after(store.model_id, 0)
        if row_id <= (filled or 0)
    ]
    # What was removed here and not there yet scores best of all.
    rows += [(one, np.ones(DIM, "<f2").tobytes()) for one in lost]
    elsewhere = Elsewhere(rows, **{"is_half": False, "noise": 0.0} | options)
    return MilvusIndex(store.snapshot, store.model, elsewhere, filled), elsewhere  # type: ignore[arg-type]


few = st.lists(st.integers(1, 60), max_size=60, unique=True).map(sorted)
most_of_them = few.map(lambda left: [one for one in range(1, 61) if one not in left])


@settings(max_examples=60, deadline=None)
@given(
    filled=st.one_of(st.none(), st.integers(0, 60)),
    only=st.one_of(st.none(), few, most_of_them),
    k=st.one_of(st.integers(0, 5), st.integers(0, 70)),
    is_half=st.booleans(),
    lost=st.sampled_from([0, 3, 30]),
    held=st.sampled_from([2, 20_000]),
    block=st.sampled_from([3, 4096]),
    most=st.sampled_from([20, 40, 16_384]),
    seed=st.integers(0, 5),
)
def test_ranking_is_that_of_comparing_every_photo(
    store: Store,
    filled: int | None,
    only: list[int] | None,
    k: int,
    is_half: bool,
    lost: int,
    held: int,
    block: int,
    most: int,
    seed: int,
) -> None:
    """Rows that should not be there push none out; what is newer is compared beside them."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(candidates, "_HELD", held)
        patch.setattr(candidates, "_STREAMED", block)
        patch.setattr(candidates, "MOST", most)
        gone = list(range(1000, 1000 + lost))
        index, elsewhere = index_of(store, filled, gone, is_half=is_half, noise=1e-6)
        vector = unit_rows(np.random.default_rng(seed), 1)[0].astype(np.float32)
        allowed = None if only is None else np.array(only, np.int64)
        found = index.search(vector, k, allowed)
        wanted = store.brute_force(vector, allowed)[:k]
        assert len(index) == 60
        assert found.scores.tolist() == pytest.approx([score for _, score in wanted], abs=1e-5)
        assert found.ids.tolist() == [photo_id for photo_id, _ in wanted]
        # It stays open, and answers once more.
        assert index.search(vector, k, allowed).ids.tolist() == found.ids.tolist()
        assert max(elsewhere.asked, default=0) <= most


def test_what_cannot_be_relied_on_is_not_asked(store: Store) -> None:
    vector = unit_rows(np.random.default_rng(1), 1)[0].astype(np.float32)
    index, elsewhere = index_of(store, None)
    assert len(index.search(vector, 5).ids) == 5
    assert elsewhere.asked == []


def test_few_candidates_are_asked_for_where_they_are_enough(store: Store) -> None:
    vector = unit_rows(np.random.default_rng(1), 1)[0].astype(np.float32)
    index, elsewhere = index_of(store, 60)
    index.search(vector, 5)
    assert len(elsewhere.asked) == 1
    assert 5 < elsewhere.asked[0] < 60
    elsewhere.asked.clear()
    # A small allowed set is compared as it is; of nothing allowed nothing is found.
    assert len(index.search(vector, 5, np.arange(1, 20, dtype=np.int64)).ids) == 5
    assert len(index.search(vector, 5, np.empty(0, np.int64)).ids) == 0
    assert elsewhere.asked == []


def test_more_are_asked_for_where_rounding_may_hide_a_better_photo(tmp_path: Path) -> None:
    """Many that score nearly the same: the order there is not the order here."""
    made = Store(tmp_path / "library")
    direction = np.eye(1, DIM, dtype=np.float32)[0]
    rows = np.tile(direction, (50, 1)).astype("<f2")
    made.add(rows)
    index, elsewhere = index_of(made, 50, noise=1e-4)
    assert index.search(direction, 3).ids.tolist() == [1, 2, 3]
    assert len(elsewhere.asked) > 1
    assert elsewhere.asked == sorted(elsewhere.asked)
    made.close()


def test_newer_photos_are_seen_by_an_index_that_stays_open(tmp_path: Path) -> None:
    made = Store(tmp_path / "library")
    made.add(unit_rows(np.random.default_rng(3), 30))
    index, _ = index_of(made, 20)
    assert isinstance(made.snapshot, Snapshot)
    vector = unit_rows(np.random.default_rng(4), 1)[0].astype(np.float32)
    found = index.search(vector, 30).ids.tolist()
    assert found == [photo_id for photo_id, _ in made.brute_force(vector)]
    made.close()
