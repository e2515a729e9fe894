"""How well a line of print holds a word or a phrase, measured against plain definitions of it."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from photosearch.records import Line
from photosearch.search.matching import (
    holds,
    is_near,
    is_unspaced,
    lines_at,
    phrases_of,
    quality_of,
)
from photosearch.store.words import FoundLine

letters = st.text("abc", min_size=1, max_size=5)


def found(normal: str) -> FoundLine:
    return FoundLine(1, normal, 0.9, "[]", f" {normal} ", normal.replace(" ", ""), 1.0)


@pytest.mark.parametrize(
    ("char", "unspaced"),
    [
        ("\u2e7f", False),
        ("\u2e80", True),
        ("\u9fff", True),
        ("\ua000", False),
        ("\uf8ff", False),
        ("\uf900", True),
        ("\ufaff", True),
        ("\ufb00", False),
        ("\u0dff", False),
        ("\u0e00", True),
        ("\u0eff", True),
        ("\u0f00", False),
        ("\U0001ffff", False),
        ("\U00020000", True),
    ],
)
def test_scripts_without_blanks_begin_and_end_where_unicode_says(char: str, unspaced: bool) -> None:
    assert is_unspaced(char) == unspaced
    assert is_unspaced(f"a{char}b") == unspaced


def test_a_word_is_worth_more_the_more_of_a_printed_word_it_is() -> None:
    whole = quality_of("keyboard", found("midi keyboard"))
    across = quality_of("keyboard", found("key board"))
    most = quality_of("keyboard", found("midikeyboards"))
    little = quality_of("key", found("keyboard"))
    assert whole == 1
    assert 1 > most > little > 0
    assert 1 > across > 0
    # The shorter of two holders counts, wherever it stands in the line.
    assert quality_of("key", found("keyboard keys")) == quality_of("key", found("keys keyboard"))
    assert quality_of("key", found("keyboard keys")) == pytest.approx((3 / 4) ** 0.5)


def test_short_words_across_a_blank_are_worth_half_as_much() -> None:
    long, short = (quality_of(word, found("mid ixyz")) for word in ("midix", "midi"))
    assert short == long / 2
    assert quality_of("机场", found("浦东机场")) == 1
    assert quality_of("机场", found("浦东机 场")) == 1
    assert quality_of("kbd", found("k bd")) == short


@pytest.mark.parametrize(
    ("line", "phrase", "expected"),
    [
        ("midi keyboard", "midi keyboard", True),
        ("the midi keyboard shop", "midi keyboard", True),
        ("midikeyboard", "midi keyboard", True),
        ("a midikeyboard", "midi keyboard", True),
        ("mid ikeyboard", "midi keyboard", True),
        ("midikeyboards", "midi keyboard", False),
        ("amidikeyboard", "midi keyboard", False),
        ("midikey", "midikey board", False),
        ("mid i", "midi", False),  # one word, across a blank
        ("midi keyboards", "midi keyboard", False),
        ("浦东机场", "东机", True),
        ("浦东 机场", "东机", True),
        ("浦东机场", "东 机", True),
        ("浦东机场", "机东", False),
    ],
)
def test_a_phrase_stands_there_with_or_without_its_blanks(
    line: str, phrase: str, expected: bool
) -> None:
    one = found(line)
    assert holds(one.normal, one.joined, phrase) == expected


def edits(word: str) -> set[str]:
    """Everything that one slip makes of a word."""
    cut = [(word[:at], word[at:]) for at in range(len(word) + 1)]
    made = {a + b[1:] for a, b in cut if b}
    made |= {a + b[1] + b[0] + b[2:] for a, b in cut if len(b) > 1}
    made |= {a + char + b[1:] for a, b in cut if b for char in "abc"}
    made |= {a + char + b for a, b in cut for char in "abc"}
    return made - {word}


@given(letters, letters)
def test_one_slip_is_near_and_nothing_else(word: str, other: str) -> None:
    assert is_near(word, other) == (other in edits(word))
    for one in list(edits(word))[:5]:
        assert is_near(word, one)


@given(st.lists(st.lists(letters, max_size=3).map(" ".join), max_size=5), st.data())
def test_lines_of_a_phrase_are_those_its_words_stand_in(
    normals: list[str], data: st.DataObject
) -> None:
    lines = [Line(f"{number} {text}", 0.9, ()) for number, text in enumerate(normals)]
    words = [(number, word) for number, text in enumerate(normals) for word in text.split()]
    text = " " + "".join(f"{text} " for text in normals)
    for first in range(len(words)):
        last = data.draw(st.integers(first, len(words) - 1))
        phrase = " ".join(word for _, word in words[first : last + 1])
        # Where lines are empty there are two blanks, and the phrase does not stand in the text.
        start = text.find(f" {phrase} ")
        if start < 0:
            continue
        held = lines_at(lines, normals, start, start + len(phrase) + 1)
        joined = " ".join(normals[lines.index(one)] for one in held)
        assert f" {phrase} " in f" {joined} "
        # None of the outer ones could be left out.
        for less in (held[1:], held[:-1]):
            without = " ".join(normals[lines.index(one)] for one in less)
            if len(re.findall(f"(?= {re.escape(phrase)} )", text)) == 1:
                assert f" {phrase} " not in f" {without} "


def test_a_text_is_asked_for_with_and_without_its_common_words() -> None:
    assert phrases_of("the exit", "exit") == ("the exit", "exit")
    assert phrases_of("exit", "exit") == ("exit",)
    assert phrases_of("the", "") == ("the",)
