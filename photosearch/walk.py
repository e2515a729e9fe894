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

from photosearch.ignore import IGNORE_FILE as IGNORE_FILE
from photosearch.ignore import Place, patterns_above
from photosearch.paths import join, time_of
from photosearch.records import FoundFile, Skipped

PHOTO_SUFFIXES = frozenset(
    b".jpg .jpeg .jpe .jfif .jif .png .apng .webp .gif .tif .tiff .bmp .dib .heic .heif .hif"
    b" .avif .mpo .jp2 .j2k .jpx .jpf .jxl".split()
)
RAW_SUFFIXES = frozenset(
    b".dng .cr2 .cr3 .crw .nef .nrw .arw .srf .sr2 .raf .rw2 .rwl .orf .pef .srw .x3f .3fr"
    b" .fff .iiq .mos .erf .kdc .dcr .mrw .gpr".split()
)

# Folders that hold previews or rubbish made by other programs: each photo in them is a copy.
CACHE_FOLDERS = frozenset(
    b"@eadir .thumbnails .thumb .cache #recycle @recycle $recycle.bin lost+found __macosx"
    b" node_modules .trash .trashes .picasaoriginals .spotlight-v100".split()
) | {b"system volume information"}
# Files that desktops put into any folder that they show.
LITTER = frozenset(b"desktop.ini thumbs.db ehthumbs.db autorun.inf".split())
CACHE_FOLDER_SUFFIXES = (b".lrdata", b".cocatalogdb")
# Inside an Apple Photos library only these hold the photos themselves; the rest is derived.
PHOTOS_LIBRARY_ORIGINALS = frozenset((b"originals", b"masters"))


@dataclass(frozen=True, slots=True)
class WalkRules:
    """What a walk leaves out. Patterns have gitignore syntax, relative to the root."""

    exclude: tuple[str, ...] = ()
    hidden: bool = False
    follow_links: bool = False
    avoid: frozenset[bytes] = frozenset()  # absolute folders: other roots, our own library


def suffix_of(name: bytes) -> bytes:
    """The lower-case suffix of a file name, b"" where it has none; "a.jpg " has one, too."""
    # As os.path.splitext does it, in a third of its time: leading dots begin no suffix.
    stem, dot, suffix = name.strip().rpartition(b".")
    if not dot or not stem.rpartition(b"/")[2].strip(b"."):
        return b""
    return b"" if b"/" in suffix else (dot + suffix).lower()


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
            may_be_photo(suffix_of(name))
            and entry.is_file()
            and not place.ignores(name, folder=False)
        ):
            return _found(place, name, entry.stat())
    except OSError as error:
        # A link that leads nowhere, or to itself: nothing to index.
        if not link or error.errno not in (errno.ENOENT, errno.ELOOP):
            return Skipped(join(place.path, name), f"cannot be read: {error.strerror or error}")
    return None


def _found(place: Place, name: bytes, status: os.stat_result) -> FoundFile:
    path = join(place.path, name)
    return FoundFile(path, status.st_size, time_of(status), unsure=not suffix_of(name))


def may_be_photo(suffix: bytes) -> bool:
    """Whether files of this suffix, or without one, are worth a look."""
    return not suffix or suffix in PHOTO_SUFFIXES or suffix in RAW_SUFFIXES


def is_litter(name: bytes) -> bool:
    """Whether a system or a desktop leaves such a thing in a folder that holds nothing else."""
    lower = name.lower()
    return name.startswith(b".") or lower in CACHE_FOLDERS or lower in LITTER


def is_cache(name: bytes, parent: bytes) -> bool:
    """Whether other programs keep their previews or rubbish in this folder of `parent`."""
    lower = name.lower()
    if lower in CACHE_FOLDERS or lower.endswith(CACHE_FOLDER_SUFFIXES):
        return True
    in_photos_library = parent.lower().endswith(b".photoslibrary")
    return in_photos_library and lower not in PHOTOS_LIBRARY_ORIGINALS
