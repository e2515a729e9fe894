"""Towers as torch modules on a device: for GPUs, and to check exports against.

In: the parts of an Original. Out: a TorchImageTower, a TorchTextTower. On a GPU pixels travel as
bytes through pinned memory and are normalised there, in half precision; a batch that does not fit
is halved until it does.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from photosearch.encode.original import ImagePart, TextPart
from photosearch.encode.preprocess import Preprocess
from photosearch.encode.tokenize import Tokenizer
from photosearch.encode.towers import checked
from photosearch.errors import WrongUse

# Photos a call on a GPU to begin with: enough to keep it busy with ViT-B/32, 150 KB each.
GPU_BATCH = 256
CPU_BATCH = 16


def choose_device(wanted: str) -> torch.device:
    """The device of a name: auto, cpu, cuda, cuda:1, mps; raises WrongUse where it is not there."""
    if wanted == "auto":
        if torch.cuda.is_available():
            return torch.device("cuda")
        return torch.device("mps" if torch.backends.mps.is_available() else "cpu")
    kind, _, number = wanted.partition(":")
    there = {"cpu": 1, "cuda": torch.cuda.device_count(), "mps": int(_has_mps())}
    if kind not in there or (number and not number.isdecimal()):
        raise WrongUse(f"{wanted!r} is no device", hint="--device auto, cpu, cuda, cuda:1 or mps")
    if int(number or 0) >= there[kind]:
        found = ", ".join(name for name, count in there.items() if count)
        raise WrongUse(f"there is no device {wanted} here", hint=f"there is: {found}")
    return torch.device(wanted)


def _has_mps() -> bool:
    return bool(torch.backends.mps.is_available())


class TorchImageTower:
    """An image tower on a device: half precision on GPUs, float32 on a CPU."""

    def __init__(
        self,
        part: ImagePart,
        dim: int,
        device: torch.device,
        dtype: torch.dtype | None = None,
    ) -> None:
        self.key = part.key
        self.dim = dim
        self.preprocess = part.preprocess
        self.device = device
        self.dtype = dtype or (torch.float32 if device.type == "cpu" else torch.float16)
        self.batch_size = CPU_BATCH if device.type == "cpu" else GPU_BATCH
        # Convolutions of the ResNets run on tensor cores without a transposition this way; the
        # patch embedding of a transformer is a single one, and the rest is no image.
        module: Any = part.module  # torch's types do not know of memory formats
        self._module = module.to(device, self.dtype)
        if device.type == "cuda":
            self._module = self._module.to(memory_format=torch.channels_last)

    def encode(self, pixels: NDArray[np.uint8]) -> NDArray[np.float32]:
        """uint8[n, height, width, 3] in, float32[n, dim] out: L2-normalised, in the same order."""
        blocks: list[NDArray[np.float32]] = []
        start = 0
        while start < len(pixels):
            block = pixels[start : start + self.batch_size]
            try:
                blocks.append(self._encode(block))
                start += len(block)
            except torch.OutOfMemoryError as error:
                if len(block) == 1:
                    raise WrongUse(
                        f"the memory of {self.device} does not hold the model and one image",
                        hint="--device cpu",
                    ) from error
                self.batch_size = max(1, len(block) // 2)
                torch.cuda.empty_cache()
        if not blocks:
            return np.empty((0, self.dim), np.float32)
        return np.concatenate(blocks)

    def _encode(self, pixels: NDArray[np.uint8]) -> NDArray[np.float32]:
        with torch.inference_mode():
            features = self._module(*self._feeds(pixels))
            return checked(features.float().cpu().numpy(), self.dim)

    def _feeds(self, pixels: NDArray[np.uint8]) -> list[Tensor]:
        if self.device.type == "cpu" or not isinstance(self.preprocess, Preprocess):
            feeds = [torch.from_numpy(one) for one in self.preprocess.feeds(pixels)]
            return [self._moved(one) for one in feeds]
        # A quarter of the bytes of float32 cross the bus, and the copy does not wait for the GPU.
        raw = torch.from_numpy(np.ascontiguousarray(pixels))
        if self.device.type == "cuda":
            raw = raw.pin_memory()
        there = raw.to(self.device, non_blocking=True).permute(0, 3, 1, 2).float()
        mean = torch.tensor(self.preprocess.mean, device=self.device).view(1, 3, 1, 1)
        std = torch.tensor(self.preprocess.std, device=self.device).view(1, 3, 1, 1)
        return [((there / 255 - mean) / std).to(self.dtype)]

    def _moved(self, one: Tensor) -> Tensor:
        return one.to(self.device, self.dtype if one.is_floating_point() else None)


class TorchTextTower:
    """A text tower on the CPU or a device, in float32: a query is one short text."""

    def __init__(self, part: TextPart, dim: int, device: torch.device) -> None:
        self.key = part.key
        self.dim = dim
        self.device = device
        self._tokenizer = Tokenizer.from_text(part.tokenizer_json, part.rules)
        self._module = part.module.to(device)
        self._takes_mask = part.takes_mask

    def encode(self, texts: list[str]) -> NDArray[np.float32]:
        """float32[n, dim], L2-normalised; a row does not depend on the others."""
        if not texts:
            return np.empty((0, self.dim), np.float32)
        ids, mask = self._tokenizer(texts)
        feeds = [ids, mask] if self._takes_mask else [ids]
        with torch.inference_mode():
            features = self._module(*(torch.from_numpy(one).to(self.device) for one in feeds))
            return checked(features.float().cpu().numpy(), self.dim)


def forward(module: nn.Module) -> Callable[..., NDArray[np.float32]]:
    """A module as a function of arrays: for comparing it with its export."""

    def run(*feeds: NDArray[np.generic]) -> NDArray[np.float32]:
        with torch.inference_mode():
            features: Tensor = module(*(torch.from_numpy(one) for one in feeds))
        result: NDArray[np.float32] = features.float().numpy()
        return result

    return run
