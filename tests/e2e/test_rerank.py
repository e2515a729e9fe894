"""`--crop`, `--rerank geometry` and `--read`: what an example finds, and as people type them."""

from __future__ import annotations

import io
import os
import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image
from typer.testing import CliRunner

from photosearch import Library
from photosearch.cli.app import app
from photosearch.errors import WrongUse
from photosearch.search import example_words
from photosearch.search.query import make_query
from tests.command import SAMPLES, Command
from tests.e2e.test_resident import made
from tests.here import Here
from tests.make import jpeg

# Things with marks on them; the places that they are pasted into are not in the library.
THINGS = [
    SAMPLES / "signs" / "concert-poster.jpg",
    SAMPLES / "places" / "temple-china.jpg",
    SAMPLES / "life" / "spice-market.jpg",
]
KEYBOARD = SAMPLES / "signs" / "midi-keyboard.jpg"
EXIT = SAMPLES / "signs" / "exit-sign.jpg"


@pytest.fixture(scope="module")
def library(sampled: Command) -> Iterator[Library]:
    """The sample photos, in this process; their words are not read."""
    with opened(sampled) as library:
        yield library


@pytest.fixture(scope="module")
def signs(worded: Command) -> Iterator[Library]:
    """Some of them, with the words in them."""
    with opened(worded) as library:
        yield library


@contextmanager
def opened(command: Command) -> Iterator[Library]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PHOTOSEARCH_CACHE", command.env["PHOTOSEARCH_CACHE"])
        with Library.open(command.library, "mini") as library:
            yield library


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
def test_the_very_thing_comes_first(library: Library, thing: Path) -> None:
    hits = library.search(image=in_a_room(thing, 1, (300, 200, 720, 600)), rerank="geometry")
    assert hits[0].path == thing
    assert [hit.rank for hit in hits] == list(range(1, len(hits) + 1))
    same = hits[0].evidence["geometry"]
    assert same["inliers"] >= 10
    x0, y0, x1, y1 = same["box"]
    assert 0 <= x0 < x1 <= hits[0].width
    assert 0 <= y0 < y1 <= hits[0].height
    x0, y0, x1, y1 = same["example_box"]
    assert 290 < x0 < x1 < 730
    assert 190 < y0 < y1 < 610
    assert all("geometry" not in hit.evidence for hit in hits[1:])


def test_what_shows_nothing_of_the_same_keeps_its_order(library: Library) -> None:
    photo = in_a_room(THINGS[0], 2, (480, 350, 500, 370))
    assert library.search(image=photo, rerank="geometry") == library.search(image=photo)


@pytest.mark.parametrize("kept", [True, False])
def test_an_example_of_the_library_is_on_no_page(library: Library, kept: bool) -> None:
    """Geometry brings it back otherwise: nothing shows a thing better than the very photo."""
    query = make_query(images=[KEYBOARD], rerank="geometry")
    with library.remembering(on_disk=False) if kept else nullcontext():
        pages = [library.run_query(query, k=5, offset=first).hits for first in (0, 5, 10)]
    found = [hit.path for hits in pages for hit in hits]
    assert len(set(found)) == len(found) == 15
    assert KEYBOARD not in found


def test_a_part_of_the_example_is_searched_for(
    sampled: Command, library: Library, tmp_path: Path
) -> None:
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

    for crop, thing in (
        ("20,20,960,710", THINGS[1]),
        ("1020,20,960,710", THINGS[2]),
        ("1%,3%,48%,94%", THINGS[1]),
        ("51%,3%,48%,94%", THINGS[2]),
    ):
        for rerank in (None, "geometry"):
            best = library.search(image=photo, crop=crop, rerank=rerank, k=1)[0]
            assert best.path == thing
    options = ("--crop", "1020,20,960,710", "--rerank", "geometry", "--json")
    piped = Here(sampled.folder)("similar", "-", *options, stdin=photo.read_bytes()).json
    named = library.search(image=photo, crop="1020,20,960,710", rerank="geometry")
    assert [hit["path"] for hit in piped["hits"]] == [str(hit.path) for hit in named]
    assert piped["hits"][0]["evidence"]["geometry"] == named[0].evidence["geometry"]
    assert piped["hits"][0]["path"] == str(THINGS[2])
    assert piped["parts"][0]["crop"] == "1020,20,960,710"
    assert piped["rerank"] == "geometry"


