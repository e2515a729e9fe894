"""What the user typed after --model beside --by → the folder of a model's files, and its upkeep.

In: a name or path, the kinds that will do. Out: a folder whose config.json names one of these, or
LocatorFacts. Files alone: no model is opened here, and torch is not needed.

    hf:ORG/NAME[@REVISION]     a repository of the Hugging Face hub; ORG/NAME is the same
    ms:ORG/NAME                one of ModelScope
    PATH                       a folder as `save_pretrained` writes it
"""

from __future__ import annotations

import os
import re
from collections.abc import Collection
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from photosearch.encode.find import Published, built_in, find_source
from photosearch.encode.find import is_here as has
from photosearch.encode.known import HUB, known
from photosearch.encode.locators import BY_TYPE, LOCATOR_MODELS, called, default_model, listed
from photosearch.encode.names import INT8
from photosearch.encode.sources.folder import read_json
from photosearch.errors import BadCheckpoint, PhotosearchError, UnknownModel, WrongUse

_CLIPS = ("clip", "chinese_clip", "siglip", "siglip2")
_REPOSITORY = re.compile(r"[\w.-]+/[\w.-]+(@[\w./-]+)?")
MODELSCOPE = "ms:"


def named_or_default(name: str | None, by: str) -> str:
    """The name that was given, or the default where it is here: nothing is downloaded unasked."""
    if name is not None:
        return name
    default = default_model(by)
    if is_downloaded(default.name):
        return default.name
    raise WrongUse(
        f"--by {by} takes a model, and {default.name}, its usual one "
        f"({default.download_bytes / 1e6:.0f} MB), is not here",
        hint=f"photosearch models pull {default.name}, or --model PATH",
    )


def is_downloaded(name: str) -> bool:
    """Whether a repository was downloaded whole; no network."""
    return _cached(name) is not None


def locator_files(name: str, kinds: Collection[str], by: str) -> Path:
    """The folder of a model whose model_type is one of `kinds`, downloaded where it is not here.

    What is here is used without the network. Of a repository the configuration is fetched first,
    so that nobody waits for 600 MB of the wrong kind.
    """
    if name in built_in() or known(name) is not None:
        raise _wrong_kind(name, "clip", kinds, by)
    path = _local(name)
    if path is not None:
        _check(path, name, kinds, by)
        return path
    return _fetched(_repository(name, by), name, kinds, by)


def kind_of(folder: Path) -> str | None:
    """The model_type that a folder's config.json names; None where it names none."""
    if not (folder / "config.json").is_file():
        return None
    kind = read_json(folder / "config.json").get("model_type")
    return kind if isinstance(kind, str) else None


@dataclass(frozen=True, slots=True)
class LocatorFacts:
    """What is known of a model that locates things, here or not."""

    name: str
    state: str  # "here", "not here"
    by: str
    kind: str | None = None  # of models that are here
    parameters: float | None = None  # millions
    licence: str | None = None
    download_bytes: int | None = None
    folder: str | None = None
    bytes: int | None = None

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)


def list_locators() -> list[LocatorFacts]:
    """The known ones."""
    return [_facts(one.name, _cached(one.name)) for one in LOCATOR_MODELS]


def show_locator(name: str) -> LocatorFacts | None:
    """One that is known or here; None for what is no model that locates. No network."""
    path = _local(name)
    if path is None and (listed(name) or name.startswith(HUB)):
        path = _cached(name)
    if listed(name) is None and (path is None or kind_of(path) not in BY_TYPE):
        return None
    return _facts(name, path)


def pull_locator(name: str) -> LocatorFacts | None:
    """Download one; None where the repository holds something else, of which no more is fetched."""
    model = listed(name)
    name = model.name if model is not None else name
    # Pairs, 8-bit forms and what has a bundle are CLIPs.
    if not name.startswith(HUB) or known(name) or "+" in name or name.endswith(INT8) or has(name):
        return None
    from photosearch.encode.fetch import fetch_hub

    try:
        kind = kind_of(_cached(name) or fetch_hub(*_parts(name), patterns=["config.json"]))
    except UnknownModel:  # no such repository, or none with a config.json: CLIP's reader says so
        return None
    if kind not in BY_TYPE:
        return None
    return _facts(name, _fetched(name, name, [kind], BY_TYPE[kind]))


