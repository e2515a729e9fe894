"""Files and folders that change under a run's hands, and clocks that do.

Whatever a run meets, it ends, stores only what is true of one state of a file, and the next run
over the quiet folder makes the library what a first run over it would have made.
"""

from __future__ import annotations

import json
import os
import shutil
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from hashlib import sha256
from pathlib import Path

import pytest

from tests.contents import contents_of
from tests.faults.common import (
    Command,
    assert_clear,
    chance,
    end_of,
    fault,
    posix,
    rounds,
    run,
    start,
)
from tests.make import jpeg, picture, write_photos

pytestmark = posix


@contextmanager
def meanwhile(action: Callable[[], None]) -> Iterator[None]:
    """Do something again and again, on the side, until the block is over."""
    over = threading.Event()
    trouble: list[BaseException] = []

    def work() -> None:
        try:
            while not over.is_set():
                action()
        except BaseException as error:
            trouble.append(error)

    thread = threading.Thread(target=work)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()
    assert not trouble, trouble


def assert_true_of(command: Command, photos: Path) -> None:
    """A run over the quiet folder gives what a first run over it gives, each digest a file's."""
    assert_clear(run(command, "index", "-q", photos, "--retry"), 0, 3)
    assert_clear(run(command, "prune"), 0)
    fresh = Command(command.folder / "fresh")
    assert_clear(run(fresh, "index", "-q", photos), 0, 3)
    found, expected = contents_of(command.library), contents_of(fresh.library)
    assert (found.files, found.photos) == (expected.files, expected.photos)
    assert (found.vectors, found.failures) == (expected.vectors, expected.failures)
    shutil.rmtree(fresh.folder)
    real = {
        sha256(path.read_bytes()).digest()
        for path in photos.rglob("*")
        if path.is_file() and not path.is_symlink()
    }
    assert {row[-1] for row in found.files} <= real


def test_files_rewritten_while_they_are_read(tmp_path: Path) -> None:
    """In place, without a rename: a reader can meet the head of one picture and another's tail."""
    photos = tmp_path / "photos"
    paths = write_photos(photos, 80)
    dice = chance("rewritten")
    states = [jpeg(picture(seed, (400, 300))) for seed in range(700, 706)]
    whole = {sha256(state).digest() for state in states}
    whole |= {sha256(path.read_bytes()).digest() for path in paths}

    def rewrite() -> None:
        path, state = dice.choice(paths), dice.choice(states)
        with path.open("r+b") as file:
            for at in range(0, len(state), 1024):
                file.write(state[at : at + 1024])
            file.truncate()

    for number in range(rounds(1)):
        with fault("file rewritten while read", number=number):
            command = Command(tmp_path / f"own{number}")
            with meanwhile(rewrite):
                for _ in range(2):
                    done = run(command, "index", "-q", photos)
                    assert_clear(done, 0, 3)
            # A mixture of two pictures is refused when its size or time moved while it was read;
            # what is left over is set right by the run over the quiet folder.
            assert_true_of(command, photos)
            assert {row[0] for row in contents_of(command.library).photos} <= whole


def test_files_that_come_go_and_are_swapped(tmp_path: Path) -> None:
    photos = tmp_path / "photos"
    paths = write_photos(photos / "in", 60)
    away = tmp_path / "away"
    away.mkdir()
    dice = chance("come and go")

    def shuffle() -> None:
        one, other = dice.sample(paths, 2)
        if one.exists() and other.exists() and dice.random() < 0.3:
            spare = photos / "spare"
            one.rename(spare)
            other.rename(one)
            spare.rename(other)
        elif one.exists():
            one.rename(away / one.name)
        elif (away / one.name).exists():
            (away / one.name).rename(one)

    for number in range(rounds(1)):
        with fault("file vanishes while read", number=number):
            command = Command(tmp_path / f"own{number}")
            with meanwhile(shuffle):
                for _ in range(2):
                    assert_clear(run(command, "index", "-q", photos), 0, 3)
            assert_true_of(command, photos)


def test_file_that_grows_while_it_is_read(tmp_path: Path) -> None:
    """A slow copy into the folder: no half photo is ever a photo."""
    photos = tmp_path / "photos"
    write_photos(photos, 10)
    data = jpeg(picture(3, (1600, 1200)))
    place = [0]

    def append() -> None:
        number, at = divmod(place[0], len(data))
        with (photos / f"copied{number}.jpg").open("ab") as file:
            file.write(data[at : at + 2000])
        place[0] += min(2000, len(data) - at)
        time.sleep(0.002)

    with fault("file grows while read"):
        command = Command(tmp_path / "own")
        with meanwhile(append):
            for _ in range(3):
                assert_clear(run(command, "index", "-q", photos), 0, 3)
        for row in contents_of(command.library).photos:
            assert row[1] == len(data) or row[1] < 4000, "a photo that was half copied"
        for path in photos.glob("copied*.jpg"):
            path.write_bytes(data)
        assert_true_of(command, photos)
        status = command("status", "--json").json
        assert status["failures"] == 0


