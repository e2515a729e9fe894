"""Milvus behind the same seam: the answers of FAISS and of brute force, whatever happened to it.

Runs for real, in Milvus Lite. What holds for a cluster beyond that cannot be run here.
"""

from __future__ import annotations

import datetime
import hashlib
import os
import signal
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from photosearch.errors import MissingExtra, StorageError, WrongUse
from photosearch.index import candidates, remote
from photosearch.index.address import Address, parse_address
from photosearch.index.base import best
from photosearch.index.choose import vectors_at
from photosearch.index.milvus import Collection
from photosearch.index.note import name_of, read_note
from photosearch.index.pushdown import LIST, RANGES, conditions, lists
from photosearch.library import Library
from photosearch.records import Facts, FoundFile, Photo
from photosearch.search.filters import Filters
from photosearch.store.catalogue import Batch, Catalogue, NewPhoto
from photosearch.store.snapshot import Model, Snapshot

needs_milvus = pytest.mark.skipif(
    sys.platform == "win32", reason="Milvus Lite does not run on Windows"
)
try:
    import milvus_lite  # noqa: F401
    import pymilvus  # noqa: F401
except ImportError:
    needs_milvus = pytest.mark.skip(reason="pip install 'photosearch[milvus]'")

DIM = 8


# What is pushed down

ids_lists = st.one_of(
    st.lists(st.integers(1, 3000), min_size=1, unique=True),
    st.lists(st.tuples(st.integers(1, 10**6), st.integers(1, 50)), min_size=1, max_size=60).map(
        lambda stretches: sorted({start + n for start, length in stretches for n in range(length)})
    ),
)


def passes(text: str, photo_id: int) -> bool:
    """What Milvus would say; its conditions read like Python's."""
    return not text or bool(eval(text, {"id": photo_id}))


@given(ids_lists, st.integers(1, 3100))
def test_a_condition_lets_every_allowed_photo_pass(allowed: list[int], other: int) -> None:
    ids = np.array(sorted(allowed), np.int64)
    for plan in (conditions(ids), lists(ids)):
        assert sorted(i for one in plan for i in one.ids.tolist()) == ids.tolist()  # type: ignore[union-attr]
        for one in plan:
            assert one.ids is not None
            inside = one.ids.tolist()
            assert all(passes(one.text, i) for i in inside[:20] + inside[-20:])
            if one.share == 1:
                assert passes(one.text, other) == (other in inside)


def test_scattered_photos_are_looked_for_within_few_ranges() -> None:
    ids = np.arange(2, 10 * LIST, 3)
    (one,) = conditions(ids)
    assert one.text.count("id >=") == RANGES
    assert one.share == pytest.approx(1 / 3, rel=0.01)
    assert [len(part.ids) for part in lists(ids) if part.ids is not None] == [LIST] * 3 + [
        len(ids) - 3 * LIST
    ]


# Addresses


@pytest.mark.parametrize(
    ("given", "uri", "shown"),
    [
        ("milvus://host", "http://host:19530", "milvus://host:19530"),
        ("milvus://[::1]:7/db", "http://[::1]:7", "milvus://[::1]:7/db"),
        ("milvus+https://h/d?index=scann", "https://h:443", "milvus+https://h:443/d"),
        ("./a.db", "", "./a.db"),
    ],
)
def test_addresses(given: str, uri: str, shown: str) -> None:
    address = parse_address(given)
    assert (address.uri, address.shown) == (uri, shown)


@given(st.text("abcXYZ019_-.~%@:/?#", min_size=4, max_size=12))
def test_credentials_of_an_address_are_never_shown(password: str) -> None:
    from urllib.parse import quote

    secret = "s3cret" + password
    address = parse_address(f"milvus://user:{quote(secret, safe='')}@host:1/db")
    assert address.token == f"user:{secret}"
    assert "s3cret" not in f"{address} {address!r} {address.shown}"


