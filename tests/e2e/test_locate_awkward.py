"""`locate` over photos that are hard to read: an answer, or one clear line for each."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from photosearch.library.locating import locate_images
from photosearch.records import Failure, Region
from photosearch.zeroshot.files import PhotoFiles
from tests.command import SAMPLES, Command
from tests.here import Here
from tests.make import (
    PHOTOS_VARIABLE,
    camera_exif,
    jpeg,
    picture,
    png,
    shared_photos,
    stored_as,
)

_PHOTOS = shared_photos()
FOLDER = _PHOTOS / "awkward" if _PHOTOS else None
ENTRIES: dict[str, dict[str, Any]] = {}
if FOLDER and (FOLDER / "manifest.jsonl").is_file():
    with (FOLDER / "manifest.jsonl").open(encoding="utf-8") as file:
        ENTRIES = {entry["file"]: entry for entry in map(json.loads, file)}
needs_photos = pytest.mark.skipif(
    not ENTRIES, reason=f"no test photos: {PHOTOS_VARIABLE} names no folder with awkward/ in it"
)

# Each takes the command half a second, so it is shown these, and what cannot be read.
SOME = (
    "-leading-dash.jpg",
    "format_cmyk.jpg",
    "orient_landscape_6.jpg",
    "size_1x5000.jpg",
    "clip.mp4",
)
WHAT = ("--what", "a person, the sky")
# What a line about a file may not be: the words of a programmer, or of Pillow about itself.
UNCLEAR = ("Traceback", "Error:", "Errno", "<PIL", "0x", "NoneType", "warn")


@pytest.fixture
def photosearch(tmp_path: Path) -> Here:
    return Here(tmp_path)


@pytest.fixture
def alone(tmp_path: Path) -> Command:
    """The command as a process of its own, to whose stderr libraries may write, too."""
    return Command(tmp_path)


class Everything:
    """A Locator to which the whole picture is a person."""

    model = "none"
    need: int | None = 224

    def locate(self, image: Image.Image) -> list[Region]:
        assert image.mode == "RGB"
        width, height = image.size
        mask = np.ones((height, width), bool)
        return [Region((0, 0, width, height), "a person", 1.0, mask)]


@needs_photos
@pytest.mark.filterwarnings("ignore::UserWarning:PIL")
@pytest.mark.parametrize("entry", list(ENTRIES.values()), ids=lambda entry: str(entry["file"]))
def test_every_awkward_file_gives_boxes_in_its_pixels_or_a_reason(entry: dict[str, Any]) -> None:
    assert FOLDER is not None
    (file,) = PhotoFiles([FOLDER / entry["file"]])
    (record,) = locate_images([file], Everything())
    if isinstance(record, Failure):
        check_failure(entry, record.reason)
    elif check_size(entry, record.as_dict() if record.width * record.height < 1e6 else None):
        assert (record.width, record.height) == (entry["width"], entry["height"])
        (region,) = record.regions
        assert region.box == (0, 0, entry["width"], entry["height"])
        assert region.mask is not None
        assert region.mask.shape == (entry["height"], entry["width"])


@needs_photos
def test_the_command_over_awkward_files(alone: Command) -> None:
    """What cannot be read among what can, named at once: each failure is a line."""
    assert FOLDER is not None
    broken = [name for name, entry in ENTRIES.items() if entry["expect"] == "error"]
    paths = {str(FOLDER / name): ENTRIES[name] for name in [*broken, *SOME]}
    done = alone("locate", *paths, *WHAT, "--json", code=3)
    answer = done.json
    assert answer["version"] == 1
    located = {photo["path"]: photo for photo in answer["photos"]}
    failed = {failure["path"]: failure["reason"] for failure in answer["failed"]}
    assert not located.keys() & failed.keys()
    assert located.keys() | failed.keys() == paths.keys()
    for path, photo in located.items():
        check_size(paths[path], photo)
        for region in photo["regions"]:
            check_region(region, photo)
    told = [line.removeprefix("photosearch: ") for line in done.err.splitlines()]
    for path, reason in failed.items():
        check_failure(paths[path], reason)
        assert [line for line in told if line.startswith(path)] == [f"{path}: {reason}"]


def check_size(entry: dict[str, Any], photo: dict[str, Any] | None) -> bool:
    """Of a file that was read: whether its size is known, and that it is this one."""
    # A named file is taken whatever its name is, so that "skip" of a walk may be an answer.
    assert entry["expect"] != "error" or "ok" in entry.get("also_ok", ()), entry
    if not entry.get("width"):
        return False
    if photo is not None:
        assert (photo["width"], photo["height"]) == (entry["width"], entry["height"])
    return True


def check_failure(entry: dict[str, Any], reason: str) -> None:
    assert entry["expect"] != "ok" or is_raw(entry) or "also_ok" in entry, (entry, reason)
    assert reason
    assert "\n" not in reason
    assert len(reason) < 300
    assert not [word for word in UNCLEAR if word in reason], reason


def is_raw(entry: dict[str, Any]) -> bool:
    return str(entry["file"]).startswith("raw_")


def check_region(region: dict[str, Any], photo: dict[str, Any]) -> None:
    x0, y0, x1, y1 = region["box"]
    assert 0 <= x0 < x1 <= photo["width"], (region, photo["path"])
    assert 0 <= y0 < y1 <= photo["height"], (region, photo["path"])
    assert 0 <= region["score"] <= 1
    assert region["label"] in ("a person", "the sky")


@pytest.mark.parametrize(
    ("asked", "orientations"),
    # The photo is turned before it is looked at: the slower way need not see each orientation.
    [(("--words", "EXIT"), (1, 3, 6, 8)), (("--what", "a sign", "--threshold", "0"), (1, 6))],
    ids=["words", "regions"],
)
def test_a_photo_has_the_same_boxes_however_it_was_stored(
    photosearch: Command, tmp_path: Path, asked: tuple[str, ...], orientations: tuple[int, ...]
) -> None:
    """Boxes are in the pixels of the upright photo, whatever the camera's orientation was."""
    with Image.open(SAMPLES / "signs" / "exit-sign.jpg") as image:
        scene = image.convert("RGB").resize((320, 240))
    paths = [tmp_path / f"{orientation}.png" for orientation in orientations]
    for path in paths:
        orientation = int(path.stem)
        exif = camera_exif(orientation=orientation)
        path.write_bytes(png(stored_as(scene, orientation), exif=exif))
    upright, *others = photosearch("locate", *paths, *asked, "--json").json["photos"]
    assert upright["regions"]
    for photo in others:
        assert {**photo, "path": ""} == {**upright, "path": ""}


