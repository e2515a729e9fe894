"""What the library remembers of the disks that its photos were on.

In: roots and what is mounted in them. Out: the same at the next run. A setting, as JSON: it is a
remark about the roots, and losing it costs no photo.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping

from photosearch.paths import below
from photosearch.store.catalogue import Catalogue

_SETTING = "mounts"


def remembered_mounts(catalogue: Catalogue) -> dict[bytes, dict[bytes, list[tuple[int, str]]]]:
    """Root → folder in it (b"" for the root itself) → (last file id, disk), in the order of ids."""
    try:
        stored = json.loads(catalogue.setting(_SETTING) or "{}")
        return {
            os.fsencode(root): {
                os.fsencode(folder): [(int(last), str(disk)) for last, disk in spans]
                for folder, spans in mounts.items()
            }
            for root, mounts in stored.items()
        }
    except (ValueError, AttributeError, TypeError):
        return {}


def remember_mounts(
    catalogue: Catalogue, mounts: Mapping[bytes, Mapping[bytes, list[tuple[int, str]]]]
) -> None:
    """Keep them, of the roots that are still known."""
    known = catalogue.roots()
    kept = {
        os.fsdecode(root): {os.fsdecode(folder): spans for folder, spans in sorted(inner.items())}
        for root, inner in sorted(mounts.items())
        if root in known and inner
    }
    if kept or catalogue.setting(_SETTING):
        catalogue.set_setting(_SETTING, json.dumps(kept))


def forget_folder(catalogue: Catalogue, root_id: int, folder: bytes) -> int:
    """Remove what is known of a folder in a root: gives the number of files."""
    where = "root_id = ? AND (path = ? OR (path >= ? AND path < ?))"
    values = (root_id, folder, *below(folder))
    with catalogue.transaction() as connection:
        connection.execute(f"DELETE FROM failures WHERE {where}", values)
        return connection.execute(f"DELETE FROM files WHERE {where}", values).rowcount
