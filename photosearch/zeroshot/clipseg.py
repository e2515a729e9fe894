"""CLIPSeg (arXiv:2112.10003): a decoder on CLIP that draws where a text is true, each by itself.

In: an opened CLIPSegForImageSegmentation, labels, an upright RGB image. Out: a mask a label. Knows
nothing of files and of regions.

The picture is squeezed into the square of its image processor (352), as published. Labels are given
as they were typed: it was trained with phrases.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from torch.nn.functional import interpolate

from photosearch.zeroshot.feeds import Feeds

if TYPE_CHECKING:
    from PIL import Image
    from torch import Tensor

    from photosearch.zeroshot.published import Opened

# Labels that are decoded at a time: the picture's activations are repeated for each.
_BATCH = 8


class ClipSeg:
    """Labels looked for in any number of pictures. A pixel may be of several labels."""

    threshold = 0.5  # a pixel is of a label when that is likelier than not

    def __init__(self, opened: Opened, labels: Sequence[str]) -> None:
        self._opened = opened
        self._model = opened.model
        self.feeds = Feeds(opened)
        self.side: int = self.feeds.side
        self._texts = self.encode_texts(labels)

    def masks(
        self, image: Image.Image, size: tuple[int, int], threshold: float
    ) -> Iterator[tuple[int, NDArray[np.bool_], float]]:
        """(number of a label, mask of this width and height, mean share) of what is there.

        A pixel's share is the sigmoid of its logit.
        """
        pixels = self.feeds.picture(image, (self.side, self.side))
        width, height = size
        for label, logits in enumerate(self.logits(pixels, self._texts)):
            shares = logits.sigmoid()[None, None]
            drawn = interpolate(shares, (height, width), mode="bilinear", align_corners=False)
            mask = drawn[0, 0] >= threshold
            if mask.any():
                yield label, mask.cpu().numpy(), float(drawn[0, 0][mask].mean())

    def logits(self, pixels: Tensor, texts: Tensor) -> Tensor:
        """[texts, side, side]. The picture is encoded once for all of them."""
        drawn: Tensor = self._opened.asked(self._draw, pixels, texts)
        return drawn

    def _draw(self, pixels: Any, texts: Any) -> Any:
        import torch

        seen = self._model.clip.get_image_features(
            pixel_values=pixels, interpolate_pos_encoding=True, output_hidden_states=True
        )
        # The first of the hidden states is what the first layer is given.
        layers = [seen.hidden_states[layer + 1] for layer in self._model.extract_layers]
        drawn = []
        for some in texts.split(_BATCH):
            repeated = tuple(layer.expand(len(some), -1, -1) for layer in layers)
            logits = self._model.decoder(repeated, some).logits
            drawn.append(logits.reshape(len(some), *logits.shape[-2:]))
        return torch.cat(drawn)

    def encode_texts(self, labels: Sequence[str]) -> Tensor:
        """[labels, dim], as the decoder takes them."""
        vectors: Tensor = self._opened.asked(self._encode, *self.feeds.texts(labels))
        return vectors

    def _encode(self, ids: Any, mask: Any) -> Any:
        return self._model.clip.get_text_features(input_ids=ids, attention_mask=mask).pooler_output
