"""What a tool is, and what it gives back.

In: nothing. Out: the records that the tools and the server share.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from photosearch.assistant.parameters import Parameter
from photosearch.errors import WrongUse
from photosearch.library import Library

ID_DIGITS = 16  # of a SHA-256: two of a billion photos agree in them once in 37 libraries


@dataclass(frozen=True, slots=True)
class Terms:
    """What an assistant may get to see."""

    thumbnails: bool = True
    paths: bool = True


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer: to be read, as a document, and in pictures (JPEG)."""

    text: str
    document: dict[str, Any] | None = None
    pictures: tuple[bytes, ...] = ()


Run = Callable[[Library, Terms, dict[str, Any]], Reply]


@dataclass(frozen=True, slots=True)
class Tool:
    """One thing that an assistant can ask for."""

    name: str
    title: str
    description: str  # for a model: what it does, when to use it
    run: Run
    parameters: tuple[Parameter, ...] = ()
    output: dict[str, Any] | None = field(default=None)  # JSON schema of the document


def short_id(digest: str) -> str:
    """Enough of a photo's id to name it; 64 digits a hit would cost more words than the rest."""
    return digest[:ID_DIGITS]


def photo_meant(library: Library, name: str) -> str:
    """The SHA-256 of the photo of the library that is meant by an id, a path, or a file's name.

    No file is opened to find out: an assistant that was talked into it learns nothing of files
    outside the library.
    """
    from photosearch.search.filters import Filters

    name = name.strip()
    known = library.photo_named(name)
    if known is not None:
        return known
    if name and "/" not in name and "\\" not in name and not any(char in name for char in "*?"):
        hits = library.search(filters=Filters(name=[name]), k=2)
        if len(hits) == 1:
            return hits[0].photo
        if hits:
            ids = ", ".join(short_id(hit.photo) for hit in hits)
            raise WrongUse(f"several photos are called {name}", hint=f"an id: {ids}, …")
    raise WrongUse(
        f"{name or 'an empty id'}: no photo of the library",
        hint="the photo's id as search_photos gives it, or its whole path",
    )
