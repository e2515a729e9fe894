"""preprocess.json to a model's input: geometry and arithmetic against hand-made numbers."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from photosearch.encode.preprocess import Preprocess
from photosearch.errors import BadBundle
from tests.make import picture

CONFIG: dict[str, Any] = {
    "size": [4, 6],  # height, width
    "mode": "RGB",
    "mean": [0.5, 0.4, 0.3],
    "std": [0.5, 0.2, 0.1],
    "interpolation": "nearest",
    "resize_mode": "squash",
    "fill_color": 0,
}
MODES = ("shortest", "squash", "longest")


def made(**changes: Any) -> Preprocess:
    return Preprocess.from_config({**CONFIG, **changes})


def numbered(width: int, height: int) -> Image.Image:
    """Pixels that say where they were: red is the column, green the row, blue always 255."""
    pixels = np.full((height, width, 3), 255, np.uint8)
    pixels[..., 0] = np.arange(width)
    pixels[..., 1] = np.arange(height)[:, None]
    return Image.fromarray(pixels)


def columns_and_rows(pixels: np.ndarray) -> tuple[list[int], list[int]]:
    """Which column of the picture each column of the result holds, and the rows; -1 is filling."""
    shown = pixels[..., 2] == 255
    middle_row, middle_column = pixels.shape[0] // 2, pixels.shape[1] // 2
    columns = np.where(shown[middle_row], pixels[middle_row, :, 0].astype(int), -1)
    rows = np.where(shown[:, middle_column], pixels[:, middle_column, 1].astype(int), -1)
    return columns.tolist(), rows.tolist()


@pytest.mark.parametrize(
    ("mode", "size", "target", "columns", "rows"),
    [
        ("squash", (8, 8), (4, 4), [1, 3, 5, 7], [1, 3, 5, 7]),
        ("squash", (8, 4), (4, 4), [1, 3, 5, 7], [0, 1, 2, 3]),
        ("squash", (2, 4), (4, 4), [0, 0, 1, 1], [0, 1, 2, 3]),
        ("shortest", (8, 4), (4, 4), [2, 3, 4, 5], [0, 1, 2, 3]),
        ("shortest", (4, 8), (4, 4), [0, 1, 2, 3], [2, 3, 4, 5]),
        ("shortest", (16, 8), (4, 4), [5, 7, 9, 11], [1, 3, 5, 7]),
        ("shortest", (7, 4), (4, 4), [2, 3, 4, 5], [0, 1, 2, 3]),
        ("shortest", (2, 2), (4, 4), [0, 0, 1, 1], [0, 0, 1, 1]),
        ("longest", (8, 4), (4, 4), [1, 3, 5, 7], [-1, 1, 3, -1]),
        ("longest", (4, 8), (4, 4), [-1, 1, 3, -1], [1, 3, 5, 7]),
        ("longest", (4, 4), (4, 4), [0, 1, 2, 3], [0, 1, 2, 3]),
        ("longest", (2, 1), (4, 4), [0, 0, 1, 1], [-1, 0, 0, -1]),
    ],
    ids=lambda value: value if isinstance(value, str) else None,
)
def test_geometry(
    mode: str, size: tuple[int, int], target: tuple[int, int], columns: list[int], rows: list[int]
) -> None:
    pixels = made(size=[target[1], target[0]], resize_mode=mode).resize(numbered(*size))
    assert columns_and_rows(pixels) == (columns, rows)


@pytest.mark.parametrize("interpolation", ["bicubic", "bilinear", "lanczos", "nearest"])
def test_squash_is_pillows_resize(interpolation: str) -> None:
    image = picture(1, (320, 200))
    expected = image.resize((6, 4), Image.Resampling[interpolation.upper()])
    assert np.array_equal(made(interpolation=interpolation).resize(image), np.asarray(expected))


def test_shortest_is_torchvisions_resize_and_centre_crop() -> None:
    # As open_clip does it: short side to 32, long side cut to a whole number, centre rounded.
    image = picture(1, (131, 100))
    scaled = image.resize((int(32 * 131 / 100), 32), Image.Resampling.BICUBIC)  # 41 x 32
    left = round((41 - 32) / 2)
    preprocess = made(size=32, resize_mode="shortest", interpolation="bicubic")
    expected = scaled.crop((left, 0, left + 32, 32))
    assert np.array_equal(preprocess.resize(image), np.asarray(expected))


@pytest.mark.parametrize("size", [(1000, 1001), (1001, 1000), (500, 501), (3000, 3010), (640, 642)])
@pytest.mark.parametrize("target", [32, 224])
def test_shortest_leaves_no_border(size: tuple[int, int], target: int) -> None:
    pixels = made(size=target, resize_mode="shortest").resize(Image.new("RGB", size, "white"))
    assert pixels.min() == 255


def test_longest_fills_with_the_given_colour() -> None:
    pixels = made(size=4, resize_mode="longest", fill_color=[127, 127, 127]).resize(
        Image.new("RGB", (4, 2), "white")
    )
    assert pixels[..., 0].tolist() == [[127] * 4, [255] * 4, [255] * 4, [127] * 4]


@settings(deadline=None, max_examples=40)
@given(
    st.integers(1, 3000),
    st.integers(1, 3000),
    st.sampled_from(MODES),
    st.tuples(st.integers(1, 24), st.integers(1, 24)),
)
def test_any_size_gives_the_models_own(
    width: int, height: int, mode: str, target: tuple[int, int]
) -> None:
    preprocess = made(size=list(target), resize_mode=mode)
    pixels = preprocess.resize(Image.new("RGB", (width, height), "white"))
    assert pixels.shape == (*target, 3)
    assert pixels.dtype == np.uint8
    batch = preprocess.to_batch(pixels[np.newaxis])
    assert batch.shape == (1, 3, *target)
    assert batch.dtype == np.float32
    # Some of the picture is always there, however thin it is; all of the input is, unless padded.
    assert pixels.max() == 255


@pytest.mark.parametrize("size", [(1, 5000), (5000, 1)], ids=["tall", "wide"])
def test_a_thin_picture_is_not_blown_up(size: tuple[int, int], monkeypatch: Any) -> None:
    # Scaled whole to a short side of 224 it would have 250 million pixels, 750 MB.
    largest = 0
    resize = Image.Image.resize

    def watched(self: Image.Image, *args: Any, **kwargs: Any) -> Image.Image:
        nonlocal largest
        wanted = args[0] if args else kwargs["size"]
        largest = max(largest, wanted[0] * wanted[1])
        # Only measured: the true call is what is being warned of.
        return resize(self, (min(wanted[0], 500), min(wanted[1], 500)))

    monkeypatch.setattr(Image.Image, "resize", watched)
    made(size=224, resize_mode="shortest").resize(Image.new("RGB", size))
    assert largest < 20_000_000


def test_arithmetic_of_a_batch() -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (3, 4, 6, 3), np.uint8)
    batch = made().to_batch(pixels)
    scaled = pixels.astype(np.float64) / 255
    expected = (scaled - [0.5, 0.4, 0.3]) / [0.5, 0.2, 0.1]
    assert batch.shape == (3, 3, 4, 6)
    np.testing.assert_allclose(batch, expected.transpose(0, 3, 1, 2), rtol=1e-6, atol=1e-6)
    # By hand: white in the first channel, black in the last.
    pixels[:] = (255, 0, 0)
    assert made().to_batch(pixels)[1, :, 2, 3].tolist() == pytest.approx([1.0, -2.0, -3.0])


def test_an_empty_batch() -> None:
    assert made().to_batch(np.empty((0, 4, 6, 3), np.uint8)).shape == (0, 3, 4, 6)


def test_need_is_the_longer_side() -> None:
    assert made().need == 6
    assert made(size=224).need == 224


def test_canonical_text_tells_apart_what_matters() -> None:
    base = made()
    different = [
        made(size=[6, 4]),
        made(mean=[0.5, 0.4, 0.31]),
        made(std=[0.5, 0.2, 0.11]),
        made(interpolation="bicubic"),
        made(resize_mode="longest"),
        made(resize_mode="longest", fill_color=127),
    ]
    texts = {one.canonical() for one in (base, *different)}
    assert len(texts) == 1 + len(different)
    # Filling that is never seen changes nothing.
    assert made(fill_color=127).canonical() == base.canonical()


def write(folder: Path, config: Any) -> Path:
    path = folder / "preprocess.json"
    path.write_text(config if isinstance(config, str) else json.dumps(config))
    return path


def test_from_file(tmp_path: Path) -> None:
    assert Preprocess.from_file(write(tmp_path, CONFIG)) == made()
    sparse = {"size": 8, "mean": [0, 0, 0], "std": [1, 1, 1]}
    assert Preprocess.from_file(write(tmp_path, sparse)) == Preprocess(8, 8, (0, 0, 0), (1, 1, 1))


@pytest.mark.parametrize(
    "config",
    [
        "{",
        "[]",
        "null",
        "\udcff",
        {**CONFIG, "mean": [0.5, 0.5]},
        {**CONFIG, "mean": None},
        {**CONFIG, "size": [1, 2, 3]},
        {**CONFIG, "size": "large"},
        {**CONFIG, "interpolation": "random"},
        {**CONFIG, "resize_mode": "stretch"},
        {**CONFIG, "mode": "BGR"},
        {"mean": [0, 0, 0], "std": [1, 1, 1]},
    ],
    ids=[
        "cut",
        "list",
        "null",
        "not-utf8",
        "two-means",
        "no-mean",
        "three-sides",
        "size-text",
        "interpolation",
        "resize-mode",
        "mode",
        "no-size",
    ],
)
def test_an_unusable_file_is_a_bad_bundle(tmp_path: Path, config: Any) -> None:
    path = tmp_path / "preprocess.json"
    text = config if isinstance(config, str) else json.dumps(config)
    path.write_bytes(text.encode("utf-8", "surrogateescape"))
    with pytest.raises(BadBundle, match=r"preprocess\.json"):
        Preprocess.from_file(path)
