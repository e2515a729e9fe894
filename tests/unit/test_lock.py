"""One writer at a time, by the operating system's word."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from photosearch.errors import LibraryBusy, PhotosearchError, StorageError
from photosearch.store.lock import current_writer, writer_lock

# Takes the lock, says so, and holds it until its input ends.
HOLDER = """
import sys
from pathlib import Path
from photosearch.store.lock import writer_lock
with writer_lock(Path(sys.argv[1])):
    print("held", flush=True)
    sys.stdin.read()
"""


@contextmanager
def another_process(library: Path) -> Iterator[subprocess.Popen[str]]:
    with subprocess.Popen(
        [sys.executable, "-c", HOLDER, os.fspath(library)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "held\n"
        try:
            yield process
        finally:
            process.kill()


def test_free_held_free(tmp_path: Path) -> None:
    assert current_writer(tmp_path) is None
    with writer_lock(tmp_path):
        writer = current_writer(tmp_path)
        assert writer is not None
        assert re.fullmatch(rf"process {os.getpid()} since \d{{4}}-\d\d-\d\dT[\d:+-]+", writer)
    assert current_writer(tmp_path) is None
    with writer_lock(tmp_path):
        pass


def test_an_error_inside_sets_it_free(tmp_path: Path) -> None:
    with pytest.raises(KeyError), writer_lock(tmp_path):
        raise KeyError
    assert current_writer(tmp_path) is None
    assert not (tmp_path / "writer.json").exists()


def test_a_second_writer_is_told_who_the_first_is(tmp_path: Path) -> None:
    with another_process(tmp_path) as process:
        assert f"process {process.pid} since" in (current_writer(tmp_path) or "")
        with (
            pytest.raises(LibraryBusy, match=f"process {process.pid} since"),
            writer_lock(tmp_path),
        ):
            pytest.fail("two writers at once")
        # Being refused takes nothing from the one that holds it.
        assert f"process {process.pid}" in (current_writer(tmp_path) or "")


def test_a_second_writer_in_the_same_process(tmp_path: Path) -> None:
    with writer_lock(tmp_path):
        with pytest.raises(LibraryBusy), writer_lock(tmp_path):
            pytest.fail("two writers at once")
        caught: list[BaseException] = []

        def other_thread() -> None:
            try:
                with writer_lock(tmp_path):
                    pass
            except PhotosearchError as error:
                caught.append(error)

        thread = threading.Thread(target=other_thread)
        thread.start()
        thread.join(30)
        assert [type(error) for error in caught] == [LibraryBusy]
        assert current_writer(tmp_path) is not None


def test_a_killed_writer_leaves_the_library_free(tmp_path: Path) -> None:
    with another_process(tmp_path) as process:
        process.kill()
        process.wait(30)
        assert (tmp_path / "writer.json").exists()  # what it left behind says nothing
        assert current_writer(tmp_path) is None
        with writer_lock(tmp_path):
            assert f"process {os.getpid()} " in (current_writer(tmp_path) or "")


@pytest.mark.parametrize(
    "content", ["", "{", "[]", '{"pid": "x"}', json.dumps({"since": "now"})], ids=repr
)
def test_an_unreadable_owner_is_another_process(tmp_path: Path, content: str) -> None:
    with another_process(tmp_path):
        (tmp_path / "writer.json").write_text(content)
        assert current_writer(tmp_path) == "another process"
        with pytest.raises(LibraryBusy, match="by another process"), writer_lock(tmp_path):
            pytest.fail("two writers at once")


def test_two_libraries_do_not_meet(tmp_path: Path) -> None:
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
    with writer_lock(tmp_path / "one"), writer_lock(tmp_path / "two"):
        assert current_writer(tmp_path / "one")
        assert current_writer(tmp_path / "two")


def test_asking_who_writes_makes_no_file(tmp_path: Path) -> None:
    assert current_writer(tmp_path / "none") is None
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_cannot_be_written_to(tmp_path: Path) -> None:
    # Permissions do not stop root; a file in the folder's place stops everyone.
    (tmp_path / "library").write_text("a file")
    with (
        pytest.raises(StorageError, match="cannot be written to"),
        writer_lock(tmp_path / "library"),
    ):
        pytest.fail("locked what is no folder")


def test_an_owner_file_that_cannot_be_written_is_our_own_error(tmp_path: Path) -> None:
    # As on a full disk: the lock itself takes no space, the few bytes beside it do.
    (tmp_path / "writer.json").mkdir()
    with pytest.raises(StorageError), writer_lock(tmp_path):
        pytest.fail("held")
    assert current_writer(tmp_path) is None


def test_where_the_lock_cannot_be_asked_nobody_is_named(tmp_path: Path) -> None:
    """Left by a killed writer on a disk that has gone bad: whoever reads is not troubled."""
    (tmp_path / "writer.json").write_text('{"pid": 1, "since": "2024-01-01"}', "utf-8")
    (tmp_path / "writer.lock").mkdir()
    assert current_writer(tmp_path) is None
