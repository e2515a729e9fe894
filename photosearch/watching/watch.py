"""Folders that change → small runs, once files have stopped growing.

In: folders, and what can be asked of the library (`Work`). Out: a WatchReport for every run that
did something. Knows nothing of models, tables or terminals.

One thread does everything in turn: it takes what the system told, waits until files rest, then asks
for a run over these files alone, so that a file which is still being written is never read. What
events do not tell (lost ones, network folders, folders that come back) a full rescan finds: it is
one stat a file, and so the answer to every doubt.
"""

from __future__ import annotations

import logging
import os
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, suppress
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path

from photosearch.errors import LibraryBusy, MissingExtra, StorageError, WrongUse
from photosearch.paths import find_root, find_same_root, join, relative_to, to_bytes, to_path
from photosearch.reports.runs import IndexReport, WatchReport, WordsReport
from photosearch.store.catalogue import Catalogue
from photosearch.store.snapshot import Snapshot
from photosearch.walk import WalkRules
from photosearch.watching.departures import depart, knows, withdraw_failures
from photosearch.watching.pending import Pending
from photosearch.watching.settle import EMPTY_TIMES, state_of
from photosearch.watching.targets import Target
from photosearch.watching.territory import Territory

logger = logging.getLogger("photosearch")

# How long the watch sleeps between two looks at the events: 4 wake-ups a second cost 0.1 % of a
# core, and Ctrl-C is answered in this time.
TICK_SECONDS = 0.25
# How often it is looked whether the folders are still there.
ROOTS_SECONDS = 2.0
# Files that are ready wait for others up to this long, so that many become one run.
GATHER_SECONDS = 10.0
# A run takes this many files at most: what is asked of it is compared pair by pair (0.3 s).
RUN_FILES = 1000
# Reading words holds the writer's lock: it is let go for a moment this often.
WORDS_SECONDS = 120.0
BUSY_SECONDS = 2.0
# Everything is looked through this often; without events (True) that is all that is done.
RESCAN_SECONDS = {False: 6 * 3600.0, True: 60.0}
BACK_OFF_SECONDS = (5.0, 300.0)


@dataclass(frozen=True, slots=True)
class Work:
    """What the watch asks of the library."""

    index: Callable[[Sequence[Path]], IndexReport]
    words: Callable[[Callable[[], bool]], WordsReport] | None
    snapshot: Callable[[], Snapshot]
    writing: Callable[[], AbstractContextManager[Catalogue]]


@dataclass(frozen=True, slots=True)
class WatchOptions:
    """How to watch. Times are in seconds."""

    rules: WalkRules = field(default_factory=WalkRules)
    settle: float = 2.0
    rescan: float = RESCAN_SECONDS[False]
    poll: bool = False
    should_stop: Callable[[], bool] = lambda: False
    clock: Callable[[], float] = time.monotonic
    sleep: Callable[[float], None] = time.sleep


def watch(
    work: Work, folders: Sequence[str | os.PathLike[str]], options: WatchOptions
) -> Iterator[WatchReport]:
    """Watch folders, and those of the library's folders that lie in them; all where none is given.

    Folders that are not there now are waited for, if the library knows them.
    """
    if options.settle <= 0 or options.rescan <= 0:
        raise WrongUse("times to wait must be more than 0")
    roots = work.snapshot().roots()
    if not folders and not roots:
        raise WrongUse("no folder has been indexed yet", hint="photosearch watch FOLDER")
    tops: dict[bytes, None] = {} if folders else dict.fromkeys(roots)
    for folder in folders:
        wanted = to_bytes(folder)
        known = find_root(wanted, roots) or find_same_root(wanted, roots)
        if os.path.exists(wanted) and not os.path.isdir(wanted):
            raise WrongUse(
                f"{os.fspath(folder)} is no folder", hint="watch the folder that it lies in"
            )
        if known is None and not os.path.isdir(wanted):
            raise WrongUse(f"{os.fspath(folder)}: no such folder")
        top = join(*known) if known else wanted
        tops[top] = None
        tops.update((root, None) for root in roots if relative_to(root, top))
    rules = replace(options.rules, avoid=options.rules.avoid | set(roots) | set(tops))
    return Watch(work, list(tops), replace(options, rules=rules)).run()


