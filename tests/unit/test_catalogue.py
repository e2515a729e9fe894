"""The catalogue: paths as bytes, versions, locks, restored backups, disks that refuse."""

from __future__ import annotations

import os
import shutil
import sqlite3
import tempfile
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from photosearch.errors import (
    DamagedLibrary,
    LibraryBusy,
    NewerLibrary,
    NoLibrary,
    PhotosearchError,
    StorageError,
)
from photosearch.records import Facts, FoundFile, Photo
from photosearch.store import schema
from photosearch.store.catalogue import Batch, Catalogue, NewPhoto
from photosearch.store.lock import writer_lock
from photosearch.store.snapshot import Snapshot
from photosearch.store.totals import totals
from tests.contents import contents_of

# What a POSIX file name may hold: any bytes but NUL and "/".
names = st.binary(min_size=1, max_size=40).map(
    lambda name: name.replace(b"\0", b"_").replace(b"/", b"_")
)
paths = st.lists(names, min_size=1, max_size=4).map(b"/".join)


def new_photo(number: int, *files: FoundFile) -> NewPhoto:
    photo = Photo(number.to_bytes(32, "big"), 10, "jpeg", 4, 3, Facts(taken_at="2020-01-01"))
    return NewPhoto(photo, np.full(4, number, "<f2").tobytes(), list(files))


@pytest.fixture
def library(tmp_path: Path) -> Path:
    return tmp_path / "library"


