"""One read of a file, and noticing that it changes."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from photosearch import read
from photosearch.read import HEAD_BYTES, Changed, read_file, read_head
from photosearch.records import FoundFile
from tests.make import jpeg, picture


def found(path: Path) -> FoundFile:
    status = path.stat()
    return FoundFile(os.fsencode(path.name), status.st_size, status.st_mtime_ns)


@pytest.fixture
def photo(tmp_path: Path) -> Path:
    path = tmp_path / "photo.jpg"
    path.write_bytes(jpeg(picture(1)))
    return path


def test_content_and_digest(photo: Path) -> None:
    seen = found(photo)
    result = read_file(os.fsencode(photo), seen)
    assert result.data == photo.read_bytes()
    assert result.digest == hashlib.sha256(photo.read_bytes()).digest()
    assert result.found is seen


@given(st.binary(max_size=300))
def test_any_content(tmp_path_factory: pytest.TempPathFactory, content: bytes) -> None:
    path = tmp_path_factory.getbasetemp() / "any"
    path.write_bytes(content)
    assert read_file(os.fsencode(path), found(path)).data == content
    assert read_head(os.fsencode(path)) == content[:HEAD_BYTES]


def test_changed_since_the_walk(photo: Path) -> None:
    seen = found(photo)
    os.utime(photo, ns=(seen.mtime_ns + 1, seen.mtime_ns + 1))
    with pytest.raises(Changed):
        read_file(os.fsencode(photo), seen)


def test_grown_since_the_walk_though_as_old(photo: Path) -> None:
    seen = found(photo)
    with photo.open("ab") as file:
        file.write(b"more")
    os.utime(photo, ns=(seen.mtime_ns, seen.mtime_ns))
    with pytest.raises(Changed):
        read_file(os.fsencode(photo), seen)


def test_written_to_while_being_read(photo: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # The writer comes between the last byte read and the look at the file's status.
    real = os.fstat
    looks = 0

    def fstat(descriptor: int) -> os.stat_result:
        nonlocal looks
        looks += 1
        if looks == 2:
            with photo.open("ab") as file:
                file.write(b"more")
        return real(descriptor)

    seen = found(photo)
    monkeypatch.setattr(read.os, "fstat", fstat)
    with pytest.raises(Changed):
        read_file(os.fsencode(photo), seen)
    assert looks == 2


def test_gone(photo: Path) -> None:
    seen = found(photo)
    photo.unlink()
    with pytest.raises(FileNotFoundError):
        read_file(os.fsencode(photo), seen)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="this system has no named pipes")
def test_a_pipe_in_the_photos_place_does_not_hang(photo: Path) -> None:
    seen = found(photo)
    photo.unlink()
    os.mkfifo(photo)
    with pytest.raises(OSError, match="not a regular file"):
        read_file(os.fsencode(photo), seen)
    with pytest.raises(OSError, match="not a regular file"):
        read_head(os.fsencode(photo))


def test_a_folder_in_the_photos_place(tmp_path: Path) -> None:
    with pytest.raises(OSError, match=r"not a regular file|denied"):
        read_head(os.fsencode(tmp_path))


def test_too_large_is_refused_before_it_is_read(
    photo: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(read, "MAX_FILE_BYTES", 100)
    with pytest.raises(OSError, match="larger than"):
        read_file(os.fsencode(photo), found(photo))


def test_no_descriptor_is_left_open(photo: Path, tmp_path: Path) -> None:
    descriptors = Path("/proc/self/fd")
    if not descriptors.is_dir():
        pytest.skip("this system does not list open files in /proc")
    before = len(list(descriptors.iterdir()))
    for _ in range(20):
        read_file(os.fsencode(photo), found(photo))
        with pytest.raises(OSError, match="not a regular file"):
            read_head(os.fsencode(tmp_path))
    assert len(list(descriptors.iterdir())) == before


def test_a_file_that_claims_to_be_empty_is_not_taken_for_it() -> None:
    # Below /proc the size of a file is 0 whatever it holds.
    path = Path("/proc/self/status")
    if not path.exists():
        pytest.skip("this system has no /proc")
    with pytest.raises(Changed):
        read_file(os.fsencode(path), found(path))


def test_a_growing_file_is_not_read_to_an_end_that_moves(tmp_path: Path) -> None:
    path = tmp_path / "growing.jpg"
    path.write_bytes(b"x" * 1000)
    seen = found(path)
    with path.open("ab") as file:
        file.truncate(1 << 40)  # a hole: it would never fit into memory
    with pytest.raises(Changed):
        read_file(os.fsencode(path), seen)
