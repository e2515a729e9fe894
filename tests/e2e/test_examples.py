"""The programs in examples/ run as their first lines say."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

from tests.command import SAMPLES

EXAMPLES = SAMPLES.parent


def run(name: str, *arguments: str | Path, folder: Path) -> subprocess.CompletedProcess[str]:
    environment = {name: value for name, value in os.environ.items() if "PHOTOSEARCH" not in name}
    environment |= {
        "TMPDIR": str(folder),
        "HOME": str(folder),
        "PHOTOSEARCH_CACHE": str(folder / "cache"),
        "PYTHONPATH": str(EXAMPLES.parent),
    }
    return subprocess.run(
        [sys.executable, EXAMPLES / name, *arguments],
        env=environment,
        capture_output=True,
        text=True,
        timeout=120,
    )


def test_the_api_example_indexes_a_folder_and_finds_the_cat(tmp_path: Path) -> None:
    """By its text first, photos like it next, and by a date: the program of the Python page."""
    photos = tmp_path / "photos"
    photos.mkdir()
    for name in ("animals/cat.jpg", "animals/jaguar.jpg", "places/mountain-lake.jpg"):
        shutil.copy2(SAMPLES / name, photos)
    done = run("api.py", photos, "a cat", folder=tmp_path)
    assert done.returncode == 0, done.stderr
    new, best, *rest = done.stdout.splitlines()
    assert new == "3 photos new, 0 known"
    assert best.endswith(str(photos / "cat.jpg"))
    since = rest[rest.index("taken since 2015, the newest first:") + 1 :]
    assert since == [f"2017-09-24  {photos / 'jaguar.jpg'}"]


def test_the_api_example_says_what_is_wrong_in_one_line(tmp_path: Path) -> None:
    """Without arguments it explains itself; a folder that is not there is named."""
    assert "python api.py" in run("api.py", folder=tmp_path).stderr
    wrong = run("api.py", tmp_path / "nowhere", "a cat", folder=tmp_path)
    assert wrong.returncode == 1
    assert "nowhere" in wrong.stderr
    assert "Traceback" not in wrong.stderr


def test_the_http_example_says_that_no_server_is_there(tmp_path: Path) -> None:
    """Nothing listens on port 9 of this machine: one line, and no traceback."""
    done = run("http_client.py", "a cat", "--url", "http://127.0.0.1:9", folder=tmp_path)
    assert done.returncode == 1
    assert done.stderr.startswith("no server at http://127.0.0.1:9")
