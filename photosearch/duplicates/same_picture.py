"""Whether two photos are one picture: recompressed, scaled, cropped, grey, brightened, written on.

In: two upright pictures. Out: what their pixels have to do with each other. This is the second
check, which alone decides: the other photo is laid over the one, by its frame where the shapes
agree, else by local features (SIFT) that lie alike in both; then both are compared square by
square. Another photo of the same place cannot pass: a step aside shifts near things against far
ones, so that no way to lay one over the other fits everywhere. A picture that was mirrored, bent or
squeezed is not recognised.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from photosearch.store.hashes import ALTERED, DIFFERENT, SAME, Compared

# The name of this way to compare: pairs judged in another way are judged again.
KIND = "pixels-1"
# Pixels of the long side in which features are looked for, and in which squares are compared.
SIDE = 512
_COMPARED_SIDE = 384
_SQUARE = 16

# A square agrees where its pixels correlate by this much. True copies: 0.5 % of the squares are
# below it at most, by compression and clipped lights; the next frame of a walk: 40 % at least.
_AGREES = 0.6
# How many squares may disagree: in the same picture; anywhere but in a band along the upper or
# lower edge, where captions and dates are written; there.
_SAME = 0.01
_WITHIN = 0.03
_BAND = 0.22
_IN_BAND = 0.35
_TYPICAL = 0.85  # the median square of a true copy correlates by 0.94 and more
_FEWEST_SQUARES = 12
_FLAT = 3.0  # standard deviation of a square in which nothing can be seen
_FEWEST_FEATURES = 12
_SHAPES_AGREE = 0.02
_Float = NDArray[np.float32]


@dataclass(slots=True)
class View:
    """A photo at the size in which it is compared."""

    grey: NDArray[np.uint8]
    width: int  # of the photo itself, upright
    height: int
    _features: tuple[NDArray[np.float32], NDArray[np.float32]] | None = field(default=None)

    @property
    def features(self) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Points (x, y), and what is around each; looked for once."""
        if self._features is None:
            sift = cv2.SIFT_create(1000)  # type: ignore[attr-defined]
            points, around = sift.detectAndCompute(self.grey, None)
            if around is None:
                around = np.empty((0, 128), np.float32)
            self._features = np.array([point.pt for point in points], np.float32), around
        return self._features


def view_of(image: Image.Image, width: int, height: int) -> View:
    """A picture, perhaps decoded at reduced scale; width and height are those of the photo."""
    scale = SIDE / max(image.size)
    size = (max(1, round(image.width * scale)), max(1, round(image.height * scale)))
    how = Image.Resampling.BOX if scale < 1 else Image.Resampling.BICUBIC
    return View(np.asarray(image.convert("L").resize(size, how)), width, height)


def compare(one: View, other: View) -> Compared:
    """What the other photo has to do with the one."""
    best = Compared(DIFFERENT)
    for lay in (_by_frame, _by_features):
        over = lay(one, other)
        if over is None:
            continue
        found = _judge(one, other, over)
        if found.verdict == SAME:
            return found
        best = max(best, found, key=lambda each: (each.verdict != DIFFERENT, each.likeness))
    return best


# Laying one over the other: an affine map from the other's pixels to the one's


def _by_frame(one: View, other: View) -> _Float | None:
    if abs(math.log(one.width * other.height / (one.height * other.width))) > _SHAPES_AGREE:
        return None
    across = one.grey.shape[1] / other.grey.shape[1]
    down = one.grey.shape[0] / other.grey.shape[0]
    return np.array([[across, 0, 0], [0, down, 0]], np.float32)


def _by_features(one: View, other: View) -> _Float | None:
    """Turned, scaled and moved as most of the features say that are alike."""
    points, around = one.features
    its_points, its_around = other.features
    if min(len(points), len(its_points)) < _FEWEST_FEATURES:
        return None
    alike = [
        pair[0]
        for pair in cv2.BFMatcher(cv2.NORM_L2).knnMatch(its_around, around, k=2)
        # A feature that is as much like a second one says nothing.
        if len(pair) == 2 and pair[0].distance < 0.8 * pair[1].distance
    ]
    if len(alike) < _FEWEST_FEATURES:
        return None
    cv2.setRNGSeed(0)  # the same answer each time
    over, agree = cv2.estimateAffinePartial2D(
        its_points[[pair.queryIdx for pair in alike]],
        points[[pair.trainIdx for pair in alike]],
        method=cv2.RANSAC,
        ransacReprojThreshold=2.0,
    )
    if over is None or int(agree.sum()) < _FEWEST_FEATURES:
        return None
    lay = np.asarray(over, np.float32)
    return lay if 0.1 < _scale(lay) < 10 else None


def _scale(over: _Float) -> float:
    return math.sqrt(abs(float(np.linalg.det(over[:, :2].astype(np.float64)))))


# Comparing what lies over each other


def _judge(one: View, other: View, over: _Float) -> Compared:
    shown_one, shown_other = _shares(one, other, over)
    # The smaller the photo, the less can be compared of it; never more pixels than it has.
    finest = min(
        _COMPARED_SIDE, max(one.width, one.height), max(other.width, other.height) * _scale(over)
    )
    finest = max(finest, 8 * _SQUARE)
    squares = _Squares(*_laid_over(one.grey, other.grey, over, finest / max(one.grey.shape)))
    pixels_of_one = max(one.width, one.height) / max(one.grey.shape)
    pixels_of_other = max(other.width, other.height) / max(other.grey.shape)
    scale = pixels_of_other / pixels_of_one / _scale(over)
    verdict = squares.verdict() if max(shown_one, shown_other) > 0.5 else DIFFERENT
    return Compared(verdict, squares.likeness, shown_one, shown_other, scale, squares.tones)


