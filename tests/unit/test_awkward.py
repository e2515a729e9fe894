"""Every file of the awkward test photos: found, decoded and read as its ground truth says."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from photosearch.decode.facts import read_facts
from photosearch.decode.formats import sniff
from photosearch.decode.pixels import Decoded, decode
from photosearch.decode.raw import has_raw_decoder
from photosearch.errors import MissingExtra, PhotosearchError
from photosearch.records import FoundFile
from photosearch.walk import WalkRules, walk
from tests.make import PHOTOS_VARIABLE, difference, shared_photos

NEED = 224

# Pillow warns of damaged EXIF blocks, which are here on purpose.
pytestmark = pytest.mark.filterwarnings("ignore::UserWarning:PIL")

_PHOTOS = shared_photos()
FOLDER = _PHOTOS / "awkward" if _PHOTOS else None
ENTRIES: list[dict[str, Any]] = []
if FOLDER and (FOLDER / "manifest.jsonl").is_file():
    with (FOLDER / "manifest.jsonl").open(encoding="utf-8") as file:
        ENTRIES = [json.loads(line) for line in file]
needs_photos = pytest.mark.skipif(
    not ENTRIES, reason=f"no test photos: {PHOTOS_VARIABLE} names no folder with awkward/ in it"
)


def bytes_of(entry: dict[str, Any]) -> bytes:
    assert FOLDER is not None
    return (FOLDER / entry["file"]).read_bytes()


def stage(entry: dict[str, Any], folder: Path) -> None:
    """Put the file there under its true name, which a repository cannot keep on every system."""
    if "rename_to_hex" in entry:
        name = bytes.fromhex(entry["rename_to_hex"])
    else:
        name = os.fsencode(entry.get("rename_to", entry["file"]))
    try:
        with open(os.path.join(os.fsencode(folder), name), "xb") as file:
            file.write(bytes_of(entry))
    except OSError as error:
        pytest.skip(f"this file system cannot hold the name: {error}")


def outcome_of(entry: dict[str, Any], folder: Path) -> tuple[str, Decoded | None]:
    """What becomes of the file in a walk and after: ok, error or skip."""
    stage(entry, folder)
    found = list(walk(os.fsencode(folder), WalkRules()))
    if not found:
        return "skip", None
    (one,) = found
    assert isinstance(one, FoundFile)
    assert one.size == entry["bytes"]
    data = bytes_of(entry)
    if one.unsure and sniff(data) is None:
        return "skip", None
    try:
        return "ok", decode(data, need=NEED)
    except MissingExtra:
        return "skip", None
    except PhotosearchError:
        return "error", None


@needs_photos
@pytest.mark.parametrize("entry", ENTRIES, ids=lambda entry: entry["file"])
def test_ground_truth(entry: dict[str, Any], tmp_path: Path) -> None:
    outcome, photo = outcome_of(entry, tmp_path)
    assert outcome in (entry["expect"], *entry.get("also_ok", ())), entry["why"]
    if photo is None or entry["expect"] != "ok":
        return

    facts = read_facts(photo.exif)
    if entry["width"] is not None:
        assert (photo.width, photo.height) == (entry["width"], entry["height"])
    assert facts.taken_at in (entry["taken_at"], *entry.get("taken_at_also_ok", ()))
    assert (facts.latitude, facts.longitude) == (
        near(entry["lat"], 1e-5),
        near(entry["lon"], 1e-5),
    )
    for field, name in (("camera", "camera"), ("lens", "lens"), ("iso", "iso")):
        if name in entry:
            assert getattr(facts, field) == entry[name]
    for field, name in (
        ("f_number", "f_number"),
        ("focal_length", "focal_mm"),
        ("altitude", "altitude"),
    ):
        if name in entry:
            assert getattr(facts, field) == near(entry[name], 1e-3)
    if "exposure" in entry:
        above, _, under = entry["exposure"].partition("/")
        assert facts.exposure == near(int(above) / int(under or 1), 1e-6)


def near(value: float | None, margin: float) -> Any:
    return None if value is None else pytest.approx(value, abs=margin)


@needs_photos
@pytest.mark.parametrize(
    "entry",
    [one for one in ENTRIES if one.get("same_scene_as", one["file"]) != one["file"]],
    ids=lambda entry: entry["file"],
)
def test_same_scene(entry: dict[str, Any]) -> None:
    # Orientation and colour profile both show in the pixels: 3/255 is the encoders' loss, a scene
    # turned wrongly is off by 30 and more, an unconverted Display P3 by 6.
    assert FOLDER is not None
    like = (FOLDER / entry["same_scene_as"]).read_bytes()
    views = [
        decode(data, need=NEED).image.resize((64, 64), Image.Resampling.BOX)
        for data in (bytes_of(entry), like)
    ]
    assert difference(*views) < 3


@needs_photos
def test_raw_files_are_tried_where_their_decoder_is() -> None:
    raw = [entry for entry in ENTRIES if entry.get("raw")]
    assert raw
    for entry in raw:
        if has_raw_decoder():
            assert decode(bytes_of(entry), need=NEED).format == "raw"
        else:
            with pytest.raises(MissingExtra):
                decode(bytes_of(entry), need=NEED)
