"""Find photos by what they show: `from photosearch import Library`.

Names are resolved on first use, so importing the package costs nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from photosearch.encode.encoder import Encoder
    from photosearch.encode.names import load_model
    from photosearch.errors import PhotosearchError
    from photosearch.library import Library
    from photosearch.records import (
        Classified,
        EvalReport,
        Hit,
        IndexReport,
        Progress,
        Status,
        TagReport,
    )
    from photosearch.search.filters import Filters
    from photosearch.zeroshot.photos import classify

__version__ = "0.1.0.dev0"

__all__ = [
    "Classified",
    "Encoder",
    "EvalReport",
    "Filters",
    "Hit",
    "IndexReport",
    "Library",
    "PhotosearchError",
    "Progress",
    "Status",
    "TagReport",
    "__version__",
    "classify",
    "load_model",
]

_HOMES = {
    "Classified": "photosearch.records",
    "Encoder": "photosearch.encode.encoder",
    "EvalReport": "photosearch.records",
    "Filters": "photosearch.search.filters",
    "Hit": "photosearch.records",
    "IndexReport": "photosearch.records",
    "Library": "photosearch.library",
    "PhotosearchError": "photosearch.errors",
    "Progress": "photosearch.records",
    "Status": "photosearch.records",
    "TagReport": "photosearch.records",
    "classify": "photosearch.zeroshot.photos",
    "load_model": "photosearch.encode.names",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'photosearch' has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(_HOMES[name]), name)


def __dir__() -> list[str]:
    return sorted(__all__)
