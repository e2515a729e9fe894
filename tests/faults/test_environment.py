"""The surroundings are broken: home, cache, temporary folder, streams, limits, language."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.contents import contents_of
from tests.faults.common import (
    Command,
    assert_clear,
    copied,
    end_of,
    fault,
    linux,
    posix,
    run,
    start,
    whole_contents,
)
from tests.faults.test_readonly import as_nobody
from tests.make import jpeg, picture, write_photos

pytestmark = posix
MIB = 1 << 20


@pytest.fixture(scope="module")
def command(indexed: Command, tmp_path_factory: pytest.TempPathFactory) -> Command:
    """A library that these tests share: none of them changes what is in it."""
    return copied(indexed, tmp_path_factory.mktemp("environment"))


def cache_is_a_file(folder: Path) -> dict[str, str]:
    (folder / "cache").write_bytes(b"")
    return {"PHOTOSEARCH_CACHE": str(folder / "cache")}


def cache_below_a_file(folder: Path) -> dict[str, str]:
    (folder / "file").write_bytes(b"")
    return {"PHOTOSEARCH_CACHE": str(folder / "file" / "cache")}


def cache_in_proc(folder: Path) -> dict[str, str]:
    return {"PHOTOSEARCH_CACHE": "/proc/nothing"}


def no_home(folder: Path) -> dict[str, str]:
    return {"HOME": ""}


def home_is_a_file(folder: Path) -> dict[str, str]:
    (folder / "home").write_bytes(b"")
    return {"HOME": str(folder / "home"), "PHOTOSEARCH_CACHE": ""}


def no_temporary_folder(folder: Path) -> dict[str, str]:
    return {"TMPDIR": str(folder / "gone"), "SQLITE_TMPDIR": str(folder / "gone")}


def plain_language(folder: Path) -> dict[str, str]:
    return {"LANG": "C", "LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}


@pytest.mark.parametrize(
    "broken",
    [
        cache_is_a_file,
        cache_below_a_file,
        cache_in_proc,
        no_home,
        home_is_a_file,
        no_temporary_folder,
        plain_language,
    ],
)
def test_broken_surroundings(
    tmp_path: Path, few: Path, command: Command, broken: Callable[[Path], dict[str, str]]
) -> None:
    """Questions are answered and folders indexed without the conveniences."""
    env = broken(tmp_path)
    with fault(f"environment: {broken.__name__.replace('_', ' ')}"):
        done = run(command, "query", "a sun", "-k", "100", "--paths", env=env)
        assert_clear(done, 0)
        assert len(done.lines) == 14
        other = Command(tmp_path / "other")
        assert_clear(run(other, "index", "-q", few, env=env), 3)
        assert whole_contents(other) == whole_contents(command)


def test_no_library_can_be_made(tmp_path: Path, few: Path) -> None:
    """Neither below a file nor where nothing can be; the line names the place."""
    (tmp_path / "file").write_bytes(b"")
    for place in (tmp_path / "file", tmp_path / "file" / "below", Path("/proc/nothing")):
        with fault("environment: no place for a library", place=place):
            env = {"PHOTOSEARCH_LIBRARY": str(place)}
            done = run(Command(tmp_path), "index", "-q", few, env=env)
            assert_clear(done, 2)
            assert str(place) in done.err or str(place.parent) in done.err
            assert_clear(run(Command(tmp_path), "query", "a sun", env=env), 2)


@linux
def test_no_home_and_no_rights(tmp_path: Path) -> None:
    """A user without a home: the library's usual place cannot be made."""
    who = as_nobody(tmp_path)
    env = {"HOME": "/nonexistent", "PHOTOSEARCH_LIBRARY": "", "PHOTOSEARCH_CACHE": ""}
    photos = tmp_path / "photos"
    write_photos(photos, 2)
    with fault("environment: no home"):
        done = run(Command(tmp_path), "index", "-q", photos, before=who, env=env, cwd="/")
        assert_clear(done, 2)
        assert "--library" in done.err
        assert "/nonexistent" in done.err


# Streams


