"""`photosearch facts`: all that the library knows of one photo."""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated

import typer

from photosearch.cli.opened import open_library
from photosearch.cli.options import JsonOption, LibraryOption, ModelOption
from photosearch.cli.output import command, say, write_json
from photosearch.errors import WrongUse
from photosearch.show.text import printable, size_text

if TYPE_CHECKING:
    from photosearch.records import Line
    from photosearch.reports.contents import PhotoFacts


@command
def facts(
    photo: Annotated[
        str, typer.Argument(metavar="PHOTO", help="A path, or the start of its SHA-256.")
    ],
    nearest: Annotated[
        int, typer.Option(metavar="N", help="How many photos most like it are named.")
    ] = 5,
    as_json: JsonOption = False,
    model: ModelOption = None,
    library: LibraryOption = None,
) -> None:
    """Show all that the library knows of one photo.

    What the camera wrote, the place, the words printed in it with their boxes (in pixels of the
    upright photo), its copies, and the photos most like it.

    \b
    Example:
      photosearch facts ~/Pictures/IMG_1234.jpg
    """
    with open_library(library, model) as opened:
        try:
            known = opened.facts(photo, nearest=max(nearest, 0))
        except WrongUse as error:
            if opened.named(photo):
                error.hint = f"photosearch query {shlex.quote(f'name:{photo}')}"
            raise
    if as_json:
        write_json(known.as_dict())
        return
    for name, value in _rows(known):
        say(f"{name:10}{value}")


def _rows(known: PhotoFacts) -> Iterator[tuple[str, str]]:
    first, *copies = known.paths or (None,)
    yield "photo", printable(first) if first else "at no path any more"
    for copy in copies:
        yield "copy", printable(copy)
    megapixels = known.width * known.height / 1e6
    yield (
        "image",
        f"{known.format}, {known.width} x {known.height} ({megapixels:.1f} MP), "
        f"{size_text(known.bytes)}",
    )
    yield "sha256", known.photo
    camera = known.facts
    if camera.taken_at:
        yield "taken", camera.taken_at.replace("T", " ")
    names = [name for name in (camera.make, camera.camera, camera.lens) if name]
    if names:
        yield "camera", printable(", ".join(dict.fromkeys(names)))
    exposure = _exposure(known)
    if exposure:
        yield "exposure", exposure
    if camera.latitude is not None and camera.longitude is not None:
        height = f", {camera.altitude:.0f} m" if camera.altitude is not None else ""
        place = f" ({printable(known.place)})" if known.place else ""
        yield "place", f"{camera.latitude:.5f}, {camera.longitude:.5f}{height}{place}"
    if known.tags:
        yield "tags", ", ".join(map(printable, known.tags))
    yield (
        "encoded",
        f"with {', '.join(map(printable, known.models))}" if known.models else "not yet",
    )
    if not known.words_read:
        yield "words", "not read yet (photosearch index --words-only)"
    elif not known.words:
        yield "words", "none"
    for line in known.words:
        yield "words", _line(line)
    for hit in known.nearest:
        yield "like it", f"{hit.score:.3f}  {printable(hit.path)}"


def _exposure(known: PhotoFacts) -> str:
    camera = known.facts
    parts = []
    if camera.exposure:
        slow = camera.exposure >= 0.3
        parts.append(f"{camera.exposure:g} s" if slow else f"1/{1 / camera.exposure:.0f} s")
    if camera.f_number:
        parts.append(f"f/{camera.f_number:g}")
    if camera.iso:
        parts.append(f"ISO {camera.iso}")
    if camera.focal_length:
        parts.append(f"{camera.focal_length:g} mm")
    return ", ".join(parts)


def _line(line: Line) -> str:
    box = " ".join(f"{x:.0f},{y:.0f}" for x, y in line.box)
    return f'"{printable(line.text)}" ({line.confidence:.2f}) at {box}'
