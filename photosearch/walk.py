"""Turn a folder into a stream of files that look like photos.

In: a root, a place in it to start from, and rules. Out: FoundFile and Skipped records.
Knows nothing of pixels, models or the database. One unreadable folder never stops the walk, and
memory does not grow with the number of files.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from photosearch.paths import join
from photosearch.records import FoundFile, Skipped

if TYPE_CHECKING:
    from pathspec import GitIgnoreSpec

IGNORE_FILE = ".photosearchignore"

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
    b" .trash .trashes .picasaoriginals .spotlight-v100".split()
) | {b"system volume information"}
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
    return os.path.splitext(name.strip())[1].lower()


def walk(root: bytes, rules: WalkRules, start: bytes = b"") -> Iterator[FoundFile | Skipped]:
    """Walk `root`, or the part of it under `start` (relative, a folder or one file).

    Every folder is entered once, whatever links lead to it: real folders first, then the links
    found on the way, each known by device and inode.
    """
    specs = list(_specs_above(root, rules, start))
    seen: set[tuple[int, int]] = set()
    top = join(root, start)
    if os.path.isfile(top):
        parent, name = os.path.split(start)
        yield from _look_at_file(_Place(parent, specs), name, os.stat(top), rules)
        return

    folders = [_Place(start, specs)]
    links: list[_Place] = []
    while folders or links:
        place = folders.pop() if folders else links.pop()
        absolute = join(root, place.path)
        try:
            status = os.stat(absolute)
            if rules.follow_links:
                if (status.st_dev, status.st_ino) in seen:
                    continue
                seen.add((status.st_dev, status.st_ino))
            below: list[bytes] = []
            with os.scandir(absolute) as entries:
                inner = place.with_ignore_file(root)
                for entry in entries:
                    yield from _look_at(entry, inner, rules, absolute, below, links)
        except OSError as error:
            yield Skipped(place.path, f"folder cannot be read: {error.strerror or error}")
            continue
        folders.extend(
            _Place(join(place.path, name), inner.specs) for name in sorted(below, reverse=True)
        )


@dataclass(frozen=True, slots=True)
class _Place:
    """A folder to be walked, with the ignore patterns that hold in it."""

    path: bytes
    specs: list[tuple[bytes, GitIgnoreSpec]]  # (folder the patterns are relative to, patterns)

    def with_ignore_file(self, root: bytes) -> _Place:
        spec = _read_ignore_file(join(root, self.path))
        return _Place(self.path, [*self.specs, (self.path, spec)]) if spec else self

    def ignores(self, name: bytes, folder: bool) -> bool:
        if not self.specs:
            return False
        path = join(self.path, name)
        # The innermost file that has an opinion decides, as with git.
        for base, spec in reversed(self.specs):
            relative = os.fsdecode(path[len(base) :].lstrip(b"/")) + ("/" if folder else "")
            verdict = spec.check_file(relative).include
            if verdict is not None:
                return verdict
        return False


def _look_at(
    entry: os.DirEntry[bytes],
    place: _Place,
    rules: WalkRules,
    absolute: bytes,
    below: list[bytes],
    links: list[_Place],
) -> Iterator[FoundFile | Skipped]:
    """One entry of a folder: yields a file, or notes a folder in `below` or `links`."""
    name = entry.name
    if name.startswith(b"._") or (name.startswith(b".") and not rules.hidden):
        return
    try:
        link = entry.is_symlink()
        if link and not rules.follow_links:
            return
        if entry.is_dir():
            if _is_cache(name, place.path) or place.ignores(name, folder=True):
                return
            if join(absolute, name) in rules.avoid:
                return
            if link:
                links.append(_Place(join(place.path, name), place.specs))
            else:
                below.append(name)
        elif _may_be_photo(name) and entry.is_file():
            yield from _look_at_file(place, name, entry.stat(), rules)
    except OSError as error:
        # A link that leads to itself, or an entry that vanished since: nothing to index.
        if not entry.is_symlink():
            yield Skipped(join(place.path, name), f"cannot be read: {error.strerror or error}")


def _look_at_file(
    place: _Place, name: bytes, status: os.stat_result, rules: WalkRules
) -> Iterator[FoundFile]:
    if _may_be_photo(name) and not place.ignores(name, folder=False):
        yield FoundFile(
            join(place.path, name),
            status.st_size,
            status.st_mtime_ns,
            unsure=not suffix_of(name),
        )


def _may_be_photo(name: bytes) -> bool:
    suffix = suffix_of(name)
    return not suffix or suffix in PHOTO_SUFFIXES or suffix in RAW_SUFFIXES


def _is_cache(name: bytes, parent: bytes) -> bool:
    lower = name.lower()
    if lower in CACHE_FOLDERS or lower.endswith(CACHE_FOLDER_SUFFIXES):
        return True
    in_photos_library = parent.lower().endswith(b".photoslibrary")
    return in_photos_library and lower not in PHOTOS_LIBRARY_ORIGINALS


def _specs_above(
    root: bytes, rules: WalkRules, start: bytes
) -> Iterator[tuple[bytes, GitIgnoreSpec]]:
    """The patterns that hold at `start`: those of the command, then each folder's above it."""
    if rules.exclude:
        from pathspec import GitIgnoreSpec

        yield b"", GitIgnoreSpec.from_lines(rules.exclude)
    parts = start.split(b"/")[:-1] if start else []
    for depth in range(len(parts) + 1 if start else 0):
        folder = b"/".join(parts[:depth])
        spec = _read_ignore_file(join(root, folder))
        if spec:
            yield folder, spec


def _read_ignore_file(folder: bytes) -> GitIgnoreSpec | None:
    try:
        with open(os.path.join(folder, os.fsencode(IGNORE_FILE)), "rb") as file:
            text = file.read(1 << 20)
    except OSError:
        return None
    from pathspec import GitIgnoreSpec

    return GitIgnoreSpec.from_lines(os.fsdecode(text).splitlines())
