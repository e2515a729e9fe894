"""A library that is damaged in every way that can be thought of: seen, named, and put right."""

from __future__ import annotations

import os
import random
import shutil
import sqlite3
import tempfile
from collections.abc import Callable
from contextlib import closing
from functools import cache
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from photosearch import Library
from photosearch.errors import LibraryBusy, NewerLibrary, PhotosearchError, WrongUse
from photosearch.records import Line
from photosearch.reports.upkeep import LOST, CheckReport
from photosearch.store import words
from photosearch.store.catalogue import Catalogue
from photosearch.store.lock import writer_lock
from photosearch.store.salvage.pages import Pages
from photosearch.store.salvage.record import BadPage, record
from photosearch.store.snapshot import Snapshot
from photosearch.store.tags import NewTag, replace_tags
from tests.contents import Contents, check_vector_files, contents_of
from tests.fake import ColourTower, run_index
from tests.make import write_photos

PAGE = 8192
BOX = ((0.0, 0.0), (1.0, 0.0), (1.0, 1.0), (0.0, 1.0))
CASES = int(os.environ.get("PHOTOSEARCH_TEST_DAMAGES", "30"))


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with photos and a library of them: several pages of each table, words and tags."""
    folder = tmp_path_factory.mktemp("upkeep")
    for number in range(4):
        write_photos(folder / "photos" / f"folder{number}", 75, number * 100)
    (folder / "photos" / "broken.jpg").write_bytes(b"\xff\xd8\xff\xe0 and nothing")
    library = folder / "library"
    run_index(library, [folder / "photos"])
    catalogue, snapshot = Catalogue(library), Snapshot(library)
    reader = words.reader_id(catalogue, "reader-1", "reader")
    photos = snapshot.photo_ids()
    words.store_readings(
        catalogue,
        reader,
        [
            words.Reading(
                photo_id,
                tuple(Line(f"Sign {photo_id}, line {n}", 0.9, BOX) for n in range(photo_id % 3)),
            )
            for photo_id in photos
        ],
    )
    replace_tags(catalogue, "classify", None, [NewTag(photo_id, "cat") for photo_id in photos[:9]])
    snapshot.close()
    catalogue.close()
    return folder


@pytest.fixture
def library(whole: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of the library, to be damaged; its photos are those of the original."""
    monkeypatch.setenv("PHOTOSEARCH_CACHE", str(tmp_path / "cache"))
    shutil.copytree(whole / "library", tmp_path / "library")
    return tmp_path / "library"


@cache
def known(library: Path) -> Contents:
    """What the library of `whole` holds, which nothing changes."""
    return contents_of(library)


def check(library: Path, **options: bool) -> CheckReport:
    with Library.open(library) as opened:
        return opened.check(**options)


def kinds(report: CheckReport) -> set[str]:
    return {problem.kind for problem in report.problems}


def notes(report: CheckReport) -> set[str]:
    return {note.kind for note in report.notes}


def alter(library: Path, *statements: str) -> None:
    """Change the catalogue behind the program's back."""
    with closing(sqlite3.connect(library / "catalogue.db", isolation_level=None)) as connection:
        for statement in statements:
            connection.execute(statement)


def derivable(contents: Contents) -> tuple[object, ...]:
    return contents.photos, contents.files, contents.vectors, contents.failures


# A library that is whole


def test_a_whole_library_is_fine_and_is_not_changed_by_looking(library: Path) -> None:
    before = {path.name: path.read_bytes() for path in library.iterdir() if path.is_file()}
    report = check(library, files=True)
    assert report.ok
    assert report.notes == ()
    assert report.checked["photos"] == 300
    assert report.checked["files on disk"] == 300
    assert check(library, quick=True).ok
    after = {path.name: path.read_bytes() for path in library.iterdir() if path.is_file()}
    assert after["catalogue.db"] == before["catalogue.db"]


def test_repairing_a_whole_library_changes_nothing(library: Path) -> None:
    before = (library / "catalogue.db").read_bytes()
    report = check(library, repair=True)
    assert report.ok
    assert report.backup is None
    assert (library / "catalogue.db").read_bytes() == before


def test_repair_waits_for_no_writer_but_says_who_it_is(library: Path) -> None:
    with writer_lock(library):
        assert check(library).ok
        with pytest.raises(LibraryBusy):
            check(library, repair=True)


