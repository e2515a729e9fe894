"""Masks by GroupViT and CLIPSeg: the models' own answers, and what is made of them."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays
from PIL import Image

from photosearch.errors import WrongUse
from photosearch.library.locating import locate, locate_images
from photosearch.masks import box_of, mask_of, runs_of, scaled
from photosearch.records import Located, Region
from photosearch.zeroshot.clipseg import ClipSeg
from photosearch.zeroshot.files import named_file
from photosearch.zeroshot.groupvit import SURROUNDINGS, GroupVit, prompt_of, rivals
from photosearch.zeroshot.published import Opened, open_published
from photosearch.zeroshot.segments import KINDS, Segments
from tests import checkpoints
from tests.command import SAMPLES
from tests.here import Here, reaching
from tests.hub import Hub
from tests.make import camera_exif, jpeg, picture, png, shared_golden, stored_as

LABELS = ["cat", "dog", "red snow"]


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Folders of tiny random models, by kind."""
    folder = tmp_path_factory.mktemp("models")
    checkpoints.groupvit(folder / "groupvit")
    checkpoints.clipseg(folder / "clipseg")
    return {kind: folder / kind for kind in KINDS}


@pytest.fixture(params=list(KINDS))
def model(models: dict[str, Path], request: pytest.FixtureRequest) -> str:
    return str(models[request.param])


def opened(folder: Path) -> Opened:
    return open_published(str(folder), KINDS, "segments", device="cpu")


@cache
def finder(model: str, threshold: float | None = None) -> Segments:
    """One that is opened once for several tests."""
    return Segments(LABELS, model, threshold)


def by_label(regions: list[Region]) -> dict[str, Region]:
    assert len({region.label for region in regions}) == len(regions)
    return {region.label: region for region in regions}


# What the models say


@pytest.fixture(scope="module")
def golden() -> Path:
    folder = shared_golden()
    if folder is None:
        pytest.skip("the golden checkpoints are not on this machine")
    return folder


def test_groupvit_agrees_with_the_reference(golden: Path) -> None:
    """The same pixels, vectors and logits as transformers' own run over the same checkpoint."""
    folder = golden / "hf" / "groupvit"
    said = json.loads((folder / "expected.json").read_text())
    expected = np.load(folder / "expected.npz")
    groupvit = GroupVit(opened(folder), said["prompts"])
    pixels = groupvit.feeds.picture(Image.open(golden / "images" / said["image"]))
    assert np.abs(pixels.numpy() - expected["pixel_values"]).max() < 1e-6
    vectors = groupvit.encode_texts(said["prompts"]).numpy()
    assert np.abs(vectors - expected["text_embeds"]).max() < 1e-5
    logits = groupvit.segmentation_logits(pixels, said["prompts"]).numpy()
    assert np.abs(logits - expected["segmentation_logits"]).max() < 1e-3


def test_groupvit_at_twice_its_size_is_a_larger_groupvit(models: dict[str, Path]) -> None:
    """What its own forward pass refuses: a picture larger than those of its training."""
    from transformers import GroupViTConfig, GroupViTModel

    mine = GroupVit(opened(models["groupvit"]), LABELS)
    small: Any = GroupViTModel.from_pretrained(models["groupvit"])
    config = GroupViTConfig.from_pretrained(models["groupvit"])
    config.vision_config.image_size = mine.side
    larger: Any = GroupViTModel(config).eval()
    state = small.state_dict()
    name = "vision_model.embeddings.position_embeddings"
    side = round(state[name].shape[1] ** 0.5)
    grid = state[name].reshape(1, side, side, -1).permute(0, 3, 1, 2)
    finer = torch.nn.functional.interpolate(grid, scale_factor=2, mode="bicubic")
    state[name] = finer.permute(0, 2, 3, 1).flatten(1, 2)
    larger.load_state_dict(state)
    image = picture(3, (100, 100))
    prompts = ["a photo of a cat", "two dog in the snow"]
    pixels = mine.feeds.picture(image, mine.size_for(image))
    assert pixels.shape == (1, 3, mine.side, mine.side)
    ids, mask = mine.feeds.texts(prompts)
    with torch.inference_mode():
        theirs = larger(ids, pixels, mask, output_segmentation=True).segmentation_logits
    assert (mine.segmentation_logits(pixels, prompts) - theirs).abs().max() < 1e-2
    assert theirs.std() > 10  # so that the line above says something


