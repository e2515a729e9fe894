"""Lines of one photo that hold a text, by the same measure as a search of all photos for it.

In: the lines that a reader found, a text. Out: lines, each with how surely it holds the text.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

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
from photosearch.store.words import TRIGRAM, FoundLine, normal_words


def lines_holding(lines: Sequence[Line], text: str) -> list[tuple[Line, float]]:
    """(line, score), the best first: the reader's confidence times how well the line holds it.

    Of several words those lines that they stand in together, one after another or below each
    other; where they stand nowhere together, the lines with some of them.
    """
    wanted = normal_words(text[:MAX_TEXT])
    words = list(dict.fromkeys(wanted.split()))
    telling = [word for word in words if word not in STOP_WORDS] or words
    if not telling:
        return []
    found = [_found(line) for line in lines]
    phrases = phrases_of(wanted, " ".join(word for word in wanted.split() if word in telling))
    scores: dict[Line, float] = {}
    for line, one in zip(lines, found, strict=True):
        if any(holds(one.normal, one.joined, phrase) for phrase in phrases):
            scores[line] = line.confidence
    if len(telling) > 1 and not scores:
        for line in _below_each_other(lines, found, phrases):
            scores[line] = line.confidence
    if len(telling) == 1 or not scores:
        for line, one in zip(lines, found, strict=True):
            share = sum(_worth(word, one, alone=len(telling) == 1) for word in telling) / len(
                telling
            )
            if share > 0:
                scores.setdefault(line, line.confidence * share)
    return sorted(scores.items(), key=lambda item: -item[1])


def _found(line: Line) -> FoundLine:
    normal = normal_words(line.text)
    joined = normal.replace(" ", "")
    return FoundLine(0, line.text, line.confidence, "", f" {normal} ", joined, 1.0)


def _worth(word: str, found: FoundLine, *, alone: bool) -> float:
    """How well a line holds a word, 0 to 1."""
    anywhere = len(word) >= TRIGRAM or alone or is_unspaced(word)
    if f" {word} " in found.normal or (anywhere and word in found.normal):
        return quality_of(word, found)
    if len(word) >= TRIGRAM and word in found.joined:  # across a blank that the reader saw
        return quality_of(word, found)
    may_be_near = len(word) >= NEAR_LETTERS and not is_unspaced(word)
    if may_be_near and any(is_near(word, other) for other in found.normal.split()):
        return NEAR_QUALITY
    return 0.0


def _below_each_other(
    lines: Sequence[Line], found: Sequence[FoundLine], phrases: Iterable[str]
) -> Iterable[Line]:
    normals = [one.normal.strip() for one in found]
    text = f" {' '.join(normals)} "
    for phrase in phrases:
        start = text.find(f" {phrase} ")
        while start >= 0:
            yield from lines_at(lines, normals, start, start + len(phrase) + 1)
            start = text.find(f" {phrase} ", start + 1)