# Rows that contradict each other: (what is done, the kind of problem that is named)

ROWS: dict[str, tuple[str, str]] = {
    "counter": ("UPDATE models SET vectors = vectors + 1", "count"),
    "size of a vector": ("UPDATE vectors SET vector = x'0011' WHERE id = 7", "vector size"),
    "no number": (
        "UPDATE vectors SET vector = CAST(x'007e' || substr(vector, 3) AS BLOB) WHERE id = 7",
        "vector",
    ),
    "length of a vector": (
        "UPDATE vectors SET vector = CAST(x'0040' || substr(vector, 3) AS BLOB) WHERE id = 7",
        "vector",
    ),
    "photo gone": ("DELETE FROM photos WHERE id = 7", "reference"),
    "root gone": ("UPDATE files SET root_id = 99 WHERE id = 7", "reference"),
    "digest": ("UPDATE photos SET digest = x'00' WHERE id = 7", "digest"),
    "trigger": ("DROP TRIGGER vectors_added", "schema"),
    "index": ("DROP INDEX files_photo", "schema"),
    "table": ("DROP TABLE places", "schema"),
    "number": ("UPDATE sqlite_sequence SET seq = 3 WHERE name = 'photos'", "numbers"),
    "line": ("UPDATE lines SET normal = ' other ' WHERE id = 7", "lines"),
    "word index": ("DELETE FROM words_data WHERE id > 10", "words"),
    "setting": ("DELETE FROM settings WHERE name = 'generation'", "settings"),
    "model": ("INSERT INTO settings VALUES ('model_key', 'another')", "settings"),
}


@pytest.mark.parametrize("case", ROWS)
def test_rows_that_contradict_each_other_are_named_and_put_right(
    whole: Path, library: Path, case: str
) -> None:
    statement, kind = ROWS[case]
    alter(library, "PRAGMA foreign_keys = OFF", statement)
    assert kind in kinds(check(library))
    report = check(library, repair=True)
    assert report.ok, report.problems
    assert kind in {problem.kind for problem in report.repaired}
    assert report.backup is not None
    assert report.backup.exists()
    run_index(library, [whole / "photos"])
    assert check(library).ok
    assert derivable(contents_of(library)) == derivable(known(whole / "library"))
    check_vector_files(library, complete=True)


def test_bytes_that_are_no_text_make_their_page_doubtful(whole: Path, library: Path) -> None:
    alter(library, "UPDATE photos SET format = CAST(x'ff61' AS TEXT) WHERE id = 7")
    assert "pages" in kinds(check(library))
    check(library, repair=True)
    run_index(library, [whole / "photos"])
    assert check(library).ok
    assert derivable(contents_of(library)) == derivable(known(whole / "library"))


def test_photos_that_lie_nowhere_are_no_fault(library: Path) -> None:
    alter(library, "DELETE FROM files WHERE id = 7")
    report = check(library)
    assert report.ok
    assert "orphans" in notes(report)


# Vector files


def vector_file(library: Path) -> Path:
    (path,) = (library / "vectors").glob("*.faiss")
    return path


