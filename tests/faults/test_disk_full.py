"""The disk is full, or files may not grow: one clear line, nothing lost, and on it goes."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.contents import contents_of
from tests.faults.common import (
    Command,
    assert_between,
    assert_clear,
    chance,
    copied,
    fault,
    is_born,
    linux,
    posix,
    rounds,
    run,
    side_by_side,
    whole_contents,
)
from tests.faults.test_crash_points import NOTHING
from tests.make import write_photos

pytestmark = posix
KIB = 1024


@contextmanager
def small_disk(folder: Path, options: str) -> Iterator[Path]:
    """A file system of its own in memory; skips where it may not be mounted."""
    folder.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", options, "tmpfs", folder], capture_output=True
    )
    if mounted.returncode:
        pytest.skip(f"cannot mount a tmpfs: {mounted.stderr.decode().strip()}")
    try:
        yield folder
    finally:
        subprocess.run(["umount", "-l", folder], check=True)


def grow(disk: Path, options: str) -> None:
    subprocess.run(["mount", "-o", f"remount,{options}", disk], check=True)


@linux
@pytest.mark.parametrize("what", ["size", "nr_inodes"])
def test_library_on_a_full_disk(
    tmp_path: Path, many: Path, many_indexed: Command, what: str
) -> None:
    """Out of bytes, or out of files, at any point of an index run."""
    clean = whole_contents(many_indexed)
    dice = chance(f"full disk {what}")
    for number in range(rounds(2 if what == "size" else 1)):
        # The whole library takes some 1.5 MB, its catalogue's log as much again.
        limit = dice.randint(40, 2500) * KIB if what == "size" else dice.randint(2, 9)
        with (
            fault(f"disk full: {what}", limit=limit),
            small_disk(tmp_path / f"disk{number}", f"{what}={limit}") as disk,
        ):
            command = Command(disk)
            done = run(command, "index", "-q", many)
            assert_clear(done, 2, 3)
            if is_born(command.library):
                assert_between(whole_contents(command), NOTHING, clean)
            grow(disk, f"{what}={'64m' if what == 'size' else '1000'}")
            assert_clear(run(command, "index", "-q", many), 0, 3)
            assert whole_contents(command) == clean
            found = command("query", "a sun", "-k", "1000", "--paths").lines
            assert len(set(found)) == len(found) == len(clean.photos)


def test_files_that_may_not_grow(tmp_path: Path, few: Path, indexed: Command) -> None:
    """A limit that catalogue, log, vector file or cache runs into, each at some size of it."""
    clean = whole_contents(indexed)

    def strike(limit: int) -> None:
        with fault("file size limit: index", limit=limit):
            command = Command(tmp_path / f"{limit}")
            done = run(command, "index", "-q", few, plan={"limits": {"FSIZE": limit}})
            assert_clear(done, 2, 3)
            if is_born(command.library):
                assert_between(whole_contents(command), NOTHING, clean)
            asked = run(command, "query", "a sun", plan={"limits": {"FSIZE": limit}})
            assert_clear(asked, 0, 1, 2)
            assert_clear(run(command, "index", "-q", few), 0, 3)
            assert whole_contents(command) == clean

    dice = chance("file size limit")
    limits = [0, 33 * KIB, 100 * KIB]
    limits += [dice.randrange(300 * KIB) for _ in range(rounds(4))]
    side_by_side(strike, limits)


def test_prune_and_upgrade_under_a_limit(tmp_path: Path, few: Path, indexed: Command) -> None:
    """The catalogue is copied where it is upgraded, and written anew where it is compacted."""
    golden = Path(__file__).parents[1] / "golden" / "catalogue_schema1.db"
    old = Command(tmp_path / "old")
    old.library.mkdir(parents=True)
    shutil.copy(golden, old.library / "catalogue.db")
    for name, base, arguments in (
        ("upgrade", old, ("prune",)),
        ("forget", indexed, ("forget", few)),
    ):
        before = whole_contents(base)
        clean = copied(base, tmp_path / f"{name} clean")
        clean(*arguments)
        after = whole_contents(clean)
        for limit in (0, 20 * KIB, 70 * KIB):
            with fault(f"file size limit: {name}", limit=limit):
                command = copied(base, tmp_path / f"{name} {limit}")
                done = run(command, *arguments, plan={"limits": {"FSIZE": limit}})
                assert_clear(done, 0, 2)
                assert_between(whole_contents(command), before, after)
                again = run(command, *arguments)
                if "is not an indexed folder" in again.err:
                    again = run(command, "prune")
                assert_clear(again, 0)
                assert whole_contents(command) == after


def test_export_that_does_not_fit(tmp_path: Path, many_indexed: Command) -> None:
    """The old file stays, and no part of a new one is left in its place."""
    target = tmp_path / "export"
    target.write_bytes(b"an older export")
    for kind in ("jsonl", "csv", "npz"):
        for limit in (0, 30 * KIB, 200 * KIB):
            with fault("file size limit: export", format=kind, limit=limit):
                done = run(
                    many_indexed,
                    *("export", "--format", kind, "-o", target),
                    plan={"limits": {"FSIZE": limit}},
                )
                if done.code == 0:  # csv has no vectors: it is small
                    assert kind == "csv"
                    target.write_bytes(b"an older export")
                    continue
                assert_clear(done, 2)
                assert str(target) in done.err
                assert "traceback" not in done.err.lower()
                assert target.read_bytes() == b"an older export"
                assert os.listdir(tmp_path) == ["export"]


@linux
def test_cache_on_a_full_disk(tmp_path: Path, indexed: Command) -> None:
    """What is remembered of queries is a convenience: without it the answer is the same."""
    command = copied(indexed, tmp_path / "copy")
    expected = command("query", "a sun", "--paths").lines
    with small_disk(tmp_path / "cache", "size=16k") as disk:
        (disk / "filler").write_bytes(bytes(8 * KIB))
        full = {"PHOTOSEARCH_CACHE": str(disk)}
        for text in ("a sun", "a sun", "a red house"):
            with fault("disk full: cache"):
                done = run(command, "query", text, "--paths", env=full)
                assert_clear(done, 0)
                if text == "a sun":
                    assert done.lines == expected


@linux
def test_vector_file_that_does_not_fit(tmp_path: Path, indexed: Command) -> None:
    """The answer comes from the catalogue then, and the next run with room writes the file."""
    command = copied(indexed, tmp_path / "copy")
    expected = command("query", "a sun", "--paths").lines
    shutil.rmtree(command.library / "vectors")
    for limit in (0, 4 * KIB):
        with fault("file size limit: vector file", limit=limit):
            done = run(command, "query", "a sun", "--paths", plan={"limits": {"FSIZE": limit}})
            assert_clear(done, 0)
            assert done.lines == expected
            assert not list((command.library / "vectors").glob("*.tmp"))
    assert command("query", "a sun", "--paths").lines == expected
    assert whole_contents(command) == whole_contents(indexed)
    assert len(list((command.library / "vectors").glob("*.faiss"))) == 1


def test_answers_to_a_full_disk(indexed: Command) -> None:
    """`query > file` on a full disk is an error with a line, never a success."""
    if not os.path.exists("/dev/full"):
        pytest.skip("no /dev/full")
    for arguments in (
        ("query", "a sun"),
        ("query", "a sun", "--json"),
        ("query", "a sun", "--paths"),
        ("status",),
        ("export",),
        ("export", "--format", "npz"),
        ("--help",),
    ):
        with fault("disk full: answer", arguments=arguments), open("/dev/full", "wb") as full:
            assert_clear(run(indexed, *arguments, stdout=full), 2)


READER = """
import resource, signal, sys
from photosearch import Library
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (0, resource.RLIM_INFINITY))
with Library.open() as library:
    for _ in range(2):
        print(library.status().photos, flush=True)
        sys.stdin.readline()
"""


def test_reader_that_could_write_nothing_sees_what_is_stored_later(
    few: Path, indexed: Command, tmp_path: Path
) -> None:
    """A library that is read as it stands, for want of room, is not read so for ever."""
    command = copied(indexed, tmp_path / "copy")
    before = len(contents_of(command.library).photos)
    with fault("reader on a full disk"):
        reader = subprocess.Popen(
            [sys.executable, "-c", READER],
            env=command.env,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert reader.stdout is not None
        assert int(reader.stdout.readline()) == before
        command("index", "-q", *write_photos(tmp_path / "new", 3, first_seed=900))
        out, _ = reader.communicate("\\n\\n", timeout=60)
        assert int(out) == before + 3
        assert reader.returncode == 0
