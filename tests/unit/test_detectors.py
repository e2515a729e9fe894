"""zeroshot/owlvit, grounding, published: the same boxes as the reference code gives, by name and
by path, and one clear line for what is no model of the kind.
"""

from __future__ import annotations

import json
import os
import pickle
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from PIL import Image

from photosearch import Library
from photosearch.errors import BadCheckpoint, PhotosearchError, UnknownModel, WrongUse
from photosearch.records import Region
from photosearch.zeroshot.phrases import given_phrases, phrases_of
from tests.command import SAMPLES
from tests.here import Here, reaching
from tests.hub import Hub
from tests.make import shared_golden

torch = pytest.importorskip("torch", reason="published models are run by photosearch[torch]")

TOLERANCE = 1e-4
CAT = SAMPLES / "animals" / "cat.jpg"
KINDS = {"owlvit": "owlvit", "owlv2": "owlvit", "grounding_dino": "grounding"}
LABELS = ["a cat", "a red bicycle"]
SENTENCE = "a man in a red shirt holds two dogs near the bicycle"


@pytest.fixture
def photosearch(tmp_path: Path) -> Here:
    """The command with an empty library; in this process, where torch is imported already."""
    return Here(tmp_path)


def golden(name: str) -> Path:
    root = shared_golden()
    if root is None or not (root / "hf" / name).is_dir():
        pytest.skip("no golden checkpoints beside the repository (PHOTOSEARCH_TEST_GOLDEN)")
    return root / "hf" / name


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with one tiny model of each kind, saved by transformers."""
    from transformers.utils import logging

    from tests import detectors

    logging.disable_progress_bar()
    folder = tmp_path_factory.mktemp("detectors")
    for name in KINDS:
        getattr(detectors, name)(folder / name)
    return folder


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Library]:
    with Library.open(tmp_path_factory.mktemp("library") / "own", create=True) as opened_library:
        yield opened_library


def opened(name: str, what: Any, model: Path, threshold: float | None = None) -> Any:
    from photosearch.zeroshot.grounding import Grounding
    from photosearch.zeroshot.owlvit import OwlVit

    kind: Any = Grounding if KINDS[name] == "grounding" else OwlVit
    return kind(what, str(model), threshold)


def assert_same(
    regions: list[Region], scores: NDArray[Any], boxes: NDArray[Any], size: tuple[int, int]
) -> None:
    """The regions are those of the reference, whatever the order; boxes relative to the picture."""
    assert len(regions) == len(scores)
    assert [one.score for one in regions] == sorted((one.score for one in regions), reverse=True)
    mine = np.array([[*one.box, one.score] for one in regions])
    theirs = np.concatenate([boxes, scores[:, None]], axis=1).astype(float)
    scale = np.array([*size, *size, 1.0])
    for row in theirs:
        away = np.abs((mine - row) / scale).max(axis=1)
        assert away.min() < TOLERANCE
        mine = np.delete(mine, away.argmin(), axis=0)


@pytest.mark.parametrize("name", ["owlvit", "grounding_dino"])
def test_raw_answers_of_golden_models(name: str) -> None:
    """Logits and boxes are those that the reference implementation gave."""
    folder = golden(name)
    asked = json.loads((folder / "expected.json").read_text())
    expected = np.load(folder / "expected.npz")
    image = Image.open(folder.parents[1] / "images" / asked["image"]).convert("RGB")
    logits, boxes = opened(name, asked.get("prompt", asked["prompts"]), folder).predict(image)
    finite = np.isfinite(expected["logits"][0])
    np.testing.assert_array_equal(np.isfinite(logits), finite)
    np.testing.assert_allclose(
        logits[finite], expected["logits"][0][finite], atol=TOLERANCE, rtol=0
    )
    np.testing.assert_allclose(boxes, expected["pred_boxes"][0], atol=TOLERANCE, rtol=0)


@pytest.mark.parametrize("name", ["owlvit", "grounding_dino"])
def test_regions_of_golden_models(name: str, library: Library) -> None:
    """Library.locate gives the boxes and scores that the reference keeps, labelled by prompts."""
    folder = golden(name)
    asked = json.loads((folder / "expected.json").read_text())
    expected = np.load(folder / "expected.npz")
    path = folder.parents[1] / "images" / asked["image"]
    regions = library.locate(
        path,
        asked.get("prompt", asked["prompts"]),
        by=KINDS[name],
        model=folder,
        threshold=asked["threshold"],
    )
    height, width = asked["target_size_hw"]
    assert_same(regions, expected["post_scores"], expected["post_boxes"], (width, height))
    if name == "owlvit":
        order = np.argsort(-expected["post_scores"])
        labels = [asked["prompts"][label] for label in expected["post_labels"][order]]
        assert [one.label for one in regions] == labels
    assert {one.label for one in regions} <= set(asked["prompts"])


@pytest.mark.parametrize("size", [(300, 180), (180, 300)], ids=["wide", "high"])
@pytest.mark.parametrize("name", list(KINDS))
def test_regions_are_those_of_transformers(name: str, size: tuple[int, int], tiny: Path) -> None:
    """What transformers' own processor and post-processing give of the same folder."""
    from transformers import (
        AutoImageProcessor,
        AutoModelForZeroShotObjectDetection,
        AutoTokenizer,
        GroundingDinoProcessor,
        Owlv2Processor,
        OwlViTProcessor,
    )

    classes = {"owlvit": OwlViTProcessor, "owlv2": Owlv2Processor}
    image = Image.open(CAT).convert("RGB").resize(size)
    images = AutoImageProcessor.from_pretrained(tiny / name, backend="pil")
    tokens = AutoTokenizer.from_pretrained(tiny / name)
    model = AutoModelForZeroShotObjectDetection.from_pretrained(tiny / name).eval()
    more: dict[str, Any] = {"target_sizes": [image.size[::-1]]}
    what: Any = LABELS
    if name == "grounding_dino":
        processor: Any = GroundingDinoProcessor(images, tokens)
        what = "a cat. a red bicycle."
        feeds = processor(images=image, text=what, return_tensors="pt")
        more["input_ids"] = feeds["input_ids"]
    else:
        processor = classes[name](images, tokens)
        feeds = processor(images=image, text=[LABELS], return_tensors="pt")
        more["text_labels"] = [LABELS]
    with torch.inference_mode():
        raw = model(**feeds)
    logits = raw.logits[0].float().numpy()
    # Halfway between two scores: so that no rounding decides what is over it.
    scores = np.sort(1 / (1 + np.exp(-logits.max(axis=1).astype(float))))
    middle = len(scores) // 4
    threshold = float(scores[middle : middle + 2].mean())
    theirs = processor.post_process_grounded_object_detection(raw, threshold=threshold, **more)[0]
    regions = opened(name, what, tiny / name, threshold).locate(image)
    assert len(regions) >= 5
    assert_same(regions, theirs["scores"].numpy(), theirs["boxes"].numpy(), size)
    if name != "grounding_dino":
        assert sorted(one.label for one in regions) == sorted(theirs["text_labels"])


