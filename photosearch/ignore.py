"""What is left out: lines of gitignore syntax, from the command and from files on the way.

In: a root, patterns. Out: for a folder or file, whether it is ignored. Knows nothing of photos.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from photosearch.errors import WrongUse
from photosearch.paths import join
from photosearch.read import open_regular

if TYPE_CHECKING:
    from pathspec import GitIgnoreSpec, PathSpec

IGNORE_FILE = ".photosearchignore"


@dataclass(frozen=True, slots=True)
class Patterns:
    """Lines of gitignore syntax, and the folder that they are relative to."""

    base: bytes
    files: GitIgnoreSpec
    folders: PathSpec[Any]  # for a folder itself the last line that matches decides, as with git

    @classmethod
    def from_lines(cls, base: bytes, lines: Iterable[str]) -> Patterns:
        from pathspec import GitIgnoreSpec, PathSpec

        files = GitIgnoreSpec.from_lines(lines)
        return cls(base, files, PathSpec(files.patterns))

    def verdict(self, path: bytes, folder: bool) -> bool | None:
        """True: left out, False: taken in after all, None: no line is about it."""
        relative = os.fsdecode(path[len(self.base) :].lstrip(b"/"))
        spec = self.folders if folder else self.files
        return spec.check_file(relative + ("/" if folder else "")).include


@dataclass(frozen=True, slots=True)
class Place:
    """A folder to be walked, with the ignore patterns that hold in it."""

    path: bytes
    patterns: list[Patterns]

    def with_ignore_file(self, root: bytes) -> Place:
        found = _read_ignore_file(root, self.path)
        return Place(self.path, [*self.patterns, found]) if found else self

    def ignores(self, name: bytes, folder: bool) -> bool:
        path = join(self.path, name)
        # The innermost file that has an opinion decides, as with git.
        for patterns in reversed(self.patterns):
            verdict = patterns.verdict(path, folder)
            if verdict is not None:
                return verdict
        return False


def check_patterns(patterns: Iterable[str]) -> None:
    """Raise WrongUse for a pattern that gitignore syntax does not know."""
    for pattern in patterns:
        if not _is_sensible(pattern):
            raise WrongUse(f"--exclude {pattern!r} is no pattern", hint="gitignore syntax: *.png")


def patterns_above(root: bytes, exclude: Iterable[str], start: bytes) -> Iterator[Patterns]:
    """The patterns that hold at `start`: those of the command, then each folder's above it."""
    lines = tuple(exclude)
    if lines:
        yield Patterns.from_lines(b"", lines)
    parts = start.split(b"/")[:-1] if start else []
    for depth in range(len(parts) + 1 if start else 0):
        found = _read_ignore_file(root, b"/".join(parts[:depth]))
        if found:
            yield found


def _read_ignore_file(root: bytes, folder: bytes) -> Patterns | None:
    try:
        with open_regular(os.path.join(root, folder, os.fsencode(IGNORE_FILE))) as file:
            text = os.fsdecode(file.read(1 << 20)).removeprefix("\ufeff")
    except OSError:
        return None
    # As git does, a line that makes no sense is passed over; the others hold.
    return Patterns.from_lines(folder, filter(_is_sensible, text.splitlines()))


def _is_sensible(line: str) -> bool:
    from pathspec import GitIgnoreSpec

    try:
        GitIgnoreSpec.from_lines([line])
        return True
    except (ValueError, re.error):
        return False
