"""Which photos a search elsewhere may look at: sorted ids → few short conditions on `id`.

In: the allowed ids, which SQL has found. Out: conditions, each with the ids that it stands for.
The ids are pushed down, not the filters themselves: SQL alone knows folded names, folders, places,
tags and which file is missing, and a second copy of these facts would be a second truth.

Photos get their ids in the order in which they were found, folder by folder, so that a folder or a
holiday is one range or a few. What is scattered goes as a list. Too many for a list, they are
looked for within ranges that hold others too, and these are dropped afterwards.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Ids = NDArray[np.int64]

# Ids in one list: 90 KB of text. They are written out: not every Milvus knows the templates that
# carry values beside the text.
LIST = 10_000
# Ranges in one condition: each is compared with every photo.
RANGES = 16


@dataclass(frozen=True, slots=True)
class Condition:
    """A condition on `id`, and the ids it is there for; `share` of what it lets pass are these."""

    text: str
    ids: Ids | None  # sorted; None: all photos
    share: float = 1.0


def conditions(only: Ids | None) -> list[Condition]:
    """One condition that lets all allowed ids pass, and as few others as it can."""
    if only is None:
        return [Condition("", None)]
    first, last = runs(only)
    if len(first) > RANGES and len(only) <= LIST:
        return lists(only)
    if len(first) > RANGES:
        # The widest gaps stay gaps, the others are searched as well.
        gaps = first[1:] - last[:-1]
        kept = np.sort(np.argpartition(-gaps, RANGES - 2)[: RANGES - 1])
        first = np.concatenate([first[:1], first[kept + 1]])
        last = np.concatenate([last[kept], last[-1:]])
    text = " or ".join(
        f"(id >= {low} and id <= {high})"
        for low, high in zip(first.tolist(), last.tolist(), strict=True)
    )
    return [Condition(text, only, share=len(only) / int((last - first + 1).sum()))]


def lists(only: Ids) -> list[Condition]:
    """The allowed ids as lists: nothing else passes, however many searches it takes."""
    parts = [only[at : at + LIST] for at in range(0, len(only), LIST)]
    return [Condition(f"id in {part.tolist()}", part) for part in parts]


def runs(only: Ids) -> tuple[Ids, Ids]:
    """The first and last ids of the stretches without a gap."""
    ends = np.flatnonzero(np.diff(only) > 1)
    return only[np.concatenate([[0], ends + 1])], only[np.concatenate([ends, [len(only) - 1]])]
