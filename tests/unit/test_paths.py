"""Paths as the catalogue keeps them."""

from __future__ import annotations

import os
import unicodedata
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from photosearch.paths import (
    ancestors,
    as_on_disk,
    below,
    find_root,
    find_same_root,
    join,
    relative_to,
    to_bytes,
    to_path,
)

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


def test_two_slashes_at_the_start_are_one(tmp_path: Path) -> None:
    assert to_bytes(f"/{tmp_path}//a/") == os.fsencode(tmp_path) + b"/a"


def test_above_a_link_is_where_it_leads(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # As the system has it: `ls link/..` lists what lies above the link's target.
    (tmp_path / "real" / "inner").mkdir(parents=True)
    (tmp_path / "link").symlink_to("real/inner")
    here = os.fsencode(tmp_path)
    assert to_bytes(tmp_path / "link" / "..") == here + b"/real"
    assert to_bytes(f"{tmp_path}/link/../inner/../inner") == here + b"/real/inner"
    assert to_bytes(f"{tmp_path}/real/inner/../..") == here
    assert to_bytes(f"{tmp_path}/nowhere/../real") == here + b"/real"
    monkeypatch.chdir(tmp_path / "real" / "inner")
    assert to_bytes("..") == here + b"/real"
    assert to_bytes("../../link") == here + b"/link"


@given(folders)
def test_ancestors_end_at_the_top_and_hold_the_path(path: bytes) -> None:
    above = list(ancestors(path))
    assert above[0] == path
    assert above[-1] == b"/"
    assert all(relative_to(path, folder) is not None for folder in above)
    assert len(above) == path.count(b"/") + 1
    assert list(ancestors(path[1:]))[-1] == b""


@given(st.lists(folders, max_size=4), folders)
def test_find_root_is_the_innermost(roots: list[bytes], path: bytes) -> None:
    found = find_root(path, roots)
    inside = [root for root in roots if relative_to(path, root) is not None]
    if found is None:
        assert not inside
    else:
        root, inner = found
        assert len(root) == max(map(len, inside))
        assert join(root, inner) == path


def test_find_same_root_asks_the_system(tmp_path: Path) -> None:
    for name in ("one/deep", "two"):
        (tmp_path / name).mkdir(parents=True)
    (tmp_path / "link").symlink_to("one")
    (tmp_path / "two" / "jump").symlink_to("../one/deep")
    here = os.fsencode(tmp_path)
    roots = [here + b"/one", here + b"/two", here + b"/gone"]
    assert find_same_root(here + b"/link", roots) == (here + b"/one", b"")
    assert find_same_root(here + b"/link/deep/new", roots) == (here + b"/one", b"deep/new")
    assert find_same_root(here + b"/two/jump", roots) == (here + b"/one", b"deep")
    assert find_same_root(here, roots) is None
    assert find_same_root(here + b"/gone", roots) is None
    assert find_same_root(here + b"/link", []) is None


@pytest.mark.parametrize("stored", ["NFD", "NFC"])
def test_as_on_disk_finds_the_other_normal_form(tmp_path: Path, stored: str) -> None:
    name = "Zoë/Björn.jpg"
    real = tmp_path / unicodedata.normalize(stored, name)
    real.parent.mkdir()
    real.touch()
    for form in ("NFC", "NFD"):
        found = as_on_disk(os.fsencode(tmp_path / unicodedata.normalize(form, name)))
        assert found is not None
        assert os.path.samefile(found, real)
    assert as_on_disk(os.fsencode(tmp_path / "Zoe" / "Bjorn.jpg")) is None
    assert as_on_disk(os.fsencode(tmp_path / "Zoë" / "Björk.jpg")) is None
