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
        help="Model name, or the folder of a bundle. [env PHOTOSEARCH_MODEL; default: the "
        "library's own, mini at first]",
    ),
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print one JSON document.")]
