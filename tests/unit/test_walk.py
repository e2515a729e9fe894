"""What a walk finds, what it leaves out, and that it ends."""

from __future__ import annotations

import errno
import os
import tracemalloc
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from photosearch.filenames import CACHE_FOLDERS, suffix_of
from photosearch.ignore import IGNORE_FILE
from photosearch.records import FoundFile, Skipped
from photosearch.walk import WalkRules, walk


def put(root: Path, *names: str) -> None:
    """Make empty files; a walk reads none."""
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(b"")


def look(root: Path, start: bytes = b"", **rules: object) -> tuple[list[str], list[Skipped]]:
    """(paths of the files found, sorted; what was skipped). No path may come twice."""
    results = list(walk(os.fsencode(root), WalkRules(**rules), start))  # type: ignore[arg-type]
    files = [os.fsdecode(one.path) for one in results if isinstance(one, FoundFile)]
    assert len(files) == len(set(files))
    return sorted(files), [one for one in results if isinstance(one, Skipped)]


def names(root: Path, start: bytes = b"", **rules: object) -> list[str]:
    files, skipped = look(root, start, **rules)
    assert skipped == []
    return files


@pytest.fixture
def root(tmp_path: Path) -> Path:
    folder = tmp_path / "root"
    folder.mkdir()
    return folder


def test_size_and_time_are_the_files(root: Path) -> None:
    (root / "a.jpg").write_bytes(b"12345")
    os.utime(root / "a.jpg", ns=(1, 1_234_567_890_123_456_789))
    (found,) = walk(os.fsencode(root), WalkRules())
    assert found == FoundFile(b"a.jpg", 5, 1_234_567_890_123_456_789, unsure=False)


def test_deep_folders_are_walked_without_recursion(root: Path) -> None:
    # Deeper than Python's stack, in steps that the system's limit for one path allows.
    depth = 1200
    here = os.getcwd()
    os.chdir(root)
    try:
        for _ in range(depth):
            os.mkdir("d")
            os.chdir("d")
        Path("deep.jpg").touch()
        assert names(root) == ["d/" * depth + "deep.jpg"]
        Path("deep.jpg").unlink()
        # Taken down again here: pytest's own clean-up is recursive.
        for _ in range(depth):
            os.chdir("..")
            os.rmdir("d")
    finally:
        os.chdir(here)


@pytest.mark.parametrize(
    ("name", "suffix"),
    [
        (b"a.jpg", b".jpg"),
        (b"A.JPG", b".jpg"),
        (b"  padded .jpg ", b".jpg"),
        (b"a.b.HeIc\n", b".heic"),
        (b"none", b""),
        (b".jpg", b""),
        (b"\xff\xfe.PNG", b".png"),
        (b"a.jpg_original", b".jpg_original"),
    ],
)
def test_suffix_of(name: bytes, suffix: bytes) -> None:
    assert suffix_of(name) == suffix


@given(st.text("a./ J\n", max_size=8).map(str.encode))
def test_suffix_is_as_python_splits_it(name: bytes) -> None:
    assert suffix_of(name) == os.path.splitext(name.strip())[1].lower()


def test_what_may_be_a_photo(root: Path) -> None:
    photos = "a.jpg B.JPEG c.Heic d.png e.NEF f.tiff".split()
    put(root, *photos, "notes.txt", "clip.mp4", "a.jpg_original", "a.xmp", "Thumbs.db")
    put(root, "trailing.jpg ", "no-suffix")
    found = {os.fsdecode(one.path): one for one in walk(os.fsencode(root), WalkRules())}
    assert set(found) == {*photos, "trailing.jpg ", "no-suffix"}
    assert [name for name, one in found.items() if one.unsure] == ["no-suffix"]  # type: ignore[union-attr]


def test_folders_named_like_photos_are_folders(root: Path) -> None:
    put(root, "folder.jpg/inner.jpg", "bare/folder/x.jpg")
    assert names(root) == ["bare/folder/x.jpg", "folder.jpg/inner.jpg"]


@pytest.mark.parametrize(
    ("hidden", "expected"),
    [
        (False, ["a.jpg"]),
        (True, [".b.jpg", ".hidden/c.jpg", "a.jpg"]),
    ],
    ids=["plain", "hidden"],
)
def test_hidden_files(root: Path, hidden: bool, expected: list[str]) -> None:
    # "._a.jpg" is what macOS writes beside a.jpg: never a photo.
    put(root, "a.jpg", ".b.jpg", "._a.jpg", ".hidden/c.jpg", "._folder/d.jpg")
    assert names(root, hidden=hidden) == expected


