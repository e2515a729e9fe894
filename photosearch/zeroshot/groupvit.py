"""GroupViT (arXiv:2202.11094): patches gather in groups, and groups are compared with texts.

In: an opened GroupViTModel, labels, an upright RGB image. Out: a mask a label. Knows nothing of
files and of regions.

As its authors evaluate it: the shorter side is scaled to twice what the model was trained with
(448), a pixel belongs to the group that takes part in it most, a group to the text it is nearest
to. They call background what no class is sure of, which needs classes for the rest of the world:
of a person's one or two labels each would take the whole picture. So a label competes with texts
for what surrounds things, and its share against those is how sure it is.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from torch.nn.functional import interpolate, normalize

from photosearch.zeroshot.feeds import Feeds

if TYPE_CHECKING:
    from PIL import Image
    from torch import Tensor

    from photosearch.zeroshot.published import Opened

_PROMPT = "a photo of "
_DETERMINERS = frozenset("a an the one two three some my your his her its our their this".split())
SURROUNDINGS = (
    "the sky", "clouds", "the ground", "grass", "trees", "water", "sand", "snow", "mountains",
    "rocks", "a road", "a building", "a wall", "a floor", "a ceiling", "an empty room",
)  # fmt: skip
_FINER = 2
# A longer picture is squeezed: attention grows with the square of what there is to see, and of
# 2.5 times the shorter side these are 1,960 patches.
_LONGEST = 2.5
_TOP_SCALE = 100.0  # the authors', for the factor of the cosines


class GroupVit:
    """Labels looked for in any number of pictures. A pixel is of one label, or of none."""

    # Among the surroundings' sixteen texts chance gives a label a share of 0.06. Cosines are
    # multiplied by about 100, so shares are mostly near 0 or 1; where they are not, the label is
    # the nearest of those that were asked for, and what it lies behind is a text of ours.
    threshold = 0.1

    def __init__(self, opened: Opened, labels: Sequence[str]) -> None:
        self._opened = opened
        self._model = opened.model
        self.feeds = Feeds(opened)
        vision = self._model.config.vision_config
        self._patch: int = vision.patch_size
        self.side: int = _FINER * vision.image_size
        self._scale = min(float(self._model.logit_scale.exp()), _TOP_SCALE)
        self._count = len(labels)
        around = [_PROMPT + one for one in SURROUNDINGS]
        self._texts = self.encode_texts([*map(prompt_of, labels), *around])
        # bool[labels, surroundings]: whether the one competes with the other
        self._rivals = np.array([rivals(label) for label in labels])

    def masks(
        self, image: Image.Image, size: tuple[int, int], threshold: float
    ) -> Iterator[tuple[int, NDArray[np.bool_], float]]:
        """(number of a label, mask of this width and height, mean share) of what is there.

        A pixel is of the label that is nearest, if that label's share is not below the threshold.
        """
        groups, attention = self.group(self.feeds.picture(image, self.size_for(image)))
        logits = (self._scale * (groups @ self._texts.T)).double().cpu().numpy()
        labels, rest = logits[:, : self._count], logits[:, self._count :]
        shares, nearest = _shares(labels, rest, self._rivals), labels.argmax(axis=1)
        width, height = size
        drawn = interpolate(attention, (height, width), mode="bilinear", align_corners=False)
        group_of = drawn[0].argmax(dim=0).cpu().numpy()
        area = np.bincount(group_of.ravel(), minlength=len(shares))
        for label in range(self._count):
            is_in = (nearest == label) & (shares[:, label] >= threshold) & (area > 0)
            if is_in.any():
                share = np.average(shares[is_in, label], weights=area[is_in])
                yield label, is_in[group_of], float(share)

    def segmentation_logits(self, pixels: Tensor, prompts: Sequence[str]) -> Tensor:
        """[1, prompts, height, width]: what GroupViTModel itself answers, which scales twice."""
        groups, attention = self.group(pixels)
        factor = float(self._model.logit_scale.exp())
        drawn = interpolate(attention, pixels.shape[2:], mode="bilinear", align_corners=False)
        logits: Tensor = factor**2 * (self.encode_texts(prompts) @ groups.T @ drawn.flatten(2))
        return logits.reshape(1, len(prompts), *drawn.shape[2:])

    def group(self, pixels: Tensor) -> tuple[Tensor, Tensor]:
        """A picture's groups: their unit vectors, and how far each takes part in each patch.

        [groups, dim] and [1, groups, rows, columns].
        """
        groups, attention = self._opened.asked(self._group, pixels)
        rows, columns = (side // self._patch for side in pixels.shape[2:])
        return groups, attention.reshape(1, -1, rows, columns)

    def _group(self, pixels: Any) -> tuple[Any, Any]:
        vision = self._model.vision_model
        # The model's own forward pass takes pictures of the size that it was trained with alone.
        patches = vision.embeddings(pixels, interpolate_pos_encoding=True)
        seen = vision.encoder(patches, output_attentions=True, return_dict=True)
        groups = self._model.visual_projection(vision.layernorm(seen.last_hidden_state)[0])
        attention = seen.attentions[
            0
        ]  # [1, groups, patches]; the groups are the next one's patches
        for stage in seen.attentions[1:]:
            attention = stage @ attention
        return normalize(groups, dim=-1), attention

    def encode_texts(self, prompts: Sequence[str]) -> Tensor:
        """Unit vectors, [prompts, dim]."""
        vectors: Tensor = self._opened.asked(self._encode, *self.feeds.texts(prompts))
        return vectors

    def _encode(self, ids: Any, mask: Any) -> Any:
        features = self._model.get_text_features(input_ids=ids, attention_mask=mask)
        return normalize(features.pooler_output, dim=-1)

    def size_for(self, image: Image.Image) -> tuple[int, int]:
        """What a picture is scaled to: whole patches, in its own shape unless that is very long."""
        shorter = min(image.size)
        width, height = (
            round(self.side * min(side / shorter, _LONGEST) / self._patch) * self._patch
            for side in image.size
        )
        return width, height


def prompt_of(label: str) -> str:
    """`cat`, `a cat` and `a photo of a cat` → `a photo of a cat`."""
    if label.lower().startswith(_PROMPT):
        return label
    has_own = label.split()[0].lower() in _DETERMINERS
    return _PROMPT + (label if has_own else f"a {label}")


def rivals(label: str) -> list[bool]:
    """Which surroundings compete with a label: all but those that it names itself."""
    named = _things(label)
    return [not named & _things(one) for one in SURROUNDINGS]


def _things(text: str) -> set[str]:
    """Words without articles, in the singular, more or less."""
    words = set(re.findall(r"\w+", text.lower())) - _DETERMINERS
    return {word.removesuffix("s") for word in words}


def _shares(
    labels: NDArray[np.float64], rest: NDArray[np.float64], rivals: NDArray[np.bool_]
) -> NDArray[np.float64]:
    """[groups, labels]: each label's softmax among its rivals and itself.

    Other labels take nothing from it: a cat is no less one where a kitten is asked for as well.
    """
    higher = np.where(rivals, rest[:, None, :], -np.inf) - labels[:, :, None]
    share: NDArray[np.float64] = 1 / (1 + np.exp(np.minimum(higher, 700)).sum(axis=2))
    return share
