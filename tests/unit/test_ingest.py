"""One run after another over a folder that changes: what is read, encoded, kept, forgotten."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

from photosearch import Library
from photosearch.errors import WrongUse
from photosearch.reports.runs import IndexReport
from photosearch.walk import WalkRules
from tests.contents import contents_of
from tests.fake import ColourTower, run_index
from tests.make import jpeg, picture, write_photos


@pytest.fixture
def library(tmp_path: Path) -> Path:
    return tmp_path / "library"


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    folder = tmp_path / "photos"
    write_photos(folder / "a", 5)
    write_photos(folder / "b", 3, first_seed=100)
    return folder


def counts(report: IndexReport) -> dict[str, int]:
    """The counts that are not zero."""
    names = "encoded added changed unchanged moved copied missing read known_failures".split()
    return {name: getattr(report, name) for name in names if getattr(report, name)}


def paths_in(library: Path, *, missing: int = 0) -> set[str]:
    return {
        os.fsdecode(row[0] + b"/" + row[1])  # type: ignore[operator]
        for row in contents_of(library).files
        if row[4] == missing
    }


def on_disk(folder: Path) -> set[str]:
    return {str(path) for path in folder.rglob("*") if path.is_file()}


def test_first_run_takes_in_every_photo(library: Path, photos: Path) -> None:
    report = run_index(library, [photos])
    assert counts(report) == {"encoded": 8, "added": 8, "read": 8}
    assert paths_in(library) == on_disk(photos)


def test_unchanged_folder_is_neither_read_nor_encoded(library: Path, photos: Path) -> None:
    run_index(library, [photos])
    tower = ColourTower()
    assert counts(run_index(library, [photos], tower=tower)) == {"unchanged": 8}
    assert tower.encoded == 0


def test_moves_renames_copies_and_deletions_encode_nothing(library: Path, photos: Path) -> None:
    run_index(library, [photos])
    shutil.move(photos / "a", photos / "c")
    names = sorted((photos / "c").iterdir())
    names[0].rename(photos / "c" / "renamed.jpg")
    shutil.copy(names[1], photos / "copy.jpg")
    names[2].unlink()
    report = run_index(library, [photos])
    assert counts(report) == {"unchanged": 3, "moved": 4, "copied": 1, "missing": 1, "read": 5}
    assert paths_in(library) == on_disk(photos)
    assert len(paths_in(library, missing=1)) == 1


def test_dry_run_tells_roots_apart(tmp_path: Path) -> None:
    for name in ("one", "two"):
        write_photos(tmp_path / name, 3, first_seed=0)
    with Library.open(tmp_path / "library", create=True) as opened:
        opened.index(tmp_path / "one")
        for path in (tmp_path / "one").iterdir():
            os.utime(path, ns=(5, 5))
        report = opened.index([tmp_path / "one", tmp_path / "two"], dry_run=True)
    assert (report.changed, report.added, report.read) == (3, 3, 0)


def test_one_changed_byte_encodes_one_photo(library: Path, photos: Path) -> None:
    run_index(library, [photos])
    with (photos / "b" / "photo0100.jpg").open("ab") as file:
        file.write(b"x")
    report = run_index(library, [photos])
    assert counts(report) == {"encoded": 1, "changed": 1, "unchanged": 7, "read": 1}


def test_touched_file_is_read_but_not_encoded(library: Path, photos: Path) -> None:
    run_index(library, [photos])
    os.utime(photos / "b" / "photo0100.jpg", ns=(1, 1))
    assert counts(run_index(library, [photos])) == {"unchanged": 8, "read": 1}
    assert counts(run_index(library, [photos])) == {"unchanged": 8}


def test_copies_within_one_run_are_encoded_once(library: Path, photos: Path) -> None:
    for number in range(20):
        shutil.copy(photos / "a" / "photo0000.jpg", photos / f"copy{number}.jpg")
    report = run_index(library, [photos], batch_size=2)
    assert report.encoded == 8
    assert report.added == 28
    assert paths_in(library) == on_disk(photos)


def test_deleted_photo_that_comes_back_is_known_at_once(library: Path, photos: Path) -> None:
    run_index(library, [photos])
    target = photos / "a" / "photo0000.jpg"
    kept = target.read_bytes(), target.stat().st_mtime_ns
    target.unlink()
    assert run_index(library, [photos]).missing == 1
    target.write_bytes(kept[0])
    os.utime(target, ns=(kept[1], kept[1]))
    assert counts(run_index(library, [photos])) == {"unchanged": 8}
    assert paths_in(library) == on_disk(photos)


def test_another_photo_at_the_path_of_a_deleted_one(library: Path, photos: Path) -> None:
    run_index(library, [photos])
    target = photos / "a" / "photo0000.jpg"
    target.unlink()
    run_index(library, [photos])
    target.write_bytes(jpeg(picture(77)))
    assert run_index(library, [photos]).encoded == 1
    assert paths_in(library) == on_disk(photos)


def test_photo_moved_between_roots_is_moved(library: Path, photos: Path) -> None:
    roots = [photos / "a", photos / "b"]
    run_index(library, roots)
    (photos / "a" / "photo0000.jpg").rename(photos / "b" / "moved.jpg")
    assert counts(run_index(library, roots)) == {"unchanged": 7, "moved": 1, "read": 1}
    assert paths_in(library, missing=1) == set()


def test_move_is_completed_by_a_later_run_over_the_other_folder(
    library: Path, photos: Path
) -> None:
    roots = [photos / "a", photos / "b"]
    run_index(library, roots)
    (photos / "a" / "photo0000.jpg").rename(photos / "b" / "moved.jpg")
    assert run_index(library, [photos / "a"]).missing == 1
    run_index(library, [photos / "b"])
    assert paths_in(library) == on_disk(photos)
    assert paths_in(library, missing=1) == set()


class TestFailures:
    def test_damaged_file_is_reported_once_and_tried_again_when_it_changes(
        self, library: Path, photos: Path
    ) -> None:
        bad = photos / "bad.jpg"
        bad.write_bytes(jpeg(picture(7))[:-200])
        first = run_index(library, [photos])
        assert [failure.path for failure in first.failed] == [bad]
        assert "truncated" in first.failed[0].reason
        assert counts(run_index(library, [photos])) == {"unchanged": 8, "known_failures": 1}
        assert len(run_index(library, [photos], retry=True).failed) == 1
        bad.write_bytes(jpeg(picture(7)))
        mended = run_index(library, [photos])
        assert counts(mended) == {"encoded": 1, "added": 1, "unchanged": 8, "read": 1}
        assert contents_of(library).failures == set()

    def test_failure_of_a_deleted_file_is_forgotten(self, library: Path, photos: Path) -> None:
        (photos / "bad.jpg").write_bytes(b"no image")
        run_index(library, [photos])
        (photos / "bad.jpg").unlink()
        run_index(library, [photos])
        assert contents_of(library).failures == set()

    def test_all_copies_of_a_damaged_file_are_reported(self, library: Path, photos: Path) -> None:
        for name in ("bad1.jpg", "bad2.jpg", "bad3.jpg"):
            (photos / name).write_bytes(jpeg(picture(7))[:-200])
        report = run_index(library, [photos])
        assert sorted(failure.path.name for failure in report.failed) == [
            "bad1.jpg",
            "bad2.jpg",
            "bad3.jpg",
        ]

    def test_photo_overwritten_by_rubbish_lies_there_no_more(
        self, library: Path, photos: Path
    ) -> None:
        run_index(library, [photos])
        (photos / "a" / "photo0000.jpg").write_bytes(b"rubbish")
        assert len(run_index(library, [photos]).failed) == 1
        assert len(paths_in(library)) == 7

    def test_file_without_suffix_is_taken_by_its_content(self, library: Path, photos: Path) -> None:
        (photos / "unnamed").write_bytes(jpeg(picture(7)))
        (photos / "README").write_text("about these photos")
        report = run_index(library, [photos])
        assert report.added == 9
        assert report.failed == ()


class TestUnreadable:
    def test_what_is_below_an_unreadable_folder_is_kept(
        self, library: Path, photos: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        run_index(library, [photos])
        refuse(monkeypatch, "scandir", photos / "a")
        report = run_index(library, [photos])
        assert [failure.path for failure in report.failed] == [photos / "a"]
        assert counts(report) == {"unchanged": 3}
        assert len(paths_in(library)) == 8
        monkeypatch.undo()
        assert counts(run_index(library, [photos])) == {"unchanged": 8}
        assert contents_of(library).failures == set()

    def test_known_photo_that_cannot_be_read_for_a_while_is_kept(
        self, library: Path, photos: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        run_index(library, [photos])
        before = contents_of(library).files
        target = photos / "a" / "photo0000.jpg"
        os.utime(target, ns=(1, 1))
        refuse(monkeypatch, "open", target)
        assert len(run_index(library, [photos]).failed) == 1
        assert contents_of(library).files == before
        monkeypatch.undo()
        # Tried again although neither size nor time has changed since it failed.
        assert counts(run_index(library, [photos])) == {"unchanged": 8, "read": 1}
        assert contents_of(library).failures == set()

    def test_file_that_vanishes_between_walk_and_read_is_no_failure(
        self, library: Path, photos: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        refuse(monkeypatch, "open", photos / "a" / "photo0000.jpg", FileNotFoundError)
        report = run_index(library, [photos])
        assert report.failed == ()
        assert report.added == 7


def refuse(
    monkeypatch: pytest.MonkeyPatch, name: str, path: Path, error: type[OSError] = PermissionError
) -> None:
    """Make one function of `os` fail for one path: permissions do not stop root."""
    real = getattr(os, name)
    target = os.fsencode(path)

    def refusing(given, *args, **kwargs):  # type: ignore[no-untyped-def]
        if isinstance(given, (bytes, str)) and os.fsencode(given) == target:
            raise error(13, "Permission denied", given)
        return real(given, *args, **kwargs)

    monkeypatch.setattr(os, name, refusing)


class TestRoots:
    def test_absent_root_is_offline_and_keeps_its_photos(self, library: Path, photos: Path) -> None:
        run_index(library, [photos])
        photos.rename(photos.with_name("elsewhere"))
        report = run_index(library, [])
        assert report.offline == (photos,)
        assert len(paths_in(library)) == 8

    def test_emptied_root_is_offline_and_keeps_its_photos(
        self, library: Path, photos: Path
    ) -> None:
        run_index(library, [photos])
        shutil.rmtree(photos)
        photos.mkdir()
        report = run_index(library, [photos])
        assert report.offline == (photos,)
        assert len(paths_in(library)) == 8

    def test_a_folder_inside_a_root_is_a_part_of_it(self, library: Path, photos: Path) -> None:
        run_index(library, [photos])
        (photos / "a" / "photo0000.jpg").unlink()
        (photos / "b" / "photo0100.jpg").unlink()
        report = run_index(library, [photos / "a"])
        assert counts(report) == {"unchanged": 4, "missing": 1}
        assert {row[0] for row in contents_of(library).files} == {os.fsencode(photos)}

    def test_a_root_inside_a_new_root_keeps_its_files(self, library: Path, photos: Path) -> None:
        run_index(library, [photos / "a"])
        report = run_index(library, [photos])
        assert counts(report) == {"encoded": 3, "added": 3, "unchanged": 5, "read": 3}
        assert counts(run_index(library, [photos])) == {"unchanged": 8}
        assert paths_in(library) == on_disk(photos)

    def test_a_path_belongs_to_the_innermost_root(self, library: Path, photos: Path) -> None:
        run_index(library, [photos / "a"])
        run_index(library, [photos])
        write_photos(photos / "a" / "deep", 1, first_seed=40)
        assert run_index(library, [photos / "a" / "deep"]).added == 1
        assert counts(run_index(library, [photos])) == {"unchanged": 9}
        assert len(contents_of(library).files) == 9

    def test_one_file_can_be_indexed(self, library: Path, photos: Path) -> None:
        assert run_index(library, [photos / "a" / "photo0000.jpg"]).added == 1

    def test_several_parts_of_one_root(self, library: Path, photos: Path) -> None:
        run_index(library, [photos])
        (photos / "a" / "photo0000.jpg").unlink()
        report = run_index(library, [photos / "a", photos / "b", photos / "a" / "photo0001.jpg"])
        assert counts(report) == {"unchanged": 7, "missing": 1}

    def test_no_such_folder(self, library: Path, tmp_path: Path) -> None:
        with pytest.raises(WrongUse, match="no such file or folder"):
            run_index(library, [tmp_path / "nowhere"])

    def test_excluded_photos_are_no_longer_there(self, library: Path, photos: Path) -> None:
        run_index(library, [photos])
        report = run_index(library, [photos], rules=WalkRules(exclude=("b/",)))
        assert counts(report) == {"unchanged": 5, "missing": 3}


def test_second_model_encodes_what_it_lacks_and_keeps_apart(library: Path, photos: Path) -> None:
    run_index(library, [photos])
    other = ColourTower(key="other")
    report = run_index(library, [photos], tower=other)
    assert counts(report) == {"encoded": 8, "unchanged": 8, "read": 8}
    assert {row[1] for row in contents_of(library).vectors} == {"colours", "other"}
    assert counts(run_index(library, [photos], tower=other)) == {"unchanged": 8}


def test_stopped_run_keeps_what_it_did_and_marks_nothing_missing(
    library: Path, photos: Path
) -> None:
    run_index(library, [photos])
    write_photos(photos / "z", 30, first_seed=500)
    (photos / "a" / "photo0000.jpg").unlink()
    asked = iter(range(1000))
    report = run_index(library, [photos], should_stop=lambda: next(asked) > 15, batch_size=2)
    assert report.interrupted
    assert 0 < report.encoded < 30
    assert paths_in(library, missing=1) == set()
    rest = run_index(library, [photos])
    assert rest.encoded == 30 - report.encoded
    assert rest.missing == 1
    assert paths_in(library) == on_disk(photos)


def test_progress_grows_to_the_number_of_files(library: Path, photos: Path) -> None:
    seen = []
    run_index(library, [photos], progress=seen.append, batch_size=2)
    assert [step.done for step in seen] == sorted(step.done for step in seen)
    assert seen[-1].encoded == 8
