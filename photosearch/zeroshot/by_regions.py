"""Region classification in ViLD's way (arXiv:2104.13921): boxes that may hold anything, each
encoded by a CLIP image tower and compared with the labels and with a background.

In: labels, an Encoder. Out: a Locator.

Two things are not as in ViLD, by measurement (docs/design.md): each box is cut out once and not at
two scales, more boxes do more for the same time; and the answer is not the best crop, which mostly
is a part of the thing, but the box that the likely ones agree on (ranking.py).

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

from photosearch.encode.crops import encode_boxes
from photosearch.encode.proposals import Candidates, candidates, windows
from photosearch.encode.taught import as_taught
from photosearch.records import Region
from photosearch.zeroshot.labels import texts_of
from photosearch.zeroshot.ranking import WEIGHTS, choose, features

if TYPE_CHECKING:
    from PIL import Image

    from photosearch.encode.encoder import Encoder

Numbers = NDArray[np.float64]

_BUDGET = 75  # boxes that are encoded, besides the whole picture and 54 windows
_MOST = 5  # regions a label

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

# Logistic regression: is the label anywhere, by the mean of the four greatest rises of a crop and
# by that of the whole picture? Absent labels count as much as present ones. Fitted with `mini` on
# one half of 251 COCO photos, as WEIGHTS are: scripts/benchmarks/fit_regions.py
_MEAN_OF = 4
_THERE = (2.52, 1.44, -2.6)
# Of labels that are there 92 % pass, of those that are not 42 % (on the half that was fitted on;
# the other half: 92 and 43). With 0.2 that is 94 and 51 %, with 0.3 89 and 36 %, with 0.5 80 and
# 17 %. The pointing game, where no answer is a wrong one, loses nothing to 0.2; at 0.3 and 0.5 it
# loses 4 and 8 points.
_THRESHOLD = 0.25


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
        self._texts = encoder.encode_texts(as_taught(texts, encoder)).astype(np.float64)
        if words is None:
            words = encoder.encode_texts(list(_WORDS))
        self._words = np.asarray(words, np.float64)
        self._tower = encoder.image

    def locate(self, image: Image.Image) -> list[Region]:
        asked, likely, there = self.looked(image)
        found = []
        for column, label in enumerate(self._labels):
            # The surest box is as sure as the label is there; the others less, by their odds.
            sure = _sigmoid(float(there[column] @ _THERE[:-1]) + _THERE[-1])
            if sure < self._threshold:
                continue
            for row, share in choose(asked.boxes, likely[:, column] @ WEIGHTS, _MOST):
                if sure * share >= self._threshold:
                    found.append(Region(tuple(asked.boxes[row].tolist()), label, sure * share))
        return sorted(found, key=lambda region: -region.score)

    def looked(self, image: Image.Image) -> tuple[Candidates, Numbers, Numbers]:
        """The boxes to choose from; what is known of each for each label; and of each label."""
        every = candidates(image)
        whole = np.array([[0.0, 0.0, image.width, image.height]])
        boxes = np.concatenate([whole, every.best(_BUDGET), windows(*image.size)])
        rises = self.rises(encode_boxes(image, boxes, self._tower))
        asked = Candidates(
            np.concatenate([every.boxes, whole]), np.append(every.chances, every.chances.mean())
        )
        likely = features(asked.boxes, asked.chances, boxes, rises, image.size)
        greatest = np.sort(rises, axis=0)[-_MEAN_OF:].mean(axis=0)
        return asked, likely, np.stack([greatest, rises[0]], axis=1)

    def rises(self, vectors: NDArray[np.float32]) -> Numbers:
        """float64[crops, labels] of the crops' vectors."""
        crops = vectors.astype(np.float64)
        background = crops @ self._words.T
        middle = background.mean(axis=1, keepdims=True)
        count = min(max(_FEWEST_BEST, round(_BEST_SHARE * len(self._words))), len(self._words))
        best = np.partition(background, -count, axis=1)[:, -count:].mean(axis=1, keepdims=True)
        # A tower that gives the same for anything has no best words.
        rises: Numbers = (crops @ self._texts.T - middle) / np.maximum(best - middle, 1e-6)
        return rises


def _sigmoid(logit: float) -> float:
    return float(1 / (1 + np.exp(-np.clip(logit, -40, 40))))