@pytest.mark.parametrize(
    "given",
    ["", "x", "http://host", "milvus://", "milvus://h:x", "milvus://h/a/b", "milvus://h:99999",
     "./file.txt", "./a.db?index=what", "milvus://h?shards=0", "milvus://h?shards=17",
     "milvus://[h", "milvus://h#x"],
)  # fmt: skip
def test_what_is_no_address_is_told(given: str) -> None:
    with pytest.raises(WrongUse) as caught:
        parse_address(given)
    assert caught.value.hint


# A catalogue of bare vectors


class Store:
    """A catalogue, and what it should find."""

    def __init__(self, library: Path) -> None:
        self.library = library
        self.catalogue = Catalogue(library, create=True)
        self.root = self.catalogue.add_root(b"/photos")
        self.model_id = self.catalogue.add_model("key", "model", DIM)
        self.snapshot = Snapshot(library)
        self.told: list[str] = []
        self.number = 0

    def add(self, count: int, seed: int = 0) -> None:
        rng = np.random.default_rng((seed, self.number))
        rows = rng.standard_normal((count, DIM))
        if count > 4:
            rows[count // 2 :: 7] = rows[0]  # equal scores are common: bursts, edited copies
        rows /= np.linalg.norm(rows, axis=1, keepdims=True)
        new = []
        for row in rows.astype("<f2"):
            self.number += 1
            digest = hashlib.sha256(b"%d %d" % (seed, self.number)).digest()
            found = FoundFile(b"%d.jpg" % self.number, 1, 1)
            photo = Photo(digest, 1, "jpeg", 1, 1, Facts())
            new.append(NewPhoto(photo, row.tobytes(), [found]))
        self.catalogue.commit(self.root, self.model_id, Batch(new=new))

    def remove(self, photo_ids: list[int]) -> None:
        marks = ", ".join(str(int(one)) for one in photo_ids)
        with self.catalogue._writing():
            self.catalogue._execute(f"DELETE FROM files WHERE photo_id IN ({marks or 'NULL'})")
        self.catalogue.drop_photos_nowhere()

    @property
    def model(self) -> Model:
        model = self.snapshot.model("key")
        assert model is not None
        return model

    @property
    def ids(self) -> list[int]:
        return [photo for _, photo, _ in self.snapshot.vectors_after(self.model_id, 0)]

    def same(self, vectors: remote.MilvusVectors, only: list[int] | None = None) -> None:
        """An index opened now ranks as brute force does, for several numbers of photos."""
        index = vectors.open(self.snapshot, self.model, self.told.append)
        stored = list(self.snapshot.vectors_after(self.model_id, 0))
        if only is not None:
            stored = [row for row in stored if row[1] in set(only)]
        ids = np.array([photo for _, photo, _ in stored], np.int64)
        matrix = np.frombuffer(b"".join(blob for *_, blob in stored), "<f2").reshape(-1, DIM)
        vector = np.linspace(-1, 1, DIM, dtype=np.float32)
        scores = np.einsum("ij,j->i", matrix.astype(np.float32), vector)
        allowed = None if only is None else np.array(sorted(only), np.int64)
        for k in (1, 7, len(ids) + 3):
            wanted, found = best(ids, scores, k), index.search(vector, k, allowed)
            assert found.ids.tolist() == wanted.ids.tolist()
            assert found.scores == pytest.approx(wanted.scores, abs=1e-6)

    def close(self) -> None:
        self.snapshot.close()
        self.catalogue.close()


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    store = Store(tmp_path / "library")
    yield store
    store.close()


@pytest.fixture
def vectors(tmp_path: Path) -> Iterator[remote.MilvusVectors]:
    vectors = milvus_at(tmp_path)
    yield vectors
    vectors.close()


def collection_of(store: Store, vectors: remote.MilvusVectors) -> Collection:
    return Collection(vectors._connect(), name_of(store.snapshot, store.model))


def milvus_at(folder: Path) -> remote.MilvusVectors:
    found = vectors_at(folder / "library", str(folder / "vectors.db"))
    assert isinstance(found, remote.MilvusVectors)
    return found


@needs_milvus
@settings(max_examples=10, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.data())
def test_every_stored_photo_is_found_whatever_milvus_holds(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    folder = tmp_path_factory.mktemp("any")
    store, vectors = Store(folder / "library"), milvus_at(folder)
    for step in data.draw(st.lists(st.sampled_from("arsd"), min_size=1, max_size=6)):
        if step == "a":
            store.add(data.draw(st.integers(1, 60)))
        elif step == "r" and store.ids:
            store.remove(data.draw(st.lists(st.sampled_from(store.ids), max_size=30)))
        elif step == "s":
            vectors.refresh(store.snapshot, store.model)
        elif step == "d" and store.ids:  # somebody removes rows there
            there = collection_of(store, vectors)
            if there.exists():
                there.remove(data.draw(st.lists(st.sampled_from(store.ids), min_size=1)))
    known = store.ids
    store.same(vectors)
    if known:
        store.same(vectors, data.draw(st.lists(st.sampled_from(known), unique=True, max_size=99)))
    vectors.refresh(store.snapshot, store.model)
    store.told.clear()
    store.same(vectors)
    assert store.told == []
    vectors.close()
    store.close()


@needs_milvus
def test_as_many_lost_there_as_removed_here(store: Store, vectors: remote.MilvusVectors) -> None:
    store.add(20)
    vectors.refresh(store.snapshot, store.model)
    collection_of(store, vectors).remove([3, 4])
    store.remove([9, 11])
    store.same(vectors)
    vectors.refresh(store.snapshot, store.model)
    store.told.clear()
    store.same(vectors)
    assert store.told == []


@needs_milvus
def test_wide_scattered_sets_and_many_equal_photos(
    store: Store, vectors: remote.MilvusVectors, monkeypatch: pytest.MonkeyPatch
) -> None:
    store.add(1500)
    vectors.refresh(store.snapshot, store.model)
    monkeypatch.setattr("photosearch.index.pushdown.LIST", 100)
    store.same(vectors, store.ids[::3])
    store.same(vectors, store.ids[5:900])
    # As if Milvus gave few at most: several lists, and in the end everything is compared here.
    monkeypatch.setattr(candidates, "MOST", 64)
    store.same(vectors, store.ids[::3])
    store.same(vectors)


@needs_milvus
def test_a_refresh_that_was_killed_goes_on(store: Store, tmp_path: Path) -> None:
    store.add(900)
    script = textwrap.dedent("""
        import os, signal, sys
        from pathlib import Path
        from photosearch.index import candidates, remote
        from photosearch.index.choose import vectors_at
        from photosearch.index.milvus import Collection
        from photosearch.store.snapshot import Snapshot
        library, where, left = Path(sys.argv[1]), sys.argv[2], int(sys.argv[3])
        remote._BLOCK_BYTES = 100 * 4 * 8
        put = Collection.put
        def put_or_die(self, rows, note=""):
            global left
            put(self, rows, note)
            left -= 1
            if not left:
                os.kill(os.getpid(), signal.SIGKILL)
        Collection.put = put_or_die
        snapshot = Snapshot(library)
        vectors_at(library, where).refresh(snapshot, snapshot.model("key"))
    """)
    where = tmp_path / "vectors.db"
    sent = 0
    for writes in (1, 6, 9):  # before any photo, between photos and note, after a note
        done = subprocess.run(
            [sys.executable, "-c", script, store.library, where, str(writes)], capture_output=True
        )
        assert done.returncode == -signal.SIGKILL, done.stderr.decode()
        vectors = milvus_at(tmp_path)
        store.same(vectors)
        note = read_note(
            collection_of(store, vectors),
            store.snapshot,
            store.model,
        )
        assert note is not None
        assert note.count >= sent
        sent = note.count
        vectors.close()
    assert 0 < sent < 900
    vectors = milvus_at(tmp_path)
    vectors.refresh(store.snapshot, store.model)
    store.told.clear()
    store.same(vectors)
    assert store.told == []
    vectors.close()


@needs_milvus
def test_a_refresh_that_is_stopped_goes_on(
    store: Store, vectors: remote.MilvusVectors, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(remote, "_BLOCK_BYTES", 50 * 4 * DIM)
    store.add(200)
    asked = iter([False, True])
    vectors.refresh(store.snapshot, store.model, lambda: next(asked))
    store.same(vectors)
    assert "lacks 100 of 200 photos" in store.told[0]
    vectors.refresh(store.snapshot, store.model)
    store.told.clear()
    store.same(vectors)
    assert store.told == []


@needs_milvus
def test_two_libraries_in_one_milvus_do_not_mix(tmp_path: Path, store: Store) -> None:
    other = Store(tmp_path / "other")
    store.add(30, seed=1)
    other.add(50, seed=2)
    vectors = milvus_at(tmp_path)
    for one in (store, other, store):
        vectors.refresh(one.snapshot, one.model)
    for one in (store, other):
        one.same(vectors)
        assert one.told == []
    vectors.close()
    other.close()


@needs_milvus
def test_a_catalogue_from_a_backup_is_noticed(
    tmp_path: Path, store: Store, vectors: remote.MilvusVectors
) -> None:
    from photosearch.store.backup import backup, restore

    store.add(40)
    backup(store.library, tmp_path / "backup.db")
    store.add(40)
    vectors.refresh(store.snapshot, store.model)
    store.close()
    restore(store.library, tmp_path / "backup.db")
    restored = Store.__new__(Store)
    restored.__dict__.update(store.__dict__)
    restored.catalogue, restored.snapshot = Catalogue(store.library), Snapshot(store.library)
    restored.same(vectors)
    restored.add(60, seed=9)  # takes ids that were used before
    restored.same(vectors)
    vectors.refresh(restored.snapshot, restored.model)
    restored.told.clear()
    restored.same(vectors)
    assert restored.told == []
    store.snapshot, store.catalogue = restored.snapshot, restored.catalogue


@needs_milvus
def test_a_collection_that_was_dropped_or_is_no_whole_one_is_filled_again(
    store: Store, vectors: remote.MilvusVectors
) -> None:
    store.add(30)
    for damage in ("drop", "note", "dimension"):
        vectors.refresh(store.snapshot, store.model)
        collection = collection_of(store, vectors)
        if damage == "drop":
            collection._client.drop_collection(collection.name)
        elif damage == "note":
            collection.put_note('{"catalogue": 5, "witnesses": [[1]]}', DIM)
        else:
            collection.make(DIM * 2)
        store.told.clear()
        store.same(vectors)
        assert "holds no vectors" in store.told[0]
    vectors.refresh(store.snapshot, store.model)
    store.told.clear()
    store.same(vectors)
    assert store.told == []


@needs_milvus
def test_another_kind_of_index_is_made_when_it_is_asked_for(tmp_path: Path, store: Store) -> None:
    store.add(200)
    milvus_at(tmp_path).refresh(store.snapshot, store.model)
    vectors = vectors_at(store.library, f"{tmp_path}/vectors.db?index=IVF_SQ8")
    vectors.refresh(store.snapshot, store.model)
    index = vectors.open(store.snapshot, store.model, store.told.append)
    assert len(index.search(np.ones(DIM, np.float32), 5).ids) == 5
    assert store.told == []
    vectors.close()


# As a server


@pytest.fixture
def server(tmp_path: Path) -> Iterator[str]:
    from milvus_lite.adapter.grpc.server import start_server_in_thread

    running, database, port = start_server_in_thread(str(tmp_path / "served"))
    yield f"milvus://127.0.0.1:{port}"
    running.stop(grace=0).wait()
    database.close()


@needs_milvus
def test_a_server_is_spoken_to_in_the_same_way(server: str, store: Store) -> None:
    store.add(700)
    vectors = vectors_at(store.library, server)
    assert isinstance(vectors, remote.MilvusVectors)
    vectors.check()
    vectors.refresh(store.snapshot, store.model)
    store.same(vectors)
    store.same(vectors, store.ids[::5])
    assert store.told == []
    vectors.close()


# What may go wrong


@needs_milvus
def test_trouble_is_told_in_one_line(
    tmp_path: Path, store: Store, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("photosearch.index.connect._LOCK_SECONDS", 0.2)
    monkeypatch.setattr("photosearch.index.connect._CONNECT_SECONDS", 0.5)
    (tmp_path / "file.db").write_bytes(b"SQLite format 3\0")
    (tmp_path / "folder.db").mkdir()
    (tmp_path / "folder.db" / "photo.jpg").write_bytes(b"")
    holder = milvus_at(tmp_path)
    holder.open(store.snapshot, store.model, store.told.append)
    cases: list[tuple[str, type[Exception], str]] = [
        (f"{tmp_path}/file.db", WrongUse, "file of another kind"),
        (f"{tmp_path}/folder.db", WrongUse, "none of Milvus Lite"),
        (f"{tmp_path}/nowhere/file.db", WrongUse, "no folder"),
        ("milvus://user:s3cret@127.0.0.1:1", StorageError, "does not answer"),
    ]
    for where, kind, words in cases:
        with pytest.raises(kind, match=words) as caught:
            vectors_at(tmp_path, where).check()
        assert "\n" not in str(caught.value)
        assert "s3cret" not in str(caught.value)
    code = (
        "import sys; from pathlib import Path; from photosearch.index import connect, choose\n"
        "connect._LOCK_SECONDS = 0.2\n"
        "try: choose.vectors_at(Path('.'), sys.argv[1]).check()\n"
        "except Exception as error: print(type(error).__name__, error)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, f"{tmp_path}/vectors.db"], capture_output=True, text=True
    )
    assert "StorageError" in done.stdout
    assert "in use by another process" in done.stdout
    assert done.stderr == ""
    holder.close()
    assert sorted(path.name for path in (tmp_path / "folder.db").iterdir()) == ["photo.jpg"]
    assert capfd.readouterr().err == ""


def test_without_the_extra_it_is_said_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pymilvus", None)
    with pytest.raises(MissingExtra) as caught:
        vectors_at(Path(), "milvus://localhost").check()
    assert caught.value.hint == "pip install 'photosearch[milvus]'"


@needs_milvus
def test_others_on_this_machine_cannot_read_the_vectors(
    store: Store, vectors: remote.MilvusVectors, tmp_path: Path
) -> None:
    store.add(5)
    vectors.refresh(store.snapshot, store.model)
    vectors.open(store.snapshot, store.model, store.told.append)
    assert (tmp_path / "vectors.db").stat().st_mode & 0o077 == 0
    uri = vectors._connect().client._config.uri
    assert uri.startswith("unix:")
    assert Path(uri.removeprefix("unix:")).parent.stat().st_mode & 0o077 == 0


# The whole search, over 5,000 photos

COUNT = 5000
CAMERAS = [None, "Pixel 6", "EOS 5D", "iPhone 13"]


@pytest.fixture(scope="module")
def both(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Library, Library]]:
    """One library, searched by FAISS and by Milvus. Some photos are newer than either's file."""
    from photosearch.encode.names import open_encoder

    folder = tmp_path_factory.mktemp("both")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PHOTOSEARCH_CACHE", str(folder / "cache"))
        encoder = open_encoder("mini")
        rng = np.random.default_rng(7)
        path = folder / "library"
        catalogue = Catalogue(path, create=True)
        root = catalogue.add_root(os.fsencode(folder / "photos"))
        model_id = catalogue.add_model(encoder.key, encoder.name, encoder.dim)
        catalogue.set_setting("model", encoder.name)
        centres = rng.standard_normal((COUNT // 40, encoder.dim), np.float32)

        def photo(number: int) -> NewPhoto:
            vector = centres[number // 40 % len(centres)]
            if number % 9:  # else equal to others of its burst
                vector = vector + 0.6 * rng.standard_normal(encoder.dim, np.float32)
            vector = vector / np.linalg.norm(vector)
            day = datetime.date(2005, 1, 1) + datetime.timedelta(days=int(rng.integers(7300)))
            facts = Facts(
                taken_at=f"{day}T12:00:00" if number % 5 else None,
                camera=CAMERAS[int(rng.integers(len(CAMERAS)))],
            )
            width, height = (int(side) for side in rng.integers(500, 6000, 2))
            kind = ("jpeg", "png", "heif")[number % 3]
            digest = hashlib.sha256(str(number).encode()).digest()
            name = f"{number % 17}/{number // 500}/IMG_{number}.jpg".encode()
            return NewPhoto(
                Photo(digest, 1, kind, width, height, facts),
                vector.astype("<f2").tobytes(),
                [FoundFile(name, 1, number)],
            )

        def add(numbers: range) -> None:
            catalogue.commit(root, model_id, Batch(new=[photo(number) for number in numbers]))

        add(range(COUNT - 300))
        plain = Library.open(path)
        served = Library.open(path, vectors=str(folder / "vectors.db"))
        for library in (plain, served):
            library._refresh_indexes()
        add(range(COUNT - 300, COUNT))
        gone = [catalogue.photo_with_digest(hashlib.sha256(b"%d" % number).digest(), model_id)
                for number in range(0, COUNT, 97)]  # fmt: skip
        marks = ", ".join(str(one[0]) for one in gone if one)
        with catalogue._writing():
            catalogue._execute(f"DELETE FROM files WHERE photo_id IN ({marks})")
        catalogue.drop_photos_nowhere()
        catalogue.close()
        yield plain, served
        plain.close()
        served.close()


some_filters = st.builds(
    Filters,
    after=st.sampled_from([None, "2007", "2019-05"]),
    before=st.sampled_from([None, "2012", "2024"]),
    camera=st.lists(st.sampled_from(["pixel", "eos", "phone"]), max_size=2),
    not_camera=st.lists(st.sampled_from(["pixel", "eos"]), max_size=1),
    type=st.lists(st.sampled_from(["jpeg", "png", "heif"]), max_size=2),
    orientation=st.lists(st.sampled_from(["landscape", "portrait"]), max_size=1),
    min_megapixels=st.sampled_from([None, 2.0, 20.0]),
    name=st.lists(st.sampled_from(["IMG_1*", "*7", "*"]), max_size=1),
    in_folder=st.lists(st.sampled_from(["3", "4", "11"]), max_size=2),
    not_in_folder=st.lists(st.sampled_from(["3", "0"]), max_size=1),
)


@needs_milvus
@settings(
    max_examples=25,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
)
@given(
    filters=st.one_of(st.just(Filters()), some_filters),
    text=st.sampled_from(["a dog", "blue sky over the sea", "receipt"]),
    k=st.one_of(st.integers(1, 60), st.sampled_from([300, COUNT])),
)
def test_5000_photos_the_hits_of_faiss_for_any_filters(
    both: tuple[Library, Library], filters: Filters, text: str, k: int
) -> None:
    plain, served = (library.search(text, k=k, filters=filters) for library in both)
    # Neighbours whose scores differ by rounding alone may stand in either order.
    assert [hit.score for hit in served] == pytest.approx([hit.score for hit in plain], abs=1e-5)
    by_path = {hit.path: hit.score for hit in plain}
    least = min(by_path.values(), default=0.0)
    for hit in served:
        assert by_path.get(hit.path, least) == pytest.approx(hit.score, abs=1e-5)
    assert len({hit.path for hit in served}) == len(plain)


@needs_milvus
def test_the_library_keeps_milvus_up_to_date_and_makes_no_file_then(
    both: tuple[Library, Library],
) -> None:
    _, served = both
    files = sorted(path.name for path in (served.path / "vectors").iterdir())
    served._refresh_indexes()
    model = served._require_model()
    told: list[str] = []
    index = served._vectors.open(served._snapshot, model, told.append)
    assert told == []
    assert len(index) == model.vectors
    assert sorted(path.name for path in (served.path / "vectors").iterdir()) == files


def test_an_address_is_no_dataclass_that_shows_its_token() -> None:
    assert "token" not in repr(replace(Address("x"), token="token"))
