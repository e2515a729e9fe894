"""Whether a library is whole: catalogue, vector files, what lies beside them, and the photos.

In: a library's folder. Out: a CheckReport. `examine` changes nothing and takes no lock; `put_right`
is to be called under the writer's lock.
"""

from __future__ import annotations

import os
import shutil
import sqlite3
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import closing, suppress
from dataclasses import dataclass, field
from pathlib import Path

from photosearch.errors import DamagedLibrary, PhotosearchError
from photosearch.reports.upkeep import LOST, NOTE, REPAIRABLE, CheckReport, Problem
from photosearch.store import integrity
from photosearch.store.files import CATALOGUE, VECTORS, catalogue_path, size_of, storage_errors
from photosearch.store.lock import current_writer, writer_lock
from photosearch.store.opening import connect
from photosearch.store.snapshot import Snapshot
from photosearch.store.upkeep import Repair, losses, mend, rebuild
from photosearch.survey.decay import check_photos

_LITTLE = 200_000_000  # bytes free on the disk, below which it is told


def check(
    library: Path,
    *,
    quick: bool,
    files: bool,
    queries: Path,
    progress: Callable[[str, int], None],
) -> CheckReport:
    """Look, and change nothing."""
    since = time.monotonic()
    found = examine(library, quick=quick, files=files, queries=queries, progress=progress)
    return report_of(library, found, since)


def repair(
    library: Path,
    *,
    files: bool,
    queries: Path,
    progress: Callable[[str, int], None],
    release: Callable[[], None],
) -> CheckReport:
    """Look, put right what is wrong, and look again. `release` closes what the caller has open."""
    since = time.monotonic()
    with writer_lock(library):
        clear_leftovers(library)
        found = examine(library, files=files, queries=queries, progress=progress, locked=True)
        if not found.wrong:
            return report_of(library, found, since)
        release()
        done = put_right(library, found, queries)
        if catalogue_path(library).exists():
            found = examine(library, files=files, queries=queries, progress=progress, locked=True)
        else:
            found.problems.clear()
        return report_of(library, found, since, done)


@dataclass(slots=True)
class Examination:
    """What was found, and of what kind."""

    problems: list[Problem] = field(default_factory=list)
    checked: dict[str, int] = field(default_factory=dict)
    damaged: bool = False  # pages that cannot be read: the rest was not looked at

    @property
    def wrong(self) -> list[Problem]:
        return [problem for problem in self.problems if problem.severity != NOTE]


def examine(
    library: Path,
    *,
    quick: bool = False,
    files: bool = False,
    queries: Path | None = None,
    progress: Callable[[str, int], None] = lambda *_: None,
    locked: bool = False,
) -> Examination:
    """Look at everything.

    files: read every photo and compare its digest. queries: the file of remembered queries.
    locked: this process holds the writer's lock.
    """
    found = Examination()
    catalogue = catalogue_path(library)
    busy = None if locked else current_writer(library)
    messages = _emptied(library)
    try:
        with storage_errors(catalogue), closing(connect(catalogue)) as connection:
            connection.isolation_level = None
            connection.execute("BEGIN")  # what a run stores meanwhile is not seen
            messages = messages or integrity.damage(connection, quick=quick)
            if not messages:
                found.checked |= integrity.counted(connection)
                found.problems += integrity.check_tables(connection, quick=quick)
    except DamagedLibrary as error:
        messages = [str(error.__cause__ or error)]
    if messages:
        found.damaged = True
        found.problems += _damage(library, messages)
        return found
    if not busy and not quick:  # else the log may be written at this moment
        found.problems += integrity.check_log(catalogue.with_name(f"{CATALOGUE}-wal"))
    with closing(Snapshot(library)) as snapshot:
        from photosearch.index.inspect import check_files

        found.problems += check_files(library, snapshot, quick=quick)
        if not quick:
            found.problems += check_photos(snapshot, found.checked, files, progress)
    found.problems += _beside(library, busy, locked)
    if queries is not None:
        found.problems += _remembered(queries)
    return found


def report_of(
    library: Path, found: Examination, since: float, repair: Repair | None = None
) -> CheckReport:
    """The report of an examination, made after the repair if there was one."""
    return CheckReport(
        library,
        problems=(*found.wrong, *(repair.lost if repair else ())),
        notes=tuple(problem for problem in found.problems if problem.severity == NOTE),
        checked=found.checked,
        repaired=tuple(repair.repaired) if repair else (),
        backup=repair.kept if repair else None,
        seconds=time.monotonic() - since,
    )