def test_a_large_photo_gives_boxes_in_its_own_pixels(
    tiny: Path, library: Library, tmp_path: Path
) -> None:
    """It is decoded at reduced scale; the boxes are nearly those of the whole."""
    with Image.open(CAT) as image:
        small = image.convert("RGB").resize((256, 256))
    large = small.resize((2048, 2048), Image.Resampling.NEAREST)
    large.save(tmp_path / "large.png")
    small.save(tmp_path / "small.png")
    found: list[list[Region]] = []
    for name in ("large.png", "small.png"):
        model = tiny / "owlv2"
        found.append(library.locate(tmp_path / name, LABELS, by="owlvit", model=model, threshold=0))
    boxes = [sorted(one.box for one in regions) for regions in found]
    np.testing.assert_allclose(np.array(boxes[0]) / 8, np.array(boxes[1]), atol=2)


def test_each_phrase_of_a_sentence_is_looked_for(tiny: Path) -> None:
    """A sentence is read whole, and its boxes are of its noun phrases."""
    found = opened("grounding_dino", SENTENCE, tiny / "grounding_dino", 0.0)
    regions = found.locate(Image.open(CAT).convert("RGB"))
    assert {one.label for one in regions} <= {"a man", "a red shirt", "two dogs", "the bicycle"}
    assert len(regions) == 20


