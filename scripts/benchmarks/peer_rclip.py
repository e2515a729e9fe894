"""How to run rclip as a peer: its own program, its own Python environment, never this one.

PHOTOSEARCH_PEER_RCLIP names a folder with `venv/` (Python 3.12 with `pip install rclip==4.0.8`) and
`model/`, which holds what rclip keeps in its data folder: `ViT-B-32-256-datacomp_s34b_b86k/`,
`tokenizer/` and the texts beside them. Weights of that architecture cost the same whatever they
are, so random ones do for times and memory. `libraries/N/` may hold libraries of N photos:
`photos/` and rclip's `data/`. Where the variable is not set, comparisons leave rclip out.
"""

from __future__ import annotations

import os
from pathlib import Path

VARIABLE = "PHOTOSEARCH_PEER_RCLIP"
MODEL = "ViT-B-32-256-datacomp_s34b_b86k"
TEXT = "a dog in the snow"

# What to run: command, environment to add, folder to run it in.
Peer = tuple[list[str], dict[str, str], Path]


def rclip_environment() -> Path | None:
    """The folder of rclip's environment, None where there is none; a wrong one ends the run."""
    value = os.environ.get(VARIABLE)
    if not value:
        return None
    folder = Path(value).absolute()
    for part in ("venv/bin/rclip", f"model/{MODEL}"):
        if not (folder / part).exists():
            raise SystemExit(f"{VARIABLE}={value}: there is no {part}")
    return folder


def absent() -> str:
    """The line that says why rclip is left out."""
    return f"rclip is left out: {VARIABLE} does not name a folder with its environment"


def query_command(folder: Path, library: int | Path, text: str = TEXT) -> Peer:
    """A cold query, without a walk of the folder, which is rclip's fastest.

    library: how many photos one of `libraries/` has, or a folder with `photos/` and `data/`.
    """
    where = folder / "libraries" / str(library) if isinstance(library, int) else library
    if not (where / "data").is_dir():
        raise SystemExit(f"{where}: rclip has no library there")
    command = [os.fspath(folder / "venv/bin/rclip"), "--no-indexing", text]
    return command, _environment(where / "data"), where / "photos"


def index_command(folder: Path, photos: Path, data: Path, *, indexing: bool = True) -> Peer:
    """Indexes `photos` into the data folder, which is made here.

    rclip has no command that only indexes: this one answers a query as well. With indexing=False
    it does nothing else, so that the difference of the two is the indexing.
    """
    data.mkdir(parents=True, exist_ok=True)
    for part in (folder / "model").iterdir():
        if not (data / part.name).exists():
            (data / part.name).symlink_to(part)
    command = [os.fspath(folder / "venv/bin/rclip"), "--filepath-only", TEXT]
    if not indexing:
        command.append("--no-indexing")
    return command, _environment(data), photos


def _environment(data: Path) -> dict[str, str]:
    # Offline: an incomplete model folder fails at once instead of being downloaded.
    return {"RCLIP_DATADIR": os.fspath(data), "HF_HUB_OFFLINE": "1"}
