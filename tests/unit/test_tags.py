"""Tags: stored as a whole by their source, compared by their normal form, found by a filter."""

from __future__ import annotations

import io
import json
import os
import random
import shutil
import sqlite3
import tempfile
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from photosearch import Filters, Library
from photosearch.errors import LibraryBusy, PhotosearchError, WrongUse
from photosearch.records import Facts, FoundFile, Photo
from photosearch.store import schema
from photosearch.store.catalogue import Batch, Catalogue, NewPhoto
from photosearch.store.lock import writer_lock
from photosearch.store.snapshot import Snapshot
from photosearch.store.tagged import has_tags, tag_counts, tags_of
from photosearch.store.tags import NewTag, normal_tag, replace_tags
from photosearch.store.totals import totals
from tests.contents import contents_of
from tests.fake import ColourTower
from tests.make import write_photos

OLD = Path(__file__).parents[1] / "golden" / "catalogue_schema1.db"
SAMPLES = Path(__file__).parents[2] / "examples" / "photos"


class Tagged:
    """A catalogue of some photos, each at one path, photo 3 n of which is missing."""

    def __init__(self, folder: Path, photos: int = 12) -> None:
        self.library = folder / "library"
        self.catalogue = Catalogue(self.library, create=True)
        root = self.catalogue.add_root(b"/photos")
        self.model = self.catalogue.add_model("key", "model", 4)
        self.ids: list[int] = []
        for number in range(photos):
            found = FoundFile(b"%d.jpg" % number, 1, 1)
            photo = Photo(number.to_bytes(32, "big"), 1, "jpeg", 1, 1, Facts())
            new = NewPhoto(photo, np.full(4, 0.5, "<f2").tobytes(), [found])
            (file_id,) = self.catalogue.commit(root, self.model, Batch(new=[new]))
            if number % 3 == 0:
                self.catalogue.drop_vanished([file_id])
            known = self.catalogue.photo_with_digest(photo.digest, self.model)
            assert known is not None
            self.ids.append(known[0])
        self.there = {one for number, one in enumerate(self.ids) if number % 3}
        self.snapshot = Snapshot(self.library)

    def store(self, source: str, tags: dict[int, list[str]]) -> None:
        rows = [NewTag(photo_id, label, 0.5) for photo_id, own in tags.items() for label in own]
        replace_tags(self.catalogue, source, self.model, rows)

    def close(self) -> None:
        self.snapshot.close()
        self.catalogue.close()


@pytest.fixture
def tagged(tmp_path: Path) -> Iterator[Tagged]:
    made = Tagged(tmp_path)
    yield made
    made.close()


SPELLINGS = {
    "cat": ["cat", "Cat", " CAT ", "ｃａｔ"],
    "two cats": ["two cats", "Two  Cats"],
    "straße": ["Straße", "STRASSE", "strasse"],
    "猫": ["猫"],
    "café": ["café", "cafe\u0301"],
}


@pytest.mark.parametrize("spellings", SPELLINGS.values(), ids=SPELLINGS)
def test_spellings_of_one_tag(spellings: list[str]) -> None:
    assert len({normal_tag(text) for text in spellings}) == 1


def test_tags_that_differ() -> None:
    assert len({normal_tag(spellings[0]) for spellings in SPELLINGS.values()}) == len(SPELLINGS)
    assert normal_tag("cat") != normal_tag("cats")


@given(st.text(st.characters(codec="utf-8")))
def test_normal_form_is_one_line(text: str) -> None:
    tag = normal_tag(text)
    assert tag == " ".join(tag.split())
    assert normal_tag(f"  {text}\n") == tag


every = [text for spellings in SPELLINGS.values() for text in spellings]
photo_tags = st.dictionaries(st.integers(0, 11), st.lists(st.sampled_from(every), max_size=3))
asked = st.lists(st.sampled_from([*every, "dog"]), min_size=1, max_size=3)


