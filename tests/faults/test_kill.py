"""kill -9 at random moments, then one clean run: as if it had never been killed."""

from __future__ import annotations

import random
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.command import Command
from tests.contents import contents_of
from tests.make import jpeg, picture, write_photos

KILLS = 20
LIBRARIES = 10  # each is killed KILLS / LIBRARIES times, and then completed


@pytest.fixture(scope="module")
def photos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("photos")
    write_photos(folder / "a", 400)
    write_photos(folder / "b", 300, first_seed=1000)
    shutil.copy(folder / "a" / "photo0001.jpg", folder / "copy.jpg")
    (folder / "broken.jpg").write_bytes(jpeg(picture(1))[:-300])
    return folder


@pytest.mark.skipif(sys.platform == "win32", reason="SIGKILL")
def test_killed_runs_leave_no_trace(tmp_path: Path, photos: Path) -> None:
    whole = Command(tmp_path / "whole")
    started = time.monotonic()
    whole("index", "-q", photos, code=3)
    length = time.monotonic() - started
    chance = random.Random(20)
    killed = 0
    for number in range(LIBRARIES):
        command = Command(tmp_path / f"killed{number}")
        for _ in range(KILLS // LIBRARIES):
            killed += _kill_after(command, photos, chance.uniform(0.2, 0.95) * length)
        command("index", "-q", photos, code=None)
        assert contents_of(command.library) == contents_of(whole.library)
        # The index is whole, too: every photo is found once.
        found = command("query", "a sun", "-k", "1000", "--paths").lines
        assert len(set(found)) == len(found) == 700
        assert command("index", "--json", photos).json["encoded"] == 0
    # Some end before their time: the rest of a run that was killed is short.
    assert killed >= KILLS // 4


def _kill_after(command: Command, photos: Path, seconds: float) -> bool:
    process = subprocess.Popen(
        [sys.executable, "-m", "photosearch", "index", "-q", photos],
        env=command.env,
        stderr=subprocess.DEVNULL,
    )
    try:
        process.wait(timeout=seconds)
        return False
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
        return True
