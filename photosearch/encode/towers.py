"""The seam between photosearch and any CLIP-family model.

An image tower and the text towers made for it share one space. A vector's meaning is the image
tower's `key`: vectors of two keys never meet, while any text tower of that space may query it, so
a new query language is no new index.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from photosearch.encode.patches import PatchPreprocess
from photosearch.encode.preprocess import Preprocess
from photosearch.errors import BadBundle


@dataclass(frozen=True, slots=True)
class Scoring:
    """How a model turns cosines into scores of labels.

    scale: what a cosine is multiplied with, already out of its logarithm. bias: added to that, for
    models trained with a sigmoid loss (SigLIP, arXiv:2303.15343); None for softmax (CLIP).
    """

    scale: float
    bias: float | None = None

    @property
    def is_sigmoid(self) -> bool:
        return self.bias is not None


class ImageTower(Protocol):
    """Images → unit vectors."""

    key: str  # fingerprint of weights and preprocessing
    dim: int
    preprocess: Preprocess | PatchPreprocess
    batch_size: int  # images a call that suit it

    def encode(self, pixels: NDArray[np.uint8]) -> NDArray[np.float32]:
        """uint8[n, height, width, 3] in, float32[n, dim] out: L2-normalised, in the same order."""
        ...


class TextTower(Protocol):
    """Texts → unit vectors in the space of an image tower."""

    key: str  # fingerprint of weights and tokenizer
    dim: int

    def encode(self, texts: list[str]) -> NDArray[np.float32]:
        """float32[n, dim], L2-normalised; a row does not depend on the others."""
        ...


def normalise(vectors: NDArray[np.float32]) -> NDArray[np.float32]:
    """Rows scaled to unit length; a zero row stays zero."""
    lengths = np.linalg.norm(vectors, axis=-1, keepdims=True)
    unit: NDArray[np.float32] = vectors / np.maximum(lengths, np.float32(1e-12))
    return unit.astype(np.float32, copy=False)


def checked(features: NDArray[np.float32], dim: int) -> NDArray[np.float32]:
    """A model's features as unit vectors; refuses what is of another shape, or no number."""
    if features.ndim != 2 or features.shape[1] != dim:
        raise BadBundle(f"the model gives arrays of shape {features.shape}, not [n, {dim}]")
    if not np.isfinite(features).all():
        raise BadBundle("the model gives values that are no numbers")
    return normalise(features.astype(np.float32, copy=False))
