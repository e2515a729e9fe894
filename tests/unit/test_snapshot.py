"""What readers see of the catalogue: counts, places, failures, and that something changed."""

from __future__ import annotations

import os
import unicodedata
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from photosearch.errors import DamagedLibrary, NoLibrary
from photosearch.records import Facts, FoundFile, Photo
from photosearch.store import reader
from photosearch.store.catalogue import Batch, Catalogue, Known, NewPhoto
from photosearch.store.snapshot import Model, Place, Snapshot
from photosearch.store.tagged import tag_counts, tags_of
from photosearch.store.tags import NewTag, replace_tags
from photosearch.store.totals import failures, root_counts, totals, unused_bytes


def photo(number: int) -> Photo:
    return Photo(number.to_bytes(32, "big"), 10, "jpeg", 4, 3, Facts(taken_at=f"20{number:02}"))


class Two:
    """Two roots: photos 1 to 5, some at several places; a photo nobody encoded; failures.

    /a  one.jpg 1 · sub/two.jpg 2 · three.jpg 3 (missing) · five.jpg 5 (missing)
    /b  one.jpg 1 · three.jpg 3 · four.jpg 4
    """

    def __init__(self, folder: Path) -> None:
        self.library = folder / "library"
        self.writer = Catalogue(self.library, create=True)
        self.a, self.b = self.writer.add_root(b"/a"), self.writer.add_root(b"/b")
        self.model = self.writer.add_model("key", "model", 2)
        self.other = self.writer.add_model("other", "another", 2)
        self.commit(self.a, {b"one.jpg": 1, b"sub/two.jpg": 2, b"three.jpg": 3, b"five.jpg": 5})
        self.commit(self.b, {b"one.jpg": 1, b"three.jpg": 3, b"four.jpg": 4})
        with self.writer.transaction() as connection:
            connection.execute(
                "UPDATE files SET missing = 1 WHERE root_id = ? AND path IN (?, ?)",
                (self.a, b"three.jpg", b"five.jpg"),
            )
        failed = Batch(
            undecodable=[(FoundFile(b"bad.jpg", 7, 8), "broken")],
            unreadable=[(FoundFile(b"sub/no.jpg", 7, 8), "forbidden")],
        )
        self.writer.commit(self.b, self.model, failed)
        self.reader = Snapshot(self.library)

    def commit(self, root: int, files: dict[bytes, int]) -> list[int]:
        new = [
            NewPhoto(photo(number), np.full(2, number, "<f2").tobytes(), [FoundFile(path, 5, 6)])
            for path, number in files.items()
        ]
        return self.writer.commit(root, self.model, Batch(new=new))


@pytest.fixture
def two(tmp_path: Path) -> Iterator[Two]:
    made = Two(tmp_path)
    yield made
    made.reader.close()
    made.writer.close()


# Photos have their ids in the order in which they were stored.
IDS = {1: 1, 2: 2, 3: 3, 5: 4, 4: 5}


def test_photos_lie_where_a_file_is_and_none_that_is_missing(two: Two) -> None:
    shown = two.reader.photos([5, 4, 3, 2, 1, 99])
    assert {one: row.places for one, row in shown.items()} == {
        1: (Place(b"/a", b"one.jpg"), Place(b"/b", b"one.jpg")),
        2: (Place(b"/a", b"sub/two.jpg"),),
        3: (Place(b"/b", b"three.jpg"),),
        5: (Place(b"/b", b"four.jpg"),),
    }
    first = shown[1]
    assert (first.id, first.digest) == (1, photo(1).digest)
    assert (first.width, first.height, first.taken_at) == (4, 3, "2001")
    files = list(two.reader.files_of([3, 1]))
    assert files == [
        (1, photo(1).digest, b"/a", b"one.jpg", 5, 6),
        (1, photo(1).digest, b"/b", b"one.jpg", 5, 6),
        (3, photo(3).digest, b"/b", b"three.jpg", 5, 6),
    ]


@pytest.mark.parametrize("block", [1, 2, 1000])
def test_many_ids_are_asked_for_in_blocks(
    two: Two, monkeypatch: pytest.MonkeyPatch, block: int
) -> None:
    monkeypatch.setattr(reader, "_BLOCK", block)
    ids = [1, 2, 3, 4, 5]
    assert set(two.reader.photos(ids)) == {1, 2, 3, 5}
    vectors = dict(two.reader.vectors_of(two.model, ids))
    assert {one: np.frombuffer(blob, "<f2").tolist() for one, blob in vectors.items()} == {
        IDS[number]: [number, number] for number in range(1, 6)
    }
    assert two.reader.vectors_of(two.other, ids) == []


