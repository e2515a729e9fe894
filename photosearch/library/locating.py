"""Finding things in photos, put together: files → pixels → a Locator → Located records.

In: photos, what to look for, which kind does it. Out: Located records in the same order; Failure
records for what gives no photo. No library is needed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from photosearch.errors import BadImage, WrongUse
from photosearch.read import Changed, read_file
from photosearch.records import Failure, Located, Region
from photosearch.zeroshot.files import NamedFile, named_file
from photosearch.zeroshot.labels import check_labels, parse_labels
from photosearch.zeroshot.region import KINDS, Locator

if TYPE_CHECKING:
    from PIL import Image

    from photosearch.encode.encoder import Encoder

# Upright RGB pixels, perhaps fewer than the photo has; its width and height.
Upright = tuple["Image.Image", int, int]
Decode = Callable[[bytes, int | None], Upright]

_EXAMPLE = '--what "a cat, a remote control"'


def open_locator(
    what: str | Sequence[str],
    *,
    by: str = "regions",
    model: str | None = None,
    threshold: float | None = None,
    encoder: Callable[[], Encoder],
) -> Locator:
    """What finds `what`. encoder: opens the CLIP that `regions` uses where no model is named."""
    if by not in KINDS:
        raise WrongUse(f"--by {by!r} is no way to locate", hint=f"one of: {', '.join(KINDS)}")
    if threshold is not None and not 0 <= threshold <= 1:
        raise WrongUse(f"--threshold must lie between 0 and 1, not {threshold:g}")
    if isinstance(what, str) and not what.strip():
        raise WrongUse("--what is empty", hint=_EXAMPLE)
    if by == "grounding":
        from photosearch.zeroshot.grounding import Grounding

        return Grounding(what, model, threshold)
    labels = labels_of(what)
    if by == "owlvit":
        from photosearch.zeroshot.owlvit import OwlVit

        return OwlVit(labels, model, threshold)
    if by == "segments":
        from photosearch.zeroshot.segments import Segments

        return Segments(labels, model, threshold)
    from photosearch.search import bank
    from photosearch.settings import cache_path
    from photosearch.zeroshot.by_regions import ByRegions

    clip = encoder()
    return ByRegions(labels, clip, threshold, bank.load(clip, cache_path()))


def labels_of(what: str | Sequence[str]) -> list[str]:
    """`a cat, a dog` → ["a cat", "a dog"]; of a list the labels that are not blank, each once."""
    if isinstance(what, str):
        return parse_labels(what, "--what")
    return check_labels(what, "--what")


def locate(
    photo: Any,
    what: str | Sequence[str],
    *,
    by: str = "regions",
    model: str | None = None,
    threshold: float | None = None,
    encoder: Callable[[], Encoder],
) -> list[Region]:
    """Of one photo: a path or a PIL image. Raises BadImage for what cannot be read."""
    locator = open_locator(what, by=by, model=model, threshold=threshold, encoder=encoder)
    item = photo if hasattr(photo, "convert") else named_file(photo)
    (record,) = locate_images([item], locator)
    if isinstance(record, Failure):
        raise BadImage(f"{record.path}: {record.reason}")
    return list(record.regions)


def locate_images(
    items: Iterable[Any], locator: Locator, *, decode: Decode | None = None
) -> Iterator[Located | Failure]:
    """NamedFile records and PIL images as they come; Failure records pass through."""
    for item in items:
        if isinstance(item, Failure):
            yield item
        elif isinstance(item, NamedFile):
            yield _locate_file(item, locator, decode or decode_here)
        else:
            yield _located(None, *_given(item, locator.need), locator)


def decode_here(data: bytes, need: int | None) -> Upright:
    """Bytes of a photo → its pixels, `need` a side at least, and its size."""
    from photosearch.decode.pixels import decode

    decoded = decode(data, need=need)
    return decoded.image, decoded.width, decoded.height


@contextmanager
def decoder(many: bool) -> Iterator[Decode]:
    """Where photos are decoded: many of them in another process, one in this.

    What crashes or hangs its decoder is then one failure of a run. The process takes 0.17 s of CPU
    time to start, and 1.3 ms for each photo of 0.3 megapixels.
    """
    if not many:
        yield decode_here
        return
    from PIL import Image

    from photosearch.decode.limits import Limits
    from photosearch.decode.pool import WorkerPool
    from photosearch.ingest.prepare import open_picture

    with WorkerPool(1) as workers:

        def decode_there(data: bytes, need: int | None) -> Upright:
            picture = workers.run(open_picture, data, need, limits=Limits())
            return Image.fromarray(picture.pixels), picture.width, picture.height

        yield decode_there


def _given(image: Image.Image, need: int | None) -> Upright:
    """An image in memory, as a photo in a file is decoded."""
    from PIL import ImageOps

    from photosearch.decode.pixels import REDUCED_SCALE_MARGIN

    try:
        upright = ImageOps.exif_transpose(image).convert("RGB")
    except OSError as error:  # Pillow reads a file's pixels when they are first asked for
        raise BadImage(f"an image in memory: {error}") from error
    width, height = upright.size
    factor = min(upright.size) // (need * REDUCED_SCALE_MARGIN) if need else 1
    return (upright.reduce(factor) if factor > 1 else upright), width, height


def _locate_file(file: NamedFile, locator: Locator, decode: Decode) -> Located | Failure:
    try:
        data = read_file(file.path, file.found).data
        return _located(file.shown, *decode(data, locator.need), locator)
    except (Changed, BadImage) as error:
        return Failure(file.shown, str(error))
    except OSError as error:
        return Failure(file.shown, f"cannot be read: {error.strerror or error}")


def _located(
    path: Path | None, image: Image.Image, width: int, height: int, locator: Locator
) -> Located:
    across, down = width / image.width, height / image.height
    regions = [_scaled(region, across, down, width, height) for region in locator.locate(image)]
    return Located(path, width, height, tuple(regions))


def _scaled(region: Region, across: float, down: float, width: int, height: int) -> Region:
    """From the pixels of a picture that was decoded smaller to those of the photo."""
    if across == down == 1:
        return region
    x0, y0, x1, y1 = region.box
    if region.corners is not None:
        corners = tuple((x * across, y * down) for x, y in region.corners)
        region = replace(region, corners=corners)
    if region.mask is not None:
        from photosearch.masks import box_of, scaled

        mask = scaled(region.mask, (width, height))
        return replace(region, box=box_of(mask), mask=mask)
    return replace(region, box=(x0 * across, y0 * down, x1 * across, y1 * down))
