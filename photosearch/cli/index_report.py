"""What `photosearch index` prints: a line for each thing worth knowing, then what failed."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from photosearch.cli.output import say, tell
from photosearch.show.text import counted, printable

if TYPE_CHECKING:
    from photosearch.library import Library
    from photosearch.records import Failure
    from photosearch.reports.runs import IndexReport, RegionsReport, WordsReport

_FAILURES_SHOWN = 10


def print_report(report: IndexReport, library: Library, folders: Sequence[Path]) -> None:
    if report.dry_run:
        say(
            f"would read {counted(report.added + report.changed, 'file')}: "
            f"{report.added:,} new, {report.changed:,} changed; {report.unchanged:,} unchanged"
        )
    else:
        parts: list[tuple[int, str]] = [
            (report.added, "added"),
            (report.changed, "changed"),
            (report.unchanged, "unchanged"),
            (report.moved, "moved"),
            (report.copied, "copied"),
            (report.missing, "missing"),
            (report.returned, "back again"),
            (len(report.failed), "failed"),
        ]
        shown = ", ".join(f"{count:,} {word}" for count, word in parts if count)
        if shown or not report.offline:
            say(shown or _no_photos(report, folders))
        if report.encoded:
            say(
                f"encoded {counted(report.encoded, 'photo')} in {report.seconds:.1f} s "
                f"({report.photos_per_second:.0f} photos/s)"
            )
    if report.regions is not None:
        print_regions(report.regions)
    if report.words is not None:
        print_words(report.words)
    if report.not_encoded:
        current = next((one.name for one in library.status().models if one.current), None)
        if current and current != library.encoder.name:
            say(
                f"{counted(report.not_encoded, 'photo')} not encoded with "
                f"{printable(library.encoder.name)} yet; until then queries use "
                f"{printable(current)}"
            )
    for path in report.offline:
        say(f"offline, kept as it is: {printable(path)} (not there, or empty)")
    if report.offline:
        say("a disk that is elsewhere now: photosearch relocate OLD NEW, before NEW is indexed")
    if report.missing:
        say("missing photos are no longer found; photosearch prune forgets them for good")
    if report.known_failures:
        say(
            f"{counted(report.known_failures, 'file')} failed at an earlier run and did not "
            "change: photosearch status --failures"
        )
    if report.raw_skipped:
        say(f"{counted(report.raw_skipped, 'raw file')} left out: pip install 'photosearch[raw]'")


def print_regions(report: RegionsReport) -> None:
    if report.looked_at:
        say(
            f"looked at the parts of {counted(report.looked_at, 'photo')} in "
            f"{report.seconds:.1f} s ({report.looked_at / max(report.seconds, 1e-9):.0f} photos/s)"
        )
    if report.unavailable:
        say(
            f"{counted(report.unavailable, 'photo')} could not be looked at part by part: not "
            "there now, or changed; the next run tries again"
        )


def print_words(report: WordsReport) -> None:
    if report.read:
        say(
            f"looked for words in {counted(report.read, 'photo')} in {report.seconds:.1f} s: "
            f"{report.with_words:,} {'shows' if report.with_words == 1 else 'show'} some"
        )
    if report.unavailable:
        say(
            f"{counted(report.unavailable, 'photo')} could not be looked at for words: not there "
            "now, or changed; the next run tries again"
        )


def print_failures(failed: Sequence[Failure]) -> None:
    for failure in failed[:_FAILURES_SHOWN]:
        tell(f"{printable(failure.path)}: {printable(failure.reason)}")
    more = len(failed) - _FAILURES_SHOWN
    if more > 0:
        tell(f"and {more:,} more: photosearch status --failures")


def _no_photos(report: IndexReport, folders: Sequence[Path]) -> str:
    if report.interrupted:
        return "nothing done yet"
    where = ", ".join(printable(os.path.abspath(folder.expanduser())) for folder in folders)
    return f"no photos found in {where} or the folders below" if where else "no photos found"
