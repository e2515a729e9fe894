"""Codes scanned and candidates ranked: the same hits as brute force, through every way of asking;
files joined and made anew as photos come and go, and whatever is cut on the way.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import faiss
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from photosearch import Library
from photosearch.index import cache, scan, write
from photosearch.index.cache import CurrentIndex, open_index, refresh_index
from photosearch.index.exact import ExactIndex
from photosearch.index.inspect import check_files
from photosearch.index.scan import ScanIndex
from photosearch.index.stamps import SCAN, Stamp, read_stamps
from photosearch.records import Facts, FoundFile, Photo
from photosearch.reports.upkeep import NOTE
from photosearch.search.filters import Filters
from photosearch.store.catalogue import Batch, Catalogue, NewPhoto
from photosearch.store.snapshot import Model, Snapshot
from photosearch.store.totals import totals
from tests.long import examples
from tests.make import write_photos

DIM = 32
Rows = NDArray[np.float16]
Vector = NDArray[np.float32]


def photos_like(rng: np.random.Generator, count: int, dim: int = DIM) -> Rows:
    """Unit rows as photos have them: a common direction, few axes that matter, bursts, copies."""
    spread = 0.8 ** np.arange(dim)
    rows = 0.5 * np.ones(dim) / np.sqrt(dim) + rng.standard_normal((count, dim)) * spread
    if count > 50:
        rows[: count // 8] = rows[0] + 0.02 * rng.standard_normal((count // 8, dim)) * spread
        rows[-5:] = rows[-6]
    rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    return rows.astype("<f2")


def query_like(rng: np.random.Generator, dim: int = DIM) -> Vector:
    """Away from the photos' common direction, as texts are."""
    vector = rng.standard_normal(dim) * 0.85 ** np.arange(dim) - 0.3
    unit: Vector = (vector / np.linalg.norm(vector)).astype(np.float32)
    return unit


class Store:
    """A catalogue of bare vectors."""

    def __init__(self, library: Path, dim: int = DIM) -> None:
        self.library = library
        self.catalogue = Catalogue(library, create=True)
        known = self.catalogue.roots().get(b"/photos")
        self.root = known or self.catalogue.add_root(b"/photos")
        self.dim = dim
        self.model_id = self.catalogue.add_model("key", "model", dim)
        self.snapshot = Snapshot(library)
        self.told: list[str] = []
        self._made = totals(self.snapshot)["photos"]

    def add(self, rows: Rows) -> None:
        new = []
        for row in rows:
            number, self._made = self._made, self._made + 1
            photo = Photo(number.to_bytes(32, "big"), 1, "jpeg", 1, 1, Facts())
            new.append(NewPhoto(photo, row.tobytes(), [FoundFile(b"%d.jpg" % number, 1, 1)]))
        self.catalogue.commit(self.root, self.model_id, Batch(new=new))

    def remove(self, photo_ids: list[int]) -> None:
        with self.catalogue._writing():
            for photo_id in photo_ids:
                self.catalogue._execute("DELETE FROM files WHERE photo_id = ?", (photo_id,))
        self.catalogue.prune()

    @property
    def model(self) -> Model:
        model = self.snapshot.model("key")
        assert model is not None
        return model

    @property
    def rows(self) -> dict[int, Rows]:
        return {
            photo: np.frombuffer(blob, "<f2")
            for _, photo, blob in self.snapshot.vectors_after(self.model_id, 0)
        }

    @property
    def stamps(self) -> list[Stamp]:
        return read_stamps(self.library / "vectors", self.model)

    @property
    def files(self) -> set[str]:
        return {path.name for path in (self.library / "vectors").glob("*.faiss")}

    def open(self) -> CurrentIndex:
        return open_index(self.library, self.snapshot, self.model, self.told.append)

    def refresh(self) -> None:
        refresh_index(self.library, self.snapshot, self.model)

    def assert_same(self, vector: Vector, k: int, only: NDArray[np.int64] | None = None) -> None:
        """Ids and scores of the k best, as numpy finds them in the catalogue."""
        rows = self.rows
        index = self.open()
        gone = len(index) - len(rows)  # deleted photos may stand in a file: search drops them
        ranking = index.search(vector, k + max(gone, 0), only)
        ids = np.array([one for one in rows if only is None or one in only], np.int64)
        wanted = np.array([rows[one].astype(np.float32) @ vector for one in ids], np.float32)
        score_of = dict(zip(ids.tolist(), wanted.tolist(), strict=True))
        got = [
            (one, score)
            for one, score in zip(ranking.ids.tolist(), ranking.scores.tolist(), strict=True)
            if one in rows
        ][:k]
        best = np.sort(wanted)[::-1][:k]
        assert [score for _, score in got] == pytest.approx(best.tolist(), abs=1e-5)
        assert [score_of[one] for one, _ in got] == pytest.approx(best.tolist(), abs=1e-5)
        assert len({one for one, _ in got}) == len(got)

    def close(self) -> None:
        self.snapshot.close()
        self.catalogue.close()