@pytest.mark.parametrize("cache", sorted(CACHE_FOLDERS), ids=os.fsdecode)
def test_caches_of_other_programs(root: Path, cache: bytes) -> None:
    name = os.fsdecode(cache)
    put(root, "a.jpg", f"{name}/copy.jpg", f"sub/{name.upper()}/copy.jpg", f"not{name}/b.jpg")
    assert names(root, hidden=True) == ["a.jpg", f"not{name}/b.jpg"]


def test_libraries_of_other_programs(root: Path) -> None:
    put(
        root,
        "My.photoslibrary/originals/0/a.jpg",
        "My.photoslibrary/Masters/b.jpg",
        "My.photoslibrary/resources/derivatives/a.jpg",
        "Lightroom Previews.lrdata/1/a.jpg",
        "One.cocatalogdb/a.jpg",
        "resources/c.jpg",
    )
    assert names(root) == [
        "My.photoslibrary/Masters/b.jpg",
        "My.photoslibrary/originals/0/a.jpg",
        "resources/c.jpg",
    ]


class Failing:
    """A listing in which one entry fails when the system is asked what it is."""

    def __init__(self, real: Any, name: bytes, code: int) -> None:
        self._real, self._name, self._code = real, name, code

    def __call__(self, path: bytes) -> Failing:
        self._entries = self._real(path)
        return self

    def __enter__(self) -> Iterator[Any]:
        return (
            FailingEntry(entry, self._code) if entry.name == self._name else entry
            for entry in self._entries
        )

    def __exit__(self, *error: object) -> None:
        self._entries.close()


class FailingEntry:
    def __init__(self, entry: os.DirEntry[bytes], code: int) -> None:
        self.name = entry.name
        self.is_symlink = entry.is_symlink
        self._code = code

    def is_dir(self) -> bool:
        raise OSError(self._code, os.strerror(self._code))


TREE = ("a.jpg", "keep.jpg", "sub/b.jpg", "sub/keep.jpg", "sub/deep/c.jpg", "raw/d.nef")


@pytest.mark.parametrize(
    ("ignore", "expected"),
    [
        ({"": "*.nef"}, ["a.jpg", "keep.jpg", "sub/b.jpg", "sub/deep/c.jpg", "sub/keep.jpg"]),
        ({"": "sub/"}, ["a.jpg", "keep.jpg", "raw/d.nef"]),
        (
            {"": "/a.jpg\n# a remark\n\nc.jpg"},
            ["keep.jpg", "raw/d.nef", "sub/b.jpg", "sub/keep.jpg"],
        ),
        ({"": "*\n!*/\n!keep.jpg"}, ["keep.jpg", "sub/keep.jpg"]),
        ({"": "*.jpg", "sub": "!b.jpg"}, ["raw/d.nef", "sub/b.jpg"]),
        (
            {"": "*.jpg", "sub": "!*.jpg", "sub/deep": "*"},
            ["raw/d.nef", "sub/b.jpg", "sub/keep.jpg"],
        ),
        ({"sub": "/b.jpg"}, ["a.jpg", "keep.jpg", "raw/d.nef", "sub/deep/c.jpg", "sub/keep.jpg"]),
        ({"sub": "a.jpg\n/keep.jpg\r\n"}, [*TREE[:2], "raw/d.nef", "sub/b.jpg", "sub/deep/c.jpg"]),
        ({"": "sub/deep/*.jpg"}, [*TREE[:2], "raw/d.nef", "sub/b.jpg", "sub/keep.jpg"]),
    ],
    ids=[
        "suffix",
        "folder",
        "anchored",
        "all-but",
        "inner-brings-back",
        "three-levels",
        "anchored-below",
        "does-not-reach-up",
        "path",
    ],
)
def test_ignore_files(root: Path, ignore: dict[str, str], expected: list[str]) -> None:
    put(root, *TREE)
    for folder, lines in ignore.items():
        (root / folder / IGNORE_FILE).write_text(lines)
    assert names(root) == expected
    # A walk that starts further down knows the patterns above it.
    below = [name for name in expected if name.startswith("sub/")]
    assert names(root, b"sub") == below
    for name in TREE:
        assert names(root, os.fsencode(name)) == [one for one in expected if one == name]


def test_exclude_is_relative_to_the_root_and_an_ignore_file_may_object(root: Path) -> None:
    put(root, *TREE)
    assert names(root, exclude=("/sub/", "*.nef")) == ["a.jpg", "keep.jpg"]
    assert names(root, b"sub", exclude=("/sub/deep",)) == ["sub/b.jpg", "sub/keep.jpg"]
    (root / "raw" / IGNORE_FILE).write_text("!d.nef")
    assert names(root, exclude=("*.jpg", "*.nef")) == ["raw/d.nef"]


