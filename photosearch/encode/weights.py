"""Weight files → tensors by name, without running anything that a file says.

In: a .pt, .pth, .bin or .safetensors file. Out: {name: tensor}, or BadCheckpoint.
A pickle can name any function to be called. `torch.load(weights_only=True)` allows only what
tensors are made of; TorchScript archives it refuses, so their tensors are read here by an
unpickler that knows tensors, containers, and nothing else. Their code is neither run nor parsed.
"""

from __future__ import annotations

import io
import pickle
import zipfile
from collections import OrderedDict
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch

from photosearch.errors import BadCheckpoint, line_of

_STORAGES = {
    "DoubleStorage": torch.float64,
    "FloatStorage": torch.float32,
    "HalfStorage": torch.float16,
    "BFloat16Storage": torch.bfloat16,
    "LongStorage": torch.int64,
    "IntStorage": torch.int32,
    "ShortStorage": torch.int16,
    "CharStorage": torch.int8,
    "ByteStorage": torch.uint8,
    "BoolStorage": torch.bool,
}


def read_weights(path: Path) -> dict[str, torch.Tensor]:
    """All tensors of a weight file, on the CPU, in the precision that they were stored in."""
    try:
        if path.suffix == ".safetensors":
            from safetensors.torch import load_file

            return load_file(path)
        if is_torchscript(path):
            return _read_torchscript(path)
        loaded = torch.load(path, map_location="cpu", weights_only=True)
    except BadCheckpoint:
        raise
    except pickle.UnpicklingError as error:
        raise _other_kind(path) or BadCheckpoint(
            f"{path} holds more than tensors, and loading it would run code of its maker",
            hint="a .safetensors file of the same model",
        ) from error
    except Exception as error:  # zip, pickle and safetensors readers raise what they like
        raise unreadable(path, error) from error
    return _state_dict(loaded, path)


def unreadable(path: Path, error: Exception) -> BadCheckpoint:
    """What a file is that no reader takes, where its first bytes tell; else the reader's words."""
    if "not fully covered" in str(error):  # safetensors of a file that is shorter than it says
        return BadCheckpoint(f"{path} is cut off or damaged: its end is missing")
    return _other_kind(path) or BadCheckpoint(
        f"{path} cannot be read as a weight file: {line_of(error)}"
    )


def _other_kind(path: Path) -> BadCheckpoint | None:
    with path.open("rb") as file:
        head = file.read(512)
    if not head:
        return BadCheckpoint(f"{path} is empty")
    if head.startswith(b"version https://git-lfs"):
        return BadCheckpoint(
            f"{path} only points to the weights, which Git LFS keeps",
            hint="git lfs pull, in the folder that was cloned",
        )
    if head.lstrip()[:1] == b"<":
        return BadCheckpoint(f"{path} is a web page, not weights: it was not the file's own link")
    if all(byte in b"\t\n\r" or 32 <= byte < 127 for byte in head):
        return BadCheckpoint(f"{path} is text, not weights")
    if head.startswith(b"PK\x03\x04") and not zipfile.is_zipfile(path):  # its index comes last
        return BadCheckpoint(f"{path} is cut off or damaged: its end is missing")
    return None


def is_torchscript(path: Path) -> bool:
    """Whether a file is a TorchScript archive: a zip with `constants.pkl` and code."""
    if not zipfile.is_zipfile(path):
        return False
    with zipfile.ZipFile(path) as archive:
        names = archive.namelist()
    return any(name.endswith("/constants.pkl") for name in names)


def _state_dict(loaded: Any, path: Path) -> dict[str, torch.Tensor]:
    """The state dict in what was loaded: itself, or an entry of a training checkpoint."""
    for entry in ("state_dict", "model_state_dict", "model"):
        if isinstance(loaded, dict) and isinstance(loaded.get(entry), dict):
            loaded = loaded[entry]
            break
    if not isinstance(loaded, dict):
        raise BadCheckpoint(f"{path} holds a {type(loaded).__name__}, not a state dict")
    tensors = {str(name): one for name, one in loaded.items() if isinstance(one, torch.Tensor)}
    if not tensors:
        raise BadCheckpoint(f"{path} holds no tensors by name")
    if all(name.startswith("module.") for name in tensors):  # as data-parallel training saves it
        tensors = {name.removeprefix("module."): one for name, one in tensors.items()}
    return tensors


class _Node:
    """Stands for any object of a TorchScript module: attributes, no behaviour."""

    def __setstate__(self, state: Any) -> None:
        if isinstance(state, dict):
            self.__dict__.update(state)


def _read_torchscript(path: Path) -> dict[str, torch.Tensor]:
    with zipfile.ZipFile(path) as archive:
        pickled = next(name for name in archive.namelist() if name.endswith("/data.pkl"))
        reader = _TensorUnpickler(archive, pickled.removesuffix("data.pkl"))
        root = reader.load()
    return dict(_tensors(root, ""))


def _tensors(node: Any, prefix: str) -> Iterator[tuple[str, torch.Tensor]]:
    for name, value in vars(node).items():
        if isinstance(value, torch.Tensor):
            yield prefix + name, value
        elif isinstance(value, _Node):
            yield from _tensors(value, f"{prefix}{name}.")


class _TensorUnpickler(pickle.Unpickler):
    """Reads `data.pkl` of a TorchScript archive: tensors, containers and inert objects."""

    def __init__(self, archive: zipfile.ZipFile, folder: str) -> None:
        super().__init__(io.BytesIO(archive.read(f"{folder}data.pkl")))
        self._archive = archive
        self._folder = folder
        self._storages: dict[str, torch.Tensor] = {}

    def find_class(self, module: str, name: str) -> Any:
        if module.startswith("__torch__"):
            return _Node
        if (module, name) == ("collections", "OrderedDict"):
            return OrderedDict
        if (module, name) == ("torch._utils", "_rebuild_tensor_v2"):
            return _rebuild
        if module == "torch" and name in _STORAGES:
            return _STORAGES[name]
        if module == "torch.jit._pickle" and name.startswith("build_"):
            return list  # lists of numbers and of tensors
        raise pickle.UnpicklingError(f"{module}.{name}")

    def persistent_load(self, reference: Any) -> torch.Tensor:
        kind, dtype, key, _device, count = reference
        if kind != "storage" or not isinstance(dtype, torch.dtype):
            raise BadCheckpoint("the archive refers to something that is no tensor")
        if key not in self._storages:
            data = bytearray(self._archive.read(f"{self._folder}data/{key}"))
            if len(data) != count * dtype.itemsize:
                raise BadCheckpoint(f"the archive's tensor data {key} has not the size it names")
            self._storages[key] = (
                torch.frombuffer(data, dtype=dtype) if data else torch.empty(0, dtype=dtype)
            )
        return self._storages[key]


def _rebuild(storage: torch.Tensor, offset: int, size: Any, stride: Any, *_: Any) -> torch.Tensor:
    """A view of a storage. Rows may overlap: strides are honoured, and checked by torch."""
    return torch.as_strided(storage, tuple(size), tuple(stride), offset)
