"""A library whose parts outlive the command that opened them.

In: what a command opens a library with. Out: a Library that answers as one opened anew would, with
the connection, the index, the model's towers and the judges of the visit before, as far as they
are still true. What decides that is asked at each visit: the catalogue's file and generation, the
files of the index, the model's name as it is meant now, and its files.
"""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from photosearch.library import Library
from photosearch.resident.record import RunsItself
from photosearch.settings import cache_path, library_path, vectors_address
from photosearch.store.files import VECTORS, catalogue_path
from photosearch.survey.counts import Counts

if TYPE_CHECKING:
    from photosearch.encode.encoder import Encoder
    from photosearch.search.relevance import Judge
    from photosearch.store.snapshot import Snapshot

_ENCODERS_KEPT = 3  # of the models asked for last: a ViT-B/32 text tower takes 250 MB


@dataclass
class _Parts:
    """What belongs to one model."""

    encoder: Encoder
    files: tuple[object, ...]  # as the model's files were when it was opened
    index: Any = None
    index_files: tuple[object, ...] = ()
    read_by: Snapshot | None = None
    judges: dict[Path, dict[Any, Judge]] = field(default_factory=dict)  # by cache folder


class Warm:
    """The parts of one library. To be used by one thread."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._real = os.path.realpath(path)
        self._snapshot: Snapshot | None = None
        self._parts: dict[str, _Parts] = {}  # by the encoder's name, the one used last at the end
        self._counts = Counts()

    def open(
        self,
        path: str | os.PathLike[str] | None,
        model: str | None,
        *,
        vectors: str | None = None,
    ) -> Library:
        """As `Library.open`; raises RunsItself where this is not the library, or it is gone."""
        if vectors_address(vectors) is not None:
            raise RunsItself("vectors that are elsewhere")
        wanted = library_path(path)
        if os.path.realpath(wanted) != self._real or not self.is_there():
            raise RunsItself("another library")
        return _Visit(wanted, model, self)

    def prepare(self, model: str | None) -> str:
        """Open everything that a query will need; gives the model's name."""
        with self.open(self.path, model) as visit:
            assert isinstance(visit, _Visit)
            return visit.warm_up()

    def is_there(self) -> bool:
        return catalogue_path(self.path).exists()

    def settle(self) -> None:
        """Let go of what is out of date: an index file that was replaced still fills the disk."""
        if self._snapshot is not None and self._snapshot.is_replaced:
            self.close()
        for parts in self._parts.values():
            if parts.index is not None and parts.index_files != self._index_files():
                parts.index = None

    def close(self) -> None:
        """Close connection and index; the towers stay."""
        if self._snapshot is not None:
            self._snapshot.close()
        self._snapshot = None
        for parts in self._parts.values():
            parts.index = parts.read_by = None

    @property
    def models(self) -> list[str]:
        """Names of the models that are open."""
        return list(self._parts)

    # For a visit

    def encoder_of(self, name: str, device: str) -> _Parts:
        """The model of a name as it is meant now, its towers open if they are known already."""
        from photosearch.encode.names import AUTO, INT8, choose_model, open_encoder

        if name.removesuffix(INT8) == AUTO:
            name = name.replace(AUTO, choose_model(), 1)
        if not is_ready(name):
            raise RunsItself("a model that is to be fetched or made")
        encoder = open_encoder(name, device=device)
        files = _files_of(encoder)
        parts = self._parts.pop(encoder.name, None)
        if parts is None or parts.files != files or not files:
            parts = _Parts(encoder, files)
        self._parts[encoder.name] = parts
        while len(self._parts) > _ENCODERS_KEPT:
            del self._parts[next(iter(self._parts))]
        return parts

    def lend(self, visit: _Visit) -> None:
        visit._opened = self._snapshot
        visit._counts = self._counts
        self._snapshot = None

    def lend_index(self, visit: _Visit, parts: _Parts) -> None:
        if parts.read_by is visit._opened and parts.index_files == self._index_files():
            visit._index = parts.index
        visit._judges = parts.judges.setdefault(cache_path(), {})

    def take_back(self, visit: _Visit, parts: _Parts | None) -> None:
        self._snapshot = visit._opened
        if parts is not None:
            parts.index, parts.read_by = visit._index, visit._opened
            parts.index_files = self._index_files()

    def _index_files(self) -> tuple[object, ...]:
        return _state(self.path / VECTORS)


class _Visit(Library):
    """A library for one command."""

    def __init__(self, path: Path, model: str | None, warm: Warm) -> None:
        super().__init__(path, model)
        self._warm = warm
        self._own: _Parts | None = None
        warm.lend(self)

    def close(self) -> None:
        if self._opened is not None:
            self._warm.take_back(self, self._own)
        self._opened = self._index = self._own = None
        super().close()

    def _open_encoder(self, name: str) -> Encoder:
        self._own = self._warm.encoder_of(name, self._device)
        self._warm.lend_index(self, self._own)
        return self._own.encoder

    def warm_up(self) -> str:
        from photosearch.search.query import make_query

        encoder = self.encoder
        for language in encoder.languages:
            encoder.text(language).encode(["photo"])
            self._judge_of(make_query("photo", language=language))
        model = self._snapshot.model(encoder.key)
        if model is not None and model.vectors:
            vector = encoder.text(encoder.languages[0]).encode(["photo"])[0]
            self._current_index(model).search(vector, 10)
        return encoder.name


def is_ready(name: str) -> bool:
    """Whether a model can be opened at once: nothing to download, to convert, or to complain of."""
    from photosearch.encode.find import find_source
    from photosearch.encode.names import INT8
    from photosearch.encode.shelf import Shelf
    from photosearch.errors import PhotosearchError

    plain = name.removesuffix(INT8)
    try:
        source = find_source(plain)
    except PhotosearchError:
        # IMAGE_MODEL+TEXT_MODEL
        marks = [place for place, char in enumerate(name) if char == "+"]
        return any(is_ready(name[:place]) and is_ready(name[place + 1 :]) for place in marks)
    shelf = Shelf()
    if source.folder is None and not (shelf.bundle(source.slug) / "config.json").is_file():
        return False
    if plain == name:
        return True
    key = source.bundle().key[:8]
    return (shelf.bundle(f"{source.slug}-{key}-int8") / "config.json").is_file()


def _files_of(encoder: Encoder) -> tuple[object, ...]:
    """Where a model's files are and what they were like; nothing for a model of another kind."""
    from photosearch.encode.encoder import BundleEncoder, PairEncoder

    if isinstance(encoder, BundleEncoder):
        folder = encoder.bundle.path
        inner = [folder, *(one for one in folder.iterdir() if one.is_dir())]
        return tuple(_state(one) for one in inner)
    if isinstance(encoder, PairEncoder):
        both = [_files_of(one) for one in (encoder.image_model, encoder.text_model)]
        return tuple(both) if all(both) else ()
    return ()


def _state(folder: Path) -> tuple[object, ...]:
    """Names, sizes and times of the files in a folder."""
    try:
        with os.scandir(folder) as entries:
            found = [(one.name, one.stat()) for one in entries]
    except OSError:
        return (os.fspath(folder),)
    return (
        os.fspath(folder),
        *sorted((name, state.st_size, state.st_mtime_ns, state.st_ino) for name, state in found),
    )
