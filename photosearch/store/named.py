"""Which photo of the library somebody means, told from the catalogue alone.

In: a path or the beginning of a digest. Out: a photo's id, or None. No file is opened or looked at,
so that whoever asks learns nothing of files that are not in the library.
"""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING

from photosearch.errors import WrongUse
from photosearch.paths import find_root, to_bytes

if TYPE_CHECKING:
    from photosearch.store.snapshot import Snapshot


def photo_named(snapshot: Snapshot, name: str) -> int | None:
    """By a path as it was indexed, or by 8 or more digits of its SHA-256.

    Raises WrongUse where several photos begin with these digits.
    """
    if re.fullmatch(r"[0-9a-fA-F]{8,64}", name):
        found = snapshot.photos_with_digest(name)
        if len(found) > 1:
            raise WrongUse(f"{name} is the beginning of several photos' ids", hint="more digits")
        return found[0] if found else None
    if not name.startswith(("/", "~")) and name[1:2] != ":":
        return None
    if os.pardir in re.split(r"[/\\]", name):
        return None  # where it leads, the file system would have to be asked
    place = find_root(to_bytes(name), roots := snapshot.roots())
    if place is None:
        return None
    rows = snapshot.rows(
        "SELECT photo_id FROM files WHERE root_id = ? AND path = ?", (roots[place[0]], place[1])
    )
    return next((photo_id for (photo_id,) in rows), None)
