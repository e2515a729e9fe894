"""A library that is open: its catalogue, its model, its vectors, and the writer's lock.

In: a folder, names of a model and of a place for vectors. Out: what the methods of `Library` work
with, each opened when it is first needed. Knows nothing of what they do with it.
"""

from __future__ import annotations

import logging
import os
from contextlib import contextmanager, suppress
from functools import cached_property
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Self

from photosearch.errors import NoLibrary, StorageError, WrongUse
from photosearch.settings import default_model, library_path, vectors_address
from photosearch.store.files import catalogue_path
from photosearch.store.snapshot import Model, Snapshot
from photosearch.survey.counts import Counts

if TYPE_CHECKING:
    from collections.abc import Iterator

    from photosearch.encode.encoder import Encoder
    from photosearch.index.base import VectorIndex
    from photosearch.index.choose import Vectors
    from photosearch.search.rankings import Rankings
    from photosearch.search.relevance import Judge
    from photosearch.store.catalogue import Catalogue
    from photosearch.store.remembered import RememberedHere

logger = logging.getLogger("photosearch")

PRECISIONS = (None, "float32", "int8")


class Opened:
    """A library's folder, and what of it is open in this process."""

    def __init__(
        self,
        path: Path,
        model: str | None,
        device: str = "auto",
        precision: str | None = None,
        vectors: str | None = None,
    ) -> None:
        if precision not in PRECISIONS:
            raise WrongUse(f"{precision!r} is no precision", hint="float32 or int8")
        self.path = path
        self._model_name = model
        self._device = device
        self._precision = precision
        self._vectors_at = vectors_address(vectors)
        self._is_writing = False
        self._opened: Snapshot | None = None
        self._index: tuple[str, int, VectorIndex] | None = None  # model key, generation
        self._parts: tuple[str, int, VectorIndex] | None = None  # the same of parts of photos
        self._judges: dict[tuple[str, str | None], Judge] = {}  # by language and fitted curve
        self._counts = Counts()  # shared by all twins
        self._remembered: RememberedHere | None = None  # of a Library that stays
        self._rankings: Rankings | None = None  # the same

    @classmethod
    def open(
        cls,
        path: str | os.PathLike[str] | None = None,
        model: str | None = None,
        create: bool = False,
        device: str = "auto",
        precision: str | None = None,
        vectors: str | None = None,
    ) -> Self:
        """Open a library.

        path: its folder; else PHOTOSEARCH_LIBRARY, else the platform's data folder.
        model: a name or path, see `load_model`; else PHOTOSEARCH_MODEL, else the library's own,
        else "auto": the recommended CLIP if it is on this machine, or "mini".
        create: make an empty library where there is none; otherwise NoLibrary is raised.
        device: where photos are encoded: "auto" takes a GPU if there is one, "cpu", "cuda",
        "cuda:1", "mps". precision: "int8" takes the model's 8-bit form, "float32" the model
        itself, None what its name says (`ViT-B/32:int8`). vectors: where they are searched: a
        Milvus, `milvus://host:port/database` or `./file.db`; else PHOTOSEARCH_VECTORS, else in the
        library. `index` keeps the one that it is given up to date.
        """
        library = cls(library_path(path), model, device, precision, vectors)
        try:
            is_there = catalogue_path(library.path).exists()
        except OSError as error:  # another user's, as a rule
            raise StorageError(
                f"{library.path} cannot be read: {error.strerror}",
                hint="run it as the user whose library it is, or --library names another",
            ) from error
        if not is_there:
            if not create:
                raise NoLibrary(f"there is no library in {library.path}")
            with library._writing():
                pass
        return library

    def twin(self) -> Self:
        """Another Library of the same folder, for another thread; both share the model's towers.

        The model is settled by this call: a twin does not look for a newer default.
        """
        other = type(self)(self.path, self._model_name, self._device, self._precision)
        other._vectors_at = self._vectors_at
        other.encoder = self.encoder
        other._counts = self._counts
        other._remembered, other._rankings = self._remembered, self._rankings
        return other

    def close(self) -> None:
        """Close the catalogue. The library can be opened again."""
        if self._opened is not None:
            self._opened.close()
            self._opened = None
        self._index = self._parts = None
        if "_vectors" in self.__dict__:
            self._vectors.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    @cached_property
    def encoder(self) -> Encoder:
        """The model: its towers are opened when they are first needed."""
        from photosearch.encode.names import AUTO, INT8

        name = self._model_name or default_model()
        if name is None and catalogue_path(self.path).exists():
            with suppress(NoLibrary):  # its maker was killed before the first transaction
                name = self._snapshot.setting("model")
        name = name or AUTO
        if self._precision is not None:
            name = name.removesuffix(INT8) + (INT8 if self._precision == "int8" else "")
        return self._open_encoder(name)

    def _open_encoder(self, name: str) -> Encoder:
        from photosearch.encode.names import open_encoder

        return open_encoder(name, device=self._device)

    @property
    def _snapshot(self) -> Snapshot:
        # Another process may have repaired or restored the catalogue: 2 microseconds to see. The
        # old one is not closed here, for whoever is still reading it.
        if self._opened is None or self._opened.is_replaced:
            self._opened = Snapshot(self.path, beside_writer=self._is_writing)
            self._index = self._parts = None
        return self._opened

    @contextmanager
    def _writing(self) -> Iterator[Catalogue]:
        from photosearch.store.catalogue import Catalogue
        from photosearch.store.files import make_library_folder
        from photosearch.store.lock import writer_lock

        make_library_folder(self.path)
        with writer_lock(self.path):
            catalogue = Catalogue(self.path, create=True)
            self._is_writing = True
            if self._opened is not None and self._opened.is_frozen:
                self.close()
            try:
                yield catalogue
            finally:
                self._is_writing = False
                catalogue.close()

    def _model_with_vectors(self) -> Model | None:
        """The encoder's row; None in an empty library; an error where only others have vectors."""
        model = self._snapshot.model(self.encoder.key)
        if model is not None and model.vectors:
            return model
        others = [other.name for other in self._snapshot.models() if other.vectors]
        if not others:
            return None
        raise WrongUse(
            f"no photo has been encoded with model {self.encoder.name} yet "
            f"(only with {', '.join(others)})",
            hint=f"photosearch index --model {self.encoder.name}",
        )

    def _require_model(self) -> Model:
        model = self._model_with_vectors()
        if model is None:
            raise NoLibrary(f"the library in {self.path} is empty")
        return model

    @cached_property
    def _vectors(self) -> Vectors:
        from photosearch.index.choose import vectors_at

        return vectors_at(self.path, self._vectors_at)

    def _current_index(self, model: Model) -> VectorIndex:
        generation = self._snapshot.generation
        if self._index is None or self._index[:2] != (model.key, generation):
            index = self._vectors.open(self._snapshot, model, logger.warning)
            self._index = (model.key, generation, index)
        return self._index[2]

    def _current_parts(self, model: Model) -> VectorIndex:
        """The index of parts of photos: always in the library, wherever the photos' own is."""
        from photosearch.index.cache import open_index
        from photosearch.store.regions import PartRows, as_model

        generation = self._snapshot.generation
        if self._parts is None or self._parts[:2] != (model.key, generation):
            parts = as_model(self._snapshot, model)
            if not parts.vectors:
                raise WrongUse(
                    "--small compares parts of photos, and none has been looked at part by part",
                    hint="photosearch index --regions",
                )
            index = open_index(self.path, PartRows(self._snapshot), parts, logger.warning)
            self._parts = (model.key, generation, index)
        return self._parts[2]

    def _refresh_indexes(self) -> None:
        from photosearch.index.cache import refresh_index
        from photosearch.store.regions import PartRows, as_model

        for model in self._snapshot.models():
            self._vectors.refresh(self._snapshot, model)
            parts = as_model(self._snapshot, model)
            if parts.vectors:
                refresh_index(self.path, PartRows(self._snapshot), parts)
