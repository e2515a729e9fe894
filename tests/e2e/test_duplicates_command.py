"""`photosearch duplicates` as people run it: groups, what to keep, nothing lost through a pipe.

It runs in this process where signals, locks and the bytes of a pipe are no matter.
"""

from __future__ import annotations

import itertools
import json
import os
import shutil
import signal
import sqlite3
import subprocess
import sys
from collections import Counter
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from PIL import Image, ImageDraw, ImageEnhance, ImageFont

from photosearch.store.lock import writer_lock
from tests.command import Command
from tests.here import Here
from tests.make import camera_exif, encode, jpeg, shared_photos
from tests.unit.test_duplicates import captioned, scene

PHOTOS = shared_photos()
needs_photos = pytest.mark.skipif(
    PHOTOS is None, reason="the shared test photos are not there (PHOTOSEARCH_TEST_PHOTOS)"
)
# Half of the pictures, each with all its versions: those with copies, and those that another photo
# of the same scene is beside. `scripts/bench duplicates` looks at all of them.
SHARED = {f"n{number:02}" for number in (*range(1, 5), *range(21, 31))}
TAKEN = datetime(2024, 6, 1, 10, 11, 12)


def make_photos(folder: Path) -> dict[str, Path]:
    """Versions of one picture, a raw copy of another, one that is there once, a burst."""
    folder.mkdir()
    one, two, three = scene(1), scene(2), scene(3)
    camera = camera_exif(taken=TAKEN, camera="Pixel 6")
    files = {
        "one.jpg": jpeg(one, exif=camera, quality=95),
        "one-small.jpg": jpeg(one.resize((320, 240))),
        "one-q30.jpg": jpeg(one, quality=30),
        "one-crop.jpg": jpeg(one.crop((30, 20, 620, 465))),
        "one-grey.jpg": jpeg(one.convert("L").convert("RGB"), quality=80),
        "one-bright.jpg": jpeg(ImageEnhance.Brightness(one).enhance(1.3)),
        "one-caption.jpg": jpeg(captioned(one), quality=80),
        "one.webp": encode(one, "WEBP", quality=60),
        "two.png": encode(two, "PNG"),
        "two (1).png": encode(two, "PNG"),
        "three.jpg": jpeg(three),
    }
    for number in range(3):
        frame = three.copy()
        frame.paste(scene(20 + number).crop((0, 0, 300, 300)), (100, 100))
        exif = camera_exif(taken=TAKEN.replace(second=20 + number), camera="Pixel 6")
        files[f"frame{number}.jpg"] = jpeg(frame, exif=exif)
    for name, data in files.items():
        (folder / name).write_bytes(data)
    return {name: folder / name for name in files}


@dataclass(frozen=True)
class Stage:
    """Where photos and library of a test are, and what they are at its beginning."""

    now: Path
    indexed: Path
    compared: Path
    first: Any  # what the first run said

    def set(self, before: Path) -> Here:
        shutil.rmtree(self.now)
        shutil.copytree(before, self.now)
        return Here(self.now)


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Stage:
    folder = tmp_path_factory.mktemp("stage")
    command = Here(folder / "now")
    command.folder.mkdir()
    make_photos(command.folder / "photos")
    command("index", "-q", command.folder / "photos")
    shutil.copytree(command.folder, folder / "indexed")
    first = command("duplicates", "--json").json
    shutil.copytree(command.folder, folder / "compared")
    return Stage(command.folder, folder / "indexed", folder / "compared", first)


@pytest.fixture
def fresh(stage: Stage) -> Here:
    """Photos and library of its own."""
    return stage.set(stage.indexed)


@pytest.fixture
def compared(stage: Stage) -> Here:
    """Photos and library of its own, after a first run."""
    return stage.set(stage.compared)


@pytest.fixture(scope="module")
def single(tmp_path_factory: pytest.TempPathFactory) -> Here:
    """A library of one photo, without a date; to be read only."""
    command = Here(tmp_path_factory.mktemp("single"))
    (command.folder / "photos").mkdir()
    (command.folder / "photos" / "a.jpg").write_bytes(jpeg(scene(1)))
    command("index", "-q", command.folder / "photos")
    return command


def groups(document: Any) -> list[list[str]]:
    return [[Path(file["path"]).name for file in group["files"]] for group in document["groups"]]


def named(out: bytes) -> set[str]:
    assert out == b"" or out.endswith(b"\0")
    return {Path(os.fsdecode(path)).name for path in out.split(b"\0") if path}


