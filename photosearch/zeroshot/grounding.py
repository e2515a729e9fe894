"""Phrase grounding, the task of GLIP (arXiv:2112.03857), by Grounding DINO (arXiv:2303.05499).

In: a free sentence or phrases, a model's name or path. Out: a Locator that gives boxes for each
phrase. The model reads the sentence whole and says of each box how well it fits each token.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from photosearch.errors import WrongUse
from photosearch.records import Region
from photosearch.zeroshot.boxes import corners_of, regions_of
from photosearch.zeroshot.classify import sigmoid
from photosearch.zeroshot.labels import check_labels
from photosearch.zeroshot.phrases import Phrases, given_phrases, phrases_of
from photosearch.zeroshot.published import open_published

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from PIL import Image

CLASSES = {"grounding-dino": "GroundingDinoForObjectDetection"}
BY = "grounding"
THRESHOLD = 0.25  # of boxes and of tokens: as published
_EXAMPLE = '--what "a man in a red shirt holds two dogs", or "a man. two dogs."'


class Grounding:
    """The things that a sentence names, looked for in any number of photos."""

    def __init__(
        self,
        what: str | Sequence[str],
        model: str | None = None,
        threshold: float | None = None,
        *,
        device: str = "auto",
    ) -> None:
        phrases = read_phrases(what)
        self._opened = open_published(model, CLASSES, BY, device=device)
        self.model = self._opened.name
        self._threshold = THRESHOLD if threshold is None else threshold
        self._text_threshold = min(THRESHOLD, self._threshold)
        self._processor = self._opened.image_processor()
        # As in owlvit.py: pictures of the usual sizes are resized once, larger ones cost no more.
        self.need: int | None = int(self._processor.size["shortest_edge"] or 800)
        self._labels = phrases.labels
        self._feeds, self._tokens, self._others = self._encode(phrases)

    def locate(self, image: Image.Image) -> list[Region]:
        """Of each of the model's boxes the best phrase, where both are over their thresholds.

        As in the reference a box's score is that of its best token, be it a full stop or the end
        of the text; but words of no phrase ("holds") do not count, and a box that fits no phrase
        is left out.
        """
        logits, boxes = self.predict(image)
        chances = sigmoid(logits.astype(np.float64))
        chances[:, self._others] = 0
        scores = chances.max(axis=1)
        by_phrase = np.stack([chances[:, tokens].max(axis=1) for tokens in self._tokens], axis=1)
        scores[by_phrase.max(axis=1) <= self._text_threshold] = 0
        labels = [self._labels[best] for best in by_phrase.argmax(axis=1)]
        return regions_of(corners_of(boxes, *image.size), labels, scores, self._threshold)

    def predict(self, image: Image.Image) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """float32[queries, tokens] of logits, float32[queries, 4] of boxes (see corners_of)."""
        pixels = self._processor(images=image, return_tensors="pt")
        found = self._opened.run(
            pixel_values=pixels["pixel_values"], pixel_mask=pixels["pixel_mask"], **self._feeds
        )
        return found.logits[0].float().cpu().numpy(), found.pred_boxes[0].float().cpu().numpy()

    def _encode(self, phrases: Phrases) -> tuple[dict[str, Any], list[list[int]], list[int]]:
        """The text as tensors; the tokens of each phrase, and those of words in none."""
        tokenizer = self._opened.tokenizer()
        read = tokenizer(
            phrases.text,
            return_tensors="pt",
            return_token_type_ids=True,
            return_offsets_mapping=True,
        )
        ids, offsets = read["input_ids"][0].tolist(), read.pop("offset_mapping")[0].tolist()
        most = int(self._opened.model.config.max_text_len)
        if len(ids) > most:
            raise WrongUse(
                f"--what takes {len(ids)} tokens, and {self.model} reads {most}",
                hint="a shorter sentence, or several runs",
            )
        for number, (start, end) in enumerate(offsets):
            if ids[number] == tokenizer.unk_token_id and start < end:
                raise WrongUse(
                    f"{self.model} cannot read {phrases.text[start:end]!r}: its vocabulary is that "
                    "of another language",
                    hint="English, or --by regions with a model that knows the language",
                )
        tokens = [
            [
                number
                for number, (first, last) in enumerate(offsets)
                if max(start, first) < min(end, last)
            ]
            for start, end in phrases.spans
        ]
        inside = {number for one in tokens for number in one}
        others = [
            number
            for number, (first, last) in enumerate(offsets)
            if number not in inside and any(map(str.isalnum, phrases.text[first:last]))
        ]
        return dict(read), tokens, others


def read_phrases(what: str | Sequence[str]) -> Phrases:
    """The phrases of a sentence; of a list, each of its texts as it is."""
    if not isinstance(what, str):
        return given_phrases(check_labels(what, "--what"))
    phrases = phrases_of(what)
    if not phrases.spans:
        raise WrongUse(f"--what {what!r} names no thing to look for", hint=_EXAMPLE)
    return phrases
