"""What a model with a text tower of CLIP's kind is fed: tensors made of texts and of pictures.

In: an Opened model. Out: what its own tokenizer and image processor make. Knows nothing of what the
tensors are for.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from photosearch.errors import WrongUse

if TYPE_CHECKING:
    from PIL import Image

    from photosearch.zeroshot.published import Opened

_CHINESE = re.compile("[\u3400-\u9fff]")

logger = logging.getLogger("photosearch")


class Feeds:
    """The tokenizer and the image processor of a model, each read once."""

    def __init__(self, opened: Opened) -> None:
        self._name = opened.name
        self._tokenizer = opened.tokenizer()
        self._processor = opened.image_processor()
        self._context: int = opened.model.config.text_config.max_position_embeddings

    def texts(self, prompts: Sequence[str]) -> tuple[Any, Any]:
        """Ids and mask, [prompts, tokens] each. Raises WrongUse for a text that is too long."""
        ids = self._tokenizer(list(prompts))["input_ids"]
        for prompt, one in zip(prompts, ids, strict=True):
            if len(one) > self._context:
                raise WrongUse(
                    f"{prompt!r} takes {len(one)} tokens, and {self._name} reads {self._context}",
                    hint="fewer words: a label names a thing, such as a red bicycle",
                )
        if any(map(_CHINESE.search, prompts)):
            logger.warning("%s was trained on English; it finds little by Chinese", self._name)
        padded = self._tokenizer(list(prompts), padding=True, return_tensors="pt")
        return padded["input_ids"], padded["attention_mask"]

    def picture(self, image: Image.Image, size: tuple[int, int] | None = None) -> Any:
        """[1, 3, height, width]: the whole picture scaled to (width, height).

        size: None does what the processor's own configuration says, which may crop the picture.
        """
        options: dict[str, Any] = {}
        if size is not None:
            width, height = size
            options = {
                "do_resize": True,
                "size": {"height": height, "width": width},
                "do_center_crop": False,
            }
        return self._processor(images=image, return_tensors="pt", **options)["pixel_values"]

    @property
    def side(self) -> int:
        """The longest side of what the processor makes of a picture by itself."""
        size = self._processor.size
        return max(
            int(side) for name in ("height", "width", "shortest_edge") if (side := size.get(name))
        )