@pytest.fixture(autouse=True)
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Sizes at which a test meets what a million photos do."""
    for module, name, value in (
        (write, "SCAN_FROM", 300),
        (cache, "SCAN_FROM", 300),
        (cache, "TAIL_MOST", 40),
        (cache, "QUERY_MOST", 500),
        (cache, "SMALL_SET", 20),
        (scan, "_FIRST", 128),
        (scan, "_STEP", 64),
        (scan, "_EXACT", 50),
        (scan, "_DENSE", 0.5),
        (scan, "_BLOCK", 128),
    ):
        monkeypatch.setattr(module, name, value)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    made = Store(tmp_path / "library")
    yield made
    made.close()


@settings(max_examples=examples(12, 100), deadline=None)
@given(
    seed=st.integers(0, 2**32 - 1),
    first=st.integers(300, 900),
    later=st.lists(st.integers(0, 200), max_size=4),
    removed=st.integers(0, 40),
    k=st.sampled_from([1, 10, 60, 10_000]),
    share=st.floats(0, 1),
)
def test_ranking_equals_brute_force(
    seed: int, first: int, later: list[int], removed: int, k: int, share: float
) -> None:
    """Whatever was added and removed since, with and without a filter, for few hits and all."""
    rng = np.random.default_rng(seed)
    with tempfile.TemporaryDirectory() as folder:
        store = Store(Path(folder) / "library")
        store.add(photos_like(rng, first))
        store.refresh()
        for number, count in enumerate(later):
            store.add(photos_like(rng, count))
            store.refresh() if number % 2 else store.open()
        store.remove(rng.permutation(list(store.rows))[:removed].tolist())
        assert store.stamps[0].kind == SCAN
        ids = np.array(sorted(store.rows), np.int64)
        for _ in range(3):
            store.assert_same(query_like(rng), k)
            store.assert_same(query_like(rng), k, ids[rng.random(len(ids)) < share])
        # A file whose newest photo was removed might be another catalogue's: it is made anew.
        assert {"out of date" in line for line in store.told} <= {True}
        assert [*check_files(store.library, store.snapshot, quick=False)] == []
        store.close()


def test_a_burst_larger_than_the_candidates_is_ranked_wholly(store: Store) -> None:
    """Photos that codes cannot tell apart, and that lie around the k-th best."""
    rng = np.random.default_rng(4)
    vector = query_like(rng)
    burst = vector + 0.01 * rng.standard_normal((800, DIM))
    burst /= np.linalg.norm(burst, axis=1, keepdims=True)
    store.add(np.concatenate([photos_like(rng, 1500), burst.astype("<f2")]))
    for k in (1, 10, 100):
        store.assert_same(vector, k)


def test_copies_stand_in_the_order_of_ids(store: Store) -> None:
    rng = np.random.default_rng(4)
    rows = photos_like(rng, 900)
    rows[rng.permutation(900)[:300]] = rows[500]
    store.add(rows)
    ranking = store.open().search(rows[500].astype(np.float32), 20)
    same = [one for one, row in store.rows.items() if row.tobytes() == rows[500].tobytes()]
    assert ranking.ids.tolist() == same[:20]


def test_fewer_photos_and_odd_widths_stay_exact(tmp_path: Path, store: Store) -> None:
    rng = np.random.default_rng(1)
    store.add(photos_like(rng, 299))
    store.assert_same(query_like(rng), 10)
    assert [stamp.kind for stamp in store.stamps] == ["exact"]
    odd = Store(tmp_path / "odd", dim=30)
    odd.add(photos_like(rng, 500, 30))
    odd.assert_same(query_like(rng, 30), 10)
    assert [stamp.kind for stamp in odd.stamps] == ["exact"]
    odd.close()


def test_models_have_files_of_their_own(store: Store) -> None:
    rng = np.random.default_rng(1)
    store.add(photos_like(rng, 400))
    store.refresh()
    store.model_id = store.catalogue.add_model("other", "other", DIM)
    store.add(photos_like(rng, 400))
    model = store.snapshot.model("other")
    assert model is not None
    index = open_index(store.library, store.snapshot, model, store.told.append)
    assert len(index) == 400
    store.model_id = 1
    store.assert_same(query_like(rng), 10)
    assert len(store.files) == 2


class TestFiles:
    @pytest.fixture
    def rng(self) -> np.random.Generator:
        return np.random.default_rng(9)

    @pytest.fixture(autouse=True)
    def filled(self, store: Store, rng: np.random.Generator) -> None:
        store.add(photos_like(rng, 2000))
        store.refresh()

    def test_a_few_new_photos_are_searched_beside_them(
        self, store: Store, rng: np.random.Generator
    ) -> None:
        before = store.files
        store.add(photos_like(rng, 40))
        store.assert_same(query_like(rng), 10)
        assert store.files == before

    def test_more_go_to_a_file_of_their_own(self, store: Store, rng: np.random.Generator) -> None:
        (large,) = store.files
        store.add(photos_like(rng, 60))
        store.refresh()
        assert large in store.files
        assert [stamp.count for stamp in store.stamps] == [2000, 60]
        store.assert_same(query_like(rng), 10)

    def test_files_stay_few_and_are_joined_in_the_end(
        self, store: Store, rng: np.random.Generator
    ) -> None:
        (large,) = store.files
        while large in store.files:
            store.add(photos_like(rng, 50))
            store.refresh()
            counts = [stamp.count for stamp in store.stamps]
            assert sum(counts) == len(store.rows)
            assert len(counts) <= 4
            assert store.files == {stamp.file for stamp in store.stamps}
        assert len(counts) == 1
        assert len(store.rows) >= 2400
        store.assert_same(query_like(rng), 10)

    def test_removed_photos_are_left_out_in_the_end(
        self, store: Store, rng: np.random.Generator
    ) -> None:
        store.remove(list(store.rows)[100:400])
        store.refresh()
        assert [stamp.count for stamp in store.stamps] == [1700]

    @pytest.mark.parametrize("which", [0, 1])
    @pytest.mark.parametrize("where", ["start", "codes", "end", "cut", "gone"])
    def test_damage_is_noticed_told_and_mended(
        self, store: Store, rng: np.random.Generator, which: int, where: str
    ) -> None:
        """In the large file and in one that came after it; `check` sees it too."""
        store.add(photos_like(rng, 380))
        store.refresh()
        stamp = store.stamps[which]
        path = store.library / "vectors" / stamp.file
        data = bytearray(path.read_bytes())
        at = {"start": 10, "codes": stamp.count * (DIM * 2 + 8) + 20, "end": len(data) - 5}
        if where == "gone":
            path.unlink()
        elif where == "cut":
            path.write_bytes(data[: len(data) // 2])
        else:
            data[at[where]] ^= 0xFF
            path.write_bytes(data)
        (problem,) = check_files(store.library, store.snapshot, quick=True)
        assert problem.severity != NOTE
        store.assert_same(query_like(rng), 10)
        assert len(store.told) == 1
        assert [*check_files(store.library, store.snapshot, quick=False)] == []
        store.told.clear()
        store.assert_same(query_like(rng), 10)
        assert store.told == []

    def test_damage_in_the_middle_is_found_by_check(self, store: Store) -> None:
        path = store.library / "vectors" / store.stamps[0].file
        data = bytearray(path.read_bytes())
        data[len(data) // 3] ^= 0xFF
        path.write_bytes(data)
        (problem,) = check_files(store.library, store.snapshot, quick=False)
        assert "damaged" in problem.message

    def test_an_open_index_answers_though_its_files_are_replaced(
        self, store: Store, rng: np.random.Generator
    ) -> None:
        vector = query_like(rng)
        index = store.open()
        before = index.search(vector, 10)
        store.add(photos_like(rng, 900))
        store.refresh()
        assert index.search(vector, 10).ids.tolist() == before.ids.tolist()

    def test_nowhere_to_write(
        self, store: Store, rng: np.random.Generator, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        for path in (store.library / "vectors").iterdir():
            path.unlink()
        monkeypatch.setattr("os.replace", _refuse)
        store.assert_same(query_like(rng), 10)
        assert list((store.library / "vectors").iterdir()) == []


def _refuse(*arguments: object) -> None:
    raise OSError(28, "No space left on device")


class Cut(BaseException):
    """The process ends here: nothing of ours catches it."""


@pytest.mark.parametrize("half", [False, True], ids=["before", "after"])
@pytest.mark.parametrize("added", [41, 200], ids=["one joined", "all joined"])
def test_cut_at_any_moment_of_writing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, added: int, half: bool
) -> None:
    """Before and after each change of the disk: what is there answers, and is whole in the end."""
    rng = np.random.default_rng(2)
    vector = query_like(rng)
    base = Store(tmp_path / "base")
    base.add(photos_like(rng, 400))
    base.refresh()
    base.add(photos_like(rng, 60))
    base.refresh()
    assert [stamp.count for stamp in base.stamps] == [400, 60]
    base.add(photos_like(rng, added))
    base.close()
    moments = 0
    for at in range(1, 60):
        shutil.copytree(base.library, tmp_path / str(at))
        store = Store(tmp_path / str(at))
        moments = 0

        def counted(call: Callable[..., Any], at: int = at) -> Callable[..., Any]:
            def struck(*arguments: Any, **options: Any) -> Any:
                nonlocal moments
                moments += 1
                if moments == at and half:
                    call(*arguments, **options)
                if moments == at:
                    raise Cut
                return call(*arguments, **options)

            return struck

        with monkeypatch.context() as patch:
            for name in ("replace", "unlink", "fsync"):
                patch.setattr(os, name, counted(getattr(os, name)))
            patch.setattr(write._Beside, "__exit__", lambda *_: None)  # no process tidies up
            try:
                store.refresh()
                reached_end = True
            except Cut:
                reached_end = False
        store.assert_same(vector, 10)
        store.refresh()
        store.assert_same(vector, 10)
        assert sum(stamp.count for stamp in store.stamps) == 460 + added
        assert store.told == []
        problems = check_files(store.library, store.snapshot, quick=False)
        assert all(problem.severity == NOTE for problem in problems)
        store.close()
        if reached_end:
            break
    assert moments >= 5


@pytest.mark.parametrize("is_cold", [False, True])
def test_rows_on_a_slow_disk_are_the_same(
    store: Store, monkeypatch: pytest.MonkeyPatch, is_cold: bool
) -> None:
    monkeypatch.setattr(scan, "_PROBE_SECONDS", -1.0 if is_cold else 1e9)
    monkeypatch.setattr(scan, "_disk_faults", lambda: None)
    monkeypatch.setattr(scan, "_KEPT_MAPPED", 0 if is_cold else 1 << 40)
    rng = np.random.default_rng(3)
    store.add(photos_like(rng, 2000))
    for k in (1, 40, 1500):
        store.assert_same(query_like(rng), k)


def test_files_are_made_in_blocks_with_a_known_quantiser(tmp_path: Path) -> None:
    """The second file takes over what the first one learned, and ranks as well with it."""
    rng = np.random.default_rng(3)
    first = photos_like(rng, 1000)
    pairs = [(7 * at + 1, row.tobytes()) for at, row in enumerate(first)]
    assert ScanIndex.write(tmp_path / "a", pairs, DIM) == 1000
    one = ScanIndex.open(tmp_path / "a", 1000, DIM)
    assert ScanIndex.write(tmp_path / "b", pairs[:500], DIM, like=one) == 500
    two = ScanIndex.open(tmp_path / "b", 500, DIM)
    vector = query_like(rng)
    only = np.array([photo for photo, _ in pairs[:500]], np.int64)
    assert two.search(vector, 10).ids.tolist() == one.search(vector, 10, only).ids.tolist()
    with pytest.raises((RuntimeError, ValueError)):
        ScanIndex.open(tmp_path / "b", 501, DIM)


@pytest.mark.parametrize("from_photos", [10_000, 30], ids=["exact", "scan"])
def test_library_finds_what_brute_force_does(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, from_photos: int
) -> None:
    """Hits and scores of the public call, of one file and with photos added since; filtered too."""
    monkeypatch.setattr(write, "SCAN_FROM", from_photos)
    monkeypatch.setattr(cache, "SCAN_FROM", from_photos)
    monkeypatch.setattr(scan, "_EXACT", 5)
    monkeypatch.setattr(scan, "_FIRST", 16)
    monkeypatch.setattr(scan, "_DENSE", 1.0)
    monkeypatch.setattr(cache, "SMALL_SET", 5)
    monkeypatch.setattr(cache, "FOLD_IN_SHARE", 0.3)
    folder = tmp_path / "photos"
    write_photos(folder / "first", 40)
    with Library.open(tmp_path / "library", model="mini", create=True) as library:
        for more in ("", "later"):
            if more:
                write_photos(folder / more, 10, first_seed=500)
            library.index(folder, words=False)
            snapshot = Snapshot(library.path)
            (model,) = snapshot.models()
            (stamp,) = read_stamps(library.path / "vectors", model)
            assert (stamp.kind, stamp.count) == ("scan" if from_photos == 30 else "exact", 40)
            rows = [(one, blob) for _, one, blob in snapshot.vectors_after(model.id, 0)]
            matrix = np.frombuffer(b"".join(blob for _, blob in rows), "<f2").reshape(len(rows), -1)
            names = snapshot.photos([one for one, _ in rows])
            for text in ("a sun over the sea", "something red"):
                (vector,) = library.encoder.encode_texts([text])
                scores = matrix.astype(np.float32) @ vector
                for inside in ("", "first"):
                    filters = Filters(in_folder=[str(folder / inside)] if inside else ())
                    known = {
                        path: score
                        for (one, _), score in zip(rows, scores.tolist(), strict=True)
                        if (path := os.fsdecode(names[one].places[0].path)).startswith(inside)
                    }
                    hits = library.search(text, k=10, words=False, filters=filters)
                    best = sorted(known.values(), reverse=True)[:10]
                    assert [hit.score for hit in hits] == pytest.approx(best, abs=1e-3)
                    found = [known[os.path.relpath(hit.path, folder)] for hit in hits]
                    assert found == pytest.approx(best, abs=1e-3)
            snapshot.close()


@pytest.mark.parametrize("kind", [ScanIndex, ExactIndex])
def test_every_search_is_of_one_thread(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: type[ScanIndex] | type[ExactIndex]
) -> None:
    """FAISS's threads wait by spinning: where others work, too, a search took ten times as long."""
    rng = np.random.default_rng(0)
    rows = photos_like(rng, 3000)
    pairs = [(number, row.tobytes()) for number, row in enumerate(rows)]
    path = tmp_path / "index"
    if kind is ScanIndex:
        monkeypatch.setattr(scan, "_EXACT", 10)
        ScanIndex.write(path, pairs, DIM)
        index: Any = ScanIndex.open(path, len(rows), DIM)
    else:
        index = ExactIndex.build(pairs, DIM)
    threads: list[int] = []
    for name in ("IndexScalarQuantizer", "IndexPreTransform", "IndexIDMap2"):
        search = getattr(faiss, name).search

        def counted(self: Any, *given: Any, search: Any = search, **options: Any) -> Any:
            threads.append(faiss.omp_get_max_threads())
            return search(self, *given, **options)

        monkeypatch.setattr(getattr(faiss, name), "search", counted)
    before = faiss.omp_get_max_threads()
    faiss.omp_set_num_threads(3)
    try:
        for only in (None, np.arange(0, 3000, 7), np.arange(100)):
            index.search(query_like(rng), 10, only)
        assert faiss.omp_get_max_threads() == 3
    finally:
        faiss.omp_set_num_threads(before)
    assert set(threads) == {1}
