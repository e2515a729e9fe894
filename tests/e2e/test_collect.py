"""query --copy-to, --link-to and --html: what is made of the hits, and what is left alone."""

from __future__ import annotations

import errno
import hashlib
import os
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from photosearch.errors import WrongUse
from photosearch.paths import to_bytes
from photosearch.show import collect as collecting
from photosearch.show.collect import COPIED, FAILED, LINKED, THERE, check_folder, collect
from tests.command import SAMPLES, Command
from tests.here import Here
from tests.hits import write_hit
from tests.make import jpeg, picture


def results(hits: Any, folder: Path, *, link: bool = False) -> list[str]:
    return [one.result for one in collect(hits, folder, link=link)]


class TestCopies:
    def test_are_whole_with_the_times_of_the_photos(self, tmp_path: Path) -> None:
        hit = write_hit(tmp_path / "photos" / "a.jpg")
        os.utime(hit.path, ns=(1_600_000_000_123_000_000, 1_500_000_000_456_000_000))
        (one,) = collect([hit], tmp_path / "new" / "folder", link=False)
        assert one.result == COPIED
        assert one.made == tmp_path / "new" / "folder" / "a.jpg"
        assert one.made.read_bytes() == hit.path.read_bytes()
        assert one.made.stat().st_mtime_ns == hit.path.stat().st_mtime_ns
        assert os.listdir(one.made.parent) == ["a.jpg"]

    def test_a_taken_name_gets_a_number_and_a_photo_that_is_there_stays(
        self, tmp_path: Path
    ) -> None:
        hits = [write_hit(tmp_path / "photos" / str(n) / "IMG_1.jpg", n, n) for n in (1, 2, 3)]
        folder = tmp_path / "folder"
        folder.mkdir()
        (folder / "IMG_1.jpg").write_bytes(b"somebody's")
        made = [one.made and one.made.name for one in collect(hits, folder, link=False)]
        assert made == ["IMG_1 (2).jpg", "IMG_1 (3).jpg", "IMG_1 (4).jpg"]
        before = {name: (folder / name).stat().st_ino for name in os.listdir(folder)}
        assert results(reversed(hits), folder) == [THERE] * 3
        assert {name: (folder / name).stat().st_ino for name in os.listdir(folder)} == before
        assert (folder / "IMG_1.jpg").read_bytes() == b"somebody's"

    def test_what_changed_since_it_was_indexed_is_not_taken_for_it(self, tmp_path: Path) -> None:
        hit = write_hit(tmp_path / "photos" / "a.jpg")
        hit.path.write_bytes(jpeg(picture(7)))
        (one,) = collect([hit], tmp_path / "folder", link=False)
        assert one.result == FAILED
        assert "changed" in (one.reason or "")
        assert os.listdir(tmp_path / "folder") == []

    def test_offline_and_gone_photos_are_named_and_copies_of_them_used(
        self, tmp_path: Path
    ) -> None:
        gone = write_hit(tmp_path / "photos" / "gone.jpg", 1)
        gone.path.unlink()
        offline = write_hit(tmp_path / "photos" / "offline.jpg", 2, offline=True)
        copy = tmp_path / "photos" / "copy.jpg"
        twice = write_hit(tmp_path / "photos" / "twice.jpg", 3, copies=(copy,))
        twice.path.rename(copy)
        found = list(collect([gone, offline, twice], tmp_path / "folder", link=False))
        assert [one.result for one in found] == [FAILED, FAILED, COPIED]
        assert "no file" in (found[0].reason or "")
        assert "offline" in (found[1].reason or "")
        assert os.listdir(tmp_path / "folder") == ["copy.jpg"]

    @pytest.mark.skipif(sys.platform == "win32", reason="names are text there")
    def test_names_that_are_no_text(self, tmp_path: Path) -> None:
        hit = write_hit(tmp_path / "photos" / os.fsdecode(b"caf\xe9\n.jpg"))
        assert results([hit], tmp_path / "folder") == [COPIED]
        assert os.listdir(os.fsencode(tmp_path / "folder")) == [b"caf\xe9\n.jpg"]

    def test_on_a_disk_without_hard_links_nothing_is_written_over_either(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def no_links(*names: Any) -> None:
            raise OSError(errno.EPERM, "Operation not permitted")

        monkeypatch.setattr(os, "link", no_links)  # as FAT answers
        hits = [write_hit(tmp_path / "photos" / str(n) / "a.jpg", n, n) for n in (1, 2)]
        assert results(hits, tmp_path / "folder") == [COPIED, COPIED]
        digests = {
            hashlib.sha256(path.read_bytes()).hexdigest()
            for path in (tmp_path / "folder").iterdir()
        }
        assert digests == {hit.photo for hit in hits}


class TestFullDisk:
    @pytest.fixture
    def small_disk(self, tmp_path: Path) -> Iterator[Path]:
        """A file system of 1 MB, where one may be mounted."""
        folder = tmp_path / "disk"
        folder.mkdir()
        if os.system(f"mount -t tmpfs -o size=128k none '{folder}' 2>/dev/null") != 0:
            pytest.skip("no file system may be mounted here")
        yield folder
        os.system(f"umount '{folder}'")

    def test_what_was_copied_is_whole_and_the_rest_is_named(
        self, small_disk: Path, tmp_path: Path
    ) -> None:
        hits = [write_hit(tmp_path / "photos" / f"{n}.jpg", n, n) for n in range(1, 4)]
        for hit in hits[1:]:
            hit.path.write_bytes(hit.path.read_bytes() + bytes(200_000))
        found = list(collect(hits, small_disk, link=False))
        assert [one.result for one in found] == [COPIED, FAILED, FAILED]
        assert "No space" in (found[1].reason or "")
        assert "not tried" in (found[2].reason or "")
        assert os.listdir(small_disk) == ["1.jpg"]
        assert (small_disk / "1.jpg").read_bytes() == hits[0].path.read_bytes()


class TestLinks:
    def test_lead_to_the_photos(self, tmp_path: Path) -> None:
        hits = [write_hit(tmp_path / "photos" / str(n) / "a.jpg", n, n) for n in (1, 2)]
        folder = tmp_path / "folder"
        assert results(hits, folder, link=True) == [LINKED, LINKED]
        assert os.path.samefile(folder / "a.jpg", hits[0].path)
        assert os.path.samefile(folder / "a (2).jpg", hits[1].path)
        assert results(hits, folder, link=True) == [THERE, THERE]

    def test_a_link_is_no_copy(self, tmp_path: Path) -> None:
        hit = write_hit(tmp_path / "photos" / "a.jpg")
        folder = tmp_path / "folder"
        assert results([hit], folder, link=True) == [LINKED]
        assert results([hit], folder) == [COPIED]
        assert sorted(os.listdir(folder)) == ["a (2).jpg", "a.jpg"]
        assert not (folder / "a (2).jpg").is_symlink()
        assert results([hit], folder) == [THERE]

    def test_no_link_leads_to_nothing(self, tmp_path: Path) -> None:
        hit = write_hit(tmp_path / "photos" / "a.jpg")
        hit.path.unlink()
        assert results([hit], tmp_path / "folder", link=True) == [FAILED]
        assert os.listdir(tmp_path / "folder") == []

    @pytest.mark.parametrize("hard", [True, False], ids=["hard links", "no links"])
    def test_where_symbolic_links_are_refused(
        self, hard: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def refused(*names: Any) -> None:
            raise OSError(errno.EPERM, "A required privilege is not held by the client")

        monkeypatch.setattr(collecting.os, "symlink", refused)  # as Windows answers
        if not hard:
            monkeypatch.setattr(collecting.os, "link", refused)
        hit = write_hit(tmp_path / "photos" / "a.jpg")
        (one,) = collect([hit], tmp_path / "folder", link=True)
        if hard:
            assert one.result == LINKED
            assert os.path.samefile(tmp_path / "folder" / "a.jpg", hit.path)
        else:
            assert "--copy-to" in (one.reason or "")


class TestFolder:
    def test_not_in_an_indexed_folder_by_whatever_name(self, tmp_path: Path) -> None:
        root, library = tmp_path / "photos", tmp_path / "library"
        for folder in (root / "sub", library):
            folder.mkdir(parents=True)
        (tmp_path / "link").symlink_to(root)
        for wrong in (
            root,
            root / "new" / "er",
            tmp_path / "link" / "new",
            tmp_path / "x" / ".." / "photos" / "new",
            library / "vectors",
        ):
            with pytest.raises(WrongUse, match=r"indexed folder|own folder"):
                check_folder(wrong, [to_bytes(root)], library, option="--copy-to")
        for right in (tmp_path, tmp_path / "photos2", tmp_path / "new"):
            check_folder(right, [to_bytes(root)], library, option="--copy-to")

    def test_an_indexed_folder_that_is_not_there_is_one_all_the_same(self, tmp_path: Path) -> None:
        with pytest.raises(WrongUse, match="indexed folder"):
            check_folder(
                tmp_path / "disk" / "new",
                [to_bytes(tmp_path / "disk")],
                tmp_path / "library",
                option="--copy-to",
            )


# The command


@pytest.fixture(scope="module")
def indexed(tmp_path_factory: pytest.TempPathFactory) -> Here:
    command = Here(tmp_path_factory.mktemp("collect"))
    shutil.copytree(SAMPLES / "signs", command.folder / "photos")
    command("index", "-q", command.folder / "photos")
    return command


def test_the_answer_names_what_was_made(indexed: Command, tmp_path: Path) -> None:
    done = indexed("query", "a sign", "-k", "3", "--copy-to", "got", "--paths", cwd=tmp_path)
    assert len(done.lines) == 3
    assert {Path(line).parent for line in done.lines} == {tmp_path / "got"}
    assert "3 copied" in done.err
    again = indexed("query", "a sign", "-k", "4", "--copy-to", tmp_path / "got", "--json").json
    assert [one["result"] for one in again["collected"]] == ["there"] * 3 + ["copied"]
    assert [one["photo"] for one in again["collected"]] == [one["photo"] for one in again["hits"]]
    assert all(Path(one["path"]).is_relative_to(indexed.folder) for one in again["hits"])
    linked = indexed("query", "a sign", "-k", "2", "--link-to", tmp_path / "links")
    assert str(tmp_path / "links") in linked.text


def test_a_part_that_failed_is_told_by_the_exit_code(indexed: Command, tmp_path: Path) -> None:
    away = indexed.folder / "photos" / "exit-sign.jpg"
    away.rename(tmp_path / "away.jpg")
    try:
        apart = Command(indexed.folder)
        done = apart("query", "a sign", "--copy-to", tmp_path / "got", "--json", code=3)
        assert f"{away}: no file there now" in done.err
        assert "1 could not be copied" in done.err
        assert [one["path"] for one in done.json["collected"] if one["result"] == "failed"] == [
            str(away)
        ]
        assert len(os.listdir(tmp_path / "got")) == len(done.json["hits"]) - 1
    finally:
        (tmp_path / "away.jpg").rename(away)


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (["--copy-to", "a", "--link-to", "b"], "exclude each other"),
        (["--json", "--show"], "exclude each other"),
        (["--html", "-", "--paths"], "exclude each other"),
        (["--html", "-", "--open"], "needs a file"),
        (["--open"], "needs --html"),
        (["--force"], "needs --html"),
        (["--html", "."], "is a folder"),
        (["--html", "none/a.html"], "there is no folder"),
        (["--preview", "ascii"], "no way to show"),
        (["--copy-to", "file"], "is no folder"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_what_does_not_go_together_is_said_at_once(
    options: list[str], says: str, indexed: Command, tmp_path: Path
) -> None:
    (tmp_path / "file").write_text("")
    done = indexed("query", "a sign", *options, code=2, cwd=tmp_path)
    assert says in done.err
    assert os.listdir(tmp_path) == ["file"]


def test_no_collecting_in_the_photo_folder(indexed: Command) -> None:
    folder = indexed.folder / "photos" / "best"
    assert "indexed folder" in indexed("query", "a sign", "--copy-to", folder, code=2).err
    assert not folder.exists()


def test_a_page_beside_the_lines_and_alone(indexed: Command, tmp_path: Path) -> None:
    page = tmp_path / "a b.html"
    done = indexed("query", "a sign in:photos", "-k", "4", "--html", page)
    assert len(done.lines) == 4
    assert "4 photos on" in done.err
    text = page.read_text(encoding="utf-8")
    assert text.count("data:image/jpeg;base64,") == 4
    assert "<h1>a sign in:photos</h1>" in text
    alone = indexed("query", "a sign in:photos", "-k", "4", "--html", "-")
    assert alone.text == text
    similar = indexed("similar", SAMPLES / "signs" / "exit-sign.jpg", "-k", "2", "--html", page)
    assert len(similar.lines) == 2
    assert "like exit-sign.jpg" in page.read_text(encoding="utf-8")
    indexed("query", "after:2100", "--html", page, code=1)
    assert "No photos were found" in page.read_text(encoding="utf-8")


def test_no_other_file_is_written_over(indexed: Command, tmp_path: Path) -> None:
    mine = tmp_path / "mine.html"
    mine.write_text("mine")
    for command in (("query", "a sign"), ("duplicates",)):
        assert "exists already" in indexed(*command, "--html", mine, code=2).err
    assert mine.read_text() == "mine"
    indexed("query", "a sign", "--html", mine, "--force")
    indexed("duplicates", "--html", mine, code=None)
    assert "Near duplicates" in mine.read_text(encoding="utf-8")


def test_the_page_is_opened_in_the_browser_that_is_set_up(indexed: Command, tmp_path: Path) -> None:
    browser = tmp_path / "browser"
    browser.write_text(f'#!/bin/sh\nprintf %s "$1" > "{tmp_path}/opened"\n')
    browser.chmod(0o755)
    indexed.env["BROWSER"] = f"{browser} %s"
    try:
        indexed("query", "a sign", "-k", "1", "--html", "a.html", "--open", cwd=tmp_path)
    finally:
        del indexed.env["BROWSER"]
    assert (tmp_path / "opened").read_text() == (tmp_path / "a.html").as_uri()


@pytest.mark.skipif(sys.platform == "win32", reason="Python has no Unix sockets there")
@pytest.mark.parametrize(
    "options",
    [
        ["--html", "a.html"],
        ["--html=a.html"],
        ["--copy-to", "got"],
        ["--link-to=got"],
        ["--show"],
        ["--preview", "kitty"],
    ],
    ids=" ".join,
)
def test_what_writes_or_draws_is_done_by_the_command_itself(options: list[str]) -> None:
    """A warm process has another folder and another terminal, and answers one after the other."""
    from photosearch.resident.client import can_delegate

    assert can_delegate(["query", "a sign", "-k", "3"])
    assert not can_delegate(["query", "a sign", *options])
