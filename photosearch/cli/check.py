"""`photosearch check`, `repair`, `backup`, `restore`: that the library is whole, and stays."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from photosearch.cli.options import JsonOption, LibraryOption
from photosearch.cli.output import PART_FAILED, command, say, tell, write_json
from photosearch.library import Library
from photosearch.reports.upkeep import LOST, CheckReport, Problem
from photosearch.settings import library_path
from photosearch.show.text import counted, printable, size_text

FilesOption = Annotated[
    bool,
    typer.Option("--files", help="Read every photo, too: finds files that decayed on the disk."),
]


@command
def check(
    quick: Annotated[
        bool, typer.Option("--quick", help="Leave out what takes long: seconds for any library.")
    ] = False,
    repair: Annotated[
        bool, typer.Option("--repair", help="Put right what can be; the old catalogue is kept.")
    ] = False,
    files: FilesOption = False,
    as_json: JsonOption = False,
    library: LibraryOption = None,
) -> None:
    """Look whether the library is whole.

    The catalogue, what its tables say of each other, vector files, and whether photos have changed.
    Works while photos are being indexed. Exit code 3 when something is wrong.

    \b
    Examples:
      photosearch check
      photosearch check --repair
    """
    _check(quick=quick, repair=repair, files=files, as_json=as_json, library=library)


@command
def repair(
    files: FilesOption = False, as_json: JsonOption = False, library: LibraryOption = None
) -> None:
    """Put right what is wrong with the library.

    The same as check --repair: what is derived is made anew, every readable row of a damaged
    catalogue is saved, and the catalogue as it was is kept beside it.

    \b
    Example:
      photosearch repair
    """
    _check(quick=False, repair=True, files=files, as_json=as_json, library=library)


@command
def backup(
    file: Annotated[
        Path, typer.Argument(metavar="FILE", help="The copy, or a folder to put it in.")
    ],
    force: Annotated[bool, typer.Option("--force", help="Replace a file that is there.")] = False,
    as_json: JsonOption = False,
    library: LibraryOption = None,
) -> None:
    """Copy the catalogue to a file, also while it is in use.

    All that photosearch knows is in it: photos, vectors, words, tags. The photos themselves are
    not. The copy is checked; photosearch restore puts it back.

    \b
    Example:
      photosearch backup /media/usb/
    """
    with Library.open(library) as opened:
        made = opened.backup(file, force=force)
    size = made.stat().st_size
    if as_json:
        write_json({"version": 1, "file": str(made), "bytes": size})
    else:
        say(f"{printable(made)}: {size_text(size)}, checked")


@command
def restore(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="A copy made by backup.")],
    as_json: JsonOption = False,
    library: LibraryOption = None,
) -> None:
    """Put a backup of the catalogue back.

    The present catalogue is kept beside it under another name.

    \b
    Example:
      photosearch restore /media/usb/catalogue-20260101.db
    """
    with Library(library_path(library), None) as opened:
        kept = opened.restore(file)
        state = opened.status()
    if as_json:
        write_json({"version": 1, "photos": state.photos, "kept": str(kept) if kept else None})
        return
    say(f"restored: {counted(state.photos, 'photo')} in {counted(state.files, 'file')}")
    if kept:
        say(f"the catalogue that was here is kept as {printable(kept)}")
    tell("photosearch index brings it up to date with the folders")


def _check(*, quick: bool, repair: bool, files: bool, as_json: bool, library: Path | None) -> None:
    def progress(_: str, count: int) -> None:
        if files and sys.stderr.isatty() and count % 50 == 0:
            sys.stderr.write(f"\r{count:,} files read")
            sys.stderr.flush()

    try:
        with Library.open(library) as opened:
            report = opened.check(repair=repair, quick=quick, files=files, progress=progress)
    finally:  # Ctrl-C leaves no half line behind, either
        if files and sys.stderr.isatty():
            sys.stderr.write("\r\x1b[K")
    if as_json:
        write_json(report.as_dict())
    else:
        _print(report, repair=repair)
    if not report.ok:
        raise typer.Exit(PART_FAILED)


def _print(report: CheckReport, *, repair: bool) -> None:
    for problem in report.repaired:
        say(f"repaired  {_line(problem)}")
    for problem in report.problems:
        say(f"{'lost' if problem.severity == LOST else 'wrong':9} {_line(problem)}")
        if problem.hint:
            say(f"          {printable(problem.hint)}")
    for problem in report.notes:
        say(f"note      {_line(problem)}")
    if report.backup:
        say(f"kept      the catalogue as it was: {printable(report.backup)}")
    if not report.problems:
        photos, vectors = report.checked.get("photos", 0), report.checked.get("vectors", 0)
        say(f"fine      {counted(photos, 'photo')}, {counted(vectors, 'vector')}: all is well")
    elif not repair and any(problem.severity != LOST for problem in report.problems):
        tell("photosearch check --repair puts it right, and keeps the catalogue as it is now")


def _line(problem: Problem) -> str:
    text = f"{problem.count:,}"
    count = f" ({text})" if problem.count > 1 and not problem.message.startswith(text) else ""
    return printable(problem.message) + count
