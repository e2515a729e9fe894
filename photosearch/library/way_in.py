"""The way in: photos, their printed words and their parts into the library.

In: folders. Out: reports. What is done stands in `indexing.py` and `watching/`; here arguments are
checked and the writer's lock is taken.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any

from photosearch.errors import MissingExtra
from photosearch.library.arguments import check_positive, decode_limits, pass_options
from photosearch.library.opened import Opened
from photosearch.paths import to_bytes
from photosearch.records import Progress
from photosearch.settings import reads_words

if TYPE_CHECKING:
    from collections.abc import Iterator

    from photosearch.ingest.held import Options as PassOptions
    from photosearch.reports.runs import IndexReport, RegionsReport, WatchReport, WordsReport
    from photosearch.store.catalogue import Catalogue

logger = logging.getLogger("photosearch")


class WayIn(Opened):
    """What brings photos into the library."""

    def index(
        self,
        roots: str | os.PathLike[str] | Sequence[str | os.PathLike[str]] = (),
        *,
        exclude: Sequence[str] = (),
        follow_links: bool = False,
        hidden: bool = False,
        retry: bool = False,
        dry_run: bool = False,
        jobs: int | None = None,
        batch_size: int | None = None,
        timeout: float | None = None,
        max_megapixels: float | None = None,
        words: bool | None = None,
        regions: bool | None = None,
        ray: str | None = None,
        count_first: bool = False,
        progress: Callable[[Progress], None] | None = None,
        should_stop: Callable[[], bool] | None = None,
    ) -> IndexReport:
        """Bring the library up to date with folders.

        roots: a folder or several; all known ones where none is given. exclude: gitignore patterns
        relative to each folder. follow_links: symbolic links, too, each folder once. hidden: files
        and folders whose name begins with a dot, too. retry: try known failures again. dry_run:
        say what would be done; nothing is read or stored. jobs: decoding processes, one a core
        unless given. batch_size: photos a call of the model. timeout: seconds that a photo may take
        to decode, 60 unless given. max_megapixels: larger photos are refused, 200 unless given.
        words: look for printed words in a second pass, which begins when every photo can be found
        by its looks; True unless PHOTOSEARCH_WORDS is 0. regions: encode parts of each photo, too,
        so that `search(small=True)` finds small things; once asked for, later calls do it for new
        photos, until False is given. ray: a Ray cluster whose nodes read, decode and encode:
        "auto", "local", "HOST:PORT" or "ray://HOST:PORT"; words are read here. count_first: walk
        once ahead, so that progress has a total. progress is called with a Progress as it goes
        on. should_stop is asked between photos; a run that is stopped has stored what it did.

        Trouble with one photo is in the report (`failed`). Raises LibraryBusy while another process
        is indexing, WrongUse for a folder that is not there, StorageError where the library cannot
        be written, MissingExtra for an optional part that was asked for and is not installed.
        """
        from photosearch.ignore import check_patterns
        from photosearch.ingest import photos
        from photosearch.ingest.scopes import scopes_of
        from photosearch.library import indexing
        from photosearch.walk import WalkRules

        check_positive(jobs=jobs, batch_size=batch_size)
        limits = decode_limits(timeout, max_megapixels)
        if ray is not None:
            from photosearch.ingest.spread import check_address

            check_address(ray)
        if isinstance(roots, (str, os.PathLike)):
            roots = [roots]
        check_patterns(exclude)
        encoder = self.encoder
        if not dry_run:
            self._vectors.check()
        with self._writing() as catalogue:
            scopes = scopes_of(catalogue, roots, own_folder=self.path, create=not dry_run)
            rules = WalkRules(
                exclude=tuple(exclude),
                hidden=hidden,
                follow_links=follow_links,
                avoid=frozenset({*catalogue.roots(), to_bytes(self.path)}),
            )
            options = photos.Options(
                rules=rules,
                retry=retry,
                progress=progress or (lambda _: None),
                should_stop=should_stop or (lambda: False),
            )
            if dry_run:
                model = self._snapshot.model(encoder.key)
                return photos.dry_run(catalogue, model.id if model else 0, scopes, options)
            report = indexing.index_scopes(
                self.path,
                catalogue,
                self._snapshot,
                encoder,
                scopes,
                options,
                indexing.Means(jobs, batch_size, limits, ray, self._device),
                count_first=count_first,
                vectors=self._vectors,
            )
            later = pass_options(retry, jobs, limits, progress, should_stop)
            report = self._then_regions(catalogue, report, regions, later)
            return self._then_words(catalogue, report, words, later)

    def _then_regions(
        self, catalogue: Catalogue, report: IndexReport, wanted: bool | None, how: PassOptions
    ) -> IndexReport:
        """The pass over parts of photos, where it is wanted now or was before."""
        from photosearch.library import indexing
        from photosearch.store.regions import SETTING

        if wanted is False:
            catalogue.set_setting(SETTING, "no")
        elif wanted:  # remembered, even if this run is stopped before it comes so far
            catalogue.set_setting(SETTING, "yes")
        if report.interrupted or catalogue.setting(SETTING) != "yes":
            return report
        looked = indexing.look_at_regions(
            self.path,
            catalogue,
            self._snapshot,
            self.encoder,
            how,
            unasked_after=None if wanted else report.encoded,
        )
        return replace(report, regions=looked, interrupted=bool(looked.left))

    def _then_words(
        self, catalogue: Catalogue, report: IndexReport, wanted: bool | None, how: PassOptions
    ) -> IndexReport:
        """The pass over printed words, unless it is not wanted, or its reader is not installed."""
        from photosearch.library import indexing

        if report.interrupted or not (reads_words() if wanted is None else wanted):
            return report
        try:
            read = indexing.read_words(catalogue, self._snapshot, how)
        except MissingExtra as error:
            if wanted:  # asked for by name
                raise
            logger.warning("%s; %s", error, error.hint)
            return report
        return replace(report, words=read, interrupted=bool(read.left))

    def look_at_regions(
        self,
        *,
        retry: bool = False,
        jobs: int | None = None,
        timeout: float | None = None,
        max_megapixels: float | None = None,
        progress: Callable[[Progress], None] | None = None,
        should_stop: Callable[[], bool] | None = None,
    ) -> RegionsReport:
        """The pass of `index(regions=True)` over the photos already encoded, alone.

        Options as of `index`. Raises NoLibrary where no photo is encoded, LibraryBusy.
        """
        from photosearch.library import indexing

        check_positive(jobs=jobs)
        limits = decode_limits(timeout, max_megapixels)
        with self._writing() as catalogue:
            self._require_model()
            options = pass_options(retry, jobs, limits, progress, should_stop)
            return indexing.look_at_regions(
                self.path, catalogue, self._snapshot, self.encoder, options
            )

    def read_words(
        self,
        *,
        retry: bool = False,
        jobs: int | None = None,
        timeout: float | None = None,
        max_megapixels: float | None = None,
        progress: Callable[[Progress], None] | None = None,
        should_stop: Callable[[], bool] | None = None,
    ) -> WordsReport:
        """The second pass of `index` alone: look for printed words in photos not yet read.

        Options as of `index`. Raises LibraryBusy while another process is indexing.
        """
        from photosearch.library import indexing

        check_positive(jobs=jobs)
        limits = decode_limits(timeout, max_megapixels)
        with self._writing() as catalogue:
            options = pass_options(retry, jobs, limits, progress, should_stop)
            return indexing.read_words(catalogue, self._snapshot, options)

    def watch(
        self,
        folders: str | os.PathLike[str] | Sequence[str | os.PathLike[str]] = (),
        *,
        exclude: Sequence[str] = (),
        follow_links: bool = False,
        hidden: bool = False,
        jobs: int | None = None,
        batch_size: int | None = None,
        timeout: float | None = None,
        max_megapixels: float | None = None,
        words: bool | None = None,
        settle: float = 2.0,
        rescan: float | None = None,
        poll: bool = False,
        should_stop: Callable[[], bool] | None = None,
    ) -> Iterator[WatchReport]:
        """Keep the library up to date with folders, as they change.

        folders: as `roots` of `index`. Yields a report for each run that did something, until
        `should_stop` says so. A file is indexed when it has not changed for `settle` seconds. Every
        `rescan` seconds (6 hours) everything is looked through, whatever was told of it; with
        `poll` (then: every minute) nothing else is done. Other options as of `index`. The writer's
        lock is held during runs.
        """
        from photosearch.ignore import check_patterns
        from photosearch.walk import WalkRules
        from photosearch.watching.watch import RESCAN_SECONDS, WatchOptions, Work, watch

        if isinstance(folders, (str, os.PathLike)):
            folders = [folders]
        check_patterns(exclude)
        stop = should_stop or (lambda: False)
        rules = WalkRules(tuple(exclude), hidden, follow_links, frozenset({to_bytes(self.path)}))
        how: dict[str, Any] = {
            "jobs": jobs, "timeout": timeout, "max_megapixels": max_megapixels
        }  # fmt: skip
        wants_words = reads_words() if words is None else words
        work = Work(
            index=partial(
                self.index,
                exclude=exclude,
                follow_links=follow_links,
                hidden=hidden,
                batch_size=batch_size,
                words=False,
                should_stop=stop,
                **how,
            ),
            words=(lambda stopped: self.read_words(should_stop=stopped, **how))
            if wants_words
            else None,
            snapshot=lambda: self._snapshot,
            writing=self._writing,
        )
        rescan = rescan or RESCAN_SECONDS[poll]
        return watch(work, folders, WatchOptions(rules, settle, rescan, poll, should_stop=stop))
