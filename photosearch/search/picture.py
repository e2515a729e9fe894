"""An example image, or a part of it → upright pixels, no more of them than are of use.

In: where an example is or what it is, a crop. Out: a Picture, or BadImage, or WrongUse for a crop
that lies outside.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from photosearch.errors import BadImage
from photosearch.search.example import name_of, read_example

if TYPE_CHECKING:
    from PIL import Image

    from photosearch.search.crop import Crop


@dataclass(frozen=True, slots=True)
class Picture:
    """What an example shows, perhaps at reduced scale."""

    image: Image.Image  # RGB
    box: tuple[int, int, int, int]  # of the example's upright pixels: left, top, right, bottom
    cut_short: bool = False  # the crop reached over an edge


def picture_of(source: Any, data: bytes, crop: Crop | None, need: int) -> Picture:
    """The pixels of an example, of which `need` a side will be used.

    data: the example's bytes where they have been read before.
    """
    if hasattr(source, "convert"):  # a PIL image, for callers of the API
        return _part(source.convert("RGB"), source.width, source.height, crop, source)
    data = data or read_example(source)
    from photosearch.decode.pixels import REDUCED_SCALE_MARGIN, decode

    try:
        decoded = decode(data, need=need)
        if crop is not None:
            left, top, right, bottom = crop.within(decoded.width, decoded.height, name_of(source))
            shown = min(right - left, bottom - top) * decoded.image.width / decoded.width
            if decoded.image.width < decoded.width and shown < need * REDUCED_SCALE_MARGIN:
                # Of a small part more has to be decoded for as many pixels of it.
                side = min(decoded.width, decoded.height) / min(right - left, bottom - top)
                decoded = decode(data, need=round(need * side) + 1)
    except BadImage as error:
        raise BadImage(f"{name_of(source)}: {error}") from error
    return _part(decoded.image, decoded.width, decoded.height, crop, source)


def _part(image: Image.Image, width: int, height: int, crop: Crop | None, source: Any) -> Picture:
    """width, height: of the photo, of which the image may be a smaller one."""
    if crop is None:
        return Picture(image, (0, 0, width, height))
    box = crop.within(width, height, name_of(source))
    across, down = image.width / width, image.height / height
    left = min(round(box[0] * across), image.width - 1)
    top = min(round(box[1] * down), image.height - 1)
    right = max(round(box[2] * across), left + 1)
    bottom = max(round(box[3] * down), top + 1)
    return Picture(image.crop((left, top, right, bottom)), box, crop.reaches_over(width, height))
