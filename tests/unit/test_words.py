"""Printed words in the catalogue: their normal form, storing them, finding lines by parts."""

from __future__ import annotations

import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from photosearch import Filters
from photosearch.records import Facts, FoundFile, Line, Photo
from photosearch.store import schema
from photosearch.store.catalogue import Batch, Catalogue, NewPhoto
from photosearch.store.snapshot import Snapshot
from photosearch.store.totals import totals
from photosearch.store.words import (
    Reading,
    allow,
    counts,
    either,
    failed_readings,
    lines_of,
    lines_with,
    lines_with_short,
    normal_words,
    reader_id,
    store_readings,
    unread,
)
from tests.contents import contents_of

BOX = ((1.0, 2.0), (30.0, 2.0), (30.0, 12.0), (1.0, 12.0))
GOLDEN = Path(__file__).parents[1] / "golden"


def line(text: str, confidence: float = 0.9) -> Line:
    return Line(text, confidence, BOX)


class Words:
    """A catalogue of photos whose printed words are given, not read."""

    def __init__(self, folder: Path, photos: int = 6) -> None:
        self.library = folder / "library"
        self.catalogue = Catalogue(self.library, create=True)
        self.root = self.catalogue.add_root(b"/photos")
        self.model = self.catalogue.add_model("key", "model", 4)
        self.ids = [self.add(number) for number in range(photos)]
        self.reader = reader_id(self.catalogue, "engine-1", "engine")
        self.snapshot = Snapshot(self.library)

    def add(self, number: int) -> int:
        photo = Photo(number.to_bytes(32, "big"), 1, "jpeg", 100, 50, Facts())
        found = FoundFile(b"%d.jpg" % number, 1, 1)
        vector = np.full(4, 0.5, "<f2").tobytes()
        self.catalogue.commit(self.root, self.model, Batch(new=[NewPhoto(photo, vector, [found])]))
        known = self.catalogue.photo_with_digest(photo.digest, self.model)
        assert known is not None
        return known[0]

    def store(self, lines: dict[int, list[str | Line]]) -> None:
        readings = [
            Reading(self.ids[at], tuple(line(one) if isinstance(one, str) else one for one in own))
            for at, own in lines.items()
        ]
        store_readings(self.catalogue, self.reader, readings)

    def holding(self, part: str) -> set[int]:
        """Which photos (by their place) have a line with this text in its normal form."""
        find = lines_with_short if len(part) < 3 else lines_with
        match = part if len(part) < 3 else either(part)
        return {self.ids.index(one.photo_id) for one in find(self.snapshot, match, 1000)}

    def close(self) -> None:
        self.snapshot.close()
        self.catalogue.close()


@pytest.fixture
def words(tmp_path: Path) -> Iterator[Words]:
    made = Words(tmp_path)
    yield made
    made.close()


def check_consistent(library: Path) -> None:
    """The full-text index says what the lines say, and nothing else."""
    contents_of(library)
    with closing(sqlite3.connect(library / "catalogue.db")) as connection:
        connection.execute("INSERT INTO words (words, rank) VALUES ('integrity-check', 1)")
        orphans = connection.execute(
            "SELECT count(*) FROM lines WHERE photo_id NOT IN (SELECT photo_id FROM readings)"
        )
        assert orphans.fetchone() == (0,)


@pytest.mark.parametrize(
    ("text", "normal"),
    [
        ("MIDI KEYBOARD", "midi keyboard"),
        ("  Total:\tRM 10.00 ", "total rm 10 00"),
        ("CAFÉ", "cafe"),
        ("Straße", "strasse"),
        ("ＦＵＬＬ－ｗｉｄｔｈ", "full width"),
        ("ﬁne", "fine"),
        ("Ångström ΌΧΙ", "angstrom οχι"),
        ("東京タワー", "东京タワー"),
        ("が", "が"),  # the mark makes another letter
        ("ｶﾞｽ", "ガス"),
        ("हिन्दी", "हिन्दी"),
        ("№ 5", "no 5"),
        ("!?…—", ""),
        ("\0a\udcffb", "a b"),
    ],
)
def test_normal_form(text: str, normal: str) -> None:
    assert normal_words(text) == normal


