"""Answers and their pages: one ranking, however it is cut, whatever is kept of it between pages."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from photosearch.records import Answer, Line
from photosearch.search import pages, rankings
from photosearch.search.answer import answer
from photosearch.search.asked import Asked
from photosearch.search.example import InLibrary
from photosearch.search.filters import Filters
from photosearch.search.likeness import QueryVector
from photosearch.search.looks import Looks
from photosearch.search.pages import best_match
from photosearch.search.query import Part, Query
from photosearch.search.rankings import Course, Listing, Rankings
from photosearch.store.catalogue import Catalogue
from photosearch.store.words import Reading, reader_id, store_readings
from tests.unit.test_ranking import DIM, Gallery

BOX = ((0.0, 0.0),) * 4
TEXT = Query((Part("text", "a dog", 1.0),))
# What photos show in print, by their id.
PRINT = {
    1: ("EXIT",),
    2: ("EXIT", "NO PARKING"),
    5: ("NO PARKING",),
    8: ("parking exit",),
    13: ("NO", "PARKING"),
    21: ("exits",),
    34: ("exit no parking",),
}


class Asking:
    """A gallery, and who asks it."""

    def __init__(self, gallery: Gallery) -> None:
        self.gallery = gallery
        self.opened: list[list[int] | None] = []

    def looks_for(self, **wanted: Any) -> Any:
        """The way to a looking side; it is noted for which photos it was asked."""

        def looks(only: NDArray[np.int64] | None) -> Looks:
            self.opened.append(None if only is None else only.tolist())
            vector = QueryVector(
                np.eye(1, DIM, dtype=np.float32)[0], wanted.pop("examples", frozenset()), **wanted
            )
            chosen = None if only is None else only.tolist()
            return replace(self.gallery.looks(chosen), wanted=vector)

        return looks

    def __call__(self, query: Query, k: int = 10, **options: Any) -> Answer:
        looks = self.looks_for(**options.pop("wanted", {}))
        return answer(query, self.gallery.snapshot, looks, k=k, **options)

    def ids(self, query: Query, k: int = 10, **options: Any) -> list[int]:
        return [hit.photo_id for hit in self(query, k, **options).hits]


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gallery]:
    cosines = [round(0.9 - 0.02 * (number * 7 % 40 // 2), 2) for number in range(40)]
    gallery = Gallery(tmp_path_factory.mktemp("pages"), cosines)
    catalogue = Catalogue(gallery.library)
    reader = reader_id(catalogue, "test", "test")
    store_readings(
        catalogue,
        reader,
        [
            Reading(one, tuple(Line(text, 0.9, BOX) for text in lines))
            for one, lines in PRINT.items()
        ],
    )
    catalogue.close()
    yield gallery
    gallery.snapshot.close()


@pytest.fixture
def asking(made: Gallery) -> Asking:
    made.lose([])
    return Asking(made)


def everything(asking: Asking) -> list[int]:
    return asking.gallery.best(lambda one, cosine: True)


gone = st.lists(st.integers(1, 40), max_size=30, unique=True)


@settings(max_examples=60, deadline=None)
@given(
    sizes=st.lists(st.integers(1, 15), min_size=1, max_size=8),
    before=gone,
    min_score=st.sampled_from([None, 0.7, 0.86]),
    min_relevance=st.sampled_from([None, 0.85]),
    examples=gone,
    include_self=st.booleans(),
    order=st.sampled_from(["relevance", "relevance", "name", "date"]),
    keeps=st.booleans(),
    steps=st.sampled_from([(5, 12, 40), (5, 12, 20), (3, 100), (100, 300, 1000)]),
)
def test_pages_of_any_sizes_are_one_list_of_the_best(
    made: Gallery,
    sizes: list[int],
    before: list[int],
    min_score: float | None,
    min_relevance: float | None,
    examples: list[int],
    include_self: bool,
    order: str,
    keeps: bool,
    steps: tuple[int, ...],
) -> None:
    """However deep a step looks, and whether anything is kept between two pages."""
    made.lose(before)
    asking = Asking(made)
    query = replace(TEXT, include_self=include_self)
    expected = made.best(
        lambda one, cosine: (
            one not in before
            and (include_self or one not in examples)
            and (min_score is None or cosine >= min_score)
            and (min_relevance is None or round((cosine + 1) / 2, 4) >= min_relevance)
        )
    )
    # So deep is looked, and no deeper.
    reach = made.best(lambda one, cosine: True)[
        : steps[-1] + (0 if include_self else len(examples))
    ]
    expected = [one for one in expected if one in reach]
    if order == "name":
        expected.sort(key=lambda one: b"%d.jpg" % (one - 1))
    kept = Rankings()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(rankings, "STEPS", steps)
        found: list[int] = []
        more = True
        for size in sizes:
            page = asking(
                query,
                size,
                offset=len(found),
                order=order,
                min_score=min_score,
                min_relevance=min_relevance,
                rankings=kept if keeps else None,
                wanted={"examples": frozenset(examples)},
            )
            assert [hit.rank for hit in page.hits] == list(
                range(len(found) + 1, len(found) + len(page.hits) + 1)
            )
            for hit in page.hits:
                assert hit.relevance == pytest.approx(
                    (made.cosines[hit.photo_id] + 1) / 2, abs=1e-4
                )
            assert page.total is None
            assert page.matches_well is (bool(expected[:10]) or None)
            assert len(page.hits) == min(size, len(expected) - len(found))
            found += [hit.photo_id for hit in page.hits]
            more = page.more
            assert more == (len(found) < len(expected))
            if not more:
                break
        if order == "date":  # none has one: the best first
            order = "relevance"
        assert found == expected[: len(found)]


@pytest.mark.parametrize("steps", [(5, 12, 20), (5, 12, 100)])
@pytest.mark.parametrize("size", [1, 4, 9])
def test_pages_with_print_are_one_list_whatever_their_size(
    asking: Asking, monkeypatch: pytest.MonkeyPatch, size: int, steps: tuple[int, ...]
) -> None:
    """Each step adds as many photos as it looks deeper, wherever print has put some of them."""
    monkeypatch.setattr(rankings, "STEPS", steps)
    query = replace(TEXT, printed="exit parking")
    whole = [(hit.photo_id, hit.evidence) for hit in asking(query, 200, offset=0).hits]
    assert len({photo_id for photo_id, _ in whole}) == len(whole) == min(steps[-1], 40)
    found: list[Any] = []
    while len(found) < len(whole):
        page = asking(query, size, offset=len(found)).hits
        found += [(hit.photo_id, hit.evidence) for hit in page]
    assert found == whole
    assert {photo_id for photo_id, _ in whole[:5]} >= {34, 8}
    # As deep as the first step every photo has the rank that looks alone give it.
    ranks = {one: rank for rank, one in enumerate(everything(asking), 1)}
    for photo_id, evidence in whole:
        assert evidence["looks_like"]["rank"] in (ranks[photo_id], None)


def test_who_scrolls_sees_the_first_pages_ranking_less_what_is_gone(asking: Asking) -> None:
    kept = Rankings()
    order = everything(asking)
    assert asking.ids(TEXT, 10, offset=0, rankings=kept) == order[:10]
    asking.gallery.lose([*order[:3], *order[12:15]])
    # Those of the second page that are gone leave a gap; nothing comes twice.
    assert asking.ids(TEXT, 10, offset=10, rankings=kept) == [*order[10:12], *order[15:20]]
    # The first page is that of the library as it is now.
    assert asking.ids(TEXT, 10, offset=0, rankings=kept) == [*order[3:12], order[15]]


def test_a_page_of_a_kept_ranking_needs_no_search(asking: Asking) -> None:
    kept = Rankings()
    order = everything(asking)
    asking(TEXT, 5, offset=0, rankings=kept)
    asking.opened.clear()
    assert asking.ids(TEXT, 3, offset=5, rankings=kept) == order[5:8]
    assert len(asking.opened) <= 1
    # Whoever finished typing is remembered, once more for the first page alone.
    asking.opened.clear()
    assert asking.ids(TEXT, 3, offset=0, rankings=kept) == order[:3]
    assert asking.opened[0] is None


def test_an_example_is_known_again_by_its_content_and_a_file_never(asking: Asking) -> None:
    def kept_after(*values: Any) -> int:
        kept = Rankings()
        for value in values:
            query = Query((Part("image", value, 1.0),))
            assert asking.ids(query, 2, offset=0, rankings=kept) == everything(asking)[:2]
        return len(kept._known)

    digest = hashlib.sha256(b"1").hexdigest()
    assert kept_after(b"one", b"one") == 1
    assert kept_after(b"one", b"two") == 2
    assert kept_after(InLibrary(digest), InLibrary(digest)) == 1
    assert kept_after("file.jpg") == 0


def test_without_a_looking_side_there_is_no_answer(asking: Asking) -> None:
    """As in a library without vectors."""
    for offset in (None, 0):
        found = answer(TEXT, asking.gallery.snapshot, lambda only: None, k=5, offset=offset)
        assert found == Answer((), None)


class TestWithoutPages:
    def test_as_many_as_wanted_and_judged_by_ten(self, asking: Asking) -> None:
        order = everything(asking)
        found = asking(TEXT, 3)
        assert [hit.photo_id for hit in found.hits] == order[:3]
        assert found.matches_well is True
        assert asking.ids(TEXT, 25) == order[:25]
        assert asking.ids(TEXT, 3, min_score=0.89) == [
            one for one in order if asking.gallery.cosines[one] >= 0.89
        ]
        assert asking.ids(TEXT, 3, order="name") == sorted(order[:3], key=lambda one: f"{one - 1}.")

    def test_an_example_is_left_out_unless_it_is_wanted(self, asking: Asking) -> None:
        order = everything(asking)
        wanted = {"examples": frozenset(order[:2])}
        assert asking.ids(TEXT, 3, wanted=dict(wanted)) == order[2:5]
        own = replace(TEXT, include_self=True)
        assert asking.ids(own, 3, wanted=dict(wanted)) == order[:3]

    def test_filters_reach_the_looking_side(self, asking: Asking) -> None:
        query = replace(TEXT, filters=Filters(name=["1?"]))
        assert sorted(asking.ids(query, 20)) == list(range(11, 21))
        assert asking.opened == [list(range(11, 21))]
        in_b = replace(TEXT, filters=Filters(in_folder="b"))
        assert {hit.path.parent.name for hit in asking(in_b, 40).hits} == {"b"}


class TestPrint:
    def test_a_phrase_must_be_there(self, asking: Asking) -> None:
        shown = {
            ("exit",): {1, 2, 8, 34},
            ("no parking",): {2, 5, 13, 34},
            ("exit", "no parking"): {2, 34},
            ("no parking", "exit"): {2, 34},
            ("exit", "entrance"): set(),
        }
        for phrases, expected in shown.items():
            assert set(asking.ids(replace(TEXT, must_show=phrases), 40)) == expected
            alone = Query((), must_show=phrases, words_only=True)
            assert set(asking.ids(alone, 40)) == expected
            assert set(asking.ids(alone, 40, offset=0)) == expected
        asking.opened.clear()
        asking(Query((), must_show=("exit",), words_only=True))
        assert asking.opened == []  # no model is asked where looks do not count

    def test_what_had_to_be_there_ranks_nothing_and_is_shown(self, asking: Asking) -> None:
        hits = asking(replace(TEXT, must_show=("exit", "no parking")), 40).hits
        best = asking.gallery.best(lambda one, cosine: one in (2, 34))
        assert [hit.photo_id for hit in hits] == best
        for hit in hits:
            assert hit.evidence["reads"]["strength"] == 0
            assert not hit.evidence["reads"]["whole"]
            assert hit.relevance == pytest.approx(
                (asking.gallery.cosines[hit.photo_id] + 1) / 2, abs=1e-4
            )
        (two,) = [hit for hit in hits if hit.photo_id == 2]
        assert [line["text"] for line in two.evidence["reads"]["lines"]] == ["EXIT", "NO PARKING"]

    def test_the_lines_of_a_condition_are_shown_beside_those_of_the_text(
        self, asking: Asking
    ) -> None:
        query = replace(TEXT, printed="exit", must_show=("no parking",))
        hits = {hit.photo_id: hit.evidence["reads"] for hit in asking(query, 40).hits}
        assert set(hits) == {2, 5, 13, 34}
        assert [line["text"] for line in hits[2]["lines"]] == ["EXIT", "NO PARKING"]
        assert hits[2]["whole"]
        assert not hits[5]["whole"]
        assert len(hits[34]["lines"]) == 1

    def test_a_phrase_must_not_be_there(self, asking: Asking) -> None:
        def left(**options: Any) -> set[int]:
            return set(asking.ids(replace(TEXT, **options), 40))

        everyone = set(asking.gallery.cosines)
        assert left(must_not_show=("exit",)) == everyone - {1, 2, 8, 34}
        assert left(must_not_show=("exit", "no parking")) == everyone - {1, 2, 5, 8, 13, 34}
        assert left(must_show=("exit",), must_not_show=("no parking",)) == {1, 8}
        listed = Query((), must_not_show=("exit",))
        assert set(asking.ids(listed, 40)) == everyone - {1, 2, 8, 34}

    def test_a_text_finds_print_beside_looks_and_print_alone(self, asking: Asking) -> None:
        both = asking.ids(replace(TEXT, printed="exit"), 40)
        assert set(both[:4]) == {1, 2, 8, 34}
        assert len(both) == 40
        alone = Query((), printed="exit", words_only=True)
        found = asking(alone, 40)
        assert {hit.photo_id for hit in found.hits} == {1, 2, 8, 21, 34}
        assert found.hits[-1].photo_id == 21  # a part of a word
        assert found.matches_well is True
        assert asking.ids(alone, 2, offset=1) == [hit.photo_id for hit in found.hits][1:3]
        assert asking(Query((), printed="zebra", words_only=True)).matches_well is None

    def test_what_an_example_shows_in_print_is_looked_for(self, asking: Asking) -> None:
        query = Query((Part("image", b"one", 1.0),), read=True)
        printed = (Line("EXIT", 0.9, BOX), Line("NO PARKING", 0.9, BOX))
        found = asking(query, 40, wanted={"printed": printed, "notes": ("a note",)})
        assert found.read == ("EXIT", "NO PARKING")
        assert found.notes == ("a note",)
        assert {hit.photo_id for hit in found.hits[:2]} == {2, 34}
        page = asking(query, 40, offset=0, wanted={"printed": printed, "notes": ("a note",)})
        assert (page.read, page.notes) == (found.read, found.notes)
        nothing = asking(query, 40)
        assert nothing.read == ()
        assert nothing.notes == ("no words are read in the example: only looks count",)
        several = replace(query, parts=query.parts * 2)
        assert asking(several).notes == ("no words are read in the examples: only looks count",)
        assert asking(TEXT).read is None
        assert asking(TEXT).notes == ()

    def test_print_of_an_example_is_looked_for_within_the_filters(self, asking: Asking) -> None:
        query = Query((Part("image", b"one", 1.0),), Filters(name=["1", "20", "33"]), read=True)
        printed = (Line("EXIT", 0.9, BOX),)
        found = asking(query, 40, wanted={"printed": printed}).hits
        assert {hit.photo_id: "reads" in hit.evidence for hit in found} == {
            2: True,
            21: True,
            34: True,
        }
        # Two letters by themselves stand within other words all over the place.
        for text in ("NO", "N"):
            short = (Line(text, 0.9, BOX),)
            found = asking(query, 40, wanted={"printed": short}).hits
            assert not any("reads" in hit.evidence for hit in found)

    def test_a_library_that_nobody_read_says_so(self, tmp_path: Path) -> None:
        gallery = Gallery(tmp_path, [0.5, 0.6])
        query = Query((Part("image", b"one", 1.0),), read=True)
        (note,) = Asking(gallery)(query).notes
        assert note.startswith("no photo of the library has been read yet")
        assert note.endswith("photosearch index --words-only")
        gallery.snapshot.close()


class TestLists:
    """Photos by metadata alone, some at a time."""

    @pytest.mark.parametrize("listed", [1, 200])
    @pytest.mark.parametrize("size", [1, 7, 39, 40, 50])
    def test_pages_of_a_list_make_the_whole(
        self, asking: Asking, monkeypatch: pytest.MonkeyPatch, size: int, listed: int
    ) -> None:
        monkeypatch.setattr(pages, "_LISTED", listed)
        kept = Rankings()
        found: list[int] = []
        more = True
        while more:
            page = asking(Query(()), size, offset=len(found), order="name", rankings=kept)
            assert page.total == 40
            assert page.matches_well is None
            assert [hit.rank for hit in page.hits] == list(
                range(len(found) + 1, len(found) + len(page.hits) + 1)
            )
            found += [hit.photo_id for hit in page.hits]
            more = page.more
            assert more == (len(found) < 40)
        assert found == asking.ids(Query(()), 100, order="name")
        assert len(found) == 40

    def test_the_total_is_of_those_that_pass(self, asking: Asking) -> None:
        asking.gallery.lose([11, 30])
        assert asking(Query(()), 5, offset=0).total == 38
        assert [hit.rank for hit in asking(Query(()), 5).hits] == [1, 2, 3, 4, 5]
        page = asking(Query((), Filters(name="1?")), 5, offset=5)
        assert (page.total, len(page.hits), page.more) == (9, 4, False)

    def test_what_comes_while_somebody_scrolls_pushes_nothing_aside(self, asking: Asking) -> None:
        kept = Rankings()
        asking.gallery.lose([40])
        first = asking.ids(Query(()), 10, offset=0, rankings=kept)
        asking.gallery.lose([])  # the newest one is there again
        second = asking.ids(Query(()), 10, offset=10, rankings=kept)
        assert first + second == list(range(39, 19, -1))
        assert asking.ids(Query(()), 10, offset=0, rankings=kept)[0] == 40


class TestKept:
    """Which rankings are kept."""

    def test_known_by_kind_key_and_state(self) -> None:
        kept = Rankings()
        course = kept.get(Course, "a", 1, goes_on=False)
        assert kept.get(Course, "a", 1, goes_on=False) is course
        assert kept.get(Course, "b", 1, goes_on=False) is not course
        assert isinstance(kept.get(Listing, "a", 1, goes_on=False), Listing)
        # Outdated: better than none for whoever scrolls, and for nobody else.
        assert kept.get(Course, "a", 2, goes_on=True) is course
        newer = kept.get(Course, "a", 2, goes_on=False)
        assert newer is not course
        assert newer.state == 2

    def test_those_asked_for_last_stay(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(rankings, "_KEPT", 3)
        kept = Rankings()
        made = {name: kept.get(Course, name, 1, goes_on=False) for name in "abc"}
        assert kept.get(Course, "a", 1, goes_on=False) is made["a"]
        kept.get(Course, "d", 1, goes_on=False)
        for name in "ac":
            assert kept.get(Course, name, 1, goes_on=False) is made[name]
        assert kept.get(Course, "b", 1, goes_on=False) is not made["b"]

    @pytest.mark.parametrize("ids", [399, 400, 420])
    def test_large_ones_make_room(self, monkeypatch: pytest.MonkeyPatch, ids: int) -> None:
        """A list costs a twentieth of a ranking with as many photos."""
        monkeypatch.setattr(rankings, "_KEPT_PHOTOS", 20)
        kept = Rankings()
        first = kept.get(Listing, "a", 1, goes_on=False)
        first.ids = list(range(ids))
        second = kept.get(Listing, "b", 1, goes_on=False)
        is_kept = kept.get(Listing, "a", 1, goes_on=False) is first
        assert is_kept == (ids < 420)
        second.ids = list(range(10_000))
        third = kept.get(Listing, "b", 1, goes_on=False)
        assert third is second  # the one that is asked for stays, however large it is
        assert len(kept._known) == 1

    def test_folders_are_asked_again_after_a_second(self, monkeypatch: pytest.MonkeyPatch) -> None:
        now = [100.0]
        monkeypatch.setattr(rankings.time, "monotonic", lambda: now[0])
        kept = Rankings()
        online = kept.online()
        now[0] += 1.0
        assert kept.online() is online
        now[0] += 0.1
        assert kept.online() is not online


@pytest.mark.parametrize(
    ("relevances", "expected"),
    [([], None), ([None, None], None), ([0.1, None], False), ([None, 0.5], True), ([0.0], False)],
)
def test_whether_anything_matches_is_told_by_what_could_be_judged(
    relevances: Sequence[float | None], expected: bool | None
) -> None:
    assert best_match(relevances) is expected


def test_the_looking_side_is_opened_when_it_is_wanted_first(asking: Asking) -> None:
    asked = Asked(TEXT, asking.gallery.snapshot, asking.looks_for())
    assert asked.allowed[0] is None
    assert asked.allowed[1] == []
    assert asking.opened == []
    assert asked.looks is asked.must_look()
    assert asked.reads == []
    assert asking.opened == [None]
    asked.remember()
    assert asking.opened == [None, None]
    asking.opened.clear()
    example = Query((*TEXT.parts, Part("image", b"one", 1.0)))
    for query in (example, Query(example.parts[1:])):  # no text alone was typed
        Asked(query, asking.gallery.snapshot, asking.looks_for()).remember()
    assert asking.opened == []
