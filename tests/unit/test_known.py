"""encode/known: the table of models, and what a mistyped name was meant to be."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

import photosearch
from photosearch.encode.known import (
    HUB_MODELS,
    MINI,
    MODELS,
    OPENAI,
    RECOMMENDED,
    KnownModel,
    known,
    suggestions,
)

# As clip.available_models() prints them.
NINE = [
    "RN50",
    "RN101",
    "RN50x4",
    "RN50x16",
    "RN50x64",
    "ViT-B/32",
    "ViT-B/16",
    "ViT-L/14",
    "ViT-L/14@336px",
]
# Its file names, and the beginnings of the sums in its addresses.
FILES = {
    "RN50.pt": "afeb0e10f9e5a86d",
    "RN101.pt": "8fa8567bab74a42d",
    "RN50x4.pt": "7e526bd135e493ce",
    "RN50x16.pt": "52378b407f34354e",
    "RN50x64.pt": "be1cfb55d75a9666",
    "ViT-B-32.pt": "40d365715913c9da",
    "ViT-B-16.pt": "5806e77cd80f8b59",
    "ViT-L-14.pt": "b8cca3fd41ae0c99",
    "ViT-L-14-336px.pt": "3035c92b35095992",
}


def by_name(model: KnownModel) -> str:
    return model.name


def test_openai_names_and_files_are_clips_own() -> None:
    assert [model.name for model in OPENAI] == NINE
    assert {model.file: (model.sha256 or "")[:16] for model in OPENAI} == FILES
    assert len({model.sha256 for model in OPENAI}) == 9
    for model in OPENAI:
        assert re.fullmatch(r"[0-9a-f]{64}", model.sha256 or "")
        assert model.ready is not None
        assert model.download_bytes is not None


@pytest.mark.parametrize("model", MODELS, ids=by_name)
def test_every_row_is_complete_and_plausible(model: KnownModel) -> None:
    assert known(model.name) is model
    assert 256 <= model.dim <= 2048
    assert model.languages
    assert model.licence
    assert (model.imagenet is None) == (model.imagenet_source is None)
    assert model.imagenet is None or 50 < model.imagenet < 90
    assert model.ready is None or re.fullmatch(r"immich-app/[\w.-]+__[\w.-]+", model.ready)
    assert model.text_only == (model.image_params is None)
    if model.repo is not None:
        assert re.fullmatch(r"[\w.-]+/[\w.-]+", model.repo)
        assert model.download_bytes is not None
        # Published as float32, but for a percent.
        assert model.download_bytes / 4e6 == pytest.approx(model.params, rel=0.02)


def test_names_and_aliases_are_unique() -> None:
    names = [name for model in MODELS for name in (model.name, *model.aliases)]
    assert len(names) == len(set(names))


def test_mini_is_what_lies_in_the_package() -> None:
    folder = Path(photosearch.__file__).parent / "models" / "mini"
    config = json.loads((folder / "config.json").read_text())
    assert config["embed_dim"] == MINI.dim
    assert config["image_size"] == MINI.image_size
    assert tuple(config["text_towers"]) == MINI.languages


def test_openais_checkpoints_have_their_known_sizes() -> None:
    sizes = {model.name: model.params for model in OPENAI}
    assert sizes["ViT-B/32"] == 151.3
    assert sizes["RN50"] == 102.0
    assert sizes["ViT-L/14@336px"] == 427.9


def test_the_recommended_model_is_known() -> None:
    assert known(RECOMMENDED) in OPENAI


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("ViT-B-32", "ViT-B/32"),
        ("ViT-L-14-336", "ViT-L/14@336px"),
        ("ViT-L/14-336", "ViT-L/14@336px"),
        ("ViT-L/14@336", "ViT-L/14@336px"),
        ("mini", "mini"),
    ],
)
def test_usual_spellings_are_known(name: str, meant: str) -> None:
    model = known(name)
    assert model is not None
    assert model.name == meant


@pytest.mark.parametrize("name", ["vit-b/32", "", "clip", "hf:", "openai/clip-vit-base-patch32"])
def test_other_spellings_are_not(name: str) -> None:
    assert known(name) is None


@pytest.mark.parametrize(
    ("typed", "first"),
    [
        ("vit-b/32", "ViT-B/32"),
        ("VITB32", "ViT-B/32"),
        ("ViT-L/14@336xp", "ViT-L/14@336px"),
        ("rn50X4", "RN50x4"),
        ("mni", "mini"),
        ("openai/clip-vit-base-patch32", "hf:openai/clip-vit-base-patch32"),
        ("siglip2", "hf:google/siglip2-base-patch16-224"),
        ("taiyi", "hf:IDEA-CCNL/Taiyi-CLIP-Roberta-large-326M-Chinese"),
    ],
)
def test_suggestions_begin_with_what_was_meant(typed: str, first: str) -> None:
    found = suggestions(typed)
    assert found[0] == first
    assert len(found) <= 3
    assert len(set(found)) == len(found)


@pytest.mark.parametrize("typed", ["", "zzz", "/tmp/photos", "猫"])
def test_nothing_is_suggested_for_what_is_like_nothing(typed: str) -> None:
    assert suggestions(typed) == []


def test_every_hub_model_has_a_repository() -> None:
    assert all(model.repo for model in HUB_MODELS)
    assert not any(model.repo for model in OPENAI)


@pytest.mark.parametrize("module", ["known", "fetch"])
def test_importing_loads_nothing_heavy(module: str) -> None:
    code = f"import photosearch.encode.{module}, sys; print(*sys.modules)"
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    heavy = {"torch", "numpy", "huggingface_hub", "transformers", "onnxruntime", "tqdm", "filelock"}
    assert not heavy & set(out.stdout.split())
