"""What is done to a photo's bytes in a worker process: decoded, its facts read, made small.

In: the bytes of a file. Out: what the runners store, or feed to a model or a reader of words. These
functions are called by name in another process (`decode/pool.py`), which imports this module and
nothing of the catalogue or of a model's runtime.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from photosearch.decode.facts import read_facts
from photosearch.decode.limits import Limits
from photosearch.decode.pixels import Decoded, decode
from photosearch.records import Photo

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from photosearch.encode.patches import PatchPreprocess
    from photosearch.encode.preprocess import Preprocess


@dataclass(frozen=True, slots=True)
class Picture:
    """Upright pixels, perhaps fewer than the photo has."""

    pixels: NDArray[np.uint8]  # [height, width, 3]
    width: int  # of the photo itself, upright
    height: int


def prepare(
    data: bytes, digest: bytes, preprocess: Preprocess | PatchPreprocess, limits: Limits
) -> tuple[Photo, NDArray[np.uint8]]:
    """What the catalogue keeps of a photo, and the pixels that its model is fed.

    uint8[height, width, 3], as the model's preprocessing makes them.
    """
    photo, decoded = _decode(data, digest, preprocess.need, limits)
    return photo, preprocess.resize(decoded.image)


def prepare_packed(
    data: bytes, digest: bytes, preprocess: Preprocess | PatchPreprocess, limits: Limits
) -> tuple[Photo, tuple[int, ...], bytes]:
    """The same with the pixels as (shape, bytes), for a process that has not imported numpy.

    That import is half of what a worker's start takes: 0.17 s of CPU time with it, 0.08 without.
    """
    photo, decoded = _decode(data, digest, preprocess.need, limits)
    return photo, *preprocess.pack(decoded.image)


def _decode(data: bytes, digest: bytes, need: int, limits: Limits) -> tuple[Photo, Decoded]:
    decoded = decode(data, need=need, limits=limits)
    photo = Photo(
        digest=digest,
        bytes=len(data),
        format=decoded.format,
        width=decoded.width,
        height=decoded.height,
        facts=read_facts(decoded.exif),
    )
    return photo, decoded


def open_picture(data: bytes, need: int | None, limits: Limits) -> Picture:
    """A photo's pixels; `need` is how many a side will be used of them, None: all."""
    import numpy as np

    decoded = decode(data, need=need, limits=limits)
    return Picture(np.asarray(decoded.image), decoded.width, decoded.height)