@pytest.mark.parametrize(
    ("sentence", "phrases"),
    [
        (SENTENCE, ["a man", "a red shirt", "two dogs", "the bicycle"]),
        ("a cat. a red bicycle.", ["a cat", "a red bicycle"]),
        ("cat, remote control", ["cat", "remote control"]),
        ("A man eating pizza, next to a parked car", ["A man", "pizza", "a parked car"]),
        ("two dogs running through the snow", ["two dogs", "the snow"]),
        ("a group of people standing in front of a building", ["a group of people", "a building"]),
        ("a slice of pizza on top of the table", ["a slice of pizza", "the table"]),
        ("the watch on his wrist", ["the watch", "his wrist"]),
        ("a red checkered shirt and the man's hat", ["a red checkered shirt", "the man's hat"]),
        ("she is sitting there", []),
        ("3.5 apples", []),
        ("", []),
    ],
)
def test_phrases_of_sentences(sentence: str, phrases: list[str]) -> None:
    if sentence == "3.5 apples":
        phrases = phrases_of(sentence).labels  # whatever it is: the point in it ends nothing
        assert phrases[-1].endswith("apples")
    assert phrases_of(sentence).labels == phrases


WORDS = "a the two cat red dog's bicycle holds in on of running parked it is front . , and ? 猫 ’"


@given(st.one_of(st.text(), st.lists(st.sampled_from(WORDS.split())).map(" ".join)))
def test_phrases_are_pieces_of_the_sentence_in_order(sentence: str) -> None:
    """Whatever is typed: what is looked for stands in it, one thing after another, once."""
    found = phrases_of(sentence)
    plain = " ".join(sentence.split())
    place = 0
    for (start, end), label in zip(found.spans, found.labels, strict=True):
        assert label.strip() == label != ""
        assert found.text[start:end] == label
        place = plain.index(label, place) + len(label)
    assert list(found.spans) == sorted(found.spans)
    assert all(one[1] <= two[0] for one, two in zip(found.spans, found.spans[1:], strict=False))


def test_phrases_that_were_given_stay_as_they_are() -> None:
    """A list is no sentence: each of its texts is one phrase."""
    found = given_phrases(["a cat on a sofa", "holding"])
    assert found.labels == ["a cat on a sofa", "holding"]
    assert found.text == "a cat on a sofa. holding."


