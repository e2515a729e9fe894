"""The way in: walk → compare → read → decode → encode → store.

In: an open catalogue, a workshop, folders. Out: an IndexReport; Progress on the way.
Reading, decoding and encoding are a workshop's (`ingest/workshop.py`), on this machine or on
others; this thread compares, and alone touches the catalogue. Killed at any moment, a run loses the
batch in flight; the next one goes on.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing
from dataclasses import dataclass, field, replace
from itertools import islice

from photosearch.decode.raw import has_raw_decoder
from photosearch.filenames import RAW_SUFFIXES, suffix_of
from photosearch.ingest.attendance import Attendance
from photosearch.ingest.scopes import Scope
from photosearch.ingest.workshop import Arrived, Encoded, Trouble, Workshop
from photosearch.paths import to_path
from photosearch.records import Failure, FoundFile, Progress, Skipped
from photosearch.reports.runs import IndexReport
from photosearch.store.catalogue import Batch, Catalogue, Known, NewPhoto
from photosearch.walk import WalkRules, walk

# Found files that are compared with the catalogue at a time, in one query.
_COMPARED = 500
# A transaction holds this many photos at most, and is never older than this: what a kill costs.
COMMIT_PHOTOS = 256
COMMIT_SECONDS = 5.0


@dataclass(frozen=True, slots=True)
class Options:
    """How to run."""

    rules: WalkRules = field(default_factory=WalkRules)
    retry: bool = False
    progress: Callable[[Progress], None] = lambda progress: None
    should_stop: Callable[[], bool] = lambda: False


def count_files(catalogue: Catalogue, model_id: int, scopes: list[Scope], options: Options) -> int:
    """How many files a run would have to read: the walk and the comparison alone."""
    run = _Run(catalogue, model_id, options)
    return sum(1 for scope in scopes if scope.is_online for _ in run.select(scope))


def dry_run(
    catalogue: Catalogue, model_id: int, scopes: list[Scope], options: Options
) -> IndexReport:
    """What a run would do, as far as the walk can tell: nothing is read or stored."""
    run = _Run(catalogue, model_id, options)
    for scope in scopes:
        if scope.is_online:
            for found in run.select(scope):
                run.counts["changed" if found.path in run.known else "added"] += 1
        else:
            run.offline.append(scope)
    return replace(run.report(), dry_run=True)


def index_photos(
    catalogue: Catalogue,
    workshop: Workshop,
    model_id: int,
    scopes: list[Scope],
    options: Options,
    total: int | None = None,
) -> IndexReport:
    """Bring the catalogue up to date with the folders of `scopes`.

    The workshop is the caller's: it may serve several runs, and is not closed here.
    """
    run = _Run(catalogue, model_id, options, workshop=workshop, total=total)
    for scope in scopes:
        if scope.is_online:
            run.take_in(scope)
        else:
            run.offline.append(scope)
    if not run.stopped:
        run.find_vanished(scopes)
    return run.report()


class _Run:
    """The state of one run."""

    def __init__(
        self,
        catalogue: Catalogue,
        model_id: int,
        options: Options,
        *,
        workshop: Workshop | None = None,
        total: int | None = None,
    ) -> None:
        self.catalogue = catalogue
        self.model_id = model_id
        self.options = options
        self.total = total
        self.stopped = False
        self.started = time.monotonic()
        self.counts: Counter[str] = Counter()
        self.failed: list[Failure] = []
        self.offline: list[Scope] = []
        self.known: dict[bytes, Known] = {}  # of the files in flight
        self._workshop = workshop
        self._attendance = Attendance()
        self._pending: dict[bytes, list[FoundFile]] = {}  # digest → its files, not yet stored
        self._batch = Batch()
        self._committed = self.started
        self._raw = has_raw_decoder()
        self._scope: Scope

    # One folder

    def take_in(self, scope: Scope) -> None:
        """Walk, read, decode, encode and store one folder."""
        assert self._workshop is not None
        self._scope = scope
        shop = self._workshop
        with (  # closed at once when this fails, not when somebody forgets the traceback
            closing(shop.read(scope.root, self.select(scope))) as arrived,
            closing(shop.encode(self._match(arrived))) as results,
        ):
            for result in results:
                if isinstance(result, Trouble):
                    self._fail(result)
                else:
                    self._take(result)
                self._commit_if_due()
            self._commit()
        # A workshop may end its streams early, and drop what is under way.
        self.stopped = self.stopped or self.options.should_stop()

    def select(self, scope: Scope) -> Iterator[FoundFile]:
        """The files that have to be read: new, changed, or without a vector of this model."""
        self.known.clear()  # paths are relative: another root has the same ones
        stream = walk(scope.root, self.options.rules, scope.start)
        while block := list(islice(stream, _COMPARED)):
            found = []
            for item in block:
                if isinstance(item, Skipped):
                    self._note_unread(scope, item)
                else:
                    found.append(item)
            yield from self._compare(scope, found)
            if self.stopped:
                return

    def _compare(self, scope: Scope, found: list[FoundFile]) -> Iterator[FoundFile]:
        paths = [one.path for one in found]
        known = self.catalogue.lookup(scope.root_id, paths, self.model_id)
        failed = self.catalogue.failed_before(scope.root_id, paths)
        count = sum(not one.unsure or one.path in known for one in found)
        self._attendance.found(scope, count)
        for one in found:
            if self.options.should_stop():
                self.stopped = True
                return
            row = known.get(one.path)
            if row and row.is_current(one):
                self.counts["unchanged"] += 1
                self._attendance.seen(row.file_id)
                if row.missing:
                    self.counts["returned"] += 1
                    self._batch.returned.append(row.file_id)
            elif failed.get(one.path) == (one.size, one.mtime_ns) and not self.options.retry:
                self.counts["known_failures"] += 1
                self._attendance.failing(scope, one.path)
            elif suffix_of(one.path) in RAW_SUFFIXES and not self._raw:
                self.counts["raw_skipped"] += 1
            else:
                if row:
                    self.known[one.path] = row
                yield one

    def _match(self, arrived: Iterable[Arrived | Trouble | None]) -> Iterator[Arrived]:
        """Files whose content is known need but a row; the others go on to be decoded."""
        for file in arrived:
            self.counts["done"] += 1
            if file is None:
                continue
            self.counts["read"] += 1
            if isinstance(file, Trouble):
                self._fail(file)
            elif file.digest in self._pending:
                self._pending[file.digest].append(file.found)
            else:
                photo = self.catalogue.photo_with_digest(file.digest, self.model_id)
                if photo and photo[1]:
                    self._keep_known(file.found, photo[0])
                else:
                    self._pending[file.digest] = [file.found]
                    yield file
            self._commit_if_due()

    def _keep_known(self, found: FoundFile, photo_id: int) -> None:
        before = self.known.pop(found.path, None)
        if before is None:
            self._attendance.arrived(photo_id)
        else:
            self.counts["unchanged" if before.photo_id == photo_id else "changed"] += 1
        self._batch.known.append((found, photo_id))
        self._tell()

    def _fail(self, trouble: Trouble) -> None:
        files = self._pending.pop(trouble.digest, []) if trouble.digest else [trouble.found]
        scope = self._scope
        for found in files:
            before = self.known.pop(found.path, None)
            if trouble.digest:
                self._batch.undecodable.append((found, trouble.reason))
            else:
                self._batch.unreadable.append((found, trouble.reason))
                if before:  # it is there, and may be read another time
                    self._attendance.seen(before.file_id)
            self._attendance.failing(scope, found.path)
            self.failed.append(Failure(to_path(scope.root, found.path), trouble.reason))
        self._tell()

    def _note_unread(self, scope: Scope, skipped: Skipped) -> None:
        self._attendance.unread(scope, skipped.path)
        self.failed.append(Failure(to_path(scope.root, skipped.path), skipped.reason))
        self._batch.unreadable.append((FoundFile(skipped.path, -1, -1), skipped.reason))

    def _take(self, encoded: Encoded) -> None:
        """A photo with its vector joins the batch."""
        files = self._pending[encoded.photo.digest]
        self._batch.new.append(NewPhoto(encoded.photo, encoded.vector, files))
        self.counts["encoded"] += 1
        self._tell()

    def _commit_if_due(self) -> None:
        late = time.monotonic() - self._committed > COMMIT_SECONDS
        if len(self._batch) >= COMMIT_PHOTOS or (late and len(self._batch)):
            self._commit()

    def _commit(self) -> None:
        if len(self._batch):
            file_ids = self.catalogue.commit(self._scope.root_id, self.model_id, self._batch)
            for file_id in file_ids:
                self._attendance.seen(file_id)
            for new in self._batch.new:
                del self._pending[new.photo.digest]
                for found in new.files:
                    self._count_new(found)
            self._batch = Batch()
        self._committed = time.monotonic()

    def _count_new(self, found: FoundFile) -> None:
        before = self.known.pop(found.path, None)
        if before is None:
            self.counts["added"] += 1
        elif before.has_vector:
            self.counts["changed"] += 1
        else:  # another model's turn
            self.counts["unchanged"] += 1

    def _tell(self) -> None:
        self.options.progress(
            Progress(self.counts["done"], self.total, self.counts["encoded"], len(self.failed))
        )

    def find_vanished(self, scopes: list[Scope]) -> None:
        """Deal with what was there at an earlier run and is not now."""
        present = [scope for scope in scopes if scope not in self.offline]
        absences = self._attendance.close(self.catalogue, present)
        self.counts["moved"] = absences.moved
        self.counts["copied"] = absences.copied
        self.counts["missing"] = absences.missing
        self.offline += absences.emptied

    def report(self) -> IndexReport:
        counts = self.counts
        return IndexReport(
            encoded=counts["encoded"],
            added=counts["added"],
            changed=counts["changed"],
            unchanged=counts["unchanged"],
            moved=counts["moved"],
            copied=counts["copied"],
            missing=counts["missing"],
            returned=counts["returned"],
            read=counts["read"],
            known_failures=counts["known_failures"],
            raw_skipped=counts["raw_skipped"],
            offline=tuple(to_path(scope.root) for scope in self.offline),
            failed=tuple(self.failed),
            seconds=time.monotonic() - self.started,
            interrupted=self.stopped,
        )
