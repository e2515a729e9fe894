"""Region classification in ViLD's way (arXiv:2104.13921): boxes that may hold anything, each
encoded by a CLIP image tower and compared with the labels and with a background.

In: labels, an Encoder. Out: a Locator.

The background is a set of ordinary words. What counts of a crop's score for a label is how far it
rises above its scores for them,

    rise = (score - mean) / (best - mean)

with the mean of all words and that of the best few: 0 for a label that fits as well as any word, 1
for one that fits as well as the best. So models are comparable whose cosines lie elsewhere or whose
scores are a sigmoid's (SigLIP): scale and bias cancel out. No label changes another's scores.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from photosearch.encode.crops import SCALES, encode_boxes, grown
from photosearch.encode.proposals import Candidates, candidates
from photosearch.encode.towers import normalise
from photosearch.records import Region
from photosearch.zeroshot.heat import cover, heat
from photosearch.zeroshot.labels import texts_of

if TYPE_CHECKING:
    from PIL import Image

    from photosearch.encode.encoder import Encoder

Numbers = NDArray[np.float64]

_BUDGET = 75  # boxes that are encoded, and the whole picture
_MOST = 5  # regions a label
# Of soft-NMS (Bodla et al. 2017, arXiv:1704.04503), its linear kind: what overlaps a surer region
# by more loses that share. The Gaussian kind lessens what overlaps by less, too, and candidates lie
# close together: it had a right one among five regions less often than plain suppression at 0.5.
_OVERLAPPING = 0.5

# The background where none is given: what photos show, and what things are made of.
_WORDS = (
    "man woman child baby face hand hair crowd dog cat horse cow bird fish insect tree grass "
    "flower leaf bush forest mountain rock sand beach sea river lake snow ice sky cloud "
    "sunset night rain road street pavement bridge building house roof wall window door floor "
    "ceiling stairs fence room kitchen bathroom bedroom office shop table chair sofa bed "
    "shelf lamp mirror curtain carpet picture clock book paper box bag bottle cup plate bowl "
    "knife food bread meat fruit vegetable cake drink clothes shirt trousers shoe hat glasses "
    "jewellery car truck bus train bicycle boat aeroplane wheel machine tool computer "
    "telephone screen camera instrument toy ball game sport sign letter number flag light "
    "shadow reflection smoke fire water metal wood glass plastic cloth leather stone brick "
    "pattern background"
).split()
_BEST_SHARE = 0.02  # of many words; of a few, at least:
_FEWEST_BEST = 3

# Logistic regressions, fitted on one half of 251 COCO photos with `mini`. That a box has an overlap
# of half with a thing of the label, of `_features`; and that the label is anywhere, of the greatest
# rise of a crop and that of the whole picture. Absent labels were asked for as often as present
# ones.
_BOX = (1.84, 0.52, 0.37, 0.18, 0.90, 0.90)
_THERE = (2.31, 1.60, -2.51)
_THRESHOLD = 0.2


class ByRegions:
    """Labels looked for in any number of photos."""

    def __init__(
        self,
        labels: Sequence[str],
        encoder: Encoder,
        threshold: float | None = None,
        words: NDArray[np.floating] | None = None,
    ) -> None:
        """words: vectors of ordinary words, the background; some of its own without."""
        self.model = encoder.name
        self.need: int | None = 512
        self._labels = list(labels)
        self._threshold = _THRESHOLD if threshold is None else threshold
        texts = [texts_of(label, (), encoder.language_of(label))[0] for label in labels]
        self._texts = encoder.encode_texts(texts).astype(np.float64)
        if words is None:
            words = encoder.encode_texts(list(_WORDS))
        self._words = np.asarray(words, np.float64)
        self._tower = encoder.image

    def locate(self, image: Image.Image) -> list[Region]:
        every = candidates(image)
        whole = np.array([[0.0, 0.0, image.width, image.height]])
        boxes = np.concatenate([whole, every.best(_BUDGET)])
        crops = [encode_boxes(image, boxes, self._tower, (scale,)) for scale in SCALES]
        seen = np.concatenate([grown(boxes, scale, image.size) for scale in SCALES])
        rises = np.concatenate([self._rises(vectors) for vectors in crops])
        both = self._rises(normalise(sum(crops, start=np.zeros_like(crops[0]))))
        there = _THERE[0] * both.max(axis=0) + _THERE[1] * both[0] + _THERE[2]
        asked = Candidates(
            np.concatenate([every.boxes, whole]), np.append(every.chances, every.chances.mean())
        )
        likely = _box_logits(asked, seen, rises, image.size)
        found = []
        for column, label in enumerate(self._labels):
            logits = likely[:, column]
            # The surest box is as sure as the label is there; the others less, by their odds.
            chances = _sigmoid(there[column]) * np.exp(logits - logits.max())
            for row, score in soft_nms(asked.boxes, chances, self._threshold, _MOST):
                found.append(Region(tuple(asked.boxes[row].tolist()), label, score))
        return sorted(found, key=lambda region: -region.score)

    def _rises(self, vectors: NDArray[np.float32]) -> Numbers:
        """float64[boxes, labels]"""
        crops = vectors.astype(np.float64)
        background = crops @ self._words.T
        middle = background.mean(axis=1, keepdims=True)
        count = min(max(_FEWEST_BEST, round(_BEST_SHARE * len(self._words))), len(self._words))
        best = np.partition(background, -count, axis=1)[:, -count:].mean(axis=1, keepdims=True)
        # A tower that gives the same for anything has no best words.
        rises: Numbers = (crops @ self._texts.T - middle) / np.maximum(best - middle, 1e-6)
        return rises


def soft_nms(boxes: Numbers, scores: Numbers, least: float, most: int) -> list[tuple[int, float]]:
    """(row, score), the surest first: each one chosen lessens those that overlap it."""
    left = scores.astype(np.float64)
    chosen: list[tuple[int, float]] = []
    while len(chosen) < min(most, len(boxes)):
        row = int(left.argmax())
        if left[row] < least:
            break
        chosen.append((row, float(left[row])))
        shares = overlaps(boxes[row : row + 1], boxes)[0]
        left *= np.where(shares > _OVERLAPPING, 1 - shares, 1)
        left[row] = -1.0
    return chosen


def overlaps(some: Numbers, others: Numbers) -> Numbers:
    """float64[n, m]: the common area of each two boxes, as a share of both together (IoU)."""
    low = np.maximum(some[:, np.newaxis, :2], others[np.newaxis, :, :2])
    high = np.minimum(some[:, np.newaxis, 2:], others[np.newaxis, :, 2:])
    common = np.maximum(high - low, 0).prod(axis=2)
    areas = [(boxes[:, 2:] - boxes[:, :2]).prod(axis=1) for boxes in (some, others)]
    shares: Numbers = common / (areas[0][:, np.newaxis] + areas[1] - common)
    return shares


def _box_logits(asked: Candidates, seen: Numbers, rises: Numbers, size: tuple[int, int]) -> Numbers:
    """float64[candidates, labels]: for each candidate, of what was seen in the crops."""
    cells = heat(cover(seen, *size), rises)
    inside = cover(asked.boxes, *size) @ cells
    spread = cells.std(axis=0) + 0.02
    hot = (inside - cells.mean(axis=0)) / spread
    near = np.exp((overlaps(asked.boxes, seen) - 1) / 0.12) + 1e-6
    own = near / near.sum(axis=1, keepdims=True) @ rises
    area = (asked.boxes[:, 2:] - asked.boxes[:, :2]).prod(axis=1) / (size[0] * size[1])
    large = np.log(area)[:, np.newaxis]
    objectness = np.log(asked.chances)[:, np.newaxis]
    lifted = (own - rises.mean(axis=0)) / spread
    parts = (inside, hot, large, large**2, objectness, lifted)
    logits: Numbers = sum(
        (weight * part for weight, part in zip(_BOX, parts, strict=True)), np.zeros_like(inside)
    )
    return logits


def _sigmoid(logit: float) -> float:
    return float(1 / (1 + np.exp(-np.clip(logit, -40, 40))))
