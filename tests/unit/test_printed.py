"""Lines of one photo that hold a text: the same measure as in a search of all photos."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from photosearch.search.printed import lines_holding
from photosearch.search.reading import photos_reading
from photosearch.store.words import normal_words
from tests.unit.test_reading import SIGNS
from tests.unit.test_words import Words, line


@pytest.fixture(scope="module")
def signs(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Words]:
    made = Words(tmp_path_factory.mktemp("printed"), photos=len(SIGNS))
    made.store({at: list(lines) for at, lines in SIGNS.items()})
    yield made
    made.close()


def holding(lines: list[str], text: str) -> list[str]:
    return [found.text for found, _ in lines_holding([line(one) for one in lines], text)]


@pytest.mark.parametrize(
    ("lines", "text", "found"),
    [
        (["EXIT", "PUSH"], "exit", ["EXIT"]),
        (["EXIT", "FIRE EXITS", "EXIT"], "exit", ["EXIT", "FIRE EXITS"]),
        (["STATION STREET", "12 - 48"], "station street", ["STATION STREET"]),
        (["STATION STREET"], "stat1on", ["STATION STREET"]),
        (["NO", "PARKING", "NO ENTRY"], "no parking", ["NO", "PARKING"]),  # below each other
        (["MIDI", "a piano", "KEYBOARD"], "midi keyboard", ["MIDI", "KEYBOARD"]),  # apart
        (["MIDIKEYBOARD"], "midi keyboard", ["MIDIKEYBOARD"]),
        (["前往浦东机场方向", "出口"], "浦东", ["前往浦东机场方向"]),
        (["前往浦东机场方向", "出口"], "口", ["出口"]),
        (["CAFÉ CRÈME"], "cafe", ["CAFÉ CRÈME"]),
        (["EXIT"], "entrance", []),
        (["EXIT"], "!?", []),
        ([], "exit", []),
    ],
)
def test_lines_that_hold_a_text(lines: list[str], text: str, found: list[str]) -> None:
    assert holding(lines, text) == found


def test_the_surest_first_and_less_for_less_of_it() -> None:
    lines = [line("FIRE EXITS"), line("EXIT"), line("EXIXT")]
    scores = lines_holding(lines, "exits")
    assert [found.text for found, _ in scores] == ["FIRE EXITS", "EXIT"]
    assert scores[0][1] == pytest.approx(lines[0].confidence)
    assert scores[1][1] < scores[0][1]


WORDS_OF_SIGNS = sorted({word for lines in SIGNS.values() for one in lines for word in one.split()})


@settings(max_examples=60, deadline=None)
@given(st.lists(st.sampled_from(WORDS_OF_SIGNS), min_size=1, max_size=3), st.integers(0, 3))
def test_finds_a_line_in_those_photos_that_a_search_finds(
    signs: Words, words: list[str], cut: int
) -> None:
    """Of words of the signs, whole or without their first letters."""
    text = " ".join([words[0][cut:] or words[0], *words[1:]])
    if not normal_words(text):
        return
    searched = {signs.ids.index(read.photo_id) for read in photos_reading(signs.snapshot, text)}
    located = {at for at, lines in SIGNS.items() if holding(list(lines), text)}
    assert located == searched
