"""Regions drawn on their photo: boxes, lines of words, masks, each with a tag that names it.

In: an upright RGB image, regions in the pixels of the photo that it was made from. Out: another
image of the same size. Each outline is of dark and light lines, and each tag is filled, so that
both are seen on any photo.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from photosearch.records import Region
from photosearch.show.colours import BLACK, WHITE, Colour, Colours, text_on
from photosearch.show.fonts import Fonts
from photosearch.show.tags import Box, place_tags
from photosearch.show.text import printable

if TYPE_CHECKING:
    from PIL import Image
    from PIL.ImageDraw import ImageDraw
    from PIL.ImageFont import FreeTypeFont as Font

# How much of a mask's colour covers the photo.
_FILL = 0.42
# Slanted lines are drawn this much larger and made smaller again, which smooths them.
_SMOOTH = 4
_SMOOTH_PIXELS = 8_000_000
# A tag with less of its label says nothing; one with more covers what it is about.
_LEAST_TEXT, _MOST_TEXT = 4, 60


@dataclass(frozen=True, slots=True)
class _Style:
    """Sizes in pixels, by those of the picture."""

    core: int  # width of the coloured line
    edge: int  # of the dark line outside of it and the light one inside; 0: none
    text: int  # height of letters
    pad: int  # around them

    @classmethod
    def of(cls, width: int, height: int) -> _Style:
        # Two and fifteen pixels at 640; large pictures are looked at smaller than they are, but
        # not by as much as they are larger.
        side = max(width, height)
        scale = (side / 640) ** 0.85
        core = max(2 if side >= 240 else 1, round(2 * scale))
        text = max(12 if side >= 240 else 10, round(15 * scale))
        return cls(core, max(1, round(core / 2)) if side >= 120 else 0, text, max(2, text // 4))


def draw(
    image: Image.Image,
    regions: Sequence[Region],
    *,
    size: tuple[int, int] | None = None,
    colours: Colours | None = None,
    fonts: Fonts | None = None,
    tags: bool = True,
) -> Image.Image:
    """A copy of an image with regions drawn on it.

    size: width and height of the photo whose pixels the regions are in; the image's own if left
    out. colours: to be shared by pictures in which a label is to have the same colour. tags: name
    the regions; pictures of a few pixels have no room for it.
    """
    from PIL import ImageDraw

    picture = image.convert("RGB") if image.mode != "RGB" else image.copy()
    across, down = (1.0, 1.0) if size is None else (image.width / size[0], image.height / size[1])
    style = _Style.of(*picture.size)
    colours = colours or Colours(region.label for region in regions)
    shades = [colours.of(region.label) for region in regions]
    # The surest last, so that it is on top.
    for region, colour in reversed(list(zip(regions, shades, strict=True))):
        if region.mask is not None:
            _draw_mask(picture, region, colour, style)
    canvas = ImageDraw.Draw(picture)
    for region, colour in reversed(list(zip(regions, shades, strict=True))):
        if region.mask is not None:
            continue
        if region.corners is not None:
            _draw_quad(picture, _quad(region, across, down, style), colour, style)
        else:
            _draw_box(canvas, _outer(region, across, down, picture, style), colour, style)
    if tags:
        boxes = [_outer(region, across, down, picture, style) for region in regions]
        _draw_tags(canvas, regions, boxes, shades, fonts or Fonts(), style, picture.size)
    return picture


def _outer(region: Region, across: float, down: float, picture: Image.Image, style: _Style) -> Box:
    """The outer edge of a region's lines, so that all of them are seen at the picture's border."""
    out = style.core // 2 + style.edge
    least = 2 * (style.core + style.edge)
    box = region.box[0] * across, region.box[1] * down, region.box[2] * across, region.box[3] * down
    if region.corners is not None:
        quad = _quad(region, across, down, style)
        xs, ys = [x for x, _ in quad], [y for _, y in quad]
        box = min(xs), min(ys), max(xs), max(ys)
    x0, x1 = _clamped(box[0] - out, box[2] + out, picture.width, least)
    y0, y1 = _clamped(box[1] - out, box[3] + out, picture.height, least)
    return x0, y0, x1, y1


def _clamped(low: float, high: float, size: int, least: int) -> tuple[int, int]:
    """First and last pixel within the picture, at least so many where it has them."""
    first, last = max(round(low), 0), min(round(high), size) - 1
    first = min(first, max(size - least, 0))
    return first, min(max(last, first + least - 1), size - 1)


def _draw_box(canvas: ImageDraw, box: Box, colour: Colour, style: _Style) -> None:
    """From outside to inside: dark, the label's colour, light."""
    inset = 0
    for shade, width in ((BLACK, style.edge), (colour, style.core), (WHITE, style.edge)):
        x0, y0, x1, y1 = box[0] + inset, box[1] + inset, box[2] - inset, box[3] - inset
        if width and x1 >= x0 and y1 >= y0:
            canvas.rectangle((x0, y0, x1, y1), outline=shade, width=width)
        inset += width


def _quad(region: Region, across: float, down: float, style: _Style) -> list[tuple[float, float]]:
    """Corners in the picture's pixels, pushed outwards: no line is to run through letters."""
    assert region.corners is not None
    quad = [(x * across, y * down) for x, y in region.corners]
    pushed = []
    for at, (x, y) in enumerate(quad):
        for other_x, other_y in (quad[at - 1], quad[(at + 1) % len(quad)]):
            length = math.hypot(quad[at][0] - other_x, quad[at][1] - other_y) or 1.0
            x += (style.core + style.edge) * (quad[at][0] - other_x) / length
            y += (style.core + style.edge) * (quad[at][1] - other_y) / length
        pushed.append((x, y))
    return pushed


