"""The command with `--vectors`: the same answers, kept up by `index`, clear about trouble."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.command import SAMPLES, Command
from tests.here import Here

pytestmark = pytest.mark.skipif(
    sys.platform == "win32", reason="Milvus Lite does not run on Windows"
)
try:
    import milvus_lite  # noqa: F401
    import pymilvus  # noqa: F401
except ImportError:
    pytestmark = pytest.mark.skip(reason="pip install 'photosearch[milvus]'")


@pytest.fixture(scope="module")
def command(tmp_path_factory: pytest.TempPathFactory) -> Command:
    """A library whose vectors are in Milvus alone."""
    command = Command(tmp_path_factory.mktemp("milvus"))
    photos = command.folder / "photos"
    shutil.copytree(SAMPLES / "animals", photos / "animals")
    shutil.copytree(SAMPLES / "signs", photos / "signs")
    command("index", "-q", photos, "--vectors", command.folder / "v.db")
    return command


def served(command: Command) -> list[str | Path]:
    return ["--vectors", command.folder / "v.db"]


def test_queries_have_the_same_answers(command: Command) -> None:
    here = Here(command.folder)
    assert not list((command.library / "vectors").glob("*.faiss"))
    queries: list[list[str | Path]] = [
        ["query", "a cat -in:signs", "--type", "jpeg", "-k", "5"],
        ["similar", command.folder / "photos" / "signs" / "exit-sign.jpg", "-k", "4"],
    ]
    for asked in queries:
        done, plain = command(*asked, "--scores", *served(command)), here(*asked, "--scores")
        ours, theirs = ([line.split("\t") for line in one.lines] for one in (done, plain))
        assert [path for _, path in ours] == [path for _, path in theirs]
        for (score, _), (other, _) in zip(ours, theirs, strict=True):
            assert float(score) == pytest.approx(float(other), abs=1e-5)
        assert "Milvus" not in done.err


def test_new_and_removed_photos(command: Command) -> None:
    photos, here = command.folder / "photos", Here(command.folder)
    shutil.copy(SAMPLES / "life" / "coffee-cup.jpg", photos / "new.jpg")
    here("index", "-q", photos)  # Milvus does not hear of it
    found = command("similar", photos / "new.jpg", "--include-self", "--paths", *served(command))
    assert Path(found.lines[0]).name == "new.jpg"
    (photos / "new.jpg").unlink()
    command("index", "-q", photos, *served(command))
    left = command("query", "a dog", "-k", "99", "--paths", *served(command))
    assert "new.jpg" not in left.text
    assert left.out == here("query", "a dog", "-k", "99", "--paths").out


def test_a_milvus_that_is_empty_is_told_and_answered_all_the_same(command: Command) -> None:
    other = command.folder / "other.db"
    done = command("query", "a dog", "--paths", "--vectors", other)
    assert done.out == Here(command.folder)("query", "a dog", "--paths").out
    assert "holds no vectors of this library" in done.err
    command.env["PHOTOSEARCH_VECTORS"] = str(other)
    sent = command("index")  # nothing new: the vectors are sent all the same
    assert f"vectors sent to Milvus at {other}" in sent.err
    assert "Milvus" not in command("query", "a dog").err
    del command.env["PHOTOSEARCH_VECTORS"]


@pytest.mark.parametrize(
    ("where", "words"),
    [
        ("milvus://127.0.0.1:1", "does not answer"),
        ("http://localhost:19530", "milvus://"),
        ("catalogue.db", "file of another kind"),
        ("nowhere/v.db", "there is no folder"),
    ],
)
def test_trouble_is_one_line_and_exit_2(command: Command, where: str, words: str) -> None:
    asked: list[str | Path] = ["query", "a dog"]
    if where.startswith("milvus"):  # before photos are read and encoded, that is
        asked = ["index", "-q", command.folder / "photos"]
    done = Here(command.folder)(*asked, "--vectors", where, code=2, cwd=command.library)
    assert words in done.err
    assert len(done.err.splitlines()) <= 2
    assert done.out == b""


def test_a_password_in_the_address_is_not_shown(command: Command) -> None:
    address = "milvus://me:s3cret@127.0.0.1:1/db"
    done = Here(command.folder)("query", "a dog", "--vectors", address, code=2)
    assert "s3cret" not in done.err
    assert "127.0.0.1:1/db" in done.err


def test_the_client_is_imported_only_where_it_is_asked_for(command: Command) -> None:
    done = command("query", "a dog", python=["-X", "importtime"])
    modules = {line.rsplit("|")[-1].strip() for line in done.err.splitlines()}
    assert not modules & {"pymilvus", "pandas", "grpc", "photosearch.index.remote"}


def test_filters_alone_need_no_milvus(command: Command) -> None:
    done = Here(command.folder)("query", "--in", "signs", "--vectors", "milvus://127.0.0.1:1")
    assert done.lines


def test_two_commands_at_once_wait_for_each_other(command: Command) -> None:
    code = [sys.executable, "-m", "photosearch", "query", "a dog", "--paths"]
    code += [str(one) for one in served(command)]
    running = [
        subprocess.Popen(code, env=command.env, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        for _ in range(2)
    ]
    answers = [process.communicate(timeout=60) for process in running]
    assert [process.returncode for process in running] == [0, 0], answers
    assert answers[0][0] == answers[1][0]
