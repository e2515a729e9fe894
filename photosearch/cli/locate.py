"""`photosearch locate`: where in a photo something is."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from photosearch.cli.opened import model_or_library
from photosearch.cli.options import JsonOption, LibraryOption, ModelOption
from photosearch.cli.output import (
    NOTHING_FOUND,
    PART_FAILED,
    WRONG_USE,
    command,
    say,
    tell,
    write_json,
)
from photosearch.errors import WrongUse
from photosearch.show.text import printable

if TYPE_CHECKING:
    from photosearch.records import Failure, Located


@command
def locate(
    photos: Annotated[
        list[Path] | None, typer.Argument(metavar="PHOTO|FOLDER...", help="Where to look.")
    ] = None,
    what: Annotated[
        str | None,
        typer.Option(metavar="A,B,…", help='What to look for, such as "a cat, a remote control".'),
    ] = None,
    labels_file: Annotated[
        Path | None, typer.Option(metavar="FILE", help="The same from a file, one a line.")
    ] = None,
    by: Annotated[
        str,
        typer.Option(metavar="KIND", help="How: regions, owlvit, grounding or segments."),
    ] = "regions",
    threshold: Annotated[
        float | None, typer.Option(metavar="T", help="Leave out what scores less, 0 to 1.")
    ] = None,
    as_json: JsonOption = False,
    model: ModelOption = None,
    library: LibraryOption = None,
) -> None:
    """Find where in photos something is.

    \b
    Example:
      photosearch locate cat.jpg --what "a cat, a remote control"
    """
    from photosearch.locating import locate_images, open_locator
    from photosearch.records import Failure
    from photosearch.zeroshot.files import PhotoFiles
    from photosearch.zeroshot.labels import read_labels

    if not photos:
        raise WrongUse("no photo is named", hint='photosearch locate PHOTO --what "a cat"')
    if (what is None) == (labels_file is None):
        raise WrongUse(
            "nothing to look for"
            if what is None
            else "--what and --labels-file exclude each other",
            hint='--what "a cat, a remote control", or --labels-file FILE',
        )
    files = PhotoFiles(photos)
    locator = open_locator(
        read_labels(labels_file) if labels_file is not None else what or "",
        by=by,
        model=model,
        threshold=threshold,
        encoder=lambda: model_or_library(model, library),
    )
    located: list[Located] = []
    failed: list[Failure] = []
    for record in locate_images(files, locator):
        if isinstance(record, Failure):
            failed.append(record)
            tell(printable(f"{record.path}: {record.reason}"))
            continue
        located.append(record)
        if not as_json:
            _print(record)
    if as_json:
        write_json(
            {
                "version": 1,
                "by": by,
                "model": locator.model,
                "photos": [one.as_dict() for one in located],
                "failed": [one.as_dict() for one in failed],
            }
        )
    if failed:
        raise typer.Exit(PART_FAILED if located else WRONG_USE)
    if not any(one.regions for one in located):
        raise typer.Exit(NOTHING_FOUND)


def _print(photo: Located) -> None:
    for region in photo.regions:
        x0, y0, x1, y1 = (round(edge) for edge in region.box)
        where = f"{x0},{y0} {x1 - x0}x{y1 - y0}"
        say(
            f"{round(100 * region.score):3d} %\t{where}\t{printable(region.label)}"
            f"\t{printable(str(photo.path))}"
        )
