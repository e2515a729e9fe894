"""Paths that something happened to → what is to be done, and when.

In: watched folders. Out: files that rest, paths that seem gone, folders to be looked through.
What happened is judged by what is there now: events may be late, doubled, or in another order.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Sequence

from photosearch.ignore import IGNORE_FILE
from photosearch.paths import relative_to
from photosearch.watching.settle import Settling, open_for_writing
from photosearch.watching.targets import Target

# Beyond this many paths a look through everything is cheaper than keeping them (20 MB).
MANY_PATHS = 20_000
_PAUSE_SECONDS = 10.0


class Pending:
    """What waits to be done. `knows`: whether the library has a file, or one below a folder."""

    def __init__(
        self,
        targets: list[Target],
        *,
        settle: float,
        knows: Callable[[bytes], bool],
        clock: Callable[[], float],
    ) -> None:
        self.targets = targets
        self.ripe: dict[bytes, None] = {}  # files that rest, in the order in which they came
        self.ripe_since = 0.0
        self.gone: dict[bytes, float] = {}  # path → when it is looked at
        self.rescans: dict[bytes, float] = {}  # folder → when
        self._settle = settle
        self._knows = knows
        self._now = clock
        self._settling = Settling(settle, clock=clock, is_open=self.is_open)

    @property
    def is_quiet(self) -> bool:
        """Whether no file is still waited for."""
        return not len(self._settling)

    @property
    def is_still(self) -> bool:
        """Whether no more files are about to come to rest; one may be waited for all the same."""
        return not self._settling.stirs

    def take_events(self) -> None:
        """Note what happened since the last call, and which files rest by now."""
        now = self._now()
        for target in self.targets:
            paths, lost = target.take(now)
            if lost:
                self.rescans[target.top] = now + self._settle
            for path in paths:
                self._note(target, path, now)
        if len(self._settling) + len(self.ripe) + len(self.gone) > MANY_PATHS:
            self._look_through_all(now + _PAUSE_SECONDS)
        ripe = self._settling.ripe()
        if ripe and not self.ripe:
            self.ripe_since = now
        self.ripe.update(dict.fromkeys(ripe))

    def wait_for(self, path: bytes, seconds: float) -> None:
        """Give a file more time."""
        self._settling.note(path, patience=seconds)

    def target_of(self, path: bytes) -> Target | None:
        """The innermost watched folder that holds a path."""
        inside = [one for one in self.targets if relative_to(path, one.top) is not None]
        return max(inside, key=lambda one: len(one.top)) if inside else None

    def is_wanted(self, path: bytes) -> bool:
        """Whether a run would take this file: it is there, and no pattern leaves it out."""
        target = self.target_of(path)
        if target is None or not os.path.isfile(path):
            return False
        return any(True for _ in target.ground.photos_at(path))

    def is_open(self, path: bytes) -> bool:
        """Whether a file is being written; network file systems give no answer to trust."""
        target = self.target_of(path)
        return bool(target and target.every is None and open_for_writing(path))

    def take_gone(self, now: float) -> Sequence[bytes]:
        """Paths that seem gone, and that the library knows; call `forget_gone` when it is done."""
        due = [path for path, when in self.gone.items() if when <= now]
        return [path for path in due if self.target_of(path) and self._knows(path)]

    def forget_gone(self, now: float) -> None:
        for path in [path for path, when in self.gone.items() if when <= now]:
            del self.gone[path]

    def _look_through_all(self, when: float) -> None:
        self._settling.drop()
        self.ripe.clear()
        self.gone.clear()
        self.rescans.update((target.top, when) for target in self.targets if target.is_there)

    def _note(self, target: Target, path: bytes, now: float) -> None:
        ground = target.ground
        if path == target.top:
            target.doubt()
            return
        folder, name = os.path.split(path)
        if name == os.fsencode(IGNORE_FILE):
            if ground.enters(folder):
                self.rescans[folder] = now + self._settle
            return
        try:
            status = os.stat(path) if ground.rules.follow_links else os.lstat(path)
        except OSError:
            if self._knows(path):
                self.gone[path] = now + self._settle
            return
        if stat.S_ISDIR(status.st_mode):
            if ground.enters(path):
                # Listened to first, looked at then: nothing falls between.
                target.follow(path, now)
                for photo in ground.photos_at(path):
                    self._settling.note(photo)
                if self._knows(path):  # another folder of this name was here
                    self.gone[path] = now + self._settle
        elif stat.S_ISREG(status.st_mode) and ground.may_hold(path):
            self._settling.note(path)
            self.ripe.pop(path, None)
