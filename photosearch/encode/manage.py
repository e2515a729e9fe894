"""Which models there are, and the upkeep of those on this machine.

In: names. Out: ModelFacts, for `photosearch models`; bundles downloaded, written out, removed.
"""

from __future__ import annotations

import logging
import re
import shutil
from collections.abc import Collection, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from photosearch.encode.bundle import Bundle
from photosearch.encode.find import Source, built_in, find_source, is_here, slug_of
from photosearch.encode.known import MODELS, KnownModel, known
from photosearch.encode.names import INT8, load_model
from photosearch.encode.shelf import Shelf
from photosearch.errors import BadBundle, StorageError, UnknownModel, WrongUse

logger = logging.getLogger("photosearch")


@dataclass(frozen=True, slots=True)
class ModelFacts:
    """What is known of a model, here or not. None: not known, or it has no such part."""

    name: str
    state: str  # "built in", "here", "not here", "not converted yet", "damaged"
    dim: int | None = None
    image_size: int | None = None  # pixels a side
    parameters: float | None = None  # millions
    imagenet: float | None = None  # zero-shot top-1 in percent, as published
    imagenet_source: str | None = None
    languages: tuple[str, ...] = ()
    licence: str | None = None
    download_bytes: int | None = None
    text_only: bool = False
    kind: str | None = None  # from here on of models that are here
    key: str | None = None
    precision: str | None = None
    logit_scale: float | None = None
    logit_bias: float | None = None
    context_length: int | None = None
    source: str | None = None
    folder: str | None = None
    bytes: int | None = None

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)


def list_models() -> list[ModelFacts]:
    """The known models, and whatever else is in the models folder.

    One that is damaged is listed by its folder's name, and why is logged.
    """
    listed = [_known_facts(one) for one in MODELS]
    slugs = {slug_of(one.name) for one in MODELS}
    shelf = Shelf()
    listed += [_facts_of_slug(shelf, slug) for slug in shelf.slugs() if slug not in slugs]
    return listed


def show_model(name: str) -> ModelFacts:
    """One model. A checkpoint at a path is read for it, but not converted."""
    source = find_source(name.removesuffix(INT8))
    model = known(source.name)
    shelf = Shelf()
    if source.folder is not None:
        state = "built in" if source.name in built_in() else "here"
        return _merged(model, _bundle_facts(Bundle(source.folder), state, source.name))
    folder = shelf.bundle(source.slug)
    if name.endswith(INT8):
        folder = next((shelf.bundle(one) for one in _made(shelf, [f"{source.name}{INT8}"])), folder)
    if (folder / "config.json").is_file():
        return _merged(model, _bundle_facts(Bundle(folder), "here"))
    if source.original is not None and source.original.path is not None:
        return _original_facts(source)
    if model is None:
        raise UnknownModel(
            f"nothing is known of {name}, which is not here", hint=f"photosearch models pull {name}"
        )
    return _known_facts(model)


def pull_model(name: str) -> ModelFacts:
    """Download a model and make its bundle; nothing happens where it is here already."""
    encoder = load_model(name)
    return show_model(encoder.name) if "+" not in encoder.name else ModelFacts(encoder.name, "here")


def export_model(name: str, target: Path) -> Path:
    """Write a model's bundle to a folder, which must not exist or be empty."""
    if target.exists() and (not target.is_dir() or any(target.iterdir())):
        raise WrongUse(f"{target} exists and is not empty", hint="name a new folder")
    bundle = _bundle_of(name)
    # Within a folder that is there: it may be a mount point, or where the user's shell is.
    inside = target.exists()
    work = target / ".writing" if inside else target.with_name(f".{target.name}.writing")
    shutil.rmtree(work, ignore_errors=True)
    try:
        shutil.copytree(bundle.path, work)
        if inside:
            # The configuration last: without it, nothing takes the folder for a model.
            for part in sorted(work.iterdir(), key=lambda part: part.name == "config.json"):
                part.rename(target / part.name)
        else:
            work.rename(target)
    except shutil.Error as error:  # of several files: [(from, to, what OSError said)]
        reason = re.sub(r"\[Errno \d+\] |: '.*", "", str(error.args[0][0][2]))
        raise StorageError(f"{target} cannot be written: {reason}") from error
    except OSError as error:
        raise StorageError(f"{target} cannot be written: {error.strerror}") from error
    finally:
        shutil.rmtree(work, ignore_errors=True)
    return target


