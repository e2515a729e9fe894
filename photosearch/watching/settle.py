"""Files that are being written → files that are finished.

In: paths that something happened to. Out: those of them that have rested. Knows nothing of photos,
folders or the library; time, and what a file looks like, are given to it.

A file is finished when its size and times have stood still for a while and, where the system can
tell, nobody has it open for writing: a copy that stalls for a minute stands still, too.
"""

from __future__ import annotations

import os
import signal
import stat
import time
from collections.abc import Callable
from dataclasses import dataclass

# A file that says it is open but stood still this long is taken: some file systems refuse the
# question with the same answer (NFS without a delegation, SMB without an oplock).
OPEN_SECONDS = 600.0
# Browsers reserve the name of a download with an empty file: it is given this many times as long.
EMPTY_TIMES = 15

State = tuple[int, int, int, int]  # size, mtime, ctime, inode


def state_of(path: bytes) -> State | None:
    """What a finished file does not change; None where there is no regular file."""
    try:
        status = os.stat(path)
    except (OSError, ValueError):
        return None
    if not stat.S_ISREG(status.st_mode):
        return None
    # ctime too: programs that keep a file's date (cp -p, rsync) set mtime back at the end.
    return status.st_size, status.st_mtime_ns, status.st_ctime_ns, status.st_ino


def open_for_writing(path: bytes) -> bool:
    """Whether some process is still writing the file; False also where the system cannot tell.

    Linux refuses a read lease on a file that is open for writing. The lease is given back at once;
    a writer that opens the file in these microseconds waits for them, and nothing is written.
    """
    try:
        import fcntl

        set_lease, set_signal = fcntl.F_SETLEASE, fcntl.F_SETSIG
        read, none = fcntl.F_RDLCK, fcntl.F_UNLCK
    except (ImportError, AttributeError):  # macOS, Windows
        return False
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError:
        return False
    try:
        # A broken lease is told by a signal: SIGIO would end the process, SIGURG is ignored.
        fcntl.fcntl(descriptor, set_signal, int(signal.SIGURG))
        fcntl.fcntl(descriptor, set_lease, read)
        fcntl.fcntl(descriptor, set_lease, none)
    except BlockingIOError:
        return True
    except OSError:  # another's file, or a file system without leases
        return False
    finally:
        os.close(descriptor)
    return False


@dataclass(slots=True)
class _Waiting:
    state: State | None
    since: float  # it has looked like this
    due: float


class Settling:
    """Files that have to rest for some seconds before anyone reads them."""

    def __init__(
        self,
        seconds: float,
        *,
        clock: Callable[[], float] = time.monotonic,
        look: Callable[[bytes], State | None] = state_of,
        is_open: Callable[[bytes], bool] = open_for_writing,
    ) -> None:
        self.seconds = seconds
        self._clock = clock
        self._look = look
        self._is_open = is_open
        self._waiting: dict[bytes, _Waiting] = {}

    def __len__(self) -> int:
        return len(self._waiting)

    def __contains__(self, path: bytes) -> bool:
        return path in self._waiting

    @property
    def stirs(self) -> bool:
        """Whether some file changed a moment ago, and will rest in another.

        One that stands still and is waited for all the same (a copy that stalls) does not count.
        """
        now = self._clock()
        return any(now - one.since < 2 * self.seconds for one in self._waiting.values())

    def note(self, path: bytes, *, patience: float = 0.0) -> None:
        """Something happened to this file: its rest begins now, and lasts `patience` at least."""
        now = self._clock()
        known = self._waiting.get(path)
        state = self._look(path)
        if known is not None and known.state == state:
            known.due = max(known.due, now + patience)  # an event of a change already seen
        else:
            self._waiting[path] = _Waiting(state, now, now + max(self._rest(state), patience))

    def ripe(self) -> list[bytes]:
        """Files that have rested; they are not waited for any more, nor are those that are gone."""
        now = self._clock()
        finished = []
        for path, waiting in list(self._waiting.items()):
            if waiting.due > now:
                continue
            state = self._look(path)
            if state is None:
                del self._waiting[path]
            elif state != waiting.state:
                self._waiting[path] = _Waiting(state, now, now + self._rest(state))
            elif now - waiting.since < OPEN_SECONDS and self._is_open(path):
                waiting.due = now + self.seconds
            else:
                del self._waiting[path]
                finished.append(path)
        return finished

    def drop(self) -> None:
        """Wait for nothing any more."""
        self._waiting.clear()

    def _rest(self, state: State | None) -> float:
        return self.seconds * (EMPTY_TIMES if state and not state[0] else 1)
