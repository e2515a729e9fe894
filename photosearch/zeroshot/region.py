"""The seam between photosearch and whatever finds things in a picture.

In: an upright RGB image. Out: Regions. What is looked for is settled when a Locator is made, so
that texts are encoded once for any number of photos. The kinds: by_regions.py (any CLIP),
owlvit.py, grounding.py, segments.py.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from photosearch.records import Region

if TYPE_CHECKING:
    from PIL import Image

KINDS = ("regions", "owlvit", "grounding", "segments")


class Locator(Protocol):
    """Finds what it was made for."""

    model: str  # its name, as it was given
    need: int | None  # pixels a side that a decoder has to provide; None: all that there are

    def locate(self, image: Image.Image) -> list[Region]:
        """The surest first; boxes and masks in the pixels of the image that is given."""
        ...
