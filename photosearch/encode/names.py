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
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from photosearch.encode.bundle import Bundle
from photosearch.encode.encoder import BundleEncoder, Encoder, PairEncoder, TorchEncoder
from photosearch.encode.known import RECOMMENDED, KnownModel, known, suggestions
from photosearch.encode.shelf import Shelf
from photosearch.errors import MissingExtra, UnknownModel, WrongUse

if TYPE_CHECKING:
    from photosearch.encode.on_torch import TorchImageTower
    from photosearch.encode.original import Original

logger = logging.getLogger("photosearch")

DEFAULT_MODEL = "mini"
AUTO = "auto"
INT8 = ":int8"
_BUILT_IN = Path(__file__).parents[1] / "models"
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
    """A model of a known name, or at a path: the public name of `open_encoder`.

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


def is_here(name: str) -> bool:
    """Whether a model can be used without the network, and without much ado."""
    return name in built_in() or (Shelf().bundle(slug_of(name)) / "config.json").is_file()


def built_in() -> list[str]:
    """Models that come with photosearch."""
    return sorted(path.name for path in _BUILT_IN.iterdir() if (path / "config.json").is_file())


def slug_of(name: str) -> str:
    """A model's folder name in the models folder."""
    kept = "".join(char if char.isalnum() or char in "._-@" else "-" for char in name)
    return kept.strip(".-") or "model"


@dataclass(frozen=True)
class Source:
    """Where a name leads: to a bundle that is there, or to an original that becomes one."""

    name: str  # as a library remembers it
    slug: str
    folder: Path | None = None  # a bundle as it is
    original: Published | None = None

    def bundle(self) -> Bundle:
        """The bundle, downloaded and made where it is not there yet."""
        if self.folder is not None:
            return Bundle(self.folder)
        assert self.original is not None
        return Bundle(Shelf().made(self.slug, self._make))

    def _make(self, target: Path) -> None:
        assert self.original is not None
        self.original.make_bundle(target, self.name)


@dataclass(frozen=True)
class Published:
    """A model's files as its makers publish them: on this machine, or to be fetched."""

    path: Path | None = None
    model: KnownModel | None = None  # one of OpenAI's
    repository: str | None = None  # hf:ORG/NAME@REVISION or ms:ORG/NAME

    def files(self) -> Path:
        """The file or folder, downloaded where it is not there yet."""
        if self.path is not None:
            return self.path
        from photosearch.encode import fetch

        if self.model is not None:
            return fetch.fetch_openai(self.model, Shelf().downloads)
        assert self.repository is not None
        kind, _, rest = self.repository.partition(":")
        repo, _, revision = rest.partition("@")
        if kind == "ms":
            return fetch.fetch_modelscope(repo, revision or None)
        return fetch.fetch_hub(repo, revision or None)

    def read(self) -> Original:
        """Its towers as torch modules."""
        files = self.files()
        if _is_bundle(files):
            raise WrongUse(f"{files} is a bundle: it has no form that torch runs")
        _need_torch(f"reading {files.name}")
        from photosearch.encode.originals import read_original

        return read_original(files)

    def make_bundle(self, target: Path, name: str) -> None:
        """Export the towers, or take a ready export as it is."""
        if self.model is not None and self.model.ready and not _has_torch():
            from photosearch.encode import fetch

            # Without torch the original is of no use: the same model as an export of others.
            files = fetch.fetch_hub(self.model.ready, None)
        else:
            files = self.files()
        if _is_bundle(files):
            from photosearch.encode.sources.ready_onnx import adopt

            adopt(files, target, name=name, source=self.described(files))
            return
        original = self.read()
        logger.info("%s: converting it once, for fast starts", name)
        from photosearch.encode.export import export

        export(original, target, name=name, source=self.described(files))

    def described(self, files: Path) -> dict[str, str]:
        """Where it came from, for `models show`."""
        if self.model is not None:
            return {"openai": self.model.name}
        return {"repository": self.repository} if self.repository else {"path": os.fspath(files)}


def find_source(name: str) -> Source:
    """Where a name or path leads, without opening or fetching anything."""
    if name in built_in():
        return Source(name, name, folder=_BUILT_IN / name)
    model = known(name)
    if model is not None and model.sha256:
        return Source(model.name, slug_of(model.name), original=Published(model=model))
    if name.startswith(("hf:", "ms:")):
        if not all(name[3:].partition("@")[0].partition("/")[::2]):
            raise UnknownModel(f"{name!r} is no repository", hint="hf:ORG/NAME or hf:ORG/NAME@REV")
        return Source(name, slug_of(name), original=Published(repository=name))
    # os.path, because pathlib raises for names that no file can have.
    full = os.path.abspath(os.path.expanduser(name))
    if os.path.exists(full):
        path = Path(full)
        if _is_bundle(path):
            return Source(full, slug_of(path.name), folder=path)
        _refuse_what_is_no_model(path)
        return Source(full, _slug_of_path(path), original=Published(path=path))
    close = suggestions(name)
    raise UnknownModel(
        f"no model of the name {name!r}, and no file or folder of that path",
        hint=f"--model {close[0]}" if close else "photosearch models list shows the known names",
    )


_WEIGHTS = (".pt", ".pth", ".bin", ".safetensors", ".ckpt")
_MARKS = ("config.json", "open_clip_config.json", "vision_model_config.json")


def _refuse_what_is_no_model(path: Path) -> None:
    """Tell by names alone, so that no torch is needed to hear that a path is mistyped."""
    if path.is_file():
        if path.suffix.lower() not in _WEIGHTS:
            raise UnknownModel(
                f"{path} is a file of no kind that models come in",
                hint=f"a file ending in {', '.join(_WEIGHTS)}, or a model's folder",
            )
        return
    names = {one.name for one in path.iterdir()}
    if not names.intersection(_MARKS) and not any(one.endswith(_WEIGHTS) for one in names):
        found = ", ".join(sorted(names)[:5]) or "nothing"
        raise UnknownModel(
            f"{path} holds no model: there is {found}",
            hint=f"a folder with {', '.join(_MARKS)} or a weights file",
        )


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
    if device == AUTO and not (_may_have_gpu() and _has_torch()):
        return None
    _need_torch(f"--device {device}")
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


def _has_torch() -> bool:
    from importlib.util import find_spec

    return all(find_spec(package) for package in ("torch", "transformers", "onnx"))


def _need_torch(what: str) -> None:
    if not _has_torch():
        raise MissingExtra(f"{what} takes torch", hint="pip install 'photosearch[torch]'")


def _is_bundle(path: Path) -> bool:
    return (path / "config.json").is_file() and (
        (path / "visual" / "model.onnx").is_file() or (path / "textual" / "model.onnx").is_file()
    )


def _slug_of_path(path: Path) -> str:
    """Name and a digest of place, sizes and times: a changed checkpoint is another model."""
    import hashlib

    files = sorted(path.iterdir()) if path.is_dir() else [path]
    state = [(one.name, one.stat().st_size, one.stat().st_mtime_ns) for one in files]
    digest = hashlib.sha256(repr((os.fspath(path.resolve()), state)).encode()).hexdigest()
    return f"{slug_of(path.stem or 'model')}-{digest[:12]}"
