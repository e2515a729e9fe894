"""`photosearch prune`, `forget`, `relocate`: what is gone from the library, or lies elsewhere."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from photosearch.cli.options import JsonOption, LibraryOption
from photosearch.cli.output import command, say, write_json
from photosearch.library import Library
from photosearch.show.text import counted, printable


@command
def prune(as_json: JsonOption = False, library: LibraryOption = None) -> None:
    """Forget photos whose files are gone.

    Folders that are offline are kept. No file of yours is touched: only the library's entries go.

    \b
    Example:
      photosearch prune
    """
    with Library.open(library) as opened:
        files, photos = opened.prune()
    _report("", files, photos, as_json)


@command
def forget(
    root: Annotated[Path, typer.Argument(metavar="ROOT", help="An indexed folder.")],
    as_json: JsonOption = False,
    library: LibraryOption = None,
) -> None:
    """Take an indexed folder out of the library.

    The folder itself is not touched. A folder within an indexed one can be named, too, when it is
    not there: a disk that will not come back.

    \b
    Example:
      photosearch forget ~/Pictures/old
    """
    with Library.open(library) as opened:
        files, photos = opened.forget(root)
    _report(f"{printable(root)}: ", files, photos, as_json)


def _report(lead: str, files: int, photos: int, as_json: bool) -> None:
    if as_json:
        write_json({"version": 1, "files": files, "photos": photos})
    elif not files and not photos:
        say(f"{lead}nothing to forget")
    else:
        say(f"{lead}{counted(files, 'entry', 'entries')} and {counted(photos, 'photo')} forgotten")


@command
def relocate(
    old: Annotated[Path, typer.Argument(metavar="OLD", help="Where the folder was.")],
    new: Annotated[Path, typer.Argument(metavar="NEW", help="Where it is now.")],
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Say what would be done, and do nothing.")
    ] = False,
    force: Annotated[
        bool, typer.Option("--force", help="Also if the photos are not found there.")
    ] = False,
    as_json: JsonOption = False,
    library: LibraryOption = None,
) -> None:
    """Tell the library that an indexed folder lies elsewhere.

    For a disk that is mounted at another place, or a renamed folder: also for all indexed folders
    below OLD. Nothing is read or encoded again.

    \b
    Example:
      photosearch relocate /media/usb /mnt/photos
    """
    with Library.open(library) as opened:
        report = opened.relocate(old, new, dry_run=dry_run, force=force)
    if as_json:
        write_json(report.as_dict())
        return
    for before, after in report.roots:
        say(f"{printable(before)} → {printable(after)}")
    found = f"{report.agreed:,} of {report.sampled:,} looked for are there"
    known = "would be known there" if dry_run else "known there now"
    say(f"{counted(report.files, 'file')} {known} ({found})")