@pytest.mark.parametrize("what", ["renamed", "removed", "replaced by a file", "replaced by a link"])
def test_folder_that_changes_in_mid_walk(tmp_path: Path, what: str) -> None:
    photos = tmp_path / "photos"
    for number in range(12):
        write_photos(photos / f"{number:02}" / "deep", 12, first_seed=100 * number)
    with fault(f"folder {what} in mid-walk"):
        command = Command(tmp_path / "own")
        process = start(command, "index", "-q", photos)
        time.sleep(chance(what).uniform(0.25, 0.6))
        for number in (3, 7, 11):
            folder = photos / f"{number:02}"
            if what == "renamed":
                folder.rename(photos / f"{number:02}-renamed")
                continue
            folder.rename(tmp_path / f"away{number:02}")
            if what == "replaced by a file":
                folder.write_bytes(b"no folder any more")
            elif what == "replaced by a link":
                folder.symlink_to(photos)
        assert_clear(end_of(process), 0, 3)
        assert_true_of(command, photos)


def test_root_that_vanishes_in_mid_run_keeps_what_is_known(tmp_path: Path) -> None:
    """A disk that is pulled out: nothing of it is missing, it is offline."""
    photos = tmp_path / "photos"
    write_photos(photos, 60)
    command = Command(tmp_path / "own")
    command("index", "-q", photos)
    for path in photos.iterdir():
        os.utime(path, (1, 1))  # all have to be read again
    with fault("root vanishes in mid-run"):
        process = start(command, "index", "-q", photos)
        time.sleep(0.35)
        photos.rename(tmp_path / "pulled")
        assert_clear(end_of(process), 0, 3)
        assert_clear(run(command, "index", "-q"), 0, 3)
        assert len(contents_of(command.library).photos) == 60
        assert {row[4] for row in contents_of(command.library).files} == {0}
        (tmp_path / "pulled").rename(photos)
        command("index", "-q")
        assert len(command("query", "a sun", "-k", "100", "--paths").lines) == 60


# Clocks


def test_clock_that_jumps_back(tmp_path: Path) -> None:
    """Years before the catalogue's own times and the photos': nothing is decided by the clock."""
    photos = tmp_path / "photos"
    write_photos(photos, 8)
    command = Command(tmp_path / "own")
    command("index", "-q", photos)
    expected = command("query", "a sun", "--paths").lines
    ten_years = 10 * 365 * 86_400
    for number, shift in enumerate((-ten_years, ten_years)):
        with fault("clock jumps", seconds=shift):
            plan = {"clock": shift}
            assert run(command, "query", "a sun", "--paths", plan=plan).lines == expected
            report = json.loads(run(command, "index", "--json", plan=plan).out)
            assert (report["unchanged"], report["read"]) == (8 + number, 0)
            (new,) = write_photos(photos, 1, first_seed=50 + number)
            now = time.time() + shift
            os.utime(new, (now, now))
            report = json.loads(run(command, "index", "--json", plan=plan).out)
            assert (report["added"], report["unchanged"]) == (1, 8 + number)
            expected = command("query", "a sun", "--paths").lines


def test_photos_of_the_future_and_of_before_1970(tmp_path: Path) -> None:
    photos = tmp_path / "photos"
    for path, when in zip(write_photos(photos, 4), (-86_400, 0, 4e9, 1.6e10), strict=True):
        os.utime(path, (when, when))
    with fault("file times out of the ordinary"):
        command = Command(tmp_path / "own")
        assert command("index", "--json", photos).json["added"] == 4
        assert command("index", "--json").json["unchanged"] == 4
        # A time that goes back is a change like any other.
        path = photos / "photo0003.jpg"
        path.write_bytes(jpeg(picture(60)))
        os.utime(path, (5, 5))
        assert command("index", "--json").json["changed"] == 1


def test_leftovers_go_though_the_clock_was_wrong(tmp_path: Path, few: Path) -> None:
    """A file half written by a killed run does no harm, whenever it says it was made."""
    command = Command(tmp_path / "own")
    command("index", "-q", few, code=3)
    vectors = command.library / "vectors"
    for name, age in (("old", 7200), ("new", 0), ("future", -86_400)):
        leftover = vectors / f"{name}.faiss.1.tmp"
        leftover.write_bytes(b"half")
        os.utime(leftover, (time.time() - age,) * 2)
    with fault("clock jumps"):
        shutil.rmtree(vectors / "nothing", ignore_errors=True)
        for stamp in vectors.glob("*.json"):
            stamp.unlink()
        command("query", "a sun")
        left = {path.name for path in vectors.glob("*.tmp")}
        assert left == {"new.faiss.1.tmp", "future.faiss.1.tmp"}
        run(command, "index", "-q", few, plan={"clock": 2 * 86_400})


def test_same_size_and_time_is_the_documented_limit(tmp_path: Path) -> None:
    """What `docs/reliability.md` names: another content with size and time of the old one."""
    photos = tmp_path / "photos"
    write_photos(photos, 2)
    command = Command(tmp_path / "own")
    command("index", "-q", photos)
    path = photos / "photo0000.jpg"
    stat = path.stat()
    data = bytearray(path.read_bytes())
    data[-10] ^= 1
    path.write_bytes(data)
    os.utime(path, ns=(stat.st_atime_ns, stat.st_mtime_ns))
    assert command("index", "--json").json["unchanged"] == 2
    os.utime(path)  # what the page advises: touch the file
    assert command("index", "--json").json["changed"] == 1
