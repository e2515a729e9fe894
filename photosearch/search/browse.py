"""Photos by metadata alone: those that pass the filters, in some order.

In: allowed ids and an order. Out: ids.
"""

from __future__ import annotations

import glob
import os
import re
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from photosearch.errors import WrongUse
from photosearch.filenames import PHOTO_SUFFIXES, RAW_SUFFIXES, suffix_of
from photosearch.search.filters import Filters
from photosearch.store.words import allow

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from photosearch.records import Hit
    from photosearch.store.snapshot import Snapshot

# Up to so many photos are sorted; of more, those that are wanted are looked for in their order.
_FEW = 20_000

# How --sort names an order → what it means.
ORDERS = {
    "relevance": "the best match first",
    "date": "the newest first",
    "oldest": "the oldest first",
    "name": "by path",
}
_SQL = {
    "date": "p.taken_at IS NULL, p.taken_at DESC, p.id DESC",
    "oldest": "p.taken_at IS NULL, p.taken_at, p.id",
    "name": "min(r.path || CAST('/' AS BLOB) || f.path), p.id",
}


def check_order(order: str) -> None:
    """Raises WrongUse where there is no such order."""
    if order not in ORDERS:
        raise WrongUse(f"--sort {order!r} is no order", hint=f"one of: {', '.join(ORDERS)}")


def listed(snapshot: Snapshot, only: NDArray[np.int64] | None, order: str, count: int) -> list[int]:
    """The first ids in this order; without a query "relevance" is "date"."""
    check_order(order)
    if order == "name" or (only is not None and len(only) < _FEW):
        return _sorted(snapshot, only, order, count)
    # Along the index of dates, only as far as needed: sorting a million photos takes 0.5 s.
    allowed = ""
    if only is not None:
        allow(snapshot, only)
        allowed = "AND is_allowed(p.id) "
    lies = "EXISTS (SELECT 1 FROM files f WHERE f.photo_id = p.id AND f.missing = 0)"
    by_date = "p.taken_at, p.id" if order == "oldest" else "p.taken_at DESC, p.id DESC"
    by_id = "p.id" if order == "oldest" else "p.id DESC"
    found: list[int] = []
    for dated, by in (("IS NOT NULL", by_date), ("IS NULL", by_id)):
        if len(found) < count:
            rows = snapshot.rows(
                f"SELECT p.id FROM photos p WHERE p.taken_at {dated} AND {lies} {allowed}"
                f"ORDER BY {by} LIMIT ?",
                (count - len(found),),
            )
            found += (photo_id for (photo_id,) in rows)
    return found


def _sorted(
    snapshot: Snapshot, only: NDArray[np.int64] | None, order: str, count: int
) -> list[int]:
    subset = "" if only is None else " AND p.id IN (SELECT value FROM json_each(?))"
    ids = () if only is None else (f"[{','.join(map(str, only.tolist()))}]",)
    rows = snapshot.rows(
        "SELECT p.id FROM photos p JOIN files f ON f.photo_id = p.id "
        f"JOIN roots r ON r.id = f.root_id WHERE f.missing = 0{subset} "
        f"GROUP BY p.id ORDER BY {_SQL[order if order in _SQL else 'date']} LIMIT ?",
        (*ids, count),
    )
    return [photo_id for (photo_id,) in rows]


def in_order(hits: Sequence[Hit], order: str) -> list[Hit]:
    """Hits of a query in another order than the best first, numbered anew."""
    check_order(order)
    if order == "relevance":
        return list(hits)
    if order == "name":
        ordered = sorted(hits, key=lambda hit: os.fsencode(hit.path))
    else:
        dated = [hit for hit in hits if hit.taken_at]
        dated.sort(key=lambda hit: hit.taken_at or "", reverse=order == "date")
        ordered = [*dated, *(hit for hit in hits if not hit.taken_at)]
    return [replace(hit, rank=rank) for rank, hit in enumerate(ordered, 1)]


def count_named(snapshot: Snapshot, text: str) -> int:
    """Photos whose file is called like this text, with or without its ending.

    Every name has to be compared (30 ms for 100,000), so only texts that may be one are looked
    for: with the ending of a photo, or without blanks and with a digit or an underscore.
    """
    name = text.strip()
    ending = suffix_of(name.encode("utf-8", "replace"))
    looks_like_one = ending in PHOTO_SUFFIXES | RAW_SUFFIXES or (
        not re.search(r"\s", name) and re.search(r"[\d_]", name)
    )
    if not looks_like_one or re.search(r"[/*?]", name):
        return 0
    ids = Filters(name=glob.escape(name)).allowed_ids(snapshot)
    return 0 if ids is None else len(ids)
