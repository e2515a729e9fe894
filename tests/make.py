"""Pictures drawn in code, and the bytes of files that hold them. The same on every run.

Nothing here knows photosearch: what a camera would write is made from the formats' own rules.
"""

from __future__ import annotations

import io
import os
import random
import struct
import zlib
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
from PIL import ExifTags, Image, ImageDraw
from PIL.TiffImagePlugin import IFDRational

Tag = ExifTags.Base
GPS = ExifTags.GPS
PHOTOS_VARIABLE = "PHOTOSEARCH_TEST_PHOTOS"
GOLDEN_VARIABLE = "PHOTOSEARCH_TEST_GOLDEN"

# What the EXIF orientation says (Exif 2.32, 4.6.4 A): where in the scene the first stored row lies,
# and where the first stored column.
ORIENTATIONS = {
    1: ("top", "left"),
    2: ("top", "right"),
    3: ("bottom", "right"),
    4: ("bottom", "left"),
    5: ("left", "top"),
    6: ("right", "top"),
    7: ("right", "bottom"),
    8: ("left", "bottom"),
}


def picture(seed: int, size: tuple[int, int] = (64, 48)) -> Image.Image:
    """A scene of sky, ground, a sun and some boxes: another one for each seed, never symmetric."""
    chance = random.Random(seed)
    width, height = size

    def colour() -> tuple[int, int, int]:
        return chance.randrange(256), chance.randrange(256), chance.randrange(256)

    image = Image.new("RGB", size, colour())
    draw = ImageDraw.Draw(image)
    draw.rectangle((0, height * chance.randint(50, 70) // 100, width, height), fill=colour())
    for _ in range(4):
        left, top = chance.randrange(width), chance.randrange(height)
        draw.rectangle((left, top, left + width // 5, top + height // 4), fill=colour())
    draw.ellipse((width // 16, height // 16, width // 4, height // 3), fill=colour())
    return image


def encode(image: Image.Image, kind: str, **options: Any) -> bytes:
    """The bytes of a file of one of Pillow's formats."""
    file = io.BytesIO()
    image.save(file, kind, **options)
    return file.getvalue()


def jpeg(image: Image.Image, *, exif: Image.Exif | None = None, quality: int = 90) -> bytes:
    more = {} if exif is None else {"exif": exif}
    return encode(image, "JPEG", quality=quality, **more)


def png(image: Image.Image, **options: Any) -> bytes:
    return encode(image, "PNG", **options)


def exif(
    first: dict[int, Any] | None = None,
    detail: dict[int, Any] | None = None,
    gps: dict[int, Any] | None = None,
) -> Image.Exif:
    """An EXIF block of raw tags: the first directory, the Exif directory, the GPS directory."""
    block = Image.Exif()
    block.update(first or {})
    block.get_ifd(ExifTags.IFD.Exif).update(detail or {})
    block.get_ifd(ExifTags.IFD.GPSInfo).update(gps or {})
    return block


def camera_exif(
    *,
    taken: datetime | None = None,
    orientation: int | None = None,
    place: tuple[float, float] | None = None,
    camera: str | None = None,
) -> Image.Exif:
    """An EXIF block as a camera writes it; place is (latitude, longitude) in degrees."""
    first: dict[int, Any] = {}
    detail: dict[int, Any] = {}
    if taken:
        detail[Tag.DateTimeOriginal] = taken.strftime("%Y:%m:%d %H:%M:%S")
        if taken.utcoffset() is not None:
            zone = taken.strftime("%z")
            detail[Tag.OffsetTimeOriginal] = f"{zone[:3]}:{zone[3:]}"
    if orientation:
        first[Tag.Orientation] = orientation
    if camera:
        first[Tag.Model] = camera
    return exif(first, detail, gps_tags(*place) if place else None)


def gps_tags(latitude: float, longitude: float) -> dict[int, Any]:
    return {
        GPS.GPSLatitudeRef: "S" if latitude < 0 else "N",
        GPS.GPSLatitude: sexagesimal(abs(latitude)),
        GPS.GPSLongitudeRef: "W" if longitude < 0 else "E",
        GPS.GPSLongitude: sexagesimal(abs(longitude)),
    }


def sexagesimal(degrees: float) -> tuple[IFDRational, IFDRational, IFDRational]:
    """Degrees, minutes, and seconds to a ten-thousandth, as phones write them."""
    whole = round(degrees * 3600 * 10_000)
    minutes, seconds = divmod(whole, 60 * 10_000)
    return (
        IFDRational(minutes // 60, 1),
        IFDRational(minutes % 60, 1),
        IFDRational(seconds, 10_000),
    )


def stored_as(image: Image.Image, orientation: int) -> Image.Image:
    """The pixels as a file of this orientation stores them, so that the scene is `image`."""
    row, column = ORIENTATIONS[orientation]
    pixels = np.asarray(image)
    if row in ("left", "right"):
        pixels = pixels.swapaxes(0, 1)
    if row in ("bottom", "right"):
        pixels = pixels[::-1]
    if column in ("bottom", "right"):
        pixels = pixels[:, ::-1]
    return Image.fromarray(np.ascontiguousarray(pixels))


def raw_png(width: int, height: int, *, depth: int, colour: int, rows: bytes) -> bytes:
    """A PNG put together by hand, for what Pillow cannot write. rows: filter byte, then samples."""

    def chunk(name: bytes, body: bytes) -> bytes:
        return (
            struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))
        )

    header = struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", header)
        + chunk(b"IDAT", zlib.compress(rows))
        + chunk(b"IEND", b"")
    )


def write_photos(folder: Path, count: int, first_seed: int = 0) -> list[Path]:
    """Small JPEGs, each of another scene, in a folder that is made if need be."""
    folder.mkdir(parents=True, exist_ok=True)
    paths = [folder / f"photo{first_seed + number:04}.jpg" for number in range(count)]
    for number, path in enumerate(paths):
        path.write_bytes(jpeg(picture(first_seed + number)))
    return paths


def difference(one: Image.Image, other: Image.Image) -> float:
    """Mean absolute difference of two images of one size, in steps of 1/255."""
    assert one.size == other.size
    first, second = (np.asarray(image.convert("RGB"), np.float32) for image in (one, other))
    return float(np.abs(first - second).mean())


def shared_photos() -> Path | None:
    """The folder of test photos with ground truth, which lies beside the repository; None without.

    PHOTOSEARCH_TEST_PHOTOS names it where it is elsewhere.
    """
    given = os.environ.get(PHOTOS_VARIABLE)
    folder = Path(given) if given else Path(__file__).parents[2] / "shared" / "photos"
    return folder if folder.is_dir() else None


def shared_golden() -> Path | None:
    """The folder of small checkpoints with the answers of their reference implementations.

    It lies beside the repository; PHOTOSEARCH_TEST_GOLDEN names it where it is elsewhere.
    """
    given = os.environ.get(GOLDEN_VARIABLE)
    folder = Path(given) if given else Path(__file__).parents[2] / "shared" / "golden"
    return folder if folder.is_dir() else None
