"""How many photos there are in each folder.

In: Columns, which of the photos pass. Out: Counted records.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable, Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from photosearch.paths import ancestors, join, relative_to
from photosearch.reports.contents import Counted
from photosearch.store.functions import folded
from photosearch.survey.columns import Coded, Columns
from photosearch.survey.values import Spell, counted, most


def folders_of(
    columns: Columns,
    flags: NDArray[np.bool_],
    is_filtered: bool,
    accepts_path: Callable[[bytes], bool],
    spell: Spell,
) -> Iterator[Counted]:
    """The folders inside the innermost one that holds all photos, with all that is below them."""
    passes = flags[columns.filed]
    if is_filtered:
        for at, name in zip(columns.copied.tolist(), columns.files, strict=True):
            if passes[at]:
                folder = columns.folders.values[columns.folders.codes[at]]
                passes[at] = accepts_path(join(folder, name))
    rows, codes = columns.filed[passes].astype(np.int64), columns.folders.codes[passes]
    there = [columns.folders.values[code] for code in np.unique(codes).tolist()]
    if not there:
        return
    above = _common(there)
    children = Coded.of(_child(folder, above) for folder in columns.folders.values)
    inside = children.codes[codes]
    rows, inside = rows[inside >= 0], inside[inside >= 0]
    if len(columns.copied):  # a photo may lie twice in one folder
        pairs = np.unique(rows * max(len(children.values), 1) + inside)
        inside = (pairs % max(len(children.values), 1)).astype(np.int32)
    counts = np.bincount(inside, minlength=len(children.values)).tolist()
    found = dict(zip(children.values, counts, strict=True))
    if len(there) == 1:
        found = {above: len(np.unique(rows if len(rows) else columns.filed[passes]))}
    for folder, photos in found.items():
        yield from counted("in", os.fsdecode(folder), photos, spell, name=_name_of(folder))


def _common(folders: Sequence[bytes]) -> bytes:
    """The innermost folder that holds all of these."""
    found = folders[0]
    while any(relative_to(one, found) is None for one in folders):
        found = found.rpartition(b"/")[0] or b"/"
    return found


def folders_like(columns: Columns, typed: str, spell: Spell) -> tuple[Counted, ...]:
    """Folders whose path begins like a text, or whose name holds it, with all that is below."""
    wanted = folded(typed)
    counts = columns.folders.counts(slice(None))
    below: Counter[bytes] = Counter()
    for folder, files in zip(columns.folders.values, counts, strict=True):
        for one in ancestors(folder):
            below[one] += files
    roots = _common(columns.folders.values) if columns.folders.values else b"/"

    def is_meant(folder: bytes) -> bool:
        path = os.fsdecode(folder)
        name = path.rstrip("/").rpartition("/")[2]
        return path.startswith(typed) if "/" in typed else wanted in folded(name)

    inside = (one for one in below if relative_to(one, roots) is not None and one != b"/")
    meant = (one for one in inside if is_meant(one))
    return most(
        one
        for folder in meant
        for one in counted("in", os.fsdecode(folder), below[folder], spell, name=_name_of(folder))
    )


def _name_of(folder: bytes) -> str:
    return os.fsdecode(folder.rstrip(b"/").rpartition(b"/")[2] or folder)


def _child(folder: bytes, above: bytes) -> bytes | None:
    """The folder directly in `above` that holds this one."""
    inner = relative_to(folder, above)
    return join(above, inner.partition(b"/")[0]) if inner else None
