"""The workshop on this machine: threads read, processes decode, ONNX Runtime or torch encodes.

In: files. Out: photos with their vectors, in order. Bounded in number and bytes, so that memory
does not grow with the folder. Knows nothing of the catalogue.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass
from functools import partial
from types import TracebackType
from typing import TYPE_CHECKING, Self

import numpy as np
from numpy.typing import NDArray

from photosearch.decode.formats import sniff
from photosearch.decode.limits import Limits
from photosearch.decode.pool import WorkerPool
from photosearch.errors import BadImage, MissingExtra
from photosearch.ingest.prepare import prepare_packed
from photosearch.ingest.workshop import Arrived, Encoded, Trouble
from photosearch.ordered import ordered_map
from photosearch.paths import join
from photosearch.read import Changed, read_file, read_head
from photosearch.records import FoundFile, Photo

if TYPE_CHECKING:
    from photosearch.encode.towers import ImageTower

# Bytes of files that may be on their way to a stage: 36 raw files of 100 MB would be 3.6 GB.
_MOST_BYTES = 256 << 20

# Photos under way for each decoder: a commit takes as long as several of them.
_AHEAD = 4

# Workers that start while the model is opened; more than that come as they are needed.
_STARTED_BEFORE_TOWER = 2
_PRELOAD = (
    "photosearch.ingest.prepare",
    "photosearch.encode.preprocess",
    "PIL.JpegImagePlugin",
)


@dataclass(frozen=True, slots=True)
class _Ready:
    """A photo whose pixels wait for the encoder."""

    photo: Photo
    pixels: NDArray[np.uint8]


class Here:
    """A Workshop of this process and its workers.

    `tower` is called when the first photo has to be encoded: an unchanged folder opens no model.
    batch_size: photos a call of the tower, None: as it likes best. workers:
    the caller's, who ends them.
    """

    def __init__(
        self,
        tower: Callable[[], ImageTower],
        *,
        jobs: int,
        limits: Limits,
        batch_size: int | None = None,
        workers: WorkerPool | None = None,
    ) -> None:
        self._open_tower = tower
        self._tower: ImageTower | None = None
        self._jobs = jobs
        self._limits = limits
        self._wanted_batch = batch_size
        self._workers = workers or WorkerPool(jobs, _PRELOAD)
        self._owns_workers = workers is None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """End the worker processes, unless they are the caller's."""
        if self._owns_workers:
            self._workers.close()

    def read(self, root: bytes, files: Iterable[FoundFile]) -> Generator[Arrived | Trouble | None]:
        """Each file read and hashed, by threads."""
        with ThreadPoolExecutor(self._jobs, "read") as readers:
            yield from ordered_map(
                partial(read_one, root),
                files,
                pool=readers,
                ahead=2 * self._jobs,
                weight=lambda found: found.size,
                most=_MOST_BYTES,
            )

    def encode(self, files: Iterable[Arrived]) -> Generator[Encoded | Trouble]:
        """Photos decoded by the workers, and encoded a batch at a time.

        The tower has a thread of its own: while it works on one batch, the caller's thread gathers
        the next, and compares and stores.
        """
        with (
            ThreadPoolExecutor(self._jobs, "decode") as decoders,
            ThreadPoolExecutor(1, "encode") as encoder,
            closing(
                ordered_map(
                    self._decode,
                    self._with_tower(files),
                    pool=decoders,
                    ahead=_AHEAD * self._jobs,
                    weight=lambda file: len(file.content),
                    most=_MOST_BYTES,
                )
            ) as decoded,
            closing(
                ordered_map(self._encode, self._batches(decoded), pool=encoder, ahead=2)
            ) as batches,
        ):
            for results in batches:
                yield from results

    def _with_tower(self, files: Iterable[Arrived]) -> Iterator[Arrived]:
        for file in files:
            if self._tower is None:
                self._workers.start(_STARTED_BEFORE_TOWER)
                self._tower = self._open_tower()
            yield file

    def _decode(self, file: Arrived) -> _Ready | Trouble:
        assert self._tower is not None
        try:
            photo, shape, pixels = self._workers.run(
                prepare_packed,
                file.content,
                file.digest,
                self._tower.preprocess,
                limits=self._limits,
            )
            return _Ready(photo, np.frombuffer(pixels, np.uint8).reshape(shape))
        except (BadImage, MissingExtra) as error:
            return Trouble(file.found, error.typed, file.digest)

    @property
    def _batch_size(self) -> int:
        assert self._tower is not None
        return self._wanted_batch or self._tower.batch_size

    def _batches(self, decoded: Iterable[_Ready | Trouble]) -> Iterator[list[_Ready | Trouble]]:
        """So many photos at a time, with what failed between them."""
        batch: list[_Ready | Trouble] = []
        photos = 0
        for result in decoded:
            batch.append(result)
            photos += isinstance(result, _Ready)
            # Failures are told soon: a folder may hold nothing else.
            if photos == self._batch_size or len(batch) == 2 * self._batch_size:
                yield batch
                batch, photos = [], 0
        if batch:
            yield batch

    def _encode(self, batch: list[_Ready | Trouble]) -> list[Encoded | Trouble]:
        pixels = [one.pixels for one in batch if isinstance(one, _Ready)]
        if not pixels:
            return [one for one in batch if isinstance(one, Trouble)]
        assert self._tower is not None
        vectors = iter(self._tower.encode(np.stack(pixels)).astype("<f2"))
        return [
            Encoded(one.photo, next(vectors).tobytes()) if isinstance(one, _Ready) else one
            for one in batch
        ]


def read_one(root: bytes, found: FoundFile) -> Arrived | Trouble | None:
    """A file's bytes; None for one that turns out to be no photo, or to have vanished."""
    path = join(root, found.path)
    try:
        if found.unsure and sniff(read_head(path)) is None:
            return None
        file = read_file(path, found)
        return Arrived(file.found, file.digest, file.data)
    except FileNotFoundError:
        return None
    except Changed as error:
        return Trouble(found, str(error))
    except OSError as error:
        return Trouble(found, f"cannot be read: {error.strerror or error}")
