"""A model's name or path → Encoder.

In: what the user typed after --model. Out: an Encoder, its towers opened when first used.

    mini                       built in
    ViT-B/32                   one of OpenAI's nine, downloaded when it is first named
    hf:ORG/NAME[@REVISION]     a repository of the Hugging Face hub
    ms:ORG/NAME                one of ModelScope, through its own client
    PATH                       a bundle, or a checkpoint as it was published
    IMAGE_MODEL+TEXT_MODEL     the towers of two models made for the same space
    NAME:int8                  the same with weights of 8 bits, for CPUs
    auto                       the recommended one if it is here, else mini

A published checkpoint becomes a bundle once; the bundle stays in the models folder.
"""

from __future__ import annotations

import logging
import os
import re
from pathlib import Path
from typing import TYPE_CHECKING

from photosearch.encode.bundle import Bundle
from photosearch.encode.encoder import BundleEncoder, Encoder, PairEncoder, TorchEncoder
from photosearch.encode.find import Source, find_source, has_torch, is_here, need_torch
from photosearch.encode.known import RECOMMENDED
from photosearch.encode.shelf import Shelf
from photosearch.errors import UnknownModel, WrongUse

if TYPE_CHECKING:
    from photosearch.encode.on_torch import TorchImageTower

logger = logging.getLogger("photosearch")

DEFAULT_MODEL = "mini"
AUTO = "auto"
INT8 = ":int8"
RUNTIMES = ("auto", "onnx", "torch")


def open_encoder(name: str, *, device: str = "auto", runtime: str = "auto") -> Encoder:
    """The model of a name or path.

    device: auto, cpu, cuda, cuda:1, mps. runtime: "onnx" for the bundle (made first where there
    is none), "torch" for the checkpoint itself, "auto" for the bundle, and torch on a GPU where
    many images are to be encoded. Raises UnknownModel, BadCheckpoint, BadBundle, DownloadFailed,
    MissingExtra.
    """
    if runtime not in RUNTIMES:
        raise WrongUse(f"{runtime!r} is no runtime", hint=f"one of: {', '.join(RUNTIMES)}")
    if not re.fullmatch(r"auto|cpu|mps|cuda(:\d+)?", device):
        raise WrongUse(f"{device!r} is no device", hint="--device auto, cpu, cuda, cuda:1 or mps")
    if name.removesuffix(INT8) == AUTO:
        name = name.replace(AUTO, choose_model(), 1)
    pair = _split_pair(name)
    if pair is not None:
        image, text = (open_encoder(one, device=device, runtime=runtime) for one in pair)
        return PairEncoder(image, text)
    if name.endswith(INT8):
        return _open_int8(name)
    source = find_source(name)
    if runtime == "torch":
        if source.original is None:
            raise WrongUse(f"{name} is a bundle: it has no form that torch runs")
        return TorchEncoder(source.name, source.original.read(), device)
    bundle = source.bundle()
    return BundleEncoder(source.name, bundle, lambda: _on_gpu(source, bundle, device))


def load_model(
    name: str | os.PathLike[str], device: str = "auto", runtime: str = "auto"
) -> Encoder:
    """A model of a known name, or at a path: images and texts → vectors of one space.

    name: what `--model` takes: "ViT-B/32", "hf:ORG/NAME", a path, "IMAGE_MODEL+TEXT_MODEL", each
    with ":int8" behind it for its 8-bit form. device: "auto" takes a GPU if there is one, "cpu",
    "cuda", "cuda:1", "mps". runtime: "onnx", "torch", or "auto": torch on a GPU, else ONNX. What is
    not on this machine is downloaded. Raises UnknownModel, DownloadFailed, BadBundle,
    BadCheckpoint, and MissingExtra where torch is needed for it.

    model = photosearch.load_model("ViT-B/32")
    model.encode_images(["a.jpg"])         # float32[1, 512], L2-normalised
    model.encode_texts(["a cat", "a dog"])  # float32[2, 512], L2-normalised
    """
    return open_encoder(os.fspath(name), device=device, runtime=runtime)


def choose_model() -> str:
    """The recommended model if it is here already, else the one that is built in."""
    if is_here(RECOMMENDED):
        return RECOMMENDED
    logger.info(
        "using %s, small and built in; for better results: photosearch models pull %s, and then "
        "index --model %s",
        DEFAULT_MODEL,
        RECOMMENDED,
        RECOMMENDED,
    )
    return DEFAULT_MODEL


def _split_pair(name: str) -> tuple[str, str] | None:
    """Image and text model of `A+B`; None for anything else, a path with a plus among them."""
    if "+" not in name or os.path.exists(os.path.expanduser(name)):
        return None
    for place, char in enumerate(name):
        image, text = name[:place], name[place + 1 :]
        if char == "+" and image and text and _leads_somewhere(image):
            return image, text
    return None


def _leads_somewhere(name: str) -> bool:
    try:
        find_source(name.removesuffix(INT8))
    except UnknownModel:
        return False
    return True


def _open_int8(name: str) -> Encoder:
    source = find_source(name.removesuffix(INT8))
    full = source.bundle()

    def make(target: Path) -> None:
        from photosearch.encode.quantise import quantise

        logger.info("%s: making its 8-bit form", source.name)
        quantise(full, target, name=f"{source.name}{INT8}")

    slug = f"{source.slug}-{full.key[:8]}-int8"
    return BundleEncoder(f"{source.name}{INT8}", Bundle(Shelf().made(slug, make)))


def _on_gpu(source: Source, bundle: Bundle, device: str) -> TorchImageTower | None:
    """The image tower on a GPU, where the device is one and the checkpoint can be read."""
    if device != AUTO and device != "cpu" and source.original is None:
        raise WrongUse(f"{source.name} is a bundle, which runs on the CPU", hint="--device cpu")
    if device == "cpu" or source.original is None:
        return None
    if device == AUTO and not (_may_have_gpu() and has_torch()):
        return None
    need_torch(f"--device {device}")
    from photosearch.encode.on_torch import TorchImageTower, choose_device

    chosen = choose_device(device)
    if chosen.type == "cpu":
        return None
    original = source.original.read()
    if original.image is None or original.image.key != bundle.key:
        raise UnknownModel(
            f"{source.name} has changed since its bundle was made",
            hint=f"photosearch models remove {source.name}",
        )
    return TorchImageTower(original.image, original.dim, chosen)


def _may_have_gpu() -> bool:
    """Whether asking torch (3 s) could find a GPU."""
    import platform

    return os.path.exists("/dev/nvidia0") or platform.system() in ("Darwin", "Windows")
