"""A model's name or path → where its files are, and what makes a bundle of them.

In: what the user typed after --model, of one model. Out: a Source; nothing is opened or fetched
until its bundle is asked for. What runs a model is not known here.
"""

from __future__ import annotations

import difflib
import logging
import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from photosearch.encode.bundle import Bundle
from photosearch.encode.known import KnownModel, known, suggestions
from photosearch.encode.shelf import Shelf
from photosearch.errors import BadBundle, MissingExtra, UnknownModel, WrongUse

if TYPE_CHECKING:
    from photosearch.encode.original import Original

logger = logging.getLogger("photosearch")

_BUILT_IN = Path(__file__).parents[1] / "models"


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
    """Where a name leads: to a bundle that is there, or to an original that becomes one.

    With neither, to the bundle that was made of an original which is gone.
    """

    name: str  # as a library remembers it
    slug: str
    folder: Path | None = None  # a bundle as it is
    original: Published | None = None

    def bundle(self) -> Bundle:
        """The bundle, downloaded and made where it is not there yet."""
        if self.folder is not None:
            return Bundle(self.folder)
        return Bundle(Shelf().made(self.slug, self._make))

    def _make(self, target: Path) -> None:
        if self.original is None:  # it was found on the shelf, and removed since
            raise _unknown(self.name, self.name)
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
        need_torch(f"reading {files.name}")
        from photosearch.encode.originals import read_original

        return read_original(files)

    def make_bundle(self, target: Path, name: str) -> None:
        """Export the towers, or take a ready export as it is."""
        if self.model is not None and self.model.ready and not has_torch():
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
    made = _made_of(full)
    if made is not None:
        return Source(full, made)
    raise _unknown(name, full)


def _made_of(full: str) -> str | None:
    """The newest bundle made of a path where nothing is any more: its disk may be unplugged."""
    shelf = Shelf()
    found = []
    for slug in shelf.slugs():
        try:
            bundle = Bundle(shelf.bundle(slug))
        except BadBundle:
            continue
        if bundle.name == full:
            found.append(((bundle.path / "config.json").stat().st_mtime_ns, slug))
    return max(found)[1] if found else None


def _unknown(name: str, full: str) -> UnknownModel:
    """What is there of a path that leads nowhere, or which known name is like this one."""
    close = suggestions(name)
    folder, _, last = full.rpartition(os.sep)
    is_path = name.startswith(("~", ".", os.sep)) or name.lower().endswith(_WEIGHTS)
    if not is_path and (close or not os.path.isdir(folder) or os.sep not in name):
        return UnknownModel(
            f"no model of the name {name!r}, and no file or folder of that path",
            hint=close[0] if close else "photosearch models list shows the known names",
        )
    while folder and not os.path.isdir(folder):
        folder, _, last = folder.rpartition(os.sep)
    try:
        alike = difflib.get_close_matches(last, os.listdir(folder or os.sep), n=1)
    except OSError:  # it may not be listed
        alike = []
    return UnknownModel(
        f"there is no {full}: {folder or os.sep} holds no {last!r}",
        hint=os.path.join(folder or os.sep, alike[0]) if alike else None,
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
    names = sorted(one.name for one in path.iterdir())
    if not set(_MARKS).isdisjoint(names):
        return
    weights = [one for one in names if one.lower().endswith(_WEIGHTS)]
    if len(weights) > 1:
        raise UnknownModel(
            f"{path} holds several checkpoints: {', '.join(weights[:5])}",
            hint=os.fspath(path / weights[0]),
        )
    if weights and not weights[0].lower().endswith((".pt", ".pth")):
        raise UnknownModel(
            f"{path} lacks config.json, without which nothing says what {weights[0]} is",
            hint="the files that the model was published with, all in one folder",
        )
    if not weights:
        inner = [one for one in names if any((path / one / mark).is_file() for mark in _MARKS)]
        raise UnknownModel(
            f"{path} holds no model: there is {', '.join(names[:5]) or 'nothing'}",
            hint=" or ".join(os.fspath(path / one) for one in inner[:3])
            or f"a folder with {', '.join(_MARKS)} or a weights file",
        )


def has_torch() -> bool:
    from importlib.util import find_spec

    return all(find_spec(package) for package in ("torch", "transformers", "onnx"))


def need_torch(what: str) -> None:
    if not has_torch():
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
