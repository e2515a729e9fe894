"""Published values, with the real weights. Run by scripts/verify-weights; skipped without.

The values: transformers' documentation of CLIP on COCO val2017 000000039769.jpg (cosines), and the
example in the README of openai/CLIP (probabilities of its diagram CLIP.png).
"""

from __future__ import annotations

import os
import urllib.request
from pathlib import Path

import numpy as np
import pytest

from photosearch.encode.find import is_here
from photosearch.encode.names import load_model
from photosearch.errors import DownloadFailed

pytestmark = pytest.mark.weights

CATS = "http://images.cocodataset.org/val2017/000000039769.jpg"
DIAGRAM = "https://raw.githubusercontent.com/openai/CLIP/main/CLIP.png"
COSINES = {
    "This is a cat.": 0.2482,
    "This is a dog.": 0.2080,
    "There are two cats.": 0.2723,
    "This is a truck.": 0.1814,
    "This is a couch.": 0.2376,
}
PROBABILITIES = {"a diagram": 0.9927, "a dog": 0.0042, "a cat": 0.0030}
BASE = ("ViT-B/32", "hf:openai/clip-vit-base-patch32")


@pytest.fixture(scope="module")
def name() -> str:
    wanted = os.environ.get("PHOTOSEARCH_VERIFY")
    if wanted:
        return wanted
    here = [one for one in BASE if is_here(one)]
    if not here:
        pytest.skip("no real weights on this machine: scripts/verify-weights NAME fetches them")
    return here[0]


def fetched(url: str, folder: Path) -> Path:
    path = folder / url.rsplit("/", 1)[1]
    try:
        with urllib.request.urlopen(url, timeout=30) as answer:
            path.write_bytes(answer.read())
    except OSError as error:
        pytest.skip(f"{url} cannot be fetched: {error}")
    return path


def is_wanted(name: str) -> bool:
    """Whether a model that finds things is to be compared: it was asked for, or is here."""
    from photosearch.encode.locator_files import is_downloaded

    return os.environ.get("PHOTOSEARCH_VERIFY") == name or is_downloaded(name)


def model_of(name: str):  # type: ignore[no-untyped-def]
    try:
        return load_model(name)
    except DownloadFailed as error:
        pytest.skip(str(error))


def test_cosines_of_two_cats(name: str, tmp_path: Path) -> None:
    if name not in BASE:
        pytest.skip(f"no published cosines for {name}")
    model = model_of(name)
    image = model.encode_images([fetched(CATS, tmp_path)])
    cosines = (model.encode_texts(list(COSINES)) @ image.T)[:, 0]
    np.testing.assert_allclose(cosines, list(COSINES.values()), atol=0.003)


def test_probabilities_of_the_diagram(name: str, tmp_path: Path) -> None:
    if name not in BASE:
        pytest.skip(f"no published probabilities for {name}")
    model = model_of(name)
    image = model.encode_images([fetched(DIAGRAM, tmp_path)])
    logits = model.logit_scale * (model.encode_texts(list(PROBABILITIES)) @ image.T)[:, 0]
    shares = np.exp(logits - logits.max())
    np.testing.assert_allclose(shares / shares.sum(), list(PROBABILITIES.values()), atol=0.003)
