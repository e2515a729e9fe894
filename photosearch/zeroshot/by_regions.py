"""Region classification in ViLD's way (arXiv:2104.13921): boxes that may hold anything, each
encoded by a CLIP image tower and compared with the labels and with a background.

In: labels, an Encoder. Out: a Locator.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from photosearch.encode.crops import encode_boxes
from photosearch.encode.proposals import propose
from photosearch.records import Region
from photosearch.zeroshot.classify import softmax
from photosearch.zeroshot.labels import texts_of

if TYPE_CHECKING:
    from PIL import Image

    from photosearch.encode.encoder import Encoder

_BUDGET = 60
_BACKGROUND = ("a photo", "background", "an empty wall", "the sky", "the ground")
_MOST = 5


class ByRegions:
    """Labels looked for in any number of photos."""

    def __init__(
        self, labels: Sequence[str], encoder: Encoder, threshold: float | None = None
    ) -> None:
        self.model = encoder.name
        self.need: int | None = 512
        self._labels = list(labels)
        self._threshold = 0.0 if threshold is None else threshold
        texts = [texts_of(label, (), encoder.language_of(label))[0] for label in labels]
        self._texts = encoder.encode_texts([*texts, *_BACKGROUND])
        self._scale = encoder.logit_scale
        self._tower = encoder.image

    def locate(self, image: Image.Image) -> list[Region]:
        boxes = propose(image, _BUDGET)
        vectors = encode_boxes(image, boxes, self._tower)
        shares = softmax(self._scale * (vectors @ self._texts.T).astype(np.float64))
        found = []
        for column, label in enumerate(self._labels):
            for row in np.argsort(-shares[:, column])[:_MOST]:
                score = float(shares[row, column])
                if score >= self._threshold:
                    found.append(Region(tuple(boxes[row].tolist()), label, score))
        return sorted(found, key=lambda region: -region.score)
