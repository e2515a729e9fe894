"""The library's own files: sizes, what errors mean, a catalogue in the place of another."""

from __future__ import annotations

import errno
import os
import re
import sqlite3
from pathlib import Path

import pytest

from photosearch.errors import DamagedLibrary, StorageError
from photosearch.store import replace
from photosearch.store.files import make_library_folder, size_of, storage_errors
from photosearch.store.replace import discard, keep, put_in_place, sync_folder, unused

SPACE = "free some disk space and run the same command again; what is stored stays"
ELSEWHERE = "--library with a folder that you may write to"


@pytest.mark.parametrize(
    ("error", "hint"),
    [
        (sqlite3.OperationalError("database or disk is full"), SPACE),
        (OSError(errno.ENOSPC, os.strerror(errno.ENOSPC)), SPACE),
        (OSError(errno.EFBIG, os.strerror(errno.EFBIG)), SPACE),
        (sqlite3.OperationalError("attempt to write a readonly database"), ELSEWHERE),
        (sqlite3.OperationalError("unable to open database file"), ELSEWHERE),
        (OSError(errno.EROFS, os.strerror(errno.EROFS)), ELSEWHERE),
        (OSError(errno.EACCES, os.strerror(errno.EACCES)), ELSEWHERE),
        (sqlite3.OperationalError("database is locked"), ""),
    ],
    ids=str,
)
def test_what_the_disk_says_comes_with_what_to_do(error: Exception, hint: str) -> None:
    with pytest.raises(StorageError) as caught, storage_errors(Path("/library/catalogue.db")):
        raise error
    assert caught.value.hint == hint
    said = error.strerror if isinstance(error, OSError) else str(error)
    assert str(caught.value) == f"/library/catalogue.db: {said}"


def test_an_error_names_the_file_that_it_is_about() -> None:
    with pytest.raises(StorageError, match=r"^/other: No such file"), storage_errors(Path("/here")):
        raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), "/other")
    with pytest.raises(StorageError, match=r"^/here: odd$"), storage_errors(Path("/here")):
        raise OSError("odd")
    with pytest.raises(DamagedLibrary, match=r"^/here: malformed$"), storage_errors(Path("/here")):
        raise sqlite3.DatabaseError("malformed")
    with pytest.raises(StorageError, match="file/library"):
        make_library_folder(Path(__file__) / "file" / "library")


def test_a_new_library_is_for_its_owners_eyes(tmp_path: Path) -> None:
    library = tmp_path / "a" / "library"
    for _ in range(2):
        make_library_folder(library)
    for folder in (library, library / "vectors"):
        assert folder.stat().st_mode & 0o777 == 0o700


def test_the_size_of_a_folder_is_that_of_all_its_files(tmp_path: Path) -> None:
    assert size_of(tmp_path) == 0
    for number, name in enumerate(("a", "b/c", "b/d/e", "b/f"), 1):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(bytes(10**number))
    assert size_of(tmp_path) == 11110
    assert size_of(tmp_path / "b" / "c") == 100


class Failing:
    """A file on a disk that fails at some sectors."""

    def __init__(self, data: bytes, bad: set[int]) -> None:
        self.data, self.bad, self.at = data, bad, 0

    def seek(self, at: int) -> None:
        self.at = at

    def read(self, count: int) -> bytes:
        found = self.data[self.at : self.at + count]
        if any(self.at <= one < self.at + count for one in self.bad):
            raise OSError(errno.EIO, "Input/output error")
        return found


