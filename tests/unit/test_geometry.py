"""search.geometry: the same thing in two photos, by points that lie alike. search.crop."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from photosearch.decode.pixels import decode
from photosearch.errors import WrongUse
from photosearch.search.crop import Crop, as_crop, crop_list, crops_of, parse_crop
from photosearch.search.geometry import ENOUGH, Features, agreement, features_of
from tests.command import SAMPLES
from tests.make import picture

SIGN = SAMPLES / "signs" / "exit-sign.jpg"
TEMPLE = SAMPLES / "places" / "temple-china.jpg"
OTHERS = sorted(path for path in SAMPLES.rglob("*.jpg") if path not in (SIGN, TEMPLE))


def features(image: Image.Image) -> Features:
    return features_of(image, (0, 0, *image.size))


def opened(path: Path) -> Image.Image:
    return decode(path.read_bytes()).image


def seen_aslant(thing: Image.Image, place: Image.Image) -> tuple[Image.Image, np.ndarray]:
    """The thing pasted into the place as if it stood there; where its corners are."""
    place = place.resize((900, 700))
    width, height = thing.size
    corners = np.array([[230, 150], [600, 210], [570, 560], [200, 500]], np.float32)
    frame = np.array([[0, 0], [width, 0], [width, height], [0, height]], np.float32)
    view = cv2.getPerspectiveTransform(frame, corners)
    laid = cv2.warpPerspective(np.asarray(thing), view, place.size)
    inside = cv2.warpPerspective(np.ones((height, width), np.uint8), view, place.size)
    pixels = np.where(inside[..., None] > 0, laid, np.asarray(place)).astype(np.int16)
    noise = np.random.default_rng(1).normal(0, 4, pixels.shape)
    return Image.fromarray((pixels + noise).clip(0, 255).astype(np.uint8)), corners


def test_a_thing_is_found_where_it_stands_in_another_photo() -> None:
    thing = opened(TEMPLE)
    photo, corners = seen_aslant(thing, opened(OTHERS[0]))
    found = agreement(features(thing), features(photo))
    assert found.inliers >= 3 * ENOUGH
    assert np.abs(np.array(found.corners) - corners).max() < 12
    x0, y0, x1, y1 = found.box
    assert 190 <= x0 < x1 <= 610
    assert 140 <= y0 < y1 <= 570
    back = agreement(features(photo), features(thing))
    x0, y0, x1, y1 = back.example_box
    assert 190 <= x0 < x1 <= 610
    assert 140 <= y0 < y1 <= 570


def test_points_are_told_in_the_pixels_of_the_photo_itself() -> None:
    """Of a photo that was decoded at reduced scale, and of a part of it."""
    thing = opened(TEMPLE)
    left, top = thing.width // 4, thing.height // 4
    right, bottom = 3 * thing.width // 4, 3 * thing.height // 4
    part = features_of(thing.crop((left, top, right, bottom)), (left, top, right, bottom))
    small = thing.resize((thing.width // 2, thing.height // 2))
    found = agreement(part, features_of(small, (0, 0, *thing.size)))
    assert found.inliers >= ENOUGH
    expected = [(left, top), (right, top), (right, bottom), (left, bottom)]
    assert np.abs(np.array(found.corners) - expected).max() < 0.02 * max(thing.size)
    assert np.abs(np.array(found.box) - found.example_box).max() < 0.02 * max(thing.size)


def test_other_photos_have_nothing_in_common() -> None:
    one = features(opened(TEMPLE))
    counts = [agreement(one, features(opened(other))).inliers for other in OTHERS[:12]]
    assert max(counts) < ENOUGH


@pytest.mark.parametrize(
    "image",
    [
        Image.new("RGB", (400, 300), "white"),
        Image.new("RGB", (1, 1)),
        Image.new("RGB", (1, 3000), "red"),
        Image.new("RGB", (40, 30), "blue"),
        picture(3, (31, 33)),
    ],
    ids=["blank", "a pixel", "a thread", "small", "tiny"],
)
def test_pictures_without_marks_agree_with_nothing(image: Image.Image) -> None:
    temple = features(opened(TEMPLE))
    for one, other in ((temple, features(image)), (features(image), temple)):
        assert agreement(one, other).inliers < ENOUGH


def test_the_same_answer_each_time() -> None:
    photo, _ = seen_aslant(opened(TEMPLE), opened(OTHERS[0]))
    answers = []
    for _ in range(3):
        cv2.setRNGSeed(len(answers) + 7)
        answers.append(agreement(features(opened(TEMPLE)), features(photo)))
    assert answers[0] == answers[1] == answers[2]


# Crops

numbers = st.integers(0, 5000)
sizes = st.integers(1, 5000)


@given(numbers, numbers, sizes, sizes, sizes, sizes)
def test_a_crop_is_a_box_within_the_picture_or_an_error(
    x: int, y: int, w: int, h: int, width: int, height: int
) -> None:
    crop = parse_crop(f"{x},{y}, {w} ,{h}")
    if x >= width or y >= height:
        with pytest.raises(WrongUse, match=f"{width}x{height}"):
            crop.within(width, height, "it")
        return
    left, top, right, bottom = crop.within(width, height, "it")
    assert (left, top) == (x, y)
    assert (right, bottom) == (min(x + w, width), min(y + h, height))
    assert crop.reaches_over(width, height) == (x + w > width or y + h > height)


@given(st.integers(0, 99), st.integers(0, 99), st.integers(1, 100), sizes, sizes)
def test_percents_are_shares_of_the_picture(
    x: int, y: int, w: int, width: int, height: int
) -> None:
    crop = parse_crop(f"{x}%,{y}%,{w}%,100%")
    left, top, right, bottom = crop.within(width, height, "it")
    assert 0 <= left < right <= width
    assert 0 <= top < bottom == height
    assert abs(left - x * width / 100) <= 1
    assert parse_crop("0%,0%,100%,100%").within(width, height, "it") == (0, 0, width, height)


@given(st.text(alphabet="0123456789,.%- einfa", max_size=24) | st.text(max_size=12))
def test_whatever_is_typed_is_a_crop_or_a_clear_error(text: str) -> None:
    try:
        crop = parse_crop(text)
    except WrongUse as caught:
        error = caught
    else:
        error = None
    if error is not None:
        assert error.typed.startswith("--crop ")
        assert error.hint
        return
    assert min(crop.values) >= 0
    assert min(crop.values[2:]) > 0
    assert parse_crop(str(crop)).percent == crop.percent


@pytest.mark.parametrize(
    "text",
    [
        "",
        "1,2,3",
        "1,2,3,4,5",
        "a,b,c,d",
        "-1,0,5,5",
        "1,2,0,4",
        "1,2,3,0",
        "10%,0,5,5",
        "nan,0,1,1",
    ],
)
def test_what_is_no_crop(text: str) -> None:
    with pytest.raises(WrongUse, match=r"^crop "):
        parse_crop(text)


def test_crops_of_callers() -> None:
    assert as_crop((1, 2, 3, 4)) == as_crop([1.0, 2, 3, 4]) == parse_crop("1,2,3,4")
    assert crop_list(None) == []
    assert crop_list((1, 2, 3, 4)) == [[1, 2, 3, 4]]
    assert crop_list("1,2,3,4") == ["1,2,3,4"]
    assert crops_of(crop_list([(1, 2, 3, 4), None]), 2) == (Crop((1, 2, 3, 4)), None)
    for wrong in [(1, 2, 3), (1, 2, -3, 4), (1, 2, 3, float("nan")), 7, object()]:
        with pytest.raises(WrongUse):
            crops_of(crop_list(wrong), 1)
    with pytest.raises(WrongUse, match="2 x image"):
        crops_of(["1,2,3,4"], 2)
