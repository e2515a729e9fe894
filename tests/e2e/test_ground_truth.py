"""The whole path over photos with ground truth; skipped where these are not at hand."""

from __future__ import annotations

import json
import os
import shutil
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from photosearch import Library
from tests.command import Command
from tests.make import shared_photos

PHOTOS = shared_photos()
pytestmark = pytest.mark.skipif(
    PHOTOS is None,
    reason="no photos with ground truth: PHOTOSEARCH_TEST_PHOTOS names their folder",
)


@pytest.fixture(scope="module")
def retrieval(tmp_path_factory: pytest.TempPathFactory) -> Command:
    assert PHOTOS is not None
    command = Command(tmp_path_factory.mktemp("retrieval"))
    command("index", "-q", *(PHOTOS / "retrieval" / row["file"] for row in captioned()))
    return command


def captioned() -> list[dict[str, Any]]:
    """The first 300 of 1,000 photos: they agree with their reference as all do; with red and blue
    swapped recall is off by 6 points and more.
    """
    assert PHOTOS is not None
    lines = (PHOTOS / "retrieval" / "captions.jsonl").read_text(encoding="utf-8").splitlines()
    return [json.loads(line) for line in lines[:300]]


# Measured with full-size decoding, float32 vectors and one matrix product on the same files. Of the
# English captions the first of each photo: each takes 25 ms of CPU.
@pytest.mark.parametrize(
    ("field", "each", "reference"),
    [("captions", 1, (39.67, 72.33, 84.0)), ("captions_zh", 5, (38.87, 72.53, 84.67))],
    ids=["English", "Chinese"],
)
def test_recall_is_that_of_the_reference(
    retrieval: Command,
    tmp_path: Path,
    field: str,
    each: int,
    reference: tuple[float, float, float],
) -> None:
    assert PHOTOS is not None
    rows = [{"file": row["file"], field: row[field][:each]} for row in captioned()]
    captions = tmp_path / "captions.jsonl"
    captions.write_text("\n".join(map(json.dumps, rows)), encoding="utf-8")
    done = retrieval("eval", captions, "--root", PHOTOS / "retrieval", "--field", field, "--json")
    recall = done.json["text_to_image"]
    assert recall["queries"] == each * len(rows)
    measured = tuple(recall[f"recall@{k}"] for k in (1, 5, 10))
    assert measured == pytest.approx(reference, abs=0.5)
    assert done.err == ""  # the library had all the photos: nothing was indexed again


def stage(source: Path, target: bytes) -> dict[bytes, set[str]]:
    """The awkward files under their true names → what may become of each."""
    wanted = {}
    for line in (source / "manifest.jsonl").read_text(encoding="utf-8").splitlines():
        row = json.loads(line)
        if "rename_to_hex" in row:
            name = bytes.fromhex(row["rename_to_hex"])
        else:
            name = os.fsencode(row.get("rename_to", row["file"]))
        path = os.path.join(target, name)
        try:
            shutil.copyfile(source / row["file"], path)
        except OSError:  # a name that this file system cannot hold
            continue
        also = row.get("also_ok", [])
        wanted[path] = {row["expect"], *([also] if isinstance(also, str) else also)}
    for name, points_to in (
        (b"dangling.jpg", b"no-such-file.jpg"),
        (b"self.jpg", b"self.jpg"),
        (b"loop", b"."),
        (b"link_to_x.jpg", b"x.jpg"),
    ):
        os.symlink(points_to, os.path.join(target, name))
    os.mkdir(os.path.join(target, b"folder.jpg"))
    os.mkfifo(os.path.join(target, b"pipe.jpg"))
    return wanted


@pytest.mark.skipif(sys.platform == "win32", reason="names and pipes of POSIX")
@pytest.mark.parametrize("follow", [(), ("--follow-links",)], ids=["plain", "following links"])
def test_every_awkward_file_ends_as_it_should(
    photosearch: Command, tmp_path: Path, follow: tuple[str, ...]
) -> None:
    assert PHOTOS is not None
    target = os.fsencode(tmp_path / "awkward")
    os.mkdir(target)
    wanted = stage(PHOTOS / "awkward", target)
    report = photosearch("index", "--json", os.fsdecode(target), *follow, code=3).json
    failed = {os.fsencode(failure["path"]) for failure in report["failed"]}
    shown = set(photosearch("query", "a", "-k", "999", "--all-copies", "-0").out.split(b"\0"))
    ended = {
        path: "ok" if path in shown else "error" if path in failed else "skip" for path in wanted
    }
    assert {path: end for path, end in ended.items() if end not in wanted[path]} == {}
    extra = shown - set(wanted) - {b""}
    assert {os.path.basename(path) for path in extra} <= {b"link_to_x.jpg"}


def test_the_eight_orientations_have_the_vector_of_the_upright_photo(tmp_path: Path) -> None:
    assert PHOTOS is not None
    for shape in ("landscape", "portrait"):
        folder = tmp_path / shape
        folder.mkdir()
        for path in (PHOTOS / "awkward").glob(f"orient_{shape}_*.jpg"):
            shutil.copy(path, folder)
        with Library.open(tmp_path / f"library-{shape}", create=True) as library:
            library.index([folder])
            places = library._snapshot.photos(library._snapshot.photo_ids())
            rows = dict(library._snapshot.vectors_of(library._require_model().id, list(places)))
        vectors = {
            places[one].places[0].path: np.frombuffer(blob, "<f2").astype(np.float32)
            for one, blob in rows.items()
        }
        upright = vectors[b"orient_%s_1.jpg" % shape.encode()]
        assert len(vectors) == 8
        assert all(float(vector @ upright) >= 0.98 for vector in vectors.values())
