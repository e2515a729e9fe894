"""One writer: who holds the library, and since when.

In: the library folder. Out: a held lock, or LibraryBusy naming the process that holds it. The lock
is the operating system's (it ends with its process, however that ends); a small file beside it
says who took it, for the message alone.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import datetime
from pathlib import Path

from photosearch.errors import LibraryBusy, StorageError
from photosearch.store.files import storage_errors

_LOCK = "writer.lock"
_OWNER = "writer.json"


@contextmanager
def writer_lock(library: Path) -> Iterator[None]:
    """Hold the one writer's lock for the length of a `with` block."""
    from filelock import FileLock, Timeout

    lock = FileLock(library / _LOCK)
    try:
        lock.acquire(timeout=0)
    except Timeout:
        owner = _read_owner(library) or "another process"
        raise LibraryBusy(f"the library {library} is being written to by {owner}") from None
    except OSError as error:
        raise StorageError(
            f"{library} cannot be written to: {error.strerror or error}",
            hint="--library with a folder of your own",
        ) from error
    owner_file = library / _OWNER
    try:
        started = datetime.now().astimezone().isoformat(timespec="seconds")
        with storage_errors(owner_file):
            owner_file.write_text(json.dumps({"pid": os.getpid(), "since": started}), "utf-8")
        yield
    finally:
        with suppress(OSError):
            owner_file.unlink()
        lock.release()


def current_writer(library: Path) -> str | None:
    """Who is writing to the library at this moment, None when nobody is."""
    # The owner's file is there as long as the lock is held, and after a kill: only then is the lock
    # itself asked, for which filelock takes 19 ms to import.
    if not (library / _OWNER).exists():
        return None
    from filelock import FileLock, Timeout

    probe = FileLock(library / _LOCK)
    try:
        probe.acquire(timeout=0)
    except Timeout:
        return _read_owner(library) or "another process"
    except OSError:
        return None
    probe.release()
    return None


def _read_owner(library: Path) -> str | None:
    try:
        owner = json.loads((library / _OWNER).read_text(encoding="utf-8"))
        return f"process {int(owner['pid'])} since {owner['since']}"
    except (OSError, ValueError, KeyError, TypeError):
        return None
