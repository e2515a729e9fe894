"""`photosearch index`: bring the library up to date with folders."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from photosearch.cli.index_report import (
    print_failures,
    print_regions,
    print_report,
    print_words,
)
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

if TYPE_CHECKING:
    from photosearch.records import Failure
    from photosearch.reports.runs import IndexReport


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
            print_report(report, opened, paths or [])
        if not as_json:
            print_failures(_failures(report))
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
            print_regions(report)
            if report == RegionsReport():
                say("no photo is waiting to be looked at part by part")
        print_failures(report.failed)
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
            print_words(report)
            if report == WordsReport():
                say("no photo is waiting to be read")
        print_failures(report.failed)
    _leave(report.left > 0, bool(report.failed))


def _check_there(library: Path | None, folders: Sequence[Path]) -> None:
    """A mistyped first folder makes no library. Later one may be offline: the run itself tells."""
    if (library_path(library) / "catalogue.db").exists():
        return
    for folder in folders:
        if not os.path.lexists(folder.expanduser()):
            raise WrongUse(f"{folder}: no such file or folder")


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
