"""What published GroupViT and CLIPSeg see in COCO val2017 000000039769.jpg; skipped without them.

Two cats lie on a couch with two remote controls. The boxes are those of COCO's annotations; there
are no published masks to compare with, so what is asserted is what anybody sees in the picture.
"""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from photosearch.errors import DownloadFailed
from photosearch.records import Region
from photosearch.zeroshot.segments import Segments
from tests.weights.test_published import CATS, fetched, is_wanted

pytestmark = pytest.mark.weights

MODELS = ("hf:nvidia/groupvit-gcc-yfcc", "hf:CIDAS/clipseg-rd64-refined")
CAT_BOXES = ((13, 54, 318, 472), (345, 24, 640, 372))
REMOTES = ((40, 73, 176, 119), (333, 77, 371, 188))
LABELS = ["a cat", "a remote control", "a couch", "a dog", "a truck"]


@pytest.fixture(scope="module")
def image(tmp_path_factory: pytest.TempPathFactory) -> Image.Image:
    if not any(map(is_wanted, MODELS)):
        pytest.skip("no real weights on this machine: scripts/verify-weights NAME fetches them")
    given = os.environ.get("PHOTOSEARCH_VERIFY_PHOTO")
    path = Path(given) if given else fetched(CATS, tmp_path_factory.mktemp("cats"))
    with Image.open(path) as opened:
        return opened.convert("RGB")


def regions(
    labels: list[str], name: str, image: Image.Image, threshold: float | None = None
) -> list[Region]:
    if not is_wanted(name):
        pytest.skip(f"the weights of {name} are not here: scripts/verify-weights {name}")
    try:
        return Segments(labels, name, threshold).locate(image)
    except DownloadFailed as error:
        pytest.skip(str(error))


@pytest.mark.parametrize("name", MODELS)
def test_the_cats_and_no_truck(name: str, image: Image.Image) -> None:
    found = {region.label: region for region in regions(LABELS, name, image)}
    cats = found["a cat"].mask
    assert cats is not None
    inside = sum(int(cats[y0:y1, x0:x1].sum()) for x0, y0, x1, y1 in CAT_BOXES)
    assert inside > 0.8 * cats.sum()  # of what is called a cat, nearly all is in the cats' boxes
    for x0, y0, x1, y1 in CAT_BOXES:
        assert cats[y0:y1, x0:x1].mean() > 0.3  # and of each cat's box, a cat takes a good part
    for absent in ("a dog", "a truck"):
        mask = found[absent].mask if absent in found else None
        assert mask is None or mask.sum() < 0.1 * cats.sum()


def test_clipseg_finds_what_is_small(image: Image.Image) -> None:
    """16 pixels are too few for a group of GroupViT; CLIPSeg draws both remote controls."""
    (remotes,) = regions(["a remote control"], MODELS[1], image, threshold=0.3)
    mask = remotes.mask
    assert mask is not None
    for x0, y0, x1, y1 in REMOTES:
        assert mask[y0:y1, x0:x1].mean() > 0.3
    assert np.mean(mask) < 0.2
