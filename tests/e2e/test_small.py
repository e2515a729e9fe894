"""Small things: `index --regions` and `query --small`, as they are typed."""

from __future__ import annotations

import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from photosearch import Library
from photosearch.errors import WrongUse
from tests.command import SAMPLES, Command
from tests.here import Here
from tests.make import write_photos

JAGUAR = SAMPLES / "animals" / "jaguar.jpg"
PLACE, SIZE = (840, 600), (300, 200)
HOLDER = "great-wall.jpg"  # the scene in which a small jaguar is pasted


@pytest.fixture(scope="session")
def scenes(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Photos of places and life, in one of which there is a small jaguar: 5.6 % of the picture."""
    folder = tmp_path_factory.mktemp("scenes")
    for path in sorted([*(SAMPLES / "places").iterdir(), *(SAMPLES / "life").glob("*.jpg")]):
        with Image.open(path) as opened:
            scene = opened.convert("RGB").resize((1200, 900))
        if path.name == HOLDER:
            with Image.open(JAGUAR) as opened:
                scene.paste(opened.convert("RGB").resize(SIZE), PLACE)
        scene.save(folder / path.name, quality=90)
    return folder


@pytest.fixture(scope="session")
def small(tmp_path_factory: pytest.TempPathFactory, scenes: Path) -> Command:
    """The command with these scenes looked at part by part; to be read only."""
    command = Here(tmp_path_factory.mktemp("small"))
    command("index", "--quiet", "--regions", scenes)
    return command


@pytest.fixture(scope="session")
def plain(tmp_path_factory: pytest.TempPathFactory, scenes: Path) -> Command:
    """The command with these scenes looked at as a whole alone; to be read only."""
    command = Here(tmp_path_factory.mktemp("plain"))
    command("index", "--quiet", scenes)
    return command


def hits(command: Command, *arguments: str | Path) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = command("query", *arguments, "--json").json["hits"]
    return found


def names(command: Command, *arguments: str | Path) -> list[str]:
    return [Path(hit["path"]).name for hit in hits(command, *arguments)]


@pytest.mark.parametrize(
    "asked", [("a photo of a jaguar",), ("--image", JAGUAR)], ids=lambda a: a[0]
)
def test_small_thing_is_found_and_its_place_told(small: Command, asked: tuple[str, ...]) -> None:
    assert HOLDER not in names(small, *asked, "-k", "5")
    first = hits(small, *asked, "--small", "-k", "5")[0]
    assert Path(first["path"]).name == HOLDER
    x0, y0, x1, y1 = first["evidence"]["region"]["box"]
    (x, y), (width, height) = PLACE, SIZE
    assert x0 <= x
    assert y0 <= y
    assert x1 >= x + width
    assert y1 >= y + height
    assert (x1 - x0, y1 - y0) == (480, 360)
    whole, part = (first["evidence"][kind]["cosine"] for kind in ("looks_like", "region"))
    assert first["score"] == pytest.approx((whole + part) / 2, abs=2e-5)
    assert part > whole
    # The same in words.
    line = small("query", *asked, "--small", "-k", "1").lines[0]
    assert line.endswith("best part at 720,540 480x360")


def test_relevance_rises_where_the_thing_is_seen(small: Command) -> None:
    whole = next(
        hit
        for hit in hits(small, "a photo of a jaguar", "-k", "50")
        if Path(hit["path"]).name == HOLDER
    )
    first, second, *_ = hits(small, "a photo of a jaguar", "--small")
    assert first["relevance"] > max(whole["relevance"], second["relevance"])


def test_filters_parts_of_a_query_and_words_go_with_it(small: Command, scenes: Path) -> None:
    assert names(small, "a photo of a jaguar", "--small", "--name", "*dune*") == ["desert-dune.jpg"]
    assert names(small, "--image", JAGUAR, "--plus", "a wall", "--small", "-k", "1") == [HOLDER]
    without = names(small, "--minus", "a jaguar", "--plus", "a wall", "--small", "-k", "50")
    assert len(without) == len(list(scenes.iterdir()))
    least = hits(small, "a photo of a jaguar", "--small", "-k", "50")
    assert [hit["rank"] for hit in least] == list(range(1, len(least) + 1))
    scores = [hit["score"] for hit in least]
    assert scores == sorted(scores, reverse=True)
    limit = str(scores[2])
    assert len(hits(small, "a photo of a jaguar", "--small", "--min-score", limit)) <= 3


def test_without_the_option_nothing_is_other(small: Command, plain: Command) -> None:
    for asked in ("a photo of a jaguar", "a mountain lake"):
        mine, other = (command("query", asked, "--json").json for command in (small, plain))
        assert mine == other
        assert not mine["small"]


def test_library_without_parts_gives_one_clear_line(plain: Command) -> None:
    done = plain("query", "--small", "a jaguar", code=2)
    assert len(done.err.splitlines()) == 2
    assert "none has been looked at part by part" in done.err
    assert "photosearch index --regions" in done.err
    assert plain("query", "--small", "--words", "EXIT", code=2).err.count("\n") == 2
    assert "what to look for" in plain("query", "--small", "--name", "*", code=2).err


def test_it_is_remembered_until_told_otherwise(tmp_path: Path, scenes: Path) -> None:
    photos = tmp_path / "photos"
    photos.mkdir()
    for name in (HOLDER, "desert-dune.jpg", "coffee-cup.jpg"):
        shutil.copy(scenes / name, photos)
    late, later = photos / "tea-hills.jpg", photos / "blue-flowers.jpg"
    for path in (late, later):
        shutil.copy(scenes / path.name, tmp_path)
    command = Here(tmp_path)
    count = len(list(photos.iterdir()))
    report = command("index", "--regions", "--json", photos).json
    assert report["regions"]["looked_at"] == count
    assert command("index", "--json").json["regions"]["looked_at"] == 0
    (tmp_path / late.name).rename(late)
    assert command("index", "--json").json["regions"]["looked_at"] == 1
    assert command("index", "--no-regions", "--json").json["regions"] is None
    (tmp_path / later.name).rename(later)
    assert command("index", "--json").json["regions"] is None
    assert names(command, "--small", "blue flowers", "-k", "1") == [later.name]  # as a whole
    note = "1 photo not looked at part by part yet"
    assert note in command("query", "--small", "blue flowers").err
    assert note in command("query", "--small", "blue flowers", "--json").json["notes"][-1]
    done = command("index", "--regions-only")
    assert "looked at the parts of 1 photo" in done.text
    assert note not in command("query", "--small", "blue flowers").err
    assert "no photo is waiting" in command("index", "--regions-only").text
    status = command("status", "--json").json["regions"]
    assert status == {"looked_at": count + 2, "failed": 0, "wanted": True}
    assert command("check").code == 0


@pytest.mark.parametrize("more", ["--regions-only", "--words", "--no-regions", "--dry-run"])
def test_a_pass_alone_is_alone(small: Command, more: str) -> None:
    other = "--words-only" if more == "--regions-only" else "--regions-only"
    assert more in small("index", other, more, code=2).err


@pytest.mark.skipif(sys.platform == "win32", reason="no signals of a terminal")
def test_ctrl_c_loses_nothing(tmp_path: Path) -> None:
    photos = tmp_path / "photos"
    photos.mkdir()
    write_photos(photos, 28)
    command = Here(tmp_path)
    command("index", "-q", photos)
    run = subprocess.Popen(
        [sys.executable, "-m", "photosearch", "index", "--regions"],
        env=command.env,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )

    def stored() -> int:
        with closing(sqlite3.connect(command.library / "catalogue.db")) as connection:
            return int(connection.execute("SELECT count(*) FROM regions").fetchone()[0])

    while not stored():
        assert run.poll() is None
        time.sleep(0.01)
    os.killpg(run.pid, signal.SIGINT)
    _, err = run.communicate(timeout=60)
    assert run.returncode == 130
    assert "The same command goes on from here" in err
    assert "Traceback" not in err
    done = stored()
    assert 0 < done < 28
    rest = command("index", "--json")
    assert rest.json["regions"]["looked_at"] == 28 - done
    assert f"going on with the parts of {28 - done} photos" in rest.err


def test_python_gives_the_same(small: Command) -> None:
    with Library.open(small.library) as library:
        (hit,) = library.search(image=JAGUAR, small=True, k=1)
        assert hit.path.name == HOLDER
        assert library.count_without_regions() == 0
        assert library.search(image=JAGUAR, k=1)[0].path.name != HOLDER
        with pytest.raises(WrongUse, match="small"):
            library.search(small=True, words=True, text="EXIT")


@pytest.mark.skipif(sys.platform == "win32", reason="Python has no Unix sockets there")
def test_warm_process_gives_the_same_bytes(small: Command, tmp_path: Path) -> None:
    env = small.env | {"XDG_RUNTIME_DIR": str(tmp_path), "TMPDIR": str(tmp_path)}
    query = [sys.executable, "-m", "photosearch", "query", "a jaguar", "--small", "--json"]
    alone = subprocess.run(query, env=env, capture_output=True, check=True).stdout
    warm = subprocess.Popen(
        [sys.executable, "-m", "photosearch", "serve", "--socket"],
        env=env,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
    )
    try:
        assert warm.stderr is not None
        warm.stderr.readline()
        for _ in range(2):
            assert subprocess.run(query, env=env, capture_output=True, check=True).stdout == alone
    finally:
        warm.terminate()
        warm.communicate(timeout=30)