@settings(max_examples=60, deadline=None)
@given(first=photo_tags, second=photo_tags, other=photo_tags, wanted=asked)
def test_filter_finds_what_brute_force_finds(
    first: dict[int, list[str]],
    second: dict[int, list[str]],
    other: dict[int, list[str]],
    wanted: list[str],
) -> None:
    with tempfile.TemporaryDirectory() as name:
        made = Tagged(Path(name))
        for source, tags in (("classify", first), ("other", other), ("classify", second)):
            made.store(source, {made.ids[number]: own for number, own in tags.items()})
        # What the first run of a source gave is gone, what another source gave is not.
        has = {
            photo_id: {normal_tag(tag) for tags in (second, other) for tag in tags.get(number, [])}
            for number, photo_id in enumerate(made.ids)
        }
        allowed = Filters(tag=wanted).allowed_ids(made.snapshot)
        assert allowed is not None
        assert allowed.dtype == np.int64
        assert allowed.tolist() == sorted(
            photo_id
            for photo_id in made.there
            if {normal_tag(tag) for tag in wanted} <= has[photo_id]
        )
        counts = {tag: count for tag, _, count in tag_counts(made.snapshot)}
        assert counts == {
            tag: count
            for tag in map(normal_tag, SPELLINGS)
            if (count := sum(tag in has[photo_id] for photo_id in made.there))
        }
        labels = tags_of(made.snapshot, made.ids)
        assert {one: {normal_tag(label) for label in own} for one, own in labels.items()} == {
            one: tags for one, tags in has.items() if tags
        }
        made.close()


class TestStore:
    def test_most_frequent_tag_first_and_as_it_was_given(self, tagged: Tagged) -> None:
        one, two, *_ = sorted(tagged.there)
        tagged.store("classify", {one: ["Two  Cats", "Dog"], two: ["Dog"]})
        assert tag_counts(tagged.snapshot) == [("dog", "Dog", 2), ("two cats", "Two  Cats", 1)]

    def test_every_row_says_where_it_comes_from(self, tagged: Tagged) -> None:
        tagged.store("classify", {tagged.ids[1]: ["Cat"]})
        with closing(sqlite3.connect(tagged.library / "catalogue.db")) as connection:
            rows = connection.execute(
                "SELECT photo_id, source, tag, label, score, key FROM tags "
                "JOIN models ON models.id = model_id"
            ).fetchall()
        assert rows == [(tagged.ids[1], "classify", "cat", "Cat", 0.5, "key")]

    def test_trouble_on_the_way_leaves_the_old_tags(self, tagged: Tagged) -> None:
        tagged.store("classify", {tagged.ids[1]: ["cat"]})

        def tags() -> Iterator[NewTag]:
            yield NewTag(tagged.ids[2], "dog")
            raise WrongUse("the middle")

        with pytest.raises(WrongUse, match="the middle"):
            replace_tags(tagged.catalogue, "classify", tagged.model, tags())
        with pytest.raises(PhotosearchError, match="FOREIGN KEY"):
            replace_tags(tagged.catalogue, "classify", None, [NewTag(999, "dog")])
        assert tag_counts(tagged.snapshot) == [("cat", "cat", 1)]

    def test_no_tags_are_an_answer_too(self, tagged: Tagged) -> None:
        tagged.store("classify", {tagged.ids[1]: ["cat"]})
        generation = tagged.snapshot.generation
        tagged.store("classify", {})
        assert tag_counts(tagged.snapshot) == []
        assert tagged.snapshot.generation > generation

    def test_tags_go_with_their_photo(self, tagged: Tagged) -> None:
        tagged.store("classify", {one: ["cat"] for one in tagged.ids})
        assert tagged.catalogue.prune() == (4, 4)
        with closing(sqlite3.connect(tagged.library / "catalogue.db")) as connection:
            left = {row[0] for row in connection.execute("SELECT photo_id FROM tags")}
        assert left == tagged.there

    def test_blocks_hold_every_vector_once(self, tagged: Tagged) -> None:
        for size in (1, 5, 12, 100):
            blocks = list(tagged.snapshot.vector_blocks(tagged.model, size))
            assert [one for block in blocks for one, _ in block] == tagged.ids
            assert max(map(len, blocks)) <= size


class TestFilter:
    def test_tag_and_folder_must_both_hold(self, tagged: Tagged) -> None:
        tagged.store("classify", {one: ["cat"] for one in tagged.ids})
        both = Filters(tag="cat", in_folder="/photos").allowed_ids(tagged.snapshot)
        assert both is not None
        assert set(both.tolist()) == tagged.there
        none = Filters(tag="cat", after="2020").allowed_ids(tagged.snapshot)
        assert none is not None
        assert none.tolist() == []

    def test_one_tag_is_no_list_of_letters(self, tagged: Tagged) -> None:
        tagged.store("classify", {tagged.ids[1]: ["cat"], tagged.ids[2]: ["c", "a", "t"]})
        allowed = Filters(tag="cat").allowed_ids(tagged.snapshot)
        assert allowed is not None
        assert allowed.tolist() == [tagged.ids[1]]

    def test_no_tag_is_no_filter(self, tagged: Tagged) -> None:
        assert Filters(tag=()).allowed_ids(tagged.snapshot) is None

    def test_odd_tags(self, tagged: Tagged) -> None:
        allowed = Filters(tag="\udcff'; DROP TABLE tags").allowed_ids(tagged.snapshot)
        assert allowed is not None
        assert len(allowed) == 0
        with pytest.raises(WrongUse, match=r"^tag is empty"):
            Filters(tag=["cat", " "]).allowed_ids(tagged.snapshot)


