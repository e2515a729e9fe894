"""The seam between a run and whoever reads, decodes and encodes for it.

A run (`ingest/photos.py`) compares files with the catalogue, and stores; a workshop does what lies
between: on this machine (`ingest/here.py`), or on many (`ingest/spread.py`). Both give the same
vectors. A photo's bytes may stay where they were read: what arrives holds them or a claim on them.
"""

from __future__ import annotations

from collections.abc import Generator, Iterable
from dataclasses import dataclass
from typing import Any, Protocol

from photosearch.records import FoundFile, Photo


@dataclass(frozen=True, slots=True)
class Trouble:
    """A file that gave no photo."""

    found: FoundFile
    reason: str
    digest: bytes | None = None  # None: it could not even be read


@dataclass(frozen=True, slots=True)
class Arrived:
    """A file that has been read."""

    found: FoundFile
    digest: bytes
    content: Any  # the workshop's own: the bytes, or where they are


@dataclass(frozen=True, slots=True)
class Encoded:
    """A photo and its vector."""

    photo: Photo
    vector: bytes  # float16, as stored


class Workshop(Protocol):
    """Reads, decodes and encodes.

    The streams are lazy: not much is worked on ahead of what is taken. The run takes them in one
    thread, `files` of `encode` being made from what `read` gives, and closes both in any case.
    """

    def read(self, root: bytes, files: Iterable[FoundFile]) -> Generator[Arrived | Trouble | None]:
        """Each file read once, in order; None for what is no photo, or has vanished."""
        ...

    def encode(self, files: Iterable[Arrived]) -> Generator[Encoded | Trouble]:
        """The photos with their vectors, in order; a Trouble has the digest."""
        ...

    def close(self) -> None:
        """End what works for it."""
        ...