def test_clipseg_agrees_with_transformers(models: dict[str, Path]) -> None:
    """Its image is encoded once for all labels here, and once a label there: the same logits."""
    from transformers import AutoImageProcessor, AutoTokenizer, CLIPSegForImageSegmentation

    folder = models["clipseg"]
    labels = ["a cat", "red", "two dog in the snow", *(f"dog {'a ' * n}" for n in range(9))]
    processor = AutoImageProcessor.from_pretrained(folder, backend="pil")
    theirs: Any = CLIPSegForImageSegmentation.from_pretrained(folder)
    image = picture(5, (120, 70))
    fed = processor(images=[image] * len(labels), return_tensors="pt")
    ids = AutoTokenizer.from_pretrained(folder)(labels, padding=True, return_tensors="pt")
    with torch.inference_mode():
        expected = theirs(
            ids["input_ids"], fed["pixel_values"], attention_mask=ids["attention_mask"]
        ).logits
    mine = ClipSeg(opened(folder), labels)
    pixels = mine.feeds.picture(image, (mine.side, mine.side))
    logits = mine.logits(pixels, mine.encode_texts(labels))
    assert logits.shape == expected.shape == (len(labels), mine.side, mine.side)
    assert (logits - expected).abs().max() < 1e-4
    assert expected.std() > 0.1

    shares = expected.sigmoid()[:, None]
    grown = torch.nn.functional.interpolate(shares, (70, 120), mode="bilinear")[:, 0] >= 0.5
    found = by_label(Segments(labels, str(folder)).locate(image))
    for label, mask in zip(labels, grown.numpy(), strict=True):
        assert (found[label].mask == mask).mean() > 0.999


def test_a_thin_picture_is_fed_like_a_thick_one(model: str) -> None:
    """Of an array of one row, which side has the colours is no guess."""
    feeds = finder(model)._drawer.feeds  # type: ignore[attr-defined]
    row = picture(4, (9, 1))
    thick = row.resize((9, 5), Image.Resampling.NEAREST)
    size = (32, 32)
    assert (feeds.picture(row, size) - feeds.picture(thick, size)).abs().max() < 0.02


# What is made of it


@pytest.mark.parametrize("seed", range(3))
def test_a_higher_threshold_never_adds_a_pixel(model: str, seed: int) -> None:
    image = picture(seed, (96, 64))
    before: dict[str, Region] | None = None
    sizes = []
    for threshold in (0.0, 0.2, 0.45, 0.55, 0.7, 0.9, 1.0):
        found = by_label(finder(model, threshold).locate(image))
        sizes.append(sum(int(region.mask.sum()) for region in found.values()))  # type: ignore[union-attr]
        for label, region in found.items():
            assert region.mask is not None
            assert region.mask.any()
            assert threshold <= region.score <= 1
            if before is not None:
                assert label in before
                assert not (region.mask & ~before[label].mask).any()  # type: ignore[operator]
        before = found
    assert sizes[0] > sizes[-1]


def test_threshold_nought_leaves_no_pixel_without_a_label(model: str) -> None:
    found = finder(model, 0.0).locate(picture(2, (96, 64)))
    assert np.any([region.mask for region in found], axis=0).all()


def test_other_labels_change_no_score_of_a_pixel(model: str) -> None:
    """Nor does their order. A pixel may go to one of them that is nearer, with GroupViT."""
    image = picture(1, (96, 64))
    forth = by_label(finder(model).locate(image))
    back = by_label(Segments(LABELS[::-1], model).locate(image))
    assert forth.keys() == back.keys() != set()
    for label, region in forth.items():
        assert np.array_equal(region.mask, back[label].mask)  # type: ignore[arg-type]
        assert region.score == pytest.approx(back[label].score, abs=1e-5)
        alone = by_label(Segments([label], model).locate(image))[label].mask
        assert not (region.mask & ~alone).any()  # type: ignore[operator]


def test_groupvit_gives_a_pixel_to_one_label(models: dict[str, Path]) -> None:
    found = finder(str(models["groupvit"]), 0.0).locate(picture(1, (96, 64)))
    assert len(found) > 1
    assert (np.sum([region.mask for region in found], axis=0) == 1).all()