def test_a_part_of_a_large_photo_is_looked_at_closely(library: Library, tmp_path: Path) -> None:
    """Decoding at reduced scale must not leave a small part without its pixels."""
    large = Image.new("RGB", (6000, 4000), "grey")
    with Image.open(THINGS[1]) as image:
        thing = image.convert("RGB").resize((300, 225))
    large.paste(thing, (5000, 3000))
    photo, part = tmp_path / "large.jpg", tmp_path / "part.png"
    photo.write_bytes(jpeg(large, quality=95))
    with Image.open(photo) as image:
        image.crop((5000, 3000, 5300, 3225)).save(part)
    cropped = library.search(image=photo, crop=(5000, 3000, 300, 225), k=3)
    alone = library.search(image=part, k=3)
    for example in (photo.read_bytes(), Image.open(photo)):
        again = library.search(image=example, crop="5000,3000,300,225", k=3)
        assert [hit.path for hit in again] == [hit.path for hit in alone]
    assert [hit.path for hit in cropped] == [hit.path for hit in alone]
    for one, other in zip(cropped, alone, strict=True):
        assert one.score == pytest.approx(other.score, abs=2e-3)


def test_a_part_of_a_photo_of_the_library(library: Library) -> None:
    """Its stored vector is not that of its part; the photo itself is left out as ever."""
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
    with pytest.raises(WrongUse, match="1 x crop for 2 x image"):
        library.search(image=[THINGS[0], THINGS[1]], crop=(0, 0, 5, 5))


def test_a_crop_over_the_edge_is_said(sampled: Command) -> None:
    done = Here(sampled.folder)("similar", THINGS[1], "--crop", "90%,90%,50%,50%", "-k", "1")
    assert "reaches over an edge" in done.err
    assert len(done.lines) == 1


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--crop", "1,2,3,4"], "there is none"),
        (["cat", "--read"], "there is none"),
        (["--image", THINGS[1], "--read", "--no-words"], "--no-words leaves print out"),
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
    library: Library, arguments: list[str | Path], said: str
) -> None:
    given = ["query", *map(str, arguments), "--library", str(library.path), "--model", "mini"]
    done = CliRunner().invoke(app, given)
    assert done.exit_code == 2
    assert said in done.stderr
    assert not done.stdout
    assert done.stderr.count("\n") <= 2  # what is wrong, and what to type instead


