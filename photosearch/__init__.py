"""Find photos by what they show: `from photosearch import Library`.

Names are resolved on first use, so importing the package costs nothing.
"""

from __future__ import annotations

import os

TYPE_CHECKING = False  # `typing` takes 3 ms, a tenth of a query that a warm process answers

# Libraries that report to their makers unless they are told not to, before they are imported.
# Official builds of ONNX Runtime do (seen in 1.31; its Privacy.md says so): they keep an identifier
# of the machine and a database of events in the user's cache folder, and send them.
for _variable in ("ORT_DISABLE_TELEMETRY", "HF_HUB_DISABLE_TELEMETRY", "DO_NOT_TRACK"):
    os.environ.setdefault(_variable, "1")

if TYPE_CHECKING:
    from typing import Any

    from photosearch.encode.encoder import Encoder
    from photosearch.encode.names import load_model
    from photosearch.errors import PhotosearchError
    from photosearch.library import Library
    from photosearch.records import (
        Answer,
        Classified,
        Failure,
        Hit,
        Line,
        Located,
        Progress,
        Region,
    )
    from photosearch.reports.contents import Facets, PhotoFacts, Status
    from photosearch.reports.duplicates import DuplicateFile, DuplicateGroup, DuplicatesReport
    from photosearch.reports.recall import EvalReport
    from photosearch.reports.runs import (
        IndexReport,
        RegionsReport,
        TagReport,
        WatchReport,
        WordsReport,
    )
    from photosearch.reports.upkeep import CheckReport, Problem, Relocated
    from photosearch.search.filters import Filters
    from photosearch.zeroshot.photos import classify

__version__ = "0.1.0"

__all__ = [
    "Answer",
    "CheckReport",
    "Classified",
    "DuplicateFile",
    "DuplicateGroup",
    "DuplicatesReport",
    "Encoder",
    "EvalReport",
    "Facets",
    "Failure",
    "Filters",
    "Hit",
    "IndexReport",
    "Library",
    "Line",
    "Located",
    "PhotoFacts",
    "PhotosearchError",
    "Problem",
    "Progress",
    "Region",
    "RegionsReport",
    "Relocated",
    "Status",
    "TagReport",
    "WatchReport",
    "WordsReport",
    "__version__",
    "classify",
    "load_model",
]

_HOMES = {
    "Answer": "photosearch.records",
    "Classified": "photosearch.records",
    "DuplicateFile": "photosearch.reports.duplicates",
    "DuplicateGroup": "photosearch.reports.duplicates",
    "DuplicatesReport": "photosearch.reports.duplicates",
    "Encoder": "photosearch.encode.encoder",
    "EvalReport": "photosearch.reports.recall",
    "Facets": "photosearch.reports.contents",
    "Failure": "photosearch.records",
    "Filters": "photosearch.search.filters",
    "Hit": "photosearch.records",
    "IndexReport": "photosearch.reports.runs",
    "Library": "photosearch.library",
    "Line": "photosearch.records",
    "Located": "photosearch.records",
    "PhotoFacts": "photosearch.reports.contents",
    "Region": "photosearch.records",
    "RegionsReport": "photosearch.reports.runs",
    "PhotosearchError": "photosearch.errors",
    "Progress": "photosearch.records",
    "Problem": "photosearch.reports.upkeep",
    "CheckReport": "photosearch.reports.upkeep",
    "Relocated": "photosearch.reports.upkeep",
    "Status": "photosearch.reports.contents",
    "TagReport": "photosearch.reports.runs",
    "WatchReport": "photosearch.reports.runs",
    "WordsReport": "photosearch.reports.runs",
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
