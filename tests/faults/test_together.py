"""Several processes and one library: one writer, readers that never wait or err."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import time
from pathlib import Path

from tests.contents import contents_of
from tests.faults.common import (
    Command,
    assert_clear,
    chance,
    copied,
    end_of,
    fault,
    posix,
    rounds,
    run,
    start,
    whole_contents,
)

pytestmark = posix


def is_busy(error: str) -> bool:
    return "being written to by" in error


def test_of_two_indexers_one_goes_away(tmp_path: Path, many: Path, many_indexed: Command) -> None:
    """Both end well or the later says who is at work; the library is as of one run."""
    clean = whole_contents(many_indexed)
    for number in range(rounds(1)):
        command = Command(tmp_path / f"{number}")
        with fault("several indexers at once", number=number):
            arguments = (("index", "-q", many),) * 3 + (("prune",), ("index", "-q", "--words-only"))
            together = [start(command, *one) for one in arguments]
            ends = [end_of(process) for process in together]
            worked = 0
            for done in ends:
                assert_clear(done, 0, 2, 3)
                if done.code == 2:
                    assert is_busy(done.err) or "photosearch index" in done.err, done.err
                worked += done.code == 3
            assert worked >= 1
            run(command, "index", "-q", many)
            assert whole_contents(command) == clean


def test_the_writer_is_named_and_its_lock_ends_with_it(
    tmp_path: Path, many: Path, indexed: Command
) -> None:
    """Killed, it leaves a note of who it was; the next run is not kept from its work."""
    command = copied(indexed, tmp_path / "own")
    process = start(command, "index", "-q", many)
    try:
        note = command.library / "writer.json"
        deadline = time.monotonic() + 30
        while not (note.exists() and note.stat().st_size):
            assert time.monotonic() < deadline
            time.sleep(0.005)
        os.kill(process.pid, signal.SIGSTOP)
        with fault("lock held by another"):
            for arguments in (("index", "-q", many), ("prune",)):
                done = run(command, *arguments)
                assert_clear(done, 2)
                assert f"process {process.pid} since" in done.err
            assert_clear(run(command, "query", "a sun"), 0, 1, 2)
    finally:
        os.killpg(process.pid, signal.SIGKILL)
        process.communicate()
    for left in (note.read_bytes() if note.exists() else b"", b"{", b'{"pid": "x"}', b"\xff"):
        with fault("stale note of a killed writer", left=left):
            note.write_bytes(left)
            assert_clear(run(command, "index", "-q", many), 0, 3)
            assert not note.exists()
            status = json.loads(run(command, "status", "--json").out)
            assert not status["writer"]


def test_prune_and_forget_beside_readers(tmp_path: Path, many_indexed: Command, many: Path) -> None:
    """A query in the middle of it gives photos that were there: before it or after it."""
    command = copied(many_indexed, tmp_path / "copy")
    before = {os.fsdecode(row[0] + b"/" + row[1]) for row in contents_of(command.library).files}
    with fault("readers beside forget"):
        writer = start(command, "forget", many)
        dice = chance("beside forget")
        seen = []
        while writer.poll() is None or not seen:
            done = run(command, "query", "a sun", "-k", "1000", "--paths")
            assert_clear(done, 0, 1)
            assert len(set(done.lines)) == len(done.lines)
            assert set(done.lines) <= before
            seen.append(len(done.lines))
            time.sleep(dice.uniform(0, 0.1))
        assert_clear(end_of(writer), 0)
        assert run(command, "query", "a sun", "--paths").code == 1


def test_indexer_that_is_stopped_for_a_while(tmp_path: Path, few: Path, indexed: Command) -> None:
    """A laptop that sleeps: the run goes on where it was; readers do not wait for it."""
    command = copied(indexed, tmp_path / "copy")
    run(command, "forget", few)
    process = start(command, "index", "-q", few)
    dice = chance("stopped")
    with fault("indexer stopped and continued"):
        while process.poll() is None:
            os.killpg(process.pid, signal.SIGSTOP)
            assert_clear(run(command, "status"), 0)
            os.killpg(process.pid, signal.SIGCONT)
            try:
                process.wait(timeout=dice.uniform(0.1, 0.3))
            except subprocess.TimeoutExpired:
                continue
        assert_clear(end_of(process), 3)
        assert whole_contents(command) == whole_contents(indexed)
