"""Upkeep that is killed: what it was to save or to mend is not harmed by it."""

from __future__ import annotations

import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest
from PIL import Image

from tests.contents import Contents, contents_of
from tests.faults.common import (
    KILLED,
    Command,
    assert_clear,
    chance,
    copied,
    fault,
    nobody_left,
    posix,
    rounds,
    run,
    sampled,
    side_by_side,
    whole_contents,
)
from tests.make import write_photos

pytestmark = posix


def strike_each(
    make: Callable[[Path], Command],
    arguments: tuple[str | Path, ...],
    look: Callable[[Command, Path], None],
    folder: Path,
    *,
    kills: int,
    code: int = 0,
) -> None:
    """Kill a command at a sample of its writes; `look` says whether what is left is right."""
    name = str(arguments[0])
    log = folder / "calls"
    clean = make(folder / "clean")
    done = run(clean, *_inside(arguments, folder / "clean"), plan={"log": str(log)})
    assert_clear(done, code)
    look(clean, folder / "clean")
    moments = len(log.read_text("utf-8").splitlines())
    assert moments > 3

    def strike(at: int) -> None:
        how = chance(f"{name} {at}").choice(("kill", "half"))
        place = folder / f"{at}"
        with fault(f"kill -9 at a write: {name}", at=at, how=how):
            command = make(place)
            with nobody_left(command):
                done = run(command, *_inside(arguments, place), plan={"at": at, "how": how})
            assert done.code in (KILLED, code), done.err
            look(command, place)
            assert_clear(run(command, *_inside(arguments, place)), code, 0, 2)
            look(command, place)
        shutil.rmtree(place)

    side_by_side(strike, sampled(rounds(kills), moments, name))


def _inside(arguments: tuple[str | Path, ...], folder: Path) -> list[str | Path]:
    """The same with HERE for the scratch folder of this round."""
    return [str(one).replace("HERE", str(folder)) for one in arguments]


def test_backup(indexed: Command, tmp_path: Path) -> None:
    """The copy is not there, or whole; the library is as it was."""
    whole = whole_contents(indexed)

    def look(command: Command, folder: Path) -> None:
        assert contents_of(command.library) == whole
        if (folder / "copy.db").exists():
            shutil.rmtree(folder / "restored", ignore_errors=True)
            (folder / "restored").mkdir()
            shutil.copy(folder / "copy.db", folder / "restored" / "catalogue.db")
            assert contents_of(folder / "restored") == whole

    arguments = ("backup", "HERE/copy.db", "--force")
    strike_each(lambda folder: copied(indexed, folder), arguments, look, tmp_path, kills=4)


def test_restore(indexed: Command, tmp_path: Path) -> None:
    """The catalogue is the old one or the restored one; the old one is kept once it is replaced."""
    backup = tmp_path / "backup.db"
    indexed("backup", backup)
    later = copied(indexed, tmp_path / "later")
    write_photos(tmp_path / "more", 3, first_seed=700)
    later("index", "-q", tmp_path / "more")
    before, restored = whole_contents(later), whole_contents(indexed)

    def look(command: Command, folder: Path) -> None:
        # Of the vector file a query sees that it is the other catalogue's, and makes it anew.
        state = contents_of(command.library)
        assert state in (before, restored)
        if state == restored:
            assert before in map(_contents_of_file, command.library.glob("*.replaced-*[0-9]"))

    arguments = ("restore", backup)
    strike_each(lambda folder: copied(later, folder), arguments, look, tmp_path, kills=5)


def _contents_of_file(catalogue: Path) -> Contents:
    folder = catalogue.parent / f"{catalogue.name} opened"
    folder.mkdir(exist_ok=True)
    shutil.copy(catalogue, folder / "catalogue.db")
    try:
        return contents_of(folder)
    finally:
        shutil.rmtree(folder)


def test_repair(indexed: Command, tmp_path: Path) -> None:
    """The damaged catalogue is in place, or a mended one with a copy of the damaged beside it."""
    damaged = copied(indexed, tmp_path / "damaged")
    catalogue = damaged.library / "catalogue.db"
    with closing(sqlite3.connect(catalogue)) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        (page,) = connection.execute(
            "SELECT rootpage FROM sqlite_master WHERE name = 'files_photo'"
        ).fetchone()
        (size,) = connection.execute("PRAGMA page_size").fetchone()
    with catalogue.open("r+b") as file:
        file.seek((page - 1) * size)
        file.write(b"\xa5" * size)
    was = catalogue.read_bytes()
    whole = whole_contents(indexed)

    def look(command: Command, folder: Path) -> None:
        now = command.library / "catalogue.db"
        if now.read_bytes() != was:
            kept = [one.read_bytes() for one in command.library.glob("*.damaged-*[0-9]")]
            assert was in kept
            assert contents_of(command.library) == whole

    strike_each(lambda folder: copied(damaged, folder), ("repair",), look, tmp_path, kills=6)


def test_relocate(few: Path, indexed: Command, tmp_path: Path) -> None:
    """All of the folder is at the old place or all of it at the new one."""
    elsewhere = tmp_path / "elsewhere"
    shutil.copytree(few, elsewhere)
    before = whole_contents(indexed)

    def look(command: Command, folder: Path) -> None:
        state = whole_contents(command)
        roots = {row[0] for row in state.files}
        assert roots in ({bytes(few)}, {bytes(elsewhere)})
        assert {row[1:] for row in state.files} == {row[1:] for row in before.files}
        assert (state.photos, state.vectors) == (before.photos, before.vectors)

    arguments = ("relocate", few, elsewhere)
    strike_each(lambda folder: copied(indexed, folder), arguments, look, tmp_path, kills=4)


@pytest.fixture(scope="module")
def twins(tmp_path_factory: pytest.TempPathFactory) -> Command:
    """Photos, and smaller copies of them."""
    folder = tmp_path_factory.mktemp("twins")
    for path in write_photos(folder, 5, first_seed=40):
        with Image.open(path) as image:
            image.resize((320, 240)).save(path)
            image.resize((320, 240)).resize((200, 150)).save(path.with_suffix(".png"))
    command = Command(folder / "scratch")
    command("index", "-q", folder)
    return command


def test_duplicates(twins: Command, tmp_path: Path) -> None:
    """What was compared is stored or not; the photos are as they were, the answer is the same."""
    before = whole_contents(twins)

    def groups(command: Command) -> list[set[str]]:
        found = command("duplicates", "--json", code=None).json["groups"]
        return sorted(
            ({file["path"] for file in one["files"]} for one in found), key=lambda one: sorted(one)
        )

    expected = groups(copied(twins, tmp_path / "expected"))
    assert expected

    def look(command: Command, folder: Path) -> None:
        state = whole_contents(command)
        assert (state.photos, state.files, state.vectors) == (
            before.photos,
            before.files,
            before.vectors,
        )
        if folder.name == "clean" or int(folder.name) % 3 == 0:
            assert groups(copied(command, folder / "asked")) == expected
            shutil.rmtree(folder / "asked")

    arguments = ("duplicates", "--json")
    strike_each(lambda folder: copied(twins, folder), arguments, look, tmp_path, kills=4)
