"""Finding things in photos, put together: files → pixels → a Locator → Located records.

In: photos, what to look for, which kind does it. Out: Located records in the same order; Failure
records for what gives no photo. No library is needed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from photosearch.decode.pixels import decode
from photosearch.errors import BadImage, PhotosearchError, WrongUse
from photosearch.read import Changed, read_file
from photosearch.records import Failure, Located, Region
from photosearch.zeroshot.files import NamedFile, named_file
from photosearch.zeroshot.labels import check_labels, parse_labels
from photosearch.zeroshot.region import KINDS, Locator

if TYPE_CHECKING:
    from PIL import Image

    from photosearch.encode.encoder import Encoder

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
    if not isinstance(what, str):
        return check_labels(what, "--what")
    try:
        return parse_labels(what)
    except WrongUse as error:  # which speaks of the option of `classify`
        hint = error.hint.replace("--labels", "--what")
        raise WrongUse(str(error).replace("--labels", "--what"), hint=hint) from error


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


def locate_images(items: Iterable[Any], locator: Locator) -> Iterator[Located | Failure]:
    """NamedFile records and PIL images as they come; Failure records pass through."""
    for item in items:
        if isinstance(item, Failure):
            yield item
        elif isinstance(item, NamedFile):
            yield _locate_file(item, locator)
        else:
            yield _located(None, item.convert("RGB"), item.width, item.height, locator)


def _locate_file(file: NamedFile, locator: Locator) -> Located | Failure:
    try:
        data = read_file(file.path, file.found).data
        decoded = decode(data, need=locator.need)
        return _located(file.shown, decoded.image, decoded.width, decoded.height, locator)
    except BadImage as error:
        return Failure(file.shown, str(error))
    except (Changed, PhotosearchError) as error:
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
