"""What is in a library: counts, folders, models, sizes, failures.

In: a snapshot and the library's folder. Out: a Status, Failure records.
"""

from __future__ import annotations

import json
import os
from pathlib import Path

from photosearch.paths import to_path
from photosearch.records import Failure
from photosearch.reports import Agreement, ModelStatus, RootStatus, Status
from photosearch.store.files import CATALOGUE, VECTORS, size_of
from photosearch.store.lock import current_writer
from photosearch.store.snapshot import Snapshot
from photosearch.store.words import counts as words_counts
from photosearch.store.words import failed_readings


def status_of(snapshot: Snapshot, library: Path) -> Status:
    """Counts and sizes at this moment."""
    counts = snapshot.counts()
    words = words_counts(snapshot)
    current = snapshot.setting("model_key") or snapshot.setting("model")
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
            ModelStatus(
                model.name,
                model.key,
                model.dim,
                model.vectors,
                current=current in (model.key, model.name),
                agreement=agreement_of(snapshot, model.key),
            )
            for model in snapshot.models()
        ),
        writer=current_writer(library),
        words_read=words["read"],
        with_words=words["with_words"],
        words_failed=words["failed"],
    )


def agreement_of(snapshot: Snapshot, key: str) -> Agreement | None:
    """What was measured of an 8-bit form of a model when it was first used here."""
    measured = snapshot.setting(agreement_setting(key))
    return Agreement(**json.loads(measured)) if measured else None


def agreement_setting(key: str) -> str:
    """The setting that holds it."""
    return f"agreement {key}"


def failures_of(snapshot: Snapshot) -> list[Failure]:
    """Files that could not be indexed, or in which no words could be looked for; by path."""
    failed = sorted([*snapshot.failures(), *failed_readings(snapshot)])
    return [Failure(to_path(root, path), reason) for root, path, reason in failed]
