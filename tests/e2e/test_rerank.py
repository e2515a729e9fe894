"""`--crop` and `--rerank geometry` as people type them."""

from __future__ import annotations

import io
import os
import shutil
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image

from photosearch import Library
from photosearch.errors import WrongUse
from tests.command import SAMPLES, Command
from tests.e2e.test_resident import made
from tests.make import jpeg

# Things with marks on them; the places that they are pasted into are not in the library.
THINGS = [
    SAMPLES / "signs" / "concert-poster.jpg",
    SAMPLES / "places" / "temple-china.jpg",
    SAMPLES / "life" / "spice-market.jpg",
]


@pytest.fixture(scope="module")
def command(tmp_path_factory: pytest.TempPathFactory) -> Command:
    command = Command(tmp_path_factory.mktemp("rerank"))
    command("index", "-q", SAMPLES)
    return command


def in_a_room(thing: Path, seed: int, box: tuple[int, int, int, int]) -> bytes:
    """A photo of the thing, aslant, small, in other light, before a wall with a pattern."""
    with Image.open(thing) as image:
        pixels = np.asarray(image.convert("RGB"))
    high, wide = pixels.shape[:2]
    left, top, right, bottom = box
    corners = [[left + 15, top], [right, top + 20], [right - 20, bottom], [left, bottom - 15]]
    frame = np.array([[0, 0], [wide, 0], [wide, high], [0, high]], np.float32)
    view = cv2.getPerspectiveTransform(frame, np.array(corners, np.float32))
    size = (1000, 750)
    laid = cv2.warpPerspective(pixels, view, size, flags=cv2.INTER_AREA)
    inside = cv2.warpPerspective(np.ones((high, wide), np.uint8), view, size)[..., None] > 0
    random = np.random.default_rng(seed)
    wall = cv2.resize(random.integers(60, 200, (12, 16, 3), np.uint8), size)
    room = np.where(inside, laid * 0.8 + 20, wall) + random.normal(0, 5, (*size[::-1], 3))
    return jpeg(Image.fromarray(room.clip(0, 255).astype(np.uint8)), quality=85)


@pytest.mark.parametrize("thing", THINGS, ids=lambda path: path.stem)
def test_the_very_thing_comes_first(command: Command, tmp_path: Path, thing: Path) -> None:
    photo = tmp_path / "room.jpg"
    photo.write_bytes(in_a_room(thing, 1, (300, 200, 720, 600)))
    hits = command("similar", photo, "--rerank", "geometry", "--json").json["hits"]
    assert hits[0]["path"] == str(thing)
    assert [hit["rank"] for hit in hits] == list(range(1, len(hits) + 1))
    same = hits[0]["evidence"]["geometry"]
    assert same["inliers"] >= 10
    x0, y0, x1, y1 = same["box"]
    assert 0 <= x0 < x1 <= hits[0]["width"]
    assert 0 <= y0 < y1 <= hits[0]["height"]
    x0, y0, x1, y1 = same["example_box"]
    assert 290 < x0 < x1 < 730
    assert 190 < y0 < y1 < 610
    assert all("geometry" not in hit["evidence"] for hit in hits[1:])
    shown = command("query", "--image", photo, "--rerank", "geometry", "-k", "1").text
    assert f"same thing: {same['inliers']} points agree" in shown


def test_what_shows_nothing_of_the_same_keeps_its_order(command: Command, tmp_path: Path) -> None:
    photo = tmp_path / "wall.jpg"
    photo.write_bytes(in_a_room(THINGS[0], 2, (480, 350, 500, 370)))
    plain = command("similar", photo, "--json").json
    closely = command("similar", photo, "--rerank", "geometry", "--json").json
    assert closely["hits"] == plain["hits"]
    assert closely["rerank"] == "geometry"
    assert plain["rerank"] is None


def test_a_part_of_the_example_is_searched_for(command: Command, tmp_path: Path) -> None:
    """Two things in one photo: each is found by its part, in pixels and in percents."""
    left, right = (
        Image.open(io.BytesIO(in_a_room(thing, 3, (20, 20, 980, 730)))) for thing in THINGS[1:]
    )
    both = Image.new("RGB", (2000, 750))
    both.paste(left, (0, 0))
    both.paste(right, (1000, 0))
    exif = Image.Exif()
    exif[0x0112] = 6  # stored on its side: crops are of the upright picture
    photo = tmp_path / "both.jpg"
    photo.write_bytes(jpeg(both.transpose(Image.Transpose.ROTATE_90), exif=exif, quality=95))

    with Library.open(command.library, "mini") as library:
        for crop, thing in (
            ("20,20,960,710", THINGS[1]),
            ("1020,20,960,710", THINGS[2]),
            ("1%,3%,48%,94%", THINGS[1]),
            ("51%,3%,48%,94%", THINGS[2]),
        ):
            for rerank in (None, "geometry"):
                best = library.search(image=photo, crop=crop, rerank=rerank, k=1)[0]
                assert best.path == thing
    data = photo.read_bytes()
    piped = command(
        "similar", "-", "--crop", "1020,20,960,710", "--rerank", "geometry", "--json", stdin=data
    ).json
    named = command(
        "similar", photo, "--crop", "1020,20,960,710", "--rerank", "geometry", "--json"
    ).json
    assert piped["hits"] == named["hits"]
    assert named["hits"][0]["path"] == str(THINGS[2])
    assert named["parts"][0]["crop"] == "1020,20,960,710"


