"""Fixtures that several kinds of tests share."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.command import SAMPLES, Command


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
