"""A perceptual hash: 64 bits that hardly change when a picture is scaled, compressed, brightened.

In: an upright picture. Out: 8 bytes, and how colourful the picture is. It is the widely used pHash:
the 8 x 8 lowest frequencies of the cosine transform of a 32 x 32 grey picture, each above the
median or not. Two hashes are alike where few bits differ; the bits of the package ImageHash are the
same ones. They are computed here by one product of matrices: the package would bring PyWavelets
and load scipy (0.4 s) for it.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from PIL import Image

# The name of this way to compute it: what is stored under another name is not compared with it.
KIND = "phash64-1"
# Pixels a side that are looked at, of which decoding keeps twice as many.
NEED = 64

_SIDE = 32
_LOW = 8
_WAVES = np.cos(np.pi * np.outer(np.arange(_LOW), 2 * np.arange(_SIDE) + 1) / (2 * _SIDE))


def perceptual_hash(image: Image.Image) -> bytes:
    """The 64 bits, row by row of the frequencies."""
    grey = image.convert("L").resize((_SIDE, _SIDE), Image.Resampling.LANCZOS)
    waves = _WAVES @ np.asarray(grey, np.float64) @ _WAVES.T
    # Rounded, so that a picture of one colour is not told apart by the last bits of the product.
    waves = waves.round(6)
    return np.packbits(waves > np.median(waves)).tobytes()


def colour_of(image: Image.Image) -> float:
    """Mean distance of the pixels from grey, 0..255; 1 or less is a grey picture."""
    small: NDArray[np.int16] = np.asarray(
        image.convert("RGB").resize((_SIDE, _SIDE), Image.Resampling.BOX), np.int16
    )
    return float((small.max(2) - small.min(2)).mean())
