"""The import budget: start-up is a feature."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.command import SAMPLES, Command

NEVER = set(
    "torch transformers fastapi rapidocr cv2 shapely scipy dateparser reverse_geocode rapidfuzz "
    "pydantic rich".split()
)


@pytest.fixture(scope="module")
def indexed(tmp_path_factory: pytest.TempPathFactory) -> Command:
    command = Command(tmp_path_factory.mktemp("imports"))
    command("index", "-q", SAMPLES / "signs")
    return command


def loaded(command: Command, *arguments: str | Path) -> set[str]:
    done = command(*arguments, python=["-X", "importtime"])
    lines = [line for line in done.err.splitlines() if line.startswith("import time:")]
    return {line.rsplit("|")[-1].strip() for line in lines}


@pytest.mark.parametrize(
    ("arguments", "unwanted"),
    [
        (["--help"], {"numpy", "PIL", "faiss", "onnxruntime", "tokenizers"}),
        (["query", "--help"], {"numpy", "PIL", "faiss", "onnxruntime", "tokenizers"}),
        (["classify", "--library-wide", "--labels", "a,b"], {"PIL", "faiss", "sqlite_utils"}),
        (["query", "a sign"], {"PIL", "sqlite_utils", "pathspec", "filelock", "tqdm"}),
        (["query", "a sign"], {"PIL", "sqlite_utils", "onnxruntime", "tokenizers"}),
        (["similar", SAMPLES / "signs" / "exit-sign.jpg"], {"PIL", "sqlite_utils", "onnxruntime"}),
        (["status"], {"numpy", "PIL", "faiss", "onnxruntime", "sqlite_utils"}),
        (["index", "-q", SAMPLES / "signs"], {"onnxruntime", "tqdm"}),
    ],
    ids=[
        "help",
        "command help",
        "labels",
        "query",
        "repeated query",
        "known example",
        "status",
        "unchanged",
    ],
)
def test_what_a_command_does_not_load(
    indexed: Command, arguments: list[str | Path], unwanted: set[str]
) -> None:
    assert loaded(indexed, *arguments) & (unwanted | NEVER) == set()


def test_importing_the_package_costs_nothing(indexed: Command) -> None:
    import subprocess
    import sys

    code = "import photosearch, sys; print(sorted(sys.modules))"
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout
    assert "'numpy'" not in out
    assert "'photosearch.library'" not in out
