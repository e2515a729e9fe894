"""Words asked for → the photos that show them printed, best first.

In: a text. Out: Read records, each with how much of the text the photo shows and in which lines.
A text is cut into terms; each is looked up by itself, so the words of a query may stand on
different lines. How well a line holds a term:

    1        as a word of its own; in scripts without blanks, anywhere
    0.8      across a blank that the reader saw and the query lacks ("MI DI" for midi)
    up to 1  as part of a word: the root of the share that it makes up of it (RE16 in RE16TGK: 0.76)
    0.7      with one wrong letter, in words of five letters or more

and a photo's strength is the sum over the terms, weighted with their rarity (inverse document
frequency as in BM25: Robertson & Zaragoza 2009) and the reader's confidence.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from photosearch.records import Line
from photosearch.search.matching import (
    MAX_TEXT,
    NEAR_LETTERS,
    NEAR_QUALITY,
    STOP_WORDS,
    holds,
    is_near,
    is_unspaced,
    lines_at,
    phrases_of,
    quality_of,
)
from photosearch.store.words import (
    TRIGRAM,
    FoundLine,
    allow,
    either,
    has_words,
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
_MAX_TERMS = 32  # of a longer text the longest words are looked up
# Of a text that is not said to be printed, this much must be read for it to count: one of two
# words does ("exit sign"), some word of a caption does not. Captions lose nothing by it.
ENOUGH = 0.35
_LINES_A_TERM = 1000


@dataclass(frozen=True, slots=True)
class Read:
    """What a photo shows of the words asked for."""

    photo_id: int
    strength: float  # 0..1: the share of the query, weighted
    whole: bool  # the whole query, as words in their order
    lines: tuple[Line, ...]  # those that hold it, best first
    terms: int = 1  # words of the query that it shows


@dataclass(slots=True)
class _Term:
    """One word of the query, and where it was found."""

    text: str
    best: dict[int, tuple[float, FoundLine]] = field(default_factory=dict)  # by photo
    rarity: float = 0.0

    def note(self, found: FoundLine, quality: float) -> None:
        worth = quality * found.confidence
        before = self.best.get(found.photo_id)
        if before is None or (worth, found.weight) > (before[0], before[1].weight):
            self.best[found.photo_id] = (worth, found)


def photos_reading(
    snapshot: Snapshot,
    text: str,
    *,
    only: NDArray[np.int64] | None = None,
    sure: bool = True,
) -> list[Read]:
    """Photos that show a text or some of it, best first.

    sure: the text is meant to be printed. Otherwise it may describe what a photo looks like: then
    words printed everywhere do not count, guesses at wrong letters only where a word is found
    nowhere, and photos that show less than ENOUGH of it are left out.
    """
    wanted = normal_words(text[:MAX_TEXT])
    if not wanted or not has_words(snapshot):
        return []
    words = list(dict.fromkeys(wanted.split()))
    telling = [word for word in words if word not in STOP_WORDS]
    if not telling and not sure:
        return []
    search = _Search(snapshot, only, sure)
    terms = search.terms(_longest(telling or words))
    total = sum(term.rarity for term in terms)
    if not total:
        return []
    phrases = phrases_of(wanted, " ".join(telling))
    reads: list[tuple[Read, float]] = []
    for photo_id in set().union(*(term.best for term in terms)):
        held = [(term, *term.best[photo_id]) for term in terms if photo_id in term.best]
        strength = sum(term.rarity * worth for term, worth, _ in held) / total
        whole, lines = search.whole(photo_id, phrases, terms)
        if not whole:
            if len(held) == len(terms) > 1:
                strength *= 0.9  # the words are there, but not together
            if not sure and strength < ENOUGH:
                continue
            lines = [found.line for _, _, found in sorted(held, key=lambda one: -one[1])]
        read = Read(photo_id, min(strength, 1.0), whole, tuple(dict.fromkeys(lines)), len(held))
        reads.append((read, sum(found.weight * worth for _, worth, found in held)))
    reads.sort(key=lambda one: (-one[0].whole, -one[0].strength, -one[1], one[0].photo_id))
    return [read for read, _ in reads]


def photos_showing(
    snapshot: Snapshot, phrase: str, only: NDArray[np.int64] | None = None
) -> list[Read]:
    """Photos in which a phrase is printed, word for word."""
    return [read for read in photos_reading(snapshot, phrase, only=only) if read.whole]


class _Search:
    """The looking up of terms."""

    def __init__(self, snapshot: Snapshot, only: NDArray[np.int64] | None, sure: bool) -> None:
        self.snapshot = snapshot
        self.sure = sure
        self.filtered = only is not None
        if only is not None:
            allow(snapshot, only)

    def terms(self, words: Sequence[str]) -> list[_Term]:
        """Every term with the photos that hold it."""
        terms = [_Term(word) for word in words]
        for term in terms:
            if len(term.text) >= TRIGRAM:
                self._look_up(term)
            else:
                self._look_up_short(term, alone=len(terms) == 1)
        self._weigh(terms)
        return terms

    def _look_up(self, term: _Term) -> None:
        lines = list(
            lines_with(self.snapshot, either(term.text), _LINES_A_TERM, allowed=self.filtered)
        )
        for line in lines:
            term.note(line, quality_of(term.text, line))
        if self.sure or not any(f" {term.text} " in line.normal for line in lines):
            for line in self._lines_near(term.text):
                term.note(line, NEAR_QUALITY)

    def _look_up_short(self, term: _Term, *, alone: bool) -> None:
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

    def _weigh(self, terms: list[_Term]) -> None:
        lines = self.snapshot.rows("SELECT max(id) FROM lines")
        count = next(iter(lines))[0] or 0
        with_words: int | None = None
        for term in terms:
            # A word printed nowhere counts as if it stood in one photo: it may well describe looks.
            held = max(len(term.best), 1)
            term.rarity = math.log(1 + max(count - held, 0.0) / (held + 0.5)) + 0.01
            if not self.sure and held >= _COMMON_AT_LEAST:
                if with_words is None:
                    rows = self.snapshot.rows("SELECT count(DISTINCT photo_id) FROM lines")
                    with_words = int(next(iter(rows))[0])
                if held > _COMMON_SHARE * with_words:
                    term.rarity = 0.0
                    term.best.clear()

    def whole(
        self, photo_id: int, phrases: tuple[str, ...], terms: list[_Term]
    ) -> tuple[bool, list[Line]]:
        """Whether a phrase stands in a photo as it is, and the lines that it stands in."""
        if not all(photo_id in term.best for term in terms if term.rarity):
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


def _longest(words: Sequence[str]) -> Sequence[str]:
    if len(words) <= _MAX_TERMS:
        return words
    kept = set(sorted(words, key=lambda word: -len(word))[:_MAX_TERMS])
    return [word for word in words if word in kept]


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
