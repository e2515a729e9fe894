"""What is shipped agrees with itself: version, dependencies, locks, licences, the image."""

from __future__ import annotations

import hashlib
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).parents[2]
ABOUT = tomllib.loads((REPOSITORY / "pyproject.toml").read_text(encoding="utf-8"))
PROJECT = ABOUT["project"]
SCRIPTS = REPOSITORY / "scripts"


def normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def pins(file: str) -> dict[str, str]:
    text = (SCRIPTS / file).read_text(encoding="utf-8")
    return {normal(a): b for a, b in re.findall(r"^([\w.-]+)==([^\s;]+)", text, re.MULTILINE)}


def asked(requirements: list[str]) -> set[str]:
    return {normal(re.split(r"[^\w.-]", one)[0]) for one in requirements}


def test_each_dependency_has_a_row_with_its_reason() -> None:
    script = str(SCRIPTS / "dependencies")
    done = subprocess.run([sys.executable, script, "--check"], capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize("file", ["lock.txt", "lock-light.txt"])
def test_a_lock_has_the_versions_that_were_tried_and_a_checksum_of_each(file: str) -> None:
    locked, tried = pins(file), pins("constraints.txt")
    assert {name: tried.get(name) for name in locked} == locked
    text = (SCRIPTS / file).read_text(encoding="utf-8")
    assert len(re.findall(r"--hash=sha256:[0-9a-f]{64}$", text, re.MULTILINE)) == len(locked)


def test_the_locks_have_all_that_is_asked_for() -> None:
    every = asked([one for extra in PROJECT["optional-dependencies"].values() for one in extra])
    core = asked(PROJECT["dependencies"])
    assert core <= pins("lock-light.txt").keys() <= pins("lock.txt").keys()
    # Its CPU and its CUDA build are different files, with different packages beside them.
    assert (core | every) - pins("lock.txt").keys() == {"torch"}
    assert "torch" in pins("constraints.txt")


def test_the_image_is_given_what_it_is_built_from() -> None:
    ignored = (REPOSITORY / ".dockerignore").read_text(encoding="utf-8").splitlines()
    given = {line[1:] for line in ignored if line.startswith("!")}
    dockerfile = (REPOSITORY / "Dockerfile").read_text(encoding="utf-8")
    needed = {"pyproject.toml", PROJECT["readme"], *re.findall(r"scripts/[\w.-]+", dockerfile)}
    needed |= {name for name in PROJECT["license-files"] if not name.startswith("photosearch/")}
    assert needed <= given
    assert all((REPOSITORY / name).exists() for name in given)


def test_data_of_others_is_named_and_what_its_note_says() -> None:
    listed = (REPOSITORY / "THIRD_PARTY.md").read_text(encoding="utf-8")
    package = REPOSITORY / "photosearch"
    for folder in ("models/mini", "models/clip_bpe", "models/bank", "geonames"):
        assert f"`photosearch/{folder}/" in listed
    settlements = (package / "geonames" / "settlements.npz").read_bytes()
    note = (package / "geonames" / "README.md").read_text(encoding="utf-8")
    assert hashlib.sha256(settlements).hexdigest() in note
