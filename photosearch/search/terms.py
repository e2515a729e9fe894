"""Words looked up one by one among the printed words of a library, each with its rarity.

In: words in normal form, ids that may be found. Out: Term records: where each word was found, and
how well. How a photo's terms make up its strength is reading.py's.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING

from photosearch.records import Line
from photosearch.search.matching import (
    CHANCE,
    NEAR_LETTERS,
    NEAR_QUALITY,
    holds,
    is_by_chance,
    is_near,
    is_unspaced,
    lines_at,
    quality_of,
    with_neighbours,
)
from photosearch.store.words import (
    TRIGRAM,
    FoundLine,
    allow,
    either,
    lines_of,
    lines_with,
    lines_with_short,
    normal_words,
)

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from photosearch.store.snapshot import Snapshot

# A term found in more than this share of the photos with words says nothing about one of them.
_COMMON_SHARE = 0.25
_COMMON_AT_LEAST = 20
_LINES_A_TERM = 1000


@dataclass(slots=True)
class Term:
    """One word of the query, and where it was found."""

    text: str
    joined: tuple[str, ...] = ()  # with its neighbours in the query
    best: dict[int, tuple[float, FoundLine]] = field(default_factory=dict)  # by photo
    rarity: float = 0.0
    is_needed: bool = True  # without it a photo cannot show the whole text

    def note(self, found: FoundLine, quality: float) -> None:
        worth = quality * found.confidence
        before = self.best.get(found.photo_id)
        if before is None or (worth, found.weight) > (before[0], before[1].weight):
            self.best[found.photo_id] = (worth, found)


class LookUp:
    """Words of one query, looked up among the photos that may be found.

    sure: the words are said to be printed. Otherwise they may describe what a photo looks like:
    then wrong letters are guessed at only where a word is found nowhere, and a short word within a
    longer one counts but beside others. common: words that are printed everywhere count.
    """

    def __init__(
        self,
        snapshot: Snapshot,
        only: NDArray[np.int64] | None,
        *,
        sure: bool = True,
        common: bool = True,
    ) -> None:
        self.snapshot = snapshot
        self.sure = sure
        self.common = common
        self.filtered = only is not None
        if only is not None:
            allow(snapshot, only)

    def terms(self, words: Sequence[str], text: str) -> list[Term]:
        """Every term with the photos that hold it. text: in which the words stand, normal."""
        joined = with_neighbours(text.split())
        terms = [Term(word, joined.get(word, ())) for word in words]
        for term in terms:
            if len(term.text) >= TRIGRAM:
                self._look_up(term)
            else:
                self._look_up_short(term, alone=len(terms) == 1)
        self._weigh(terms)
        return terms

    def _look_up(self, term: Term) -> None:
        lines = list(
            lines_with(self.snapshot, either(term.text), _LINES_A_TERM, allowed=self.filtered)
        )
        for line in lines:
            by_chance = not self.sure and is_by_chance(term.text, line, term.joined)
            term.note(line, quality_of(term.text, line) * (CHANCE if by_chance else 1.0))
        if self.sure or not any(f" {term.text} " in line.normal for line in lines):
            for line in self._lines_near(term.text):
                term.note(line, NEAR_QUALITY)

    def _look_up_short(self, term: Term, *, alone: bool) -> None:
        if is_unspaced(term.text) or alone:
            lines = lines_with_short(self.snapshot, term.text, _LINES_A_TERM, allowed=self.filtered)
        else:  # as a word: with its blanks it has three characters
            word = either(f" {term.text} ")
            lines = lines_with(self.snapshot, word, _LINES_A_TERM, allowed=self.filtered)
        for line in lines:
            term.note(line, quality_of(term.text, line))

    def _lines_near(self, word: str) -> Iterator[FoundLine]:
        """Lines with a word that differs from this one by one letter, or two exchanged ones."""
        if len(word) < NEAR_LETTERS or is_unspaced(word):
            return
        for found in lines_with(self.snapshot, _halves(word), _LINES_A_TERM, allowed=self.filtered):
            if any(is_near(word, other) for other in found.normal.split()):
                yield found

    @cached_property
    def _lines(self) -> int:
        return self.snapshot.count("SELECT max(id) FROM lines")

    def rarity(self, held: int) -> float:
        """Of a word that stands in so many photos."""
        return math.log(1 + max(self._lines - held, 0.0) / (held + 0.5)) + 0.01

    def _weigh(self, terms: list[Term]) -> None:
        with_words: int | None = None
        for term in terms:
            # A word printed nowhere counts as if it stood in one photo: it may well describe looks.
            held = max(len(term.best), 1)
            term.rarity = self.rarity(held)
            if not self.common and held >= _COMMON_AT_LEAST:
                if with_words is None:
                    with_words = self.snapshot.count("SELECT count(DISTINCT photo_id) FROM lines")
                if held > _COMMON_SHARE * with_words:
                    term.rarity = 0.0
                    term.best.clear()
        # A term of one or two letters is looked for as a word of its own; beside longer ones it may
        # be joined to them, as in IRONMAN2.
        long = [term for term in terms if term.rarity and len(term.text) >= TRIGRAM]
        for term in terms:
            may_be_joined = long and len(term.text) < TRIGRAM and not is_unspaced(term.text)
            term.is_needed = bool(term.rarity) and not may_be_joined

    def whole(
        self, photo_id: int, phrases: tuple[str, ...], terms: Sequence[Term]
    ) -> tuple[bool, list[Line]]:
        """Whether a phrase stands in a photo as it is, and the lines that it stands in."""
        if not all(photo_id in term.best for term in terms if term.is_needed):
            return False, []
        for _, found in (term.best[photo_id] for term in terms if photo_id in term.best):
            if any(holds(found.normal, found.joined, phrase) for phrase in phrases):
                return True, [found.line]
        if len(terms) == 1:
            return False, []
        # Several words: they may stand below each other.
        lines = lines_of(self.snapshot, photo_id)
        normals = [normal_words(line.text) for line in lines]
        text = f" {' '.join(normals)} "
        for phrase in phrases:
            start = text.find(f" {phrase} ")
            if start >= 0:
                return True, lines_at(lines, normals, start, start + len(phrase) + 1)
        return False, []


def _halves(word: str) -> str:
    """An FTS5 expression for lines that may hold a word with one wrong letter.

    The wrong letter spoils one half of the word and leaves the other with its blank. Of five
    letters the middle one may spoil both: then their outer pairs are left.
    """
    middle = len(word) // 2
    if len(word) > NEAR_LETTERS:
        return either(f" {word[:middle]}", f"{word[middle:]} ")
    pairs = f"({either(' ' + word[:2])} AND {either(word[-2:] + ' ')})"
    return f"{either(' ' + word[:3], word[-3:] + ' ')} OR {pairs}"