class TestNear:
    def test_versions_of_a_picture_are_one_group(self, stage: Stage) -> None:
        first, second = groups(stage.first)
        assert set(first) == {
            "one.jpg", "one-small.jpg", "one-q30.jpg", "one-crop.jpg", "one-grey.jpg",
            "one-bright.jpg", "one-caption.jpg", "one.webp",
        }  # fmt: skip
        assert first[0] == "one.jpg"  # with the camera's data
        assert second == ["two.png", "two (1).png"]

    def test_the_reasons_are_words(self, compared: Here) -> None:
        text = compared("duplicates").text
        for words in (
            "keep: ",
            "camera's data",
            "smaller (320 x 240)",
            "cropped to",
            "grey",
            "as webp",
        ):
            assert words in text
        assert "2 pictures in 10 files" in text.splitlines()[-1]

    def test_only_what_is_kept_as_well_elsewhere_is_named(self, compared: Here) -> None:
        done = compared("duplicates", "--print0")
        assert named(done.out) == {
            "one-small.jpg", "one-q30.jpg", "one-grey.jpg", "one.webp", "two (1).png",
        }  # fmt: skip
        assert "one-caption.jpg: a part of the picture differs" in done.err
        assert "one-bright.jpg: it is brighter or darker" in done.err
        assert "one-crop.jpg: it is cropped" in done.err

    def test_the_second_run_opens_no_photo(self, stage: Stage, compared: Here) -> None:
        assert min(stage.first["hashed"], stage.first["compared"]) > 0
        again = compared("duplicates", "--json").json
        assert again["groups"] == stage.first["groups"]
        assert (again["hashed"], again["compared"]) == (0, 0)

    def test_a_second_run_waits_for_nobody(self, compared: Here) -> None:
        with writer_lock(compared.library):
            assert Command(compared.folder)("duplicates", "--json").json["groups"]

    def test_a_first_run_says_who_is_writing(self, fresh: Here) -> None:
        with writer_lock(fresh.library):
            done = Command(fresh.folder)("duplicates", code=2)
        assert f"process {os.getpid()}" in done.err

    def test_only_files_of_a_folder(self, compared: Here) -> None:
        other = compared.folder / "other"
        other.mkdir()
        shutil.copy(compared.folder / "photos" / "three.jpg", other)
        compared("index", "-q", other)
        done = compared("duplicates", "--in", other, code=1)
        assert "no near duplicates" in done.err
        assert ["three.jpg", "three.jpg"] in [
            sorted(group) for group in groups(compared("duplicates", "--json").json)
        ]

    def test_a_photo_that_is_not_there_is_told_and_tried_again(self, fresh: Here) -> None:
        photo = fresh.folder / "photos" / "one-small.jpg"
        photo.rename(fresh.folder / "away.jpg")
        done = fresh("duplicates", "--json", code=3)
        assert done.json["unavailable"] == 1
        assert "one-small.jpg" not in groups(done.json)[0]
        assert "1 photo could not be looked at" in done.err
        (fresh.folder / "away.jpg").rename(photo)
        assert "one-small.jpg" in groups(fresh("duplicates", "--json").json)[0]

    def test_nothing_is_named_of_a_disk_that_has_gone(self, compared: Here) -> None:
        (compared.folder / "photos").rename(compared.folder / "elsewhere")
        assert named(compared("duplicates", "--print0").out) == set()
        document = compared("duplicates", "--json").json
        assert all(file["offline"] for group in document["groups"] for file in group["files"])

    def test_an_edited_file_is_not_named(self, compared: Here) -> None:
        edited = compared.folder / "photos" / "one-small.jpg"
        edited.write_bytes(jpeg(scene(40)))
        done = compared("duplicates", "--print0")
        assert edited.name not in named(done.out)
        assert f"{edited.name}: it has changed since it was indexed" in done.err

    def test_removing_what_is_named_leaves_every_picture(self, compared: Here) -> None:
        done = compared("duplicates", "--print0")
        subprocess.run(["xargs", "-0", "rm"], input=done.out, check=True)
        left = {path.name for path in (compared.folder / "photos").iterdir()}
        assert {"one.jpg", "two.png", "three.jpg"} <= left
        assert {"one-caption.jpg", "one-bright.jpg"} <= left
        compared("index", "-q")
        assert named(compared("duplicates", "--print0").out) == set()

    def test_two_forms_that_differ_in_a_number_both_stay(self, tmp_path: Path) -> None:
        """They may look like one picture: at full size they do not."""

        def form(number: int) -> Image.Image:
            page = Image.new("RGB", (1240, 1754), "white")
            draw = ImageDraw.Draw(page)
            font = ImageFont.load_default(24)
            for line in range(40):
                value = number if line == 20 else 1200 + 17 * line
                text = f"{line:2}. Payment for the month of June, account 4711: {value}.00"
                draw.text((100, 80 + line * 40), text, font=font, fill="black")
            return page

        command = Here(tmp_path)
        (tmp_path / "photos").mkdir()
        (tmp_path / "photos" / "first.jpg").write_bytes(jpeg(form(1000), quality=90))
        (tmp_path / "photos" / "second.jpg").write_bytes(jpeg(form(1008), quality=80))
        (tmp_path / "photos" / "first-q40.jpg").write_bytes(jpeg(form(1000), quality=40))
        command("index", "-q", tmp_path / "photos")
        assert named(command("duplicates", "--print0").out) == {"first-q40.jpg"}

    def test_a_stopped_run_goes_on(self, stage: Stage, fresh: Here) -> None:
        process = subprocess.Popen(
            [sys.executable, "-m", "photosearch", "duplicates"],
            env=fresh.env,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        with closing(sqlite3.connect(fresh.library / "catalogue.db")) as connection:
            # Ready to be stopped as soon as it handles signals: it has opened the photos' library.
            while (
                process.poll() is None
                and not connection.execute("SELECT count(*) FROM hashes").fetchone()[0]
            ):
                pass
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=60)
        assert b"Traceback" not in err
        assert process.returncode in (0, 130)  # 0: it had come to its end
        assert groups(fresh("duplicates", "--json").json) == groups(stage.first)


