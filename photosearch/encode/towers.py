"""The seam between photosearch and any CLIP-family model.

An image tower and the text towers made for it share one space. A vector's meaning is the image
tower's `key`: vectors of two keys never meet, while any text tower of that space may query it, so
a new query language is no new index.
"""

from __future__ import annotations

from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from photosearch.encode.preprocess import Preprocess


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
