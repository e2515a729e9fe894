"""Whether and how well a line of printed words holds a word or a phrase.

In: normal forms (store/words.py). Out: shares, truths, stretches of lines. Knows no catalogue: the
search of all photos (reading.py) and that of one photo (printed.py) measure alike by it.
"""

from __future__ import annotations

import itertools
import math
import re
from collections.abc import Iterable, Sequence

from photosearch.records import Line
from photosearch.store.words import FoundLine

# Words that are printed everywhere and ask for nothing, unless nothing else is asked for.
STOP_WORDS = frozenset(
    "a an and are as at be by for from has have he her his i in into is it its of on or our she "
    "some that the their them there they this to up was we with you your 的 了 在 和".split()
)
MAX_TEXT = 2000  # characters; no line is longer
NEAR_LETTERS = 5
NEAR_QUALITY = 0.7
# A shorter word stands within longer ones by chance: a tree in STREET, an ear in PEAR.
_TELLING_LETTERS = 6
CHANCE = 0.35  # of its quality; by itself it stays below what counts (ENOUGH in reading.py)
_JOINED_QUALITY = 0.8
_JOINED_LETTERS = 5  # shorter ones stand across blanks by chance


def phrases_of(wanted: str, telling: str) -> tuple[str, ...]:
    """The text, and the text without words such as "the"."""
    return tuple(dict.fromkeys(one for one in (wanted, telling) if one))


def quality_of(word: str, found: FoundLine) -> float:
    """How well a line holds a word (the table in reading.py)."""
    if f" {word} " in found.normal or (is_unspaced(word) and word in found.joined):
        return 1.0
    holders = [other for other in found.normal.split() if word in other]
    if holders:
        return math.sqrt(len(word) / min(map(len, holders)))
    if len(word) >= _JOINED_LETTERS:
        return _JOINED_QUALITY
    return 0.5 * _JOINED_QUALITY


def with_neighbours(words: Sequence[str]) -> dict[str, tuple[str, ...]]:
    """Each word of a text joined to the word before and to that after it, as readers join them."""
    joined: dict[str, tuple[str, ...]] = {}
    for one, other in itertools.pairwise(words):
        if len(one) + len(other) >= _TELLING_LETTERS:
            for word in (one, other):
                joined[word] = (*joined.get(word, ()), one + other)
    return joined


def is_by_chance(word: str, found: FoundLine, joined: Sequence[str] = ()) -> bool:
    """Whether a line holds a short word nowhere but within longer ones, or across a blank.

    Beside a digit it is a part of a code, one beside a Chinese character stands by itself, and one
    that stands there with its neighbour of the query (`joined`) is what was asked for: TINKERBELLY.
    """
    if len(word) >= _TELLING_LETTERS or not word.isalpha() or is_unspaced(word):
        return False
    normal = found.normal  # with a blank before and after it
    if any(both in normal for both in joined):
        return False
    return all(
        _is_spelled(normal[place.start() - 1]) or _is_spelled(normal[place.end()])
        for place in re.finditer(word, normal)
    )


def _is_spelled(char: str) -> bool:
    """Whether this is a letter of those that words are spelled with."""
    return char.isalpha() and not is_unspaced(char)


def holds(normal: str, joined: str, phrase: str) -> bool:
    if f" {phrase} " in normal:
        return True
    together = phrase.replace(" ", "")
    if is_unspaced(together):
        return together in joined
    # Readers lose blanks: MIDIKEYBOARD. It must be all of one or more printed words.
    return " " in phrase and together in _runs(normal, len(together))


def _runs(normal: str, length: int) -> set[str]:
    """All runs of neighbouring words of a line, joined, that have this many letters."""
    words = normal.split()
    runs = set()
    for first in range(len(words)):
        joined = ""
        for word in words[first:]:
            joined += word
            if len(joined) >= length:
                break
        if len(joined) == length:
            runs.add(joined)
    return runs


def lines_at(lines: Iterable[Line], normals: Sequence[str], start: int, end: int) -> list[Line]:
    """The lines that make up a stretch of their joined text, which begins with a blank."""
    held = []
    at = 1
    for line, normal in zip(lines, normals, strict=True):
        if at < end and at + len(normal) > start + 1:
            held.append(line)
        at += len(normal) + 1
    return held


def is_unspaced(word: str) -> bool:
    """Whether a word has a letter of a script that is written without blanks."""
    return any(
        "\u2e80" <= char <= "\u9fff"  # kana, bopomofo, Chinese characters
        or "\uf900" <= char <= "\ufaff"
        or "\u0e00" <= char <= "\u0eff"  # Thai, Lao
        or char >= "\U00020000"
        for char in word
    )


def is_near(word: str, other: str) -> bool:
    """Whether two words differ by one letter, or by two neighbours that changed places."""
    if abs(len(other) - len(word)) > 1:
        return False
    from rapidfuzz.distance import OSA  # 10 ms, which most queries do without

    return OSA.distance(word, other, score_cutoff=1) == 1