def flip_middle(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 0x55
    path.write_bytes(data)


def swap_rows(path: Path) -> None:
    """A file that is whole, and its stamp right, but whose vectors are those of other photos."""
    import hashlib
    import json

    import faiss

    index = faiss.read_index(str(path))
    ids = faiss.vector_to_array(index.id_map)
    faiss.copy_array_to_vector(np.roll(ids, 1), index.id_map)
    faiss.write_index(index, str(path))
    (stamp_file,) = path.parent.glob("*.json")
    stamp = json.loads(stamp_file.read_text())
    data = path.read_bytes()
    ends = data[: 1 << 16] + data[max(0, len(data) - (1 << 16)) :]
    stamp["sha256"] = hashlib.sha256(data).hexdigest()
    stamp["ends"] = hashlib.blake2b(ends, digest_size=16).hexdigest()
    stamp_file.write_text(json.dumps(stamp))


FILES: dict[str, Callable[[Path], object]] = {
    "cut": lambda path: os.truncate(path, 17),
    "empty": lambda path: os.truncate(path, 0),
    "flipped in the middle": flip_middle,
    "gone": lambda path: path.unlink(),
    "vectors of other photos": swap_rows,
    "stamp cut": lambda path: [os.truncate(one, 17) for one in path.parent.glob("*.json")],
}


@pytest.mark.parametrize("case", FILES)
def test_bad_vector_files_are_named_and_made_again(library: Path, case: str) -> None:
    FILES[case](vector_file(library))
    assert kinds(check(library)) == {"vector file"}
    assert check(library, repair=True).ok
    assert check(library).ok
    check_vector_files(library, complete=True)


def test_what_a_killed_run_leaves_is_no_fault(library: Path) -> None:
    (library / "vectors" / "key-1-1.faiss.77.tmp").write_bytes(b"half")
    (library / "vectors" / "key-1-1.faiss").write_bytes(b"without a stamp")
    (library / "writer.json").write_text('{"pid": 1}')
    report = check(library)
    assert report.ok
    assert notes(report) == {"leftover"}
    shutil.rmtree(library / "vectors")
    assert check(library).ok


def test_a_vector_file_that_is_only_older_is_no_fault(whole: Path, library: Path) -> None:
    kept = {path: path.read_bytes() for path in (library / "vectors").iterdir()}
    more = library.parent / "more"
    write_photos(more, 5, 9000)
    run_index(library, [more])
    shutil.rmtree(library / "vectors")
    (library / "vectors").mkdir()
    for path, data in kept.items():
        path.write_bytes(data)
    assert check(library).ok


# Photos on the disk


def test_photos_that_decay_on_the_disk_are_found_by_reading_them(tmp_path: Path) -> None:
    photos = write_photos(tmp_path / "photos", 6)
    run_index(tmp_path / "library", [tmp_path / "photos"])
    seen = photos[2].stat()
    data = bytearray(photos[2].read_bytes())
    data[len(data) // 2] ^= 0x10
    photos[2].write_bytes(data)
    os.utime(photos[2], ns=(seen.st_atime_ns, seen.st_mtime_ns))
    assert check(tmp_path / "library").ok
    (problem,) = check(tmp_path / "library", files=True).problems
    assert str(photos[2]) in problem.message
    assert problem.severity == LOST
    # It is the photo that is damaged: there is nothing in the library to repair.
    assert not check(tmp_path / "library", files=True, repair=True).ok


def test_changed_and_vanished_files_are_counted_and_no_fault(tmp_path: Path) -> None:
    photos = write_photos(tmp_path / "photos", 6)
    run_index(tmp_path / "library", [tmp_path / "photos"])
    photos[0].write_bytes(b"another")
    photos[1].unlink()
    report = check(tmp_path / "library")
    assert report.ok
    assert {(note.kind, note.count) for note in report.notes} == {("changed", 1), ("gone", 1)}
    shutil.rmtree(tmp_path / "photos")
    assert notes(check(tmp_path / "library")) == {"offline"}


# Damaged pages


def spoil(data: bytearray, chance: random.Random) -> None:
    """Damage as disks do it: pages of noise or zeros, a file that is cut, a lost header."""
    pages = len(data) // PAGE
    kind = chance.choice(["noise", "zeros", "sector", "cut", "header"])
    if kind in ("noise", "zeros"):
        for _ in range(chance.choice([1, 1, 2, 4, 16])):
            at = chance.randrange(pages) * PAGE
            data[at : at + PAGE] = chance.randbytes(PAGE) if kind == "noise" else bytes(PAGE)
    elif kind == "sector":
        at = chance.randrange(len(data) // 4096) * 4096
        data[at : at + 4096] = chance.randbytes(4096)
    elif kind == "cut":
        del data[chance.randrange(len(data)) :]
    else:
        data[:100] = chance.randbytes(100)


@pytest.mark.parametrize("seed", range(CASES))
def test_any_damage_is_seen_and_repaired_and_the_next_run_brings_all_back(
    whole: Path, library: Path, seed: int
) -> None:
    data = bytearray((library / "catalogue.db").read_bytes())
    spoil(data, random.Random(seed))
    (library / "catalogue.db").write_bytes(data)
    seen = check(library)
    repaired = check(library, repair=True)
    if not seen.ok:
        assert repaired.backup is not None
        assert repaired.backup.read_bytes() == data
    tower = ColourTower()
    run_index(library, [whole / "photos"], tower=tower)
    after = check(library)
    assert after.ok, after.problems
    assert derivable(contents_of(library)) == derivable(known(whole / "library"))
    check_vector_files(library, complete=True)
    lost = sum(problem.count for problem in seen.problems if problem.severity == LOST)
    assert lost or not tower.encoded, "what was not lost need not be encoded again"


@pytest.mark.parametrize("seed", range(CASES // 4))
def test_a_few_wrong_bytes_leave_a_library_that_works(
    whole: Path, library: Path, seed: int
) -> None:
    """What bytes inside of a row say cannot be known; but nothing fails after a repair."""
    data = bytearray((library / "catalogue.db").read_bytes())
    chance = random.Random(seed)
    for _ in range(chance.choice([1, 3, 30])):
        length = chance.choice([1, 8, 64, 500])
        at = chance.randrange(len(data) - length)
        data[at : at + length] = chance.randbytes(length)
    (library / "catalogue.db").write_bytes(data)
    check(library)
    check(library, repair=True)
    assert check(library).ok
    run_index(library, [whole / "photos"])
    assert check(library).ok
    contents_of(library)
    check_vector_files(library, complete=True)


def test_a_damaged_page_costs_only_what_was_on_it(whole: Path, library: Path) -> None:
    """Of 300 vectors a page of 8 KiB holds some 70; all other rows stay as they are."""
    with closing(sqlite3.connect(library / "catalogue.db")) as connection:
        (page,) = connection.execute(
            "SELECT pageno FROM dbstat WHERE name = 'vectors' AND pagetype = 'leaf' LIMIT 1"
        ).fetchone()
    data = bytearray((library / "catalogue.db").read_bytes())
    data[(page - 1) * PAGE : page * PAGE] = bytes(PAGE)
    (library / "catalogue.db").write_bytes(data)
    report = check(library, repair=True)
    (problem,) = report.problems
    assert problem.kind == "lost vectors"
    assert 0 < problem.count < 100
    assert f"{problem.count} of 300 vectors" in problem.message
    tower = ColourTower()
    run_index(library, [whole / "photos"], tower=tower)
    assert tower.encoded == problem.count
    assert contents_of(library) == known(whole / "library")


def test_the_folders_of_lost_files_are_named(whole: Path, library: Path) -> None:
    with closing(sqlite3.connect(library / "catalogue.db")) as connection:
        pages = [
            page
            for (page,) in connection.execute(
                "SELECT pageno FROM dbstat WHERE name = 'files' AND pagetype = 'leaf'"
            )
        ]
    data = bytearray((library / "catalogue.db").read_bytes())
    for page in pages:
        data[(page - 1) * PAGE : page * PAGE] = bytes(PAGE)
    (library / "catalogue.db").write_bytes(data)
    told = " ".join(problem.message for problem in check(library).problems)
    assert "300 of 300 files" in told
    for number in range(4):
        assert str(whole / "photos" / f"folder{number}") in told


def test_nothing_to_save_means_beginning_anew_with_the_remains_kept(
    whole: Path, library: Path
) -> None:
    noise = random.Random(1).randbytes(50_000)
    (library / "catalogue.db").write_bytes(noise)
    assert "unreadable" in kinds(check(library))
    report = check(library, repair=True)
    assert report.backup is not None
    assert report.backup.read_bytes() == noise
    run_index(library, [whole / "photos"])
    assert check(library).ok
    assert derivable(contents_of(library)) == derivable(known(whole / "library"))


def test_an_emptied_catalogue_is_no_new_one(whole: Path, library: Path) -> None:
    os.truncate(library / "catalogue.db", 0)
    assert "unreadable" in kinds(check(library))
    check(library, repair=True)
    run_index(library, [whole / "photos"])
    assert check(library).ok
    assert derivable(contents_of(library)) == derivable(known(whole / "library"))


def test_leftovers_of_a_killed_repair_are_told_and_removed(library: Path) -> None:
    left = library / "catalogue.db.4711.tmp"
    left.write_bytes(b"half")
    report = check(library)
    assert report.ok
    assert notes(report) == {"leftover"}
    assert check(library, repair=True).ok
    assert not left.exists()


def test_a_catalogue_of_a_newer_program_is_left_alone(library: Path) -> None:
    alter(library, "PRAGMA user_version = 99")
    before = (library / "catalogue.db").read_bytes()
    for repair in (False, True):
        with pytest.raises(NewerLibrary):
            check(library, repair=repair)
    assert (library / "catalogue.db").read_bytes() == before


@pytest.mark.parametrize("version", [1, 2, 3])
def test_a_damaged_catalogue_of_an_older_schema_is_repaired(tmp_path: Path, version: int) -> None:
    library = tmp_path / "library"
    library.mkdir()
    golden = Path(__file__).parents[1] / "golden" / f"catalogue_schema{version}.db"
    data = bytearray(golden.read_bytes())
    with closing(sqlite3.connect(golden)) as connection:
        (size,) = connection.execute("PRAGMA page_size").fetchone()
        root = "SELECT rootpage FROM sqlite_master WHERE name = 'files_photo'"
        (page,) = connection.execute(root).fetchone()
        photos = connection.execute("SELECT digest FROM photos ORDER BY id").fetchall()
    (library / "catalogue.db").write_bytes(data)
    assert check(library).ok
    data[(page - 1) * size : page * size] = bytes(size)
    (library / "catalogue.db").write_bytes(data)
    assert not check(library).ok
    check(library, repair=True)
    assert check(library).ok
    with closing(sqlite3.connect(library / "catalogue.db")) as connection:
        assert connection.execute("SELECT digest FROM photos ORDER BY id").fetchall() == photos


VALUES = st.one_of(
    st.none(),
    st.integers(-(2**63), 2**63 - 1),
    st.floats(allow_nan=False),
    st.text(st.characters(exclude_categories=["Cs"]), max_size=300),
    st.binary(max_size=30_000),
)


@settings(max_examples=40, deadline=None)
@given(
    rows=st.lists(st.tuples(VALUES, VALUES, VALUES), max_size=40),
    size=st.sampled_from([512, 4096, 8192]),
)
def test_pages_are_read_as_sqlite_reads_them(rows: list[tuple[object, ...]], size: int) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "any.db"
        with closing(sqlite3.connect(path)) as connection:
            connection.execute(f"PRAGMA page_size = {size}")
            connection.execute("CREATE TABLE plain (a, b, c)")
            connection.execute(
                "CREATE TABLE keyed (n INTEGER, b, c, PRIMARY KEY (n)) WITHOUT ROWID"
            )
            connection.executemany("INSERT INTO plain VALUES (?, ?, ?)", rows)
            numbered = [(number, *row[1:]) for number, row in enumerate(rows)]
            connection.executemany("INSERT INTO keyed VALUES (?, ?, ?)", numbered)
            connection.commit()
            wanted = connection.execute("SELECT rowid, a, b, c FROM plain").fetchall()
            roots = dict(connection.execute("SELECT name, rootpage FROM sqlite_master"))
        pages = Pages(path)
        try:
            plain, keyed = pages.tree(roots["plain"]), pages.tree(roots["keyed"])
        finally:
            pages.close()
        assert plain.bad == keyed.bad == []
        assert [(row.rowid, *row.values) for row in plain.rows] == wanted
        assert sorted(row.values for row in keyed.rows) == numbered


@settings(max_examples=200, deadline=None)
@given(payload=st.binary(max_size=200))
def test_bytes_that_are_no_record_are_refused(payload: bytes) -> None:
    try:
        record(payload)
    except (BadPage, IndexError, UnicodeDecodeError):
        return


# The log


def with_a_log(library: Path) -> None:
    """Leave the library as a killed writer does: the last transactions only in the log."""
    with closing(sqlite3.connect(library / "catalogue.db")) as connection:
        connection.execute("PRAGMA wal_autocheckpoint = 0")
        for number in range(20):
            connection.execute("UPDATE settings SET value = value + 1 WHERE name = 'generation'")
            connection.execute("UPDATE photos SET camera = ? WHERE id < 9", (f"camera {number}",))
            connection.commit()
        copies = {
            name: (library / name).read_bytes() for name in ("catalogue.db", "catalogue.db-wal")
        }
    for name, data in copies.items():
        (library / name).write_bytes(data)
    (library / "catalogue.db-shm").unlink(missing_ok=True)


def camera(library: Path) -> str | None:
    snapshot = Snapshot(library)
    found = snapshot.photo_columns(1)["camera"]
    snapshot.close()
    return found  # type: ignore[no-any-return]


def test_a_log_that_a_killed_writer_left_is_no_fault(library: Path) -> None:
    with_a_log(library)
    assert check(library).ok
    assert camera(library) == "camera 19"


def test_a_log_damaged_in_the_middle_is_told(library: Path) -> None:
    with_a_log(library)
    log = library / "catalogue.db-wal"
    data = bytearray(log.read_bytes())
    data[len(data) // 2] ^= 0xFF
    log.write_bytes(data)
    assert kinds(check(library)) == {"log"}
    report = check(library, repair=True)
    assert report.ok
    assert check(library).ok
    assert camera(library) not in (None, "camera 19")


def test_rows_in_the_log_are_saved_from_a_damaged_catalogue(library: Path) -> None:
    with_a_log(library)
    data = bytearray((library / "catalogue.db").read_bytes())
    data[:PAGE] = bytes(PAGE)
    (library / "catalogue.db").write_bytes(data)
    check(library, repair=True)
    assert check(library).ok
    assert camera(library) == "camera 19"


@pytest.mark.parametrize("loss", ["log", "index of the log", "both"])
def test_a_lost_log_is_survived(whole: Path, library: Path, loss: str) -> None:
    with_a_log(library)
    if loss != "index of the log":
        (library / "catalogue.db-wal").unlink()
    if loss != "log":
        (library / "catalogue.db-shm").write_bytes(random.Random(2).randbytes(32768))
    assert check(library).ok
    run_index(library, [whole / "photos"])
    assert check(library).ok


@pytest.mark.skipif(os.name == "nt", reason="wants a child process without rights")
def test_a_library_on_a_read_only_disk_is_read_with_its_log(library: Path) -> None:
    with_a_log(library)
    with tempfile.TemporaryDirectory() as folder:
        # Whoever runs the tests as root may write anywhere: the child gives its rights away.
        os.chmod(folder, 0o755)
        copy = Path(shutil.copytree(library, Path(folder) / "library"))
        for path in [copy, *copy.rglob("*")]:
            path.chmod(0o555 if path.is_dir() else 0o444)
        assert check(copy).ok  # all that is needed is imported
        child = os.fork()
        if child == 0:  # pragma: no cover
            try:
                if os.getuid() == 0:
                    os.setuid(65534)
                found = camera(copy) == "camera 19" and check(copy).ok
                os._exit(0 if found and not os.access(copy, os.W_OK) else 2)
            finally:
                os._exit(1)
        _, status = os.waitpid(child, 0)
        copy.chmod(0o755)
        (copy / "vectors").chmod(0o755)
        assert os.waitstatus_to_exitcode(status) == 0


# Backup


def test_a_backup_is_whole_and_comes_back(whole: Path, library: Path, tmp_path: Path) -> None:
    with Library.open(library) as opened:
        made = opened.backup(tmp_path)
        assert made.name.startswith("catalogue-2")
        with pytest.raises(WrongUse):
            opened.backup(made)
        assert opened.backup(made, force=True) == made
    assert [path.name for path in tmp_path.iterdir() if ".tmp" in path.name] == []
    (library / "catalogue.db").write_bytes(b"lost")
    with Library.open(library) as opened:
        kept = opened.restore(made)
    assert kept is not None
    assert kept.read_bytes() == b"lost"
    assert check(library).ok
    assert contents_of(library) == known(whole / "library")
    check_vector_files(library, complete=True)
    assert run_index(library, [whole / "photos"]).read == 0


def test_a_backup_that_is_copied_back_by_hand_needs_no_vector_file(
    whole: Path, library: Path, tmp_path: Path
) -> None:
    """The vector file of the newer catalogue must not answer for the older one."""
    with Library.open(library) as opened:
        made = opened.backup(tmp_path / "old.db")
    more = tmp_path / "more"
    write_photos(more, 40, 9000)
    run_index(library, [more])
    for name in ("catalogue.db", "catalogue.db-wal", "catalogue.db-shm"):
        (library / name).unlink(missing_ok=True)
    shutil.copy(made, library / "catalogue.db")
    assert check(library).ok
    other = tmp_path / "other"
    write_photos(other, 40, 9500)
    run_index(library, [other])
    assert check(library).ok
    check_vector_files(library, complete=True)


def test_a_backup_sees_one_moment_while_another_process_stores(
    library: Path, tmp_path: Path
) -> None:
    with closing(sqlite3.connect(library / "catalogue.db", isolation_level=None)) as writer:
        writer.execute("BEGIN IMMEDIATE")
        writer.execute("UPDATE photos SET camera = 'half'")
        with Library.open(library) as opened:
            made = opened.backup(tmp_path / "copy.db")
        writer.execute("COMMIT")
    with closing(sqlite3.connect(made)) as connection:
        count = connection.execute("SELECT count(*) FROM photos WHERE camera = 'half'")
        assert count.fetchone() == (0,)


@pytest.mark.parametrize("what", ["no backup", "damaged backup", "folder", "nothing"])
def test_what_is_no_backup_is_not_restored(library: Path, tmp_path: Path, what: str) -> None:
    source = tmp_path / "source"
    if what == "no backup":
        source.write_text("a letter")
    elif what == "damaged backup":
        data = bytearray((library / "catalogue.db").read_bytes())
        data[PAGE * 5 : PAGE * 9] = bytes(PAGE * 4)
        source.write_bytes(data)
    elif what == "folder":
        source.mkdir()
    before = (library / "catalogue.db").read_bytes()
    with Library.open(library) as opened, pytest.raises(PhotosearchError):
        opened.restore(source)
    assert (library / "catalogue.db").read_bytes() == before
    assert not list(library.glob("*.tmp*"))


def test_a_library_that_is_open_sees_the_catalogue_that_was_put_in_its_place(
    library: Path, tmp_path: Path
) -> None:
    with Library.open(library) as reading:
        made = reading.backup(tmp_path / "copy.db")
        alter(library, "DELETE FROM files", "DELETE FROM photos")
        assert reading.status().photos == 0
        with Library.open(library) as other:
            other.restore(made)
        assert reading.status().photos == 300


# Relocating


def test_a_relocated_folder_keeps_all_and_is_not_read_again(tmp_path: Path) -> None:
    library = tmp_path / "library"
    for name in ("a", "b"):
        write_photos(tmp_path / "old" / name, 8, ord(name))
        run_index(library, [tmp_path / "old" / name])
    (tmp_path / "old" / "a" / "broken.jpg").write_bytes(b"\xff\xd8\xff\xe0")
    run_index(library, [tmp_path / "old" / "a"])
    before = contents_of(library)
    (tmp_path / "old").rename(tmp_path / "new")
    with Library.open(library) as opened:
        planned = opened.relocate(tmp_path / "old", tmp_path / "new", dry_run=True)
        assert contents_of(library) == before
        done = opened.relocate(tmp_path / "old", tmp_path / "new")
        assert (done.roots, done.files, done.agreed) == (planned.roots, 16, 16)
    tower = ColourTower()
    report = run_index(library, [tmp_path / "new"], tower=tower)
    assert (report.read, report.unchanged, tower.encoded) == (0, 16, 0)
    assert report.known_failures == 1
    after = contents_of(library)
    assert (after.photos, after.vectors) == (before.photos, before.vectors)
    assert {row[0] for row in after.files} == {
        os.fsencode(tmp_path / "new" / name) for name in ("a", "b")
    }


def test_a_disk_that_knows_no_fractions_of_seconds_costs_reading_and_no_encoding(
    tmp_path: Path,
) -> None:
    library = tmp_path / "library"
    write_photos(tmp_path / "old", 8)
    run_index(library, [tmp_path / "old"])
    (tmp_path / "old").rename(tmp_path / "new")
    for path in (tmp_path / "new").iterdir():  # as FAT stores them
        whole = int(path.stat().st_mtime) // 2 * 2
        os.utime(path, (whole, whole))
    with Library.open(library) as opened:
        opened.relocate(tmp_path / "old", tmp_path / "new")
    tower = ColourTower()
    report = run_index(library, [tmp_path / "new"], tower=tower)
    assert (report.read, tower.encoded, report.missing) == (8, 0, 0)


def test_relocating_to_the_wrong_place_is_refused(tmp_path: Path) -> None:
    library, old = tmp_path / "library", tmp_path / "old"
    write_photos(old, 8)
    run_index(library, [old])
    other = tmp_path / "other"
    write_photos(other, 2, 50)
    with Library.open(library) as opened:
        for before, after in (
            (old, tmp_path / "nowhere"),
            (old, other),
            (old, old),
            (old, library / "inside"),
            (other, old),
            (old / "part", other),
        ):
            with pytest.raises(WrongUse):
                opened.relocate(before, after)
        assert opened.relocate(old, other, force=True).agreed < 8
        run_index(library, [old])
        with pytest.raises(WrongUse, match="is indexed already"):
            opened.relocate(other, old)