def _shares(one: View, other: View, over: _Float) -> tuple[float, float]:
    """How much of each picture lies within the other's frame."""

    def corners(view: View) -> _Float:
        height, width = view.grey.shape
        return np.array([[[0, 0], [width, 0], [width, height], [0, height]]], np.float32)

    laid = cv2.transform(corners(other), over)
    common, _ = cv2.intersectConvexConvex(corners(one)[0], laid[0])
    height, width = one.grey.shape
    whole = float(cv2.contourArea(laid[0]))
    return min(common / (width * height), 1.0), min(common / max(whole, 1e-6), 1.0)


def _laid_over(
    one: NDArray[np.uint8], other: NDArray[np.uint8], over: _Float, size: float
) -> tuple[_Float, _Float, NDArray[np.bool_]]:
    """Both at `size` times the one's own, and where both are."""
    target = (max(1, round(one.shape[1] * size)), max(1, round(one.shape[0] * size)))
    first = cv2.resize(one, target, interpolation=cv2.INTER_AREA).astype(np.float32)
    second = other.astype(np.float32)
    scale = _scale(over) * size
    if scale < 1:  # warping alone would pick single pixels
        second = _blurred(second, max(0.5 * math.sqrt(scale**-2 - 1), 0.01))
    lay = over * np.float32(size)
    second = np.asarray(cv2.warpAffine(second, lay, target, flags=cv2.INTER_LINEAR), np.float32)
    inside = cv2.warpAffine(np.ones(other.shape, np.uint8), lay, target, flags=cv2.INTER_NEAREST)
    inside = cv2.erode(inside, np.ones((3, 3), np.uint8))
    return _blurred(first, 1.0), _blurred(second, 1.0), np.asarray(inside > 0)


def _blurred(picture: _Float, sigma: float) -> _Float:
    return np.asarray(cv2.GaussianBlur(picture, (0, 0), sigma), np.float32)


class _Squares:
    """Two pictures that lie over each other, square by square."""

    def __init__(self, one: _Float, other: _Float, inside: NDArray[np.bool_]) -> None:
        first, second = _cut(one), _cut(other)
        mean_one, mean_other = first.mean(2), second.mean(2)
        first -= mean_one[..., None]
        second -= mean_other[..., None]
        spread_one = np.sqrt((first * first).mean(2))
        spread_other = np.sqrt((second * second).mean(2))
        together = (first * second).mean(2)
        # Lights that were clipped by brightening, shadows that were drowned, show nothing.
        lit = (np.minimum(mean_one, mean_other) > 8) & (np.maximum(mean_one, mean_other) < 247)
        common = _cut(inside.astype(np.float32)).min(2) > 0
        seen = np.maximum(spread_one, spread_other) > _FLAT
        self._seen = common & seen & (lit | (np.minimum(spread_one, spread_other) > _FLAT))
        self._agreement = together / np.sqrt((spread_one**2 + 2) * (spread_other**2 + 2))
        self._common = common
        self._means = mean_one, mean_other
        self.likeness = self._typical()
        apart = np.abs(mean_one - mean_other)[common]
        self.tones = float(apart.mean()) if len(apart) else 0.0

    def _typical(self) -> float:
        seen = self._agreement[self._seen]
        return float(np.clip(np.median(seen), 0, 1)) if len(seen) else 0.0

    def verdict(self) -> str:
        seen = int(self._seen.sum())
        if seen < _FEWEST_SQUARES:
            return SAME if self._are_equal() else DIFFERENT
        wrong = self._seen & (self._agreement < _AGREES)
        if self.likeness < _TYPICAL:
            return DIFFERENT
        everywhere = np.ones_like(wrong)
        if wrong.sum() <= _SAME * seen and self._tones_agree(everywhere):
            return SAME
        band = max(1, math.ceil(len(wrong) * _BAND))
        for rest in (np.s_[band:], np.s_[: len(wrong) - band]):  # written on above, or below
            outside = np.zeros_like(wrong)
            outside[rest] = True
            if (
                (wrong & outside).sum() <= _WITHIN * seen
                and wrong.sum() <= _IN_BAND * seen
                and self._tones_agree(outside & ~wrong)
            ):
                return ALTERED
        return DIFFERENT

    def _are_equal(self) -> bool:
        """Of pictures in which next to nothing can be seen: fog, a black frame, a drawing."""
        one, other = (means[self._common] for means in self._means)
        few = self._agreement[self._seen]
        return (
            len(one) >= _FEWEST_SQUARES
            and bool((few > 0.9).all())
            and float(np.abs(one - other).max()) <= 2
        )

    def _tones_agree(self, where: NDArray[np.bool_]) -> bool:
        """What is bright in one is bright in the other."""
        one, other = (means[self._common & where] for means in self._means)
        if len(one) < 2 or min(one.std(), other.std()) < _FLAT:
            return True
        return float(np.corrcoef(one, other)[0, 1]) > 0.9


def _cut(picture: _Float) -> _Float:
    """rows x columns x pixels of a square; what is over at the edges is left out."""
    rows, columns = picture.shape[0] // _SQUARE, picture.shape[1] // _SQUARE
    whole = picture[: rows * _SQUARE, : columns * _SQUARE]
    parts = whole.reshape(rows, _SQUARE, columns, _SQUARE).swapaxes(1, 2)
    return parts.reshape(rows, columns, _SQUARE * _SQUARE)
