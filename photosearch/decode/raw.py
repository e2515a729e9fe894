"""A camera's raw file → the preview that the camera embedded, and what the file says of the photo.

In: the bytes of a raw file. Out: a RawPhoto, its preview not yet decoded where it is a JPEG; an
EXIF block. The preview is developed as the camera saw fit; without one the photo is developed here,
at half its size.
"""

from __future__ import annotations

import io
from dataclasses import dataclass
from importlib.util import find_spec
from typing import TYPE_CHECKING

from photosearch.decode.limits import Limits
from photosearch.errors import BadImage, MissingExtra

if TYPE_CHECKING:
    from PIL import Image

# How LibRaw says that a photo is turned → the same in EXIF; it knows no other turns.
_ORIENTATIONS = {0: 1, 3: 3, 5: 8, 6: 6}
# The sensor's values, and the photo developed of them at a quarter of its pixels.
_BYTES_A_PIXEL = 6


@dataclass(frozen=True, slots=True)
class RawPhoto:
    """What there is to see in a raw file, as it lies there."""

    preview: Image.Image | bytes  # bytes: a JPEG file
    orientation: int  # as EXIF counts it; of a preview that does not say it of itself


def has_raw_decoder() -> bool:
    """Whether rawpy, the extra `photosearch[raw]`, is installed."""
    return find_spec("rawpy") is not None


def open_raw(data: bytes, limits: Limits) -> RawPhoto:
    """Open a raw file; raises as `open_image` does."""
    if not has_raw_decoder():
        raise MissingExtra(
            "raw files need an optional decoder", hint="pip install 'photosearch[raw]'"
        )
    import numpy as np
    import rawpy
    from PIL import Image

    try:
        with rawpy.imread(io.BytesIO(data)) as raw:
            orientation = _ORIENTATIONS.get(raw.sizes.flip, 1)
            try:
                preview = raw.extract_thumb()
            except (rawpy.LibRawNoThumbnailError, rawpy.LibRawUnsupportedThumbnailError):
                limits.check(raw.sizes.width, raw.sizes.height, _BYTES_A_PIXEL)
                # LibRaw turns what it develops, and no preview.
                return RawPhoto(
                    Image.fromarray(raw.postprocess(half_size=True, use_camera_wb=True)), 1
                )
    except rawpy.LibRawError as error:
        raise BadImage(f"damaged raw file: {_said(error)}") from error
    if isinstance(preview.data, bytes):
        return RawPhoto(preview.data, orientation)
    return RawPhoto(Image.fromarray(np.asarray(preview.data)), orientation)


def raw_exif(data: bytes) -> Image.Exif | None:
    """The EXIF block of a TIFF-like raw file itself; its preview often has none, or less."""
    from PIL import Image

    exif = Image.Exif()
    mark = {b"II": b"*\0", b"MM": b"\0*"}.get(data[:2])
    if mark is None:
        return None
    try:
        # Olympus and Panasonic write letters of their own where a TIFF has its 42.
        exif.load(data if data[2:4] == mark else data[:2] + mark + data[4:])
    except Exception:  # damaged metadata is none: see pixels.decode
        return None
    return exif


def _said(error: Exception) -> str:
    """LibRaw's own words, which arrive as bytes."""
    (first, *_) = error.args or ("",)
    return first.decode("utf-8", "replace") if isinstance(first, bytes) else str(first)
