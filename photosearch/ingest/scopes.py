"""Paths given to `index` → roots, and the part of each that is to be walked.

In: paths. Out: Scope records. A path inside a known root is a part of that root, not a root of
its own; a known root inside a given path keeps its own files. Every file belongs to the innermost
root that contains it. A root is known by any name that leads to it: through a link, another mount,
in other capitals where they do not count.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from photosearch.errors import WrongUse
from photosearch.ignore import IGNORE_FILE
from photosearch.mounts import is_there
from photosearch.paths import find_root, find_same_root, join, relative_to, to_bytes
from photosearch.store.catalogue import Catalogue
from photosearch.store.volumes import forget_folder


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
        wanted = _path_typed(path)
        if _is_inside(wanted, to_bytes(own_folder)):
            raise WrongUse(f"{os.fspath(path)} lies inside the library's own folder")
        scope = _inside_known(catalogue, wanted, roots)
        if scope is None:
            root, start = _new_root(path, wanted)
            if root not in roots:
                roots[root] = catalogue.add_root(root) if create else 0
            scope = Scope(roots[root], root, start)
        scopes.append(scope)
        folder = join(scope.root, scope.start)
        scopes += [
            Scope(root_id, root) for root, root_id in roots.items() if relative_to(root, folder)
        ]
    return _without_overlaps(scopes)


def forget(catalogue: Catalogue, path: str | os.PathLike[str]) -> int:
    """Forget a root, or a folder in one that is not there: gives the number of its files."""
    typed = os.fspath(path)
    folder = _path_typed(path)
    roots = catalogue.roots()
    known = find_root(folder, roots) or find_same_root(folder, roots)
    if known and not known[1]:
        return catalogue.forget_root(roots[known[0]])
    if known is None:
        listed = ", ".join(map(os.fsdecode, roots)) or "none"
        raise WrongUse(f"{typed} is not an indexed folder", hint=f"indexed folders: {listed}")
    if os.path.isfile(folder) or is_there(folder):
        raise WrongUse(
            f"{typed} is a part of {os.fsdecode(known[0])}, and would be found there again",
            hint=f"name it in {os.path.join(os.fsdecode(known[0]), IGNORE_FILE)} to leave it out",
        )
    root, inner = known
    files = forget_folder(catalogue, roots[root], inner)
    if not files:
        raise WrongUse(f"{typed}: nothing is known of this folder")
    return files


def _path_typed(path: str | os.PathLike[str]) -> bytes:
    text = os.fspath(path)
    if not text:  # a variable of a shell that is not set must not mean the current folder
        raise WrongUse("an empty path names no folder")
    if "\0" in text:
        raise WrongUse(f"{text!r} is no path")
    return to_bytes(text)


def _is_inside(path: bytes, folder: bytes) -> bool:
    pairs = ((path, folder), (os.path.realpath(path), os.path.realpath(folder)))
    return any(relative_to(one, other) is not None for one, other in pairs)


def _inside_known(catalogue: Catalogue, wanted: bytes, roots: dict[bytes, int]) -> Scope | None:
    known = find_root(wanted, roots)
    if known and known[1] and _leads_elsewhere(*known):
        # A link below a root, named by itself: a part of the root only if it was followed before.
        root_id = roots[known[0]]
        if next(catalogue.files_below(root_id, known[1], missing=False), None) is None:
            known = None
    known = known or find_same_root(wanted, roots)
    if not known:
        return None
    root, start = known
    if start and os.path.isdir(root) and not os.path.lexists(join(root, start)):
        raise WrongUse(f"{os.fsdecode(wanted)}: no such file or folder")
    return Scope(roots[root], root, start)


def _leads_elsewhere(root: bytes, start: bytes) -> bool:
    """Whether a link below the root stands on the way."""
    path = join(root, start)
    return os.path.exists(path) and os.path.realpath(path) != join(os.path.realpath(root), start)


def _new_root(path: str | os.PathLike[str], wanted: bytes) -> tuple[bytes, bytes]:
    if os.path.isdir(wanted):
        return wanted, b""
    if os.path.isfile(wanted):
        folder, name = os.path.split(wanted)
        return folder, name
    what = "is neither a file nor a folder" if os.path.exists(wanted) else "no such file or folder"
    raise WrongUse(f"{os.fspath(path)}: {what}")


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
