"""encode/proposals.py, merging.py, crops.py: boxes that may hold a thing, and their vectors."""

from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageDraw

from photosearch.encode.crops import encode_boxes
from photosearch.encode.merging import Weights, cut_up, gradient, merge, smooth_lab
from photosearch.encode.proposals import candidates, windows
from photosearch.zeroshot.ranking import overlaps
from tests.fake import ColourTower
from tests.make import picture, shared_photos

SIZES = st.one_of(
    st.tuples(st.integers(1, 40), st.integers(1, 40)),
    st.tuples(st.integers(1, 400), st.integers(1, 400)),
    st.sampled_from([(1, 1), (5000, 1), (1, 5000), (2, 1), (3000, 7)]),
)


@settings(max_examples=30, deadline=None)
@given(size=SIZES, budget=st.integers(1, 40), seed=st.integers(0, 9))
def test_boxes_lie_in_the_picture_and_none_is_empty(
    size: tuple[int, int], budget: int, seed: int
) -> None:
    image = picture(seed, size)
    boxes = candidates(image).best(budget)

    assert boxes.dtype == np.float64
    assert 1 <= len(boxes) <= budget
    assert boxes.shape[1] == 4
    assert (boxes == boxes.round()).all()
    assert (boxes >= 0).all()
    assert (boxes[:, :2] < boxes[:, 2:]).all()
    assert (boxes[:, 2:] <= size).all()
    assert len(np.unique(boxes, axis=0)) == len(boxes)
    assert np.array_equal(boxes, candidates(image).best(budget))


def test_fewer_boxes_are_the_first_of_more() -> None:
    image = picture(3, (320, 240))

    assert np.array_equal(candidates(image).best(40)[:6], candidates(image).best(6))


def test_the_first_boxes_do_not_say_the_same() -> None:
    boxes = candidates(picture(3, (320, 240))).best(6)

    shares = overlaps(boxes, boxes)[~np.eye(6, dtype=bool)]
    assert shares.max() < 0.7


def test_a_thing_on_a_plain_ground_is_among_the_first() -> None:
    for left, top in ((10, 10), (200, 10), (10, 130), (150, 80)):
        image = Image.new("RGB", (320, 240), (210, 205, 190))
        ImageDraw.Draw(image).rectangle((left, top, left + 90, top + 70), fill=(140, 30, 20))
        thing = np.array([[left, top, left + 91, top + 71]], np.float64)

        assert overlaps(thing, candidates(image).best(6)).max() >= 0.5


def test_labelled_things_are_found_more_often_than_by_sliding_windows() -> None:
    folder = shared_photos()
    if folder is None:
        pytest.skip("the labelled photos are not here")
    from scripts.benchmarks.locate import proposals

    lines = (folder / "coco" / "gt.jsonl").read_text(encoding="utf-8").splitlines()
    photos = [json.loads(line) for line in lines][1:60:2]
    windows, ours = proposals("other half", photos, folder / "coco")

    assert float(str(ours["of 50"])) > 1.3 * float(str(windows["of 50"]))


@settings(max_examples=20, deadline=None)
@given(seed=st.integers(0, 99), pieces=st.integers(2, 80), weights=st.integers(0, 3))
def test_merging_ends_in_one_region_that_is_the_picture(
    seed: int, pieces: int, weights: int
) -> None:
    lab = smooth_lab(np.asarray(picture(seed, (60, 44))))
    parts = cut_up(gradient(lab), pieces)
    merged = merge(lab, parts, Weights(weights, 1, 1))

    count = int(parts.max()) + 1
    assert len(merged.boxes) == 2 * count - 1
    assert merged.boxes[-1].tolist() == [0, 0, 60, 44]
    for wanted in (1, 2, count):
        numbers = merged.regions(wanted)
        assert len(np.unique(numbers)) == min(wanted, count)
        for number in np.unique(numbers):  # each region's box is among the boxes
            rows, columns = np.nonzero(numbers == number)
            box = [columns.min(), rows.min(), columns.max() + 1, rows.max() + 1]
            assert (merged.boxes == box).all(axis=1).any()


def test_a_box_s_vector_is_that_of_cutting_it_out_by_hand() -> None:
    image, tower = picture(5, (200, 150)), ColourTower()
    boxes = np.array([[20, 30, 120, 90], [0, 0, 200, 150], [150, 100, 200, 150]], np.float64)
    given = encode_boxes(image, boxes, tower)

    for vector, box in zip(given, boxes.astype(int).tolist(), strict=True):
        pixels = tower.preprocess.resize(image.crop(box))
        assert np.allclose(vector, tower.encode(pixels[np.newaxis])[0], atol=1e-6)


def test_many_boxes_go_through_the_tower_in_batches() -> None:
    sizes: list[int] = []

    class Counting(ColourTower):
        def encode(self, pixels: np.ndarray) -> np.ndarray:
            sizes.append(len(pixels))
            return super().encode(pixels)

    boxes = candidates(picture(2, (320, 240))).best(40)
    encode_boxes(picture(2, (320, 240)), boxes, Counting())

    assert max(sizes) == Counting().batch_size
    assert sum(sizes) == len(boxes)


@given(size=SIZES)
def test_windows_cover_a_picture_of_any_size(size: tuple[int, int]) -> None:
    boxes = windows(*size)

    assert len(boxes) == 54
    assert (boxes == boxes.round()).all()
    assert (boxes[:, :2] < boxes[:, 2:]).all()
    assert boxes[:, :2].min() == 0
    assert boxes[:, 2:].max(axis=0).tolist() == list(size)
    assert (boxes[:, 2:] <= size).all()