@settings(max_examples=60, deadline=None)
@given(st.lists(paths, min_size=1, max_size=12, unique=True))
def test_any_path_goes_in_and_comes_out(given_paths: list[bytes]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        library = Path(folder) / "library"
        catalogue = Catalogue(library, create=True)
        root = catalogue.add_root(b"/photos\xff")
        model = catalogue.add_model("key", "model", 4)
        batch = Batch(
            new=[
                new_photo(number, FoundFile(path, number, -number))
                for number, path in enumerate(given_paths)
            ]
        )
        catalogue.commit(root, model, batch)
        known = catalogue.lookup(root, given_paths, model)
        assert {path: (row.size, row.mtime_ns) for path, row in known.items()} == {
            path: (number, -number) for number, path in enumerate(given_paths)
        }
        for folder_path in {os.path.dirname(path) for path in given_paths}:
            below = {row[1] for row in catalogue.files_below(root, folder_path, missing=False)}
            prefix = folder_path + b"/" if folder_path else b""
            assert below == {path for path in given_paths if path.startswith(prefix)} | (
                {folder_path} & set(given_paths)
            )
        catalogue.close()
        snapshot = Snapshot(library)
        shown = snapshot.photos(snapshot.photo_ids())
        assert {place.path for row in shown.values() for place in row.places} == set(given_paths)
        snapshot.close()


def test_facts_are_kept(library: Path) -> None:
    facts = Facts(
        taken_at="2021-12-31T23:30:00+09:00",
        make="Make",
        camera="Camera",
        lens="Lens",
        latitude=-33.5,
        longitude=151.25,
        altitude=-3.0,
        orientation=6,
        iso=200,
        f_number=1.8,
        exposure=0.004,
        focal_length=26.0,
    )
    catalogue = Catalogue(library, create=True)
    root, model = catalogue.add_root(b"/photos"), catalogue.add_model("key", "model", 4)
    new = new_photo(1, FoundFile(b"a.jpg", 1, 1))
    catalogue.commit(root, model, Batch(new=[replace(new, photo=replace(new.photo, facts=facts))]))
    catalogue.close()
    snapshot = Snapshot(library)
    (row,) = snapshot.all_photos()
    assert {name: row[name] for name in Facts.__slots__} == {
        name: getattr(facts, name) for name in Facts.__slots__
    }
    snapshot.close()


def test_numbers_of_photos_are_never_used_again(library: Path) -> None:
    catalogue = Catalogue(library, create=True)
    root, model = catalogue.add_root(b"/photos"), catalogue.add_model("key", "model", 4)
    catalogue.commit(root, model, Batch(new=[new_photo(1, FoundFile(b"a.jpg", 1, 1))]))
    first = catalogue.photo_with_digest((1).to_bytes(32, "big"), model)
    catalogue.forget_root(root)
    catalogue.prune()
    root = catalogue.add_root(b"/photos")
    catalogue.commit(root, model, Batch(new=[new_photo(2, FoundFile(b"b.jpg", 1, 1))]))
    second = catalogue.photo_with_digest((2).to_bytes(32, "big"), model)
    assert first is not None
    assert second is not None
    assert second[0] > first[0]
    catalogue.close()


def test_a_file_needs_a_photo(library: Path) -> None:
    catalogue = Catalogue(library, create=True)
    root, model = catalogue.add_root(b"/photos"), catalogue.add_model("key", "model", 4)
    with pytest.raises(PhotosearchError, match="FOREIGN KEY"):
        catalogue.commit(root, model, Batch(known=[(FoundFile(b"a.jpg", 1, 1), 999)]))
    catalogue.close()
    assert contents_of(library).files == set()


def test_a_path_holds_a_photo_or_a_failure_never_both(library: Path) -> None:
    catalogue = Catalogue(library, create=True)
    root, model = catalogue.add_root(b"/photos"), catalogue.add_model("key", "model", 4)
    found = FoundFile(b"a.jpg", 1, 1)
    good, bad = Batch(new=[new_photo(1, found)]), Batch(undecodable=[(found, "damaged")])
    for batch, files, failures in ((good, 1, 0), (bad, 0, 1), (good, 1, 0)):
        catalogue.commit(root, model, batch)
        state = contents_of(library)
        assert (len(state.files), len(state.failures)) == (files, failures)
    catalogue.close()


def test_prune_takes_photos_that_lie_nowhere_and_their_vectors(library: Path) -> None:
    catalogue = Catalogue(library, create=True)
    root, model = catalogue.add_root(b"/photos"), catalogue.add_model("key", "model", 4)
    files = [FoundFile(name, 1, 1) for name in (b"a.jpg", b"b.jpg")]
    catalogue.commit(root, model, Batch(new=[new_photo(1, files[0]), new_photo(2, files[1])]))
    gone = catalogue.lookup(root, [b"a.jpg"], model)[b"a.jpg"]
    catalogue.drop_vanished([gone.file_id])
    assert catalogue.prune() == (1, 1)
    catalogue.close()
    left = contents_of(library)
    assert len(left.photos) == len(left.vectors) == len(left.files) == 1


def set_header(library: Path, pragma: str) -> None:
    Catalogue(library, create=True).close()
    with closing(sqlite3.connect(library / "catalogue.db")) as connection:
        connection.execute(pragma)


@pytest.mark.parametrize("opener", [Snapshot, Catalogue], ids=["reading", "writing"])
class TestStrangeCatalogues:
    def test_newer_schema_is_refused(self, library: Path, opener: type) -> None:
        set_header(library, f"PRAGMA user_version = {schema.SCHEMA + 1}")
        with pytest.raises(NewerLibrary, match=f"schema {schema.SCHEMA + 1}"):
            opener(library)

    def test_database_of_another_program_is_refused(self, library: Path, opener: type) -> None:
        set_header(library, "PRAGMA application_id = 1")
        with pytest.raises(DamagedLibrary, match="no catalogue of photosearch"):
            opener(library)

    def test_rubbish_is_refused(self, library: Path, opener: type) -> None:
        library.mkdir()
        (library / "catalogue.db").write_bytes(b"rubbish " * 1000)
        with pytest.raises(DamagedLibrary, match="not a database"):
            opener(library)

    def test_no_library(self, library: Path, opener: type) -> None:
        with pytest.raises(NoLibrary, match="no library"):
            opener(library)


def test_catalogue_whose_making_was_interrupted_is_made_anew(library: Path) -> None:
    library.mkdir()
    (library / "catalogue.db").touch()
    with pytest.raises(NoLibrary):
        Snapshot(library)
    Catalogue(library, create=True).close()
    Snapshot(library).close()


GOLDEN = Path(__file__).parents[1] / "golden"


@pytest.mark.parametrize("number", range(1, schema.SCHEMA))
class TestEarlierSchema:
    """A catalogue of each earlier schema becomes a current one, and is kept as it was."""

    @pytest.fixture
    def old(self, library: Path, number: int) -> Path:
        library.mkdir()
        shutil.copyfile(GOLDEN / f"catalogue_schema{number}.db", library / "catalogue.db")
        return library

    def test_all_rows_survive(self, old: Path, number: int) -> None:
        def rows() -> dict[str, list[object]]:
            with closing(sqlite3.connect(old / "catalogue.db")) as connection:
                tables = connection.execute(
                    "SELECT name FROM sqlite_master WHERE type = 'table' "
                    "AND sql NOT LIKE '%VIRTUAL%'"
                ).fetchall()
                return {
                    name: connection.execute(f"SELECT * FROM {name} ORDER BY 1").fetchall()
                    for (name,) in tables
                }

        before = rows()
        Catalogue(old).close()
        after = rows()
        assert {name: after[name] for name in before} == before
        assert (old / f"catalogue.db.schema{number}").exists()
        contents_of(old)  # whole, and every reference leads somewhere

    def test_it_has_the_tables_of_a_new_one(self, old: Path, number: int, tmp_path: Path) -> None:
        Catalogue(old).close()
        Catalogue(tmp_path / "new", create=True).close()

        def tables(library: Path) -> set[tuple[str, str]]:
            with closing(sqlite3.connect(library / "catalogue.db")) as connection:
                return set(connection.execute("SELECT name, sql FROM sqlite_master"))

        assert tables(old) == tables(tmp_path / "new")

    def test_it_is_read_as_it_is(self, old: Path, number: int) -> None:
        snapshot = Snapshot(old)
        assert snapshot.schema == number
        assert totals(snapshot)["photos"] == 3
        snapshot.close()


def test_second_writer_is_told_who_holds_the_library(library: Path) -> None:
    library.mkdir()
    with (
        writer_lock(library),
        pytest.raises(LibraryBusy, match=f"process {os.getpid()} since"),
        writer_lock(library),
    ):
        pass
    with writer_lock(library):  # free again
        pass


def test_readers_see_commits_of_a_writer_that_stays_open(library: Path) -> None:
    catalogue = Catalogue(library, create=True)
    root, model = catalogue.add_root(b"/photos"), catalogue.add_model("key", "model", 4)
    snapshot = Snapshot(library)
    generation = snapshot.generation
    catalogue.commit(root, model, Batch(new=[new_photo(1, FoundFile(b"a.jpg", 1, 1))]))
    assert totals(snapshot)["photos"] == 1
    assert snapshot.generation > generation
    snapshot.close()
    catalogue.close()


def test_folder_that_cannot_be_made(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(StorageError):
        Catalogue(tmp_path / "file" / "library", create=True)