@pytest.mark.parametrize("size", [1, 2, 5, 9])
def test_vectors_come_in_order_and_in_blocks(two: Two, size: int) -> None:
    blocks = list(two.reader.vector_blocks(two.model, size))
    assert all(len(block) == size for block in blocks[:-1])
    assert [one for block in blocks for one, _ in block] == [1, 2, 3, 4, 5]
    rows = list(two.reader.vectors_after(two.model, 2))
    assert [row[1] for row in rows] == [3, 4, 5]
    assert two.reader.vector_row(4) == (two.model, 4, np.full(2, 5, "<f2").tobytes())
    assert two.reader.vector_row(9) is None


def test_counts_are_of_photos_that_lie_somewhere(two: Two) -> None:
    assert totals(two.reader) == {
        "photos": 4,
        "forgotten": 1,
        "files": 5,
        "missing": 2,
        "failures": 2,
    }
    assert root_counts(two.reader) == [(b"/a", 2, 2), (b"/b", 3, 0)]
    assert two.reader.count_lying() == 4
    assert two.reader.photo_ids() == [1, 2, 3, 5]
    assert two.reader.photo_ids("p.taken_at > ?", ["2002"]) == [3, 5]
    assert two.reader.photo_ids("f.root_id = ?", [two.a]) == [1, 2]
    assert two.reader.has_photo("p.taken_at = ?", ["2004"])
    assert not two.reader.has_photo("p.taken_at = ?", ["2005"])  # it lies nowhere
    assert two.reader.has_photo("f.path = ?", [b"sub/two.jpg"])
    assert not two.reader.has_photo("f.path = ?", [b"five.jpg"])
    assert [row["id"] for row in two.reader.all_photos()] == [1, 2, 3, 5]
    columns = two.reader.photo_columns(2)
    assert (columns["id"], columns["digest"], columns["format"]) == (2, photo(2).digest, "jpeg")
    assert failures(two.reader) == [
        (b"/b", b"bad.jpg", "broken"),
        (b"/b", b"sub/no.jpg", "forbidden"),
    ]
    assert unused_bytes(two.reader) % 8192 == 0


def test_models_know_their_vectors_and_what_is_not_encoded(two: Two) -> None:
    assert two.reader.models() == [
        Model(two.model, "key", "model", 2, 5),
        Model(two.other, "other", "another", 2, 0),
    ]
    assert two.reader.model("other") == Model(two.other, "other", "another", 2, 0)
    assert two.reader.model("none") is None
    assert two.reader.count_not_encoded(two.model) == 0
    assert two.reader.count_not_encoded(two.other) == 4
    with two.writer.transaction() as connection:
        connection.execute("DELETE FROM vectors WHERE photo_id IN (2, 4)")
    assert two.reader.count_not_encoded(two.model) == 1  # the other one lies nowhere
    assert two.writer.add_model("key", "renamed", 2) == two.model
    assert two.reader.models()[0].name == "renamed"
    generation = two.reader.generation
    assert two.writer.add_model("key", "renamed", 2) == two.model
    assert two.reader.generation == generation  # nothing to write, nothing written


def test_a_photo_is_found_by_the_beginning_of_its_digest(two: Two) -> None:
    assert two.reader.photo_with_digest(photo(4).digest) == 5
    assert two.reader.photo_with_digest(bytes(32)) is None
    assert two.reader.photos_with_digest("") == [1, 2, 3, 4, 5]
    assert two.reader.photos_with_digest("0" * 63) == [1, 2, 3, 4, 5]
    assert two.reader.photos_with_digest(photo(5).digest.hex()) == [4]
    assert two.reader.photos_with_digest("1") == []


def test_a_file_is_found_by_its_path(two: Two) -> None:
    assert two.reader.file_at(b"/a/one.jpg") == (1, 5, 6)
    assert two.reader.file_at(b"/b/four.jpg") == (5, 5, 6)
    assert two.reader.file_at(b"/a/four.jpg") is None
    assert two.reader.file_at(b"/a") is None
    assert two.reader.file_at(b"/c/one.jpg") is None


def test_a_name_in_another_normal_form_is_the_same_where_only_one_is(two: Two) -> None:
    """As a name typed on one system and written by another."""
    composed, apart = (unicodedata.normalize(form, "é.jpg").encode() for form in ("NFC", "NFD"))
    two.commit(two.a, {apart: 1})
    assert two.reader.file_at(b"/a/" + composed) == (1, 5, 6)
    assert two.reader.file_at(b"/b/" + composed) is None
    two.commit(two.a, {composed: 2})
    assert two.reader.file_at(b"/a/" + composed) == (2, 5, 6)  # by this very name
    assert two.reader.file_at(b"/a/" + apart) == (1, 5, 6)
    both = "é/é.jpg"
    for first in ("NFC", "NFD"):
        folder, name = both.split("/")
        path = f"{unicodedata.normalize(first, folder)}/{unicodedata.normalize('NFD', name)}"
        two.commit(two.b, {path.encode(): 3})
    # Two files of this normal form, and none of this name: it is not guessed which is meant.
    assert two.reader.file_at(b"/b/" + unicodedata.normalize("NFC", both).encode()) is None