class TestOldCatalogue:
    """A catalogue that was made before there were tags: three photos, one failure."""

    @pytest.fixture
    def old(self, tmp_path: Path) -> Path:
        library = tmp_path / "library"
        library.mkdir()
        shutil.copyfile(OLD, library / "catalogue.db")
        return library

    def test_is_read_as_it_is(self, old: Path) -> None:
        snapshot = Snapshot(old)
        assert (snapshot.schema, totals(snapshot)["photos"]) == (1, 3)
        assert tag_counts(snapshot) == []
        assert tags_of(snapshot, [1, 2, 3]) == {}
        allowed = Filters(tag="cat").allowed_ids(snapshot)
        assert allowed is not None
        assert allowed.tolist() == []
        snapshot.close()

    def test_is_exported_as_it_is(self, old: Path) -> None:
        from photosearch.survey.export import export

        snapshot = Snapshot(old)
        model = snapshot.model(ColourTower().key)
        assert model is not None
        out = io.BytesIO()
        assert export(snapshot, model, "jsonl", out) == 3
        assert {json.dumps(json.loads(line)["tags"]) for line in out.getvalue().splitlines()} == {
            "[]"
        }
        snapshot.close()

    def test_upgrades_and_loses_nothing(self, old: Path) -> None:
        before = contents_of(old)
        assert (len(before.photos), len(before.vectors), len(before.failures)) == (3, 3, 1)
        reader = Snapshot(old)  # one that was open before
        catalogue = Catalogue(old)
        assert contents_of(old) == before
        assert reader.schema == schema.SCHEMA
        model = catalogue.add_model("colours", "colours", 48)
        replace_tags(catalogue, "classify", model, [NewTag(2, "Cat", 0.9)])
        catalogue.close()
        assert tag_counts(reader) == [("cat", "Cat", 1)]
        allowed = Filters(tag="cat").allowed_ids(reader)
        assert allowed is not None
        assert allowed.tolist() == [2]
        reader.close()

    def test_copy_of_the_old_one_is_kept(self, old: Path) -> None:
        Catalogue(old).close()
        kept = old / "catalogue.db.schema1"
        with closing(sqlite3.connect(kept)) as copy, closing(sqlite3.connect(OLD)) as first:
            assert list(copy.iterdump()) == list(first.iterdump())
            assert copy.execute("PRAGMA user_version").fetchone() == (1,)
        kept.unlink()
        Catalogue(old).close()  # it is current: no second copy
        assert not kept.exists()

    def test_has_the_tables_of_a_new_one(self, old: Path, tmp_path: Path) -> None:
        Catalogue(old).close()
        Catalogue(tmp_path / "new", create=True).close()

        def tables(library: Path) -> set[tuple[str, str]]:
            with closing(sqlite3.connect(library / "catalogue.db")) as connection:
                return set(connection.execute("SELECT name, sql FROM sqlite_master"))

        assert tables(old) == tables(tmp_path / "new")

    def test_upgrade_that_is_cut_is_made_anew(
        self, old: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        before = contents_of(old)

        def cut(database: object) -> None:
            schema._add_tags(database)  # type: ignore[arg-type]
            raise KeyboardInterrupt

        with monkeypatch.context() as patch:
            patch.setitem(schema._STEPS, 1, cut)
            with pytest.raises(KeyboardInterrupt):
                Catalogue(old)
        snapshot = Snapshot(old)
        assert (snapshot.schema, has_tags(snapshot)) == (1, False)
        snapshot.close()
        Catalogue(old).close()
        assert contents_of(old) == before


@pytest.fixture(scope="module", autouse=True)
def own_cache(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PHOTOSEARCH_CACHE", str(tmp_path_factory.mktemp("cache")))
        patch.setenv("PHOTOSEARCH_MODEL", "mini")
        yield


@pytest.fixture(scope="module")
def library(own_cache: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Library]:
    path = tmp_path_factory.mktemp("tags") / "library"
    with Library.open(path, create=True) as library:
        library.index([SAMPLES / "animals", SAMPLES / "signs"])
        yield library


class TestLibrary:
    """`classify` and `write_tags` over the sample photos with the embedded model."""

    def test_stored_vectors_say_what_the_files_say(self, library: Library) -> None:
        import photosearch

        names = "cat,dog,horse,sign,poster"
        stored = {record.path: record for record in library.classify(names)}
        assert set(stored) == {
            path for name in ("animals", "signs") for path in (SAMPLES / name).iterdir()
        }
        for record in photosearch.classify(sorted(stored), names, model=library.encoder):
            # Stored in float16: a cosine is off by 2e-4 at most, times a scale of 22.
            assert dict(stored[record.path].labels) == pytest.approx(dict(record.labels), abs=5e-3)

    def test_tags_are_the_best_labels(self, library: Library) -> None:
        names = ["cat", "dog", "Street sign", "horse"]
        best = [record.best for record in library.classify(names, top=1)]
        report = library.write_tags(names)
        assert report.tags == tuple((name, best.count(name)) for name in names)
        assert report.untagged == 0
        assert library.tags() == {name: best.count(name) for name in names if name in best}
        for name in names:
            hits = library.search("x", k=99, filters=Filters(tag=name.upper()))
            assert len(hits) == best.count(name)

    def test_later_run_replaces_them(self, library: Library) -> None:
        library.write_tags("cat,dog")
        library.write_tags("indoors,outdoors")
        assert set(library.tags()) <= {"indoors", "outdoors"}

    def test_min_probability(self, library: Library) -> None:
        names = "cat,dog,horse,sign"
        chances = [record.labels[0][1] for record in library.classify(names)]
        limit = sorted(chances)[5]
        report = library.write_tags(names, min_probability=limit)
        assert report.untagged == 5
        assert sum(library.tags().values()) == len(chances) - 5

    @pytest.mark.parametrize("limit", [-0.1, 1.1, 50, float("nan")])
    def test_min_probability_that_is_none(self, library: Library, limit: float) -> None:
        with pytest.raises(WrongUse, match="between 0 and 1"):
            library.write_tags("cat,dog", min_probability=limit)

    def test_top(self, library: Library) -> None:
        assert {len(record.labels) for record in library.classify("a,b,c", top=2)} == {2}
        with pytest.raises(WrongUse, match=r"^top must"):
            library.classify("a,b,c", top=0)

    def test_writing_waits_for_nobody(self, library: Library) -> None:
        with writer_lock(library.path), pytest.raises(LibraryBusy):
            library.write_tags("cat,dog")

    def test_export_has_them(self, library: Library) -> None:
        library.write_tags("猫,狗")
        out = io.BytesIO()
        library.export("jsonl", out)
        rows = [json.loads(line) for line in out.getvalue().splitlines()]
        cat = next(row for row in rows if row["path"].endswith("/cat.jpg"))
        assert cat["tags"] == ["猫"]
        table = io.BytesIO()
        library.export("csv", table)
        assert '"""猫"""' in table.getvalue().decode()

    def test_photos_that_are_gone_are_neither_shown_nor_tagged(self, tmp_path: Path) -> None:
        paths = write_photos(tmp_path / "photos", 4)
        with Library.open(tmp_path / "library", create=True) as library:
            library.index([tmp_path / "photos"])
            os.unlink(paths[1])
            library.index()
            shown = {record.path for record in library.classify("cat,dog")}
            assert shown == {paths[0], paths[2], paths[3]}
            library.write_tags("cat,dog")
            assert sum(library.tags().values()) == 3

    def test_empty_library(self, tmp_path: Path) -> None:
        with Library.open(tmp_path / "library", create=True) as library:
            assert list(library.classify("cat,dog")) == []
            assert library.write_tags("cat,dog").tags == ()
            assert library.tags() == {}

    def test_blocks_do_not_show(self, library: Library, monkeypatch: pytest.MonkeyPatch) -> None:
        names = [f"thing {number}" for number in range(9)]
        whole = list(library.classify(names))
        monkeypatch.setattr("photosearch.zeroshot.stored._CELLS", random.Random(1).choice([1, 27]))
        again = list(library.classify(names))
        assert [record.path for record in again] == [record.path for record in whole]
        for one, other in zip(whole, again, strict=True):
            assert dict(one.labels) == pytest.approx(dict(other.labels), abs=1e-5)
