"""What is done on a node of a cluster: files read, photos decoded and encoded.

In: a folder's path and what the walk saw of its files. Out: digests for the run, the bytes beside
them for whoever encodes, and photos with their vectors. Runs in processes that `ingest/cluster.py`
starts; the same code as on one machine does the work (`ingest/here.py`). Knows nothing of Ray.
"""

from __future__ import annotations

import os
import shutil
import socket
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from photosearch.decode.limits import Limits
from photosearch.errors import PhotosearchError, WrongUse
from photosearch.ingest.here import Here, read_one
from photosearch.ingest.workshop import Arrived, Encoded, Trouble
from photosearch.paths import join, time_of
from photosearch.records import FoundFile

if TYPE_CHECKING:
    from photosearch.encode.encoder import Encoder

Content = tuple[bytes, NDArray[np.uint8]] | None  # digest and bytes of a file that was read
ModelFiles = Mapping[str, NDArray[np.uint8]]  # by their names in the bundle


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of reading a file, without its bytes; neither digest nor reason: no photo."""

    digest: bytes | None = None
    reason: str | None = None
    # The node on which the file is not there, or not as the walk saw it: it has changed since, or
    # this node sees another folder. Whoever walked can tell.
    unlike_on: str | None = None


@dataclass(frozen=True, slots=True)
class Task:
    """How photos are to be encoded."""

    version: str  # of photosearch
    model: str  # name or path of the image model
    key: str
    device: str
    limits: Limits
    batch_size: int | None


@dataclass(frozen=True, slots=True)
class Hello:
    """What a bench says of itself when it can work."""

    node: str
    batch_size: int


def own_version() -> str:
    """Of the photosearch that this process runs."""
    try:
        return version("photosearch")
    except PackageNotFoundError:
        return "of no release"


def read_group(root: bytes, files: Sequence[FoundFile]) -> list[Any]:
    """[outcomes of all files, content of the first, content of the second …]."""
    outcomes: list[Outcome] = []
    contents: list[Content] = []
    for found in files:
        result = read_one(root, found)
        content: Content = None
        if isinstance(result, Arrived):
            outcome = Outcome(digest=result.digest)
            content = result.digest, np.frombuffer(result.content, np.uint8)
        else:
            reason = result.reason if isinstance(result, Trouble) else None
            unlike = not _is_as_found(root, found)
            outcome = Outcome(reason=reason, unlike_on=socket.gethostname() if unlike else None)
        outcomes.append(outcome)
        contents.append(content)
    return [outcomes, *contents]


def _is_as_found(root: bytes, found: FoundFile) -> bool:
    try:
        status = os.stat(join(root, found.path))
    except FileNotFoundError:
        return False
    except OSError:
        return True  # it is there, and says itself what is wrong with it
    return (status.st_size, time_of(status)) == (found.size, found.mtime_ns)


class Bench:
    """Encodes on one node: the model opened once, worker processes that decode for it.

    Several calls may be under way at once: one decodes while the other encodes.
    """

    def __init__(self, task: Task, jobs: int) -> None:
        self._task = task
        self._jobs = jobs
        self._here: Here | None = None

    def open(self, files: ModelFiles | None = None) -> Hello | None:
        """Open the model that this node has, or that of `files`; None where it has it not."""
        task = self._task
        node = socket.gethostname()
        if own_version() != task.version:
            raise WrongUse(
                f"node {node} has photosearch {own_version()}, and this machine {task.version}",
                hint="the same version on all nodes: pip install photosearch==" + task.version,
            )
        encoder = _own_model(task) if files is None else _sent_model(task, files)
        if encoder is None:
            return None
        try:
            tower = encoder.bulk_image
        finally:
            if files is not None:  # the session holds what it needs of them
                shutil.rmtree(encoder.name, ignore_errors=True)
        if tower.key != task.key:
            raise PhotosearchError(f"node {node} opened another model than {task.model}")
        self._here = Here(
            lambda: tower, jobs=self._jobs, limits=task.limits, batch_size=task.batch_size
        )
        return Hello(node, task.batch_size or tower.batch_size)

    def encode(
        self, files: Sequence[tuple[FoundFile, bytes]], *contents: Content
    ) -> list[Encoded | Trouble]:
        """Photos and their vectors; each file beside the digest that the run was told."""
        assert self._here is not None
        results: list[Encoded | Trouble] = []
        arrived = []
        for (found, digest), content in zip(files, contents, strict=True):
            # Bytes that were lost with a node have been read again since.
            if content is None or content[0] != digest:
                results.append(Trouble(found, "changed while it was being read", digest))
            else:
                arrived.append(Arrived(found, digest, content[1].tobytes()))
        return [*results, *self._here.encode(arrived)]

    def close(self) -> None:
        """End the worker processes."""
        if self._here is not None:
            self._here.close()


def _own_model(task: Task) -> Encoder | None:
    """The model as this node has it, without any download; None where it is not the same."""
    from photosearch.encode.find import is_here
    from photosearch.encode.names import INT8, open_encoder

    name = os.path.expanduser(task.model)
    if task.model.endswith(INT8) or not (is_here(task.model) or os.path.isdir(name)):
        return None
    try:
        encoder = open_encoder(task.model, device=task.device)
        if encoder.key != task.key:
            return None
        encoder.verify()
    except PhotosearchError:
        return None
    return encoder


def _sent_model(task: Task, files: ModelFiles) -> Encoder:
    from photosearch.encode.names import open_encoder

    folder = Path(tempfile.mkdtemp(prefix="photosearch-model-"))
    for name, content in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content.data)
    return open_encoder(os.fspath(folder), device="cpu")
