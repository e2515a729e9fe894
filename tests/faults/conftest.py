"""Photo folders and libraries that several fault tests begin with; none of them changes these."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from PIL import Image, ImageDraw, ImageFont

from tests.command import Command, copied
from tests.make import jpeg, picture, write_photos

WORDS = ("HARBOUR", "STATION", "COFFEE")


@pytest.fixture(scope="session")
def few(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two folders of photos, a copy, and a file that is cut off."""
    folder = tmp_path_factory.mktemp("few")
    write_photos(folder / "a", 8)
    write_photos(folder / "b", 6, first_seed=100)
    shutil.copy(folder / "a" / "photo0001.jpg", folder / "copy.jpg")
    (folder / "broken.jpg").write_bytes(jpeg(picture(1))[:-300])
    return folder


@pytest.fixture(scope="session")
def indexed(few: Path, tmp_path_factory: pytest.TempPathFactory) -> Command:
    """The library of `few`, made without a fault."""
    command = Command(tmp_path_factory.mktemp("indexed"))
    command("index", "-q", few, code=3)
    return command


@pytest.fixture(scope="session")
def many(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Enough photos for two transactions: one holds 256 at most."""
    folder = tmp_path_factory.mktemp("many")
    write_photos(folder / "a", 280)
    write_photos(folder / "b", 120, first_seed=1000)
    shutil.copy(folder / "a" / "photo0001.jpg", folder / "copy.jpg")
    (folder / "broken.jpg").write_bytes(jpeg(picture(1))[:-300])
    return folder


@pytest.fixture(scope="session")
def many_indexed(many: Path, tmp_path_factory: pytest.TempPathFactory) -> Command:
    command = Command(tmp_path_factory.mktemp("many_indexed"))
    command("index", "-q", many, code=3)
    return command


@pytest.fixture(scope="session")
def signs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A few small pictures with a printed word, and one without."""
    folder = tmp_path_factory.mktemp("signs")
    for word in WORDS:
        (folder / f"{word.lower()}.jpg").write_bytes(jpeg(sign(word)))
    (folder / "plain.jpg").write_bytes(jpeg(picture(7)))
    return folder


@pytest.fixture(scope="session")
def signs_indexed(signs: Path, tmp_path_factory: pytest.TempPathFactory) -> Command:
    """The library of `signs`, whose words were not read yet."""
    command = Command(tmp_path_factory.mktemp("signs_indexed"))
    command("index", "-q", signs)
    return command


@pytest.fixture(scope="session")
def signs_read(signs_indexed: Command, tmp_path_factory: pytest.TempPathFactory) -> Command:
    """The same with its words."""
    command = copied(signs_indexed, tmp_path_factory.mktemp("signs_read"))
    command("index", "-q", "--words-only")
    for word in WORDS:
        assert command("query", f'"{word}"', "--words", "--paths").lines
    return command


def sign(word: str) -> Image.Image:
    image = Image.new("RGB", (280, 90), "white")
    ImageDraw.Draw(image).text((20, 20), word, fill="black", font=ImageFont.load_default(40))
    return image
