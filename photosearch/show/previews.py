"""Small pictures of files, made side by side in worker processes, each within a time limit.

In: where photos lie, how large the pictures may be. Out: one small picture a photo, in order, or
why there is none. A photo that crashes or hangs its decoder, or lies on a disk that does not
answer, costs its own picture and no other. Knows nothing of what the pictures are for.
"""

from __future__ import annotations

import io
import os
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from photosearch.decode.limits import Limits
from photosearch.errors import BadImage
from photosearch.ordered import ordered_map
from photosearch.records import Hit

OFFLINE = "offline: the folder it lies in is not there now"
CHANGED = "changed since photosearch index"
SECONDS = 30.0  # a photo of 200 megapixels takes 7 s on a slow core
_QUALITY = 80
_PROCESSES = 8  # more of them wait for the disk


@dataclass(frozen=True, slots=True)
class Wanted:
    """A photo by the places that it may lie at; the first one that can be read is taken."""

    paths: tuple[Path, ...]
    digest: str | None = None  # what its content is, SHA-256 in hexadecimal; None: whatever it is
    offline: bool = False  # nothing is tried

    @classmethod
    def of(cls, hit: Hit) -> Wanted:
        paths = hit.copies if hit.offline else (hit.path, *hit.copies)
        return cls(paths, hit.photo, offline=hit.offline and not hit.copies)


@dataclass(frozen=True, slots=True)
class Preview:
    """A small picture: the bytes of a JPEG, or its RGB pixels."""

    data: bytes
    width: int
    height: int
    file_bytes: int  # of the photo itself


def previews(
    wanted: Iterable[Wanted],
    box: tuple[int, int],
    *,
    as_pixels: bool = False,
    seconds: float = SECONDS,
) -> Iterator[Preview | str]:
    """For each photo a picture that fits into the box (width, height), or a reason."""
    from photosearch.decode.pool import WorkerPool
    from photosearch.settings import usable_cores

    count = min(usable_cores(), _PROCESSES)
    limits = Limits(seconds=seconds)
    with (
        WorkerPool(count, preload=[__name__, "photosearch.decode.pixels"]) as workers,
        ThreadPoolExecutor(count) as pool,
    ):

        def make(photo: Wanted) -> Preview | str:
            reason = OFFLINE if photo.offline else "no file holds it now"
            for path in photo.paths:
                try:
                    return workers.run(
                        small_picture,
                        os.fsencode(path),
                        photo.digest,
                        box,
                        as_pixels,
                        limits=limits,
                    )
                except (BadImage, OSError) as error:
                    reason = _reason(error, seconds)
            return reason

        yield from ordered_map(make, wanted, pool=pool, ahead=3 * count)


def small_picture(
    path: bytes, digest: str | None, box: tuple[int, int], as_pixels: bool, limits: Limits
) -> Preview:
    """Read and decode one photo, in a worker process. Raises OSError, BadImage."""
    import hashlib

    from photosearch.decode.pixels import REDUCED_SCALE_MARGIN, decode
    from photosearch.read import open_regular
    from photosearch.settings import MAX_FILE_BYTES

    with open_regular(path) as file:
        data = file.read(MAX_FILE_BYTES)
    if digest is not None and hashlib.sha256(data).hexdigest() != digest:
        raise BadImage(CHANGED)
    image = decode(data, need=max(box) // REDUCED_SCALE_MARGIN + 1, limits=limits).image
    image.thumbnail(box)
    if as_pixels:
        small = image.tobytes()
    else:
        image.info.clear()  # the photo's own comment would come along
        written = io.BytesIO()
        image.save(written, "JPEG", quality=_QUALITY)
        small = written.getvalue()
    return Preview(small, image.width, image.height, len(data))


def _reason(error: BadImage | OSError, seconds: float) -> str:
    from photosearch.decode.pool import TooSlow

    if isinstance(error, TooSlow):
        return f"not read within {seconds:g} s"
    if isinstance(error, FileNotFoundError):
        return "no file there now"
    if isinstance(error, OSError):
        return error.strerror or str(error)
    return error.typed.removesuffix(": --max-megapixels")  # an option of `index`