@given(st.text())
def test_normal_form_is_final(text: str) -> None:
    once = normal_words(text)
    assert normal_words(once) == once
    assert once == " ".join(once.split())
    once.encode()


class TestStoring:
    def test_lines_come_back_as_they_were(self, words: Words) -> None:
        kept = Line("Café MIDI", 0.75, ((0.5, 1.25), (9, 1), (9, 4), (0.5, 4)))
        words.store({1: [kept, "second"]})
        first, second = lines_of(words.snapshot, words.ids[1])
        assert (first.text, first.confidence, second.text) == ("Café MIDI", 0.75, "second")
        assert np.allclose(first.box, kept.box, atol=0.06)

    def test_read_photos_are_not_waiting_any_more(self, words: Words) -> None:
        assert unread(words.snapshot, "engine-1") == words.ids
        words.store({0: ["EXIT"], 1: [], 3: []})
        assert unread(words.snapshot, "engine-1") == [words.ids[at] for at in (2, 4, 5)]
        assert counts(words.snapshot) == {"read": 3, "with_words": 1, "failed": 0}

    def test_better_engine_reads_again_and_replaces(self, words: Words) -> None:
        words.store({at: ["0LD"] for at in range(6)})
        better = reader_id(words.catalogue, "engine-2", "engine")
        assert unread(words.snapshot, "engine-2") == words.ids
        store_readings(words.catalogue, better, [Reading(words.ids[0], (line("OLD"),))])
        assert unread(words.snapshot, "engine-2") == words.ids[1:]
        assert words.holding("old") == {0}
        assert words.holding("0ld") == {1, 2, 3, 4, 5}
        check_consistent(words.library)

    def test_failures_are_kept_and_tried_again_when_asked(self, words: Words) -> None:
        failed = Reading(words.ids[2], failure="the engine gave up")
        store_readings(words.catalogue, words.reader, [failed])
        assert words.ids[2] not in unread(words.snapshot, "engine-1")
        assert words.ids[2] in unread(words.snapshot, "engine-1", retry=True)
        assert failed_readings(words.snapshot) == [(b"/photos", b"2.jpg", "the engine gave up")]
        words.store({2: ["fine"]})
        assert failed_readings(words.snapshot) == []
        assert words.ids[2] not in unread(words.snapshot, "engine-1", retry=True)

    def test_words_go_with_their_photo(self, words: Words) -> None:
        words.store({0: ["EXIT"], 1: ["EXIT"]})
        rows = words.catalogue.files_below(words.root, b"", missing=False)
        words.catalogue.drop_vanished([file_id for file_id, path, _ in rows if path == b"0.jpg"])
        words.catalogue.prune()
        assert words.holding("exit") == {1}
        check_consistent(words.library)

    def test_photo_that_was_pruned_meanwhile_is_left_out(self, words: Words) -> None:
        store_readings(words.catalogue, words.reader, [Reading(999, (line("EXIT"),))])
        assert words.holding("exit") == set()
        check_consistent(words.library)

    @settings(max_examples=30, deadline=None)
    @given(
        st.lists(
            st.tuples(st.integers(0, 5), st.lists(st.text(max_size=12), max_size=4)), max_size=12
        )
    )
    def test_any_text_any_order(
        self, tmp_path_factory: pytest.TempPathFactory, runs: list[tuple[int, list[str]]]
    ) -> None:
        made = Words(tmp_path_factory.mktemp("words"))
        last: dict[int, list[str]] = {}
        for at, texts in runs:
            made.store({at: list(texts)})
            last[at] = texts
        for at, texts in last.items():
            kept = [text for text in texts if normal_words(text)]
            assert [one.text for one in lines_of(made.snapshot, made.ids[at])] == kept
            for text in kept:
                part = normal_words(text)
                assert at in made.holding(part), part
        check_consistent(made.library)
        made.close()


