"""A part of an example image: what stands after --crop, and the box that it means.

In: "X,Y,W,H", in pixels of the upright photo or all four in percents; the size of a photo. Out: a
box of whole pixels. What reaches over an edge is cut off there: a frame drawn with a mouse often
does.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from photosearch.errors import WrongUse

Box = tuple[int, int, int, int]  # left, top, right, bottom

_HINT = "--crop X,Y,W,H: left, top, width, height in pixels of the upright picture, or in percents"
_NUMBER = re.compile(r"(\d{1,9}(?:\.\d{0,9})?)\s*(%?)", re.ASCII)


@dataclass(frozen=True, slots=True)
class Crop:
    """Left, top, width, height as they were given."""

    values: tuple[float, float, float, float]
    percent: bool = False

    def __str__(self) -> str:
        return ",".join(f"{value:.9g}{'%' * self.percent}" for value in self.values)

    def within(self, width: int, height: int, name: str) -> Box:
        """The box in a picture of this size; raises WrongUse where it lies outside. name: of the
        picture.
        """
        across, down = (width / 100, height / 100) if self.percent else (1.0, 1.0)
        x, y, w, h = self.values
        left, top = math.floor(x * across + 1e-6), math.floor(y * down + 1e-6)
        if left >= width or top >= height:
            raise WrongUse(
                f"--crop {self} lies outside {name}, which is {width}x{height} pixels", hint=_HINT
            )
        right, bottom = math.ceil((x + w) * across - 1e-6), math.ceil((y + h) * down - 1e-6)
        return left, top, max(min(right, width), left + 1), max(min(bottom, height), top + 1)

    def reaches_over(self, width: int, height: int) -> bool:
        """Whether a picture of this size ends before the crop does."""
        wide, high = (100, 100) if self.percent else (width, height)
        x, y, w, h = self.values
        return x + w > wide + 1e-6 or y + h > high + 1e-6


def parse_crop(text: str) -> Crop:
    """`10,20,300,200`, or `10%,20%,50%,50%`."""
    found = [_NUMBER.fullmatch(part.strip()) for part in text.split(",")]
    marks = {match[2] for match in found if match}
    if len(found) != 4 or None in found or len(marks) > 1:
        raise WrongUse(f"--crop {text!r} is not four numbers X,Y,W,H", hint=_HINT)
    return _checked([float(match[1]) for match in found if match], marks == {"%"})


def as_crop(value: Any) -> Crop | None:
    """What a caller of the API gives: four numbers, or a text as after --crop; None for all."""
    if value is None or isinstance(value, Crop):
        return value
    if isinstance(value, str):
        return parse_crop(value)
    try:
        numbers = [float(one) for one in value]
    except (TypeError, ValueError):
        numbers = []
    if len(numbers) != 4 or not all(math.isfinite(one) and one >= 0 for one in numbers):
        raise WrongUse(f"crop {value!r} is not four numbers x, y, width, height", hint=_HINT)
    return _checked(numbers, False)


def crop_list(crop: Any) -> list[Any]:
    """One crop, or several in a list → several."""
    if crop is None:
        return []
    if isinstance(crop, (str, Crop)) or not isinstance(crop, Iterable):
        return [crop]
    given = list(crop)
    return [given] if given and all(isinstance(one, (int, float)) for one in given) else given


def crops_of(crops: Sequence[Any], images: int) -> tuple[Crop | None, ...]:
    """A crop for each of so many example images; raises WrongUse where they are not as many."""
    if not crops:
        return (None,) * images
    if not images:
        raise WrongUse(
            "--crop is a part of an example image, and there is none",
            hint="photosearch query --image example.jpg --crop 10,20,300,200",
        )
    if len(crops) != images:
        raise WrongUse(
            f"{len(crops)} x --crop for {images} x --image: each image takes its own, in their "
            "order",
            hint="--crop 0%,0%,100%,100% takes a whole picture",
        )
    return tuple(as_crop(crop) for crop in crops)


def _checked(numbers: Sequence[float], percent: bool) -> Crop:
    x, y, width, height = numbers
    crop = Crop((x, y, width, height), percent)
    if not width or not height:
        raise WrongUse(f"--crop {crop} has no area", hint=_HINT)
    return crop
