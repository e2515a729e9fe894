"""What is in a library: counts, folders, models, sizes, failures.

In: a snapshot and the library's folder. Out: a Status, Failure records.
"""

from __future__ import annotations

import os
from pathlib import Path

from photosearch.paths import to_path
from photosearch.records import Failure, ModelStatus, RootStatus, Status
from photosearch.store.files import CATALOGUE, VECTORS, size_of
from photosearch.store.lock import current_writer
from photosearch.store.snapshot import Snapshot


def status_of(snapshot: Snapshot, library: Path) -> Status:
    """Counts and sizes at this moment."""
    counts = snapshot.counts()
    current = snapshot.setting("model")
    return Status(
        library=library,
        schema=snapshot.schema,
        photos=counts["photos"],
        files=counts["files"],
        missing=counts["missing"],
        forgotten=counts["forgotten"],
        failures=counts["failures"],
        # With the side files of a database in WAL mode.
        catalogue_bytes=sum(size_of(path) for path in library.glob(f"{CATALOGUE}*")),
        vectors_bytes=size_of(library / VECTORS),
        roots=tuple(
            RootStatus(to_path(root), int(files), int(missing), os.path.isdir(root))
            for root, files, missing in snapshot.root_counts()
        ),
        models=tuple(
            ModelStatus(model.name, model.key, model.dim, model.vectors, model.name == current)
            for model in snapshot.models()
        ),
        writer=current_writer(library),
    )


def failures_of(snapshot: Snapshot) -> list[Failure]:
    """Files that could not be indexed, in the order of their paths."""
    return [Failure(to_path(root, path), reason) for root, path, reason in snapshot.failures()]
