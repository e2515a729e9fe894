"""`photosearch eval`, as people type it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.command import SAMPLES, Command, copied
from tests.here import Here

LINES = [
    {"file": "animals/cat.jpg", "captions": ["a cat", "a tabby cat looking at you"]},
    {"file": "life/coffee-cup.jpg", "captions": ["a cup of coffee"]},
    {"file": "places/mountain-lake.jpg", "captions": ["a guitar and drums"]},  # wrong
    {"file": "life/guitar-and-drums.webp", "captions": ["a musician with a guitar"]},
]


@pytest.fixture
def captions(tmp_path: Path) -> Path:
    path = tmp_path / "captions.jsonl"
    path.write_text("\n".join(map(json.dumps, LINES)))
    return path


def test_without_a_library_its_folder_is_indexed_for_this_alone(
    tmp_path: Path, captions: Path
) -> None:
    photosearch = Here(tmp_path)
    done = photosearch("eval", captions, "--root", SAMPLES)
    assert f"indexing {SAMPLES} into a temporary library" in done.err
    assert done.lines[0] == "4 photos, model mini"
    assert [line.split()[:5] for line in done.lines[2:]] == [
        ["text", "→", "image", "5", "80.0"],
        ["image", "→", "text", "4", "50.0"],
    ]
    assert not photosearch.library.exists()


def test_a_library_that_holds_them_is_measured_as_it_is(
    tmp_path: Path, sampled: Command, captions: Path
) -> None:
    photosearch = Here(tmp_path / "copy")
    copied(sampled, photosearch.folder)
    done = photosearch("eval", captions, "--root", SAMPLES, "--json")
    assert "temporary" not in done.err
    assert done.json["photos"] == 4
    assert done.json["text_to_image"]["recall@1"] == pytest.approx(80)


def test_a_file_that_is_nowhere_is_said_before_anything_is_indexed(tmp_path: Path) -> None:
    captions = tmp_path / "captions.jsonl"
    captions.write_text('{"file": "nowhere.jpg", "captions": ["a"]}')
    done = Here(tmp_path)("eval", captions, "--root", SAMPLES, code=2)
    assert "nowhere.jpg: no such file; --root names" in done.err
    assert "indexing" not in done.err
