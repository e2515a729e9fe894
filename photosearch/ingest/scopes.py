"""Paths given to `index` → roots, and the part of each that is to be walked.

In: paths. Out: Scope records. A path inside a known root is a part of that root, not a root of
its own; a known root inside a given path keeps its own files. Every file belongs to the innermost
root that contains it.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from photosearch.errors import WrongUse
from photosearch.paths import relative_to, to_bytes
from photosearch.store.catalogue import Catalogue


@dataclass(frozen=True, slots=True)
class Scope:
    """A root, and the folder or file in it to start from (b"" for all of it)."""

    root_id: int
    root: bytes
    start: bytes = b""

    @property
    def is_online(self) -> bool:
        return os.path.isdir(self.root)


def scopes_of(
    catalogue: Catalogue,
    paths: Sequence[str | os.PathLike[str]],
    *,
    own_folder: Path,
    create: bool = True,
) -> list[Scope]:
    """What to walk for these paths, all known roots where none is given.

    `create` makes new paths known as roots; without it they have the id 0, which has no files.
    Photos are not looked for inside the library's `own_folder`.
    """
    roots = catalogue.roots()
    if not paths:
        if not roots:
            raise WrongUse("no folder has been indexed yet", hint="photosearch index FOLDER")
        return [Scope(root_id, root) for root, root_id in roots.items()]
    scopes: list[Scope] = []
    for path in paths:
        wanted = to_bytes(path)
        if relative_to(wanted, to_bytes(own_folder)) is not None:
            raise WrongUse(f"{os.fspath(path)} lies inside the library's own folder")
        scope = _inside_known(wanted, roots)
        if scope is None:
            root, start = _new_root(path, wanted)
            roots[root] = catalogue.add_root(root) if create else 0
            scope = Scope(roots[root], root, start)
        scopes.append(scope)
        if not scope.start:
            scopes += [
                Scope(root_id, root) for root, root_id in roots.items() if relative_to(root, wanted)
            ]
    return _without_overlaps(scopes)


def _inside_known(wanted: bytes, roots: dict[bytes, int]) -> Scope | None:
    inside = [root for root in roots if relative_to(wanted, root) is not None]
    if not inside:
        return None
    root = max(inside, key=len)
    start = relative_to(wanted, root) or b""
    if start and os.path.isdir(root) and not os.path.exists(wanted):
        raise WrongUse(f"{os.fsdecode(wanted)}: no such file or folder")
    return Scope(roots[root], root, start)


def _new_root(path: str | os.PathLike[str], wanted: bytes) -> tuple[bytes, bytes]:
    if os.path.isdir(wanted):
        return wanted, b""
    if os.path.isfile(wanted):
        folder, name = os.path.split(wanted)
        return folder, name
    raise WrongUse(f"{os.fspath(path)}: no such file or folder")


def _without_overlaps(scopes: list[Scope]) -> list[Scope]:
    kept: list[Scope] = []
    for scope in sorted(set(scopes), key=lambda one: (one.root, one.start)):
        covered = any(
            other.root == scope.root
            and (not other.start or relative_to(scope.start, other.start) is not None)
            for other in kept
        )
        if not covered:
            kept.append(scope)
    return kept
