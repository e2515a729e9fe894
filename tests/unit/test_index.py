"""The vector index: the same ranking as brute force, whatever it is made of; noticed damage."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from photosearch.index import cache
from photosearch.index.base import best
from photosearch.index.cache import CurrentIndex, open_index
from photosearch.index.write import write_part
from photosearch.records import Facts, FoundFile, Photo
from photosearch.store.catalogue import Batch, Catalogue, NewPhoto
from photosearch.store.snapshot import Model, Snapshot

DIM = 8


def unit_rows(rng: np.random.Generator, count: int) -> NDArray[np.float16]:
    rows = rng.standard_normal((count, DIM))
    if count > 4:
        rows[count // 2] = rows[0]  # equal scores are common: bursts, copies with other EXIF
    unit: NDArray[np.float16] = (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype("<f2")
    return unit


class Store:
    """A catalogue of bare vectors."""

    def __init__(self, library: Path) -> None:
        self.library = library
        self.catalogue = Catalogue(library, create=True)
        self.root = self.catalogue.add_root(b"/photos")
        self.model_id = self.catalogue.add_model("key", "model", DIM)
        self.rows: dict[int, NDArray[np.float16]] = {}
        self.snapshot = Snapshot(library)
        self.told: list[str] = []

    def add(self, rows: NDArray[np.float16]) -> None:
        first = len(self.rows)
        for number, row in enumerate(rows, first):
            digest = number.to_bytes(32, "big")
            photo = Photo(digest, 1, "jpeg", 1, 1, Facts())
            found = FoundFile(b"%d.jpg" % number, 1, 1)
            new = NewPhoto(photo, row.tobytes(), [found])
            self.catalogue.commit(self.root, self.model_id, Batch(new=[new]))
            known = self.catalogue.photo_with_digest(digest, self.model_id)
            assert known is not None
            self.rows[known[0]] = row

    def remove(self, photo_ids: list[int]) -> None:
        with self.catalogue._writing():
            for photo_id in photo_ids:
                self.catalogue._execute("DELETE FROM files WHERE photo_id = ?", (photo_id,))
                self.rows.pop(photo_id)
        self.catalogue.prune()

    @property
    def model(self) -> Model:
        model = self.snapshot.model("key")
        assert model is not None
        return model

    def open(self) -> CurrentIndex:
        return open_index(self.library, self.snapshot, self.model, self.told.append)

    def brute_force(
        self, vector: NDArray[np.float32], only: NDArray[np.int64] | None = None
    ) -> list[tuple[int, float]]:
        scored = [
            (photo_id, float(row.astype(np.float64) @ vector.astype(np.float64)))
            for photo_id, row in self.rows.items()
            if only is None or photo_id in only
        ]
        return sorted(scored, key=lambda pair: (-pair[1], pair[0]))

    def close(self) -> None:
        self.snapshot.close()
        self.catalogue.close()


@pytest.fixture
def store(tmp_path: Path):  # type: ignore[no-untyped-def]
    made = Store(tmp_path / "library")
    yield made
    made.close()


def assert_same(
    index: CurrentIndex,
    store: Store,
    vector: NDArray[np.float32],
    k: int,
    only: NDArray[np.int64] | None = None,
) -> None:
    """Ranked as by brute force; deleted photos may stand in the file: search/run drops them."""
    extra = len(index) - len(store.rows)
    ranking = index.search(vector, k + max(extra, 0), only)
    got = [
        (photo_id, score)
        for photo_id, score in zip(ranking.ids.tolist(), ranking.scores.tolist(), strict=True)
        if photo_id in store.rows
    ][:k]
    wanted = store.brute_force(vector, only)[:k]
    assert [score for _, score in got] == pytest.approx([score for _, score in wanted], abs=1e-5)
    all_scores = dict(store.brute_force(vector, only))
    for photo_id, score in got:
        assert all_scores[photo_id] == pytest.approx(score, abs=1e-5)
    assert len({photo_id for photo_id, _ in got}) == len(got)


@settings(max_examples=40, deadline=None)
@given(
    seed=st.integers(0, 2**32 - 1),
    first=st.integers(0, 40),
    later=st.integers(0, 20),
    removed=st.integers(0, 5),
    k=st.integers(1, 70),
    share=st.floats(0, 1),
    small_set=st.sampled_from([0, 10_000]),
)
def test_ranking_equals_brute_force(
    seed: int, first: int, later: int, removed: int, k: int, share: float, small_set: int
) -> None:
    rng = np.random.default_rng(seed)
    with tempfile.TemporaryDirectory() as folder, pytest.MonkeyPatch.context() as patch:
        patch.setattr(cache, "SMALL_SET", small_set)  # both ways of searching a filtered set
        store = Store(Path(folder) / "library")
        store.add(unit_rows(rng, first))
        store.open()
        store.add(unit_rows(rng, later))
        if store.rows:
            store.remove(
                rng.permutation(list(store.rows))[: min(removed, len(store.rows))].tolist()
            )
        index = store.open()
        vector = unit_rows(rng, 1)[0].astype(np.float32)
        assert_same(index, store, vector, k)
        only = np.array([one for one in sorted(store.rows) if rng.random() < share], np.int64)
        assert_same(index, store, vector, k, only)
        store.close()


def test_equal_scores_stand_in_the_order_of_ids() -> None:
    ids = np.array([9, 3, 5, 1], np.int64)
    scores = np.array([0.5, 0.5, 0.9, 0.5], np.float32)
    assert best(ids, scores, 3).ids.tolist() == [5, 1, 3]


class TestFile:
    @pytest.fixture
    def vector(self) -> NDArray[np.float32]:
        return unit_rows(np.random.default_rng(5), 1)[0].astype(np.float32)

    @pytest.fixture(autouse=True)
    def filled(self, store: Store) -> None:
        store.add(unit_rows(np.random.default_rng(1), 50))
        store.open()
        store.told.clear()

    def file(self, store: Store) -> Path:
        (path,) = (store.library / "vectors").glob("*.faiss")
        return path

    def test_good_file_is_used_as_it_is(self, store: Store, vector: NDArray[np.float32]) -> None:
        before = self.file(store).stat().st_mtime_ns
        assert_same(store.open(), store, vector, 10)
        assert self.file(store).stat().st_mtime_ns == before
        assert store.told == []

    @pytest.mark.parametrize("where", ["start", "end", "size"])
    def test_damaged_file_is_made_anew_and_told(
        self, store: Store, vector: NDArray[np.float32], where: str
    ) -> None:
        data = bytearray(self.file(store).read_bytes())
        if where == "size":
            del data[len(data) // 2 :]
        else:
            data[10 if where == "start" else -10] ^= 0xFF
        self.file(store).write_bytes(data)
        assert_same(store.open(), store, vector, 10)
        assert store.told == ["vector index is damaged: rebuilding it from the catalogue"]
        store.told.clear()
        store.open()
        assert store.told == []

    @pytest.mark.parametrize("what", ["*.faiss", "*.json", "*"], ids=["file", "stamp", "both"])
    def test_missing_file_is_made_anew_and_told(
        self, store: Store, vector: NDArray[np.float32], what: str
    ) -> None:
        for path in (store.library / "vectors").glob(what):
            path.unlink()
        assert_same(store.open(), store, vector, 10)
        assert store.told == ["vector index is missing: rebuilding it from the catalogue"]

    def test_unreadable_stamp_counts_as_missing(
        self, store: Store, vector: NDArray[np.float32]
    ) -> None:
        (stamp,) = (store.library / "vectors").glob("*.json")
        stamp.write_text("{")
        assert_same(store.open(), store, vector, 10)
        assert len(store.told) == 1

    def test_file_of_another_catalogue_is_not_believed(
        self, store: Store, vector: NDArray[np.float32]
    ) -> None:
        (stamp,) = (store.library / "vectors").glob("*.json")
        other = {**json.loads(stamp.read_text()), "catalogue": "another"}
        stamp.write_text(json.dumps(other))
        assert_same(store.open(), store, vector, 10)
        assert "another library" in store.told[0]

    def test_catalogue_restored_from_a_backup_is_noticed(
        self, store: Store, vector: NDArray[np.float32]
    ) -> None:
        # The same numbers of rows and ids, but other vectors behind them.
        rng = np.random.default_rng(77)
        with store.catalogue._writing():
            for photo_id, row in zip(list(store.rows), unit_rows(rng, 50), strict=True):
                store.rows[photo_id] = row
                store.catalogue._execute(
                    "UPDATE vectors SET vector = ? WHERE photo_id = ?", (row.tobytes(), photo_id)
                )
        assert_same(store.open(), store, vector, 10)
        assert "out of date" in store.told[0]

    def test_row_that_the_file_lacks_is_noticed(
        self, store: Store, vector: NDArray[np.float32]
    ) -> None:
        # A row below the newest one that came back: put there by a repair, or by hand.
        sql = "SELECT id, photo_id, model_id, vector FROM vectors ORDER BY id LIMIT 1 OFFSET 9"
        row = store.catalogue._one(sql)
        with store.catalogue._writing():
            store.catalogue._execute("DELETE FROM vectors WHERE id = ?", row[:1])
        write_part(store.library / "vectors", store.snapshot, store.model, [], None)
        with store.catalogue._writing():
            store.catalogue._execute("INSERT INTO vectors VALUES (?, ?, ?, ?)", row)
        assert len(store.open()) == 50
        assert_same(store.open(), store, vector, 50)

    def test_few_new_photos_are_searched_beside_it(
        self, store: Store, vector: NDArray[np.float32]
    ) -> None:
        before = self.file(store)
        store.add(unit_rows(np.random.default_rng(2), 5))
        assert_same(store.open(), store, vector, 55)
        assert self.file(store) == before

    def test_more_than_a_tenth_are_folded_in(
        self, store: Store, vector: NDArray[np.float32]
    ) -> None:
        before = self.file(store)
        store.add(unit_rows(np.random.default_rng(2), 6))
        assert_same(store.open(), store, vector, 56)
        assert self.file(store) != before
        assert store.told == []

    def test_nowhere_to_write(
        self, store: Store, vector: NDArray[np.float32], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        self.file(store).unlink()

        def refuse(*args: object) -> None:
            raise OSError(28, "No space left on device")

        monkeypatch.setattr("os.replace", refuse)
        assert_same(store.open(), store, vector, 10)
        assert list((store.library / "vectors").glob("*.tmp")) == []

    def test_models_have_files_of_their_own(self, store: Store) -> None:
        other = store.catalogue.add_model("other", "other", DIM)
        store.model_id = other
        store.add(unit_rows(np.random.default_rng(3), 20))
        model = store.snapshot.model("other")
        assert model is not None
        index = open_index(store.library, store.snapshot, model, store.told.append)
        assert len(index) == 20
        assert len(list((store.library / "vectors").glob("*.faiss"))) == 2
