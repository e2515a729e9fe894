"""Regions of photos as lines for a person, or for a pipe.

In: Located records. Out: lines. Boxes are X,Y,WIDTH,HEIGHT in upright pixels, as `query --crop`
takes them.
"""

from __future__ import annotations

from collections.abc import Iterator

from photosearch.records import Located, Region
from photosearch.show.colours import Colours
from photosearch.show.pictures import Terminal, swatch
from photosearch.show.text import cells, printable, shorten

_WIDEST_LABEL = 48


def plain_lines(photo: Located) -> Iterator[str]:
    """path, label, score, box."""
    for region in photo.regions:
        yield "\t".join(
            (
                printable(photo.path or ""),
                printable(region.label),
                f"{region.score:.4f}",
                box_text(region),
            )
        )


def terminal_lines(
    photo: Located, *, width: int, terminal: Terminal, colours: Colours
) -> Iterator[str]:
    """Below a photo's name: its regions in aligned columns; each with its colour in the picture."""
    room = max(min(_WIDEST_LABEL, width - 40), 8)
    labels = [shorten(printable(region.label), room) for region in photo.regions]
    widest = max(map(cells, labels), default=0)
    for region, label in zip(photo.regions, labels, strict=True):
        share = f"{round(100 * region.score):3d} %"
        blank = " " * (widest - cells(label))
        mark = swatch(colours.of(region.label), terminal)
        yield f"  {mark}{share}  {label}{blank}  {box_text(region)}"


def box_text(region: Region) -> str:
    """X,Y,WIDTH,HEIGHT in whole pixels."""
    x0, y0, x1, y1 = (round(edge) for edge in region.box)
    return f"{x0},{y0},{x1 - x0},{y1 - y0}"