@pytest.fixture
def mixed(tmp_path: Path) -> Path:
    """A folder with two photos, and what looks like photos."""
    folder = tmp_path / "mixed"
    folder.mkdir()
    good = jpeg(picture(1, (200, 150)))
    (folder / "good.jpg").write_bytes(good)
    (folder / "b\xe4d \u732b.jpg").write_bytes(jpeg(picture(2, (150, 200))))
    (folder / "empty.jpg").write_bytes(b"")
    (folder / "cut.jpg").write_bytes(good[: len(good) // 2])
    (folder / "text.jpg").write_text("no photo")
    (folder / "line\nbreak.jpg").write_bytes(b"\xff\xd8\xff\xe0")
    (folder / "notes.txt").write_text("not looked at")
    (folder / "sub").mkdir()
    (folder / "sub" / "loop").symlink_to(folder, target_is_directory=True)
    os.mkfifo(folder / "pipe.jpg")
    return folder


def test_a_folder_with_broken_files(photosearch: Command, mixed: Path) -> None:
    """The photos in it are answered, each broken file is one line, and the exit code says so."""
    done = photosearch("locate", mixed, *WHAT, "--json", "--threshold", "0", code=3)
    answer = done.json
    assert sorted(Path(photo["path"]).name for photo in answer["photos"]) == [
        "b\xe4d \u732b.jpg",
        "good.jpg",
    ]
    for photo in answer["photos"]:
        assert photo["regions"]
        for region in photo["regions"]:
            check_region(region, photo)
    failed = sorted(Path(one["path"]).name for one in answer["failed"])
    assert failed == ["cut.jpg", "empty.jpg", "line\nbreak.jpg", "text.jpg"]
    for name in ("cut.jpg", "empty.jpg", "text.jpg"):
        assert len([line for line in done.err.splitlines() if f"{name}: " in line]) == 1
    assert not [line for line in done.err.splitlines() if line.startswith("break.jpg")]


@pytest.mark.parametrize("name", ["cut.jpg", "empty.jpg", "text.jpg", "pipe.jpg", "sub", "none"])
def test_nothing_but_a_broken_file(photosearch: Command, mixed: Path, name: str) -> None:
    """Wrong use, or, where there is no photo at all, nothing found: and a line that names it."""
    if name == "sub":
        done = photosearch("locate", mixed / name, *WHAT, code=1)
        assert done.err.splitlines()[-1] == "photosearch: no photos found"
    else:
        done = photosearch("locate", mixed / name, *WHAT, code=2)
        assert name in done.err
    assert not done.out


def test_a_photo_in_which_nothing_is_that_sure(photosearch: Command, mixed: Path) -> None:
    """Nothing found is exit code 1, and an empty list in JSON."""
    done = photosearch("locate", mixed / "good.jpg", *WHAT, "--json", "--threshold", "1", code=1)
    assert done.json["photos"][0]["regions"] == []
    assert done.json["failed"] == []
