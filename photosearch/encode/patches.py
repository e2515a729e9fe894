"""preprocess.json of a model that takes pictures at their own proportions, as a row of patches.

In: an upright RGB image. Out: uint8 patches (in the decode threads), then what the tower is fed.
Such models (SigLIP 2 NaFlex, arXiv:2502.14786) scale a picture so that at most `max_patches`
squares cover it, whatever its shape, and scale their position embeddings to the same grid.
"""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from photosearch.encode.preprocess import Preprocess
from photosearch.errors import BadBundle

if TYPE_CHECKING:
    from PIL import Image

_PRECISION = 1e-5  # of the scale, as the reference searches for it
_LARGEST_SCALE = 100.0


@dataclass(frozen=True, slots=True)
class PatchPreprocess:
    """How an image becomes patches. What `resize` gives has a first row for the grid's size."""

    patch: int  # pixels a side
    max_patches: int
    grid: int  # positions a side that the tower was trained with
    mean: tuple[float, float, float]
    std: tuple[float, float, float]
    interpolation: str = "bilinear"

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> PatchPreprocess:
        made = cls(
            patch=int(config["patch"]),
            max_patches=int(config["max_patches"]),
            grid=int(config["grid"]),
            mean=tuple(float(value) for value in config["mean"]),  # type: ignore[arg-type]
            std=tuple(float(value) for value in config["std"]),  # type: ignore[arg-type]
            interpolation=str(config.get("interpolation", "bilinear")),
        )
        if len(made.mean) != 3 or len(made.std) != 3 or min(made.std) <= 0:
            raise ValueError("mean and std must be three numbers, std positive")
        if min(made.patch, made.max_patches, made.grid) < 1 or made.patch < 2:
            raise ValueError("patch, max_patches and grid must be positive")
        return made

    def as_config(self) -> dict[str, Any]:
        """What `from_config` reads."""
        return {
            "patch": self.patch,
            "max_patches": self.max_patches,
            "grid": self.grid,
            "mean": list(self.mean),
            "std": list(self.std),
            "interpolation": self.interpolation,
        }

    @property
    def need(self) -> int:
        """Pixels a side that a decoder has to provide, for a square picture."""
        return self.patch * math.isqrt(self.max_patches)

    def resize(self, image: Image.Image) -> NDArray[np.uint8]:
        """An RGB image of any size to uint8[1 + max_patches, patch * patch * 3].

        Row 0 holds the grid's rows and columns, two bytes each; then the patches from the top
        left, each as rows of RGB; unused rows are zero.
        """
        from PIL import Image  # not at the top: a text query needs no Pillow

        rows, columns = self.grid_of(image.width, image.height)
        size = (columns * self.patch, rows * self.patch)
        pixels = np.asarray(image.resize(size, Image.Resampling[self.interpolation.upper()]))
        split = pixels.reshape(rows, self.patch, columns, self.patch, 3)
        packed = np.zeros((1 + self.max_patches, self.patch * self.patch * 3), np.uint8)
        packed[0, :4] = np.frombuffer(np.array([rows, columns], "<u2").tobytes(), np.uint8)
        packed[1 : 1 + rows * columns] = split.transpose(0, 2, 1, 3, 4).reshape(rows * columns, -1)
        return packed

    def pack(self, image: Image.Image) -> tuple[tuple[int, ...], bytes]:
        """What `resize` gives as (shape, bytes)."""
        packed = self.resize(image)
        return packed.shape, packed.tobytes()

    def reference(self, image: Image.Image) -> NDArray[np.uint8]:
        """`resize` for an image as it was opened, of any mode."""
        return self.resize(image.convert("RGB"))

    def grid_of(self, width: int, height: int) -> tuple[int, int]:
        """(rows, columns) of the finest grid of at most max_patches: a binary search."""

        def grid(scale: float) -> tuple[int, int]:
            return (
                max(1, math.ceil(height * scale / self.patch)),
                max(1, math.ceil(width * scale / self.patch)),
            )

        low, high = _PRECISION / 10, _LARGEST_SCALE
        while high - low >= _PRECISION:
            middle = (low + high) / 2
            low, high = (
                (middle, high) if math.prod(grid(middle)) <= self.max_patches else (low, middle)
            )
        rows, columns = grid(low)
        # A strip of thousands to one has no scale that is small enough.
        return min(rows, self.max_patches), min(columns, self.max_patches // min(rows, columns))

    def feeds(self, pixels: NDArray[np.uint8]) -> list[NDArray[Any]]:
        """What an image tower is fed for uint8[n, 1 + max_patches, d].

        Normalised patches float32[n, max_patches, d]; which of them are used,
        int64[n, max_patches]; and float32[n, max_patches, grid * grid]: how much of each trained
        position embedding goes into the position of each patch.
        """
        values = pixels[:, 1:].astype(np.float32) / np.float32(255)
        colours = values.reshape(*values.shape[:2], -1, 3)
        mean, std = np.array(self.mean, np.float32), np.array(self.std, np.float32)
        normalised = (colours - mean) / std
        patches = normalised.reshape(values.shape)
        used = np.zeros((len(pixels), self.max_patches), np.int64)
        weights = np.zeros((len(pixels), self.max_patches, self.grid**2), np.float32)
        for number, packed in enumerate(pixels):
            rows, columns = np.frombuffer(packed[0, :4].tobytes(), "<u2").tolist()
            used[number, : rows * columns] = 1
            down, across = _shares(self.grid, rows), _shares(self.grid, columns)
            weights[number, : rows * columns] = np.kron(down, across)
        patches[used == 0] = 0
        return [patches, used, weights]

    def canonical(self) -> str:
        """The same text for the same preprocessing, for fingerprints."""
        return json.dumps(
            [
                [self.patch, self.max_patches, self.grid],
                [round(value, 6) for value in (*self.mean, *self.std)],
                self.interpolation,
            ]
        )


def _shares(count: int, wanted: int) -> NDArray[np.float64]:
    """float64[wanted, count]: linear interpolation with antialiasing, as Pillow and torch do it."""
    scale = count / wanted
    reach = max(scale, 1.0)
    centres = (np.arange(wanted) + 0.5) * scale
    distance = np.abs(np.arange(count) + 0.5 - centres[:, None]) / reach
    shares = np.maximum(0.0, 1.0 - distance)
    unit: NDArray[np.float64] = shares / shares.sum(axis=1, keepdims=True)
    return unit


def read_preprocess(path: Path) -> Preprocess | PatchPreprocess:
    """Read a bundle's preprocess.json, of either kind."""
    try:
        config = json.loads(path.read_text(encoding="utf-8"))
        if "patch" in config:
            return PatchPreprocess.from_config(config)
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise BadBundle(f"{path}: not a usable preprocessing file ({error})") from error
    return Preprocess.from_file(path)
