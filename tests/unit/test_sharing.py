"""Words that an example and photos of the library share: what they find, and what they weigh."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from photosearch.errors import WrongUse
from photosearch.index.base import Ranking
from photosearch.search.fuse import fuse
from photosearch.search.query import make_query
from photosearch.search.reading import Read, photos_sharing
from tests.unit.test_reading import SIGNS
from tests.unit.test_words import Words, line

PAGES = 24  # more photos with the same word


@pytest.fixture(scope="module")
def signs(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Words]:
    made = Words(tmp_path_factory.mktemp("sharing"), photos=len(SIGNS) + PAGES)
    everywhere = {len(SIGNS) + page: ["Battery 80"] for page in range(PAGES)}
    made.store({at: list(lines) for at, lines in SIGNS.items()} | everywhere)
    yield made
    made.close()


def sharing(signs: Words, *lines: str) -> list[tuple[int, Read]]:
    reads = photos_sharing(signs.snapshot, [line(one) for one in lines])
    return [(signs.ids.index(read.photo_id), read) for read in reads]


def looks(signs: Words, *photos: int) -> Ranking:
    ids = np.array([signs.ids[photo] for photo in photos], np.int64)
    return Ranking(ids, np.linspace(0.9, 0.5, len(ids), dtype=np.float32))


def fused(signs: Words, ranking: Ranking, *lines: str) -> list[int]:
    reads = photos_sharing(signs.snapshot, [line(one) for one in lines])
    return [signs.ids.index(found.photo_id) for found in fuse(ranking, reads)]


@pytest.mark.parametrize(
    ("lines", "best"),
    [
        (["midi keyboard"], 0),
        (["KEYBOARD", "49,90", "NEW", "MIDI", "JAPAN"], 0),  # among what else is in the picture
        (["PARKlNG", "24 HOUR5", "NO"], 2),  # with a wrong letter in each
        (["浦东机场"], 6),
        (["cafe creme"], 10),
    ],
)
def test_the_photo_that_shares_most_is_first(signs: Words, lines: list[str], best: int) -> None:
    reads = sharing(signs, *lines)
    assert reads[0][0] == best
    assert reads[0][1].lines
    weights = [read.weight or 0.0 for _, read in reads]
    assert weights[0] == max(weights) > 0


@pytest.mark.parametrize(
    "lines",
    [
        [],
        ["!?", "..."],
        ["R", "M", "o"],  # single letters
        ["ca"],  # stands within café
        ["the", "and"],
        ["Battery"],  # printed in most photos
    ],
    ids=["nothing", "marks", "letters", "two letters", "stop words", "everywhere"],
)
def test_what_says_nothing_finds_nothing(signs: Words, lines: list[str]) -> None:
    assert sharing(signs, *lines) == []


def test_one_word_of_many_does_not_beat_looks_and_the_whole_print_does(signs: Words) -> None:
    ranking = looks(signs, 5, 8, 11)
    many = ["RESTAURANT", "lorem ipsum dolor", "sit amet consectetur", "adipiscing elit sed"]
    assert fused(signs, ranking, *many)[0] == 5
    assert fused(signs, ranking, "MIDI KEYBOARD", "made in Japan")[0] == 0


def test_shared_print_puts_nothing_before_all_else(signs: Words) -> None:
    """As a typed phrase does: the words may stand in the example by chance."""
    (found,) = fuse(None, [read for _, read in sharing(signs, "RE16TGK")])
    assert found.read is not None
    assert found.read.whole
    assert found.worth < 1


WORDS = sorted({word for lines in SIGNS.values() for one in lines for word in one.split()})


@settings(max_examples=60, deadline=None)
@given(st.lists(st.text(max_size=8) | st.sampled_from(WORDS), max_size=90), st.booleans())
def test_any_lines_are_looked_up(signs: Words, texts: list[str], joined: bool) -> None:
    """A page of text, stray bytes, marks: each photo once, within what was allowed."""
    lines = [line(" ".join(texts))] if joined else [line(text) for text in texts]
    only = np.array(signs.ids[:8], np.int64)
    reads = photos_sharing(signs.snapshot, lines, only=only)
    found = [read.photo_id for read in reads]
    assert len(found) == len(set(found))
    assert set(found) <= set(only.tolist())
    for read in reads:
        assert 0 < read.strength <= 1
        assert read.weight is not None
        assert 0 <= read.weight <= 24
        assert read.lines


def test_wrong_use() -> None:
    with pytest.raises(WrongUse, match="there is none"):
        make_query("cat", read=True)
    with pytest.raises(WrongUse, match="no_words"):
        make_query(images=["a.jpg"], read=True, words=False)
    assert make_query(images=["a.jpg"], read=True).read
