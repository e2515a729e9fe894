"""Turn a folder into a stream of files that look like photos.

In: a root, a place in it to start from, and rules. Out: FoundFile and Skipped records.
Knows nothing of pixels, models or the database. One unreadable folder never stops the walk, and
memory does not grow with the number of files.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from photosearch.errors import WrongUse
from photosearch.paths import join
from photosearch.records import FoundFile, Skipped

if TYPE_CHECKING:
    from pathspec import GitIgnoreSpec, PathSpec

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
    b" node_modules .trash .trashes .picasaoriginals .spotlight-v100".split()
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
    patterns = list(_patterns_above(root, rules, start))
    seen: set[tuple[int, int]] = set()
    top = join(root, start)
    if os.path.isfile(top):
        parent, name = os.path.split(start)
        yield from _look_at_file(_Place(parent, patterns), name, os.stat(top), rules)
        return

    folders = [_Place(start, patterns)]
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
            _Place(join(place.path, name), inner.patterns) for name in sorted(below, reverse=True)
        )


@dataclass(frozen=True, slots=True)
class _Patterns:
    """Lines of gitignore syntax, and the folder that they are relative to."""

    base: bytes
    files: GitIgnoreSpec
    folders: PathSpec[Any]  # for a folder itself the last line that matches decides, as with git

    @classmethod
    def from_lines(cls, base: bytes, lines: Iterable[str]) -> _Patterns:
        from pathspec import GitIgnoreSpec, PathSpec

        files = GitIgnoreSpec.from_lines(lines)
        return cls(base, files, PathSpec(files.patterns))

    def verdict(self, path: bytes, folder: bool) -> bool | None:
        """True: left out, False: taken in after all, None: no line is about it."""
        relative = os.fsdecode(path[len(self.base) :].lstrip(b"/"))
        spec = self.folders if folder else self.files
        return spec.check_file(relative + ("/" if folder else "")).include


@dataclass(frozen=True, slots=True)
class _Place:
    """A folder to be walked, with the ignore patterns that hold in it."""

    path: bytes
    patterns: list[_Patterns]

    def with_ignore_file(self, root: bytes) -> _Place:
        found = _read_ignore_file(root, self.path)
        return _Place(self.path, [*self.patterns, found]) if found else self

    def ignores(self, name: bytes, folder: bool) -> bool:
        path = join(self.path, name)
        # The innermost file that has an opinion decides, as with git.
        for patterns in reversed(self.patterns):
            verdict = patterns.verdict(path, folder)
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
                links.append(_Place(join(place.path, name), place.patterns))
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


def check_patterns(patterns: Iterable[str]) -> None:
    """Raise WrongUse for a pattern that gitignore syntax does not know."""
    for pattern in patterns:
        if not _is_sensible(pattern):
            raise WrongUse(f"--exclude {pattern!r} is no pattern", hint="gitignore syntax: *.png")


def _patterns_above(root: bytes, rules: WalkRules, start: bytes) -> Iterator[_Patterns]:
    """The patterns that hold at `start`: those of the command, then each folder's above it."""
    if rules.exclude:
        yield _Patterns.from_lines(b"", rules.exclude)
    parts = start.split(b"/")[:-1] if start else []
    for depth in range(len(parts) + 1 if start else 0):
        found = _read_ignore_file(root, b"/".join(parts[:depth]))
        if found:
            yield found


def _read_ignore_file(root: bytes, folder: bytes) -> _Patterns | None:
    try:
        with open(os.path.join(root, folder, os.fsencode(IGNORE_FILE)), "rb") as file:
            text = os.fsdecode(file.read(1 << 20)).removeprefix("\ufeff")
    except OSError:
        return None
    # As git does, a line that makes no sense is passed over; the others hold.
    return _Patterns.from_lines(folder, filter(_is_sensible, text.splitlines()))


def _is_sensible(line: str) -> bool:
    from pathspec import GitIgnoreSpec

    try:
        GitIgnoreSpec.from_lines([line])
        return True
    except (ValueError, re.error):
        return False
