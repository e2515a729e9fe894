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

from photosearch.encode.preprocess import Preprocess


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
    preprocess: Preprocess

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