def _facts(name: str, folder: Path | None) -> LocatorFacts:
    model = listed(name)
    kind = kind_of(folder) if folder is not None else None
    files = [one for one in folder.iterdir() if one.is_file()] if folder is not None else []
    return LocatorFacts(
        name=name,
        state="not here" if folder is None else "here",
        by=BY_TYPE.get(kind or "", model.by if model is not None else ""),
        kind=called(kind) if kind else None,
        parameters=model.params if model else None,
        licence=model.licence if model else None,
        download_bytes=model.download_bytes if model else None,
        folder=str(folder) if folder is not None else None,
        bytes=sum(one.stat().st_size for one in files) if files else None,
    )


def _fetched(source: str, name: str, kinds: Collection[str], by: str) -> Path:
    """The folder of a repository; of the hub what is here is used without the network."""
    if source.startswith(MODELSCOPE):
        folder = Published(repository=source).files()
        _check(folder, name, kinds, by)
        return folder
    from photosearch.encode.fetch import fetch_hub

    here = _cached(source)
    if here is None:
        try:
            config = fetch_hub(*_parts(source), patterns=["config.json"])
        except UnknownModel as error:
            if source == name:
                raise
            raise UnknownModel(f"no folder {name} here, and {error}", hint=error.hint) from error
        _check(config, name, kinds, by)
        here = fetch_hub(*_parts(source))
    _check(here, name, kinds, by)
    return here


def _cached(name: str) -> Path | None:
    """The folder of a repository of the hub that was downloaded whole; no network."""
    from photosearch.encode.fetch import hub_cached

    return hub_cached(*_parts(name))


def _parts(name: str) -> tuple[str, str | None]:
    repo, _, revision = name.removeprefix(HUB).partition("@")
    return repo, revision or None


def _local(name: str) -> Path | None:
    """The folder that a path leads to; a file in it stands for it."""
    full = os.path.abspath(os.path.expanduser(name))
    if not os.path.exists(full):
        return None
    path = Path(full)
    return (
        path if path.is_dir() else path.parent if (path.parent / "config.json").is_file() else path
    )


def _repository(name: str, by: str) -> str:
    """`hf:…` or `ms:…` of a name that is no path."""
    if name.startswith((HUB, MODELSCOPE)):
        find_source(name)  # says so where it is no repository's name
        return name
    if _REPOSITORY.fullmatch(name):
        return HUB + name
    raise UnknownModel(
        f"no model of the name {name!r}, and no folder of that path",
        hint=f"--model {default_model(by).name}, or a folder with config.json and weights",
    )


def _check(path: Path, name: str, kinds: Collection[str], by: str) -> None:
    """Refuse a folder that holds another kind of model, or none."""
    if path.is_file():
        raise BadCheckpoint(
            f"{path} is a file; --by {by} takes a folder with config.json and weights",
            hint=f"--model {default_model(by).name}, or a folder of such a model",
        )
    if (path / "open_clip_config.json").is_file() or (path / "visual" / "model.onnx").is_file():
        raise _wrong_kind(name, "clip", kinds, by)
    kind = kind_of(path)
    if kind is None:
        found = ", ".join(sorted(one.name for one in path.iterdir())[:5]) or "nothing"
        raise BadCheckpoint(
            f"{name} is no model folder: no config.json says what it is, and it holds {found}",
            hint=f"--model {default_model(by).name}, or a folder of such a model",
        )
    if kind not in kinds:
        raise _wrong_kind(name, kind, kinds, by)


def _wrong_kind(name: str, kind: str, kinds: Collection[str], by: str) -> PhotosearchError:
    wanted = " or ".join(called(one) for one in kinds)
    article = "an" if wanted[0] in "AEIOU" else "a"
    hint = f"--model {default_model(by).name}"
    if kind in BY_TYPE:
        hint = f"--by {BY_TYPE[kind]} for this model, or {hint}"
    elif kind in _CLIPS:
        hint = f"--by regions, which takes every CLIP, or {hint}"
    held = "a CLIP" if kind == "clip" else ("an " if kind[:1] in "aeiou" else "a ") + kind
    return WrongUse(f"--by {by} takes {article} {wanted}, and {name} holds {held}", hint=hint)
