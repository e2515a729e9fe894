"""Paths as the catalogue keeps them."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from photosearch.paths import below, join, relative_to, to_bytes, to_path

# Any byte but NUL and "/" may be in a POSIX file name: names are not text.
names = st.binary(min_size=1, max_size=20).filter(
    lambda name: b"\0" not in name and b"/" not in name and name not in (b".", b"..")
)
relatives = st.lists(names, min_size=1, max_size=4).map(b"/".join)
folders = relatives.map(lambda path: b"/" + path)


@given(folders)
def test_bytes_survive_the_way_to_a_path_and_back(path: bytes) -> None:
    assert to_bytes(path) == path
    assert to_bytes(to_path(path)) == path
    assert to_bytes(os.fsdecode(path)) == path


@given(folders, relatives)
def test_relative_to_undoes_join(folder: bytes, relative: bytes) -> None:
    whole = join(folder, relative)
    assert relative_to(whole, folder) == relative
    assert os.fsencode(to_path(folder, relative)) == whole
    assert relative_to(folder, whole) is None


@given(relatives, relatives)
def test_below_bounds_what_is_inside_and_nothing_else(folder: bytes, path: bytes) -> None:
    first, past = below(folder)
    assert (first <= path < past) == bool(relative_to(path, folder))
    inside = join(folder, path)
    assert first <= inside < past


@pytest.mark.parametrize(
    ("path", "folder", "expected"),
    [
        (b"/a/b", b"/a", b"b"),
        (b"/a", b"/a", b""),
        (b"/ab", b"/a", None),
        (b"/a-b/c", b"/a", None),
        (b"/a/b", b"/", b"a/b"),
        (b"/", b"/a", None),
        (b"/A/b", b"/a", None),
    ],
)
def test_relative_to(path: bytes, folder: bytes, expected: bytes | None) -> None:
    assert relative_to(path, folder) == expected


@pytest.mark.parametrize(
    ("folder", "name", "expected"),
    [(b"", b"a", b"a"), (b"a", b"", b"a"), (b"/", b"a", b"/a"), (b"a", b"b/c", b"a/b/c")],
)
def test_join(folder: bytes, name: bytes, expected: bytes) -> None:
    assert join(folder, name) == expected


def test_to_bytes_is_absolute_and_tidy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    here = os.fsencode(tmp_path)
    assert to_bytes("photos/../photos//new/") == here + b"/photos/new"
    assert to_bytes("") == here
    assert to_bytes("~/Pictures") == here + b"/home/Pictures"


def test_to_bytes_keeps_links(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to("real")
    assert to_bytes(tmp_path / "link") == os.fsencode(tmp_path) + b"/link"
