"""Options that several commands share."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated

import typer

from photosearch.errors import WrongUse

# Groups of the help, in the words of every command that has them.
FILES = "Which files"
LOOKED_FOR = "What is looked for"
CARE = "Speed, and limits"
PRINTED = "How they are printed"

LibraryOption = Annotated[
    Path | None,
    typer.Option(
        "--library",
        metavar="FOLDER",
        help="The folder in which photosearch keeps what it knows of your photos. "
        "[env PHOTOSEARCH_LIBRARY; default: your user-data folder]",
    ),
]
ModelOption = Annotated[
    str | None,
    typer.Option(
        "--model",
        metavar="MODEL",
        help="What compares photos with words: ViT-B/32, hf:ORG/NAME, a path, "
        "IMAGE_MODEL+TEXT_MODEL; see photosearch models list. [env PHOTOSEARCH_MODEL; default: the "
        "library's own]",
    ),
]
VectorsOption = Annotated[
    str | None,
    typer.Option(
        "--vectors",
        metavar="ADDRESS",
        help="Search in Milvus, a database server: milvus://host:port/database, ./file.db. "
        "[env PHOTOSEARCH_VECTORS; default: files in the library]",
    ),
]
JsonOption = Annotated[
    bool, typer.Option("--json", help="Print one JSON document, for programs: docs/json.md.")
]
DeviceOption = Annotated[
    str,
    typer.Option(
        "--device",
        metavar="DEVICE",
        help="What the model runs on: auto, cpu, cuda or cuda:1 (NVIDIA), mps (Apple).",
        rich_help_panel=CARE,
    ),
]

# What `index` and `watch` take in, and what a photo may cost them.
FoldersArgument = Annotated[
    list[Path] | None,
    typer.Argument(
        metavar="[PATH]...",
        help="Photo folders; all indexed ones if left out.",
        readable=False,  # the run says which cannot be read
    ),
]
ExcludeOption = Annotated[
    list[str] | None,
    typer.Option(
        "--exclude",
        metavar="GLOB",
        help='Leave out what matches, as in a .gitignore file: "*.png", "screenshots/". '
        "Repeatable.",
        rich_help_panel=FILES,
    ),
]
FollowLinksOption = Annotated[
    bool,
    typer.Option(
        "--follow-links", help="Follow symbolic links; each folder once.", rich_help_panel=FILES
    ),
]
HiddenOption = Annotated[
    bool,
    typer.Option("--hidden", help="Also take hidden files and folders.", rich_help_panel=FILES),
]
TimeoutOption = Annotated[
    float | None,
    typer.Option(
        "--timeout",
        metavar="SECONDS",
        help="Give a photo up that takes longer to open. [default: 60]",
        rich_help_panel=CARE,
    ),
]
MaxMegapixelsOption = Annotated[
    float | None,
    typer.Option(
        "--max-megapixels",
        metavar="N",
        help="Refuse larger photos: small files can hold pictures that fill the memory. "
        "[default: 200]",
        rich_help_panel=CARE,
    ),
]

_UNITS = {"": 1.0, "s": 1.0, "m": 60.0, "min": 60.0, "h": 3600.0, "d": 86400.0}


def seconds_of(option: str, text: str) -> float:
    """A time as it is typed: 30s, 10m, 6h."""
    match = re.fullmatch(r"(\d+(?:\.\d+)?)\s*(s|m|min|h|d|)", text.strip().lower())
    if not match or not float(match[1]):
        raise WrongUse(f"{option} {text!r} is no time", hint=f"{option} 10m, or 30s, 6h")
    return float(match[1]) * _UNITS[match[2]]
