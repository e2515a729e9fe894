"""Photos that lie in files or in memory → their labels.

In: files or images, and encoded labels. Out: Classified records in the same order; Failure records
for what gives no photo. A pool of threads reads and decodes, as indexing does, this thread encodes;
what is begun is bounded, so memory does not grow with the folder. No library is needed.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from photosearch.decode.formats import sniff
from photosearch.decode.pixels import decode
from photosearch.errors import BadImage, PhotosearchError
from photosearch.ordered import ordered_map
from photosearch.read import Changed, read_file, read_head
from photosearch.records import Classified, Failure
from photosearch.settings import default_model, usable_cores
from photosearch.zeroshot.classify import LabelVectors, check_top, label_vectors
from photosearch.zeroshot.files import NamedFile, named_file

if TYPE_CHECKING:
    from photosearch.encode.encoder import Encoder
    from photosearch.encode.towers import ImageTower

# From so many photos on it pays to open the tower for many, which may be on a GPU.
MANY = 16


@dataclass(frozen=True, slots=True)
class _Ready:
    """An image whose pixels wait for the encoder."""

    shown: Path | None
    pixels: NDArray[np.uint8]  # as the model's preprocessing makes them


def classify(
    images: Any,
    labels: str | Sequence[str],
    *,
    templates: str | Sequence[str] = (),
    language: str | None = None,
    top: int | None = None,
    model: str | os.PathLike[str] | Encoder | None = None,
) -> list[Classified]:
    """Which labels fit images best, a record for each image in their order.

    images: paths of files or PIL images, in a list or a single one. labels: a list, or a text as
    the command takes it: "cat,dog". templates: texts with {} for the label, such as "a photo of a
    {}", whose vectors are averaged. language: the text tower that reads the labels; else their
    script chooses. top: how many labels a record holds; all without it. model: a
    name or path, or what `load_model` gives; else PHOTOSEARCH_MODEL, else "auto".
    Raises BadImage for the first image that cannot be read.
    """
    check_top(top)
    is_one = isinstance(images, (str, os.PathLike)) or _is_image(images)
    given = [images] if is_one else list(images)
    encoder = open_model(model)
    vectors = label_vectors(encoder, labels, templates, language)
    items = (one if _is_image(one) else named_file(one) for one in given)
    records: list[Classified] = []
    tower = encoder.bulk_image if len(given) >= MANY else encoder.image
    for record in classify_images(items, vectors, tower, top=top):
        if isinstance(record, Failure):
            raise BadImage(f"{record.path}: {record.reason}")
        records.append(record)
    return records


def classify_images(
    items: Iterable[Any],
    labels: LabelVectors,
    tower: ImageTower,
    *,
    top: int | None = None,
    jobs: int | None = None,
) -> Iterator[Classified | Failure]:
    """Classify NamedFile records and PIL images as they come; Failure records pass through."""
    jobs = jobs or usable_cores()
    waiting: list[_Ready | Failure] = []
    with ThreadPoolExecutor(jobs, "decode") as pool:
        # While the encoder is busy with one batch, the decoders fill the next.
        ahead = tower.batch_size + 2 * jobs
        loaded = ordered_map(lambda item: _load(item, tower), items, pool=pool, ahead=ahead)
        for one in loaded:
            if one is not None:
                waiting.append(one)
            if len(waiting) >= tower.batch_size:
                yield from _encode(waiting, labels, tower, top)
                waiting = []
        yield from _encode(waiting, labels, tower, top)


def _encode(
    waiting: list[_Ready | Failure], labels: LabelVectors, tower: ImageTower, top: int | None
) -> Iterator[Classified | Failure]:
    ready = [one for one in waiting if isinstance(one, _Ready)]
    vectors = tower.encode(np.stack([one.pixels for one in ready])) if ready else None
    best = iter([] if vectors is None else labels.best(vectors, top))
    for one in waiting:
        if isinstance(one, Failure):
            yield one
        else:
            yield Classified(one.shown, next(best), labels.scoring)


def _load(item: Any, tower: ImageTower) -> _Ready | Failure | None:
    """In a worker thread. None for a file of a folder, without a suffix, that is no photo."""
    if isinstance(item, Failure):
        return item
    if not isinstance(item, NamedFile):
        try:
            return _Ready(None, tower.preprocess.resize(item.convert("RGB")))
        except OSError as error:  # Pillow reads a file's pixels when they are first asked for
            raise BadImage(f"an image in memory: {error}") from error
    try:
        if item.found.unsure and sniff(read_head(item.path)) is None:
            return None
        data = read_file(item.path, item.found).data
        image = decode(data, need=tower.preprocess.need).image
        return _Ready(item.shown, tower.preprocess.resize(image))
    except (Changed, PhotosearchError) as error:
        return Failure(item.shown, str(error))
    except OSError as error:
        return Failure(item.shown, f"cannot be read: {error.strerror or error}")


def _is_image(source: Any) -> bool:
    return hasattr(source, "convert")


def open_model(model: str | os.PathLike[str] | Encoder | None = None) -> Encoder:
    """As named, else PHOTOSEARCH_MODEL, else "auto"; an Encoder is one already."""
    from photosearch.encode.names import AUTO, open_encoder

    if model is None or isinstance(model, (str, os.PathLike)):
        return open_encoder(os.fspath(model or default_model() or AUTO))
    return model