def test_a_failing_disk_costs_the_sectors_that_it_does_not_give(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(replace, "_BLOCK", 64)
    monkeypatch.setattr(replace, "_SECTOR", 16)
    data = bytes(range(1, 201))
    whole, failing = Failing(data, set()), Failing(data, {70, 100})
    for at in (0, 64, 128):
        assert replace._block(whole, at) == data[at : at + 64]  # type: ignore[arg-type]
    assert replace._block(failing, 0) == data[:64]  # type: ignore[arg-type]
    found = replace._block(failing, 64)  # type: ignore[arg-type]
    assert found == bytes(16) + data[80:96] + bytes(16) + data[112:128]


class TestTakingTheirPlace:
    @pytest.fixture
    def catalogue(self, tmp_path: Path) -> Path:
        path = tmp_path / "catalogue.db"
        path.write_bytes(os.urandom(5000))
        return path

    @pytest.mark.parametrize("block", [1000, 5000, 1 << 20])
    def test_the_present_one_is_kept_with_its_log(
        self, catalogue: Path, monkeypatch: pytest.MonkeyPatch, block: int
    ) -> None:
        monkeypatch.setattr(replace, "_BLOCK", block)
        first = keep(catalogue, "damaged")
        assert re.fullmatch(r"catalogue\.db\.damaged-\d{8}-\d{6}", first.name)
        assert first.read_bytes() == catalogue.read_bytes()
        log = catalogue.with_name("catalogue.db-wal")
        log.write_bytes(b"")
        assert not keep(catalogue, "damaged").with_name(first.name + "-wal").exists()
        log.write_bytes(b"log" * 1000)
        second = keep(catalogue, "damaged")
        assert second != first
        assert second.with_name(second.name + "-wal").read_bytes() == b"log" * 1000
        assert catalogue.exists()
        assert log.exists()
        assert not list(catalogue.parent.glob("*.tmp"))

    def test_a_copy_that_fails_leaves_nothing_half_done(
        self, catalogue: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def refuse(*args: object) -> None:
            raise OSError(errno.ENOSPC, "No space left on device")

        monkeypatch.setattr(os, "fsync", refuse)
        with pytest.raises(OSError, match="No space"):
            keep(catalogue, "damaged")
        assert [path.name for path in catalogue.parent.iterdir()] == ["catalogue.db"]

    def test_names_that_are_taken_get_a_number(self, tmp_path: Path) -> None:
        wanted = tmp_path / "kept"
        names = []
        for _ in range(3):
            found = unused(wanted)
            found.touch()
            names.append(found.name)
        assert names == ["kept", "kept-2", "kept-3"]

    def test_the_new_one_has_no_log_of_the_old_one(
        self, catalogue: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """And the old log is gone, on the disk too, before the new catalogue has its name."""
        new = catalogue.with_name("new.tmp")
        new.write_bytes(b"new")
        for suffix in ("-wal", "-shm"):
            catalogue.with_name(catalogue.name + suffix).write_bytes(b"old")
        done: list[str] = []
        syncs, renames = os.fsync, os.replace

        def fsync(descriptor: int) -> None:
            done.append(f"sync {Path(os.readlink(f'/proc/self/fd/{descriptor}')).name}")
            syncs(descriptor)

        def rename(source: Path, target: Path) -> None:
            assert not list(catalogue.parent.glob("catalogue.db-*"))
            done.append("rename")
            renames(source, target)

        monkeypatch.setattr(os, "fsync", fsync)
        monkeypatch.setattr(os, "replace", rename)
        put_in_place(new, catalogue)
        folder = catalogue.parent.name
        assert done == ["sync new.tmp", f"sync {folder}", "rename", f"sync {folder}"]
        assert catalogue.read_bytes() == b"new"
        assert [path.name for path in catalogue.parent.iterdir()] == ["catalogue.db"]

    def test_there_may_be_no_old_one_and_no_log(self, catalogue: Path) -> None:
        new = catalogue.with_name("new.tmp")
        new.write_bytes(b"new")
        catalogue.unlink()
        put_in_place(new, catalogue)
        assert catalogue.read_bytes() == b"new"

    def test_what_did_not_come_to_be_is_removed_with_all_that_belongs_to_it(
        self, catalogue: Path
    ) -> None:
        for suffix in ("-wal", "-shm", "-journal", "-other"):
            catalogue.with_name(catalogue.name + suffix).touch()
        discard(catalogue)
        discard(catalogue)
        assert [path.name for path in catalogue.parent.iterdir()] == ["catalogue.db-other"]

    def test_a_folder_that_cannot_be_synced_is_no_trouble(self, tmp_path: Path) -> None:
        sync_folder(tmp_path / "none")
        sync_folder(tmp_path)
