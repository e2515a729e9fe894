"""Two rankings → one: photos by their looks, and photos by the words printed in them.

In: a Ranking by looks, Reads by words. Out: Found records, best first, each with what both lists
say of it. Reciprocal rank fusion (Cormack, Clarke & Büttcher 2009), with two changes: a photo that
shows the whole query as printed words comes before those that only look alike, and a photo that
shows some of it counts by the square of how much, and by how many words: two of them are hardly
chance. (Of photos with any line read 84 % are found among the first five by their longest words,
74 % where the number of words does not count, 85 % by print alone: scripts/bench fusion.) Words
that are printed in an example weigh what reading.py says, and put nothing before all else.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from photosearch.index.base import Ranking
    from photosearch.search.reading import Read

# The constant of the paper: it keeps the first ranks of one list from deciding alone.
RANK_CONSTANT = 60
MOST_TERMS = 4


@dataclass(slots=True)
class Found:
    """A photo, and its place in each list."""

    photo_id: int
    cosine: float | None = None
    look_rank: int | None = None  # None: not among the candidates by looks
    read: Read | None = None
    read_rank: int | None = None

    @property
    def worth(self) -> float:
        """The fused score: the higher the better, above 1 where the whole query is printed."""
        worth = 0.0
        if self.look_rank is not None:
            worth += 1 / (RANK_CONSTANT + self.look_rank)
        if self.read is not None and self.read_rank is not None:
            weight = self.read.weight
            if weight is None:
                weight = self.read.strength**2 * min(self.read.terms, MOST_TERMS)
                worth += self.read.whole
            worth += weight / (RANK_CONSTANT + self.read_rank)
        return worth


def fuse(looks: Ranking | None, reads: Sequence[Read]) -> list[Found]:
    """All photos of both lists, best first; equal ones in the order of their ids."""
    found: dict[int, Found] = {}
    if looks is not None:
        ranked = zip(looks.ids.tolist(), looks.scores.tolist(), strict=True)
        for rank, (photo_id, cosine) in enumerate(ranked, 1):
            found[photo_id] = Found(photo_id, cosine, rank)
    for rank, read in enumerate(reads, 1):
        one = found.setdefault(read.photo_id, Found(read.photo_id))
        one.read, one.read_rank = read, rank
    return sorted(found.values(), key=lambda one: (-one.worth, one.photo_id))
