"""The process ends, or a call fails, at each moment at which it changes the disk.

Moments are counted, not timed: every write and truncation of SQLite, every rename, removal and
sync. The short form takes a sample of them, `scripts/soak` all.
"""

from __future__ import annotations

import errno
import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.contents import Contents, check_vector_files, contents_of
from tests.faults.common import (
    KILLED,
    Command,
    assert_between,
    assert_clear,
    chance,
    copied,
    fault,
    is_born,
    nobody_left,
    posix,
    rounds,
    run,
    sampled,
    side_by_side,
    whole_contents,
)
from tests.make import jpeg, picture, write_photos

pytestmark = posix
GOLDEN = Path(__file__).parents[1] / "golden"
NOTHING = Contents(set(), set(), set(), set())


@dataclass(frozen=True)
class Scene:
    """A command, the library it starts from, and how many moments the short form takes."""

    arguments: tuple[str | Path, ...]
    base: Command | None
    kills: int
    errors: int
    code: int = 0

    def library(self, folder: Path) -> Command:
        return copied(self.base, folder) if self.base else Command(folder)


@pytest.fixture(scope="module")
def scenes(
    few: Path,
    indexed: Command,
    signs_indexed: Command,
    tmp_path_factory: pytest.TempPathFactory,
) -> dict[str, Scene]:
    """What is interrupted."""
    folder = tmp_path_factory.mktemp("scenes")

    # A folder in which everything has happened since: new, changed, moved, mended, gone.
    changed = folder / "changed"
    shutil.copytree(few, changed)
    update = Command(folder / "update")
    update("index", "-q", changed, code=3)
    write_photos(changed / "c", 5, first_seed=200)
    (changed / "a" / "photo0002.jpg").write_bytes(jpeg(picture(300)))
    (changed / "a" / "photo0003.jpg").rename(changed / "b" / "moved.jpg")
    (changed / "broken.jpg").write_bytes(jpeg(picture(1)))
    (changed / "b" / "photo0100.jpg").unlink()
    (changed / "b" / "photo0101.jpg").unlink()

    # Half of the photos are gone: `prune` has much to do, and gives space back.
    thinned = folder / "thinned"
    write_photos(thinned / "kept", 6)
    write_photos(thinned / "gone", 40, first_seed=400)
    prune = Command(folder / "prune")
    prune("index", "-q", thinned)
    shutil.rmtree(thinned / "gone")
    prune("index", "-q", thinned)

    old = Command(folder / "old")
    old.library.mkdir(parents=True)
    shutil.copy(GOLDEN / "catalogue_schema1.db", old.library / "catalogue.db")

    return {
        "first index": Scene(("index", "-q", few), None, kills=10, errors=6, code=3),
        "index of changes": Scene(("index", "-q", changed), update, kills=6, errors=4),
        "prune": Scene(("prune",), prune, kills=6, errors=4),
        "forget": Scene(("forget", few), indexed, kills=6, errors=4),
        "upgrade": Scene(("prune",), old, kills=6, errors=4),
        "words": Scene(("index", "-q", "--words-only"), signs_indexed, kills=3, errors=1),
    }


NAMES = ("first index", "index of changes", "prune", "forget", "upgrade", "words")


class Clean:
    """What a scene is like when nothing happens to it."""

    def __init__(self, scene: Scene, folder: Path) -> None:
        self.before = contents_of(scene.base.library) if scene.base else NOTHING
        command = scene.library(folder / "clean")
        log = folder / "calls"
        done = run(command, *scene.arguments, plan={"log": str(log)})
        assert_clear(done, scene.code)
        self.after = whole_contents(command)
        self.moments = len(log.read_text("utf-8").splitlines())


@pytest.fixture(scope="module")
def clean(
    scenes: dict[str, Scene], tmp_path_factory: pytest.TempPathFactory
) -> Callable[[str], Clean]:
    made: dict[str, Clean] = {}

    def of(name: str) -> Clean:
        if name not in made:
            made[name] = Clean(scenes[name], tmp_path_factory.mktemp("clean"))
        return made[name]

    return of


