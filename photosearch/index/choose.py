"""Where the vectors of a library are searched: in a file beside it, or in Milvus.

In: what `--vectors` says. Out: a Vectors. Either way the catalogue is the only source of truth,
what is searched is derived from it, and a photo is found as soon as it is stored.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from photosearch.index.base import VectorIndex
    from photosearch.store.snapshot import Model, Snapshot


class Vectors(Protocol):
    """The vectors of one library, all its models."""

    def check(self) -> None:
        """Raise what would only be seen after hours of indexing."""

    def open(
        self, snapshot: Snapshot, model: Model, tell: Callable[[str], None]
    ) -> VectorIndex: ...

    def refresh(
        self, snapshot: Snapshot, model: Model, should_stop: Callable[[], bool] = lambda: False
    ) -> None:
        """Bring a model's vectors up to the catalogue."""

    def close(self) -> None: ...


class LocalVectors:
    """FAISS files in the library."""

    def __init__(self, library: Path) -> None:
        self._library = library

    def check(self) -> None:
        """Nothing that could be away."""

    def open(self, snapshot: Snapshot, model: Model, tell: Callable[[str], None]) -> VectorIndex:
        from photosearch.index.cache import open_index

        return open_index(self._library, snapshot, model, tell)

    def refresh(
        self, snapshot: Snapshot, model: Model, should_stop: Callable[[], bool] = lambda: False
    ) -> None:
        from photosearch.index.cache import refresh_index

        refresh_index(self._library, snapshot, model)

    def close(self) -> None:
        """Files are mapped, and closed with the last that looks at them."""


def vectors_at(library: Path, where: str | None) -> Vectors:
    """Beside the catalogue, unless something else is said. Nothing is opened yet."""
    if where is None:
        return LocalVectors(library)
    from photosearch.index.address import parse_address
    from photosearch.index.remote import MilvusVectors

    return MilvusVectors(parse_address(where))