@pytest.mark.parametrize(
    "closed",
    [
        "<&-",
        ">&-",
        "2>&-",
        "<&- >&- 2>&-",
    ],
)
@pytest.mark.parametrize("arguments", [("index", "-q"), ("query", "a sun"), ("status", "--json")])
def test_closed_streams(command: Command, closed: str, arguments: tuple[str, ...]) -> None:
    """Standard streams that are not there do no harm to the library, and no file takes their
    place: what was meant for the screen is not written into the catalogue.
    """
    before = contents_of(command.library)
    with fault("stream closed", closed=closed, arguments=arguments):
        process = start(
            command, *arguments, before=["sh", "-c", f'exec "$@" {closed}', "sh"], stdin=None
        )
        done = end_of(process)
        assert "Traceback" not in done.err, done.err
        assert "unexpected error" not in done.err, done.err
        assert done.code in (0, 2), done.err
        if ">&-" not in closed.split():
            assert done.code == 0
        assert contents_of(command.library) == before


def test_reader_that_has_enough(command: Command) -> None:
    """`| head -1`: no failure, no words."""
    for arguments in (("query", "a sun", "--paths"), ("export",), ("export", "--format", "csv")):
        with fault("stream: the reader goes", arguments=arguments):
            process = start(command, *arguments, bufsize=0)
            assert process.stdout is not None
            process.stdout.close()
            assert process.stderr is not None
            err = process.stderr.read().decode()
            process.stderr.close()
            assert process.wait(timeout=60) == 0, err
            assert "Traceback" not in err
            assert "unexpected" not in err


# Limits


@linux
@pytest.mark.parametrize(
    ("name", "limit"),
    [
        ("NOFILE", 64),
        ("NOFILE", 16),
        ("AS", 2048 * MIB),
        ("AS", 700 * MIB),
        ("AS", 150 * MIB),
        ("NPROC", 1),
    ],
)
def test_limits_of_the_system(
    tmp_path: Path, few: Path, command: Command, name: str, limit: int
) -> None:
    """Few descriptors, little memory: it works, or says in a line why not; nothing is spoiled.

    Below what Python and its libraries need to start at all no program can say anything clear.
    """
    before = contents_of(command.library)
    limited: dict[str, Any] = {"plan": {"limits": {name: limit}}}
    able = (name, limit) in (("NOFILE", 64), ("AS", 2048 * MIB), ("NPROC", 1))
    with fault(f"limit: {name}", limit=limit):
        other = Command(tmp_path / "other")
        for whose, arguments in ((command, ("query", "a sun")), (other, ("index", "-q", few))):
            done = run(whose, *arguments, **limited)
            if able:
                assert_clear(done, 0, 2, 3)
            else:
                assert done.code != 0 or whose is command
        assert contents_of(command.library) == before
        assert_clear(run(other, "index", "-q", few), 0, 3)
        assert whole_contents(other).photos == before.photos


# Names


@linux
def test_odd_names_in_a_plain_language(tmp_path: Path) -> None:
    """Bytes that are no text, line ends, terminal escapes: found and printed, never interpreted."""
    photos = os.fsencode(tmp_path / "photos")
    os.mkdir(photos)
    names = [
        b"caf\xe9.jpg",
        "café.jpg".encode(),
        b"a\nb.jpg",
        b"\x1b[31mred.jpg",
        b"-rf.jpg",
        b" .jpg",
    ]
    for number, name in enumerate(names):
        with open(os.path.join(photos, name), "wb") as file:
            file.write(jpeg(picture(number)))
    for env in (plain_language(tmp_path), {"LANG": "C.UTF-8", "LC_ALL": "C.UTF-8"}):
        with fault("environment: odd names", env=env):
            command = Command(tmp_path / env["LANG"])
            assert_clear(run(command, "index", os.fsdecode(photos), env=env), 0)
            done = run(command, "query", "a sun", "-k", "100", "--paths", "-0", env=env)
            if done.code == 2:  # -0 is spelled another way
                done = run(command, "query", "a sun", "-k", "100", "--print0", env=env)
            assert_clear(done, 0)
            assert {os.path.basename(path) for path in done.out.split(b"\0") if path} == set(names)
            shown = run(command, "query", "a sun", "-k", "100", env=env)
            assert_clear(shown, 0)
            assert b"\x1b[31m" not in shown.out


def test_started_in_a_folder_that_is_gone(tmp_path: Path, command: Command) -> None:
    folder = tmp_path / "gone"
    folder.mkdir()
    with fault("environment: working folder gone"):
        process = subprocess.Popen(
            ["sh", "-c", 'rmdir "$0"; exec "$@"', folder, *_asked()],
            env=command.env,
            cwd=folder,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        done = end_of(process)
        assert_clear(done, 0)
        assert done.out


def _asked() -> list[str]:
    import sys

    return [sys.executable, "-P", "-m", "photosearch", "query", "a sun", "--paths"]
