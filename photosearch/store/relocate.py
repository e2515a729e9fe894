"""Indexed folders that lie elsewhere now: a disk mounted at another place, a renamed home.

In: the old place and the new one. Out: roots with another path; rows, vectors and words stay. That
the photos do lie there is looked for in a sample of their files.
"""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path

from photosearch.errors import WrongUse
from photosearch.paths import join, relative_to, to_bytes, to_path
from photosearch.reports.upkeep import Relocated
from photosearch.store.catalogue import Catalogue
from photosearch.store.volumes import remember_mounts, remembered_mounts

SAMPLE = 200  # files of each folder that are looked for
_ENOUGH = 0.5  # of them: some may have been changed or deleted meanwhile


def relocate(
    catalogue: Catalogue,
    old: str | os.PathLike[str],
    new: str | os.PathLike[str],
    *,
    own_folder: Path,
    dry_run: bool = False,
    force: bool = False,
) -> Relocated:
    """Take all indexed folders at or below `old` to be at `new`."""
    before, after = to_bytes(old), to_bytes(new)
    roots = catalogue.roots()
    moved = {
        root: join(after, inner)
        for root in roots
        if (inner := relative_to(root, before)) is not None
    }
    _check(before, after, roots, moved, own_folder)
    sampled = agreed = files = 0
    for root, target in moved.items():
        if not os.path.isdir(target) and not force:
            raise WrongUse(
                f"{to_path(target)}: no such folder", hint="--force if it will be there later"
            )
        there, looked = _sample(catalogue, roots[root], target)
        if there < looked * _ENOUGH and not force:
            raise WrongUse(
                f"{to_path(target)} does not hold the photos of {to_path(root)}: {there:,} of "
                f"{looked:,} files that were looked for are there with the same size",
                hint="--force if it is the right folder all the same",
            )
        sampled, agreed = sampled + looked, agreed + there
        files += next(
            catalogue.rows("SELECT count(*) FROM files WHERE root_id = ?", (roots[root],))
        )[0]
    if not dry_run:
        with catalogue.transaction() as connection:
            # By way of names that no folder has: one root may take the place of another.
            for lead in (b"\0", b""):
                connection.executemany(
                    "UPDATE roots SET path = ? WHERE id = ?",
                    [(lead + target, roots[root]) for root, target in moved.items()],
                )
        # What was mounted at the old place says nothing of the new one.
        mounts = remembered_mounts(catalogue)
        left = {root: inner for root, inner in mounts.items() if root not in moved}
        if left != mounts:
            remember_mounts(catalogue, left)
    pairs = tuple((to_path(root), to_path(target)) for root, target in moved.items())
    return Relocated(pairs, files, sampled, agreed, dry_run)


def _check(
    before: bytes, after: bytes, roots: dict[bytes, int], moved: dict[bytes, bytes], own: Path
) -> None:
    if before == after:
        raise WrongUse("the old place and the new one are the same")
    if not moved:
        inside = [root for root in roots if relative_to(before, root)]
        if inside:
            hint = f"photosearch index {to_path(inside[0])} recognises moved photos by content"
            message = f"{to_path(before)} is a part of the indexed folder {to_path(inside[0])}"
            raise WrongUse(f"{message}: whole folders are relocated", hint=hint)
        listed = ", ".join(str(to_path(root)) for root in roots) or "none"
        raise WrongUse(
            f"{to_path(before)} is not an indexed folder", hint=f"indexed folders: {listed}"
        )
    for target in moved.values():
        if relative_to(target, to_bytes(own)) is not None:
            raise WrongUse(f"{to_path(target)} lies inside the library's own folder")
        for other in roots.keys() - moved.keys():
            if relative_to(target, other) is not None:
                raise WrongUse(
                    f"{to_path(target)} is indexed already, as {to_path(other)}",
                    hint=f"photosearch index {to_path(other)}, then "
                    f"photosearch forget {to_path(before)}: photos are recognised by content",
                )


def _sample(catalogue: Catalogue, root_id: int, target: bytes) -> tuple[int, int]:
    """(found with the same size, looked for) of files spread over a folder."""
    rows = list(
        catalogue.rows(
            "SELECT path, size FROM (SELECT path, size, row_number() OVER (ORDER BY path) AS n, "
            "count(*) OVER () AS total FROM files WHERE root_id = ? AND missing = 0) "
            "WHERE n % max(1, total / ?) = 0 LIMIT ?",
            (root_id, SAMPLE, SAMPLE),
        )
    )
    found = 0
    for path, size in rows:
        with suppress(OSError):
            found += os.stat(join(target, path)).st_size == size
    return found, len(rows)