class Watch:
    """The state of one watch."""

    def __init__(self, work: Work, folders: Sequence[bytes], options: WatchOptions) -> None:
        self.work = work
        self.options = options
        self._now = options.clock
        self._pending = Pending(
            [
                Target(Territory(top, options.rules), poll=options.poll, rescan=options.rescan)
                for top in folders
            ],
            settle=options.settle,
            knows=lambda path: knows(work.snapshot(), path),
            clock=options.clock,
        )
        self._looked: float | None = None
        self._rescanned = self._now()
        self._words_due = work.words is not None
        self._words_next = 0.0
        self._not_before = 0.0
        self._troubles = 0
        self._trouble = ""
        self._told_failures: frozenset[Path] = frozenset()
        self._started = False

    def run(self) -> Iterator[WatchReport]:
        """Watch until `should_stop` says so."""
        try:
            self._look_at_targets()
            for target in self._pending.targets:
                if not target.is_there:
                    target.tell_offline()
            while not self.options.should_stop():
                report, busy = self._step()
                if report is not None:
                    yield report
                if not busy and not self.options.should_stop():
                    self.options.sleep(TICK_SECONDS)
        finally:
            for target in self._pending.targets:
                target.close()

    def _step(self) -> tuple[WatchReport | None, bool]:
        """One turn: (what a run did, if anything; whether to go on without a pause)."""
        self._pending.take_events()
        self._look_at_targets()
        now = self._now()
        if now < self._not_before:
            return None, False
        try:
            done = self._next(now)
        except LibraryBusy as error:
            self._in_trouble(str(error), BUSY_SECONDS, "waiting for it to end")
            return None, False
        except Exception as error:
            if not self._started and not isinstance(error, (StorageError, OSError)):
                raise  # a wrong model or option: trying again would not help
            first, last = BACK_OFF_SECONDS
            delay = min(last, first * 2 ** min(self._troubles, 10))
            reason = str(error) or type(error).__name__
            self._in_trouble(reason, delay, f"trying again in {delay:.0f} s, later less often")
            return None, False
        if done is None:
            return None, False
        if self._trouble:
            logger.info("going on")
        self._troubles, self._trouble = 0, ""
        return (done if done.did_something else None), True

    def _in_trouble(self, reason: str, delay: float, what_now: str) -> None:
        if reason != self._trouble:  # said once
            logger.warning("%s; %s", reason, what_now)
        self._trouble = reason
        self._troubles += 1
        self._not_before = self._now() + delay

    def _look_at_targets(self) -> None:
        now = self._now()
        if self._looked is not None and now - self._looked < ROOTS_SECONDS:
            return
        self._looked = now
        roots = self.work.snapshot().roots()
        for target in list(self._pending.targets):
            if self._started and find_root(target.top, roots) is None:
                where = to_path(target.top)
                logger.warning("%s was taken out of the library: not watched any more", where)
                target.close()
                self._pending.targets.remove(target)
            elif target.look(now):
                delay = self.options.settle if self._started else 0.0
                self._pending.rescans[target.top] = now + delay

    # What to do

    def _next(self, now: float) -> WatchReport | None:
        """The run that is due, if one is."""
        pending = self._pending
        if folders := self._due_rescans(now):
            return self._rescan(folders)
        if pending.ripe and self._is_gathered(now):
            return self._take_in(now)
        if pending.gone:
            # After the arrivals, so that what was moved is told as moved.
            patience = 0.0 if pending.is_still and not pending.ripe else GATHER_SECONDS
            if any(when + patience <= now for when in pending.gone.values()):
                gone = self._depart(now)
                return self._reported(replace(gone, moved=0, missing=gone.missing + gone.moved))
        if self._words_due and not pending.ripe and now >= self._words_next:
            return self._read_words()
        return None

    def _is_gathered(self, now: float) -> bool:
        pending = self._pending
        late = now - pending.ripe_since >= max(GATHER_SECONDS, self.options.settle)
        return pending.is_still or late or len(pending.ripe) >= RUN_FILES

    def _due_rescans(self, now: float) -> list[bytes]:
        pending = self._pending
        everything = now - self._rescanned >= self.options.rescan
        if everything:
            self._rescanned = now
        for target in pending.targets:
            polled = target.every is not None and now - target.polled >= target.every
            if target.is_there and (everything or polled):
                target.polled = now
                pending.rescans.setdefault(target.top, now)
        # Files that are being written are waited for, but not for ever.
        patience = 0.0 if pending.is_quiet and not pending.ripe else 6 * GATHER_SECONDS
        return [folder for folder, when in pending.rescans.items() if when + patience <= now]

    def _rescan(self, folders: list[bytes]) -> WatchReport:
        there = [
            to_path(folder)
            for folder in folders
            if self._pending.target_of(folder) and os.path.isdir(folder)
        ]
        report = self.work.index(there) if there else IndexReport()
        if report.interrupted:
            return self._reported(report)
        for folder in folders:
            del self._pending.rescans[folder]
        if not self._started:
            self._started = True
            self._rescanned = self._now()
        for target in self._pending.targets:
            if to_path(target.top) in report.offline:
                target.tell_offline()
        report = self._doubt(report)
        # A folder that may not be looked into fails at every rescan: it is told once.
        new = tuple(one for one in report.failed if one.path not in self._told_failures)
        self._told_failures = frozenset(one.path for one in report.failed)
        return self._reported(replace(report, failed=new))

    def _take_in(self, now: float) -> WatchReport:
        """Index files that rest."""
        pending = self._pending
        files = list(pending.ripe)[:RUN_FILES]
        wanted = [path for path in files if pending.is_wanted(path)]
        report = IndexReport()
        if wanted:
            try:
                report = self.work.index([to_path(path) for path in wanted])
            except WrongUse:
                if all(map(os.path.lexists, wanted)):
                    raise
                return self._reported(report)  # one went just now: once more without it
        if report.interrupted:
            return self._reported(report)
        for path in files:
            pending.ripe.pop(path, None)
        report = self._doubt(report)
        if pending.is_quiet and not pending.ripe:
            with suppress(Exception):  # its turn comes again, and any trouble shows then
                # A rename is an arrival and a departure: told as one.
                gone = self._depart(now)
                moved = min(gone.moved, report.copied)
                report = replace(
                    report,
                    moved=report.moved + moved,
                    copied=report.copied - moved,
                    missing=report.missing + gone.missing + gone.moved - moved,
                )
        return self._reported(report)

    def _depart(self, now: float) -> IndexReport:
        """Look at what seems gone; `moved` counts files whose photo lies elsewhere, too."""
        report = IndexReport()
        if paths := self._pending.take_gone(now):
            with self.work.writing() as catalogue:
                departed = depart(catalogue, paths)
            report = replace(report, moved=departed.elsewhere, missing=departed.missing)
            for target in self._pending.targets:
                if target.top in departed.emptied:
                    target.tell_offline()
        self._pending.forget_gone(now)
        return report

    def _read_words(self) -> WatchReport | None:
        assert self.work.words is not None
        began = looked = self._now()

        def should_stop() -> bool:
            nonlocal looked
            now = self._now()
            if now - looked >= 2 * TICK_SECONDS:
                looked = now
                self._pending.take_events()
            arrived = bool(self._pending.ripe)
            return arrived or now - began >= WORDS_SECONDS or self.options.should_stop()

        try:
            report = self.work.words(should_stop)
        except MissingExtra as error:
            logger.warning("%s; %s", error, error.hint)
            self._words_due = False
            return None
        self._words_due = report.left > 0
        self._words_next = self._now() + 1.0  # others may write meanwhile
        return WatchReport(datetime.now().astimezone(), words=report)

    def _reported(self, report: IndexReport) -> WatchReport:
        if report.encoded:
            self._words_due = self.work.words is not None
        return WatchReport(datetime.now().astimezone(), report)

    def _doubt(self, report: IndexReport) -> IndexReport:
        """Failures of files that changed a moment ago are no failures yet: they get more time."""
        patience = self.options.settle * EMPTY_TIMES
        doubted = set()
        for failure in report.failed:
            path = to_bytes(failure.path)
            state = state_of(path)
            if state is not None:
                age = time.time() - max(state[1], state[2]) / 1e9
                if abs(age) < patience or self._pending.is_open(path):
                    doubted.add(path)
        if not doubted:
            return report
        with self.work.writing() as catalogue:
            withdraw_failures(catalogue, doubted)
        for path in doubted:
            self._pending.wait_for(path, patience)
        failed = tuple(one for one in report.failed if to_bytes(one.path) not in doubted)
        return replace(report, failed=failed)
