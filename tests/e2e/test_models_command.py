"""`photosearch models`, and models by name and path, end to end."""

from __future__ import annotations

import json
import shutil
import sqlite3
import sys
from collections.abc import Callable
from contextlib import closing
from dataclasses import fields
from pathlib import Path

import pytest

import photosearch
from photosearch.encode.bundle import Bundle
from photosearch.encode.locator_files import LocatorFacts
from photosearch.encode.manage import (
    ModelFacts,
    export_model,
    pull_model,
    remove_model,
    show_model,
)
from photosearch.errors import PhotosearchError, StorageError
from tests.command import SAMPLES, Command
from tests.here import Here, reaching
from tests.hub import Hub
from tests.make import write_photos

pytest.importorskip("torch", reason="checkpoints are read by photosearch[torch]")

BUILT_IN = Path(photosearch.__file__).parent / "models" / "mini"
VIT = Path(__file__).parents[1] / "golden" / "openai" / "vit_tiny_torchscript.pt"
PHOTOS = SAMPLES / "signs"
MODELS = Path("cache", "models")


@pytest.fixture
def photosearch(tmp_path: Path) -> Here:
    """In this process, so that torch is imported once: that takes longer than all else here."""
    return Here(tmp_path)


@pytest.fixture
def converted(once: Callable[..., Command], photosearch: Here) -> Here:
    """The command with an empty library, and `VIT` as an earlier run has converted it."""

    def pull(folder: Path) -> Command:
        command = Here(folder)
        command("models", "pull", VIT)
        return command

    ready = once("converted", pull)
    shutil.copytree(ready.folder / MODELS, photosearch.folder / MODELS)
    return photosearch


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


def test_json_page_names_every_field() -> None:
    page = (Path(__file__).parents[2] / "docs" / "json.md").read_text(encoding="utf-8")
    section = page.partition("## `models`")[2].partition("\n## ")[0]
    for facts in (ModelFacts, LocatorFacts):
        for field in fields(facts):
            assert f"`{field.name}`" in section, field.name


def test_a_later_query_needs_no_torch(converted: Command) -> None:
    converted("index", "-q", PHOTOS, "--model", VIT)
    alone = Command(converted.folder)
    done = alone("query", "something", python=["-X", "importtime"])
    loaded = {line.rsplit("|")[-1].strip() for line in done.err.splitlines() if "|" in line}
    assert not loaded & {"torch", "transformers", "onnx", "huggingface_hub"}


def test_int8_has_vectors_of_its_own_and_says_how_near_it_is(converted: Command) -> None:
    converted("index", "-q", PHOTOS, "--model", VIT)
    converted("index", "-q", "--precision", "int8")
    full, small = converted("status", "--json").json["models"]
    assert full["key"] != small["key"]
    assert small["name"] == f"{VIT}:int8"
    assert full["cosine_to_float32"] is None
    measured = small["cosine_to_float32"]
    assert 0.9 < measured["least"] <= measured["mean"] <= 1.0001
    assert measured["photos"] == small["vectors"]
    converted("query", "a sign")  # the library's own model is the small one now
    converted("models", "remove", f"{VIT}:int8")


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
    assert "not here" in photosearch("models", "remove", VIT, code=2).err


def test_export_into_a_folder_that_is_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It stays that folder: it may be a mount point, or where the shell is."""
    target = tmp_path / "exported"
    target.mkdir()
    before = target.stat().st_ino
    export_model("mini", target)
    assert target.stat().st_ino == before
    assert [one.name for one in tmp_path.iterdir()] == ["exported"]
    assert not (target / ".writing").exists()
    Bundle(target).verify()


@pytest.mark.parametrize(
    ("target", "reason"),
    [("file/new", "Not a directory"), ("a" * 300, "name too long")],
    ids=["below a file", "long"],
)
def test_export_to_where_nothing_can_be(photosearch: Command, target: str, reason: str) -> None:
    (photosearch.folder / "file").touch()
    place = photosearch.folder / target
    done = photosearch("models", "export", "mini", place, code=2)
    assert str(place) in done.err
    assert reason.lower() in done.err.lower()
    assert "bug" not in done.err


@pytest.mark.skipif(sys.platform != "linux", reason="a full disk, as Linux has it")
def test_export_to_a_full_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is left, and the line is not a list of files."""
    monkeypatch.setattr("shutil.copyfile", lambda *_, **__: Path("/dev/full").write_bytes(b"x"))
    with pytest.raises(StorageError, match=r"new cannot be written: No space left on device$"):
        export_model("mini", tmp_path / "new")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("text", ["{", '{"embed_dim": 4, "keys": [1]}'], ids=["cut", "keys"])
