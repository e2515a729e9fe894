"""Which paths below a watched folder a run would look at.

In: a folder, the rules of the walk, paths. Out: yes or no. The walk itself has the last word
(ignore files, patterns); this says early what is not worth a run.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass

from photosearch.filenames import is_cache, may_be_photo, suffix_of
from photosearch.paths import join, relative_to
from photosearch.records import FoundFile
from photosearch.walk import WalkRules, walk


@dataclass(frozen=True, slots=True)
class Territory:
    """A folder that is indexed, and how."""

    top: bytes
    rules: WalkRules

    def enters(self, path: bytes) -> bool:
        """Whether a walk enters this folder, and every folder on the way to it."""
        relative = relative_to(path, self.top)
        if relative is None:
            return False
        folder = self.top
        for name in filter(None, relative.split(b"/")):
            parent, folder = folder, join(folder, name)
            if not self._enters_one(folder, name, parent):
                return False
        return True

    def _enters_one(self, folder: bytes, name: bytes, parent: bytes) -> bool:
        if name.startswith(b".") and (not self.rules.hidden or name.startswith(b"._")):
            return False
        if is_cache(name, parent) or folder in self.rules.avoid:
            return False
        return self.rules.follow_links or not os.path.islink(folder)

    def may_hold(self, path: bytes) -> bool:
        """Whether a file of this name, in this place, may be a photo."""
        folder, name = os.path.split(path)
        if name.startswith(b".") and (not self.rules.hidden or name.startswith(b"._")):
            return False
        return may_be_photo(suffix_of(name)) and self.enters(folder)

    def photos_at(self, path: bytes) -> Iterator[bytes]:
        """What a walk finds at a path: the file itself, or all below a folder."""
        relative = relative_to(path, self.top)
        if relative is None:
            return
        for found in walk(self.top, self.rules, relative):
            if isinstance(found, FoundFile):
                yield join(self.top, found.path)
