"""Photos as browsers show them: WebP previews, and JPEG for formats that no browser reads.

In: the bytes of a photo. Out: bytes of a picture, upright, sRGB, without metadata. Called in worker
processes (`decode/pool.py`): a decoder that crashes or hangs takes no server with it.
"""

from __future__ import annotations

import io
import os
from contextlib import suppress

from photosearch.decode.limits import Limits

# Photos of 48 megapixels (8064 x 6048) whole; larger ones take a browser's memory for nothing.
LONGEST = 8192

_niced = False


def preview(data: bytes, size: int, shape: tuple[int, int], limits: Limits) -> bytes:
    """A WebP whose longer side has `size` pixels, or the photo's own where it has fewer.

    shape: of the photo, as the catalogue has it.
    """
    from PIL import Image

    from photosearch.decode.pixels import REDUCED_SCALE_MARGIN, decode

    _step_back()
    # Reduced-scale decoding halves the pixels a side as long as the shorter one has enough.
    shorter = size * min(shape) / max(*shape, 1)
    decoded = decode(data, need=max(round(shorter / REDUCED_SCALE_MARGIN), 1), limits=limits)
    image = decoded.image
    scale = size / max(image.size)
    if scale < 1:
        wanted = (max(round(image.width * scale), 1), max(round(image.height * scale), 1))
        image = image.resize(wanted, Image.Resampling.LANCZOS)
    return _saved(image, "WEBP", quality=78, method=2)


def as_jpeg(data: bytes, limits: Limits) -> bytes:
    """The photo at full size, or the longest that is sensible."""
    from PIL import Image

    from photosearch.decode.pixels import decode

    _step_back()
    image = decode(data, limits=limits).image
    if max(image.size) > LONGEST:
        image.thumbnail((LONGEST, LONGEST), Image.Resampling.LANCZOS)
    return _saved(image, "JPEG", quality=90, subsampling=0)


def _saved(image: object, kind: str, **options: int) -> bytes:
    from PIL import Image

    assert isinstance(image, Image.Image)
    image.info = {}  # a comment would be carried over
    file = io.BytesIO()
    image.save(file, kind, **options)
    return file.getvalue()


def _step_back() -> None:
    """Searches come first: this process has the processor when they leave it."""
    global _niced
    if not _niced and hasattr(os, "nice"):
        with suppress(OSError):
            os.nice(5)
    _niced = True
