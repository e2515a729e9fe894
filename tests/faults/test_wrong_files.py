"""Catalogues and vector files that are not what they should be: refused, or made anew."""

from __future__ import annotations

import json
import logging
import os
import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from photosearch import Library
from photosearch.store.schema import SCHEMA
from tests.contents import check_vector_files, contents_of
from tests.faults.common import (
    Command,
    assert_clear,
    chance,
    copied,
    fault,
    rounds,
    run,
    whole_contents,
)

GOLDEN = Path(__file__).parents[1] / "golden"
ASKED = ("query", "a sun", "-k", "100", "--paths")
COMMANDS: tuple[tuple[str, ...], ...] = (
    ("query", "a sun"),
    ("status",),
    ("index",),
    ("prune",),
    ("export",),
)


# Catalogues


def no_catalogue(path: Path) -> None:
    path.write_bytes(b"these are holiday notes, not a database\n" * 100)


def another_programs(path: Path) -> None:
    path.unlink()
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("CREATE TABLE photos (id INTEGER)")


def newer(path: Path) -> None:
    with closing(sqlite3.connect(path)) as connection:
        connection.execute(f"PRAGMA user_version = {SCHEMA + 1}")


def folder(path: Path) -> None:
    path.unlink()
    path.mkdir()


def cut_in_half(path: Path) -> None:
    os.truncate(path, path.stat().st_size // 2)


def zeroed_head(path: Path) -> None:
    with path.open("r+b") as file:
        file.write(bytes(4096))


@pytest.mark.parametrize(
    ("spoil", "says"),
    [
        (no_catalogue, "catalogue.db"),
        (another_programs, "no catalogue of photosearch"),
        (newer, "newer photosearch"),
        (folder, "catalogue.db"),
        (cut_in_half, "catalogue.db"),
        (zeroed_head, "catalogue.db"),
    ],
)
def test_what_is_no_catalogue_is_refused_and_left_alone(
    tmp_path: Path, indexed: Command, spoil: Callable[[Path], None], says: str
) -> None:
    """Every command says what is wrong and what to do, and changes nothing."""
    command = copied(indexed, tmp_path / "copy")
    with closing(sqlite3.connect(command.library / "catalogue.db")) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    for name in ("catalogue.db-wal", "catalogue.db-shm"):
        (command.library / name).unlink(missing_ok=True)
    spoil(command.library / "catalogue.db")
    file = command.library / "catalogue.db"
    before = file.read_bytes() if file.is_file() else None
    for arguments in COMMANDS:
        with fault(f"catalogue: {spoil.__name__.replace('_', ' ')}", arguments=arguments):
            done = run(command, *arguments)
            assert_clear(done, 2)
            assert says in done.err
            assert "try: " in done.err, done.err
    assert (file.read_bytes() if file.is_file() else None) == before


def test_empty_catalogue_is_begun_anew(tmp_path: Path, few: Path, indexed: Command) -> None:
    """What is left of a library whose first run was killed before it wrote anything."""
    command = Command(tmp_path)
    command.library.mkdir(parents=True)
    (command.library / "catalogue.db").touch()
    with fault("catalogue: empty"):
        assert_clear(run(command, "query", "a sun"), 2)
        assert "photosearch index" in run(command, "query", "a sun").err
        assert_clear(run(command, "index", "-q", few), 3)
        assert whole_contents(command) == whole_contents(indexed)


@pytest.mark.parametrize("number", range(1, SCHEMA))
def test_older_catalogue_is_brought_up_to_date(tmp_path: Path, few: Path, number: int) -> None:
    """Nothing of it is lost, and its old self lies beside it."""
    old = GOLDEN / f"catalogue_schema{number}.db"
    command = Command(tmp_path)
    command.library.mkdir(parents=True)
    shutil.copy(old, command.library / "catalogue.db")
    before = contents_of(command.library)
    with fault("catalogue: older schema", schema=number):
        assert_clear(run(command, "status"), 0)
        assert_clear(run(command, "index", "-q", "--model", "mini", few), 3)
        after = whole_contents(command)
        assert before.photos <= after.photos
        assert before.files <= after.files
        assert before.vectors <= after.vectors
        kept = command.library / f"catalogue.db.schema{number}"
        with closing(sqlite3.connect(kept)) as copy, closing(sqlite3.connect(old)) as first:
            assert list(copy.iterdump()) == list(first.iterdump())


# Vector files


class Damage:
    """A library, its vector file and stamp, and the answer that it has to give."""

    def __init__(self, command: Command, caplog: pytest.LogCaptureFixture) -> None:
        self.command = command
        self._caplog = caplog
        self.expected = self.answer()
        (self.stamp,) = (command.library / "vectors").glob("*.json")
        self.file = self.stamp.parent / json.loads(self.stamp.read_text("utf-8"))["file"]
        self._kept = {path: path.read_bytes() for path in (self.stamp, self.file)}

    def restore(self) -> None:
        for path in self.stamp.parent.iterdir():
            path.unlink()
        for path, data in self._kept.items():
            path.write_bytes(data)

    def answer(self) -> list[Path]:
        with Library.open(self.command.library) as library:
            return [hit.path for hit in library.search("a sun", k=100)]

    def assert_answers(self) -> None:
        """The right answer at once, and one line about it; from then on the file is good again."""
        self._caplog.clear()
        assert self.answer() == self.expected
        assert [record.getMessage()[:12] for record in self._caplog.records] == ["vector index"]
        check_vector_files(self.command.library, complete=True)
        self._caplog.clear()
        assert self.answer() == self.expected
        assert not self._caplog.records


@pytest.fixture
def damage(
    tmp_path: Path,
    indexed: Command,
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> Damage:
    monkeypatch.setenv("PHOTOSEARCH_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("PHOTOSEARCH_OFFLINE", "1")
    monkeypatch.setattr(logging.getLogger("photosearch"), "propagate", True)
    return Damage(copied(indexed, tmp_path / "copy"), caplog)


def test_truncated_vector_file(damage: Damage) -> None:
    size = damage.file.stat().st_size
    dice = chance("truncated vectors")
    lengths = {0, 1, 4, 64, size - 1, size // 2, *(dice.randrange(size) for _ in range(rounds(10)))}
    for length in sorted(lengths):
        with fault("vector file truncated", length=length):
            damage.restore()
            os.truncate(damage.file, length)
            damage.assert_answers()
    with fault("vector file grown"):
        damage.restore()
        with damage.file.open("ab") as file:
            file.write(b"more")
        damage.assert_answers()


def test_flipped_bits_in_a_vector_file(damage: Damage) -> None:
    size = damage.file.stat().st_size
    dice = chance("flipped vectors")
    for place in sorted({0, 5, size - 1, *(dice.randrange(size) for _ in range(rounds(20)))}):
        with fault("vector file: a flipped bit", place=place):
            damage.restore()
            data = bytearray(damage.file.read_bytes())
            data[place] ^= 1 << dice.randrange(8)
            damage.file.write_bytes(data)
            damage.assert_answers()


def changed_stamp(**values: Any) -> Callable[[dict[str, Any]], Any]:
    return lambda stamp: {**stamp, **values}


STAMPS: dict[str, Callable[[dict[str, Any]], Any]] = {
    "another library's": changed_stamp(catalogue="0123456789abcdef"),
    "another size": changed_stamp(bytes=5),
    "another number": changed_stamp(count=3),
    "another width": changed_stamp(dim=7),
    "a later vector": changed_stamp(last_id=10**6),
    "another hash": changed_stamp(last_vector="00"),
    "other ends": changed_stamp(ends="00"),
    "a file elsewhere": changed_stamp(file="../catalogue.db"),
    "no file": changed_stamp(file="nothing.faiss"),
    "the folder": changed_stamp(file=""),
    "number for text": changed_stamp(catalogue=5, file=7),
    "text for number": changed_stamp(count="14", last_id="14", bytes="x"),
    "null": changed_stamp(file=None, count=None, last_id=None),
    "huge number": changed_stamp(last_id=10**30),
    "list": lambda stamp: [stamp],
    "unknown field": changed_stamp(more=1),
    "a field less": lambda stamp: {key: stamp[key] for key in list(stamp)[:-2]},
    "empty": lambda stamp: {},
    "a word": lambda stamp: "stamp",
    "a nul in a name": changed_stamp(file="a\0b"),
}


@pytest.mark.parametrize("name", STAMPS)
def test_wrong_stamp(damage: Damage, name: str) -> None:
    stamp = json.loads(damage.stamp.read_text("utf-8"))
    with fault("vector stamp wrong", name=name):
        damage.stamp.write_text(json.dumps(STAMPS[name](stamp)), "utf-8")
        damage.assert_answers()


@pytest.mark.parametrize(
    "data",
    [
        *(b"", b"{", b"\xff\xfe\x00", b"null", b"NaN"),
        pytest.param(b"[" * 100_000, id="deep"),
    ],
)
def test_garbage_for_a_stamp(damage: Damage, data: bytes) -> None:
    with fault("vector stamp garbage", data=data[:10]):
        damage.stamp.write_bytes(data)
        damage.assert_answers()


def test_vector_file_of_another_library(damage: Damage, many_indexed: Command) -> None:
    """With its own stamp, and under this library's."""
    (other_stamp,) = (many_indexed.library / "vectors").glob("*.json")
    other = other_stamp.parent / json.loads(other_stamp.read_text("utf-8"))["file"]
    with fault("vector file of another library"):
        shutil.copy(other_stamp, damage.stamp)
        shutil.copy(other, damage.stamp.parent)
        damage.assert_answers()
    with fault("vector file of another library"):
        damage.restore()
        shutil.copy(other, damage.file)
        damage.assert_answers()


def test_things_in_the_place_of_a_vector_file(damage: Damage) -> None:
    with fault("vector file: a folder"):
        damage.file.unlink()
        damage.file.mkdir()
        assert damage.answer() == damage.expected
    with fault("vector folder gone"):
        shutil.rmtree(damage.stamp.parent)
        damage.assert_answers()
    with fault("vector folder: a file"):
        shutil.rmtree(damage.stamp.parent)
        damage.stamp.parent.write_bytes(b"")
        assert damage.answer() == damage.expected
        assert_clear(run(damage.command, "index", "-q"), 2)


def test_catalogue_put_back_from_a_backup(tmp_path: Path, few: Path, indexed: Command) -> None:
    """An older catalogue under a newer vector file: nothing is found that is not in it."""
    command = copied(indexed, tmp_path / "copy")
    kept = (command.library / "catalogue.db").read_bytes()
    expected = command(*ASKED).lines
    more = tmp_path / "more"
    shutil.copytree(few / "b", more)
    for path in more.iterdir():
        with path.open("ab") as file:
            file.write(b"another digest")
    command("index", "-q", more, code=None)
    with fault("catalogue older than the vector file"):
        for name in ("catalogue.db-wal", "catalogue.db-shm"):
            (command.library / name).unlink(missing_ok=True)
        (command.library / "catalogue.db").write_bytes(kept)
        done = run(command, *ASKED)
        assert_clear(done, 0)
        assert done.lines == expected
        check_vector_files(command.library)


# The cache


def test_spoiled_cache(damage: Damage, tmp_path: Path) -> None:
    """Remembered queries are a convenience: garbage in their place changes no answer."""
    file = tmp_path / "cache" / "queries.db"
    dice = chance("spoiled cache")
    data = file.read_bytes()
    places = [dice.randrange(len(data)) for _ in range(rounds(6))]
    for spoiled in (
        b"",
        b"garbage" * 1000,
        data[: len(data) // 2],
        data[:100] + bytes(len(data) - 100),
        *(data[:at] + dice.randbytes(64) + data[at + 64 :] for at in places),
    ):
        with fault("remembered queries damaged"):
            file.write_bytes(spoiled)
            for _ in range(2):
                assert set(damage.answer()) == set(damage.expected)
