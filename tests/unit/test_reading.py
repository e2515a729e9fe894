"""Words asked for find the photos that show them: parts, lost blanks, wrong letters."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from photosearch.index.base import Ranking
from photosearch.search.fuse import fuse
from photosearch.search.reading import ENOUGH, Read, photos_reading, photos_showing
from photosearch.search.terms import LookUp
from photosearch.store.words import normal_words
from tests.unit.test_words import Words, line

SIGNS = {
    0: ["MIDI KEYBOARD", "made in Japan"],
    1: ["MIDIKEYBOARD"],
    2: ["NO", "PARKING", "24 HOURS"],
    3: ["Parking for customers, no trucks"],
    4: ["RESTAURANT", "open"],
    5: ["LOCATION MAP"],
    6: ["前往浦东机场方向", "出口"],
    7: ["RE16TGK"],
    8: ["the cat and the hat"],
    9: ["KEYBOARD SHOP", "Midi, Maxi & more"],
    10: ["CAFÉ CRÈME"],
    11: [],
}


@pytest.fixture(scope="module")
def signs(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Words]:
    made = Words(tmp_path_factory.mktemp("signs"), photos=len(SIGNS))
    made.store({at: list(lines) for at, lines in SIGNS.items()})
    yield made
    made.close()


def found(words: Words, text: str, **options: object) -> list[int]:
    reads = photos_reading(words.snapshot, text, **options)  # type: ignore[arg-type]
    return [words.ids.index(read.photo_id) for read in reads]


@pytest.mark.parametrize(
    ("text", "first"),
    [
        ("midi keyboard", [0, 1, 9]),  # as it is, without its blank, not together
        ("MIDI", [0, 9, 1]),
        ("no parking", [2, 3]),  # below each other, then in another order
        ("re16", [7]),
        ("浦东", [6]),
        ("浦东机场", [6]),
        ("口", [6]),
        ("cafe creme", [10]),
        ("restarant", [4]),  # a letter left out
        ("restaurent", [4]),  # a wrong one
        ("restaurantt", [4]),  # one too many
        ("resaturant", [4]),  # two exchanged
        ("cat", [8, 5]),  # the word before a part of a word
        ("24", [2]),
        ("the", [8]),
        ("mαdi", []),
        ("!?", []),
        ("", []),
    ],
)
def test_printed_words_find_photos(signs: Words, text: str, first: list[int]) -> None:
    assert found(signs, text)[: len(first) or None] == first


@pytest.mark.parametrize(
    ("text", "strength"),
    [("midi keyboard", 0.9), ("keyboard shop", 1.0), ("midi", 1.0), ("midi maxi shop", 0.9)],
)
def test_words_that_do_not_stand_together_are_a_little_weaker(
    signs: Words, text: str, strength: float
) -> None:
    reads = {signs.ids.index(one.photo_id): one for one in photos_reading(signs.snapshot, text)}
    assert reads[9].strength == pytest.approx(0.9 * strength)  # 0.9 is how surely each is read
    assert reads[9].terms == len(text.split())
    assert all(0 < one.strength <= 1 for one in reads.values())


@pytest.mark.parametrize("text", ["愛", "爱", "麵館", "面馆", "機場", "机场"])
def test_traditional_and_simplified_print_are_one(tmp_path: Path, text: str) -> None:
    made = Words(tmp_path)
    made.store({0: ["我愛麵館"], 1: ["我爱面馆"], 2: ["機場"], 3: ["机场"]})
    assert sorted(found(made, text)) == ([2, 3] if text[-1] in "場场" else [0, 1])
    made.close()


@pytest.mark.parametrize("at", range(5))
def test_one_wrong_letter_anywhere_in_five(tmp_path: Path, at: int) -> None:
    made = Words(tmp_path)
    made.store({0: ["the total sum"], 1: ["a topaz"], 2: ["totem"]})
    wrong = "total"[:at] + "x" + "total"[at + 1 :]
    assert found(made, wrong) == [0]
    made.close()


def test_short_words_must_be_right(signs: Words) -> None:
    assert found(signs, "hxt") == []
    assert found(signs, "maxx") == []


def test_three_letters_may_be_a_part_of_a_word_and_two_beside_others_may_not(signs: Words) -> None:
    def holders(*words: str) -> list[list[int]]:
        terms = LookUp(signs.snapshot, None).terms(words, " ".join(words))
        return [sorted(signs.ids.index(photo_id) for photo_id in term.best) for term in terms]

    assert holders("cat", "map") == [[5, 8], [5]]
    assert holders("at", "map") == [[], [5]]
    assert holders("at") == [[5, 8]]
    assert holders("no", "出") == [[2, 3], [6]]


def test_a_word_weighs_more_the_fewer_photos_hold_it(signs: Words) -> None:
    look_up = LookUp(signs.snapshot, None)
    total = sum(map(len, SIGNS.values()))
    floor = look_up.rarity(total)
    assert floor > 0
    assert look_up.rarity(total + 5) == floor  # lines of photos that are gone
    for held in range(1, total):
        more = look_up.rarity(held) - floor
        assert math.exp(more) == pytest.approx((total + 0.5) / (held + 0.5))
    once, twice = look_up.terms(["restaurant", "parking"], "restaurant parking")
    assert once.rarity == look_up.rarity(1)
    assert twice.rarity == look_up.rarity(2)
    assert look_up.terms(["nowhere"], "nowhere")[0].rarity == look_up.rarity(1)


class TestPhrases:
    @pytest.mark.parametrize(
        ("phrase", "shown"),
        [
            ("MIDI KEYBOARD", {0, 1}),
            ("keyboard midi", set()),
            ("no parking", {2}),
            ("parking 24 hours", {2}),
            ("cat", {8}),
            ("the cat and the hat", {8}),
            ("机场", {6}),
            ("RE16", set()),  # a part of a word is not the word
            ("restarant", set()),
        ],
    )
    def test_must_stand_there_word_for_word(
        self, signs: Words, phrase: str, shown: set[int]
    ) -> None:
        reads = photos_showing(signs.snapshot, phrase)
        assert {signs.ids.index(read.photo_id) for read in reads} == shown

    def test_lines_shown_are_those_of_the_phrase(self, signs: Words) -> None:
        (read,) = photos_showing(signs.snapshot, "parking 24")
        assert [one.text for one in read.lines] == ["PARKING", "24 HOURS"]


class TestUnsure:
    """A text that may as well describe what a photo looks like."""

    def test_common_words_move_nothing(self, signs: Words) -> None:
        for text in ("the", "a", "the and", "of the"):
            assert found(signs, text, sure=False) == []

    def test_what_is_printed_everywhere_moves_nothing(self, tmp_path: Path) -> None:
        made = Words(tmp_path, photos=60)
        made.store({at: ["Canon", f"picture {at}"] for at in range(60)})
        assert found(made, "canon", sure=False) == []
        assert len(found(made, "canon")) == 60
        assert found(made, "canon 17", sure=False) == [17]
        made.close()

    def test_a_caption_with_some_printed_word_finds_nothing(self, signs: Words) -> None:
        assert found(signs, "a man parking his red car near the beach", sure=False) == []
        assert found(signs, "an open door to the garden", sure=False) == []

    @pytest.mark.parametrize(
        ("printed", "text", "is_found"),
        [
            ("STATION STREET", "a tree", False),
            ("BANDAR", "a band", False),
            ("PEAR", "an ear", False),
            ("THIS EAR", "the sea", False),  # across a blank
            ("MIDIKEYBOARD", "a keyboard", True),  # a long word is hardly chance
            ("TREE STREET", "a tree", True),
            ("RE16TGK", "re16", True),
            ("RE16TGK", "tgk", True),
            ("aiqin爱亲", "aiqin", True),
            ("前往浦东机场方向", "机场", True),
        ],
    )
    def test_a_short_word_within_a_longer_one_is_chance_unless_print_is_asked_for(
        self, tmp_path: Path, printed: str, text: str, is_found: bool
    ) -> None:
        made = Words(tmp_path)
        made.store({0: [printed]})
        assert found(made, text, sure=False) == ([0] if is_found else [])
        if text != "the sea":
            assert found(made, text.split()[-1]) == [0]
        made.close()

    @pytest.mark.parametrize(
        ("printed", "text", "is_found"),
        [
            ("TAVISTINKERBELLY", "tinker bell", True),
            ("THEARTWORKS", "art works", True),
            ("THEARTWORKS", "works art", False),
            ("STREETOPEN", "a tree to pet", False),
        ],
    )
    def test_short_words_that_stand_there_together_are_none(
        self, tmp_path: Path, printed: str, text: str, is_found: bool
    ) -> None:
        made = Words(tmp_path)
        made.store({0: [printed]})
        assert found(made, text, sure=False) == ([0] if is_found else [])
        made.close()

    @pytest.mark.parametrize("printed", ["IRONMAN2", "IRON MAN2", "IRONMAN 2", "iron man 2!"])
    def test_lost_blanks_beside_a_short_word(self, tmp_path: Path, printed: str) -> None:
        """A word of one or two letters is looked up by itself; within others the whole is seen."""
        made = Words(tmp_path)
        made.store({0: ["IRON", "MAN"], 1: ["Blu-ray", printed], 2: ["2"]})
        for sure in (False, True):
            reads = photos_reading(made.snapshot, "Iron Man 2", sure=sure)
            assert [read.photo_id for read in reads if read.whole] == [made.ids[1]]
            assert reads[0].whole
        made.close()

    def test_one_of_two_words_counts(self, signs: Words) -> None:
        assert found(signs, "parking sign", sure=False) == [2, 3]

    def test_whole_query_is_found(self, signs: Words) -> None:
        reads = photos_reading(signs.snapshot, "a midi keyboard", sure=False)
        assert [signs.ids.index(read.photo_id) for read in reads if read.whole] == [0, 1]
        assert all(read.strength >= ENOUGH for read in reads)

    def test_guesses_only_where_nothing_is_right(self, signs: Words) -> None:
        assert found(signs, "restarant", sure=False) == [4]
        assert found(signs, "parkin", sure=False) == [2, 3]  # a part of it, and right
        assert 8 not in found(signs, "hut", sure=False)
        assert found(signs, "keyboards", sure=False) in ([0, 9], [9, 0])


class TestSubset:
    def test_ranks_inside_the_subset_as_over_all(self, signs: Words) -> None:
        for only in (np.array(signs.ids[start::2], np.int64) for start in (0, 1)):
            for text in ("midi keyboard", "parking", "cat", "no", "hours no", "出口", "restarant"):
                everywhere = [at for at in found(signs, text) if signs.ids[at] in only]
                assert sorted(found(signs, text, only=only)) == sorted(everywhere)
        assert found(signs, "midi", only=np.empty(0, np.int64)) == []


@settings(
    max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    st.one_of(
        st.text(max_size=80),
        st.lists(
            st.sampled_from(
                "midi AND OR NOT NEAR( \" ' * ^ : - ( ) -- % _ ; \0 浦 😀 the keyboard \udcff "
                "normal: parking".split(" ")
            ),
            max_size=12,
        ).map(" ".join),
        st.integers(1, 10_000).map(lambda count: "word " * count),
    ),
    st.booleans(),
)
def test_no_text_breaks_it(signs: Words, text: str, sure: bool) -> None:
    reads = photos_reading(signs.snapshot, text, sure=sure)
    assert len({read.photo_id for read in reads}) == len(reads)
    for read in reads:
        assert 0 <= read.strength <= 1
        assert read.lines
    assert reads == photos_reading(signs.snapshot, text, sure=sure)
    if not normal_words(text):
        assert reads == []


class TestFusing:
    """Reciprocal ranks of both lists."""

    def ranking(self, ids: Sequence[int]) -> Ranking:
        return Ranking(np.array(ids, np.int64), np.linspace(0.9, 0.1, len(ids), dtype=np.float32))

    def read(self, photo_id: int, strength: float = 0.9, whole: bool = False) -> Read:
        return Read(photo_id, strength, whole, (line("x"),))

    def order(self, ids: Sequence[int], reads: Sequence[Read]) -> list[int]:
        return [one.photo_id for one in fuse(self.ranking(ids), reads)]

    def test_whole_query_printed_comes_before_looks(self) -> None:
        assert self.order([1, 2, 3], [self.read(9, whole=True)]) == [9, 1, 2, 3]

    def test_in_both_outranks_either(self) -> None:
        assert self.order([1, 2, 3], [self.read(8), self.read(2)])[0] == 2
        both = self.order([1, 2, 3], [self.read(8, 1, True), self.read(2, 1, True)])
        assert both[:2] == [2, 8]

    def test_a_little_of_it_moves_little(self) -> None:
        assert self.order(list(range(1, 60)), [self.read(99, 0.6)]).index(99) > 30

    def test_several_words_of_it_move_more_than_one(self) -> None:
        ids = list(range(1, 60))
        one = fuse(self.ranking(ids), [self.read(99, 0.8)])
        three = fuse(self.ranking(ids), [replace(self.read(99, 0.8), terms=3)])
        places = [[found.photo_id for found in fused].index(99) for fused in (one, three)]
        assert places[1] < places[0]
        assert places[1] == 0

    def test_without_words_the_looks_stay(self) -> None:
        assert self.order([5, 3, 1], []) == [5, 3, 1]

    @given(
        st.permutations(range(20)),
        st.lists(
            st.tuples(st.integers(0, 30), st.floats(0, 1), st.booleans()),
            max_size=10,
            unique_by=lambda one: one[0],
        ),
    )
    def test_nothing_is_lost_or_doubled(
        self, ids: list[int], reads: list[tuple[int, float, bool]]
    ) -> None:
        fused = fuse(self.ranking(ids), [self.read(*one) for one in reads])
        assert sorted(one.photo_id for one in fused) == sorted({*ids, *(one[0] for one in reads)})
        worths = [one.worth for one in fused]
        assert worths == sorted(worths, reverse=True)
        wholes = [bool(one.read and one.read.whole) for one in fused]
        assert wholes == sorted(wholes, reverse=True)


def test_of_a_long_text_the_longest_words_are_looked_up(signs: Words) -> None:
    """A pasted page still finds what it names, however many little words stand around it."""
    little = [f"{one}{two}x" for one in "bcdfgh" for two in "bcdfgh"]
    assert found(signs, " ".join([*little, "restaurant"]), sure=True)[:1] == [4]
