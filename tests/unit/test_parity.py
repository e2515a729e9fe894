"""The same vectors as the reference code gives, by torch and through the exported bundle."""

from __future__ import annotations

import hashlib
import json
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from photosearch.encode.encoder import Encoder
from photosearch.encode.names import load_model
from photosearch.encode.preprocess import Preprocess
from tests.make import shared_golden

pytest.importorskip("torch", reason="checkpoints are read by photosearch[torch]")

GOLDEN = Path(__file__).parents[1] / "golden"
TOLERANCE = 1e-5
OWN = [GOLDEN / "openai" / "vit_tiny_torchscript.pt", GOLDEN / "openai" / "rn_tiny_state_dict.pt"]


def shared_cases() -> list[Path]:
    """Checkpoints beside the repository that have expected features: files and folders."""
    root = shared_golden()
    if root is None:
        return []
    found: list[Path] = []
    for expected in sorted(root.rglob("*expected.npz")):
        names = np.load(expected).files
        if "image_features_normed" not in names or "text_features_normed" not in names:
            continue
        stem = expected.name.removesuffix("expected.npz").strip("_")
        found += sorted(expected.parent.glob(f"{stem}*.pt")) if stem else [expected.parent]
    extra = root / "openclip" / "vit_quickgelu" / "epoch_3.pt"
    found += [extra] if extra.exists() else []
    return [case for case in found if not is_own(case)]


def is_own(case: Path) -> bool:
    """Whether it is one of OWN once more, with the same inputs and expected features."""
    return any(
        case.name == own.name
        and case.read_bytes() == own.read_bytes()
        and (case.parent / "meta.json").read_bytes() == (own.parent / "meta.json").read_bytes()
        and all(
            np.array_equal(array, expected_of(own)[name])
            for name, array in expected_of(case).items()
        )
        for own in OWN
    )


def expected_of(case: Path) -> dict[str, NDArray[Any]]:
    if case.is_dir():
        path = case / "expected.npz"
    elif case.name.startswith(("vit_tiny", "rn_tiny")):
        path = case.with_name("_".join(case.stem.split("_")[:2]) + "_expected.npz")
    else:
        path = case.parent / "expected.npz"
    return dict(np.load(path))


def inputs_of(case: Path) -> tuple[list[Path], list[str]]:
    folder = next(one for one in (case.parent, *case.parents) if (one / "meta.json").exists())
    meta = json.loads((folder / "meta.json").read_text(encoding="utf-8"))
    images = folder.parent / "images"
    is_chinese = "chinese" in case.name or case.name == "taiyi"
    texts = meta["chinese_texts"] if is_chinese else meta["texts"]
    return [images / name for name in meta["images"]], texts


def name_of(case: Path) -> str:
    """What is given to load_model: a path, or for Taiyi the pair of its towers."""
    return f"{case / 'image'}+{case / 'text'}" if case.name == "taiyi" else str(case)


@pytest.fixture(scope="module", autouse=True)
def _models_folder(tmp_path_factory: pytest.TempPathFactory) -> Any:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PHOTOSEARCH_MODELS", str(tmp_path_factory.mktemp("models")))
        yield


@cache
def model_of(case: Path, runtime: str) -> Encoder:
    return load_model(name_of(case), runtime=runtime, device="cpu")


def check(case: Path, runtime: str) -> None:
    model, expected = model_of(case, runtime), expected_of(case)
    paths, texts = inputs_of(case)
    images, words = model.encode_images(paths), model.encode_texts(texts)
    assert images.dtype == words.dtype == np.float32
    assert images.shape[1] == words.shape[1] == model.dim
    np.testing.assert_allclose(images, expected["image_features_normed"], atol=TOLERANCE, rtol=0)
    np.testing.assert_allclose(words, expected["text_features_normed"], atol=TOLERANCE, rtol=0)
    logits = model.logit_scale * images @ words.T + (model.logit_bias or 0)
    np.testing.assert_allclose(logits, expected["logits_per_image"], atol=1e-3, rtol=0)
    if model.logit_bias is None:
        shares = np.exp(logits - logits.max(axis=1, keepdims=True))
        probabilities = shares / shares.sum(axis=1, keepdims=True)
    else:
        probabilities = 1 / (1 + np.exp(-logits))
    np.testing.assert_allclose(probabilities, expected["probs"], atol=1e-3, rtol=0)


