"""Hits as pictures side by side in a terminal, as many as its width takes, with captions below.

In: hits, a terminal. Out: text, one row of pictures after the other. The pictures of a row are put
together to one, so that a row takes the same lines in every terminal, whatever its way of showing
pictures does to the cursor. A photo that cannot be shown is an empty frame that says why.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING

from photosearch.records import Hit
from photosearch.show.contact import boxes_of, day_of
from photosearch.show.pictures import Terminal, render
from photosearch.show.previews import Preview, Wanted, previews
from photosearch.show.reason import percent, same_thing
from photosearch.show.table import link
from photosearch.show.text import cells, printable, shorten

if TYPE_CHECKING:
    from PIL import Image

SECONDS = 10.0  # for one photo: somebody waits
_GAP = 2  # cells between pictures
_NARROWEST, _WIDEST = 24, 40  # cells of a picture: a name and a date can still be read below it
_CAPTION_LINES = 4
_GREY = (128, 128, 128, 255)
_BOX_COLOUR = (255, 212, 0, 255)


@dataclass(frozen=True, slots=True)
class Grid:
    """How many pictures stand in a row, and how large each may be."""

    count: int
    columns: int  # cells of one
    rows: int
    pixels: tuple[int, int]  # of one

    @classmethod
    def of(cls, terminal: Terminal, hits: int) -> Grid:
        width = max(terminal.columns - 1, 8)  # the last column makes some terminals begin a line
        count = max(min((width + _GAP) // (_NARROWEST + _GAP), hits), 1)
        columns = min((width + _GAP) // count - _GAP, _WIDEST)
        across, down = (1, 2) if terminal.way == "blocks" else terminal.cell
        rows = min(round(columns * across * 0.75 / down), terminal.rows - _CAPTION_LINES - 1)
        rows = max(rows, 3)
        return cls(count, columns, rows, (columns * across, rows * down))


def strip(
    hits: Sequence[Hit], terminal: Terminal, *, links: bool, seconds: float = SECONDS
) -> Iterator[str]:
    """The rows, each as soon as its photos are decoded."""
    grid = Grid.of(terminal, len(hits))
    found = previews(map(Wanted.of, hits), grid.pixels, as_pixels=True, seconds=seconds)
    for start in range(0, len(hits), grid.count):
        row = hits[start : start + grid.count]
        shown = list(islice(found, len(row)))
        # The last row is as wide as the others: iTerm and kitty fit a picture into its cells.
        image = _row(row, shown, grid, terminal)
        width = grid.count * (grid.columns + _GAP) - _GAP
        yield render(image, terminal, (width, grid.rows))
        yield "\n".join(_captions(row, shown, grid, links)) + "\n\n"


def _row(
    hits: Sequence[Hit], shown: Sequence[Preview | str], grid: Grid, terminal: Terminal
) -> Image.Image:
    from PIL import Image, ImageDraw

    across = grid.pixels[0] // grid.columns
    width = (grid.count * (grid.columns + _GAP) - _GAP) * across
    row = Image.new("RGBA", (width, grid.pixels[1]))
    draw = ImageDraw.Draw(row)
    for number, (hit, one) in enumerate(zip(hits, shown, strict=True)):
        left = number * (grid.columns + _GAP) * across
        if isinstance(one, str):
            corner = left + grid.pixels[0] - 1, grid.pixels[1] - 1
            draw.rectangle((left, 0, *corner), outline=_GREY)
            continue
        top = (grid.pixels[1] - one.height) // 2
        row.paste(Image.frombytes("RGB", (one.width, one.height), one.data), (left, top))
        if terminal.way != "blocks":  # whose pixels are too large for lines
            scale = one.width / hit.width, one.height / hit.height
            for box in boxes_of(hit):
                corners = [(left + x * scale[0], top + y * scale[1]) for x, y in box]
                draw.line([*corners, corners[0]], fill=_BOX_COLOUR, width=2)
    return row


def _captions(
    hits: Sequence[Hit], shown: Sequence[Preview | str], grid: Grid, links: bool
) -> Iterator[str]:
    columns = [
        list(_caption(hit, one, grid.columns, links)) for hit, one in zip(hits, shown, strict=True)
    ]
    for number in range(max(map(len, columns))):
        line = ""
        for place, lines in enumerate(columns):
            text, width = lines[number] if number < len(lines) else ("", 0)
            room = grid.columns + _GAP if place + 1 < len(columns) else width
            line += text + " " * (room - width)
        yield line.rstrip(" ")


def _caption(hit: Hit, shown: Preview | str, width: int, links: bool) -> Iterator[tuple[str, int]]:
    """Lines, and how many cells each takes."""
    start = f"{hit.rank} "
    name = shorten(printable(hit.path.name), max(width - cells(start), 8))
    yield start + (link(hit.path, name) if links else name), cells(start + name)
    for line in _lines(hit):
        text = shorten(line, width)
        yield text, cells(text)
    if isinstance(shown, str):
        text = f"[{printable(shown)}]"
        for part in _wrapped(text, width):
            yield part, cells(part)


def _lines(hit: Hit) -> Iterator[str]:
    notes = [day_of(hit)[:10]] if hit.taken_at else []
    if hit.relevance is not None:
        notes.append(f"{'weak: ' if hit.is_weak else ''}{percent(hit.relevance)} sure")
    if hit.copies:
        notes.append(f"+{len(hit.copies)} {'copy' if len(hit.copies) == 1 else 'copies'}")
    if notes:
        yield ", ".join(notes)
    reads, same = hit.evidence.get("reads"), hit.evidence.get("geometry")
    if same:
        yield same_thing(same)
    if reads:
        yield f'"{printable(reads["text"])}"'


def _wrapped(text: str, width: int) -> list[str]:
    import textwrap

    return textwrap.wrap(text, width)[:2]
