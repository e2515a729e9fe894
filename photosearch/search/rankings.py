"""Rankings as far as somebody has looked at them, kept so that a page costs what its hits cost.

In: the looking side of a query, Reads, limits. Out: the photos that are hits, by their places in
one ranking. What was asked and how, whoever asks knows.

Somebody who scrolls goes on in the ranking that the first page was cut from, whatever was stored or
removed since: no photo comes twice, those that are gone are left out. A first page is that of the
library as it is now.
"""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeVar

from photosearch.search.fuse import Found, fuse
from photosearch.search.hits import Online
from photosearch.search.run import Limits, passes, relevance_of

if TYPE_CHECKING:
    from photosearch.search.looks import Looks
    from photosearch.search.reading import Read
    from photosearch.store.snapshot import PhotoRow, Snapshot

# The ranking of which pages are cut is made by steps: see `_go_deeper`. The last one is as far as
# anybody can look.
STEPS = (100, 300, 1000)
# Rankings kept, and photos in all of them: 1 KB each with the words that they show.
_KEPT, _KEPT_PHOTOS = 64, 40_000
_ONLINE_SECONDS = 1.0
_BLOCK = 16  # photos looked up at a time, at least


@dataclass(slots=True)
class Course:
    """One query's ranking, as far as it was looked at."""

    state: Hashable  # of the catalogue
    lock: threading.Lock = field(default_factory=threading.Lock)
    reads: Sequence[Read] | None = None  # None: it has not begun
    left_out: frozenset[int] = frozenset()
    notes: tuple[str, ...] = ()
    printed: tuple[str, ...] | None = None
    ranked: list[Found] = field(default_factory=list)
    shown: set[int] = field(default_factory=set)
    depth: int = 0  # steps made
    is_whole: bool = False
    tried: int = 0  # of `ranked`
    passed: list[Found] = field(default_factory=list)  # the hits among those that were tried
    relevances: dict[int, float | None] = field(default_factory=dict)  # by looks

    @property
    def size(self) -> int:
        return len(self.ranked) + len(self.reads or ())


@dataclass(slots=True)
class Listing:
    """The photos that pass filters in an order, as far as they were looked at."""

    state: Hashable  # of the catalogue
    total: int | None = None  # None: it has not begun
    lock: threading.Lock = field(default_factory=threading.Lock)
    ids: list[int] = field(default_factory=list)
    is_whole: bool = False

    @property
    def size(self) -> int:
        return len(self.ids) // 20


Kept = TypeVar("Kept", Course, Listing)


class Rankings:
    """Those asked for last, for all threads of a process that stays."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._known: OrderedDict[Hashable, Course | Listing] = OrderedDict()
        self._online: tuple[float, Online] | None = None

    def get(self, kind: type[Kept], key: Hashable, state: Hashable, *, goes_on: bool) -> Kept:
        """The ranking known by a key, a new one where there is none, or one that is outdated.

        goes_on: the page is not the first one, so that an outdated one is better than none.
        """
        with self._lock:
            found = self._known.get((kind, key))
            if not isinstance(found, kind) or (found.state != state and not goes_on):
                found = kind(state)
                self._known[kind, key] = found
            self._known.move_to_end((kind, key))
            photos = sum(one.size for one in self._known.values())
            while len(self._known) > 1 and (len(self._known) > _KEPT or photos > _KEPT_PHOTOS):
                photos -= self._known.popitem(last=False)[1].size
            return found

    def online(self) -> Online:
        """Which folders are there, each asked once a second: 50 hits lie in as many folders."""
        now = time.monotonic()
        with self._lock:
            if self._online is None or now - self._online[0] > _ONLINE_SECONDS:
                self._online = now, Online()
            return self._online[1]


def look_until(
    course: Course, count: int, looks: Callable[[], Looks], snapshot: Snapshot, limits: Limits
) -> dict[int, PhotoRow]:
    """Look at a ranking until so many photos passed, or its end; gives the photos looked up."""
    photos: dict[int, PhotoRow] = {}
    while len(course.passed) < count:
        if course.tried == len(course.ranked):
            if course.is_whole:
                break
            _go_deeper(course, looks(), limits)
            continue
        end = course.tried + max(count - len(course.passed), _BLOCK)
        block = [
            one
            for one in course.ranked[course.tried : end]
            if one.photo_id not in course.left_out and passes(one, limits)
        ]
        known = snapshot.photos([one.photo_id for one in block])
        if limits.min_relevance is not None:
            judge(course, [one.photo_id for one in block], looks)
        for one in block:
            photo = known.get(one.photo_id)
            if photo is not None and _is_hit(course, one, photo, limits):
                course.passed.append(one)
        course.tried = min(end, len(course.ranked))
        photos |= known
    return photos


def judge(course: Course, photo_ids: Sequence[int], looks: Callable[[], Looks]) -> None:
    """Know the relevance of these photos; of no more than before, where looks do not count."""
    lacking = [one for one in photo_ids if one not in course.relevances]
    if lacking and course.depth:
        found = looks().relevances(lacking)
        course.relevances.update((one, found.get(one)) for one in lacking)


def _is_hit(course: Course, one: Found, photo: PhotoRow, limits: Limits) -> bool:
    if not limits.accepts(photo):
        return False
    least = limits.min_relevance
    return least is None or (relevance_of(one, course.relevances.get(one.photo_id)) or 0) >= least


def _go_deeper(course: Course, looks: Looks, limits: Limits) -> None:
    """One step on: 100 photos from a ranking of 100, then 200 others from one of 300, …

    How deep is looked changes a ranking a little: an index looks closer, and a photo that words
    brought in has a rank by looks, too. So each place has the same photo on pages of any size, and
    the first page does not wait for the last one.
    """
    depth = STEPS[course.depth] + len(course.left_out)
    ranking = looks.search(min(looks.count, depth))
    found = [one for one in fuse(ranking, course.reads or ()) if one.photo_id not in course.shown]
    step = found[: depth - len(course.shown)]
    looks.add_cosines(step)
    course.ranked += step
    course.shown.update(one.photo_id for one in step)
    course.depth += 1
    least = ranking.scores[-1] if len(ranking.scores) else 0.0
    course.is_whole = (
        course.depth == len(STEPS)
        or len(ranking.ids) >= looks.count
        or (limits.min_score is not None and least < limits.min_score)
    )
