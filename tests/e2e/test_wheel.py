"""The wheel: it carries the embedded model, and works from another folder without the checkout."""

from __future__ import annotations

import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

import photosearch

REPOSITORY = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def unpacked(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    # A copy of what git has: a build leaves folders behind in the tree that it is made from.
    source = folder / "source"
    files = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=REPOSITORY,
        capture_output=True,
        check=True,
    ).stdout
    for name in files.decode().split("\0")[:-1]:
        if (REPOSITORY / name).is_file() and not name.startswith(("tests/", "examples/")):
            (source / name).parent.mkdir(parents=True, exist_ok=True)
            (source / name).write_bytes((REPOSITORY / name).read_bytes())
    done = subprocess.run(
        [sys.executable, "-m", "pip", "wheel", "--no-deps", "--quiet", "-w", folder, source],
        capture_output=True,
        text=True,
    )
    if done.returncode and "Could not find a version" in done.stderr:
        pytest.skip("the build backend cannot be downloaded here: no network")
    assert done.returncode == 0, done.stderr
    (wheel,) = folder.glob("photosearch-*.whl")
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(folder / "unpacked")
    return folder / "unpacked"


def test_what_is_in_it(unpacked: Path) -> None:
    names = {path.relative_to(unpacked).as_posix() for path in unpacked.rglob("*")}
    assert {
        "photosearch/py.typed",
        "photosearch/models/mini/config.json",
        "photosearch/models/mini/MODEL_CARD.md",
        "photosearch/models/mini/visual/model.onnx",
        "photosearch/models/mini/textual/model.onnx",
        "photosearch/models/mini/textual_zh/tokenizer.json",
        "photosearch/geonames/settlements.npz",
    } <= names
    page = REPOSITORY / "photosearch" / "web" / "page"
    assert {f"photosearch/web/page/{one.name}" for one in page.iterdir()} <= names
    assert {name.split("/")[0].split("-")[0] for name in names} == {"photosearch"}
    licences = f"photosearch-{photosearch.__version__}.dist-info/licenses"
    assert {f"{licences}/LICENSE", f"{licences}/THIRD_PARTY.md"} <= names


def test_it_answers_a_query(unpacked: Path, tmp_path: Path) -> None:
    env = {
        **os.environ,
        "PYTHONPATH": str(unpacked),
        "PHOTOSEARCH_LIBRARY": str(tmp_path / "library"),
        "PHOTOSEARCH_CACHE": str(tmp_path / "cache"),
    }
    samples = REPOSITORY / "examples" / "photos" / "animals"
    where = "import photosearch; print(photosearch.__file__)"
    out = subprocess.check_output([sys.executable, "-c", where], env=env, cwd=tmp_path, text=True)
    assert out.startswith(str(unpacked))
    for arguments in (["index", "-q", samples], ["query", "a cat", "-k", "1", "--paths"]):
        out = subprocess.check_output(
            [sys.executable, "-m", "photosearch", *arguments], env=env, cwd=tmp_path, text=True
        )
    assert out == f"{samples / 'cat.jpg'}\n"
