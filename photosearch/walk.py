"""Turn a folder into a stream of files that look like photos.

In: a root, a place in it to start from, and rules. Out: FoundFile and Skipped records.
Knows nothing of pixels, models or the database. One unreadable folder never stops the walk, and
memory does not grow with the number of files.
"""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from dataclasses import dataclass

from photosearch.filenames import is_cache, may_be_photo, suffix_of
from photosearch.ignore import IGNORE_FILE as IGNORE_FILE
from photosearch.ignore import Place, patterns_above
from photosearch.paths import join, time_of
from photosearch.records import FoundFile, Skipped


@dataclass(frozen=True, slots=True)
class WalkRules:
    """What a walk leaves out. Patterns have gitignore syntax, relative to the root."""

    exclude: tuple[str, ...] = ()
    hidden: bool = False
    follow_links: bool = False
    avoid: frozenset[bytes] = frozenset()  # absolute folders: other roots, our own library


def walk(root: bytes, rules: WalkRules, start: bytes = b"") -> Iterator[FoundFile | Skipped]:
    """Walk `root`, or the part of it under `start` (relative, a folder or one file).

    Every folder is entered once, whatever links lead to it: real folders first, then the links
    found on the way, each known by device and inode. Ends early, with one Skipped for all of the
    root, where the root itself goes away meanwhile.
    """
    patterns = list(patterns_above(root, rules.exclude, start))
    avoid = _avoided(root, rules)
    seen: set[tuple[int, int]] = set()
    top = join(root, start)
    if os.path.isfile(top):
        parent, name = os.path.split(start)
        if may_be_photo(suffix_of(name)):
            above = Place(parent, patterns)
            if not above.ignores(name, folder=False):
                yield _found(above, name, os.stat(top))
        return

    # Names wait in lists, and become places one by one: a folder may hold 100,000 others.
    waiting: list[tuple[Place, list[bytes]]] = []
    links: list[Place] = []
    following: Place | None = Place(start, patterns)
    while following is not None:
        place = following
        absolute = join(root, place.path)
        below: list[bytes] = []
        try:
            status = os.stat(absolute)
            key = (status.st_dev, status.st_ino)
            enter = place.path == start or key not in avoid or avoid[key] != _times(status)
            if rules.follow_links:
                enter = enter and key not in seen
                seen.add(key)
            if enter:
                with os.scandir(absolute) as entries:
                    inner = place.with_ignore_file(root)
                    for entry in entries:
                        one = _look_at(entry, inner, rules, absolute, below, links)
                        if one is not None:
                            yield one
                place = inner
        except OSError as error:
            if place.path and not os.path.isdir(root):
                yield Skipped(b"", f"is no longer there: {error.strerror or error}")
                return
            yield Skipped(place.path, f"folder cannot be read: {error.strerror or error}")
            below = []
        if below:
            below.sort(reverse=True)
            waiting.append((place, below))
        following = _next(waiting, links)


def _next(waiting: list[tuple[Place, list[bytes]]], links: list[Place]) -> Place | None:
    """The folder to be walked next: depth first, in the order of names; links last of all."""
    if waiting:
        parent, names = waiting[-1]
        name = names.pop()
        if not names:
            waiting.pop()
        return Place(join(parent.path, name), parent.patterns)
    return links.pop() if links else None


def _times(status: os.stat_result) -> tuple[int, int]:
    return status.st_mtime_ns, status.st_ctime_ns


def _avoided(root: bytes, rules: WalkRules) -> dict[tuple[int, int], tuple[int, int]]:
    """Folders not to be entered by whatever name: another mount, or a link, leads to them too.

    Their times are compared as well, lest a system that gives one number to two folders hides one.
    """
    found = {}
    for folder in rules.avoid:
        try:
            status = os.stat(folder)
        except OSError:
            continue
        if status.st_ino and folder != root:
            found[status.st_dev, status.st_ino] = _times(status)
    return found


def _look_at(
    entry: os.DirEntry[bytes],
    place: Place,
    rules: WalkRules,
    absolute: bytes,
    below: list[bytes],
    links: list[Place],
) -> FoundFile | Skipped | None:
    """One entry of a folder: gives a file, or notes a folder in `below` or `links`."""
    name = entry.name
    if name.startswith(b".") and (not rules.hidden or name.startswith(b"._")):
        return None
    link = False
    try:
        link = entry.is_symlink()
        if link and not rules.follow_links:
            return None
        if entry.is_dir():
            if is_cache(name, place.path) or place.ignores(name, folder=True):
                return None
            if join(absolute, name) in rules.avoid:
                return None
            if link:
                links.append(Place(join(place.path, name), place.patterns))
            else:
                below.append(name)
        elif (
            may_be_photo(suffix := suffix_of(name))
            and entry.is_file()
            and not (place.patterns and place.ignores(name, folder=False))
        ):
            status = entry.stat()
            path = join(place.path, name)
            return FoundFile(path, status.st_size, time_of(status), unsure=not suffix)
    except OSError as error:
        # A link that leads nowhere, or to itself: nothing to index.
        if not link or error.errno not in (errno.ENOENT, errno.ELOOP):
            return Skipped(join(place.path, name), f"cannot be read: {error.strerror or error}")
    return None


def _found(place: Place, name: bytes, status: os.stat_result) -> FoundFile:
    path = join(place.path, name)
    return FoundFile(path, status.st_size, time_of(status), unsure=not suffix_of(name))