@pytest.mark.parametrize("is_tall", [False, True], ids=["wide", "tall"])
def test_masks_lie_where_the_picture_changes(models: dict[str, Path], is_tall: bool) -> None:
    """Of a picture in two halves the groups are those halves, whichever way it lies."""
    image = Image.new("RGB", (128, 64), "black")
    image.paste("yellow", (64, 0, 128, 64))
    groupvit = GroupVit(opened(models["groupvit"]), LABELS)
    embeddings = groupvit._model.vision_model.embeddings
    if is_tall:  # the same positions, turned over: then all that is seen is turned over
        side = round(embeddings.position_embeddings.shape[1] ** 0.5)
        grid = embeddings.position_embeddings.reshape(1, side, side, -1)
        embeddings.position_embeddings = torch.nn.Parameter(
            grid.transpose(1, 2).flatten(1, 2), requires_grad=False
        )
        image = image.transpose(Image.Transpose.TRANSPOSE)
        weight = embeddings.patch_embeddings.projection.weight
        weight.copy_(weight.transpose(2, 3).clone())
    _, attention = groupvit.group(groupvit.feeds.picture(image, groupvit.size_for(image)))
    groups = attention[0].argmax(dim=0).numpy()
    groups = groups.T if is_tall else groups
    assert groups.shape == (8, 16)
    assert len(np.unique(groups[:, :8])) == len(np.unique(groups[:, 8:])) == 1
    assert groups[0, 0] != groups[0, -1]


@pytest.mark.parametrize("size", [(1, 1), (3, 2), (1, 5000), (5000, 1), (3, 900), (1500, 1100)])
def test_every_shape_of_picture_has_masks_of_its_size(model: str, size: tuple[int, int]) -> None:
    found = finder(model, 0.0).locate(picture(6, size))
    assert found
    for region in found:
        assert region.mask is not None
        assert region.mask.shape == size[::-1]
        assert region.mask.dtype == bool
        assert region.box == box_of(region.mask)


def test_a_turned_photo_is_looked_at_upright(model: str, tmp_path: Path) -> None:
    scene = picture(1, (96, 64))
    upright = by_label(finder(model).locate(scene))
    assert upright
    for orientation in (3, 6, 8):
        path = tmp_path / f"{orientation}.png"
        exif = camera_exif(orientation=orientation)
        path.write_bytes(png(stored_as(scene, orientation), exif=exif))
        (record,) = locate_images([named_file(path)], finder(model))
        assert isinstance(record, Located)
        turned = by_label(list(record.regions))
        assert turned.keys() == upright.keys()
        for label, region in turned.items():
            assert region.box == upright[label].box
            assert np.array_equal(region.mask, upright[label].mask)  # type: ignore[arg-type]


def test_a_large_photo_has_masks_of_all_its_pixels(model: str, tmp_path: Path) -> None:
    """It is decoded smaller than it is; boxes stay tight around what masks become."""
    path = tmp_path / "large.jpg"
    path.write_bytes(jpeg(picture(1, (2401, 1607)), exif=camera_exif(orientation=6)))
    found = locate(path, LABELS, by="segments", model=model, encoder=no_encoder)
    assert found
    for region in found:
        assert region.mask is not None
        assert region.mask.shape == (2401, 1607)
        assert region.box == box_of(region.mask)
        assert np.array_equal(mask_of(region.as_dict()["mask"]), region.mask)


def no_encoder() -> Any:
    raise AssertionError("segments need no CLIP")


@pytest.mark.parametrize(
    ("label", "prompt"),
    [
        ("cat", "a photo of a cat"),
        ("a cat", "a photo of a cat"),
        ("The Eiffel tower", "a photo of The Eiffel tower"),
        ("two cats", "a photo of two cats"),
        ("anchor", "a photo of a anchor"),
        ("A photo of a cat", "A photo of a cat"),
    ],
)
def test_a_label_is_asked_for_as_published(label: str, prompt: str) -> None:
    assert prompt_of(label) == prompt


def test_what_is_looked_for_is_not_its_own_rival() -> None:
    assert all(rivals("a cat"))
    left_out = [
        one for one, is_rival in zip(SURROUNDINGS, rivals("blue Sky"), strict=True) if not is_rival
    ]
    assert left_out == ["the sky"]
    assert sum(rivals("a mountain under clouds")) == len(SURROUNDINGS) - 2


# Wrong use


def test_a_model_of_another_kind_is_named(tmp_path: Path) -> None:
    checkpoints.clip(tmp_path / "clip")
    with pytest.raises(WrongUse, match="by segments takes a GroupViT or CLIPSeg"):
        Segments(LABELS, str(tmp_path / "clip"))


