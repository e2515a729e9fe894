"""Where a photo lies at this moment: a file that is still as it was when it was indexed.

In: a snapshot and a photo's id. Out: a path, or None.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from photosearch.paths import join, time_of, to_path

if TYPE_CHECKING:
    from photosearch.store.snapshot import Snapshot


def file_now(snapshot: Snapshot, photo_id: int) -> Path | None:
    """A regular file of the same size and time; None where the photo lies nowhere just now.

    Its content is not compared: for that every look at a photo would read it whole.
    """
    for _, _, root, path, size, mtime_ns in snapshot.files_of([photo_id]):
        try:
            status = os.stat(join(root, path))
        except (OSError, ValueError):
            continue
        if (status.st_size, time_of(status)) == (size, mtime_ns):
            return to_path(root, path)
    return None
