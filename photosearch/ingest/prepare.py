"""What is done to a photo's bytes in a worker process: decoded, its facts read, made small.

In: the bytes of a file. Out: what the runners store, or feed to a model or a reader of words. These
functions are called by name in another process (`decode/pool.py`), which imports this module and
nothing of the catalogue or of a model's runtime.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from photosearch.decode.facts import read_facts
from photosearch.decode.limits import Limits
from photosearch.decode.pixels import decode
from photosearch.records import Photo

if TYPE_CHECKING:
    from photosearch.encode.preprocess import Preprocess


@dataclass(frozen=True, slots=True)
class Picture:
    """Upright pixels, perhaps fewer than the photo has."""

    pixels: NDArray[np.uint8]  # [height, width, 3]
    width: int  # of the photo itself, upright
    height: int


def prepare(
    data: bytes, digest: bytes, preprocess: Preprocess, limits: Limits
) -> tuple[Photo, NDArray[np.uint8]]:
    """What the catalogue keeps of a photo, and the pixels that its model is fed.

    uint8[height, width, 3], as the model's preprocessing makes them.
    """
    decoded = decode(data, need=preprocess.need, limits=limits)
    photo = Photo(
        digest=digest,
        bytes=len(data),
        format=decoded.format,
        width=decoded.width,
        height=decoded.height,
        facts=read_facts(decoded.exif),
    )
    return photo, preprocess.resize(decoded.image)


def open_picture(data: bytes, need: int, limits: Limits) -> Picture:
    """A photo's pixels; `need` is how many a side will be used of them."""
    decoded = decode(data, need=need, limits=limits)
    return Picture(np.asarray(decoded.image), decoded.width, decoded.height)
