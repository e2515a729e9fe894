"""watching/settle.py, pending events, departures; cli/unit.py: the parts of a watch."""

from __future__ import annotations

import os
import shutil
import string
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from photosearch.cli.options import seconds_of
from photosearch.cli.unit import quoted, unit_text
from photosearch.errors import WrongUse
from photosearch.paths import to_bytes
from photosearch.store.catalogue import Catalogue
from photosearch.store.snapshot import Snapshot
from photosearch.walk import WalkRules
from photosearch.watching.departures import depart, knows
from photosearch.watching.events import Events, folders_below
from photosearch.watching.settle import Settling, State, open_for_writing, state_of
from photosearch.watching.territory import Territory
from tests.fake import run_index, writer_lock_of
from tests.make import write_photos


class World:
    """Files that are written, and a clock that is turned by hand."""

    def __init__(self) -> None:
        self.now = 100.0
        self.sizes: dict[bytes, int] = {}
        self.written: set[bytes] = set()

    def look(self, path: bytes) -> State | None:
        size = self.sizes.get(path)
        return None if size is None else (size, 0, 0, 0)

    def settling(self, seconds: float = 2.0) -> Settling:
        return Settling(
            seconds,
            clock=lambda: self.now,
            look=self.look,
            is_open=lambda path: path in self.written,
        )


def test_file_is_finished_when_it_rested() -> None:
    world = World()
    settling = world.settling()
    world.sizes[b"a"] = 1
    settling.note(b"a")
    world.now += 1.9
    assert settling.ripe() == []
    world.sizes[b"a"] = 2  # it grew, and no event told of it
    world.now += 0.2
    assert settling.ripe() == []
    world.now += 1.9
    assert settling.ripe() == []
    world.now += 0.2
    assert settling.ripe() == [b"a"]
    assert len(settling) == 0


def test_file_that_somebody_writes_is_not_finished() -> None:
    world = World()
    settling = world.settling()
    world.sizes[b"a"] = 1
    world.written.add(b"a")
    settling.note(b"a")
    for _ in range(100):
        world.now += 3
        assert settling.ripe() == []
    world.written.clear()
    world.now += 3
    assert settling.ripe() == [b"a"]


def test_system_that_always_says_open_is_not_believed_for_ever() -> None:
    world = World()
    settling = world.settling()
    world.sizes[b"a"] = 1
    world.written.add(b"a")
    settling.note(b"a")
    world.now += 601
    assert settling.ripe() == [b"a"]


def test_empty_file_is_waited_for_longer() -> None:
    world = World()
    settling = world.settling()
    world.sizes[b"a"] = 0
    settling.note(b"a")
    world.now += 20
    assert settling.ripe() == []
    world.sizes[b"a"] = 5
    settling.note(b"a")
    world.now += 2.1
    assert settling.ripe() == [b"a"]


def test_file_that_went_is_not_waited_for() -> None:
    world = World()
    settling = world.settling()
    world.sizes[b"a"] = 1
    settling.note(b"a")
    del world.sizes[b"a"]
    world.now += 3
    assert settling.ripe() == []
    assert len(settling) == 0


@given(
    st.lists(
        st.tuples(st.sampled_from(("write", "event", "wait")), st.floats(0.01, 5)), max_size=40
    )
)
def test_ripe_files_have_always_rested(steps: list[tuple[str, float]]) -> None:
    """Whatever the order of writes, events and time: ripe means unchanged for the whole wait."""
    world = World()
    settling = world.settling()
    world.sizes[b"a"] = 1
    settling.note(b"a")
    changed = world.now
    for what, amount in steps:
        if what == "write":
            world.sizes[b"a"] += 1
            changed = world.now
        elif what == "event":
            settling.note(b"a")
        else:
            world.now += amount
            looked = settling.ripe()
            if looked:
                assert world.now - changed >= 2.0 - 1e-9
                settling.note(b"a")
    for _ in range(3):
        world.now += 2.1
        if settling.ripe():
            return
    pytest.fail("a file that rests was never finished")


