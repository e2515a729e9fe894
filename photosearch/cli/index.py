"""`photosearch index`: bring the library up to date with folders."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from photosearch.cli.options import (
    CARE,
    FILES,
    LOOKED_FOR,
    DeviceOption,
    ExcludeOption,
    FoldersArgument,
    FollowLinksOption,
    HiddenOption,
    JsonOption,
    LibraryOption,
    MaxMegapixelsOption,
    ModelOption,
    TimeoutOption,
    VectorsOption,
)
from photosearch.cli.output import INTERRUPTED, PART_FAILED, command, hush, say, tell, write_json
from photosearch.cli.progress import progress_bar, stoppable
from photosearch.errors import NoLibrary, WrongUse
from photosearch.library import Library, temporary_library
from photosearch.reports.runs import RegionsReport, WordsReport
from photosearch.settings import library_path
from photosearch.show.text import counted, printable

if TYPE_CHECKING:
    from photosearch.records import Failure
    from photosearch.reports.runs import IndexReport

_FAILURES_SHOWN = 10


@command
def index(
    paths: FoldersArgument = None,
    model: ModelOption = None,
    exclude: ExcludeOption = None,
    follow_links: FollowLinksOption = False,
    hidden: HiddenOption = False,
    retry: Annotated[
        bool,
        typer.Option("--retry", help="Try files again that failed before.", rich_help_panel=FILES),
    ] = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Say what would be done; read and store nothing.")
    ] = False,
    regions: Annotated[
        bool | None,
        typer.Option(
            "--regions/--no-regions",
            help="Encode parts of each photo, too, for query --small: nine times the work and the "
            "space. Remembered by the library. [default: as before; at first: no]",
            show_default=False,
            rich_help_panel=LOOKED_FOR,
        ),
    ] = None,
    regions_only: Annotated[
        bool,
        typer.Option(
            "--regions-only",
            help="The parts alone, of photos already indexed.",
            rich_help_panel=LOOKED_FOR,
        ),
    ] = False,
    words: Annotated[
        bool | None,
        typer.Option(
            "--words/--no-words",
            help="Look for printed words in a second pass. [env PHOTOSEARCH_WORDS; default: yes]",
            show_default=False,
            rich_help_panel=LOOKED_FOR,
        ),
    ] = None,
    words_only: Annotated[
        bool,
        typer.Option(
            "--words-only",
            help="The second pass alone, for photos not yet read.",
            rich_help_panel=LOOKED_FOR,
        ),
    ] = False,
    jobs: Annotated[
        int | None,
        typer.Option(
            metavar="N",
            help="How many photos are opened at a time. [default: one a processor core]",
            rich_help_panel=CARE,
        ),
    ] = None,
    batch_size: Annotated[
        int | None,
        typer.Option(
            metavar="N",
            help="How many photos the model takes at once; fewer need less memory. [default: as "
            "it suits the model]",
            rich_help_panel=CARE,
        ),
    ] = None,
    timeout: TimeoutOption = None,
    max_megapixels: MaxMegapixelsOption = None,
    device: DeviceOption = "auto",
    precision: Annotated[
        str | None,
        typer.Option(
            metavar="float32|int8",
            help="int8: a smaller form of the model, faster without a GPU; photos are encoded "
            "again for it.",
            rich_help_panel=CARE,
        ),
    ] = None,
    ray: Annotated[
        str | None,
        typer.Option(
            metavar="ADDRESS",
            help="Share the work among machines, by a Ray cluster: auto, local, HOST:PORT, "
            "ray://HOST:PORT.",
            rich_help_panel=CARE,
        ),
    ] = None,
    quiet: Annotated[
        bool, typer.Option("--quiet", "-q", help="No progress and no report; errors only.")
    ] = False,
    as_json: JsonOption = False,
    vectors: VectorsOption = None,
    library: LibraryOption = None,
) -> None:
    """Index photo folders, or bring them up to date.

    Finds new, changed, moved and deleted photos, and encodes the new ones; then looks for words
    printed in them, which takes longer: queries by what photos show work meanwhile. Run it again
    at any time: what has not changed is neither read nor encoded. Files named .photosearchignore
    (gitignore syntax) say what to leave out. Nothing is ever written to the photo folders.

    \b
    Examples:
      photosearch index ~/Pictures
      photosearch index ~/Pictures --exclude "screenshots/"
      photosearch index                    all indexed folders again
      photosearch index ~/Pictures --no-words
      photosearch index --words-only       later: the printed words
      photosearch index --regions          small things are found, too: query --small
      photosearch index --ray auto         by a Ray cluster; words are read here
    """
    decoding: dict[str, Any] = {
        "jobs": jobs,
        "timeout": timeout,
        "max_megapixels": max_megapixels,
    }
    if words_only or regions_only:
        given = {"PATH": bool(paths), "--dry-run": dry_run, "--ray": ray is not None}
        if words_only:
            given |= {"--regions-only": regions_only, "--no-words": words is False}
            given |= {"--regions": regions is True}
            _check_alone("--words-only", given)
            _index_words(library, retry, decoding, quiet, as_json)
        else:
            given |= {"--no-regions": regions is False, "--words": words is True}
            _check_alone("--regions-only", given)
            how = {"device": device, "precision": precision}
            _index_regions(library, model, how, retry, decoding, quiet, as_json)
        return
    hush(quiet)
    how = {"device": device, "precision": precision, "vectors": vectors}
    _check_there(library, paths or [])
    with _open(library, model, paths or [], dry_run, how) as opened, stoppable() as should_stop:
        show = sys.stderr.isatty() and not quiet
        if show and not dry_run:
            tell("looking for new and changed photos …")
        with progress_bar(show and not dry_run) as progress:
            report = opened.index(
                paths or [],
                exclude=exclude or [],
                follow_links=follow_links,
                hidden=hidden,
                retry=retry,
                dry_run=dry_run,
                batch_size=batch_size,
                **decoding,
                words=words,
                regions=regions,
                ray=ray,
                count_first=show,
                progress=progress,
                should_stop=should_stop,
            )
        if as_json:
            write_json(report.as_dict())
        elif not quiet:
            _print_report(report, opened, paths or [])
        if not as_json:
            _print_failures(_failures(report))
    _leave(report.interrupted, bool(_failures(report)))


def _failures(report: IndexReport) -> list[Failure]:
    """Of all passes."""
    passes = [one for one in (report.regions, report.words) if one is not None]
    return [*report.failed, *(failure for one in passes for failure in one.failed)]


def _leave(interrupted: bool, failed: bool) -> None:
    if interrupted:
        tell("interrupted; what is done is stored. The same command goes on from here")
        raise typer.Exit(INTERRUPTED)
    if failed:
        raise typer.Exit(PART_FAILED)


def _check_alone(pass_alone: str, given: dict[str, bool]) -> None:
    """A pass alone is over the photos already indexed, on this machine."""
    for name, is_given in given.items():
        if is_given:
            why = "it runs on this machine" if name == "--ray" else "it is one pass alone"
            if name == "PATH":
                why = "it takes the photos already indexed"
            raise WrongUse(
                f"{pass_alone} does not go with {name}: {why}",
                hint=f"photosearch index {pass_alone}",
            )


def _index_regions(
    library: Path | None,
    model: str | None,
    how: dict[str, Any],
    retry: bool,
    decoding: dict[str, Any],
    quiet: bool,
    as_json: bool,
) -> None:
    hush(quiet)
    with (
        Library.open(library, model, **how) as opened,
        stoppable() as should_stop,
        progress_bar(sys.stderr.isatty() and not quiet) as progress,
    ):
        report = opened.look_at_regions(
            retry=retry, **decoding, progress=progress, should_stop=should_stop
        )
    if as_json:
        write_json({"version": 1, **report.as_dict()})
    else:
        if not quiet:
            _print_regions(report)
            if report == RegionsReport():
                say("no photo is waiting to be looked at part by part")
        _print_failures(report.failed)
    _leave(report.left > 0, bool(report.failed))


def _index_words(
    library: Path | None, retry: bool, decoding: dict[str, Any], quiet: bool, as_json: bool
) -> None:
    hush(quiet)
    with (
        Library.open(library) as opened,
        stoppable() as should_stop,
        progress_bar(sys.stderr.isatty() and not quiet) as progress,
    ):
        report = opened.read_words(
            retry=retry, **decoding, progress=progress, should_stop=should_stop
        )
    if as_json:
        write_json({"version": 1, **report.as_dict()})
    else:
        if not quiet:
            _print_words(report)
            if report == WordsReport():
                say("no photo is waiting to be read")
        _print_failures(report.failed)
    _leave(report.left > 0, bool(report.failed))


def _check_there(library: Path | None, folders: Sequence[Path]) -> None:
    """A mistyped first folder makes no library. Later one may be offline: the run itself tells."""
    if (library_path(library) / "catalogue.db").exists():
        return
    for folder in folders:
        if not os.path.lexists(folder.expanduser()):
            raise WrongUse(f"{folder}: no such file or folder")


def _no_photos(report: IndexReport, folders: Sequence[Path]) -> str:
    if report.interrupted:
        return "nothing done yet"
    where = ", ".join(printable(os.path.abspath(folder.expanduser())) for folder in folders)
    return f"no photos found in {where} or the folders below" if where else "no photos found"


@contextmanager
def _open(
    library: Path | None, model: str | None, paths: list[Path], dry_run: bool, how: dict[str, Any]
) -> Iterator[Library]:
    try:
        with Library.open(library, model, create=bool(paths) and not dry_run, **how) as opened:
            yield opened
    except NoLibrary:
        if not (paths and dry_run):
            raise
        with temporary_library(model, **how) as opened:  # a dry run leaves no library behind
            yield opened


def _print_report(report: IndexReport, library: Library, folders: Sequence[Path]) -> None:
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
        _print_regions(report.regions)
    if report.words is not None:
        _print_words(report.words)
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


def _print_regions(report: RegionsReport) -> None:
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


def _print_words(report: WordsReport) -> None:
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


def _print_failures(failed: Sequence[Failure]) -> None:
    for failure in failed[:_FAILURES_SHOWN]:
        tell(f"{printable(failure.path)}: {printable(failure.reason)}")
    more = len(failed) - _FAILURES_SHOWN
    if more > 0:
        tell(f"and {more:,} more: photosearch status --failures")
