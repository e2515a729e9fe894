"""Published models → their files on this machine: OpenAI's, the Hugging Face hub's, ModelScope's.

In: a model of the table, or a repository. Out: a file or folder. What is here already is used
without the network where that is safe; PHOTOSEARCH_OFFLINE=1 or HF_HUB_OFFLINE=1 forbid the network
altogether. Raises DownloadFailed, UnknownModel, StorageError, MissingExtra.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from photosearch.encode.bundle import sha256_of
from photosearch.encode.download import Progress, download, is_terminal
from photosearch.encode.hubs import fetch_hub, fetch_modelscope, hub_cached
from photosearch.encode.known import KnownModel
from photosearch.errors import UnknownModel

__all__ = ["download", "fetch_hub", "fetch_modelscope", "fetch_openai", "hub_cached"]

OPENAI_URL = "https://openaipublic.azureedge.net/clip/models"
OPENAI_VARIABLE = "PHOTOSEARCH_OPENAI_URL"


def fetch_openai(model: KnownModel, folder: Path, progress: Progress | None = None) -> Path:
    """One of OpenAI's files: from `folder`, from the clip package's own cache, or downloaded.

    PHOTOSEARCH_OPENAI_URL names a mirror, with a folder a checksum as at OpenAI's address. Without
    `progress`, a bar is shown where stderr is a terminal.
    """
    if model.file is None or model.sha256 is None:
        raise UnknownModel(f"{model.name} is none of OpenAI's files")
    target = folder / model.file
    record = folder / f"{model.file}.checked"
    for path in (target, Path(os.path.expanduser("~/.cache/clip")) / model.file):
        if _is_right(path, model.sha256, record):
            return path
    base = os.environ.get(OPENAI_VARIABLE) or OPENAI_URL
    url = f"{base.rstrip('/')}/{model.sha256}/{model.file}"
    with _bar(model.name, progress) as shown:
        download(url, target, sha256=model.sha256, progress=shown)
    _note(target, model.sha256, record)
    return target


def _is_right(path: Path, sha256: str, record: Path) -> bool:
    """Whether a file has this sum. It is computed once: 1 GB takes seconds."""
    with suppress(OSError):
        if _read_note(record) == _note_of(path, sha256):
            return True
        if path.is_file() and sha256_of(path) == sha256:
            _note(path, sha256, record)
            return True
    return False


def _note_of(path: Path, sha256: str) -> dict[str, Any]:
    state = path.stat()
    return {
        "path": os.path.abspath(path),
        "size": state.st_size,
        "mtime_ns": state.st_mtime_ns,
        "sha256": sha256,
    }


def _note(path: Path, sha256: str, record: Path) -> None:
    with suppress(OSError):  # then it is computed again
        record.parent.mkdir(parents=True, exist_ok=True)
        record.write_text(json.dumps(_note_of(path, sha256)), encoding="utf-8")


def _read_note(record: Path) -> Any:
    try:
        return json.loads(record.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None


@contextmanager
def _bar(name: str, progress: Progress | None) -> Iterator[Progress | None]:
    """The given progress, or a bar where somebody can see it."""
    if progress is not None or not is_terminal():
        yield progress
        return
    from tqdm import tqdm

    with tqdm(desc=name, unit="B", unit_scale=True, leave=False) as bar:

        def show(done: int, total: int | None) -> None:
            bar.total = total
            bar.update(done - bar.n)

        yield show
