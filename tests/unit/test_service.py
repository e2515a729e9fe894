"""docs/service.md: its units are ones that systemd takes, and call what there is."""

from __future__ import annotations

import re
import shlex
import shutil
import subprocess
from pathlib import Path

import pytest
from typer.main import get_command

from photosearch.cli.app import app

PAGE = (Path(__file__).parents[2] / "docs" / "service.md").read_text(encoding="utf-8")
UNITS = re.findall(r"`/etc/systemd/system/([\w-]+\.service)`:\n\n```ini\n(.*?)```", PAGE, re.DOTALL)


def test_both_units_are_shown() -> None:
    assert [name for name, _ in UNITS] == ["photosearch-watch.service", "photosearch-page.service"]


@pytest.mark.parametrize(("name", "text"), UNITS)
def test_a_unit_starts_a_command_that_there_is(name: str, text: str) -> None:
    (line,) = re.findall(r"^ExecStart=(.*)$", text, re.MULTILINE)
    _, command, *words = shlex.split(line)
    group = get_command(app)
    called = group.get_command(
        group.make_context("photosearch", [], resilient_parsing=True), command
    )
    assert called is not None
    called.make_context(command, words)  # complains of an option that there is not


def test_units_are_taken_by_systemd(tmp_path: Path) -> None:
    tool = shutil.which("systemd-analyze")
    if tool is None:
        pytest.skip("systemd-analyze is not here")
    for name, text in UNITS:
        (tmp_path / name).write_text(re.sub(r"ExecStart=\S+", "ExecStart=/bin/true", text))
    paths = [tmp_path / name for name, _ in UNITS]
    done = subprocess.run(
        [tool, "verify", "--man=no", *paths], capture_output=True, text=True, timeout=60
    )
    assert (done.returncode, done.stderr) == (0, "")
