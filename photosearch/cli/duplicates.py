"""`photosearch duplicates`: photos that are there more than once, and which of them to keep."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from photosearch.cli.filters import some_filter_options
from photosearch.cli.options import PRINTED, JsonOption, LibraryOption
from photosearch.cli.output import (
    INTERRUPTED,
    NOTHING_FOUND,
    PART_FAILED,
    command,
    say,
    tell,
    write_json,
    write_paths,
)
from photosearch.cli.progress import bar, progress_bar, stoppable
from photosearch.errors import WrongUse
from photosearch.library import Library
from photosearch.search.filters import Filters
from photosearch.show.text import counted, printable, size_text

if TYPE_CHECKING:
    from photosearch.reports.duplicates import DuplicateFile, DuplicateGroup, DuplicatesReport
    from photosearch.show.sheet import Section

_FAILURES_SHOWN = 10
_KIND = "Which duplicates"
_NO_FILTERS = Filters()
_NOUNS = {"near": "picture", "exact": "photo", "burst": "burst"}


# Not all filters: --near PLACE would be another --near.
@command
@some_filter_options("in", "not-in", "after", "before")
def duplicates(
    exact: Annotated[
        bool, typer.Option("--exact", help="Files with the same content.", rich_help_panel=_KIND)
    ] = False,
    near: Annotated[
        bool,
        typer.Option(
            "--near",
            help="The same picture: also recompressed, resized, cropped, grey, brightened, "
            "captioned. [default]",
            rich_help_panel=_KIND,
        ),
    ] = False,
    burst: Annotated[
        bool,
        typer.Option(
            "--burst",
            help="Frames of one camera within seconds, alike in looks.",
            rich_help_panel=_KIND,
        ),
    ] = False,
    filters: Filters = _NO_FILTERS,
    print0: Annotated[
        bool,
        typer.Option(
            "--print0",
            help="Print the files that may go, never the one to keep, for xargs -0.",
            rich_help_panel=PRINTED,
        ),
    ] = False,
    html: Annotated[
        Path | None,
        typer.Option(
            "--html",
            metavar="FILE",
            help="Also write a page that shows the groups.",
            rich_help_panel=PRINTED,
        ),
    ] = None,
    force: Annotated[
        bool,
        typer.Option(
            "--force",
            help="With --html: write over any file, not only over such a page.",
            rich_help_panel=PRINTED,
        ),
    ] = False,
    as_json: JsonOption = False,
    library: LibraryOption = None,
) -> None:
    """Find photos that are there more than once.

    Groups the files that show the same picture, and says which to keep and why. Another photo of
    the same scene is no duplicate. photosearch never deletes anything: --print0 names those files
    whose picture is kept in at least the same quality, after looking at each file again. Exit code
    0 when there are groups, 1 when none, 3 when photos could not be looked at.

    \b
    Examples:
      photosearch duplicates
      photosearch duplicates --exact --in ~/Pictures
      photosearch duplicates --html duplicates.html
      photosearch duplicates --burst
      photosearch duplicates --print0 | xargs -0 -r mv -t ~/to-be-deleted
    """
    kind = _kind_of(exact=exact, near=near, burst=burst)
    if as_json and print0:
        raise WrongUse("--json and --print0 exclude each other")
    if print0 and kind == "burst":
        raise WrongUse(
            "--print0 does not go with --burst: the frames of a burst are different photos",
            hint="photosearch duplicates --burst --html bursts.html",
        )
    if html is not None:
        from photosearch.show.sheet import check_sheet

        html = html.expanduser()
        check_sheet(html, force=force)
    elif force:
        raise WrongUse("--force needs --html FILE")
    show = sys.stderr.isatty()
    with (
        Library.open(library) as opened,
        stoppable() as should_stop,
        progress_bar(show) as progress,
    ):
        report = opened.duplicates(
            kind, filters=filters, progress=progress, should_stop=should_stop
        )
    if html is not None and not report.interrupted:
        _write_page(html, report)
    if as_json:
        write_json(report.as_dict())
    elif report.interrupted:
        pass
    elif print0:
        _print_removable(report)
    else:
        _print_groups(report)
    _leave(report)


def _kind_of(**wanted: bool) -> str:
    given = [kind for kind, is_wanted in wanted.items() if is_wanted]
    if len(given) > 1:
        raise WrongUse(f"{' and '.join(f'--{kind}' for kind in given)} exclude each other")
    return given[0] if given else "near"


def _leave(report: DuplicatesReport) -> None:
    if report.interrupted:
        tell("interrupted; what is done is stored. The same command goes on from here")
        raise typer.Exit(INTERRUPTED)
    for failure in report.failed[:_FAILURES_SHOWN]:
        tell(f"{printable(failure.path)}: {printable(failure.reason)}")
    if len(report.failed) > _FAILURES_SHOWN:
        tell(f"and {len(report.failed) - _FAILURES_SHOWN:,} more")
    if report.unavailable:
        tell(
            f"{counted(report.unavailable, 'photo')} could not be looked at: not there now, or "
            "changed since photosearch index"
        )
    if report.kind == "burst" and report.undated:
        if report.undated == report.photos:
            tell("no photo says when it was taken: bursts cannot be told")
        else:
            tell(f"{counted(report.undated, 'photo')} without a date left out")
    if report.unavailable or report.failed:
        raise typer.Exit(PART_FAILED)
    if not report.groups:
        tell("no bursts" if report.kind == "burst" else f"no {report.kind} duplicates")
        raise typer.Exit(NOTHING_FOUND)


def _print_groups(report: DuplicatesReport) -> None:
    for group in report.groups:
        say(f"{printable(group.kept.path)}  {_facts(group.kept)}")
        say(f"    keep: {printable(group.kept.reason)}")
        for file in group.others:
            say(f"  {printable(file.path)}  {_facts(file)}")
            say(f"    {_what_to_know(file)}")
        say()
    if report.groups:
        say(_summary(report))


def _summary(report: DuplicatesReport) -> str:
    others = [file for group in report.groups for file in group.others]
    if report.kind == "burst":
        frames = len(others) + len(report.groups)
        return f"{counted(len(report.groups), 'burst')}, {counted(frames, 'photo')}"
    sure = [file for file in others if file.lost is None and not file.offline]
    noun = counted(len(report.groups), _NOUNS[report.kind])
    text = f"{noun} in {counted(len(others) + len(report.groups), 'file')}"
    if sure:
        size = size_text(sum(file.bytes for file in sure))
        text += f"; up to {counted(len(sure), 'file')} ({size}) could go: --print0 looks closely"
    return text


def _facts(file: DuplicateFile) -> str:
    note = ", offline" if file.offline else ""
    return f"({file.width} x {file.height}, {size_text(file.bytes)}{note})"


def _what_to_know(file: DuplicateFile) -> str:
    if file.lost is None or file.relation in ("burst", "link"):
        return printable(file.reason)
    return f"{printable(file.reason)}; look before it goes: {printable(file.lost)}"


def _print_removable(report: DuplicatesReport) -> None:
    from photosearch.duplicates.removable import removable

    found = removable(report)
    write_paths(list(found.paths), b"\0")
    for path, reason in found.left_out:
        tell(f"not named: {printable(path)}: {printable(reason)}")


def _write_page(target: Path, report: DuplicatesReport) -> None:
    from photosearch.show.sheet import page, write_sheet

    title = {"near": "Near duplicates", "exact": "Exact duplicates", "burst": "Bursts"}
    note = "Framed: the photo to keep." if report.groups else "None were found."
    files = sum(len(group.files) for group in report.groups)
    pieces = page(
        title[report.kind],
        [note],
        map(_section, report.groups),
        seen=lambda thumbs: bar(thumbs, "thumbnails", files),
    )
    write_sheet(target, pieces)
    tell(f"{counted(len(report.groups), 'group')} written to {printable(target)}")


def _section(group: DuplicateGroup) -> Section:
    from photosearch.show.previews import Wanted
    from photosearch.show.sheet import Picture, Section

    pictures = [
        Picture(
            Wanted((file.path,), offline=file.offline),
            file.path,
            "keep" if file is group.kept else file.relation,
            [file.reason if file is group.kept else _what_to_know(file), _facts(file)],
            chosen=file is group.kept,
        )
        for file in group.files
    ]
    return Section(f"{group.kept.path.name}: {counted(len(pictures), 'file')}", pictures)
