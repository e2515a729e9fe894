"""preprocess.json → what an image tower is fed.

In: an upright RGB image. Out: uint8 pixels of the model's size (in the decode threads), then
normalised float32 batches (beside the model). Everything is driven by the bundle's file; its
fields are those of open_clip's preprocess configuration, and two that say in what the reference
implementations differ: `rgb` and `crop`. A worker that decodes photos (`pack`) needs no numpy,
whose import is half of such a process's start.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from photosearch.errors import BadBundle

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from PIL import Image

_INTERPOLATIONS = ("bicubic", "bilinear", "lanczos", "nearest")
_RESIZE_MODES = ("shortest", "squash", "longest")
_RGB = ("first", "last")
_CROPS = ("round", "floor")

# A centre crop needs but the middle of a strip; this is how large the rest may become on the way.
_MAX_SCALED_PIXELS = 50_000_000


@dataclass(frozen=True, slots=True)
class Preprocess:
    """How an image becomes a tower's input."""

    width: int
    height: int
    mean: tuple[float, float, float]
    std: tuple[float, float, float]
    interpolation: str = "bicubic"
    resize_mode: str = "shortest"  # then a centre crop; squash: no crop; longest: padded
    fill_color: int = 0
    # When an image of another mode becomes RGB: before the resizing (transformers) or after the
    # crop (OpenAI, open_clip). It matters for transparency, palettes, CMYK and 16 bits.
    rgb: str = "last"
    # Of an odd margin: torchvision's round() to even, or transformers' whole-number division.
    crop: str = "round"

    @classmethod
    def from_file(cls, path: Path) -> Preprocess:
        """Read a bundle's preprocess.json."""
        try:
            config = json.loads(path.read_text(encoding="utf-8"))
            return cls.from_config(config)
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise BadBundle(f"{path}: not a usable preprocessing file ({error})") from error

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Preprocess:
        size = config["size"]
        height, width = (size, size) if isinstance(size, int) else size
        fill = config.get("fill_color", 0)
        made = cls(
            width=int(width),
            height=int(height),
            mean=_three(config["mean"]),
            std=_three(config["std"]),
            interpolation=str(config.get("interpolation", "bicubic")),
            resize_mode=str(config.get("resize_mode", "shortest")),
            fill_color=int(fill[0] if isinstance(fill, list) else fill),
            rgb=str(config.get("rgb", "last")),
            crop=str(config.get("crop", "round")),
        )
        for name, value, allowed in (
            ("interpolation", made.interpolation, _INTERPOLATIONS),
            ("resize_mode", made.resize_mode, _RESIZE_MODES),
            ("rgb", made.rgb, _RGB),
            ("crop", made.crop, _CROPS),
        ):
            if value not in allowed:
                raise ValueError(f"unknown {name} {value!r}")
        if made.width < 1 or made.height < 1 or min(made.std) <= 0:
            raise ValueError("sizes and standard deviations must be positive")
        if str(config.get("mode", "RGB")) != "RGB":
            raise ValueError(f"unknown mode {config['mode']!r}")
        return made

    @property
    def need(self) -> int:
        """Pixels a side that a decoder has to provide."""
        return max(self.width, self.height)

    def as_config(self) -> dict[str, Any]:
        """What `from_config` reads."""
        return {
            "size": [self.height, self.width],
            "mode": "RGB",
            "mean": list(self.mean),
            "std": list(self.std),
            "interpolation": self.interpolation,
            "resize_mode": self.resize_mode,
            "fill_color": self.fill_color,
            "rgb": self.rgb,
            "crop": self.crop,
        }

    def resize(self, image: Image.Image) -> NDArray[np.uint8]:
        """An RGB image of any size to uint8[height, width, 3]."""
        import numpy as np

        return np.asarray(self._fit(image))

    def pack(self, image: Image.Image) -> tuple[tuple[int, ...], bytes]:
        """What `resize` gives as (shape, bytes)."""
        return (self.height, self.width, 3), self._fit(image).tobytes()

    def reference(self, image: Image.Image) -> NDArray[np.uint8]:
        """uint8[height, width, 3] as the model's reference implementation makes them.

        For an image as it was opened, of any mode. The difference to how photos are indexed:
        transparency is dropped, not laid on white; orientation and colour profile are ignored.
        """
        import numpy as np

        if self.rgb == "first" or self.resize_mode == "longest":
            image = image.convert("RGB")
        return np.asarray(self._fit(image).convert("RGB"))

    def _fit(self, image: Image.Image) -> Image.Image:
        """Scaled and cropped (or padded, which RGB images alone can be) to the model's size."""
        from PIL import Image  # not at the top: a text query needs no Pillow

        resample = Image.Resampling[self.interpolation.upper()]
        if self.resize_mode == "squash":
            return image.resize((self.width, self.height), resample)
        size = self._scaled_size(image.width, image.height)
        if size[0] * size[1] > _MAX_SCALED_PIXELS:
            image = _without_far_ends(image)
            size = self._scaled_size(image.width, image.height)
        scaled = image.resize(size, resample)
        left, top = self._offset(size[0] - self.width), self._offset(size[1] - self.height)
        if self.resize_mode == "shortest":
            return scaled.crop((left, top, left + self.width, top + self.height))
        canvas = Image.new("RGB", (self.width, self.height), (self.fill_color,) * 3)
        canvas.paste(scaled, (-left, -top))
        return canvas

    def _offset(self, margin: int) -> int:
        return margin // 2 if self.crop == "floor" else round(margin / 2)

    def _scaled_size(self, width: int, height: int) -> tuple[int, int]:
        """The size that covers the target (shortest) or fits into it (longest).

        The other side is cut to a whole number as torchvision's Resize does it, but never to
        zero: a 1 x 5000 picture is a photo, too.
        """
        is_narrow = width * self.height <= height * self.width
        if is_narrow == (self.resize_mode == "shortest"):
            return self.width, max(1, height * self.width // width)
        return max(1, width * self.height // height), self.height

    def feeds(self, pixels: NDArray[np.uint8]) -> list[NDArray[Any]]:
        """What an image tower is fed: [to_batch(pixels)]."""
        return [self.to_batch(pixels)]

    def to_batch(self, pixels: NDArray[np.uint8]) -> NDArray[np.float32]:
        """uint8[n, height, width, 3] to normalised float32[n, 3, height, width]."""
        import numpy as np

        # Each channel has but 256 values: a table gives them rounded once, not three times.
        values = np.arange(256) / 255
        batch = np.empty((len(pixels), 3, self.height, self.width), np.float32)
        for channel in range(3):
            table = ((values - self.mean[channel]) / self.std[channel]).astype(np.float32)
            np.take(table, pixels[..., channel], out=batch[:, channel], mode="clip")
        return batch

    def canonical(self) -> str:
        """The same text for the same preprocessing, for fingerprints."""
        return json.dumps(
            [
                [self.width, self.height],
                [round(value, 6) for value in (*self.mean, *self.std)],
                self.interpolation,
                self.resize_mode,
                self.fill_color if self.resize_mode == "longest" else 0,
                self.crop if self.resize_mode == "shortest" else "",
            ]
        )


def _without_far_ends(image: Image.Image) -> Image.Image:
    """Cut a strip to its middle, which is all that a centre crop leaves of it.

    Scaled as a whole, a 1 x 5000 picture would become 224 x 1,120,000 (750 MB) on the way.
    """
    width, height = image.size
    longest = min(width, height) * 20
    if max(width, height) <= longest:
        return image
    left, top = max(0, (width - longest) // 2), max(0, (height - longest) // 2)
    return image.crop((left, top, min(width, left + longest), min(height, top + longest)))


def _three(values: list[float]) -> tuple[float, float, float]:
    red, green, blue = (float(value) for value in values)
    return red, green, blue
