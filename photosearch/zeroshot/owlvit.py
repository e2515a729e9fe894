"""Open-vocabulary detection by OWL-ViT (arXiv:2205.06230) and OWLv2 (arXiv:2306.09683).

In: labels, a model's name or path. Out: a Locator. Each label is a text query as it stands; every
patch of the picture offers one box, which goes to the query that it resembles most.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from photosearch.records import Region
from photosearch.zeroshot.boxes import corners_of, regions_of
from photosearch.zeroshot.classify import sigmoid
from photosearch.zeroshot.feeds import Feeds
from photosearch.zeroshot.published import open_published

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from PIL import Image

CLASSES = {"owlvit": "OwlViTForObjectDetection", "owlv2": "Owlv2ForObjectDetection"}
BY = "owlvit"
# As published. Labels are asked for as they were typed: of the two cats that both published
# examples show, the right one scores 0.287 as "cat" (transformers' pipeline) and 0.707 as "a photo
# of a cat" (model card); so a template would make two scales of scores out of one.
THRESHOLD = 0.1


class OwlVit:
    """Labels looked for in any number of photos."""

    def __init__(
        self,
        labels: Sequence[str],
        model: str | None = None,
        threshold: float | None = None,
        *,
        device: str = "auto",
    ) -> None:
        self._opened = open_published(model, CLASSES, BY, device=device)
        self.model = self._opened.name
        # A decoder keeps at least twice as many pixels a side, so pictures up to 12 MP are resized
        # once, from the original, as the references do it, and 108 MP cost no more than these.
        # OWLv2 smooths them in floats: of a 12 MP photo that takes 2.7 s and 0.8 GB, and of one
        # that is reduced to half as many pixels a side 0.5 s.
        side: int = self._opened.model.config.vision_config.image_size
        self.need: int | None = side // 2 if self._opened.kind == "owlv2" else side
        self._labels = list(labels)
        self._threshold = THRESHOLD if threshold is None else threshold
        self._feeds = Feeds(self._opened)
        # float32[1, labels, dim], on the model's device
        self._queries = self._opened.asked(self._embed, *self._feeds.texts(self._labels))

    def locate(self, image: Image.Image) -> list[Region]:
        """Of each patch's box the best label, where that is over the threshold.

        Nothing is suppressed: in training each object had one box, and the references suppress
        nothing either.
        """
        logits, boxes = self.predict(image)
        labels = [self._labels[best] for best in logits.argmax(axis=1)]
        scores = sigmoid(logits.max(axis=1).astype(np.float64))
        wide, high = image.size
        if self._opened.kind == "owlv2":
            # It fills a picture up to a square, below or at the right; boxes are parts of that.
            wide = high = max(wide, high)
        return regions_of(corners_of(boxes, wide, high), labels, scores, self._threshold)

    def predict(self, image: Image.Image) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """float32[patches, labels] of logits, float32[patches, 4] of boxes (see corners_of)."""
        logits, boxes = self._opened.asked(self._detect, self._feeds.picture(image))
        return logits[0].float().cpu().numpy(), boxes[0].float().cpu().numpy()

    def _detect(self, pixels: Any) -> tuple[Any, Any]:
        """The model's forward pass, but for the texts, which were encoded before."""
        model = self._opened.model
        grid, _ = model.image_embedder(pixel_values=pixels)
        patches = grid.flatten(1, 2)
        logits, _ = model.class_predictor(patches, self._queries)
        return logits, model.box_predictor(patches, grid)

    def _embed(self, ids: Any, mask: Any) -> Any:
        towers = getattr(self._opened.model, self._opened.kind)  # .owlvit or .owlv2
        pooled = towers.text_model(input_ids=ids, attention_mask=mask).pooler_output
        vectors = towers.text_projection(pooled)
        return (vectors / vectors.norm(dim=-1, keepdim=True))[None]
