"""Fixtures that several kinds of tests share."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.command import SAMPLES, Command

# Reading takes longer than all else: tests that need words ask for them.
os.environ["PHOTOSEARCH_WORDS"] = "0"


@pytest.fixture
def photosearch(tmp_path: Path) -> Command:
    """The command with an empty library."""
    return Command(tmp_path)


@pytest.fixture(scope="session")
def sampled(tmp_path_factory: pytest.TempPathFactory) -> Command:
    """The command with the sample photos indexed; tests that share it only read."""
    command = Command(tmp_path_factory.mktemp("sampled"))
    command("index", "--quiet", SAMPLES)
    return command


@pytest.fixture(scope="session")
def worded(tmp_path_factory: pytest.TempPathFactory) -> Command:
    """The command with some sample photos indexed and their words read; to be read only."""
    command = Command(tmp_path_factory.mktemp("worded"))
    for folder in ("signs", "animals"):
        command("index", "--quiet", "--words", SAMPLES / folder)
    return command
