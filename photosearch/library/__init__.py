"""The public API: a library of photos that can be indexed and searched.

    from photosearch import Library

    with Library.open(create=True) as library:
        report = library.index(["~/Pictures"])
        hits = library.search("midi keyboard", k=3)

The command line and the web server are thin faces of this class.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from photosearch.library.contents import Contents
from photosearch.library.upkeep import Upkeep
from photosearch.library.way_in import WayIn
from photosearch.library.zero_shot import ZeroShot


class Library(WayIn, ZeroShot, Contents, Upkeep):
    """A photo library: a catalogue, its vectors, and the model that reads queries.

    Made by `Library.open`. One process at a time may index; any number may search meanwhile.
    A Library is to be used by one thread at a time. `with` closes it.

    Photos are taken in by `index` and `watch`, found by `search` and `similar`, labelled by
    `classify` and `write_tags`; `locate` says where something is, `facts` what is known of one.
    """

    # The methods stand in the modules of this folder, by what they are for; `opened.py` has what
    # they share.


@contextmanager
def temporary_library(model: str | None = None, **options: Any) -> Iterator[Library]:
    """A library that lasts as long as its `with` block; options as of `Library.open`."""
    import tempfile

    with (
        tempfile.TemporaryDirectory(prefix="photosearch-") as folder,
        Library.open(Path(folder) / "library", model, create=True, **options) as library,
    ):
        yield library
