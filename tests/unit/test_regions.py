"""zeroshot/by_regions.py, ranking.py, heat.py: boxes and labels → where each label is."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageDraw

from photosearch.encode.encoder import Encoder
from photosearch.encode.names import open_encoder
from photosearch.encode.towers import normalise
from photosearch.library.locating import open_locator
from photosearch.records import Region
from photosearch.zeroshot.by_regions import ByRegions
from photosearch.zeroshot.heat import SIDE, cover, heat
from photosearch.zeroshot.ranking import choose, overlaps
from tests.fake import ColourTower
from tests.make import picture

SAMPLES = Path(__file__).parents[2] / "examples" / "photos"


@pytest.fixture(scope="module")
def mini() -> Encoder:
    return open_encoder("mini")


def find(image: Any, what: str, encoder: Encoder, threshold: float | None = None) -> list[Region]:
    return open_locator(what, threshold=threshold, encoder=lambda: encoder).locate(image)


# name → (label, a box that the thing fills, as shares of the photo); the cat is found further down.
CAT = ("cat", (0.0, 0.0, 0.85, 1.0))
THINGS = {
    "animals/parrot.jpg": ("parrot", (0.22, 0.13, 0.9, 1.0)),
    "animals/cow.jpg": ("cow", (0.22, 0.38, 0.91, 0.9)),
    "life/coffee-cup.jpg": ("cup of coffee", (0.12, 0.04, 0.81, 0.95)),
}


@pytest.mark.parametrize("name", THINGS)
def test_the_thing_of_a_sample_photo_is_pointed_at(name: str, mini: Encoder) -> None:
    label, place = THINGS[name]
    image = Image.open(SAMPLES / name).convert("RGB")
    check_pointed_at(find(image, label, mini)[0], label, place, image)


def check_pointed_at(
    best: Region, label: str, place: tuple[float, float, float, float], image: Image.Image
) -> None:
    left, top, right, bottom = place
    x, y = (best.box[0] + best.box[2]) / 2, (best.box[1] + best.box[3]) / 2
    assert left <= x / image.width <= right
    assert top <= y / image.height <= bottom
    assert best.label == label
    assert best.score >= 0.5


@pytest.mark.parametrize("corner", [(1, 0), (0, 1)])  # all four edges
def test_a_cat_in_a_corner_of_a_plain_wall_is_found_there(
    corner: tuple[int, int], mini: Encoder
) -> None:
    wall = Image.new("RGB", (640, 480), (196, 190, 176))
    cat = Image.open(SAMPLES / "animals/cat.jpg").convert("RGB").resize((225, 150))
    left, top = corner[0] * (640 - 225), corner[1] * (480 - 150)
    wall.paste(cat, (left, top))
    best = find(wall, "a cat", mini)[0]

    x, y = (best.box[0] + best.box[2]) / 2, (best.box[1] + best.box[3]) / 2
    assert left <= x <= left + 225
    assert top <= y <= top + 150
    thing = np.array([[left, top, left + 225, top + 150]], np.float64)
    assert overlaps(thing, np.array([best.box]))[0, 0] >= 0.3


def test_what_is_there_scores_more_than_what_is_not(mini: Encoder) -> None:
    image = Image.open(SAMPLES / "animals/cat.jpg").convert("RGB")
    labels = "train,airplane,cat,猫"
    score = {region.label: region.score for region in find(image, labels, mini, 0)[::-1]}

    assert score["cat"] > 0.8
    assert max(score["train"], score["airplane"]) < 0.2
    found = find(image, labels, mini)
    assert {region.label for region in found} == {"cat", "猫"}
    # A Chinese label points where the English one does.
    english, chinese = (
        next(region for region in found if region.label == label) for label in ("cat", "猫")
    )
    check_pointed_at(english, *CAT, image)
    assert overlaps(np.array([english.box]), np.array([chinese.box]))[0, 0] > 0.3


def test_a_label_s_regions_do_not_depend_on_the_others(mini: Encoder) -> None:
    image = Image.open(SAMPLES / "animals/dogs-at-door.jpg").convert("RGB").resize((300, 450))
    alone = find(image, "a dog", mini, 0)
    among = [one for one in find(image, "a cat,a dog,a train", mini, 0) if one.label == "a dog"]

    assert [one.box for one in alone] == [one.box for one in among]
    assert np.allclose([one.score for one in alone], [one.score for one in among], atol=1e-6)


class Colours:
    """An encoder whose texts are colours."""

    name = "colours"
    dim = ColourTower().dim

    def __init__(self, bias: float | None = None) -> None:
        self.image = ColourTower()
        self.scoring = lambda language=None: SimpleNamespace(scale=10.0, bias=bias)

    def language_of(self, text: str, wanted: str | None = None) -> str:
        return "none"  # which has no template

    def encode_texts(self, texts: list[str], *, language: str | None = None) -> Any:
        colours = {"red": (255, 0, 0), "green": (0, 255, 0), "blue": (0, 0, 255)}
        rows = []
        for number, text in enumerate(texts):
            chance = np.random.default_rng(number)
            flat = colours.get(text, chance.integers(0, 256, 3))
            rows.append(np.tile(np.array(flat, np.uint8), (4, 4, 1)))
        return normalise(self.image.preprocess.to_batch(np.stack(rows)).reshape(len(texts), -1))


@pytest.mark.parametrize("bias", [None, -10.0])
def test_any_encoder_will_do(bias: float | None) -> None:
    image = Image.new("RGB", (320, 240), (128, 128, 128))
    ImageDraw.Draw(image).rectangle((200, 20, 290, 110), fill=(250, 10, 10))
    regions = ByRegions(["red"], Colours(bias), 0).locate(image)  # type: ignore[arg-type]

    assert overlaps(np.array([regions[0].box]), np.array([[200, 20, 291, 111.0]]))[0, 0] > 0.5


@settings(max_examples=15, deadline=None)
@given(
    size=st.one_of(
        st.tuples(st.integers(1, 200), st.integers(1, 200)),
        st.sampled_from([(1, 1), (5000, 1), (1, 5000)]),
    ),
    seed=st.integers(0, 9),
)
def test_regions_lie_in_a_picture_of_any_size(size: tuple[int, int], seed: int) -> None:
    regions = ByRegions(["red", "blue"], Colours(), 0).locate(picture(seed, size))  # type: ignore[arg-type]

    assert {region.label for region in regions} == {"red", "blue"}
    assert [region.score for region in regions] == sorted(
        (region.score for region in regions), reverse=True
    )
    for region in regions:
        x0, y0, x1, y1 = region.box
        assert 0 <= x0 < x1 <= size[0]
        assert 0 <= y0 < y1 <= size[1]
        assert 0 <= region.score <= 1


BOXES = st.lists(
    st.tuples(*[st.integers(0, 20)] * 2, *[st.integers(1, 20)] * 2, st.floats(0, 1)),
    min_size=1,
    max_size=12,
)


@given(given_boxes=BOXES, most=st.integers(1, 6))
def test_none_of_the_chosen_boxes_is_half_over_another(
    given_boxes: list[tuple[Any, ...]], most: int
) -> None:
    boxes = np.array([(x, y, x + w, y + h) for x, y, w, h, _ in given_boxes], np.float64)
    found = choose(boxes, np.array([one[4] for one in given_boxes]), most)

    assert 1 <= len(found) <= most
    shares = [share for _, share in found]
    assert shares == sorted(shares, reverse=True)
    assert shares[0] == 1
    chosen = boxes[[row for row, _ in found]].tolist()
    for number, box in enumerate(chosen):
        for other in chosen[:number]:
            assert intersection_over_union(box, other) <= 0.5
    if len(found) < most:  # there is no other to give
        for box in boxes.tolist():
            assert max(intersection_over_union(box, other) for other in chosen) > 0.5


def test_the_first_is_the_box_that_the_likely_ones_agree_on() -> None:
    alone = (100, 100, 140, 140)
    boxes = np.array([alone, (0, 0, 40, 40), (2, 0, 42, 40), (0, 2, 40, 42)], np.float64)

    assert choose(boxes, np.array([1.0, 0.8, 0.7, 0.7]), 4)[0][0] == 1
    assert choose(boxes, np.array([9.0, 0.8, 0.7, 0.7]), 4)[0][0] == 0


def intersection_over_union(one: list[float], other: list[float]) -> float:
    wide = min(one[2], other[2]) - max(one[0], other[0])
    high = min(one[3], other[3]) - max(one[1], other[1])
    if wide <= 0 or high <= 0:
        return 0.0
    areas = [(box[2] - box[0]) * (box[3] - box[1]) for box in (one, other)]
    return wide * high / (sum(areas) - wide * high)


@settings(max_examples=20, deadline=None)
@given(column=st.integers(2, 13), row=st.integers(2, 13), seed=st.integers(0, 9))
def test_the_map_is_hottest_where_the_scores_come_from(column: int, row: int, seed: int) -> None:
    chance = np.random.default_rng(seed)
    corners = chance.uniform(0, 160, (150, 2, 2))
    boxes = np.concatenate([corners.min(axis=1), corners.max(axis=1) + 1], axis=1)
    covers = cover(boxes, 161, 161)
    truth = np.zeros((SIDE, SIDE))
    truth[row - 1 : row + 2, column - 1 : column + 2] = 1
    found = heat(covers, covers @ truth.reshape(-1, 1)).reshape(SIDE, SIDE)

    hottest = np.unravel_index(found.argmax(), found.shape)
    assert abs(int(hottest[0]) - row) <= 2
    assert abs(int(hottest[1]) - column) <= 2