class TestFinding:
    def test_parts_of_words_are_found(self, words: Words) -> None:
        words.store({0: ["RE16TGK"], 1: ["前往浦东机场方向"], 2: ["EXIT"]})
        assert words.holding("re16") == {0}
        assert words.holding("16tg") == {0}
        assert words.holding("浦东机场") == {1}
        assert words.holding("浦东") == {1}
        assert words.holding("浦") == {1}

    def test_lost_and_added_blanks(self, words: Words) -> None:
        words.store({0: ["MIDI KEYBOARD"], 1: ["MIDIKEYBOARD"]})
        assert words.holding("midikeyboard") == {0, 1}

    def test_whole_words_can_be_asked_for(self, words: Words) -> None:
        words.store({0: ["CAT"], 1: ["LOCATION"], 2: ["the cat sat"]})
        assert words.holding("cat") == {0, 1, 2}
        assert words.holding(" cat ") == {0, 2}

    def test_a_subset_of_the_photos(self, words: Words) -> None:
        words.store({at: ["EXIT", "出口"] for at in range(4)})
        allow(words.snapshot, np.array(sorted([words.ids[1], words.ids[3]])))
        for found in (
            lines_with(words.snapshot, either("exit"), 10, allowed=True),
            lines_with_short(words.snapshot, "出", 10, allowed=True),
        ):
            assert [one.photo_id for one in found] == [words.ids[1], words.ids[3]]

    def test_surer_lines_come_first(self, words: Words) -> None:
        words.store({0: [line("EXIT", 0.5)], 1: [line("EXIT", 0.95)], 2: [line("EXIT", 0.7)]})
        found = lines_with(words.snapshot, either("exit"), 10)
        assert [words.ids.index(one.photo_id) for one in found] == [1, 2, 0]


@pytest.mark.parametrize("number", [1, 2])
class TestOldCatalogue:
    """A catalogue of each earlier schema: three photos, one failure."""

    @pytest.fixture
    def old(self, tmp_path: Path, number: int) -> Path:
        library = tmp_path / "library"
        library.mkdir()
        shutil.copyfile(GOLDEN / f"catalogue_schema{number}.db", library / "catalogue.db")
        return library

    def test_is_read_as_it_is(self, old: Path, number: int) -> None:
        snapshot = Snapshot(old)
        assert (snapshot.schema, totals(snapshot)["photos"]) == (number, 3)
        assert counts(snapshot)["read"] == 0
        assert lines_of(snapshot, 1) == []
        assert failed_readings(snapshot) == []
        assert Filters(has="words").allowed_ids(snapshot).tolist() == []  # type: ignore[union-attr]
        snapshot.close()

    def test_upgrades_and_takes_words(self, old: Path, number: int, tmp_path: Path) -> None:
        before = contents_of(old)
        catalogue = Catalogue(old)
        snapshot = Snapshot(old)
        assert snapshot.schema == schema.SCHEMA
        assert contents_of(old) == before
        assert (old / f"catalogue.db.schema{number}").exists()
        reader = reader_id(catalogue, "engine", "engine")
        store_readings(catalogue, reader, [Reading(2, (line("EXIT"),))])
        assert [one.photo_id for one in lines_with(snapshot, either("exit"), 10)] == [2]
        check_consistent(old)
        snapshot.close()
        catalogue.close()

    def test_has_the_tables_of_a_new_one(self, old: Path, number: int, tmp_path: Path) -> None:
        Catalogue(old).close()
        Catalogue(tmp_path / "new", create=True).close()

        def tables(library: Path) -> set[tuple[str, str]]:
            with closing(sqlite3.connect(library / "catalogue.db")) as connection:
                return set(connection.execute("SELECT name, sql FROM sqlite_master"))

        assert tables(old) == tables(tmp_path / "new")