class TestExact:
    def test_the_same_content(self, compared: Here) -> None:
        document = compared("duplicates", "--exact", "--json").json
        assert groups(document) == [["two.png", "two (1).png"]]
        assert document["hashed"] == document["compared"] == 0

    def test_nothing_twice(self, single: Here) -> None:
        assert "no exact duplicates" in single("duplicates", "--exact", code=1).err
        assert single("duplicates", "--exact", "--json", code=1).json["groups"] == []

    def test_a_hard_link_is_no_copy(self, tmp_path: Path) -> None:
        command = Here(tmp_path)
        (tmp_path / "photos").mkdir()
        (tmp_path / "photos" / "a.jpg").write_bytes(jpeg(scene(1)))
        os.link(tmp_path / "photos" / "a.jpg", tmp_path / "photos" / "b.jpg")
        command("index", "-q", tmp_path / "photos")
        command("duplicates", "--exact", code=1)
        shutil.copy(tmp_path / "photos" / "a.jpg", tmp_path / "photos" / "c (1).jpg")
        command("index", "-q", tmp_path / "photos")
        assert named(command("duplicates", "--exact", "--print0").out) == {"c (1).jpg"}

    def test_one_folder_by_two_names(self, tmp_path: Path) -> None:
        command = Here(tmp_path)
        (tmp_path / "photos").mkdir()
        (tmp_path / "photos" / "a.jpg").write_bytes(jpeg(scene(1)))
        (tmp_path / "link").symlink_to(tmp_path / "photos")
        command("index", "-q", tmp_path / "photos", tmp_path / "link")
        assert command("duplicates", "--exact", "--print0", code=1).out == b""

    def test_odd_names_come_through_the_pipe(self, tmp_path: Path) -> None:
        command = Command(tmp_path)
        folder = os.fsencode(tmp_path / "photos")
        os.mkdir(folder)
        names = [b"a.jpg", b"line\nend (1).jpg", b"\xff (1).jpg", b"-rf (1).jpg", b"$HOME (1).jpg"]
        for name in names:
            Path(os.fsdecode(folder + b"/" + name)).write_bytes(jpeg(scene(1)))
        Here(tmp_path)("index", "-q", folder)
        out = command("duplicates", "--exact", "--print0").out
        assert {os.path.basename(path) for path in out.split(b"\0") if path} == set(names[1:])
        assert "\\xff (1).jpg" in command("duplicates", "--exact").text


