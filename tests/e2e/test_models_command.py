"""`photosearch models`, and models by name and path, end to end."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tests.command import SAMPLES, Command
from tests.hub import Hub

pytest.importorskip("torch", reason="checkpoints are read by photosearch[torch]")

VIT = Path(__file__).parents[1] / "golden" / "openai" / "vit_tiny_torchscript.pt"
PHOTOS = SAMPLES / "signs"


def test_a_checkpoint_fills_a_second_set_and_takes_over(photosearch: Command) -> None:
    photosearch("index", "-q", PHOTOS)
    first = photosearch("query", "a sign", "--json").json
    report = photosearch("index", "--json", "--model", VIT).json
    assert report["encoded"] == report["unchanged"] > 0
    again = photosearch("index", "--json", "--model", VIT)
    assert (again.json["encoded"], again.json["read"], again.err) == (0, 0, "")
    models = photosearch("status", "--json").json["models"]
    assert [one["name"] for one in models] == ["mini", str(VIT)]
    assert [one["current"] for one in models] == [False, True]
    assert len({one["key"] for one in models}) == 2
    assert len({one["vectors"] for one in models}) == 1
    # Each model answers from its own vectors.
    other = photosearch("query", "a sign", "--json").json
    assert other != first
    assert photosearch("query", "a sign", "--json", "--model", "mini").json["hits"] == first["hits"]


def test_a_later_query_needs_no_torch(photosearch: Command) -> None:
    photosearch("index", "-q", PHOTOS, "--model", VIT)
    done = photosearch("query", "something", python=["-X", "importtime"])
    loaded = {line.rsplit("|")[-1].strip() for line in done.err.splitlines() if "|" in line}
    assert not loaded & {"torch", "transformers", "onnx", "huggingface_hub"}


def test_int8_has_vectors_of_its_own_and_says_how_near_it_is(photosearch: Command) -> None:
    photosearch("index", "-q", PHOTOS, "--model", VIT)
    photosearch("index", "-q", "--precision", "int8")
    full, small = photosearch("status", "--json").json["models"]
    assert full["key"] != small["key"]
    assert small["name"] == f"{VIT}:int8"
    assert full["cosine_to_float32"] is None
    measured = small["cosine_to_float32"]
    assert 0.9 < measured["least"] <= measured["mean"] <= 1.0001
    assert measured["photos"] == small["vectors"]
    photosearch("query", "a sign")  # the library's own model is the small one now
    photosearch("models", "remove", f"{VIT}:int8")


def test_list_show_export_remove(photosearch: Command, tmp_path: Path) -> None:
    listed = photosearch("models", "list").text
    for name in ("mini", "ViT-B/32", "ViT-L/14@336px", "RN50x64"):
        assert name in listed
    before = photosearch("models", "show", VIT, "--json").json
    assert (before["state"], before["dim"], before["image_size"]) == ("not converted yet", 32, 32)
    target = tmp_path / "exported"
    photosearch("models", "export", VIT, target)
    after = photosearch("models", "show", VIT, "--json").json
    assert (after["state"], after["key"]) == ("here", before["key"])
    assert photosearch("models", "show", target, "--json").json["key"] == before["key"]
    photosearch("index", "-q", PHOTOS, "--model", target)
    assert "removed" in photosearch("models", "remove", VIT).text
    assert photosearch("models", "show", VIT, "--json").json["state"] == "not converted yet"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["show", "ViT-B/33"], "no model of the name"),
        (["remove", "mini"], "stays"),
        (["remove", "ViT-B/32"], "not here"),
        (["pull", "ViT-B/32"], "PHOTOSEARCH_OFFLINE"),
        (["export", "mini", "."], "not empty"),
    ],
)
def test_wrong_use(photosearch: Command, arguments: list[str], message: str) -> None:
    done = photosearch("models", *arguments, code=2, cwd=SAMPLES)
    assert message in done.err
    assert done.out == b""


def test_a_repository_of_the_hub(photosearch: Command, tmp_path: Path) -> None:
    from tests import checkpoints

    checkpoints.clip(tmp_path / "repos" / "us" / "tiny")
    with Hub(tmp_path / "repos") as hub:
        photosearch.env.update(hub.environment(tmp_path / "hub-cache"))
        photosearch.env.pop("PHOTOSEARCH_OFFLINE")
        photosearch("models", "pull", "hf:us/tiny")
        done = photosearch("models", "pull", "hf:us/nothing", code=2)
        assert "shows no repository us/nothing" in done.err
    photosearch("index", "-q", PHOTOS, "--model", "hf:us/tiny")  # the hub is gone by now
    assert photosearch("query", "cat", "-k", "1").code == 0


def test_a_ready_export_needs_no_checkpoint(photosearch: Command, tmp_path: Path) -> None:
    """Immich's layout, from a folder: mini's own files under the names of that layout."""
    import photosearch as package

    mini = Path(package.__file__).parent / "models" / "mini"
    ready = tmp_path / "ready"
    shutil.copytree(mini / "visual", ready / "visual")
    shutil.copytree(mini / "textual", ready / "textual")
    (ready / "visual" / "preprocess.json").rename(ready / "visual" / "preprocess_cfg.json")
    (ready / "config.json").write_text('{"embed_dim": 512, "text_cfg": {"context_length": 64}}')
    photosearch("index", "-q", PHOTOS, "--model", ready)
    ours = photosearch("query", "an exit sign", "--json", "-k", "2").json["hits"]
    photosearch("index", "-q", PHOTOS, "--model", "mini")
    assert ours == photosearch("query", "an exit sign", "--json", "-k", "2").json["hits"]