@pytest.mark.parametrize(
    ("model", "by", "message"),
    [
        ("grounding_dino", "owlvit", "takes an OWL-ViT or OWLv2, and .* holds a grounding-dino"),
        ("owlvit", "grounding", "takes a Grounding DINO, and .* holds an owlvit"),
        ("mini", "owlvit", "and mini holds a CLIP"),
        ("ViT-B/32", "owlvit", "and ViT-B/32 holds a CLIP"),
        ("hf:openai/clip-vit-base-patch32", "grounding", "holds a CLIP"),
        ("no-such-folder", "owlvit", "no model of the name 'no-such-folder'"),
        ("hf:no-slash", "owlvit", "is no repository"),
        ("hf:us/away", "owlvit", "is not on this machine"),
        ("us/away", "owlvit", "us/away"),
        (str(SAMPLES / "animals"), "owlvit", "is no model folder"),
        (str(CAT), "owlvit", "is a file"),
    ],
)
def test_what_is_no_model_of_the_kind(
    model: str,
    by: str,
    message: str,
    tiny: Path,
    library: Library,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """One line, which names the model and what to take instead; nothing is fetched for it."""
    monkeypatch.setenv("PHOTOSEARCH_OFFLINE", "1")
    path = str(tiny / model) if model in KINDS else model
    with pytest.raises(PhotosearchError, match=message) as caught:
        library.locate(CAT, "a cat", by=by, model=path)
    assert "\n" not in str(caught.value)
    assert caught.value.hint


def test_the_usual_model_is_not_downloaded_unasked(photosearch: Here, tmp_path: Path) -> None:
    """Without --model and without the model here: which one to fetch, and no word to the hub."""
    cache = tmp_path / "hub-cache"
    with Hub(tmp_path / "repos") as hub, reaching(hub, cache, photosearch):
        done = photosearch("locate", CAT, "--what", "a cat", "--by", "grounding", code=2)
        assert hub.requests == []
    assert "hf:IDEA-Research/grounding-dino-tiny" in done.err
    assert "689 MB" in done.err
    assert "photosearch models pull" in done.err


@pytest.mark.parametrize("name", ["owlvit", "grounding_dino"])
def test_a_repository_of_the_hub(
    name: str, tiny: Path, library: Library, photosearch: Here, tmp_path: Path
) -> None:
    """It is pulled by name, then used without the network; a name alone fetches it, too."""
    by = KINDS[name]
    root = shared_golden()
    model = root / "hf" / name if root is not None else tiny / name
    shutil.copytree(model, tmp_path / "repos" / "test" / name)
    what = "a cat. a red bicycle." if by == "grounding" else ",".join(LABELS)
    arguments = ("locate", CAT, "--what", what, "--by", by, "--threshold", "0.3", "--json")
    cache = tmp_path / "hub-cache"
    with Hub(tmp_path / "repos") as hub, reaching(hub, cache, photosearch):
        if by == "owlvit":
            pulled = photosearch("models", "pull", f"hf:test/{name}")
            assert f"--by {by} --model hf:test/{name}" in pulled.text
            asked = len(hub.requests)
            found = photosearch(*arguments, "--model", f"hf:test/{name}").json
        else:
            found = photosearch(*arguments, "--model", f"test/{name}").json
            asked = len(hub.requests)
        shown = photosearch("models", "show", f"hf:test/{name}", "--json").json
        assert len(hub.requests) == asked > 0
    local = library.locate(CAT, what, by=by, model=model, threshold=0.3)
    assert found["photos"][0]["regions"] == [one.as_dict() for one in local] != []
    assert (shown["by"], shown["state"]) == (by, "here")


def test_the_wrong_kind_is_told_before_its_weights_are_fetched(
    tiny: Path, photosearch: Here, tmp_path: Path
) -> None:
    shutil.copytree(tiny / "grounding_dino", tmp_path / "repos" / "test" / "dino")
    cache = tmp_path / "hub-cache"
    with Hub(tmp_path / "repos") as hub, reaching(hub, cache, photosearch):
        done = photosearch(
            "locate", CAT, "--what", "a cat", "--by", "owlvit", "--model", "test/dino", code=2
        )
        assert hub.asked("model.safetensors") == []
    assert "test/dino holds a grounding-dino" in done.err
    assert "--by grounding" in done.err


class _Runs:
    """Unpickled, it would make a file."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[Any, ...]:
        return os.mkdir, (str(self.path),)


def damaged(folder: Path, how: str) -> str:
    """Spoil a model's folder; gives what is to be said of it."""
    weights, config = folder / "model.safetensors", folder / "config.json"
    if how == "cut":
        weights.write_bytes(weights.read_bytes()[:-1000])
        return "is cut off"
    if how == "no weights":
        weights.unlink()
        return "holds no weights"
    if how == "code":
        weights.unlink()
        (folder / "pytorch_model.bin").write_bytes(pickle.dumps(_Runs(folder / "ran")))
        return "cannot be loaded"
    if how == "no tokenizer":
        (folder / "tokenizer.json").unlink()
        return "lacks its tokenizer"
    if how == "no preprocessing":
        (folder / "preprocessor_config.json").unlink()
        return "its image processor cannot be read"
    if how == "no json":
        config.write_text("{")
        return "config.json cannot be read"
    told = json.loads(config.read_text())
    told["vision_config"]["num_hidden_layers"] = {"deeper": 3, "shallower": 1}[how]
    config.write_text(json.dumps(told))
    return {"deeper": "lack or misfit", "shallower": "has no place"}[how]


@pytest.mark.parametrize(
    "how",
    "cut,no weights,code,no tokenizer,no preprocessing,no json,deeper,shallower".split(","),
)
def test_damaged_folders_are_refused(how: str, tiny: Path, tmp_path: Path) -> None:
    """Never a random answer, never code of the file's maker."""
    folder = tmp_path / "model"
    shutil.copytree(tiny / "owlvit", folder)
    message = damaged(folder, how)
    with pytest.raises(BadCheckpoint, match=message) as caught:
        opened("owlvit", LABELS, folder).locate(Image.new("RGB", (64, 64)))
    assert "\n" not in str(caught.value)
    assert not (folder / "ran").exists()


def test_weights_as_pytorch_saves_them(tiny: Path, tmp_path: Path) -> None:
    """The .bin of older repositories gives the same as safetensors, buffers of old included."""
    from safetensors.torch import load_file

    folder = tmp_path / "model"
    shutil.copytree(tiny / "owlvit", folder)
    tensors = load_file(folder / "model.safetensors")
    (folder / "model.safetensors").unlink()
    tensors["owlvit.text_model.embeddings.position_ids"] = torch.arange(16)[None]
    torch.save(tensors, folder / "pytorch_model.bin")
    image = Image.open(CAT).convert("RGB")
    before = opened("owlvit", LABELS, tiny / "owlvit").predict(image)
    after = opened("owlvit", LABELS, folder).predict(image)
    np.testing.assert_array_equal(before[0], after[0])


def test_a_processor_file_of_2022_is_read(tiny: Path, tmp_path: Path) -> None:
    """The layout in which OWL-ViT was first published: a feature extractor, a size in a list."""
    folder = tmp_path / "model"
    shutil.copytree(tiny / "owlvit", folder)
    path = folder / "preprocessor_config.json"
    told = json.loads(path.read_text())
    del told["image_processor_type"], told["do_rescale"]
    told |= {"feature_extractor_type": "OwlViTFeatureExtractor", "rescale": True}
    told |= {"size": [64, 64], "crop_size": 64, "do_center_crop": False}
    path.write_text(json.dumps(told))
    image = Image.open(CAT).convert("RGB")
    before = opened("owlvit", LABELS, tiny / "owlvit").predict(image)
    np.testing.assert_array_equal(before[0], opened("owlvit", LABELS, folder).predict(image)[0])


def test_texts_that_a_model_cannot_read(tiny: Path) -> None:
    """Too long for its context, or of letters that its vocabulary lacks: said, not cut."""
    with pytest.raises(WrongUse, match="reads 16"):
        opened("owlvit", ["cat " * 20], tiny / "owlvit")
    with pytest.raises(WrongUse, match="reads 64"):
        opened("grounding_dino", "a cat. " * 40, tiny / "grounding_dino")
    with pytest.raises(WrongUse, match="cannot read '一'"):
        opened("grounding_dino", "一只猫", tiny / "grounding_dino")
    with pytest.raises(WrongUse, match="names no thing"):
        opened("grounding_dino", "she is there", tiny / "grounding_dino")


def test_models_list_names_them(photosearch: Here) -> None:
    listed = photosearch("models", "list", "--json").json["locators"]
    assert {one["by"] for one in listed} == {"owlvit", "grounding", "segments"}
    assert all(one["licence"] and one["download_bytes"] > 1e8 for one in listed)
    assert "hf:google/owlvit-base-patch32" in photosearch("models", "list").text
    assert "--by owlvit" in photosearch("models", "show", "google/owlvit-base-patch32").text


def test_an_unknown_repository_says_so(photosearch: Here, tmp_path: Path) -> None:
    (tmp_path / "repos").mkdir()
    cache = tmp_path / "hub-cache"
    with Hub(tmp_path / "repos") as hub, reaching(hub, cache, photosearch):
        arguments = ("locate", CAT, "--what", "a cat", "--by", "owlvit", "--model")
        done = photosearch(*arguments, "us/nothing", code=2)
    assert "no folder us/nothing here" in done.err
    assert "no repository us/nothing" in done.err


def test_unknown_model_is_an_error_of_ours() -> None:
    from photosearch.encode.locator_files import locator_files

    with pytest.raises(UnknownModel):
        locator_files("such a thing", ["owlvit"], "owlvit")
