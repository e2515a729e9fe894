"""Options that several commands share."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated

import typer

from photosearch.errors import WrongUse

LibraryOption = Annotated[
    Path | None,
    typer.Option(
        "--library",
        metavar="FOLDER",
        help="The library's folder. [env PHOTOSEARCH_LIBRARY; default: your user-data folder]",
    ),
]
ModelOption = Annotated[
    str | None,
    typer.Option(
        "--model",
        metavar="MODEL",
        help="A model: ViT-B/32, hf:ORG/NAME, a path, IMAGE_MODEL+TEXT_MODEL; see photosearch "
        "models list. [env PHOTOSEARCH_MODEL; default: the library's own]",
    ),
]
VectorsOption = Annotated[
    str | None,
    typer.Option(
        "--vectors",
        metavar="ADDRESS",
        help="Search in Milvus: milvus://host:port/database, ./file.db. "
        "[env PHOTOSEARCH_VECTORS; default: files in the library]",
    ),
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print one JSON document.")]
DeviceOption = Annotated[
    str,
    typer.Option(
        "--device",
        metavar="DEVICE",
        help="Where photos are encoded: auto, cpu, cuda, cuda:1, mps.",
    ),
]

# What `index` and `watch` take in, and what a photo may cost them.
FoldersArgument = Annotated[
    list[Path] | None,
    typer.Argument(metavar="[PATH]...", help="Photo folders; all indexed ones if left out."),
]
ExcludeOption = Annotated[
    list[str] | None,
    typer.Option(
        "--exclude",
        metavar="GLOB",
        help="Leave out what matches (gitignore syntax). Repeatable.",
    ),
]
FollowLinksOption = Annotated[
    bool, typer.Option("--follow-links", help="Follow symbolic links; each folder once.")
]
HiddenOption = Annotated[bool, typer.Option("--hidden", help="Also take hidden files and folders.")]
TimeoutOption = Annotated[
    float | None,
    typer.Option(
        "--timeout", metavar="SECONDS", help="Give a photo up that takes longer. [default: 60]"
    ),
]
MaxMegapixelsOption = Annotated[
    float | None,
    typer.Option(
        "--max-megapixels",
        metavar="N",
        help="Refuse larger photos: decompression bombs. [default: 200]",
    ),
]

_UNITS = {"": 1.0, "s": 1.0, "m": 60.0, "min": 60.0, "h": 3600.0, "d": 86400.0}


def seconds_of(option: str, text: str) -> float:
    """A time as it is typed: 30s, 10m, 6h."""
    match = re.fullmatch(r"(\d+(?:\.\d+)?)\s*(s|m|min|h|d|)", text.strip().lower())
    if not match or not float(match[1]):
        raise WrongUse(f"{option} {text!r} is no time", hint=f"{option} 10m, or 30s, 6h")
    return float(match[1]) * _UNITS[match[2]]
