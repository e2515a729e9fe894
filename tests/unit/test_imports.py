"""The import budget: start-up is a feature."""

from __future__ import annotations

import importlib.util
import sys
from functools import cache
from pathlib import Path

import pytest

from tests.command import SAMPLES, Command

# What comes with typer at each start.
START = {"typer", "annotated_doc", "shellingham"}
VECTORS = START | {"numpy", "faiss", "packaging"}
WRITING = {"sqlite_utils", "sqlite_fts4", "click", "dateutil", "pluggy", "filelock"}


@pytest.fixture(scope="module")
def indexed(tmp_path_factory: pytest.TempPathFactory) -> Command:
    command = Command(tmp_path_factory.mktemp("imports"))
    command("index", "-q", SAMPLES / "signs")
    return command


def loaded(command: Command, *arguments: str | Path) -> set[str]:
    """The packages of others that a command has imported when it ends, by their first names."""
    done = command(*arguments, python=["-X", "importtime"])
    lines = [line for line in done.err.splitlines() if line.startswith("import time:")][1:]
    names = {line.rsplit("|")[-1].strip().split(".")[0] for line in lines}
    return {name for name in names if find_spec_of(name)} - {"photosearch", "tests"}


@cache
def find_spec_of(name: str) -> bool:
    """Whether a name is a package that was installed, not one of Python or of its start."""
    if name in sys.stdlib_module_names or name.startswith(("_", "site", "coverage")):
        return False
    spec = importlib.util.find_spec(name)
    return spec is not None and spec.origin is not None


@pytest.mark.parametrize(
    ("arguments", "budget"),
    [
        (["--help"], START),
        (["query", "--help"], START),
        (["status"], START | {"platformdirs"}),
        (["facts", SAMPLES / "signs" / "exit-sign.jpg"], VECTORS),
        (
            ["classify", "--library-wide", "--labels", "a,b"],
            START | {"numpy", "onnxruntime", "tokenizers", "platformdirs"},
        ),
        (["query", "a sign"], VECTORS | {"onnxruntime", "tokenizers", "platformdirs"}),
        (["query", "a sign"], VECTORS | {"platformdirs"}),
        (["query", "type:jpeg"], START | {"numpy", "platformdirs"}),
        (["similar", SAMPLES / "signs" / "exit-sign.jpg"], VECTORS | {"platformdirs"}),
        (
            ["index", "-q", SAMPLES / "signs"],
            VECTORS | WRITING | {"PIL", "platformdirs", "pathspec"},
        ),
    ],
    ids=[
        "help",
        "command help",
        "status",
        "facts",
        "labels",
        "query",
        "repeated query",
        "filters alone",
        "known example",
        "unchanged",
    ],
)
def test_what_a_command_loads(
    indexed: Command, arguments: list[str | Path], budget: set[str]
) -> None:
    """Each package costs every start: one that is not in the budget has to be argued for here."""
    assert loaded(indexed, *arguments) <= budget


def test_importing_the_package_costs_nothing(indexed: Command) -> None:
    import subprocess
    import sys

    code = "import photosearch, sys; print(sorted(sys.modules))"
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout
    assert "'numpy'" not in out
    assert "'photosearch.library'" not in out
