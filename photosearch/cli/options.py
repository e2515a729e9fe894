"""Options that several commands share."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

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
JsonOption = Annotated[bool, typer.Option("--json", help="Print one JSON document.")]
DeviceOption = Annotated[
    str,
    typer.Option(
        "--device",
        metavar="DEVICE",
        help="Where photos are encoded: auto, cpu, cuda, cuda:1, mps.",
    ),
]