@pytest.mark.parametrize(
    "line", ["!", "\\", "[z-a].jpg"], ids=["lone-negation", "lone-backslash", "bad-range"]
)
def test_a_senseless_pattern_does_not_stop_the_walk(root: Path, line: str) -> None:
    put(root, "a.jpg", "sub/b.jpg")
    (root / "sub" / IGNORE_FILE).write_text(line + "\n")
    assert "a.jpg" in look(root)[0]


def test_an_ignore_file_with_a_byte_order_mark(root: Path) -> None:
    # Windows' own editor writes one; git reads past it, too.
    put(root, "a.jpg", "b.png")
    (root / IGNORE_FILE).write_bytes(b"\xef\xbb\xbf*.jpg\r\n")
    assert names(root) == ["b.png"]


def test_an_ignore_file_that_is_no_text(root: Path) -> None:
    put(root, "a.jpg")
    (root / IGNORE_FILE).write_bytes(bytes(range(256)))
    assert names(root) == ["a.jpg"]


def test_avoid(root: Path) -> None:
    put(root, "a.jpg", "other/b.jpg", "sub/other/c.jpg")
    avoid = frozenset((os.fsencode(root / "other"),))
    assert names(root, avoid=avoid) == ["a.jpg", "sub/other/c.jpg"]


def test_start_inside_the_root(root: Path) -> None:
    put(root, "a.jpg", "sub/b.jpg", "sub/deep/c.jpg", "subway/d.jpg")
    assert names(root, b"sub") == ["sub/b.jpg", "sub/deep/c.jpg"]
    assert names(root, b"sub/deep") == ["sub/deep/c.jpg"]
    assert names(root, b"sub/b.jpg") == ["sub/b.jpg"]


def test_a_start_that_is_gone_is_told(root: Path) -> None:
    files, skipped = look(root, b"gone")
    assert files == []
    assert [(one.path, "No such file" in one.reason) for one in skipped] == [(b"gone", True)]


def test_avoid_by_another_name(root: Path, tmp_path: Path) -> None:
    put(root, "a.jpg", "inner/b.jpg")
    put(tmp_path, "outside/c.jpg")
    (root / "one").symlink_to(tmp_path / "outside")
    (tmp_path / "two").symlink_to(root / "inner")
    avoid = frozenset((os.fsencode(tmp_path / "outside"), os.fsencode(tmp_path / "two")))
    assert names(root, avoid=avoid, follow_links=True) == ["a.jpg"]
    # What is asked for itself is walked, whatever else it is called.
    assert names(root, b"inner", avoid=avoid) == ["inner/b.jpg"]