def test_a_label_that_is_too_long_is_named(model: str) -> None:
    with pytest.raises(WrongUse, match="tokens"):
        Segments(["cat", "a red " * 30], model)


# The command


def test_the_command_with_a_name_of_the_hub(models: dict[str, Path], tmp_path: Path) -> None:
    """A folder and a repository of a hub that hold the same model give the same answer."""
    repos = tmp_path / "repos"
    (repos / "someone").mkdir(parents=True)
    (repos / "someone" / "tiny").symlink_to(models["groupvit"], target_is_directory=True)
    photo = sorted((SAMPLES / "animals").glob("*.jpg"))[0]
    options = ("--what", "a cat, dog", "--by", "segments", "--threshold", "0", "--json")
    command = Here(tmp_path)
    with Hub(repos) as hub, reaching(hub, tmp_path / "hub-cache", command):
        named = command("locate", photo, *options, "--model", "someone/tiny").json
    assert named["model"] == "someone/tiny"
    assert named["by"] == "segments"
    (photo_record,) = named["photos"]
    local = locate(
        photo,
        ["a cat", "dog"],
        by="segments",
        model=str(models["groupvit"]),
        threshold=0,
        encoder=no_encoder,
    )
    assert photo_record["regions"] == [region.as_dict() for region in local]
    masks = [mask_of(region["mask"]) for region in photo_record["regions"]]
    assert masks
    assert (np.sum(masks, axis=0) == 1).all()
    assert masks[0].shape == (photo_record["height"], photo_record["width"])


# How masks are written down


def masks(min_side: int = 1) -> st.SearchStrategy[Any]:
    return arrays(bool, array_shapes(min_dims=2, max_dims=2, min_side=min_side, max_side=9))


@given(masks(min_side=0))
def test_run_lengths_and_back(mask: np.ndarray) -> None:
    runs = json.loads(json.dumps(runs_of(mask)))
    assert np.array_equal(mask_of(runs), mask)
    assert all(count > 0 for count in runs["counts"][1:])


def test_run_lengths_are_those_of_coco() -> None:
    """Down the columns, and beginning with what is outside."""
    mask = np.array([[0, 1, 1], [0, 1, 0]], dtype=bool)
    assert runs_of(mask) == {"size": [2, 3], "counts": [2, 3, 1]}
    assert runs_of(~mask) == {"size": [2, 3], "counts": [0, 2, 3, 1]}


WRONG_RUNS: list[dict[str, Any]] = [
    {"size": [2, 2], "counts": [3]},
    {"size": [2, 2], "counts": [5, -1]},
    {"size": [-2, -2], "counts": [4]},
    {"size": [2], "counts": [2]},
    {"size": [2, 2], "counts": "PPYo1"},
    {"counts": [4]},
]


@pytest.mark.parametrize("runs", WRONG_RUNS, ids=str)
def test_wrong_run_lengths_are_refused(runs: dict[str, Any]) -> None:
    with pytest.raises(WrongUse):
        mask_of(runs)


@given(masks(), st.integers(0, 40), st.integers(0, 40))
def test_a_scaled_mask_is_what_pillow_makes_of_it(
    mask: np.ndarray, wider: int, higher: int
) -> None:
    size = (mask.shape[1] + wider, mask.shape[0] + higher)
    grown = scaled(mask, size)
    theirs = Image.fromarray(mask.astype(np.uint8)).resize(size, Image.Resampling.NEAREST)
    # Where a pixel's middle lies on the border of two, rounding decides there.
    sure = [
        (2 * np.arange(wanted) + 1) * given % (2 * wanted) != 0
        for wanted, given in zip(size, mask.shape[::-1], strict=True)
    ]
    compared = np.ix_(sure[1], sure[0])
    assert np.array_equal(grown[compared], np.asarray(theirs, dtype=bool)[compared])


@given(masks(), st.integers(1, 5), st.integers(1, 5))
def test_a_mask_that_is_so_many_times_larger_repeats_its_pixels(
    mask: np.ndarray, across: int, down: int
) -> None:
    height, width = mask.shape
    grown = scaled(mask, (across * width, down * height))
    assert np.array_equal(grown, mask.repeat(down, axis=0).repeat(across, axis=1))
    if mask.any():
        x0, y0, x1, y1 = box_of(mask)
        assert box_of(grown) == (across * x0, down * y0, across * x1, down * y1)