def test_a_part_of_a_large_photo_is_looked_at_closely(command: Command, tmp_path: Path) -> None:
    """Decoding at reduced scale must not leave a small part without its pixels."""
    large = Image.new("RGB", (6000, 4000), "grey")
    with Image.open(THINGS[1]) as image:
        thing = image.convert("RGB").resize((300, 225))
    large.paste(thing, (5000, 3000))
    photo, part = tmp_path / "large.jpg", tmp_path / "part.png"
    photo.write_bytes(jpeg(large, quality=95))
    with Image.open(photo) as image:
        image.crop((5000, 3000, 5300, 3225)).save(part)
    with Library.open(command.library, "mini") as library:
        cropped = library.search(image=photo, crop=(5000, 3000, 300, 225), k=3)
        alone = library.search(image=part, k=3)
        for example in (photo.read_bytes(), Image.open(photo)):
            again = library.search(image=example, crop="5000,3000,300,225", k=3)
            assert [hit.path for hit in again] == [hit.path for hit in alone]
    assert [hit.path for hit in cropped] == [hit.path for hit in alone]
    for one, other in zip(cropped, alone, strict=True):
        assert one.score == pytest.approx(other.score, abs=2e-3)


def test_a_part_of_a_photo_of_the_library(command: Command) -> None:
    """Its stored vector is not that of its part; the photo itself is left out as ever."""
    with Library.open(command.library) as library:
        whole = library.search(image=THINGS[2], k=5)
        part = library.search(image=THINGS[2], crop="0%,0%,30%,30%", k=5)
        assert [hit.score for hit in whole] != [hit.score for hit in part]
        assert THINGS[2] not in [hit.path for hit in part]
        itself = library.search(
            image=THINGS[2], crop="25%,25%,50%,50%", rerank="geometry", include_self=True, k=5
        )
        assert itself[0].path == THINGS[2]
        two = library.search(
            image=[THINGS[0], THINGS[2]], crop=[None, (0, 0, 50, 50)], rerank="geometry", k=3
        )
        assert len(two) == 3
        with pytest.raises(WrongUse, match="1 x --crop for 2 x --image"):
            library.search(image=[THINGS[0], THINGS[1]], crop=(0, 0, 5, 5))


def test_a_crop_over_the_edge_is_said(command: Command) -> None:
    done = command("similar", THINGS[1], "--crop", "90%,90%,50%,50%", "-k", "1")
    assert "reaches over an edge" in done.err
    assert len(done.lines) == 1


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--crop", "1,2,3,4"], "there is none"),
        (["cat", "--rerank", "geometry"], "there is none"),
        (["--image", THINGS[1], "--rerank", "magic"], "'magic' is not known"),
        (["--image", THINGS[1], "--crop", "9999,0,5,5"], "lies outside"),
        (["--image", THINGS[1], "--crop", "1,2,3"], "is not four numbers"),
        (["--image", THINGS[1], "--crop", "-5,0,10,10"], "is not four numbers"),
        (["--image", THINGS[1], "--crop", "0,0,0,10"], "no area"),
        (
            ["--image", THINGS[1], "--image", THINGS[2], "--crop", "0,0,9,9"],
            "1 x --crop for 2 x --image",
        ),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_wrong_use_is_one_clear_line(
    command: Command, arguments: list[str | Path], said: str
) -> None:
    done = command("query", *arguments, code=2)
    assert said in done.err
    assert not done.out
    assert done.err.count("\n") <= 2  # what is wrong, and what to type instead


def test_photos_that_cannot_be_opened_keep_their_places(tmp_path: Path) -> None:
    command = Command(tmp_path)
    folder = tmp_path / "photos"
    folder.mkdir()
    for thing in THINGS:
        shutil.copy(thing, folder)
    command("index", "-q", folder)
    changed = folder / THINGS[0].name
    changed.write_bytes(THINGS[1].read_bytes())
    os.utime(changed, ns=(1, 1))
    photo = tmp_path / "room.jpg"
    photo.write_bytes(in_a_room(THINGS[2], 1, (300, 200, 720, 600)))
    done = command("similar", photo, "--rerank", "geometry")
    assert "1 of the 3 photos" in done.err
    assert "cannot be opened" in done.err
    assert THINGS[2].name in done.lines[0]
    assert len(done.lines) == 3


@pytest.mark.skipif(sys.platform == "win32", reason="Python has no Unix sockets there")
def test_a_warm_process_gives_the_same_bytes(command: Command, tmp_path: Path) -> None:
    photo = tmp_path / "room.jpg"
    photo.write_bytes(in_a_room(THINGS[2], 1, (300, 200, 720, 600)))
    with made(tmp_path) as both:
        shutil.copytree(command.library, both.command.library)
        with both.running():
            for options in (
                ["--crop", "290,190,440,420"],
                ["--rerank", "geometry", "--json"],
                ["--crop", "30%,25%,90%,60%", "--rerank", "geometry"],
            ):
                code, out, _ = both.agree("similar", photo, *options, "-k", "3")
                assert code == 0
                assert THINGS[2].name.encode() in out
            assert both.answered == 3
