"""Upkeep as people do it: check, repair, backup, restore, relocate, status."""

from __future__ import annotations

import random
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.command import Command
from tests.contents import check_vector_files, contents_of
from tests.here import Here
from tests.make import write_photos

PAGE = 8192


@pytest.fixture(scope="module")
def indexed(tmp_path_factory: pytest.TempPathFactory) -> Command:
    folder = tmp_path_factory.mktemp("upkeep")
    write_photos(folder / "photos", 60)
    command = Here(folder)
    command("index", "-q", folder / "photos")
    return command


@pytest.fixture
def command(indexed: Command, tmp_path: Path) -> Command:
    """A library of its own to be damaged, of the same photos."""
    other = Here(tmp_path)
    shutil.copytree(indexed.library, other.library)
    return other


def spoil(command: Command, seed: int) -> None:
    path = command.library / "catalogue.db"
    chance = random.Random(seed)
    data = bytearray(path.read_bytes())
    for _ in range(chance.choice([1, 3, 8])):
        at = chance.randrange(len(data) // PAGE) * PAGE
        data[at : at + PAGE] = chance.randbytes(PAGE)
    path.write_bytes(data)


def test_a_whole_library(command: Command) -> None:
    assert "60 photos, 60 vectors: all is well" in command("check").text
    document = command("check", "--quick", "--json").json
    assert document["ok"] is True
    assert document["problems"] == []
    assert document["checked"]["photos"] == 60


def test_without_a_library(tmp_path: Path) -> None:
    command = Here(tmp_path)
    for words in (["check"], ["repair"], ["backup", tmp_path], ["relocate", "a", "b"]):
        assert "there is no library" in command(*words, code=2).err
    assert command("restore", tmp_path / "none", code=2).err.startswith("photosearch: ")


def test_from_damage_to_a_whole_library(indexed: Command, command: Command) -> None:
    (command.library / "catalogue.db").write_bytes(
        (command.library / "catalogue.db").read_bytes()[: 20 * PAGE]
    )
    done = command("query", "a sun", code=2)
    assert "try: photosearch check --repair" in done.err
    assert len(done.err.splitlines()) == 2
    report = Command(command.folder)("check", code=3)
    assert "the catalogue is damaged" in report.text
    assert "photosearch check --repair" in report.err
    repaired = command("repair", "--json", code=3).json
    assert repaired["repaired"]
    assert Path(repaired["backup"]).exists()
    command("index", "-q", indexed.folder / "photos")
    assert "all is well" in command("check").text
    found, wanted = contents_of(command.library), contents_of(indexed.library)
    assert (found.photos, found.files, found.vectors) == (
        wanted.photos,
        wanted.files,
        wanted.vectors,
    )
    check_vector_files(command.library, complete=True)


@pytest.mark.parametrize("seed", range(4))
def test_commands_on_a_damaged_library_end_with_a_line(command: Command, seed: int) -> None:
    spoil(command, seed)
    for words in (["query", "a sun"], ["status"], ["check"]):
        done = command(*words, code=None)
        assert done.code in (0, 1, 2, 3)
        assert "unexpected error" not in done.err
        if done.code == 2:
            assert "photosearch check --repair" in done.err


def test_a_repair_that_is_killed_can_be_repeated(indexed: Command, command: Command) -> None:
    """At whatever moment it ends, there is a catalogue, and what could be saved is saved."""
    spoil(command, 5)
    damaged = (command.library / "catalogue.db").read_bytes()
    chance = random.Random(7)
    for _ in range(4):
        process = subprocess.Popen(
            [sys.executable, "-m", "photosearch", "repair"],
            env=command.env,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        time.sleep(chance.uniform(0.2, 1.0))
        process.send_signal(signal.SIGKILL)
        process.wait()
        assert (command.library / "catalogue.db").exists()
    copies = list(command.library.glob("catalogue.db.damaged-*"))
    assert all(path.read_bytes() == damaged for path in copies if path.suffix != ".tmp")
    command("repair", code=None)
    command("index", "-q", indexed.folder / "photos")
    assert "all is well" in command("check").text
    assert contents_of(command.library).vectors == contents_of(indexed.library).vectors


def test_backup_and_restore(indexed: Command, command: Command, tmp_path: Path) -> None:
    file = tmp_path / "copy.db"
    assert str(file) in command("backup", file).text
    assert "--force replaces it" in command("backup", file, code=2).err
    assert command("backup", "--force", "--json", file).json["bytes"] == file.stat().st_size
    (command.library / "catalogue.db").write_bytes(b"gone")
    assert "restored: 60 photos" in command("restore", file).text
    assert command("index", "--json", indexed.folder / "photos").json["read"] == 0
    assert command("query", "a sun", "--json").json["hits"]


def test_relocate(tmp_path: Path) -> None:
    command = Here(tmp_path)
    write_photos(tmp_path / "old" / "photos", 5)
    command("index", "-q", tmp_path / "old" / "photos")
    (tmp_path / "old").rename(tmp_path / "new")
    wrong = command("relocate", tmp_path / "old", tmp_path / "nowhere", code=2)
    assert "no such folder" in wrong.err
    assert "indexed folders: " in command("relocate", tmp_path / "x", tmp_path, code=2).err
    trial = command("relocate", "--dry-run", tmp_path / "old", tmp_path / "new")
    assert "5 files would be known there (5 of 5" in trial.text
    document = command("relocate", "--json", tmp_path / "old", tmp_path / "new").json
    assert document["roots"] == [
        {"old": str(tmp_path / "old" / "photos"), "new": str(tmp_path / "new" / "photos")}
    ]
    report = command("index", "--json", tmp_path / "new" / "photos").json
    assert (report["read"], report["encoded"], report["unchanged"]) == (0, 0, 5)


def test_status_says_sizes_and_what_could_be_done(command: Command) -> None:
    document = command("status", "--json").json
    assert document["bytes"]["catalogue"] > 0
    assert document["bytes"]["free"] > 0
    assert {"text": "no photo is read for words", "command": "photosearch index --words-only"} in (
        document["advice"]
    )
    shutil.copy(command.library / "catalogue.db", command.library / "catalogue.db.schema1")
    text = command("status").text
    assert "earlier catalogues" in text
    assert "to do" in text
