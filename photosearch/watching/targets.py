"""A watched folder: whether it is there, and how its changes are learned.

In: a folder, looks at it from time to time. Out: paths that something happened to; lines for the
log when the folder goes, comes back, or gives no events. Knows nothing of photos or the library.
"""

from __future__ import annotations

import logging
import os

from photosearch.paths import to_path
from photosearch.watching.events import Events, EventsLost, NoEvents, is_network, queue_length
from photosearch.watching.territory import Territory

logger = logging.getLogger("photosearch")

# Network folders, and others without events, are looked through this often.
POLL_SECONDS = 600.0
_UNSURE = (0, 0)  # the identity of no folder: it is looked at anew


class Target:
    """One watched folder."""

    def __init__(self, ground: Territory, *, poll: bool, rescan: float) -> None:
        self.ground = ground
        self.every: float | None = None  # looked through this often, for want of events
        self.polled = 0.0
        self._poll = poll
        self._rescan = rescan
        self._identity: tuple[int, int] | None = None  # device, inode; None: not there
        self._events: Events | None = None
        self._is_offline = False
        self._told = ""

    @property
    def top(self) -> bytes:
        return self.ground.top

    @property
    def is_there(self) -> bool:
        return self._identity is not None

    def look(self, now: float) -> bool:
        """Look whether the folder is there; True where it is another one than before."""
        identity = _identity(self.top)
        if identity == self._identity:
            return False
        self._identity = identity
        if identity is None:
            self.close()
            self.tell_offline()
            return False
        if self._is_offline:
            logger.info("%s is back", to_path(self.top))
            self._is_offline = False
        self.open(now)
        return True

    def doubt(self) -> None:
        """Something happened to the folder itself: the next look takes it for another one."""
        self._identity = _UNSURE

    def tell_offline(self) -> None:
        if not self._is_offline:
            logger.warning("offline, kept as it is: %s (not there, or empty)", to_path(self.top))
        self._is_offline = True

    def open(self, now: float) -> None:
        """Listen to what happens in the folder."""
        self.close()
        if self._poll:
            self.every, self.polled = self._rescan, now
            return
        self.every = None
        try:
            self._events = Events(self.top, self.ground.enters)
        except NoEvents as error:
            self._look_instead(now, str(error))
            return
        if is_network(self.top):
            self._look_instead(now, "changes made by other machines raise no events here")
        elif self._events.is_partial:
            self._look_instead(now, "some of its folders cannot be watched")

    def close(self) -> None:
        if self._events is not None:
            self._events.close()
            self._events = None

    def follow(self, folder: bytes, now: float) -> None:
        """Listen to a folder that is new in it, too."""
        if self._events is None:
            return
        try:
            self._events.follow(folder)
        except NoEvents as error:
            self.close()
            self._look_instead(now, str(error))

    def take(self, now: float) -> tuple[set[bytes], bool]:
        """(paths that something happened to, whether something may have been lost)."""
        if self._events is None:
            return set(), False
        try:
            paths = self._events.take()
        except EventsLost as error:
            logger.debug("events of %s were lost: %s", to_path(self.top), error)
            self.open(now)
            return set(), True
        # The notifier is silent about a queue that overflowed; only a burst can do that.
        return paths, len(paths) > min(1000, queue_length() // 16)

    def _look_instead(self, now: float, why: str) -> None:
        self.every, self.polled = min(POLL_SECONDS, self._rescan), now
        if why != self._told:
            logger.warning(
                "%s is looked through every %s: %s", to_path(self.top), _time_text(self.every), why
            )
        self._told = why


def _identity(folder: bytes) -> tuple[int, int] | None:
    """Other numbers are but a reason to look again: network folders change them as they like."""
    try:
        status = os.stat(folder)
        os.scandir(folder).close()
    except OSError:
        return None
    return status.st_dev, status.st_ino


def _time_text(seconds: float) -> str:
    return f"{seconds / 60:.0f} minutes" if seconds >= 120 else f"{seconds:.0f} seconds"