def put_right(library: Path, found: Examination, queries: Path | None) -> Repair:
    """Repair what was found, as far as it can be. Under the writer's lock."""
    if found.damaged:
        repair = rebuild(library)
    else:
        kinds = {problem.kind for problem in found.wrong}
        in_tables = [
            problem for problem in found.wrong if problem.kind not in (*_ELSEWHERE, "log", "photo")
        ]
        repair = mend(library, in_tables) if in_tables else Repair()
        repair.repaired += [problem for problem in found.wrong if problem.kind in _ELSEWHERE]
        if "log" in kinds:
            _fold_log(library, repair)
            repair.repaired += [problem for problem in found.wrong if problem.kind == "log"]
    if queries is not None and any(problem.kind == "remembered" for problem in found.wrong):
        with suppress(OSError):
            queries.unlink(missing_ok=True)
    if catalogue_path(library).exists():
        # A vector that was taken out and comes again must not be in the file as well.
        _make_vector_files(library, all_of_them=repair.kept is not None)
    return repair


_ELSEWHERE = ("vector file", "remembered")


def _make_vector_files(library: Path, *, all_of_them: bool) -> None:
    from photosearch.index.cache import refresh_index
    from photosearch.index.inspect import damaged_keys, indexes_of, remove_files

    with closing(Snapshot(library)) as snapshot:
        indexes = indexes_of(snapshot)
        every = {model.key for _, model in indexes}
        remove_files(library, every if all_of_them else damaged_keys(library, snapshot))
        for rows, model in indexes:
            refresh_index(library, rows, model)


def _fold_log(library: Path, repair: Repair) -> None:
    """Let the catalogue take what its log still gives; the rest of the log goes."""
    from photosearch.store.replace import keep

    catalogue = catalogue_path(library)
    with storage_errors(catalogue):
        repair.kept = repair.kept or keep(catalogue, "damaged")
        with closing(sqlite3.connect(catalogue)) as connection:
            connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")


def _emptied(library: Path) -> list[str]:
    """A file without content where there has been a library. Else its making was interrupted."""
    if size_of(library / CATALOGUE) or not any((library / VECTORS).glob("*.json")):
        return []
    return ["the file is empty"]


def clear_leftovers(library: Path) -> None:
    """Remove what a repair left that was killed. Under the writer's lock."""
    for path in library.glob(f"{CATALOGUE}.*.tmp*"):
        with suppress(OSError):
            path.unlink()


def _damage(library: Path, messages: list[str]) -> Iterator[Problem]:
    lines = [line for line in "\n".join(messages).splitlines() if not line.startswith("***")]
    first = lines[0] if lines else "unreadable"
    yield Problem(
        "pages",
        f"the catalogue is damaged ({first})",
        len(messages),
        REPAIRABLE,
        "photosearch check --repair",
    )
    with tempfile.TemporaryDirectory(prefix="photosearch-") as scratch:
        try:
            lost, salvaged = losses(library, Path(scratch))
        except (PhotosearchError, OSError, sqlite3.Error) as error:
            yield Problem("unreadable", f"what is lost cannot be told: {error}", 1, LOST)
            return
    yield from lost
    if not lost:
        message = f"every row can be read ({salvaged.kept['photos']:,} photos): nothing is lost"
        yield Problem("pages", message)


def _beside(library: Path, busy: str | None, locked: bool) -> Iterator[Problem]:
    """What lies beside the catalogue, and the room that is left."""
    if busy:
        yield Problem("busy", f"being written to by {busy}")
    elif not locked and (library / "writer.json").exists():
        yield Problem("leftover", "the note of a writer that was killed: the next one replaces it")
    copies = [
        path
        for path in library.glob(f"{CATALOGUE}.*")
        if not path.name.endswith(("-wal", "-shm", ".tmp"))
    ]
    for path in sorted(copies):
        total = sum(size_of(one) for one in library.glob(f"{path.name}*"))
        message = f"{path.name}, {total:,} bytes: an earlier catalogue, deletable if all is well"
        yield Problem("copy", message)
    if left := list(library.glob(f"{CATALOGUE}.*.tmp*")):
        message = "leftovers of a repair that was killed: photosearch repair removes them"
        yield Problem("leftover", message, len(left))
    with suppress(OSError):
        free = shutil.disk_usage(library).free
        if free < max(_LITTLE, 2 * size_of(library / CATALOGUE)):
            yield Problem("disk", f"only {free:,} bytes are free on the library's disk")


def _remembered(path: Path) -> Iterator[Problem]:
    """Vectors of past queries: a file that may be lost, but should not be damaged."""
    if not os.path.exists(path):
        return
    try:
        with closing(sqlite3.connect(f"{path.as_uri()}?mode=ro", uri=True)) as connection:
            good = connection.execute("PRAGMA quick_check(1)").fetchone() == ("ok",)
    except sqlite3.OperationalError:
        return  # in use, or on a disk that cannot be written to
    except sqlite3.DatabaseError:
        good = False
    if not good:
        message = "the remembered queries are damaged: they are only for speed"
        yield Problem("remembered", message, 1, REPAIRABLE)