@pytest.mark.skipif(sys.platform != "linux", reason="leases")
def test_open_for_writing(tmp_path: Path) -> None:
    path = tmp_path / "a.jpg"
    with open(path, "wb") as file:
        file.write(b"half")
        file.flush()
        assert open_for_writing(os.fsencode(path))
    with open(path, "rb"):
        assert not open_for_writing(os.fsencode(path))
    assert not open_for_writing(os.fsencode(tmp_path / "none"))
    assert state_of(os.fsencode(tmp_path)) is None


def test_territory(tmp_path: Path) -> None:
    """What a walk would not enter makes no run."""
    for folder in ("a/b", ".hidden", "a/@eaDir", "own", "x.photoslibrary/resources"):
        (tmp_path / folder).mkdir(parents=True)
    (tmp_path / "link").symlink_to(tmp_path / "a")
    top = to_bytes(tmp_path)
    rules = WalkRules(avoid=frozenset({top + b"/own"}))
    ground = Territory(top, rules)
    assert ground.may_hold(top + b"/a/b/c.JPG")
    assert ground.may_hold(top + b"/c")
    refused = (
        b"/.hidden/c.jpg", b"/a/@eaDir/c.jpg", b"/own/c.jpg", b"/link/c.jpg", b"/.c.jpg",
        b"/._c.jpg", b"/c.txt", b"/c.jpg.part", b"/x.photoslibrary/resources/c.jpg",
    )  # fmt: skip
    for path in refused:
        assert not ground.may_hold(top + path), path
    assert not ground.may_hold(b"/elsewhere/c.jpg")
    assert set(folders_below(top, ground.enters)) == {
        top, top + b"/a", top + b"/a/b", top + b"/x.photoslibrary",
    }  # fmt: skip


def take(events: Events, wanted: bytes) -> bool:
    return any(wanted in events.take() for _ in range(3000))


def test_events_of_folders_made_later(tmp_path: Path) -> None:
    """Folders that come are listened to, whether few or many of them."""
    top = to_bytes(tmp_path)
    events = Events(top, lambda path: b"skipped" not in path)
    try:
        for count in (1, 600):
            for number in range(count):
                (tmp_path / f"{count}" / f"{number}").mkdir(parents=True)
            events.follow(top + b"/%d" % count)
            (tmp_path / f"{count}" / "0" / "a.jpg").write_bytes(b"x")
            assert take(events, top + b"/%d/0/a.jpg" % count)
        (tmp_path / "b.jpg").write_bytes(b"x")
        assert take(events, top + b"/b.jpg")
    finally:
        events.close()


@pytest.mark.parametrize(("folders", "apart"), [(2, 500), (40, 500), (40, 10)])
def test_no_event_is_lost_while_new_folders_are_followed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, folders: int, apart: int
) -> None:
    """Following another folder takes the place of a notifier that may not have handed on all."""
    monkeypatch.setattr("photosearch.watching.events._ADDED_APART", apart)
    top = to_bytes(tmp_path)
    events = Events(top, lambda path: True)
    wanted = set()
    try:
        for number in range(folders):
            (tmp_path / f"{number}").mkdir()
            events.follow(top + b"/%d" % number)
            (tmp_path / f"{number}" / "a.jpg").write_bytes(b"x")
            wanted.add(top + b"/%d/a.jpg" % number)
        for _ in range(3000):
            wanted -= events.take()
            if not wanted:
                break
        assert not wanted
    finally:
        events.close()