class TestLinks:
    def test_are_left_alone_unless_asked_for(self, root: Path, tmp_path: Path) -> None:
        put(root, "a.jpg")
        put(tmp_path, "outside/b.jpg")
        (root / "link.jpg").symlink_to("a.jpg")
        (root / "folder").symlink_to(tmp_path / "outside")
        assert names(root) == ["a.jpg"]
        assert names(root, follow_links=True) == ["a.jpg", "folder/b.jpg", "link.jpg"]

    @pytest.mark.parametrize("follow", [False, True], ids=["stay", "follow"])
    def test_loops_dangling_and_self(self, root: Path, follow: bool) -> None:
        put(root, "a.jpg", "sub/b.jpg")
        (root / "sub" / "up").symlink_to("..")
        (root / "sub" / "here").symlink_to(".")
        (root / "self.jpg").symlink_to("self.jpg")
        (root / "one").symlink_to("two")
        (root / "two").symlink_to("one")
        (root / "dangling.jpg").symlink_to("no-such.jpg")
        (root / "dangling").symlink_to("no-such-folder")
        assert names(root, follow_links=follow) == ["a.jpg", "sub/b.jpg"]

    def test_each_folder_once_and_by_its_real_place(self, root: Path) -> None:
        # Whatever order the system lists them in: links come before and after by name.
        put(root, "m/a.jpg", "m/deep/b.jpg")
        for name in ("0", "z"):
            (root / name).symlink_to("m")
            (root / f"{name}deep").symlink_to("m/deep")
        assert names(root, follow_links=True) == ["m/a.jpg", "m/deep/b.jpg"]

    def test_two_links_to_one_folder_outside(self, root: Path, tmp_path: Path) -> None:
        put(tmp_path, "outside/b.jpg", "outside/deep/c.jpg")
        (root / "one").symlink_to(tmp_path / "outside")
        (root / "two").symlink_to(tmp_path / "outside" / "deep")
        files = names(root, follow_links=True)
        assert sorted(Path(name).name for name in files) == ["b.jpg", "c.jpg"]

    def test_a_followed_link_has_its_targets_size(self, root: Path, tmp_path: Path) -> None:
        (tmp_path / "target.jpg").write_bytes(b"12345")
        (root / "a.jpg").symlink_to(tmp_path / "target.jpg")
        (found,) = walk(os.fsencode(root), WalkRules(follow_links=True))
        assert isinstance(found, FoundFile)
        assert found.size == 5

    @pytest.mark.parametrize("code", [errno.ESTALE, errno.EIO, errno.EACCES])
    def test_a_followed_link_to_what_cannot_be_asked_is_told(
        self, root: Path, code: int, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        # A server that is away is no deletion: what is told is not taken for missing.
        put(root, "a.jpg", "m/b.jpg")
        (root / "link").symlink_to("m")
        monkeypatch.setattr(os, "scandir", Failing(os.scandir, b"link", code))
        files, skipped = look(root, follow_links=True)
        assert files == ["a.jpg", "m/b.jpg"]
        assert [one.path for one in skipped] == [b"link"]
        assert os.strerror(code) in skipped[0].reason

    def test_a_root_that_is_a_link_is_walked(self, root: Path, tmp_path: Path) -> None:
        put(root, "a.jpg")
        (tmp_path / "link").symlink_to("root")
        assert names(tmp_path / "link") == ["a.jpg"]


def test_an_unreadable_folder_is_told_and_the_rest_found(root: Path) -> None:
    put(root, "a.jpg", "locked/b.jpg", "z/c.jpg")
    (root / "locked").chmod(0)
    try:
        if os.access(root / "locked", os.R_OK):
            pytest.skip("this user may read every folder, whatever its permissions")
        files, skipped = look(root)
    finally:
        (root / "locked").chmod(0o700)
    assert files == ["a.jpg", "z/c.jpg"]
    assert [one.path for one in skipped] == [b"locked"]
    assert "Permission denied" in skipped[0].reason


def test_a_folder_that_vanishes_meanwhile_is_told_and_the_rest_found(root: Path) -> None:
    put(root, "a.jpg", "gone/b.jpg", "z/c.jpg")
    results = walk(os.fsencode(root), WalkRules())
    first = next(results)  # the root is being listed, nothing below it has been entered
    (root / "gone" / "b.jpg").unlink()
    (root / "gone").rmdir()
    rest = list(results)
    assert [one.path for one in (first, *rest)] == [b"a.jpg", b"gone", b"z/c.jpg"]
    assert isinstance(rest[0], Skipped)


def test_a_root_that_vanishes_meanwhile_ends_the_walk_with_one_line(root: Path) -> None:
    put(root, "a.jpg", *(f"{number:03}/b.jpg" for number in range(50)))
    results = walk(os.fsencode(root), WalkRules())
    assert isinstance(next(results), FoundFile)
    root.rename(root.with_name("away"))
    (end,) = results
    assert isinstance(end, Skipped)
    assert end.path == b""
    assert "no longer there" in end.reason


@pytest.mark.parametrize("folders", [False, True], ids=["one-folder", "many-folders"])
def test_memory_does_not_grow_with_the_files(root: Path, folders: bool) -> None:
    """Thousands of files; the names of folders that wait take some 60 bytes each, files none."""
    count = 4_000 if folders else 20_000
    for number in range(count):
        inner = root / str(number) if folders else root
        if folders:
            inner.mkdir()
        (inner / f"IMG_{number:07}.jpg").touch()
    list(walk(os.fsencode(root), WalkRules(exclude=("*.png",))))
    tracemalloc.start()
    try:
        found = sum(1 for _ in walk(os.fsencode(root), WalkRules()))
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert found == count
    assert peak < (100 * count if folders else 50_000)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="this system has no named pipes")
def test_a_named_pipe_as_ignore_file_does_not_block(root: Path) -> None:
    put(root, "a.jpg")
    os.mkfifo(root / IGNORE_FILE)
    assert names(root) == ["a.jpg"]


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="this system has no named pipes")
def test_a_named_pipe_is_no_file(root: Path) -> None:
    put(root, "a.jpg")
    os.mkfifo(root / "pipe.jpg")
    assert names(root) == ["a.jpg"]


@given(
    st.sets(
        st.binary(min_size=1, max_size=12).filter(
            lambda name: not (set(name) & {0, ord("/")}) and name[:1] != b"."
        ),
        max_size=6,
    )
)
def test_names_that_are_no_text(
    tmp_path_factory: pytest.TempPathFactory, stems: set[bytes]
) -> None:
    folder = os.fsencode(tmp_path_factory.mktemp("bytes"))
    wanted = {stem + b".jpg" for stem in stems}
    try:
        for name in wanted:
            open(os.path.join(folder, name), "xb").close()
    except OSError:
        pytest.skip("this file system wants names that are text")
    assert {one.path for one in walk(folder, WalkRules())} == wanted
