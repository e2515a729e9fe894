"""What is counted of photos, read from a library at once and kept as numbers.

In: a snapshot. Out: Columns, 30 bytes a photo. Counting by SQL takes 20 to 50 ms for each kind and
100,000 photos; reading all of it takes 0.5 s, and counting is then a matter of milliseconds.
"""

from __future__ import annotations

import time
from collections.abc import Hashable, Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from photosearch.paths import join
from photosearch.store.tagged import has_tags, tag_counts

if TYPE_CHECKING:
    from photosearch.store.snapshot import Snapshot

Numbers = NDArray[np.int64]

# After a change they are read anew, but while somebody is indexing this takes no more than a tenth
# of a core's time.
REST = 10


class PlaceNames(NamedTuple):
    city: str | None
    country: str | None
    names: str | None  # normal forms, each between line ends


@dataclass(frozen=True, slots=True)
class Coded:
    """A column as numbers: of each row the place of its value in `values`, -1 for None."""

    codes: NDArray[np.int32]
    values: list[Any]

    @classmethod
    def of(cls, column: Iterable[Hashable]) -> Coded:
        column = list(column)
        values = [value for value in dict.fromkeys(column) if value is not None]
        code_of: dict[Any, int] = {value: code for code, value in enumerate(values)}
        code_of[None] = -1
        codes = np.fromiter(map(code_of.__getitem__, column), np.int32, len(column))
        return cls(codes, values)

    def counts(self, rows: Any) -> list[int]:
        """How many of these rows have each value."""
        codes = self.codes[rows]
        found: list[int] = np.bincount(codes[codes >= 0], minlength=len(self.values)).tolist()
        return found


@dataclass(frozen=True, slots=True)
class Columns:
    """What is counted, of all photos that lie somewhere, in the order of their ids."""

    state: Hashable  # of the catalogue
    ids: Numbers
    months: Coded  # YYYY-MM
    cameras: Coded  # (make, camera)
    lenses: Coded
    formats: Coded
    places: Coded  # PlaceNames
    points: NDArray[np.float64]  # (latitude, longitude); NaN where it is not known
    tagged: NDArray[np.int32]  # rows, one for each tag of a photo
    tags: Coded  # (normal form, label)
    filed: NDArray[np.int32]  # rows, one for each file of a photo
    folders: Coded  # absolute paths as bytes
    files: list[bytes]  # the names of files of photos that lie at several paths, by `copied`
    copied: NDArray[np.int32]  # places in `filed` of these
    made: float = 0.0  # when, and how long it took
    took: float = 0.0

    def is_fresh(self, state: Hashable) -> bool:
        """Whether these are the columns of a library, or were a moment ago."""
        return self.state == state or (time.monotonic() - self.made < min(self.took * REST, 30.0))


def read_columns(snapshot: Snapshot) -> Columns:
    """Read all of it."""
    started = time.monotonic()
    state = snapshot.state
    files = _files(snapshot)
    photos = _photos(
        snapshot, np.unique(np.array([photo_id for photo_id, _, _ in files], np.int64))
    )
    ids, months, makes, cameras, lenses, formats, *degrees = (
        zip(*photos, strict=True) if photos else ((),) * 8
    )
    known = np.array(ids, np.int64)
    filed, is_known = rows_of(known, [photo_id for photo_id, _, _ in files])
    files = [one for one, is_there in zip(files, is_known.tolist(), strict=True) if is_there]
    copied = np.flatnonzero(np.bincount(filed, minlength=len(known))[filed] > 1).astype(np.int32)
    tagged, tags = _tags(snapshot, known)
    return Columns(
        state=state,
        ids=known,
        months=Coded.of(months),
        cameras=Coded.of(
            (make, camera) if make or camera else None
            for make, camera in zip(makes, cameras, strict=True)
        ),
        lenses=Coded.of(lenses),
        formats=Coded.of(formats),
        places=_places(snapshot, known),
        points=np.array(degrees, np.float64).T.reshape(-1, 2),
        tagged=tagged,
        tags=tags,
        filed=filed,
        folders=_folders(files),
        files=[files[at][2].rpartition(b"/")[2] for at in copied.tolist()],
        copied=copied,
        made=time.monotonic(),
        took=time.monotonic() - started,
    )


def _files(snapshot: Snapshot) -> list[tuple[int, bytes, bytes]]:
    """(photo id, root, path) of every file that is not missing."""
    roots = {number: root for root, number in snapshot.roots().items()}
    rows = snapshot.rows("SELECT photo_id, root_id, path FROM files WHERE missing = 0")
    return [(one, roots[root_id], path) for one, root_id, path in rows if root_id in roots]


def _photos(snapshot: Snapshot, lying: Numbers) -> list[Any]:
    """The plain columns of the photos that lie somewhere."""
    rows = list(
        snapshot.rows(
            "SELECT id, substr(taken_at, 1, 7), make, camera, lens, format, latitude, longitude "
            "FROM photos ORDER BY id"
        )
    )
    if len(rows) == len(lying):
        return rows
    there = set(lying.tolist())
    return [row for row in rows if row[0] in there]


def _folders(files: Sequence[tuple[int, bytes, bytes]]) -> Coded:
    """The absolute folder of each file."""
    inner = dict.fromkeys((root, path.rpartition(b"/")[0]) for _, root, path in files)
    absolute = {(root, folder): join(root, folder) for root, folder in inner}
    return Coded.of(absolute[root, path.rpartition(b"/")[0]] for _, root, path in files)


def rows_of(
    known: Numbers, ids: Sequence[int] | Numbers
) -> tuple[NDArray[np.int32], NDArray[np.bool_]]:
    """(the rows of photos, which of the photos are among them all)."""
    wanted = np.asarray(ids, np.int64)
    rows = np.searchsorted(known, wanted)
    is_known = rows < len(known)
    is_known[is_known] = known[rows[is_known]] == wanted[is_known]
    return rows[is_known].astype(np.int32), is_known


def _tags(snapshot: Snapshot, known: Numbers) -> tuple[NDArray[np.int32], Coded]:
    rows: list[Any] = []
    if has_tags(snapshot):
        rows = list(snapshot.rows("SELECT photo_id, tag FROM tags GROUP BY photo_id, tag"))
    labels = {tag: label for tag, label, _ in tag_counts(snapshot)}
    rows = [row for row in rows if row[1] in labels]
    tagged, is_known = rows_of(known, [photo_id for photo_id, _ in rows])
    kept = (row for row, is_there in zip(rows, is_known.tolist(), strict=True) if is_there)
    return tagged, Coded.of((tag, labels[tag]) for _, tag in kept)


def _places(snapshot: Snapshot, known: Numbers) -> Coded:
    column: list[PlaceNames | None] = [None] * len(known)
    if snapshot.has_table("places"):
        found = list(snapshot.rows("SELECT photo_id, city, country, names FROM places"))
        rows, is_known = rows_of(known, [row[0] for row in found])
        there = (row for row, is_there in zip(found, is_known.tolist(), strict=True) if is_there)
        for row, (_, *place) in zip(rows.tolist(), there, strict=True):
            column[row] = PlaceNames(*place)
    return Coded.of(column)
