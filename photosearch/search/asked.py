"""What a query is answered with: the photos that may be hits, its looking side, its printed words.

In: a Query, a snapshot, and a way to the looking side, which is asked only where looks count: a
query of printed words, or of metadata alone, opens no model and no index. Out: each of these, found
when it is wanted first, for whoever makes a ranking of them.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from photosearch.search.reading import Read, photos_reading, photos_sharing, photos_showing
from photosearch.search.run import Limits

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from photosearch.records import Line
    from photosearch.search.looks import Looks
    from photosearch.search.query import Query
    from photosearch.store.snapshot import Snapshot


class Asked:
    """A query, and what it is to be answered with: each found when it is wanted first."""

    def __init__(
        self,
        query: Query,
        snapshot: Snapshot,
        looks_for: Callable[[NDArray[np.int64] | None], Looks | None],
    ) -> None:
        self.query = query
        self.snapshot = snapshot
        self._looks_for = looks_for

    @cached_property
    def allowed(self) -> tuple[NDArray[np.int64] | None, list[Read]]:
        """Photos that may be hits, and what those show that must show something."""
        return _allowed(self.query, self.snapshot)

    @cached_property
    def looks(self) -> Looks | None:
        """None in a library without vectors, and where looks do not count."""
        return None if self.query.words_only else self._looks_for(self.allowed[0])

    def must_look(self) -> Looks:
        """The looking side, where there is one."""
        assert self.looks is not None
        return self.looks

    def remember(self) -> None:
        """Let the vectors of its texts be kept as those of a query that was finished: its ranking
        may have been made while somebody was typing it.
        """
        if self.query.texts and not self.query.images:
            self._looks_for(None)

    @cached_property
    def reads(self) -> list[Read]:
        printed = self.looks.wanted.printed if self.looks else ()
        return _reads(self.query, self.snapshot, *self.allowed, printed)

    @property
    def notes(self) -> tuple[str, ...]:
        return (*(self.looks.wanted.notes if self.looks else ()), *self._on_reading())

    @property
    def printed(self) -> tuple[str, ...] | None:
        """What is read in the examples; None where nobody asked for it."""
        if self.looks is None or not self.query.read:
            return None
        return tuple(line.text for line in self.looks.wanted.printed)

    def _on_reading(self) -> tuple[str, ...]:
        if self.printed is None:
            return ()
        return _notes_on_reading(self.query, self.snapshot, bool(self.printed))

    def limits(self, limits: Limits) -> Limits:
        """Without the examples themselves."""
        if self.looks is None or self.query.include_self:
            return limits
        return replace(limits, left_out=self.looks.wanted.examples)


def _allowed(query: Query, snapshot: Snapshot) -> tuple[NDArray[np.int64] | None, list[Read]]:
    """Photos that may be hits, and what those show that must show something."""
    only = query.filters.allowed_ids(snapshot)
    shown: dict[int, Read] = {}
    for phrase in query.must_show:
        reads = {read.photo_id: read for read in photos_showing(snapshot, phrase, only)}
        only = np.array(sorted(reads), np.int64)
        shown = {
            photo_id: _both(shown[photo_id], read) if photo_id in shown else read
            for photo_id, read in reads.items()
        }
    for phrase in query.must_not_show:
        reads = {read.photo_id: read for read in photos_showing(snapshot, phrase, only)}
        if only is None:
            only = snapshot.ids_where()
        only = only[~np.isin(only, list(reads))]
    return only, sorted(
        (read for photo_id, read in shown.items() if only is not None and photo_id in only),
        key=lambda read: (-read.strength, read.photo_id),
    )


def _both(first: Read, second: Read) -> Read:
    lines = tuple(dict.fromkeys((*first.lines, *second.lines)))
    return replace(first, strength=min(first.strength, second.strength), lines=lines)


def _reads(
    query: Query,
    snapshot: Snapshot,
    only: NDArray[np.int64] | None,
    shown: list[Read],
    printed: Sequence[Line] = (),
) -> list[Read]:
    """Photos by the words in them: those asked for, or printed in the examples, else those that had
    to be there.
    """
    if query.words_only and not query.printed:
        return shown
    # That a phrase must be there is a condition: it ranks photos only where nothing else does.
    known = {read.photo_id: replace(read, whole=False, strength=0.0) for read in shown}
    merged: list[Read] = []
    reads = []
    if query.printed:
        reads = photos_reading(snapshot, query.printed, only=only, sure=query.words_only)
    elif printed:
        reads = photos_sharing(snapshot, printed, only=only)
    for read in reads:
        condition = known.pop(read.photo_id, None)
        lines = (*read.lines, *(condition.lines if condition else ()))
        merged.append(replace(read, lines=tuple(dict.fromkeys(lines))))
    return merged + list(known.values())


def _notes_on_reading(query: Query, snapshot: Snapshot, found: bool) -> tuple[str, ...]:
    if found:
        return ()
    from photosearch.search.example_words import knows_words

    if not knows_words(snapshot):
        return (
            "no photo of the library has been read yet, so looks alone count: "
            "photosearch index --words-only",
        )
    example = "the example" if len(query.images) == 1 else "the examples"
    return (f"no words are read in {example}: only looks count",)