def remove_model(name: str) -> int:
    """Delete a model's bundle, its 8-bit form and its download; gives the bytes freed."""
    if name in built_in():
        raise WrongUse(f"{name} is a part of photosearch and stays")
    shelf = Shelf()
    if name in shelf.slugs():  # by the name of its folder
        return shelf.remove(name)
    source = find_source(name.removesuffix(INT8))
    if source.folder is not None:
        raise WrongUse(f"{name} is a folder of yours: photosearch removes only what it made")
    # Of a checkpoint that has changed since, there are bundles of what it was, too.
    doomed = {f"{source.name}{INT8}"} | (set() if name.endswith(INT8) else {source.name})
    slugs = set(_made(shelf, doomed))
    if source.name in doomed and source.slug in shelf.slugs():
        slugs.add(source.slug)  # it may be damaged, and bear no name
    freed = sum(shelf.remove(slug) for slug in slugs)
    model = source.original.model if source.original is not None else None
    if model is not None and model.file is not None and not name.endswith(INT8):
        for left in (model.file, f"{model.file}.part", f"{model.file}.checked"):
            path = shelf.downloads / left
            if path.is_file():
                freed += path.stat().st_size
                path.unlink()
    if not freed:
        raise UnknownModel(f"{name} is not here: there is nothing to remove")
    return freed


def _bundle_of(name: str) -> Bundle:
    encoder = load_model(name, runtime="onnx")
    bundle = getattr(encoder, "bundle", None)
    if not isinstance(bundle, Bundle):
        raise WrongUse(f"{name} is a pair of models", hint="export each of the two by itself")
    return bundle


def _made(shelf: Shelf, names: Collection[str]) -> list[str]:
    """Slugs of the bundles that bear one of these names."""
    made = []
    for slug in shelf.slugs():
        try:
            name = Bundle(shelf.bundle(slug)).name
        except BadBundle:
            continue  # the list tells of it
        if name in names:
            made.append(slug)
    return made


def _facts_of_slug(shelf: Shelf, slug: str) -> ModelFacts:
    try:
        return _bundle_facts(Bundle(shelf.bundle(slug)), "here")
    except BadBundle as error:
        logger.warning("%s; photosearch models remove %s deletes it", error, slug)
        return ModelFacts(slug, "damaged")


def _known_facts(model: KnownModel) -> ModelFacts:
    state = "built in" if model.name in built_in() else "not here"
    if state == "not here" and is_here(model.name):
        state = "here"
    return ModelFacts(
        name=model.name,
        state=state,
        dim=model.dim,
        image_size=model.image_size,
        parameters=model.params,
        imagenet=model.imagenet,
        imagenet_source=model.imagenet_source,
        languages=model.languages,
        licence=model.licence,
        download_bytes=model.download_bytes,
        text_only=model.text_only,
    )


def _bundle_facts(bundle: Bundle, state: str, name: str | None = None) -> ModelFacts:
    config = bundle.config
    sizes = [one.stat().st_size for one in bundle.path.rglob("*") if one.is_file()]
    languages = tuple(bundle.text_towers)
    scoring = bundle.scoring(languages[0]) if languages else None
    source = config.get("source")
    return ModelFacts(
        name=name or bundle.name,
        state=state,
        dim=bundle.dim,
        image_size=_image_size(bundle) if bundle.has_image else None,
        languages=languages,
        text_only=not bundle.has_image,
        kind=config.get("kind"),
        key=bundle.key if bundle.has_image else bundle.text_key(languages[0]),
        precision=str(config.get("precision", "float32" if "keys" in config else "")) or None,
        logit_scale=round(scoring.scale, 4) if scoring else None,
        logit_bias=scoring.bias if scoring else None,
        context_length=bundle.text_rules(languages[0]).context_length if languages else None,
        source=", ".join(source.values()) if isinstance(source, dict) else None,
        folder=str(bundle.path),
        bytes=sum(sizes),
    )


def _image_size(bundle: Bundle) -> int:
    from photosearch.encode.patches import read_preprocess

    return read_preprocess(bundle.preprocess_file).need


def _original_facts(source: Source) -> ModelFacts:
    assert source.original is not None
    original = source.original.read()
    parts = [one for one in (original.image, original.text) if one is not None]
    count = sum(one.numel() for part in parts for one in part.module.parameters())
    return ModelFacts(
        name=source.name,
        state="not converted yet",
        dim=original.dim,
        image_size=original.image.preprocess.need if original.image else None,
        parameters=round(count / 1e6, 1),
        languages=(original.language,),
        text_only=original.image is None,
        kind=original.kind,
        key=original.image.key if original.image else None,
        precision="float32",
        logit_scale=round(original.scoring.scale, 4),
        logit_bias=original.scoring.bias,
        context_length=original.text.rules.context_length if original.text else None,
        source=str(source.original.path),
    )


def _merged(model: KnownModel | None, facts: ModelFacts) -> ModelFacts:
    """What the files say, and what the table adds to it."""
    if model is None:
        return facts
    added = {
        name: value
        for name, value in _fields(_known_facts(model))
        if getattr(facts, name) in (None, ())
    }
    return ModelFacts(**{**dict(_fields(facts)), **added})


def _fields(facts: ModelFacts) -> Iterator[tuple[str, Any]]:
    return ((name, getattr(facts, name)) for name in facts.__dataclass_fields__)
