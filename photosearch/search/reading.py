"""Words asked for → the photos that show them printed, best first.

In: a text. Out: Read records, each with how much of the text the photo shows and in which lines.
A text is cut into terms; each is looked up by itself, so the words of a query may stand on
different lines. How well a line holds a term:

    1        as a word of its own; in scripts without blanks, anywhere
    0.8      across a blank that the reader saw and the query lacks ("MI DI" for midi)
    up to 1  as part of a word: the root of the share that it makes up of it (RE16 in RE16TGK: 0.76)
    0.7      with one wrong letter, in words of five letters or more

Where the text is not said to be printed, a short word within a longer one counts but beside others
that are read (MIDIKEYBOARD), or with its neighbour in the text ("tinker bell" in TINKERBELLY). Of
1,074 ordinary words asked for, 16 would otherwise put a photo first that shows them within another
word (a man in TAMAN, a nut in Minute); words that are printed are found as often, 85 % of them
(scripts/bench fusion).

A photo's strength is the sum over the terms, weighted with their rarity (inverse document frequency
as in BM25: Robertson & Zaragoza 2009) and the reader's confidence.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from photosearch.records import Line
from photosearch.search.matching import MAX_TEXT, STOP_WORDS, is_unspaced, phrases_of
from photosearch.search.terms import LookUp, Term
from photosearch.store.words import TRIGRAM, has_words, normal_words

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from photosearch.store.snapshot import Snapshot

_MAX_TERMS = 32  # of a longer text the longest words are looked up
# Of a text that is not said to be printed, this much must be read for it to count: one of two
# words does ("exit sign"), some word of a caption does not. Captions lose nothing by it.
ENOUGH = 0.35
# Words that an example and a photo share count by their share of the example's and by how many they
# are, each by its rarity. Of 66 phone photos of covers 82 % have their cover first by looks and
# shared words, 74 % by the words alone, 64 % where they count as little as those of a text; the
# factor was chosen on 33 others, where 3 to 12 do nearly the same (scripts/bench instances).
_SHARED_WEIGHT = 6.0
_MOST_SHARED = 4.0


@dataclass(frozen=True, slots=True)
class Read:
    """What a photo shows of the words asked for."""

    photo_id: int
    strength: float  # 0..1: the share of the query, weighted
    whole: bool  # the whole query, as words in their order
    lines: tuple[Line, ...]  # those that hold it, best first
    terms: int = 1  # words of the query that it shows
    # How much this counts in one ranking with looks; None: by strength and terms (fuse.py).
    weight: float | None = None


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
    search = LookUp(snapshot, only, sure=sure, common=sure)
    terms = search.terms(_longest(telling or words), wanted)
    phrases = phrases_of(wanted, " ".join(telling))
    return _reads(search, terms, phrases, 0.0 if sure else ENOUGH)


def photos_sharing(
    snapshot: Snapshot,
    lines: Sequence[Line],
    *,
    only: NDArray[np.int64] | None = None,
) -> list[Read]:
    """Photos in which words are printed that are printed in an example, too, best first.

    lines: of the example. Of a page full of text the longest words are looked up. Single letters
    are mostly shapes, and a word that is printed everywhere tells nothing.
    """
    wanted = normal_words(" ".join(line.text for line in lines))
    words = [
        word
        for word in dict.fromkeys(wanted.split())
        if word not in STOP_WORDS and (len(word) > 1 or is_unspaced(word))
    ]
    if len(words) == 1 and len(words[0]) < TRIGRAM and not is_unspaced(words[0]):
        return []  # two letters by themselves stand within other words all over the place
    if not words or not has_words(snapshot):
        return []
    search = LookUp(snapshot, only, common=False)
    terms = search.terms(_longest(words), wanted)
    total = sum(term.rarity for term in terms) / search.rarity(1)  # in words that stand once
    return [
        replace(
            read,
            weight=_SHARED_WEIGHT * read.strength * min(read.strength * total, _MOST_SHARED),
        )
        for read in _reads(search, terms, (wanted,), 0.0)
    ]


def _reads(
    search: LookUp, terms: Sequence[Term], phrases: tuple[str, ...], enough: float
) -> list[Read]:
    """The photos that hold some of the terms, and at least this share of them, best first."""
    total = sum(term.rarity for term in terms)
    if not total:
        return []
    reads: list[tuple[Read, float]] = []
    for photo_id in set().union(*(term.best for term in terms)):
        held = [(term, *term.best[photo_id]) for term in terms if photo_id in term.best]
        strength = sum(term.rarity * worth for term, worth, _ in held) / total
        whole, lines = search.whole(photo_id, phrases, terms)
        if not whole:
            if len(held) == len(terms) > 1:
                strength *= 0.9  # the words are there, but not together
            if strength < enough:
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


def _longest(words: Sequence[str]) -> Sequence[str]:
    if len(words) <= _MAX_TERMS:
        return words
    kept = set(sorted(words, key=lambda word: -len(word))[:_MAX_TERMS])
    return [word for word in words if word in kept]