@pytest.mark.parametrize("name", NAMES)
def test_killed_at_any_write_it_goes_on_as_if_nothing_had_been(
    name: str, scenes: dict[str, Scene], clean: Callable[[str], Clean], tmp_path: Path
) -> None:
    """kill -9 before, or in the middle of, the nth change of the disk."""
    scene, expected = scenes[name], clean(name)
    assert expected.moments > 5

    def strike(at: int) -> None:
        how = chance(f"{name} {at}").choice(("kill", "half"))
        with fault(f"kill -9 at a write: {name}", at=at, how=how):
            command = scene.library(tmp_path / f"{at}")
            with nobody_left(command):
                done = run(command, *scene.arguments, plan={"at": at, "how": how})
            # Threads make some calls in another order: near its end a run may be through.
            assert done.code in (KILLED, scene.code), done.err
            _assert_recovers(command, scene, expected, look=at % 4 == 0)
        shutil.rmtree(tmp_path / f"{at}")

    side_by_side(strike, sampled(rounds(scene.kills), expected.moments, name))


@pytest.mark.parametrize("name", NAMES)
def test_a_write_that_fails_is_one_clear_line(
    name: str, scenes: dict[str, Scene], clean: Callable[[str], Clean], tmp_path: Path
) -> None:
    """The nth change of the disk, or all from the nth on, end in "disk full" or "I/O error"."""
    scene, expected = scenes[name], clean(name)

    def strike(at: int) -> None:
        dice = chance(f"{name} error {at}")
        how = dice.choice(("error", "errors"))
        number = dice.choice((errno.ENOSPC, errno.EIO))
        with fault(f"failing write: {name}", at=at, how=how, errno=number):
            command = scene.library(tmp_path / f"{at}")
            done = run(command, *scene.arguments, plan={"at": at, "how": how, "errno": number})
            assert_clear(done, 0, 2, 3)
            _assert_recovers(command, scene, expected, look=at % 4 == 0)
        shutil.rmtree(tmp_path / f"{at}")

    side_by_side(strike, sampled(rounds(scene.errors), expected.moments, f"{name} errors"))


def _assert_recovers(command: Command, scene: Scene, expected: Clean, *, look: bool) -> None:
    """What the fault left is sound as it is, and the same command makes it whole."""
    if is_born(command.library):
        state = whole_contents(command)
        assert_between(state, expected.before, expected.after)
        if look:
            _assert_found_once(command, state)
    done = run(command, *scene.arguments)
    if "is not an indexed folder" in done.err:  # it was forgotten; its photos are left to prune
        done = run(command, "prune")
    assert_clear(done, 0, scene.code)  # a file that failed before is not tried again
    assert whole_contents(command) == expected.after
    check_vector_files(command.library, complete=bool(expected.after.vectors))


def _assert_found_once(command: Command, state: Contents) -> None:
    """A query at once, before anything is repaired, finds each photo that is there once."""
    there = {row[-1] for row in state.files if not row[-2]}
    found = command("query", "a sun", "-k", "1000", "--no-words", "--json", code=None)
    if not state.vectors:
        assert found.code in (1, 2)
    elif "model" not in found.err:  # the old catalogue is of a model that is not here
        assert sorted(hit["photo"] for hit in found.json["hits"]) == sorted(
            digest.hex()
            for digest in there & {row[0] for row in state.vectors}  # type: ignore[attr-defined]
        )


def test_the_copy_of_an_old_catalogue_is_whole_whenever_the_upgrade_was_killed(
    scenes: dict[str, Scene], clean: Callable[[str], Clean], tmp_path: Path
) -> None:
    """A catalogue that has been upgraded has its old self beside it, all of it."""
    scene = scenes["upgrade"]
    assert scene.base is not None
    moments = sampled(rounds(4), clean("upgrade").moments, "copy kept")
    for at in moments:
        with fault("kill -9 at a write: copy before the upgrade", at=at):
            command = scene.library(tmp_path / f"{at}")
            run(command, *scene.arguments, plan={"at": at})
            _assert_has_old_self(command.library)
            run(command, *scene.arguments)
            _assert_has_old_self(command.library)
            assert (command.library / "catalogue.db.schema1").exists()


def _assert_has_old_self(library: Path) -> None:
    with closing(sqlite3.connect(library / "catalogue.db")) as connection:
        (version,) = connection.execute("PRAGMA user_version").fetchone()
    old = library / ("catalogue.db" if version == 1 else "catalogue.db.schema1")
    first = GOLDEN / "catalogue_schema1.db"
    with closing(sqlite3.connect(old)) as kept, closing(sqlite3.connect(first)) as given:
        assert list(kept.iterdump()) == list(given.iterdump())
