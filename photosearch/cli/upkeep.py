"""`photosearch prune`, `forget`: take out of the library what is gone."""

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

    The folder itself is not touched.

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
    else:
        say(f"{lead}{counted(files, 'entry', 'entries')} and {counted(photos, 'photo')} forgotten")
