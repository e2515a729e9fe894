"""kill -9 at random moments, then one clean run: as if it had never been killed.

The moments are spread over the length of a run, so that they also fall where nothing is written:
into reading, decoding, encoding, and looking for words. The whole group of processes is killed, or
its leader alone, whose helpers have to end by themselves.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import time
from pathlib import Path

import pytest

from tests.contents import check_vector_files
from tests.faults.common import (
    Command,
    assert_between,
    chance,
    copied,
    fault,
    is_born,
    linux,
    nobody_left,
    posix,
    rounds,
    run,
    start,
    whole_contents,
)
from tests.faults.test_crash_points import NOTHING
from tests.make import write_photos

pytestmark = posix
KILLS_A_LIBRARY = 3  # each is killed so often, and then completed


def killed_after(process: subprocess.Popen[bytes], seconds: float, *, group: bool = True) -> bool:
    """Whether it was still running after so many seconds, and so was killed."""
    try:
        process.communicate(timeout=seconds)
    except subprocess.TimeoutExpired:
        if group:
            os.killpg(process.pid, signal.SIGKILL)
        else:
            process.kill()
        process.communicate()
        return True
    return False


def length_of(command: Command, *arguments: str | Path) -> float:
    started = time.monotonic()
    run(command, *arguments)
    return time.monotonic() - started


def test_killed_while_indexing(
    tmp_path: Path, many: Path, many_indexed: Command, many_seconds: float
) -> None:
    """Several transactions, in any of which the run may end."""
    clean = whole_contents(many_indexed)
    arguments = ("index", "-q", many)
    dice = chance("killed while indexing")
    for number in range(rounds(1)):
        command = Command(tmp_path / f"killed{number}")
        for _ in range(KILLS_A_LIBRARY):
            with fault("kill -9 in time: index", number=number):
                with nobody_left(command):
                    process = start(command, *arguments)
                    killed_after(process, dice.uniform(0.2, 0.95) * many_seconds, group=False)
                if is_born(command.library):
                    assert_between(whole_contents(command), NOTHING, clean)
        command("index", "-q", many, code=None)
        assert whole_contents(command) == clean
        # The index is whole, too: every photo is found once.
        found = command("query", "a sun", "-k", "1000", "--paths").lines
        assert len(set(found)) == len(found) == len(clean.photos)
        assert command("index", "--json", many).json["encoded"] == 0
        shutil.rmtree(tmp_path / f"killed{number}")


def test_killed_while_reading_words(
    tmp_path: Path, signs_indexed: Command, signs_read: Command, signs_seconds: float
) -> None:
    """Words that were read are there; the others are read by the next run, none twice."""
    before, clean = whole_contents(signs_indexed), whole_contents(signs_read)
    arguments = ("index", "-q", "--words-only")
    dice = chance("killed while reading words")
    for number in range(rounds(2)):
        command = copied(signs_indexed, tmp_path / f"killed{number}")
        with fault("kill -9 in time: words", number=number):
            with nobody_left(command):
                killed_after(start(command, *arguments), dice.uniform(0.3, 0.95) * signs_seconds)
            assert_between(whole_contents(command), before, clean)
            command(*arguments)
            assert whole_contents(command) == clean


def test_killed_while_pruning_and_forgetting(
    tmp_path: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """Each is killed, repeated, and leaves what one undisturbed run leaves."""
    photos = tmp_path / "photos"
    write_photos(photos / "a", 60)
    write_photos(photos / "b", 20, first_seed=500)
    write_photos(tmp_path / "other", 5, first_seed=900)
    base = Command(tmp_path / "base")
    base("index", "-q", photos, tmp_path / "other")
    shutil.rmtree(photos / "a")
    base("index", "-q")
    before = whole_contents(base)
    dice = chance("killed while pruning")
    for arguments in (("prune",), ("forget", photos)):
        name = arguments[0]
        undisturbed = copied(base, tmp_path / f"{name} clean")
        length = length_of(undisturbed, *arguments)
        after = whole_contents(undisturbed)
        assert len(after.photos) < len(before.photos)
        for number in range(rounds(2)):
            command = copied(base, tmp_path / f"{name}{number}")
            with fault(f"kill -9 in time: {name}", number=number):
                killed_after(start(command, *arguments), dice.uniform(0.4, 1.0) * length)
                assert_between(whole_contents(command), before, after)
                done = run(command, *arguments)
                if done.code == 2 and "is not an indexed folder" in done.err:
                    done = run(command, "prune")  # it was forgotten; this takes its photos
                assert done.code == 0, done.err
                assert whole_contents(command) == after
                check_vector_files(command.library, complete=True)


@pytest.mark.parametrize("kind", ["jsonl", "csv", "npz"])
def test_killed_while_exporting(tmp_path: Path, many_indexed: Command, kind: str) -> None:
    """The file is as it was, or whole; never a part of an export."""
    whole, target = tmp_path / f"whole.{kind}", tmp_path / f"export.{kind}"
    arguments = ("export", "--format", kind, "--out")
    length = length_of(many_indexed, *arguments, whole)
    dice = chance(f"killed while exporting {kind}")
    target.write_bytes(b"an older export")
    for number in range(rounds(2)):
        with fault("kill -9 in time: export", number=number):
            process = start(many_indexed, *arguments, target)
            killed_after(process, dice.uniform(0.4, 1.0) * length)
            assert target.read_bytes() in (b"an older export", whole.read_bytes())
    for at in (1, 2):
        with fault("kill -9 at a write: export", at=at):
            run(many_indexed, *arguments, target, plan={"at": at})
            assert target.read_bytes() in (b"an older export", whole.read_bytes())
    many_indexed(*arguments, target)
    assert target.read_bytes() == whole.read_bytes()
    assert not list(tmp_path.glob("*.part"))


@linux
@pytest.mark.parametrize("arguments", [("index", "-q"), ("index", "-q", "--words")])
def test_nobody_outlives_a_killed_command(
    tmp_path: Path, many: Path, arguments: tuple[str, ...]
) -> None:
    """The command's own processes end with it, also when it could not tell them."""
    dice = chance("nobody outlives")
    for number in range(rounds(1)):
        command = Command(tmp_path / f"{number}")
        with fault("kill -9 of the leader alone", number=number), nobody_left(command):
            process = start(command, *arguments, many)
            assert killed_after(process, dice.uniform(0.5, 1.2), group=False)


def test_ctrl_c_and_a_closed_terminal_store_what_was_done(tmp_path: Path, many: Path) -> None:
    """Each ends with 130, or by the signal where it came too early; each is gone on from."""
    photos = many / "b"
    for ending in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        command = Command(tmp_path / ending.name)
        with fault(f"signal: {ending.name}"):
            with nobody_left(command):
                process = start(command, "index", photos)
                while process.poll() is None and not is_born(command.library):
                    time.sleep(0.02)
                time.sleep(0.2)  # at work on the photos
                os.killpg(process.pid, ending)
                _, err = process.communicate(timeout=60)
            assert process.returncode in (130, 3, -ending), err
            assert b"Traceback" not in err, err
            if is_born(command.library):
                whole_contents(command)
            command("index", "-q", photos, code=None)
            assert command("index", "--json", photos).json["encoded"] == 0
