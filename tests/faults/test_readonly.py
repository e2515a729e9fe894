"""A library or a photo folder that may not be written to: read, never changed."""

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
from tests.faults.common import Command, assert_clear, copied, fault, linux, posix, run

pytestmark = posix
NOBODY = 65534


@contextmanager
def mounted_readonly(folder: Path) -> Iterator[None]:
    """The folder as on a read-only disk; skips where that cannot be had."""
    for command in (["--bind", folder, folder], ["-o", "remount,bind,ro", folder]):
        done = subprocess.run(["mount", *command], capture_output=True)
        if done.returncode:
            pytest.skip(f"cannot mount a folder read-only: {done.stderr.decode().strip()}")
    try:
        yield
    finally:
        subprocess.run(["umount", "-l", folder], check=True)


def as_nobody(folder: Path) -> list[str]:
    """What starts a command without any right to write below `folder`."""
    if os.getuid():
        return []  # an ordinary user is bound by modes
    if not shutil.which("setpriv"):
        pytest.skip("runs as root, whom modes do not bind, and there is no setpriv")
    for above in (folder, *folder.parents):
        if not above.stat().st_mode & 0o005:
            above.chmod(above.stat().st_mode | 0o055)
    able = subprocess.run(
        [*(who := ["setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups"]),
         sys.executable, "-c", "import photosearch"],
        capture_output=True, cwd="/",
    )  # fmt: skip
    if able.returncode:
        pytest.skip("another user may not read this Python")
    return who


def state_of(folder: Path) -> dict[str, tuple[object, ...]]:
    """Names, kinds, sizes, modes and times of change of all that lies in a folder, and its own."""
    found = {}
    for path in (folder, *sorted(folder.rglob("*"))):
        stat = path.lstat()
        size = stat.st_size if path.is_file() else 0
        found[str(path)] = (stat.st_mode, size, stat.st_mtime_ns, stat.st_ctime_ns, stat.st_ino)
    return found


READERS = (
    ("query", "a sun", "--paths"),
    ("query", "a sun", "--json"),
    ("status",),
    ("status", "--failures"),
    ("export", "--format", "csv"),
)
WRITERS: tuple[tuple[str, ...], ...] = (("index",), ("prune",), ("index", "--words-only"))


@linux
def test_library_on_a_readonly_disk(tmp_path: Path, indexed: Command) -> None:
    """Questions are answered as ever; what would write says that it may not."""
    command = copied(indexed, tmp_path / "copy")
    expected = {arguments: command(*arguments).out for arguments in READERS[:1]}
    before = state_of(command.library)
    with mounted_readonly(command.library):
        for arguments in READERS:
            with fault("read-only library: reader", arguments=arguments):
                done = run(command, *arguments)
                assert_clear(done, 0)
                assert done.out == expected.get(arguments, done.out)
        for arguments in WRITERS:
            with fault("read-only library: writer", arguments=arguments):
                done = run(command, *arguments)
                assert_clear(done, 2)
                assert "read-only" in done.err.lower() or "readonly" in done.err.lower()
                assert "--library" in done.err
    assert state_of(command.library) == before


@linux
def test_library_of_another_user(tmp_path: Path, indexed: Command) -> None:
    """The same where the folder's mode refuses."""
    command = copied(indexed, tmp_path / "copy")
    who = as_nobody(command.library)
    for path in (command.library, *command.library.rglob("*")):
        path.chmod(0o555 if path.is_dir() else 0o444)
    home = {"HOME": str(tmp_path / "nobody"), "PHOTOSEARCH_CACHE": str(tmp_path / "nobody")}
    before = state_of(command.library)
    for arguments in READERS:
        with fault("library of another user: reader", arguments=arguments):
            assert_clear(run(command, *arguments, before=who, env=home, cwd="/"), 0)
    for arguments in WRITERS:
        with fault("library of another user: writer", arguments=arguments):
            done = run(command, *arguments, before=who, env=home, cwd="/")
            assert_clear(done, 2)
            assert "--library" in done.err
    assert state_of(command.library) == before


@linux
@pytest.mark.parametrize("with_index", [True, False], ids=["with shm", "without shm"])
def test_what_a_killed_run_stored_is_not_forgotten_on_a_readonly_disk(
    tmp_path: Path, few: Path, with_index: bool
) -> None:
    """Commits that still lie in SQLite's log count, or it is said that they cannot be read.

    Without the log's own index, as a backup program may have left it out, SQLite cannot read the
    log where it may write nothing.
    """
    log = tmp_path / "log"
    run(Command(tmp_path / "whole"), "index", "-q", few, plan={"log": str(log)})
    # The vector file's sync comes after the photos' commit, and before the log is folded in.
    at = log.read_text("utf-8").splitlines().index("fsync") + 1
    command = Command(tmp_path / "killed")
    run(command, "index", "-q", few, plan={"at": at})
    assert (command.library / "catalogue.db-wal").stat().st_size > 0
    stored = len(contents_of(copied(command, tmp_path / "kept").library).photos)
    assert stored == 14
    if not with_index:
        (command.library / "catalogue.db-shm").unlink()
    with fault("read-only library: log of a killed run"), mounted_readonly(command.library):
        done = run(command, "query", "a sun", "-k", "100", "--json")
        assert_clear(done, 0, 2)
        if done.code == 0:
            assert len(done.json["hits"]) == stored
        else:
            assert not with_index
            assert "catalogue.db-wal" in done.err


@linux
def test_readonly_photo_folder(tmp_path: Path, few: Path, indexed: Command) -> None:
    photos = tmp_path / "photos"
    shutil.copytree(few, photos)
    with mounted_readonly(photos), fault("read-only photo folder"):
        command = Command(tmp_path / "other")
        assert_clear(run(command, "index", "-q", photos), 3)
        assert len(contents_of(command.library).photos) == 14
        assert command("query", "a sun", "-k", "100", "--paths").lines


def test_nothing_is_ever_written_to_the_photo_folder(tmp_path: Path, few: Path) -> None:
    """Names, sizes, modes and times are the same after every command."""
    photos, command = tmp_path / "photos", Command(tmp_path / "own")
    shutil.copytree(few, photos)
    before = state_of(photos)
    for arguments in (
        ("index", photos),
        ("index", "--retry", "--words", photos),
        ("query", "a sun"),
        ("similar", photos / "a" / "photo0001.jpg"),
        ("facts", photos / "a" / "photo0001.jpg"),
        ("classify", "--library-wide", "--labels", "red,blue", "--write-tags"),
        ("status", "--json"),
        ("export", "-o", tmp_path / "export"),
        ("prune",),
        ("forget", photos),
    ):
        with fault("photo folder watched", arguments=arguments[0]):
            done = run(command, *arguments, cwd=photos)
            assert "Traceback" not in done.err
            assert state_of(photos) == before, arguments