def test_departures(tmp_path: Path) -> None:
    """Only what is really gone is missing, and an emptied root keeps its rows."""
    root, library = tmp_path / "photos", tmp_path / "library"
    write_photos(root / "in", 4)
    run_index(library, [root])
    files = sorted((root / "in").iterdir())
    shutil.copy(files[0], root / "copy.jpg")
    run_index(library, [root])
    (root / "in").rename(tmp_path / "away")
    snapshot = Snapshot(library)
    assert knows(snapshot, to_bytes(root / "in"))
    assert not knows(snapshot, to_bytes(root / "in.jpg"))
    assert not knows(snapshot, to_bytes(tmp_path))
    with writer_lock_of(library):
        catalogue = Catalogue(library)
        done = depart(catalogue, [to_bytes(root / "in"), to_bytes(root / "copy.jpg")])
        assert (done.elsewhere, done.missing, done.emptied) == (1, 3, [])
        (root / "copy.jpg").unlink()
        (root / "note.txt").write_text("still here")
        done = depart(catalogue, [to_bytes(root / "copy.jpg")])
        assert (done.elsewhere, done.missing, done.emptied) == (0, 0, [to_bytes(root)])
        assert len(list(catalogue.files_below(1, b"", missing=False))) == 1
        catalogue.close()
    snapshot.close()


def test_departure_that_is_none(tmp_path: Path) -> None:
    """Whatever was told: a file that is there stays."""
    root, library = tmp_path / "photos", tmp_path / "library"
    write_photos(root, 2)
    run_index(library, [root])
    with writer_lock_of(library):
        catalogue = Catalogue(library)
        done = depart(catalogue, [to_bytes(path) for path in [root, *root.iterdir()]])
        assert (done.elsewhere, done.missing) == (0, 0)
        catalogue.close()


def systemd_words(line: str) -> list[str]:
    """A command line as systemd.syntax(7) and systemd.service(5) say that it is read."""
    words, word, at, quote = [], None, 0, ""
    while at < len(line):
        char = line[at]
        if char == "\\":
            if line[at + 1] == "x":
                word = (word or "") + os.fsdecode(bytes([int(line[at + 2 : at + 4], 16)]))
                at += 4
                continue
            word = (word or "") + line[at + 1]
            at += 2
            continue
        if quote:
            if char == quote:
                quote = ""
            else:
                word = (word or "") + char
        elif char in "\"'":
            quote, word = char, word or ""
        elif char == " ":
            if word is not None:
                words.append(word)
            word = None
        else:
            word = (word or "") + char
        at += 1
    return [*words, word] if word is not None else words


@given(st.lists(st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]))))
def test_unit_words_come_back(words: list[str]) -> None:
    """Any words of a command are read back as they were."""
    line = " ".join(quoted(word, dollars=True) for word in words)
    assert "\n" not in line
    read = [word.replace("%%", "%").replace("$$", "$") for word in systemd_words(line)]
    assert read == words


def test_unit_has_one_setting_a_line() -> None:
    text = unit_text(["/usr/bin/photosearch", "watch", "/a b"], {"X": "1\n2"})
    assert 'ExecStart=/usr/bin/photosearch watch "/a b"\n' in text
    assert 'Environment="X=1\\x0a2"\n' in text
    assert "[Install]\nWantedBy=default.target\n" in text


def test_bytes_of_names_in_a_unit() -> None:
    assert quoted(os.fsdecode(b"\xff")) == '"\\xff"'
    with pytest.raises(ValueError, match="zero"):
        quoted("a\0b")
    for char in string.printable:
        assert systemd_words(quoted(char)) == ([char.replace("%", "%%")])


@pytest.mark.parametrize(
    ("text", "seconds"), [("2", 2), ("0.5s", 0.5), ("10m", 600), ("6h", 21600), ("1 d", 86400)]
)
def test_times(text: str, seconds: float) -> None:
    assert seconds_of("--settle", text) == seconds


@pytest.mark.parametrize("text", ["", "0", "-1", "soon", "1w", "1e9", "ten minutes"])
def test_wrong_times(text: str) -> None:
    with pytest.raises(WrongUse, match=r"^rescan"):
        seconds_of("--rescan", text)