def test_tags_are_counted_and_listed_by_their_normal_form(two: Two) -> None:
    assert tag_counts(two.reader) == []
    tags = [(1, "Cat"), (2, "cat"), (3, "a dog"), (4, "Dog"), (4, "cat"), (3, "Bird"), (3, "CAT")]
    replace_tags(two.writer, "one", two.model, [NewTag(one, label, 0.5) for one, label in tags])
    replace_tags(two.writer, "two", None, [NewTag(1, "CAT"), NewTag(1, "Zebra")])
    assert tag_counts(two.reader) == [
        ("cat", "CAT", 3),
        ("a dog", "a dog", 1),
        ("bird", "Bird", 1),
        ("zebra", "Zebra", 1),
    ]
    assert tags_of(two.reader, [1, 3, 5]) == {1: ["CAT", "Zebra"], 3: ["a dog", "Bird", "CAT"]}
    rows = list(two.reader.rows("SELECT DISTINCT source, score, model_id FROM tags ORDER BY 1"))
    assert rows == [("one", 0.5, two.model), ("two", None, None)]
    replace_tags(two.writer, "one", two.model, [])
    assert tag_counts(two.reader) == [("cat", "CAT", 1), ("zebra", "Zebra", 1)]


def test_a_change_is_seen_by_the_generation_and_by_what_is_kept(two: Two) -> None:
    sql = "SELECT count(*) FROM files"
    before, state = two.reader.generation, two.reader.state
    assert two.reader.count(sql) == 7
    assert two.reader.count("SELECT max(id) FROM lines") == 0
    assert two.reader.state == state
    two.commit(two.b, {b"five.jpg": 5})
    assert two.reader.generation > before
    assert two.reader.state != state
    assert two.reader.count(sql) == 8
    assert two.reader.count_lying() == 5
    assert not two.reader.is_replaced
    two.writer.set_setting("name", "value")
    assert (two.writer.setting("name"), two.reader.setting("name")) == ("value", "value")
    assert (two.writer.setting("none"), two.reader.setting("none")) == (None, None)
    before = two.reader.generation
    two.writer.set_setting("name", "value")
    assert two.reader.generation == before
    two.writer.set_setting("name", "other")
    assert two.reader.setting("name") == "other"
    assert two.reader.has_table("files")
    assert not two.reader.has_table("none")


def test_another_catalogue_in_its_place_is_noticed(two: Two) -> None:
    path = two.library / "catalogue.db"
    copy = path.with_name("copy.db")
    copy.write_bytes(path.read_bytes())
    os.replace(copy, path)
    assert two.reader.is_replaced


def test_where_there_is_no_catalogue_it_is_said(tmp_path: Path) -> None:
    with pytest.raises(NoLibrary, match=r"there is no library in .*none"):
        Snapshot(tmp_path / "none")
    (tmp_path / "catalogue.db").mkdir()
    with pytest.raises(DamagedLibrary, match="is a folder, where a catalogue should be"):
        Snapshot(tmp_path)