def _draw_quad(
    picture: Image.Image, quad: Sequence[tuple[float, float]], colour: Colour, style: _Style
) -> None:
    """Slanted lines, smoothed: a dark one, and the label's colour upon it."""
    from PIL import Image, ImageDraw

    room = style.core + 2 * style.edge
    left = max(math.floor(min(x for x, _ in quad)) - room, 0)
    top = max(math.floor(min(y for _, y in quad)) - room, 0)
    right = min(math.ceil(max(x for x, _ in quad)) + room, picture.width)
    bottom = min(math.ceil(max(y for _, y in quad)) + room, picture.height)
    if right <= left or bottom <= top:
        return
    size = right - left, bottom - top
    # Of a picture of a few pixels, smoothed lines would be all shade and no colour.
    smooth = style.edge > 0 and size[0] * size[1] * _SMOOTH**2 <= _SMOOTH_PIXELS
    factor = _SMOOTH if smooth else 1
    points = [((x - left) * factor, (y - top) * factor) for x, y in quad]
    for shade, width in ((BLACK, style.core + 2 * style.edge), (colour, style.core)):
        stencil = Image.new("L", (size[0] * factor, size[1] * factor))
        pen = ImageDraw.Draw(stencil)
        pen.line([*points, points[0], points[1]], fill=255, width=width * factor, joint="curve")
        picture.paste(shade, (left, top), stencil.resize(size, Image.Resampling.BOX))


def _draw_mask(picture: Image.Image, region: Region, colour: Colour, style: _Style) -> None:
    """The photo tinted where the mask is, and lines along its border."""
    import numpy as np
    from PIL import Image, ImageChops

    assert region.mask is not None
    full = Image.fromarray(region.mask.astype(np.uint8) * np.uint8(255))
    if full.size != picture.size:
        full = full.resize(picture.size, Image.Resampling.BILINEAR)
    full = full.point(lambda value: 255 if value >= 128 else 0)
    bounds = full.getbbox()
    if bounds is None:
        return
    out = style.core + style.edge
    left, top = max(bounds[0] - out, 0), max(bounds[1] - out, 0)
    right, bottom = min(bounds[2] + out, picture.width), min(bounds[3] + out, picture.height)
    mask = full.crop((left, top, right, bottom))
    picture.paste(colour, (left, top), mask.point(lambda value: round(value * _FILL)))
    grown = _grown(mask, style.core)
    shrunk = ImageChops.invert(_grown(ImageChops.invert(mask), style.edge))
    for shade, where in (
        (BLACK, ImageChops.subtract(_grown(mask, out), grown)),
        (colour, ImageChops.subtract(grown, mask)),
        (WHITE, ImageChops.subtract(mask, shrunk)),
    ):
        picture.paste(shade, (left, top), where)


def _grown(mask: Image.Image, by: int) -> Image.Image:
    """A mask and all that is not further from it than this. Blurred by a box of that radius, what
    is not quite black is: twice as fast as a maximum filter of 3 pixels, at any radius."""
    from PIL import ImageFilter

    for radius in ((by, 0), (0, by)):
        mask = mask.filter(ImageFilter.BoxBlur(radius)).point(lambda value: 255 if value else 0)
    return mask


def _draw_tags(
    canvas: ImageDraw,
    regions: Sequence[Region],
    boxes: Sequence[Box],
    shades: Sequence[Colour],
    fonts: Fonts,
    style: _Style,
    size: tuple[int, int],
) -> None:
    lines = [_fitting(region, fonts, style, size) for region in regions]
    named = [number for number, line in enumerate(lines) if line]
    sizes = []
    for number in named:
        ascent, descent = _heights(lines[number])
        width = math.ceil(_length(lines[number])) + 2 * style.pad
        sizes.append((width, ascent + descent + style.pad))
    places = place_tags([boxes[number] for number in named], sizes, size)
    thin = max(1, style.edge // 2)
    for number, place in reversed(list(zip(named, places, strict=True))):
        x0, y0, x1, y1 = place
        canvas.rectangle((x0, y0, x1 - 1, y1 - 1), fill=shades[number], outline=BLACK, width=thin)
        base = y0 + style.pad // 2 + _heights(lines[number])[0]
        at = x0 + style.pad
        for text, font in lines[number]:
            canvas.text((at, base), text, text_on(shades[number]), font, anchor="ls")
            at += font.getlength(text)


def _fitting(
    region: Region, fonts: Fonts, style: _Style, size: tuple[int, int]
) -> list[tuple[str, Font]]:
    """What a tag says: as much as goes into the picture, perhaps nothing."""
    label = printable(" ".join(region.label.split()))
    choices = [f"{label} {round(100 * region.score)} %", label]
    ends = range(min(len(label), _MOST_TEXT) - 1, _LEAST_TEXT - 1, -1)
    choices += [label[:end].rstrip() + "…" for end in ends]
    for text in choices:
        if not text or len(text) > _MOST_TEXT + len(" 100 %"):
            continue
        runs = fonts.runs(text, style.text)
        if sum(_heights(runs)) + style.pad > size[1]:
            break
        if _length(runs) <= size[0] - 2 * style.pad:
            return runs
    return []


def _length(runs: Sequence[tuple[str, Font]]) -> float:
    return sum(font.getlength(text) for text, font in runs)


def _heights(runs: Sequence[tuple[str, Font]]) -> tuple[int, int]:
    """Above and below the line that letters stand on."""
    # Fonts with Chinese claim half as much again as their letters take.
    heights = [
        (min(ascent, round(font.size)), min(descent, round(0.3 * font.size)))
        for _, font in runs
        for ascent, descent in [font.getmetrics()]
    ]
    return max(above for above, _ in heights), max(below for _, below in heights)
