"""Disks that come and go, folders of several names, trees that move: no photo is lost."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
import unicodedata
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import hypothesis.strategies as st
import pytest
from hypothesis import settings
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from photosearch import Library
from photosearch.errors import WrongUse
from photosearch.ingest import attendance
from photosearch.mounts import Mounts, _parsed, is_there
from photosearch.paths import normal_form
from photosearch.records import Skipped
from photosearch.reports.runs import IndexReport
from photosearch.search.filters import Filters
from photosearch.store.catalogue import Catalogue
from photosearch.store.snapshot import Snapshot
from photosearch.store.volumes import remembered_mounts
from photosearch.walk import WalkRules, walk
from tests.contents import contents_of
from tests.fake import ColourTower, run_index
from tests.make import jpeg, picture, write_photos


@pytest.fixture
def library(tmp_path: Path) -> Path:
    return tmp_path / "library"


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    """A root with five photos of its own, and an empty folder in it."""
    folder = tmp_path / "photos"
    write_photos(folder / "own", 5)
    (folder / "nas").mkdir()
    return folder


class Disks:
    """Mounts that last as long as a test."""

    def __init__(self) -> None:
        self._mounted: list[Path] = []
        self._count = 0

    def new(self, at: Path) -> None:
        """An empty file system of its own."""
        self._count += 1
        self._mount(["-t", "tmpfs", f"disk{self._count}", str(at)], at)

    def same(self, folder: Path, at: Path) -> None:
        """A folder at a second place."""
        self._mount(["--bind", str(folder), str(at)], at)

    def _mount(self, arguments: list[str], at: Path) -> None:
        at.mkdir(parents=True, exist_ok=True)
        try:
            done = subprocess.run(["mount", *arguments], capture_output=True, text=True)
        except OSError as error:
            pytest.skip(f"there is no mount here: {error}")
        if done.returncode:
            pytest.skip(f"this user may not mount: {done.stderr.strip()}")
        self._mounted.append(at)

    def pull(self, at: Path) -> None:
        """Away with it, also while it is in use."""
        self._mounted.remove(at)
        subprocess.run(["umount", "--lazy", str(at)], check=True)

    def pull_all(self) -> None:
        for at in reversed(self._mounted[:]):
            self.pull(at)


@pytest.fixture
def disks() -> Iterator[Disks]:
    mounted = Disks()
    try:
        yield mounted
    finally:
        mounted.pull_all()


def mounted_as(monkeypatch: pytest.MonkeyPatch, table: dict[Path, str]) -> None:
    """What the system would say of its mounts."""
    known = {os.fsencode(path): what for path, what in table.items()}
    monkeypatch.setattr(Mounts, "now", classmethod(lambda cls: cls(known)))


def counts(report: IndexReport) -> dict[str, int]:
    """The counts that are not zero."""
    names = "encoded added changed unchanged moved copied missing read".split()
    return {name: getattr(report, name) for name in names if getattr(report, name)}


def known_files(library: Path, *, missing: int = 0) -> set[str]:
    return {
        os.fsdecode(row[0] + b"/" + row[1])  # type: ignore[operator]
        for row in contents_of(library).files
        if row[4] == missing
    }


def on_disk(folder: Path) -> set[str]:
    return {str(path) for path in folder.rglob("*") if path.is_file()}


def prune(library: Path) -> tuple[int, int]:
    with Library.open(library) as opened:
        return opened.prune()


class TestMountedInside:
    """A disk that is mounted at a folder of a root."""

    def test_gone_is_offline_not_missing(self, library: Path, photos: Path, disks: Disks) -> None:
        disks.new(photos / "nas")
        write_photos(photos / "nas" / "2024", 4, first_seed=50)
        assert run_index(library, [photos]).added == 9
        everything = known_files(library)
        disks.pull(photos / "nas")
        for paths in ([photos], [], [photos / "nas"]):
            report = run_index(library, paths)
            assert report.missing == 0
            assert report.offline == (photos / "nas",)
            assert known_files(library) == everything
        assert prune(library) == (0, 0)
        assert known_files(library) == everything

    def test_its_photos_are_shown_as_offline(
        self, library: Path, photos: Path, disks: Disks
    ) -> None:
        disks.new(photos / "nas")
        (path,) = write_photos(photos / "nas", 1, first_seed=50)
        with Library.open(library, "mini", create=True) as opened:
            opened.index(photos, words=False)
            disks.pull(photos / "nas")
            hits = opened.search("a house", k=9)
        assert [hit.path for hit in hits if hit.offline] == [path]
        assert len(hits) == 6

    def test_its_folder_gone_too(self, library: Path, photos: Path, disks: Disks) -> None:
        # As desktops do it with disks that are plugged in: the folder lasts as long as the disk.
        disks.new(photos / "usb")
        write_photos(photos / "usb", 4, first_seed=50)
        run_index(library, [photos])
        disks.pull(photos / "usb")
        (photos / "usb").rmdir()
        report = run_index(library, [photos])
        assert report.offline == (photos / "usb",)
        assert len(known_files(library)) == 9

    def test_strays_in_the_empty_folder_do_not_stand_for_the_disk(
        self, library: Path, photos: Path, disks: Disks
    ) -> None:
        disks.new(photos / "nas")
        write_photos(photos / "nas", 4, first_seed=50)
        run_index(library, [photos])
        disks.pull(photos / "nas")
        write_photos(photos / "nas", 1, first_seed=90)  # a camera program that did not notice
        report = run_index(library, [photos])
        assert report.offline == (photos / "nas",)
        assert (report.added, report.missing) == (1, 0)
        assert len(known_files(library)) == 10

    def test_another_disk_in_its_place(self, library: Path, photos: Path, disks: Disks) -> None:
        disks.new(photos / "nas")
        write_photos(photos / "nas", 4, first_seed=50)
        run_index(library, [photos])
        disks.pull(photos / "nas")
        disks.new(photos / "nas")
        write_photos(photos / "nas", 3, first_seed=90)
        report = run_index(library, [photos])
        assert report.offline == (photos / "nas",)
        assert (report.added, report.missing) == (3, 0)
        assert len(known_files(library)) == 12

    def test_deleted_on_a_disk_that_is_there_is_missing(
        self, library: Path, photos: Path, disks: Disks
    ) -> None:
        disks.new(photos / "nas")
        for path in write_photos(photos / "nas", 4, first_seed=50)[1:]:
            run_index(library, [photos])
            path.unlink()
        report = run_index(library, [photos])
        assert report.offline == ()
        assert len(known_files(library)) == 6
        assert len(known_files(library, missing=1)) == 3

    def test_the_photos_moved_to_the_disk_that_the_folder_is_on(
        self, library: Path, photos: Path, disks: Disks, tmp_path: Path
    ) -> None:
        disks.new(photos / "nas")
        write_photos(photos / "nas", 4, first_seed=50)
        run_index(library, [photos])
        shutil.copytree(photos / "nas", tmp_path / "copy")
        disks.pull(photos / "nas")
        shutil.copytree(tmp_path / "copy", photos / "nas", dirs_exist_ok=True)
        assert counts(run_index(library, [photos])) == {"unchanged": 9}
        # From here on it is a folder as any other.
        shutil.rmtree(photos / "nas")
        report = run_index(library, [photos])
        assert (report.missing, report.offline) == (4, ())

    def test_comes_back(self, library: Path, photos: Path, disks: Disks, tmp_path: Path) -> None:
        write_photos(tmp_path / "disk", 4, first_seed=50)
        disks.same(tmp_path / "disk", at=photos / "nas")
        run_index(library, [photos])
        disks.pull(photos / "nas")
        run_index(library, [photos])
        disks.same(tmp_path / "disk", at=photos / "nas")
        report = run_index(library, [photos])
        assert counts(report) == {"unchanged": 9}
        assert report.offline == ()

    def test_that_will_not_come_back_can_be_forgotten(
        self, library: Path, photos: Path, disks: Disks
    ) -> None:
        disks.new(photos / "nas")
        write_photos(photos / "nas", 4, first_seed=50)
        run_index(library, [photos])
        with Library.open(library) as opened, pytest.raises(WrongUse, match="would be found"):
            opened.forget(photos / "nas")
        disks.pull(photos / "nas")
        with Library.open(library) as opened:
            assert opened.forget(photos / "nas") == (4, 4)
        assert counts(run_index(library, [photos])) == {"unchanged": 5}
        assert len(known_files(library)) == 5


class TestRootOnADisk:
    @pytest.mark.parametrize(
        "litter", [(), ("lost+found/",), (".Trash-1000/", "desktop.ini", ".DS_Store", "README")]
    )
    def test_an_emptied_mount_point_is_offline(
        self, library: Path, photos: Path, litter: tuple[str, ...]
    ) -> None:
        run_index(library, [photos])
        shutil.rmtree(photos)
        photos.mkdir()
        for name in litter:
            (photos / name).mkdir() if name.endswith("/") else (photos / name).touch()
        for paths in ([photos], []):
            report = run_index(library, paths)
            assert report.offline == (photos,)
            assert len(known_files(library)) == 5
        assert prune(library) == (0, 0)

    def test_strays_below_the_mount_point(self, library: Path, photos: Path, disks: Disks) -> None:
        root = photos / "nas" / "Pictures"
        disks.new(photos / "nas")
        write_photos(root, 4, first_seed=50)
        run_index(library, [root])
        disks.pull(photos / "nas")
        write_photos(root, 1, first_seed=90)
        report = run_index(library, [root])
        assert report.offline == (root,)
        assert len(known_files(library)) == 5

    def test_numbers_of_the_system_do_not_count(
        self, library: Path, photos: Path, disks: Disks
    ) -> None:
        """Every device and inode number another one, as after a remount of a network folder."""
        run_index(library, [photos])
        before = contents_of(library)
        shutil.copytree(photos, photos.with_name("new"))
        old = {path.stat().st_ino for path in photos.rglob("*.jpg")}
        photos.rename(photos.with_name("old"))
        disks.new(photos)
        shutil.copytree(photos.with_name("new"), photos, dirs_exist_ok=True)
        assert not old & {path.stat().st_ino for path in photos.rglob("*.jpg")}
        assert counts(run_index(library, [photos])) == {"unchanged": 5}
        assert contents_of(library) == before

    @pytest.mark.parametrize(
        "step", [2_000_000_000, 100, 1, 3_600_000_000_000], ids=["FAT", "SMB", "ns", "summer"]
    )
    def test_other_times_of_the_same_files_are_read_not_encoded(
        self, library: Path, photos: Path, step: int
    ) -> None:
        """Times rounded by another file system; shifted by an hour, as FAT does twice a year."""
        for number, path in enumerate(sorted(photos.rglob("*.jpg"))):
            os.utime(path, ns=(0, 1_234_567_890_123_456_789 + number * 1_111_111_111))
        run_index(library, [photos])
        for path in photos.rglob("*.jpg"):
            old = path.stat().st_mtime_ns
            new = old - old % step if step < 3_600_000_000_000 else old + step
            os.utime(path, ns=(new, new))
        tower = ColourTower()
        report = run_index(library, [photos], tower=tower)
        assert tower.encoded == 0
        assert report.unchanged == 5
        assert known_files(library) == on_disk(photos)
        assert counts(run_index(library, [photos])) == {"unchanged": 5}


class TestPulledMeanwhile:
    def test_a_root_that_goes_away_during_the_walk(
        self, library: Path, photos: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        write_photos(photos / "z", 5, first_seed=200)
        run_index(library, [photos])
        everything = contents_of(library)
        at_folder(monkeypatch, photos / "own", lambda: photos.rename(photos.with_name("away")))
        report = run_index(library, [photos])
        assert report.missing == 0
        assert photos in report.offline
        assert contents_of(library).files == everything.files
        assert len(report.failed) <= 6  # files of the folder being listed, and one line for all
        photos.with_name("away").rename(photos)
        monkeypatch.undo()
        assert counts(run_index(library, [photos])) == {"unchanged": 10}
        assert contents_of(library) == everything

    def test_a_disk_that_is_pulled_during_the_walk(
        self, library: Path, photos: Path, disks: Disks, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        disks.new(photos / "nas")
        for name in ("a", "b", "c"):
            write_photos(photos / "nas" / name, 3, first_seed=100 * ord(name))
        run_index(library, [photos])
        everything = known_files(library)
        at_folder(monkeypatch, photos / "nas" / "c", lambda: disks.pull(photos / "nas"))
        report = run_index(library, [photos])
        assert report.missing == 0
        assert known_files(library) == everything

    def test_a_root_that_goes_away_before_the_files_are_read(
        self, library: Path, photos: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        run_index(library, [photos])
        for path in photos.rglob("*.jpg"):
            os.utime(path, ns=(5, 5))  # all of them are to be read again
        everything = known_files(library)
        before_reading(monkeypatch, lambda: photos.rename(photos.with_name("away")))
        report = run_index(library, [photos])
        assert report.missing == 0
        assert known_files(library) == everything

    @pytest.mark.parametrize("name", ["a", "z"], ids=["to-before", "to-behind"])
    def test_a_folder_renamed_during_the_walk_loses_nothing(
        self, library: Path, photos: Path, name: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        write_photos(photos / "own" / "deep", 3, first_seed=100)
        run_index(library, [photos])
        target = photos / name
        at_folder(monkeypatch, photos / "own", lambda: (photos / "own").rename(target))
        run_index(library, [photos])
        monkeypatch.undo()
        tower = ColourTower()
        run_index(library, [photos], tower=tower)
        assert tower.encoded == 0
        assert known_files(library) == on_disk(photos)
        assert known_files(library, missing=1) == set()


def at_folder(monkeypatch: pytest.MonkeyPatch, folder: Path, happens: Callable[[], object]) -> None:
    """Something happens as soon as a folder has been opened for listing."""
    real = os.scandir
    target = os.fsencode(folder)

    def scandir(path: bytes):  # type: ignore[no-untyped-def]
        entries = real(path)
        if path == target:
            with suppress(FileNotFoundError):
                happens()
        return entries

    monkeypatch.setattr(os, "scandir", scandir)


def before_reading(monkeypatch: pytest.MonkeyPatch, happens: Callable[[], object]) -> None:
    """Something happens when the walk is over, and the first file is about to be read."""
    from photosearch.ingest import photos as stage

    real = stage.walk

    def all_at_once(*given, **named):  # type: ignore[no-untyped-def]
        found = list(real(*given, **named))
        happens()
        return iter(found)

    monkeypatch.setattr(stage, "walk", all_at_once)


class TestLinks:
    def test_a_followed_link_to_a_disk_that_is_gone(
        self, library: Path, photos: Path, tmp_path: Path
    ) -> None:
        write_photos(tmp_path / "disk", 3, first_seed=50)
        (photos / "linked").symlink_to(tmp_path / "disk")
        (photos / "one.jpg").symlink_to(tmp_path / "disk" / "photo0050.jpg")
        rules = WalkRules(follow_links=True)
        assert run_index(library, [photos], rules=rules).added == 9
        (tmp_path / "disk").rename(tmp_path / "away")
        for _ in range(2):
            report = run_index(library, [photos], rules=rules)
            assert report.missing == 0
            assert set(report.offline) == {photos / "linked", photos / "one.jpg"}
            assert len(known_files(library)) == 9
            (tmp_path / "disk").mkdir(exist_ok=True)  # the mount point of what is gone

    def test_out_of_the_root_is_not_followed_unless_asked_for(
        self, library: Path, photos: Path, tmp_path: Path
    ) -> None:
        write_photos(tmp_path / "outside", 2, first_seed=50)
        (photos / "folder").symlink_to(tmp_path / "outside")
        (photos / "file.jpg").symlink_to(tmp_path / "outside" / "photo0050.jpg")
        (photos / "up").symlink_to("..")
        assert run_index(library, [photos]).added == 5

    def test_a_link_named_by_itself_is_a_root_that_later_runs_know(
        self, library: Path, photos: Path, tmp_path: Path
    ) -> None:
        write_photos(tmp_path / "outside", 2, first_seed=50)
        run_index(library, [photos])
        (photos / "link").symlink_to(tmp_path / "outside")
        assert run_index(library, [photos / "link"]).added == 2
        assert counts(run_index(library, [])) == {"unchanged": 7}

    def test_a_folder_that_becomes_a_link_during_the_walk(
        self, library: Path, photos: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        write_photos(photos / "z", 2, first_seed=50)

        def swap() -> None:
            (photos / "z").rename(photos / "nas" / "z")
            (photos / "z").symlink_to(photos)

        at_folder(monkeypatch, photos / "own", swap)
        run_index(library, [photos])
        monkeypatch.undo()
        run_index(library, [photos])
        assert known_files(library) == on_disk(photos)


class TestOneFolderOfSeveralNames:
    def names_of(self, photos: Path) -> list[str]:
        (photos.parent / "link").symlink_to(photos)
        (photos.parent / "deep").mkdir()
        (photos.parent / "deep" / "jump").symlink_to(photos / "own")
        here = str(photos)
        return [
            here + "/",
            here + "//",
            "/" + here,
            here + "/own/..",
            here + "/./nas/../",
            os.path.relpath(photos),
            str(photos.parent / "link"),
            str(photos.parent / "link") + "/",
            str(photos.parent / "link" / "own" / ".."),
            str(photos.parent / "deep" / "jump" / ".."),
        ]

    def test_each_of_them_is_one_root(self, library: Path, photos: Path) -> None:
        run_index(library, [photos])
        names = self.names_of(photos)
        for name in names:
            assert counts(run_index(library, [name])) == {"unchanged": 5}, name  # type: ignore[list-item]
        assert counts(run_index(library, names)) == {"unchanged": 5}  # type: ignore[arg-type]
        assert {row[0] for row in contents_of(library).files} == {os.fsencode(photos)}

    def test_home(self, library: Path, photos: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("HOME", str(photos.parent))
        run_index(library, ["~/photos"])  # type: ignore[list-item]
        assert counts(run_index(library, [photos, "~/photos/own"])) == {"unchanged": 5}  # type: ignore[list-item]

    def test_a_part_by_another_name_is_a_part(self, library: Path, photos: Path) -> None:
        run_index(library, [photos])
        (photos.parent / "link").symlink_to(photos)
        (photos / "own" / "photo0000.jpg").unlink()
        report = run_index(library, [photos.parent / "link" / "own"])
        assert counts(report) == {"unchanged": 4, "missing": 1}
        with pytest.raises(WrongUse, match="no such file"):
            run_index(library, [photos.parent / "link" / "nowhere"])

    def test_two_mounts_of_one_folder(
        self, library: Path, photos: Path, disks: Disks, tmp_path: Path
    ) -> None:
        run_index(library, [photos])
        disks.same(photos, at=tmp_path / "elsewhere" / "again")
        assert counts(run_index(library, [tmp_path / "elsewhere" / "again"])) == {"unchanged": 5}
        # Nor is it listed twice as a part of a folder above.
        assert counts(run_index(library, [tmp_path / "elsewhere"])) == {}
        assert known_files(library) == on_disk(photos)

    def test_a_link_as_root_stays_what_people_typed(self, library: Path, photos: Path) -> None:
        (photos.parent / "link").symlink_to(photos)
        run_index(library, [photos.parent / "link"])
        assert counts(run_index(library, [photos])) == {"unchanged": 5}
        assert {row[0] for row in contents_of(library).files} == {
            os.fsencode(photos.parent / "link")
        }

    @pytest.mark.parametrize("order", [(0, 1, 2), (2, 1, 0), (1, 2, 0), (1, 0, 2)])
    def test_roots_in_roots_list_each_file_once(
        self, library: Path, photos: Path, order: tuple[int, ...]
    ) -> None:
        write_photos(photos / "own" / "deep", 2, first_seed=40)
        folders = [photos, photos / "own", photos / "own" / "deep"]
        for number in order:
            run_index(library, [folders[number]])
        assert counts(run_index(library, [])) == {"unchanged": 7}
        assert counts(run_index(library, [photos])) == {"unchanged": 7}
        assert known_files(library) == on_disk(photos)
        assert len(contents_of(library).files) == 7

    def test_the_library_inside_a_root_is_not_searched(self, photos: Path) -> None:
        library = photos / "own" / "library"
        run_index(library, [photos])
        (photos.parent / "link").symlink_to(library)
        with pytest.raises(WrongUse, match="own folder"):
            run_index(library, [photos.parent / "link"])

    def test_an_empty_name_is_no_folder(self, library: Path) -> None:
        with pytest.raises(WrongUse, match="empty path"):
            run_index(library, [""])  # type: ignore[list-item]
        with pytest.raises(WrongUse, match="is no path"):
            run_index(library, ["a\0b"])  # type: ignore[list-item]

    def test_a_pipe_is_no_folder(self, library: Path, tmp_path: Path) -> None:
        os.mkfifo(tmp_path / "pipe.jpg")
        with pytest.raises(WrongUse, match="neither a file nor a folder"):
            run_index(library, [tmp_path / "pipe.jpg"])


class TestSpelling:
    NFC = unicodedata.normalize("NFC", "Café Ürümqi")
    NFD = unicodedata.normalize("NFD", "Café Ürümqi")

    def spelled(self, library: Path, tmp_path: Path, name: str) -> Path:
        root = tmp_path / "root"
        (path,) = write_photos(root / name, 1)
        path.rename(root / name / f"{name}.jpg")
        write_photos(root / "other", 2, first_seed=30)
        run_index(library, [root])
        return root

    @pytest.mark.parametrize(("stored", "typed"), [(NFD, NFC), (NFC, NFD)], ids=["nfd", "nfc"])
    def test_either_normal_form_finds_the_other(
        self, library: Path, tmp_path: Path, stored: str, typed: str
    ) -> None:
        root = self.spelled(library, tmp_path, stored)
        snapshot = Snapshot(library)
        known = snapshot.file_at(os.fsencode(root / stored / f"{stored}.jpg"))
        assert known
        assert snapshot.file_at(os.fsencode(root / typed / f"{typed}.jpg")) == known
        for filters in (
            Filters(in_folder=str(root / typed)),
            Filters(in_folder=typed),
            Filters(name=typed),
            Filters(name=f"{typed}.jpg", in_folder=str(root)),
        ):
            assert filters.allowed_ids(snapshot).tolist() == [known[0]]  # type: ignore[union-attr]
            test = filters.path_test(snapshot)
            assert test(os.fsencode(root / stored / f"{stored}.jpg"))
            assert not test(os.fsencode(root / "other" / "photo0030.jpg"))
        contrary = Filters(not_in_folder=str(root / typed))
        assert known[0] not in contrary.allowed_ids(snapshot).tolist()  # type: ignore[union-attr]
        snapshot.close()

    def test_both_forms_side_by_side_are_two_files(self, library: Path, tmp_path: Path) -> None:
        root = tmp_path / "root"
        for seed, name in enumerate((self.NFC, self.NFD)):
            write_photos(root / name, 1, first_seed=seed)
        if len(os.listdir(root)) < 2:
            pytest.skip("this file system takes both for one name")
        run_index(library, [root])
        assert known_files(library) == on_disk(root)
        snapshot = Snapshot(library)
        ids = [
            snapshot.file_at(os.fsencode(root / name / f"photo000{seed}.jpg"))
            for seed, name in enumerate((self.NFC, self.NFD))
        ]
        assert None not in ids
        assert ids[0] != ids[1]
        snapshot.close()

    def test_a_folder_filter_by_another_name_of_it(self, library: Path, photos: Path) -> None:
        write_photos(photos / "other", 2, first_seed=30)
        run_index(library, [photos])
        (photos.parent / "link").symlink_to(photos)
        snapshot = Snapshot(library)
        filters = Filters(in_folder=str(photos.parent / "link" / "other"))
        assert len(filters.allowed_ids(snapshot)) == 2  # type: ignore[arg-type]
        test = filters.path_test(snapshot)
        assert test(os.fsencode(photos / "other" / "photo0030.jpg"))
        assert not test(os.fsencode(photos / "own" / "photo0000.jpg"))
        assert snapshot.file_at(os.fsencode(photos.parent / "link" / "own" / "photo0000.jpg"))
        snapshot.close()

    def test_renamed_in_capitals_alone_is_moved(self, library: Path, photos: Path) -> None:
        run_index(library, [photos])
        (photos / "own").rename(photos / "Own")
        for path in (photos / "Own").iterdir():
            path.rename(path.with_name(path.name.upper()))
        assert counts(run_index(library, [photos])) == {"moved": 5, "read": 5}
        assert known_files(library) == on_disk(photos)

    @pytest.mark.parametrize("name", ["a", "Ä", "b\udcff", NFD, "e\u0301\u0301"])
    def test_normal_form_is_settled_and_keeps_bytes_that_are_no_text(self, name: str) -> None:
        plain = normal_form(os.fsencode(name))
        assert normal_form(plain) == plain
        assert unicodedata.normalize("NFC", os.fsdecode(plain)) == os.fsdecode(plain)


class TestCopies:
    def test_a_tree_copied_into_itself_five_times(self, library: Path, tmp_path: Path) -> None:
        root = tmp_path / "root"
        write_photos(root / "t", 3)
        for level in range(5):
            shutil.copytree(root, tmp_path / "copy")
            (tmp_path / "copy").rename(root / f"copy{level}")
        assert len(on_disk(root)) == 3 * 32
        report = run_index(library, [root])
        assert (report.encoded, report.added) == (3, 96)
        assert known_files(library) == on_disk(root)
        # Half of them move, some go: the photos are three, and what is there is listed.
        (root / "copy4").rename(root / "moved")
        shutil.rmtree(root / "copy3" / "copy2")
        (root / "t" / "photo0000.jpg").unlink()
        tower = ColourTower()
        report = run_index(library, [root], tower=tower)
        assert tower.encoded == 0
        assert known_files(library) == on_disk(root)
        assert known_files(library, missing=1) == set()
        assert len(contents_of(library).photos) == 3
        # Until the very last copy is gone.
        for path in root.rglob("photo0001.jpg"):
            path.unlink()
        run_index(library, [root])
        assert len(known_files(library, missing=1)) >= 1
        assert prune(library)[1] == 1
        assert len(contents_of(library).photos) == 2


def test_much_gone_at_once_is_worth_a_word(
    library: Path, photos: Path, caplog: pytest.LogCaptureFixture
) -> None:
    paths = write_photos(photos / "many", 40, first_seed=50)
    run_index(library, [photos])
    for path in paths[1:]:
        path.rename(photos / "nas" / path.name)
    run_index(library, [photos])
    assert caplog.messages == []  # moved is not gone
    for path in (photos / "nas").iterdir():
        path.unlink()
    shutil.rmtree(photos / "own")
    report = run_index(library, [photos])
    assert report.missing == 44
    assert "44 of 45 files are no longer there" in caplog.text
    assert "photosearch prune" in caplog.text


NAMES = [f"{number}.jpg" for number in range(4)]
PLACES = ("A", "B", "plain")  # two disks, and the folder that they are mounted at in turn


class DisksInTurn(RuleBasedStateMachine):
    """Disks come and go at one folder of a root, in any order with changes and runs.

    Whatever is on a disk that is away, or was never deleted, is never missing and never pruned.
    """

    def __init__(self) -> None:
        super().__init__()
        self.patch = pytest.MonkeyPatch()
        self.scratch = Path(tempfile.mkdtemp(prefix="photosearch-disks-"))
        self.root = self.scratch / "photos"
        self.library = self.scratch / "library"
        self.nas = self.root / "nas"
        write_photos(self.root / "own", 2, first_seed=900)
        for name in PLACES:
            (self.scratch / name).mkdir()
        self.plugged = "plain"
        (self.scratch / "plain").rename(self.nas)
        self._tell()
        self.indexed: dict[str, set[str]] = {name: set() for name in PLACES}
        self.there: dict[str, set[str]] = {name: set() for name in PLACES}
        run_index(self.library, [self.root])

    def teardown(self) -> None:
        self.patch.undo()
        shutil.rmtree(self.scratch)

    def _tell(self) -> None:
        table = {} if self.plugged == "plain" else {self.nas: f"disk {self.plugged}"}
        mounted_as(self.patch, table)

    @rule(name=st.sampled_from(PLACES))
    def plug(self, name: str) -> None:
        self.nas.rename(self.scratch / self.plugged)
        (self.scratch / name).rename(self.nas)
        self.plugged = name
        self._tell()

    @rule(name=st.sampled_from(NAMES))
    def write(self, name: str) -> None:
        path = self.nas / (self.plugged + name)  # no disk has a name of another
        seed = PLACES.index(self.plugged) * 100 + NAMES.index(name)
        path.write_bytes(PHOTOS[seed])
        self.there[self.plugged].add(path.name)

    @precondition(lambda self: self.there[self.plugged])
    @rule(data=st.data())
    def delete(self, data: st.DataObject) -> None:
        name = data.draw(st.sampled_from(sorted(self.there[self.plugged])))
        (self.nas / name).unlink()
        self.there[self.plugged].remove(name)

    @rule(part=st.sampled_from(("", "nas", "own")))
    def index(self, part: str) -> None:
        report = run_index(self.library, [self.root / part])
        assert report.failed == ()
        if part != "own":
            self.indexed[self.plugged] = set(self.there[self.plugged])

    @rule()
    def prune(self) -> None:
        prune(self.library)

    @invariant()
    def nothing_is_lost(self) -> None:
        known = {Path(path).name for path in known_files(self.library)}
        for place in PLACES:
            kept = self.indexed[place] & self.there[place]
            assert kept <= known, place
        # And what was deleted on the disk that is there is not listed for ever.
        assert known <= {"photo0900.jpg", "photo0901.jpg"}.union(*self.indexed.values())


PHOTOS = {
    100 * place + number: jpeg(picture(1000 + 100 * place + number, (16, 12)))
    for place in range(len(PLACES))
    for number in range(len(NAMES))
}
TestDisksInTurn = DisksInTurn.TestCase
TestDisksInTurn.settings = settings(max_examples=15, stateful_step_count=20, deadline=None)


class TestTheTableOfMounts:
    LINES = (
        b"22 1 254:0 / / rw,relatime - ext4 /dev/root rw\n"
        b"30 22 0:26 / /media/My\\040Disk\\134x rw shared:1 master:2 - vfat /dev/sdz1 rw\n"
        b"31 22 0:27 /sub /home/a/nas rw - nfs4 nas:/photos rw\n"
        b"32 22 0:28 / /home/a/nas rw - autofs systemd-1 rw\n"
        b"33 22 0:29 / /home/a rw - ext4 /dev/root rw\n"
        b"broken line\n"
    )

    def test_is_read_with_odd_names_and_the_last_of_several(self) -> None:
        table = _parsed(self.LINES)
        assert set(table) == {b"/", b"/media/My Disk\\x", b"/home/a/nas", b"/home/a"}
        assert table[b"/home/a/nas"].startswith("autofs:systemd-1")

    def test_of_a_root_those_in_it_and_the_innermost_above_it(self) -> None:
        mounts = Mounts(_parsed(self.LINES))
        assert set(mounts.of(b"/home/a")) == {b"", b"nas"}
        assert set(mounts.of(b"/home/a/Pictures/2024")) == {b""}
        assert set(mounts.of(b"/home")) == {b"a", b"a/nas"}
        assert mounts.of(b"/srv/photos") == {}
        assert mounts.of(b"/home/ab") == {}

    def test_without_a_table_the_system_is_asked(self, photos: Path, disks: Disks) -> None:
        disks.new(photos / "nas")
        assert b"nas" in Mounts(None).of(os.fsencode(photos))
        assert b"own" not in Mounts(None).of(os.fsencode(photos))
        assert b"" in Mounts(None).of(os.fsencode(photos / "nas"))

    def test_a_damaged_memory_of_mounts_costs_nothing(self, library: Path, photos: Path) -> None:
        run_index(library, [photos])
        for damage in ("{", "[]", '{"a": 1}', '{"a": [1]}', "null"):
            catalogue = Catalogue(library)
            catalogue.set_setting("mounts", damage)
            assert remembered_mounts(catalogue) == {}
            catalogue.close()
            assert counts(run_index(library, [photos])) == {"unchanged": 5}

    def test_what_is_not_mounted_for_the_photos_is_not_remembered(
        self, library: Path, photos: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        mounted_as(monkeypatch, {photos / "nas": "empty", photos / "own": "disk", Path("/"): "/"})
        run_index(library, [photos])
        catalogue = Catalogue(library)
        assert remembered_mounts(catalogue) == {os.fsencode(photos): {b"own": [(5, "disk")]}}
        catalogue.close()

    def test_a_run_over_a_part_leaves_the_rest_as_remembered(
        self, library: Path, photos: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        write_photos(photos / "nas" / "deep", 3, first_seed=50)
        mounted_as(monkeypatch, {photos / "nas": "one", photos / "own": "two"})
        run_index(library, [photos])
        mounted_as(monkeypatch, {})
        shutil.rmtree(photos / "nas" / "deep")
        run_index(library, [photos / "own"])
        report = run_index(library, [photos])
        assert report.offline == (photos / "nas",)
        assert report.missing == 0


@pytest.mark.parametrize(
    ("names", "there"),
    [
        ([], False),
        (["lost+found/", ".hidden", "Desktop.ini", "Thumbs.db"], False),
        (["lost+found/", "2024/"], True),
        (["a.jpg"], True),
    ],
)
def test_is_there(tmp_path: Path, names: list[str], there: bool) -> None:
    for name in names:
        (tmp_path / name).mkdir() if name.endswith("/") else (tmp_path / name).touch()
    assert is_there(os.fsencode(tmp_path)) is there
    assert not is_there(os.fsencode(tmp_path / "nowhere"))


def test_names_longer_than_the_system_takes_cost_one_line(tmp_path: Path) -> None:
    """A tree deeper than PATH_MAX, with a photo at every level."""
    here = os.getcwd()
    depth = 30
    try:
        os.chdir(tmp_path)
        for _ in range(depth):
            Path("a.jpg").touch()
            os.mkdir("d" * 200)
            os.chdir("d" * 200)
        Path("a.jpg").touch()
        results = list(walk(os.fsencode(tmp_path), WalkRules()))
    finally:
        while not os.path.samefile(".", tmp_path):
            with suppress(FileNotFoundError):
                os.unlink("a.jpg")
            os.chdir("..")
            os.rmdir("d" * 200)
        os.chdir(here)
    skipped = [one for one in results if isinstance(one, Skipped)]
    # The next folder; and the photo beside it, where its own path is just too long as well.
    assert len(skipped) in (1, 2)
    assert all("too long" in one.reason for one in skipped)
    assert 15 <= len(results) - len(skipped) <= depth


def test_the_register_counts_as_python_sets_do() -> None:
    numbers = [0, 1, 7, 8, 4095 * 8, 10**6, 10**6 + 1]
    seen = attendance._Bitmap()
    for number in numbers:
        seen.add(number)
    assert [number for number in range(10**6 + 100) if number in seen] == numbers


def test_files_that_arrive_cost_no_look_at_all_others(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A run over single files asks for these alone, however many the folder holds."""
    photos = tmp_path / "photos"
    paths = write_photos(photos, 12)
    run_index(tmp_path / "library", [photos])
    asked: list[bytes] = []
    real = Catalogue.files_below

    def files_below(self, root_id, folder, *, missing):  # type: ignore[no-untyped-def]
        asked.append(folder)
        return real(self, root_id, folder, missing=missing)

    real_ids = Catalogue.file_ids_below

    def file_ids_below(self, root_id, folder):  # type: ignore[no-untyped-def]
        asked.append(folder)
        return real_ids(self, root_id, folder)

    monkeypatch.setattr(Catalogue, "files_below", files_below)
    monkeypatch.setattr(Catalogue, "file_ids_below", file_ids_below)
    new = write_photos(photos, 2, first_seed=50)
    report = run_index(tmp_path / "library", [*paths[:3], *new])
    assert (report.added, report.unchanged, report.missing) == (2, 3, 0)
    assert b"" not in asked
    # A folder is another matter: it may be one in which something is mounted now.
    run_index(tmp_path / "library", [photos])
    assert b"" in asked