class TestWriter:
    """What a run asks the writing side, and tells it."""

    def test_what_is_known_of_paths(self, two: Two) -> None:
        known = two.writer.lookup(two.a, [b"one.jpg", b"three.jpg", b"none.jpg"], two.model)
        assert known[b"one.jpg"][1:] == (5, 6, 1, 0, 1)
        assert known[b"three.jpg"][1:] == (5, 6, 3, 1, 1)
        assert len(known) == 2
        (other,) = two.writer.lookup(two.a, [b"one.jpg"], two.other).values()
        assert other.has_vector == 0
        assert two.writer.roots() == two.reader.roots() == {b"/a": two.a, b"/b": two.b}
        assert two.writer.photo_with_digest(photo(4).digest, two.model) == (5, True)
        assert two.writer.photo_with_digest(photo(4).digest, two.other) == (5, False)
        assert two.writer.photo_with_digest(bytes(32), two.model) is None

    @pytest.mark.parametrize(
        ("found", "has_vector", "current"),
        [((5, 6), 1, True), ((5, 6), 0, False), ((4, 6), 1, False), ((5, 7), 1, False)],
    )
    def test_a_file_is_current_where_nothing_changed_and_it_is_encoded(
        self, found: tuple[int, int], has_vector: int, current: bool
    ) -> None:
        assert Known(1, 5, 6, 1, 0, has_vector).is_current(FoundFile(b"x", *found)) is current

    def test_files_of_a_root_below_a_folder(self, two: Two) -> None:
        def below(root: int, folder: bytes, missing: bool) -> set[bytes]:
            return {row[1] for row in two.writer.files_below(root, folder, missing=missing)}

        assert below(two.a, b"", False) == {b"one.jpg", b"sub/two.jpg"}
        assert below(two.a, b"", True) == {b"three.jpg", b"five.jpg"}
        assert below(two.a, b"sub", False) == {b"sub/two.jpg"}
        assert below(two.a, b"sub/two.jpg", False) == {b"sub/two.jpg"}
        assert len(list(two.writer.file_ids_below(two.a, b"sub"))) == 1
        assert len(list(two.writer.file_ids_below(two.b, b""))) == 3
        last = max(two.writer.file_ids_below(two.a, b""))
        assert two.writer.last_file(two.a) == last
        assert two.writer.last_file(99) is None

    def test_failures_are_told_apart_by_what_may_recover_by_itself(self, two: Two) -> None:
        paths = [b"bad.jpg", b"sub/no.jpg", b"one.jpg"]
        # A file that cannot be read is tried again whatever it is like.
        assert two.writer.failed_before(two.b, paths) == {
            b"bad.jpg": (7, 8),
            b"sub/no.jpg": (-1, -1),
        }
        assert two.writer.failed_before(two.a, paths) == {}
        assert list(two.writer.failures_below(two.b, b"sub")) == [(b"sub/no.jpg",)]
        assert len(list(two.writer.failures_below(two.b, b""))) == 2
        two.writer.drop_failures(two.a, paths)
        assert len(failures(two.reader)) == 2
        two.writer.drop_failures(two.b, [b"bad.jpg"])
        assert [row[1] for row in failures(two.reader)] == [b"sub/no.jpg"]

    def test_what_became_undecodable_lies_there_no_more_and_the_unreadable_does(
        self, two: Two
    ) -> None:
        two.writer.commit(
            two.b,
            two.model,
            Batch(
                undecodable=[(FoundFile(b"four.jpg", 1, 1), "broken")],
                unreadable=[(FoundFile(b"three.jpg", 1, 1), "forbidden")],
            ),
        )
        assert set(two.reader.photos([1, 2, 3, 4, 5])) == {1, 2, 3}
        assert two.writer.failed_before(two.b, [b"four.jpg"]) == {b"four.jpg": (1, 1)}

    def test_a_path_may_hold_another_photo_and_a_lost_one_may_return(self, two: Two) -> None:
        batch = Batch(known=[(FoundFile(b"one.jpg", 50, 60), 2)])
        missing = [row[0] for row in two.writer.files_below(two.a, b"three.jpg", missing=True)]
        batch.returned += missing
        assert len(batch) == 2
        two.writer.commit(two.a, two.model, batch)
        places = {one: len(row.places) for one, row in two.reader.photos([1, 2, 3]).items()}
        assert places == {1: 1, 2: 2, 3: 2}
        assert two.reader.file_at(b"/a/one.jpg") == (2, 50, 60)

    def test_a_vanished_file_is_forgotten_where_its_photo_lies_elsewhere(self, two: Two) -> None:
        ids = {
            path: number for number, path, _ in two.writer.files_below(two.a, b"", missing=False)
        }
        two.writer.drop_vanished(list(ids.values()))
        # Of photo 1 another copy is there, as of photo 3; 2 and 5 are kept in mind.
        left = {row[1] for row in two.writer.files_below(two.a, b"", missing=True)}
        assert left == {b"sub/two.jpg", b"five.jpg"}
        assert two.writer.prune() == (2, 2)
        assert totals(two.reader)["forgotten"] == 0
        assert two.reader.photo_ids() == [1, 3, 5]
        assert two.writer.prune() == (0, 0)

    def test_a_root_goes_with_its_files_and_its_photos_stay_until_they_are_dropped(
        self, two: Two
    ) -> None:
        assert two.writer.forget_root(two.b) == 3
        assert two.reader.roots() == {b"/a": two.a}
        assert two.writer.drop_photos_nowhere() == 1  # photo 4 lay there alone
        assert two.reader.photo_ids() == [1, 2]

    def test_space_is_given_back_where_much_is_unused(self, tmp_path: Path) -> None:
        catalogue = Catalogue(tmp_path, create=True)
        path = tmp_path / "catalogue.db"
        catalogue.set_setting("long", "x" * 1_000_000)
        catalogue.set_setting("long", "")
        reader = Snapshot(tmp_path)
        assert unused_bytes(reader) > 500_000
        reader.close()
        catalogue.compact()
        catalogue.close()
        assert path.stat().st_size < 500_000
        assert not path.with_name("catalogue.db-wal").exists()  # the one file is all there is