@pytest.mark.parametrize("runtime", ["torch", "onnx"])
@pytest.mark.parametrize("case", OWN, ids=lambda case: case.stem)
def test_openai_checkpoints(case: Path, runtime: str) -> None:
    check(case, runtime)


@pytest.mark.parametrize("runtime", ["torch", "onnx"])
@pytest.mark.parametrize("case", shared_cases() or [None], ids=str)
def test_all_formats(case: Path | None, runtime: str) -> None:
    if case is None:
        pytest.skip("no golden checkpoints beside the repository (PHOTOSEARCH_TEST_GOLDEN)")
    check(case, runtime)


@pytest.mark.parametrize("case", OWN, ids=lambda case: case.stem)
def test_both_runtimes_have_one_key(case: Path) -> None:
    by_torch, by_onnx = model_of(case, "torch"), model_of(case, "onnx")
    assert by_torch.key == by_onnx.key
    (language,) = by_onnx.languages
    assert by_torch.text_key(language) == by_onnx.text_key(language)


@pytest.mark.parametrize("runtime", ["torch", "onnx"])
@pytest.mark.parametrize("case", OWN, ids=lambda case: case.stem)
def test_a_vector_does_not_depend_on_its_batch(case: Path, runtime: str) -> None:
    model = model_of(case, runtime)
    paths, texts = inputs_of(case)
    alone = np.concatenate([model.encode_images([path]) for path in paths])
    np.testing.assert_allclose(alone, model.encode_images(paths), atol=1e-6, rtol=0)
    alone = np.concatenate([model.encode_texts([text]) for text in texts])
    np.testing.assert_allclose(alone, model.encode_texts(texts), atol=1e-6, rtol=0)


def test_a_file_and_its_opened_image_are_the_same() -> None:
    model = model_of(OWN[0], "onnx")
    paths, _ = inputs_of(OWN[0])
    opened = [Image.open(path) for path in paths]
    np.testing.assert_array_equal(model.encode_images(opened), model.encode_images(paths))


PREPROCESSED = json.loads((GOLDEN / "openai" / "preprocess.json").read_text(encoding="utf-8"))


@pytest.mark.parametrize("side", [224, 288, 336, 384, 448])
@pytest.mark.parametrize("name", sorted(PREPROCESSED["images"]))
def test_preprocessing_is_the_references(name: str, side: int) -> None:
    """Of PNG files to the last bit; of JPEG files as near as two decoders are."""
    shared = shared_golden()
    path = GOLDEN / "images" / name
    if not path.exists():
        if shared is None:
            pytest.skip(f"{name} lies beside the repository (PHOTOSEARCH_TEST_GOLDEN)")
        path = shared / "images" / name
    preprocess = Preprocess(side, side, tuple(PREPROCESSED["mean"]), tuple(PREPROCESSED["std"]))
    with Image.open(path) as image:
        tensor = preprocess.to_batch(preprocess.reference(image)[np.newaxis])[0]
    expected = PREPROCESSED["images"][name][str(side)]
    assert list(tensor.shape) == expected["shape"]
    tolerance = 0.05 if path.suffix == ".jpg" else 1e-6
    sampled = tensor.reshape(-1)[expected["flat_index"]]
    np.testing.assert_allclose(sampled, expected["value"], atol=tolerance, rtol=0)
    means = tensor.mean(axis=(1, 2))
    np.testing.assert_allclose(means, expected["mean_per_channel"], atol=tolerance, rtol=0)


def test_the_checksum_of_a_whole_tensor_tells_pixels_apart() -> None:
    """The samples above would not see one wrong pixel; the reference's uint8 pixels would."""
    shared = shared_golden()
    if shared is None:
        pytest.skip("the pixels lie beside the repository (PHOTOSEARCH_TEST_GOLDEN)")
    pixels = np.load(shared / "openai" / "preprocess_224_uint8.npz")
    preprocess = Preprocess(224, 224, (0, 0, 0), (1, 1, 1))
    differing = {}
    for name in pixels.files:
        with Image.open(shared / "images" / name) as image:
            given = preprocess.reference(image)
        if name.endswith(".png"):
            digest = hashlib.sha256(given.tobytes()).hexdigest()
            if digest != hashlib.sha256(pixels[name].tobytes()).hexdigest():
                differing[name] = int(np.abs(given.astype(int) - pixels[name]).max())
    assert not differing