def test_a_damaged_model_stops_no_other(converted: Command, text: str) -> None:
    """It is listed as such, with its folder and what to do, and it can be removed by its name."""
    photosearch = converted
    bundles = photosearch.folder / MODELS / "bundles"
    (made,) = (one for one in bundles.iterdir() if one.is_dir())
    (made / "config.json").write_text(text)
    listed = photosearch("models", "list")
    assert f"models remove {made.name}" in listed.err
    assert str(made / "config.json") in listed.err
    assert any(made.name in line and "damaged" in line for line in listed.text.splitlines())
    assert photosearch("models", "show", "mini", "--json").json["state"] == "built in"
    assert str(made) in photosearch("models", "show", VIT, code=2).err
    photosearch("models", "remove", VIT)
    assert not made.exists()


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


def test_removing_a_model_leaves_its_checkpoint_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By whatever path it is named, only what was made of it goes."""
    from tests import checkpoints

    shelf, folder = tmp_path / "shelf", tmp_path / "folder"
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PHOTOSEARCH_MODELS", str(shelf))
    checkpoints.clip(folder)
    before = {one.name: one.read_bytes() for one in folder.iterdir()}
    pull_model(str(folder))
    shutil.copytree(shelf, tmp_path / "kept")
    for name in (str(folder), "folder", "./folder", "folder/"):
        assert remove_model(name) > 0
        with pytest.raises(PhotosearchError, match="not here"):  # nothing is left to be removed
            remove_model(name)
        assert {one.name: one.read_bytes() for one in folder.iterdir()} == before
        shutil.rmtree(shelf)
        shutil.copytree(tmp_path / "kept", shelf)


def test_a_checkpoint_that_is_gone_still_answers(photosearch: Command, tmp_path: Path) -> None:
    """What was made of it stays usable, as when its disk is unplugged, until it is removed."""
    path = tmp_path / "tiny.pt"
    shutil.copy(VIT, path)
    photosearch("index", "-q", PHOTOS, "--model", path)
    there = photosearch("query", "a sign", "--json").json
    path.unlink()
    assert photosearch("query", "a sign", "--json").json == there
    photosearch("index", "-q")
    assert photosearch("models", "show", path, "--json").json["state"] == "here"
    photosearch("models", "remove", path)
    done = photosearch("query", "another sign", code=2)
    assert f"there is no {path}" in done.err


def test_a_folder_without_its_tokenizer_is_refused(photosearch: Command, tmp_path: Path) -> None:
    """Else every text would be the same unknown word."""
    from tests import checkpoints

    checkpoints.clip(tmp_path / "tiny")
    for name in ("tokenizer.json", "vocab.json", "merges.txt"):
        (tmp_path / "tiny" / name).unlink(missing_ok=True)
    done = photosearch("models", "pull", tmp_path / "tiny", code=2)
    assert "lacks its tokenizer" in done.err


def test_what_is_wrong_with_a_path_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Asked in this process: each command of its own would import torch."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PHOTOSEARCH_MODELS", str(tmp_path / "shelf"))

    def told(name: str | Path) -> str:
        with pytest.raises(PhotosearchError) as refused:
            show_model(str(name))
        return f"{refused.value.typed}\ntry: {refused.value.hint}"

    content = VIT.read_bytes()
    for name, head, message in (
        ("text.pt", b"hello there\n", "is text, not weights"),
        ("page.pt", b"<!DOCTYPE html>\n<html>", "is a web page"),
        ("cut.pt", content[:5000], "cut off or damaged"),
        ("lfs.safetensors", b"version https://git-lfs.github.com/spec/v1\n", "git lfs pull"),
        ("nothing.pt", b"", "is empty"),
    ):
        (tmp_path / name).write_bytes(head)
        assert message in told(name)
    assert f"try: {tmp_path / 'text.pt'}" in told("tetx.pt")
    assert "holds no 'elsewhere'" in told(tmp_path / "elsewhere" / "a.pt")
    assert "several checkpoints: cut.pt" in told(tmp_path)
    (tmp_path / "two" / "inner").mkdir(parents=True)
    (tmp_path / "two" / "inner" / "config.json").write_text("{}")
    assert f"try: {tmp_path / 'two' / 'inner'}" in told(tmp_path / "two")


def test_a_repository_of_the_hub(tmp_path: Path) -> None:
    """In processes of their own: the hub's client reads its variables as it is imported."""
    from tests import checkpoints

    photosearch = Command(tmp_path)
    checkpoints.clip(tmp_path / "repos" / "us" / "tiny")
    with Hub(tmp_path / "repos") as hub:
        photosearch.env.update(hub.environment(tmp_path / "hub-cache"))
        photosearch.env.pop("PHOTOSEARCH_OFFLINE")
        photosearch("models", "pull", "hf:us/tiny")
        here = Here(tmp_path)
        with reaching(hub, tmp_path / "hub-cache", here):
            done = here("models", "pull", "hf:us/nothing", code=2)
        assert "shows no repository us/nothing" in done.err
    photosearch("index", "-q", PHOTOS, "--model", "hf:us/tiny")  # the hub is gone by now
    assert photosearch("query", "cat", "-k", "1").code == 0


