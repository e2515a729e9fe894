"""What one photo may take of time and memory.

Read by the decoders (pixels) and by the processes that they run in (seconds, memory).
"""

from __future__ import annotations

from dataclasses import dataclass

from photosearch.errors import BadImage
from photosearch.settings import DECODE_SECONDS, MAX_PIXELS

# An address space of a worker: the interpreter and its libraries, and for each pixel of the largest
# photo three copies of four bytes (decoded, turned, converted).
_LIBRARIES_BYTES = 2 << 30
_BYTES_A_PIXEL = 12

# Photos that take more than this are decoded one at a time, however many workers there are: 40
# megapixels of RGBA; photos of 100 megapixels then cost their memory once.
HEAVY_BYTES = 160_000_000


class Heavy(Exception):
    """A photo would take much memory, and is to be the only such one; raised before it does."""


@dataclass(frozen=True, slots=True)
class Limits:
    """What one photo may take."""

    seconds: float = DECODE_SECONDS
    pixels: int = MAX_PIXELS
    alone: bool = True  # no other heavy photo is being decoded; else Heavy is raised for one

    @property
    def memory(self) -> int:
        """Bytes of address space for a process that decodes it."""
        return _LIBRARIES_BYTES + _BYTES_A_PIXEL * self.pixels

    def check(self, width: int, height: int, bytes_a_pixel: float) -> None:
        """Refuse decompression bombs, and heavy photos for now, before anything is decoded."""
        if width * height > self.pixels:
            raise BadImage(f"{width} x {height} pixels: {self.too_large()}")
        if not self.alone and width * height * bytes_a_pixel > HEAVY_BYTES:
            raise Heavy

    def too_large(self) -> str:
        return f"larger than the limit of {self.pixels / 1e6:g} megapixels: --max-megapixels"