def test_photos_that_cannot_be_opened_keep_their_places(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PHOTOSEARCH_CACHE", str(tmp_path / "cache"))
    folder = tmp_path / "photos"
    folder.mkdir()
    for thing in THINGS:
        shutil.copy(thing, folder)
    with Library.open(tmp_path / "library", create=True) as library:
        library.index([folder])
    changed = folder / THINGS[0].name
    changed.write_bytes(THINGS[1].read_bytes())
    os.utime(changed, ns=(1, 1))
    photo = in_a_room(THINGS[2], 1, (300, 200, 720, 600))
    done = Here(tmp_path)("similar", "-", "--rerank", "geometry", stdin=photo)
    assert "1 of the 3 photos" in done.err
    assert "cannot be opened" in done.err
    assert THINGS[2].name in done.lines[0]
    assert "same thing: " in done.lines[0]
    assert len(done.lines) == 3


def test_print_in_the_example_finds_the_sign(signs: Library) -> None:
    """Aslant, in other light, before another wall; a part of it; and closely."""
    room = in_a_room(KEYBOARD, 5, (150, 150, 850, 650))
    found = signs.search(image=room, read=True, k=3)
    assert found[0].path == KEYBOARD
    lines = [read["text"].upper() for read in found[0].evidence["reads"]["lines"]]
    assert "MIDI KEYBOARD" in " ".join(lines)
    assert found[0].relevance is None  # of examples, nothing is judged
    assert not found[0].is_weak
    assert [hit.path for hit in signs.search(image=room, rerank="geometry", read=True, k=1)] == [
        KEYBOARD
    ]
    corner = signs.run_query(make_query(images=[room], crops=["0,0,120,120"], read=True), k=3)
    assert corner.read == ()
    assert corner.notes == ("no words are read in the example: only looks count",)
    assert list(corner.hits) == signs.search(image=room, crop="0,0,120,120", k=3)


def test_words_count_in_the_part_that_is_looked_for(signs: Library) -> None:
    """Two signs in one photo, and two photos of one sign each."""
    rooms = [
        Image.open(io.BytesIO(in_a_room(one, 3, (20, 20, 980, 730)))) for one in (KEYBOARD, EXIT)
    ]
    both = Image.new("RGB", (2000, 750))
    both.paste(rooms[0], (0, 0))
    both.paste(rooms[1], (1000, 0))
    best = {
        crop: signs.search(image=both, crop=crop, read=True, k=1)[0].path
        for crop in ("0,0,1000,750", "1000,0,1000,750")
    }
    assert list(best.values()) == [KEYBOARD, EXIT]
    two = signs.search(image=rooms, read=True, k=2)
    assert {hit.path for hit in two} == {KEYBOARD, EXIT}
    assert all(hit.evidence["reads"]["lines"] for hit in two)


def test_stored_words_are_not_read_again(signs: Library, monkeypatch: pytest.MonkeyPatch) -> None:
    def never() -> None:
        pytest.fail("the example is read though its words are in the library")

    monkeypatch.setattr(example_words, "reader", never)
    asked = make_query(images=[KEYBOARD], read=True, include_self=True)
    answer = signs.run_query(asked, k=2)
    assert answer.hits[0].path == KEYBOARD
    assert answer.read
    assert "MIDI KEYBOARD" in " ".join(answer.read).upper()
    by_content = signs.run_query(make_query(images=[KEYBOARD.read_bytes()], read=True), k=2)
    assert by_content.read == answer.read
    assert KEYBOARD not in [hit.path for hit in by_content.hits]


def test_without_words_in_the_library_looks_count(library: Library) -> None:
    answer = library.run_query(make_query(images=[in_a_room(EXIT, 1, (9, 9, 900, 700))], read=True))
    (note,) = answer.notes
    assert "photosearch index --words-only" in note
    assert answer.read == ()
    assert not any("reads" in hit.evidence for hit in answer.hits)


def test_reading_from_standard_input(worded: Command) -> None:
    room = in_a_room(KEYBOARD, 5, (150, 150, 850, 650))
    piped = Here(worded.folder)("similar", "-", "--read", "-k", "2", "--json", stdin=room).json
    assert "MIDI KEYBOARD" in " ".join(piped["read"]).upper()
    assert piped["hits"][0]["path"] == str(KEYBOARD)
    assert piped["hits"][0]["evidence"]["reads"]["lines"]


@pytest.mark.skipif(sys.platform == "win32", reason="Python has no Unix sockets there")
def test_a_warm_process_gives_the_same_bytes(worded: Command, tmp_path: Path) -> None:
    photo = tmp_path / "room.jpg"
    photo.write_bytes(in_a_room(KEYBOARD, 5, (150, 150, 850, 650)))
    with made(tmp_path) as both:
        shutil.copytree(worded.library, both.command.library)
        with both.running():
            options = ["--crop", "10%,10%,80%,95%", "--rerank", "geometry", "--read", "-k", "3"]
            code, out, err = both.agree("similar", photo, *options)
            assert code == 0
            assert b"reaches over an edge" in err
            assert KEYBOARD.name.encode() in out.splitlines()[0]
            assert b"reads " in out
            assert both.answered == 1