class TestBurst:
    def test_frames_are_a_sequence_and_no_duplicates(self, compared: Here) -> None:
        document = compared("duplicates", "--burst", "--json").json
        assert [sorted(group) for group in groups(document)] == [
            ["frame0.jpg", "frame1.jpg", "frame2.jpg"]
        ]
        assert document["undated"] > 0

    def test_bursts_are_never_named_for_removal(self, compared: Here) -> None:
        done = compared("duplicates", "--burst", "--print0", code=2)
        assert done.out == b""
        assert "different photos" in done.err

    def test_photos_without_dates(self, single: Here) -> None:
        assert "no photo says when it was taken" in single("duplicates", "--burst", code=1).err


class TestFaces:
    def test_page_shows_the_groups_and_loads_nothing(self, compared: Here) -> None:
        evil = compared.folder / "photos" / "<script>alert(1)<\\script>.jpg"
        shutil.copy(compared.folder / "photos" / "three.jpg", evil)
        compared("index", "-q")
        page = compared.folder / "page.html"
        compared("duplicates", "--html", page)
        text = page.read_text(encoding="utf-8")
        assert text.count("data:image/jpeg;base64,") == 12
        assert "<script" not in text
        assert "http:" not in text
        assert "https:" not in text
        assert text.count('class="chosen"') == 3

    def test_page_that_cannot_be_written(self, compared: Here) -> None:
        page = compared.folder / "no" / "page.html"
        assert "cannot be written" in compared("duplicates", "--html", page, code=2).err

    @pytest.mark.parametrize(
        "wrong",
        [("--exact", "--near"), ("--json", "--print0"), ("--in", "no-such-folder")],
        ids="kinds forms folder".split(),
    )
    def test_wrong_use(self, compared: Here, wrong: tuple[str, str]) -> None:
        assert compared("duplicates", *wrong, code=2).err

    def test_no_library(self, tmp_path: Path) -> None:
        assert "no library" in Here(tmp_path)("duplicates", code=2).err


@pytest.mark.parametrize("number", [1, 2, 3])
def test_a_library_of_an_earlier_schema(tmp_path: Path, number: int) -> None:
    """Its photos are elsewhere: nothing can be looked at, and nothing breaks."""
    command = Here(tmp_path)
    command.library.mkdir()
    golden = Path(__file__).parents[1] / "golden" / f"catalogue_schema{number}.db"
    shutil.copyfile(golden, command.library / "catalogue.db")
    assert command("duplicates", "--json", code=3).json["unavailable"] > 0


def test_no_sample_photo_is_called_a_duplicate_of_another(sampled: Command, tmp_path: Path) -> None:
    command = Here(tmp_path)
    shutil.copytree(sampled.library, command.library)
    for group in groups(command("duplicates", "--json", code=None).json):
        raise AssertionError(group)


@needs_photos
class TestSharedPhotos:
    def test_every_version_is_found_and_no_other_photo(self, tmp_path: Path) -> None:
        assert PHOTOS is not None
        lines = (PHOTOS / "neardup" / "gt.jsonl").read_text(encoding="utf-8").splitlines()
        records = [record for record in map(json.loads, lines) if record["group"] in SHARED]
        truth = {record["file"]: record for record in records}
        folder = tmp_path / "neardup"
        folder.mkdir()
        for name in truth:
            shutil.copy(PHOTOS / "neardup" / name, folder)
        command = Here(tmp_path)
        command("index", "-q", folder, "--model", "mini")
        document = command("duplicates", "--json").json
        group_of = {name: at for at, group in enumerate(groups(document)) for name in group}
        originals = {
            record["group"]: name
            for name, record in truth.items()
            if record["transform"] == "original"
        }
        wanted, found = Counter[str](), Counter[str]()
        for name, record in truth.items():
            if record["transform"] != "original":
                wanted[record["transform"]] += 1
                own = group_of.get(originals[record["group"]])
                found[record["transform"]] += own is not None and group_of.get(name) == own
        for transform in "recompress_q30 resize_50 crop_10 grey brightness".split():
            assert found[transform] >= 0.9 * wanted[transform], transform
        assert found["hard_negative"] == 0
        right = wrong = 0
        for group in groups(document):
            for one, other in itertools.combinations(group, 2):
                same = truth[one]["group"] == truth[other]["group"]
                if same and truth[one]["duplicate"] and truth[other]["duplicate"]:
                    right += 1
                else:
                    wrong += 1
        assert right / (right + wrong) >= 0.98
        gone = named(command("duplicates", "--print0").out)
        kept = {name for group in groups(document) for name in group} - gone
        assert {truth[name]["group"] for name in kept} == {truth[name]["group"] for name in truth}
