"""Pairs of photos → groups around the one that is kept.

In: photos in the order in which they are worth keeping, pairs worth comparing, a comparison. Out:
groups. A group is a star: each member was compared with the kept one itself. Chains (a like b, b
like c) do not make groups, because their ends may be different pictures; two members need not be
alike, such as two crops of opposite sides, but the kept photo shows both.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from photosearch.store.hashes import Compared


@dataclass(frozen=True, slots=True)
class Star:
    """A photo to keep, and others that belong to it, with what the comparison said of each."""

    kept: int
    others: tuple[tuple[int, Compared], ...]


def neighbours(pairs: Iterable[tuple[int, int]]) -> dict[int, list[int]]:
    """Each photo's candidates, in the order in which they come."""
    found: dict[int, dict[int, None]] = {}
    for one, other in pairs:
        found.setdefault(one, {})[other] = None
        found.setdefault(other, {})[one] = None
    return {photo: list(others) for photo, others in found.items()}


def stars(
    in_order: Sequence[int],
    near: Mapping[int, Sequence[int]],
    belongs: Callable[[int, int], Compared | None],
    should_stop: Callable[[], bool] = lambda: False,
) -> list[Star]:
    """Groups, the best photo of each being its centre.

    belongs(kept, other): what the comparison says, None where the other is no duplicate. The
    candidates of a member are candidates for its group: of a picture that is there a hundred times
    each photo names only its nearest.
    """
    taken: set[int] = set()
    groups: list[Star] = []
    for kept in in_order:
        if kept in taken or kept not in near:
            continue
        others: list[tuple[int, Compared]] = []
        asked = {kept}
        waiting = deque(near[kept])
        while waiting:
            other = waiting.popleft()
            if other in asked or other in taken:
                continue
            if should_stop():
                return groups
            asked.add(other)
            found = belongs(kept, other)
            if found is not None:
                others.append((other, found))
                taken.add(other)
                waiting.extend(near.get(other, ()))
        if others:
            taken.add(kept)
            groups.append(Star(kept, tuple(others)))
    return groups


def recentred(
    star: Star,
    alternatives: Sequence[int],
    belongs: Callable[[int, int], Compared | None],
    is_clean: Callable[[int, int, Compared], bool],
) -> Star:
    """The group around another of its photos, where that leaves more of it without a doubt.

    Of ten versions of a picture the one with a caption, or the brightened one, is not the one to
    keep, even if it is the largest file. alternatives: members that are worth as much otherwise.
    is_clean(kept, other, found): whether the other could go. A photo to which not all the others
    belong is no centre.
    """

    def clean(kept: int, others: Iterable[tuple[int, Compared]]) -> int:
        return sum(is_clean(kept, other, found) for other, found in others)

    best, most = star, clean(star.kept, star.others)
    everyone = [star.kept, *(other for other, _ in star.others)]
    for kept in alternatives:
        if most * 2 >= len(star.others):  # most of them agree with it
            break
        found = [(other, belongs(kept, other)) for other in everyone if other != kept]
        others = tuple((other, what) for other, what in found if what is not None)
        if len(others) == len(found) and clean(kept, others) > most:
            best, most = Star(kept, others), clean(kept, others)
    return best
