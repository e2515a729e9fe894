"""What is in a library: counts, folders, models, sizes, failures.

In: a snapshot and the library's folder. Out: a Status, Failure records.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from photosearch.mounts import is_there
from photosearch.paths import to_path
from photosearch.records import Failure
from photosearch.reports.contents import Agreement, ModelStatus, RootStatus, Status
from photosearch.settings import models_path
from photosearch.store.files import CATALOGUE, VECTORS, size_of
from photosearch.store.lock import current_writer
from photosearch.store.previews import bytes_of as previews_bytes
from photosearch.store.regions import SETTING as REGIONS_SETTING
from photosearch.store.regions import counts as regions_counts
from photosearch.store.regions import failed_parts
from photosearch.store.snapshot import Snapshot
from photosearch.store.totals import failures, root_counts, totals, unused_bytes
from photosearch.store.words import counts as words_counts
from photosearch.store.words import failed_readings

_MUCH = 10_000_000  # bytes in the catalogue that are worth giving back
_LITTLE = 500_000_000  # bytes free on the disk, below which it is told


def status_of(snapshot: Snapshot, library: Path) -> Status:
    """Counts and sizes at this moment."""
    counts = totals(snapshot)
    words = words_counts(snapshot)
    regions = _regions(snapshot)
    current = snapshot.setting("model_key") or snapshot.setting("model")
    own = [library / f"{CATALOGUE}{suffix}" for suffix in ("", "-wal", "-shm")]
    sizes = [size_of(path) for path in library.glob(f"{CATALOGUE}*") if path not in own]
    status = Status(
        library=library,
        schema=snapshot.schema,
        photos=counts["photos"],
        files=counts["files"],
        missing=counts["missing"],
        forgotten=counts["forgotten"],
        failures=counts["failures"],
        # With the side files of a database in WAL mode.
        catalogue_bytes=sum(map(size_of, own)),
        vectors_bytes=size_of(library / VECTORS),
        roots=tuple(
            RootStatus(to_path(root), int(files), int(missing), is_there(root))
            for root, files, missing in root_counts(snapshot)
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
        regions=regions["photos"],
        regions_failed=regions["failed"],
        regions_wanted=snapshot.setting(REGIONS_SETTING) == "yes",
        copies_bytes=sum(sizes),
        models_bytes=size_of(models_path()),
        previews_bytes=previews_bytes(library),
        free_bytes=_free(library),
        unused_bytes=unused_bytes(snapshot),
    )
    return replace(status, advice=tuple(_advice(status)))


def _regions(snapshot: Snapshot) -> dict[str, int]:
    """What is known of the parts of photos, by the library's own model."""
    model = snapshot.model(snapshot.setting("model_key") or "")
    return regions_counts(snapshot, model.id if model else 0)


def _advice(status: Status) -> Iterator[tuple[str, str]]:
    """What could be better, and the command for it."""
    for model in status.models:
        if model.current and model.vectors < status.photos:
            left = status.photos - model.vectors
            yield f"{left:,} photos are not encoded with {model.name}", "photosearch index"
    if 0 < status.words_read < status.photos:
        left = status.photos - status.words_read
        yield f"{left:,} photos are not read for words", "photosearch index --words-only"
    elif status.photos and not status.words_read:
        yield "no photo is read for words", "photosearch index --words-only"
    if status.regions_wanted and status.regions < status.photos:
        left = status.photos - status.regions
        yield f"{left:,} photos are not looked at part by part", "photosearch index --regions-only"
    count = status.failures + status.words_failed + status.regions_failed
    if count:
        yield f"{count:,} failed", "photosearch status --failures"
    if status.missing + status.forgotten:
        yield f"{status.missing + status.forgotten:,} entries are gone", "photosearch prune"
    if status.unused_bytes > max(_MUCH, status.catalogue_bytes // 4):
        share = 100 * status.unused_bytes // status.catalogue_bytes
        yield f"{share} % of the catalogue is unused", "photosearch prune"
    if status.copies_bytes:
        yield "earlier catalogues are kept: deletable if all is well", "photosearch check"
    if status.free_bytes is not None and status.free_bytes < _LITTLE:
        yield "the disk is nearly full", ""


def _free(library: Path) -> int | None:
    try:
        return shutil.disk_usage(library).free
    except OSError:
        return None


def agreement_of(snapshot: Snapshot, key: str) -> Agreement | None:
    """What was measured of an 8-bit form of a model when it was first used here."""
    measured = snapshot.setting(agreement_setting(key))
    return Agreement(**json.loads(measured)) if measured else None


def agreement_setting(key: str) -> str:
    """The setting that holds it."""
    return f"agreement {key}"


def failures_of(snapshot: Snapshot) -> list[Failure]:
    """Files that could not be indexed, or looked at for words or part by part; by path."""
    failed = sorted([*failures(snapshot), *failed_readings(snapshot), *failed_parts(snapshot)])
    return [Failure(to_path(root, path), reason) for root, path, reason in failed]
