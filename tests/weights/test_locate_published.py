"""Published boxes, with the real weights. Run by scripts/verify-weights; skipped without.

The values: of OWL-ViT transformers' guide to zero-shot object detection and the model's card, of
Grounding DINO its documentation, all on COCO val2017 000000039769.jpg, two cats on a couch.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import NoReturn

import pytest

from photosearch.errors import DownloadFailed
from photosearch.library.locating import locate
from photosearch.records import Region
from tests.weights.test_published import CATS, fetched, is_wanted

pytestmark = pytest.mark.weights

OWLVIT = "hf:google/owlvit-base-patch32"
OWLV2 = "hf:google/owlv2-base-patch16-ensemble"
GROUNDING = "hf:IDEA-Research/grounding-dino-tiny"
RIGHT_CAT = (324, 20, 640, 373)
LEFT_CAT = (1, 55, 315, 472)
REMOTES = ((40, 72, 177, 115), (335, 74, 371, 187))


@pytest.fixture(scope="module")
def cats(tmp_path_factory: pytest.TempPathFactory) -> Path:
    if not any(map(is_wanted, (OWLVIT, OWLV2, GROUNDING))):
        pytest.skip("no real weights on this machine: scripts/verify-weights NAME fetches them")
    given = os.environ.get("PHOTOSEARCH_VERIFY_PHOTO")
    return Path(given) if given else fetched(CATS, tmp_path_factory.mktemp("cats"))


def found(photo: Path, what: str | list[str], by: str, name: str) -> list[Region]:
    if not is_wanted(name):
        pytest.skip(f"the weights of {name} are not here: scripts/verify-weights {name}")
    try:
        return locate(photo, what, by=by, model=name, encoder=_no_encoder)
    except DownloadFailed as error:
        pytest.skip(str(error))


def _no_encoder() -> NoReturn:
    raise AssertionError("no CLIP is asked")


def overlap(one: tuple[float, ...], two: tuple[float, ...]) -> float:
    """Intersection over union."""
    wide = min(one[2], two[2]) - max(one[0], two[0])
    high = min(one[3], two[3]) - max(one[1], two[1])
    shared = max(wide, 0) * max(high, 0)
    areas = [(box[2] - box[0]) * (box[3] - box[1]) for box in (one, two)]
    return shared / (sum(areas) - shared)


def nearest(regions: list[Region], label: str, box: tuple[float, ...]) -> Region:
    own = [one for one in regions if one.label == label]
    assert own, f"no {label}"
    best = max(own, key=lambda one: overlap(one.box, box))
    assert overlap(best.box, box) > 0.8
    return best


def test_two_cats_and_two_remotes(cats: Path) -> None:
    regions = found(cats, ["cat", "dog", "truck", "couch", "remote"], "owlvit", OWLVIT)
    cat = nearest(regions, "cat", RIGHT_CAT)
    assert cat.score == pytest.approx(0.287, abs=0.01)
    assert cat.box == pytest.approx(RIGHT_CAT, abs=3)
    assert nearest(regions, "cat", LEFT_CAT).score == pytest.approx(0.254, abs=0.01)
    for box in REMOTES:
        nearest(regions, "remote", box)
    assert not [one for one in regions if one.label in ("dog", "truck")]


def test_the_card_s_prompts(cats: Path) -> None:
    """The same texts as on the model's card give its scores."""
    regions = found(cats, ["a photo of a cat", "a photo of a dog"], "owlvit", OWLVIT)
    assert nearest(regions, "a photo of a cat", RIGHT_CAT).score == pytest.approx(0.707, abs=0.01)
    assert nearest(regions, "a photo of a cat", LEFT_CAT).score == pytest.approx(0.717, abs=0.01)


def test_owlv2(cats: Path) -> None:
    what = ["a photo of a cat", "a photo of a dog"]
    regions = found(cats, what, "owlvit", OWLV2)
    assert nearest(regions, "a photo of a cat", RIGHT_CAT).score == pytest.approx(0.614, abs=0.02)
    assert nearest(regions, "a photo of a cat", LEFT_CAT).score == pytest.approx(0.665, abs=0.02)


def test_phrases(cats: Path) -> None:
    regions = found(cats, "a cat. a remote control.", "grounding", GROUNDING)
    assert nearest(regions, "a cat", RIGHT_CAT).score == pytest.approx(0.479, abs=0.02)
    assert nearest(regions, "a cat", LEFT_CAT).score == pytest.approx(0.438, abs=0.02)
    remote = nearest(regions, "a remote control", REMOTES[0])
    assert remote.score == pytest.approx(0.478, abs=0.02)


def test_a_sentence(cats: Path) -> None:
    """No figures are published for one; its phrases are found."""
    regions = found(cats, "two cats sleep near a remote control", "grounding", GROUNDING)
    assert {one.label for one in regions} == {"two cats", "a remote control"}