def ready_export(folder: Path) -> Path:
    """Immich's layout: mini's own files under the names of that layout."""
    import photosearch as package

    mini = Path(package.__file__).parent / "models" / "mini"
    shutil.copytree(mini / "visual", folder / "visual")
    shutil.copytree(mini / "textual", folder / "textual")
    (folder / "visual" / "preprocess.json").rename(folder / "visual" / "preprocess_cfg.json")
    (folder / "config.json").write_text('{"embed_dim": 512, "text_cfg": {"context_length": 64}}')
    return folder


def test_a_ready_export_needs_no_checkpoint(photosearch: Command, tmp_path: Path) -> None:
    photosearch("index", "-q", PHOTOS, "--model", ready_export(tmp_path / "ready"))
    ours = photosearch("query", "an exit sign", "--json", "-k", "2").json["hits"]
    photosearch("index", "-q", PHOTOS, "--model", "mini")
    assert ours == photosearch("query", "an exit sign", "--json", "-k", "2").json["hits"]


def test_a_ready_export_of_the_hub_is_taken_as_it_is(photosearch: Here, tmp_path: Path) -> None:
    photosearch("index", "-q", PHOTOS)
    ours = photosearch("query", "an exit sign", "--json", "-k", "2").json["hits"]
    published = ready_export(tmp_path / "repos" / "immich" / "mini")
    with (
        Hub(tmp_path / "repos") as hub,
        reaching(hub, tmp_path / "hub-cache", photosearch),
    ):
        photosearch("models", "pull", "hf:immich/mini")
    shown = photosearch("models", "show", "hf:immich/mini", "--json").json
    assert shown["kind"] == "ready ONNX export"
    bundle = Path(shown["folder"])
    for tower in ("visual", "textual"):
        kept = {file.name: file.read_bytes() for file in (bundle / tower).iterdir()}
        assert kept["model.onnx"] == (published / tower / "model.onnx").read_bytes()
    assert photosearch("index", "--json", "--model", "hf:immich/mini").json["encoded"] > 0
    assert ours == photosearch("query", "an exit sign", "--json", "-k", "2").json["hits"]


def test_an_image_tower_alone_is_asked_by_examples(photosearch: Command, tmp_path: Path) -> None:
    alone = shutil.copytree(BUILT_IN / "visual", tmp_path / "alone" / "visual")
    (alone.parent / "config.json").write_text('{"embed_dim": 512}')
    done = photosearch("index", PHOTOS, "--model", alone.parent)
    assert "encoded" in done.text
    assert done.err == ""
    photo = sorted(PHOTOS.iterdir())[0]
    assert photosearch("similar", photo, "-k", "2").lines
    refused = photosearch("query", "a sign", code=2)
    assert "image tower alone" in refused.err
    assert "+TEXT_MODEL" in refused.err


def test_relevance_is_fitted_on_the_library(converted: Command, tmp_path: Path) -> None:
    """Of a model that the package does not know; once there are enough photos for it, once."""
    few, many = tmp_path / "few", tmp_path / "many"
    write_photos(few, 10)
    write_photos(many, 50, first_seed=100)
    converted("index", "-q", "--no-words", few, "--model", VIT)
    assert fitted_on(converted) == []
    converted("index", "-q", "--no-words", many)
    (found,) = fitted_on(converted)
    assert json.loads(found)["slope"] > 0
    hits = converted("query", "a striped picture", "--json").json["hits"]
    assert all(0 <= hit["relevance"] <= 1 for hit in hits)
    write_photos(many, 1, first_seed=500)
    converted("index", "-q", "--no-words")
    assert fitted_on(converted) == [found]


def fitted_on(command: Command) -> list[str]:
    with closing(sqlite3.connect(command.library / "catalogue.db")) as connection:
        asked = "SELECT value FROM settings WHERE name LIKE 'relevance %'"
        return [value for (value,) in connection.execute(asked)]
