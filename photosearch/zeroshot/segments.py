"""Masks: the very pixels of a photo that a label is true of, by GroupViT or CLIPSeg.

In: labels, the name or folder of a published model. Out: a Locator. Such models tell what a pixel
shows, not which of two cats it belongs to: a label has one region a photo, which is all of it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Protocol

import numpy as np
from numpy.typing import NDArray

from photosearch.masks import box_of, scaled
from photosearch.records import Region
from photosearch.zeroshot.published import open_published

if TYPE_CHECKING:
    from PIL import Image

KINDS = {"groupvit": "GroupViTModel", "clipseg": "CLIPSegForImageSegmentation"}
# Masks are drawn at most so many pixels a side, which are then repeated: a model's answer is some
# 40 patches wide, and what lies between them is interpolated anyway.
_DRAWN = 1024


class Drawer(Protocol):
    """A model with its labels."""

    side: int  # pixels of the shorter side that it makes use of
    threshold: float  # the usual one

    def masks(
        self, image: Image.Image, size: tuple[int, int], threshold: float
    ) -> Iterator[tuple[int, NDArray[np.bool_], float]]:
        """(number of a label, mask of this width and height, mean share) of what is there.

        A pixel's share is 0 to 1; a mask has the pixels whose share is not below the threshold.
        """
        ...


class Segments:
    """Labels looked for in any number of photos."""

    def __init__(
        self, labels: Sequence[str], model: str | None = None, threshold: float | None = None
    ) -> None:
        opened = open_published(model, KINDS, "segments")
        self.model = opened.name
        self._labels = list(labels)
        self._drawer: Drawer
        if opened.kind == "clipseg":
            from photosearch.zeroshot.clipseg import ClipSeg

            self._drawer = ClipSeg(opened, self._labels)
        else:
            from photosearch.zeroshot.groupvit import GroupVit

            self._drawer = GroupVit(opened, self._labels)
        self._threshold = self._drawer.threshold if threshold is None else threshold
        self.need: int | None = self._drawer.side

    def locate(self, image: Image.Image) -> list[Region]:
        """The surest first. A region's box is the bounding box of its mask."""
        size = _drawn_size(image.size)
        found = [
            Region(box_of(mask), self._labels[number], share, mask)
            for number, small, share in self._drawer.masks(image, size, self._threshold)
            for mask in (scaled(small, image.size),)
        ]
        return sorted(found, key=lambda region: (-region.score, region.label))


def _drawn_size(size: tuple[int, int]) -> tuple[int, int]:
    longest = max(size)
    if longest <= _DRAWN:
        return size
    width, height = (max(1, round(side * _DRAWN / longest)) for side in size)
    return width, height
