"""Photo folders and libraries that several fault tests begin with; none of them changes these."""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from PIL import Image, ImageDraw, ImageFont

from tests.command import Command
from tests.faults.common import Command as Forked
from tests.faults.common import copied
from tests.faults.warmed import Warmed
from tests.make import jpeg, picture, write_photos

WORDS = ("HARBOUR", "STATION", "COFFEE")


@pytest.fixture(scope="session", autouse=True)
def _forks() -> Iterator[None]:
    """What commands are forked from is started by the first, and ends with the tests."""
    yield
    Warmed.end()


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
    command = Forked(tmp_path_factory.mktemp("indexed"))
    command("index", "-q", few, code=3)
    return command


@pytest.fixture(scope="session")
def many_made(once: Callable[..., Command]) -> Command:
    """Photos for two transactions, of which one holds 256 at most; their library; how long it took.

    Made once for all worker processes.
    """

    def made(folder: Path) -> Command:
        photos, command = folder / "photos", Command(folder)
        write_photos(photos / "a", 280)
        write_photos(photos / "b", 120, first_seed=1000)
        shutil.copy(photos / "a" / "photo0001.jpg", photos / "copy.jpg")
        (photos / "broken.jpg").write_bytes(jpeg(picture(1))[:-300])
        started = time.monotonic()
        command("index", "-q", photos, code=3)
        (folder / "seconds").write_text(str(time.monotonic() - started))
        return command

    return once("many", made)


@pytest.fixture(scope="session")
def many(many_made: Command) -> Path:
    return many_made.folder / "photos"


@pytest.fixture(scope="session")
def many_seconds(many_made: Command) -> float:
    """How long indexing them took."""
    return float((many_made.folder / "seconds").read_text())


@pytest.fixture(scope="session")
def many_indexed(many_made: Command, tmp_path_factory: pytest.TempPathFactory) -> Command:
    return copied(many_made, tmp_path_factory.mktemp("many_indexed"))


@pytest.fixture(scope="session")
def signs_made(once: Callable[..., Command]) -> Command:
    """A few small pictures with a printed word, and one without; their library."""

    def made(folder: Path) -> Command:
        photos, command = folder / "signs", Command(folder)
        photos.mkdir()
        for word in WORDS:
            (photos / f"{word.lower()}.jpg").write_bytes(jpeg(sign(word)))
        (photos / "plain.jpg").write_bytes(jpeg(picture(7)))
        command("index", "-q", photos)
        return command

    return once("signs", made)


@pytest.fixture(scope="session")
def signs_indexed(signs_made: Command, tmp_path_factory: pytest.TempPathFactory) -> Command:
    """The library of the signs, whose words were not read yet."""
    return copied(signs_made, tmp_path_factory.mktemp("signs_indexed"))


@pytest.fixture(scope="session")
def signs_read_made(once: Callable[..., Command], signs_made: Command) -> Command:
    """The same with its words; how long it took to read them."""

    def made(folder: Path) -> Command:
        command = copied(signs_made, folder)
        started = time.monotonic()
        command("index", "-q", "--words-only")
        (folder / "seconds").write_text(str(time.monotonic() - started))
        for word in WORDS:
            assert command("query", f'"{word}"', "--words", "--paths").lines
        return command

    return once("signs-read", made)


@pytest.fixture(scope="session")
def signs_seconds(signs_read_made: Command) -> float:
    """How long reading them took."""
    return float((signs_read_made.folder / "seconds").read_text())


@pytest.fixture(scope="session")
def signs_read(signs_read_made: Command, tmp_path_factory: pytest.TempPathFactory) -> Command:
    return copied(signs_read_made, tmp_path_factory.mktemp("signs_read"))


def sign(word: str) -> Image.Image:
    image = Image.new("RGB", (280, 90), "white")
    ImageDraw.Draw(image).text((20, 20), word, fill="black", font=ImageFont.load_default(40))
    return image
