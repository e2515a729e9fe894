"""What the bytes are, by content, and the decoder that opens them.

In: the bytes of a file. Out: a format name; a lazily decoded Pillow image, as an Opened.
A file's suffix is never asked. Each optional decoder is imported when its format first turns up.
"""

from __future__ import annotations

import io
import threading
import warnings
from dataclasses import dataclass
from importlib.util import find_spec
from typing import TYPE_CHECKING, Literal

from photosearch.decode.limits import Limits
from photosearch.decode.raw import open_raw
from photosearch.errors import BadImage, MissingExtra, NotAPhoto

if TYPE_CHECKING:
    from PIL import Image

# ISO base media brands (bytes 8-12 of the file, and the compatible brands after them).
_HEIC_BRANDS = (b"heic", b"heix", b"hevc", b"hevx", b"heim", b"heis", b"mif1", b"msf1")
_AVIF_BRANDS = (b"avif", b"avis")

# Pillow's own names for the decoders that may be used: nothing that runs another program (EPS) or
# that draws instead of holding a picture (WMF).
_PILLOW_NAMES = {
    "jpeg": ("JPEG",),  # hands multi-picture files on to MPO by itself
    "png": ("PNG",),
    "webp": ("WEBP",),
    "gif": ("GIF",),
    "tiff": ("TIFF",),
    "bmp": ("BMP", "DIB"),
    "avif": ("AVIF",),
    "jpeg2000": ("JPEG2000",),
}

_opening = threading.Lock()
_NO_OTHER = Limits()  # the usual ones, with nothing else under way

_DNG_VERSION_TAG = 50706
_CAMERA_TIFF_MAKERS = (b"NIKON", b"Canon", b"SONY", b"PENTAX", b"SAMSUNG", b"Hasselblad")


def sniff(data: bytes) -> str | None:
    """The format of an image file by its content, None where it is none that is known."""
    head = data[:64]
    for signature, name in (
        (b"\xff\xd8\xff", "jpeg"),
        (b"\x89PNG\r\n\x1a\n", "png"),
        (b"GIF87a", "gif"),
        (b"GIF89a", "gif"),
        (b"BM", "bmp"),
        (b"\x00\x00\x00\x0cjP  \r\n\x87\n", "jpeg2000"),
        (b"\xff\x4f\xff\x51", "jpeg2000"),
        (b"\xff\x0a", "jxl"),
        (b"\x00\x00\x00\x0cJXL \r\n\x87\n", "jxl"),
        (b"FUJIFILMCCD-RAW", "raw"),
        (b"IIU\x00", "raw"),  # Panasonic
        (b"IIRO", "raw"),  # Olympus
        (b"IIRS", "raw"),
        (b"MMOR", "raw"),
        (b"FOVb", "raw"),  # Sigma
        (b"\x00MRM", "raw"),  # Minolta
    ):
        if head.startswith(signature):
            return name
    if head[:4] == b"RIFF" and head[8:12] == b"WEBP":
        return "webp"
    if head[4:8] == b"ftyp":
        return _sniff_iso_media(head)
    if head[:4] in (b"II*\x00", b"MM\x00*", b"II+\x00", b"MM\x00+"):
        return "raw" if head[8:10] == b"CR" or _is_raw_tiff(data) else "tiff"
    return None


def _sniff_iso_media(head: bytes) -> str | None:
    if head[8:12] == b"crx ":
        return "raw"
    size = min(int.from_bytes(head[:4], "big"), len(head))
    brands = [head[8:12], *(head[at : at + 4] for at in range(16, size - 3, 4))]
    if any(brand in _AVIF_BRANDS for brand in brands):
        return "avif"
    if any(brand in _HEIC_BRANDS for brand in brands):
        return "heic"
    return None


def _is_raw_tiff(data: bytes) -> bool:
    """Whether a TIFF is a camera's raw file: DNG by its version tag, others by a sub-picture.

    Camera makers' raw files (NEF, ARW, PEF ...) are TIFFs whose first directory is a preview and
    points to the sensor's data in a sub-directory (tag 330); an ordinary TIFF of such a camera
    has no such pointer.
    """
    order: Literal["little", "big"] = "little" if data[:2] == b"II" else "big"

    def number(at: int, size: int) -> int:
        return int.from_bytes(data[at : at + size], order)

    start = number(4, 4)
    count = min(number(start, 2), 512)
    tags = {number(start + 2 + 12 * index, 2): start + 2 + 12 * index for index in range(count)}
    if _DNG_VERSION_TAG in tags:
        return True
    if 330 not in tags or 271 not in tags:
        return False
    at = number(tags[271] + 8, 4)
    return data[at : at + 16].startswith(_CAMERA_TIFF_MAKERS)


@dataclass(frozen=True, slots=True)
class Opened:
    """A Pillow image, not yet decoded where its format allows that."""

    image: Image.Image
    kind: str  # the format's name
    orientation: int = 1  # as EXIF counts it, where the image itself does not say it


def open_image(data: bytes, limits: Limits = _NO_OTHER) -> Opened:
    """Open image bytes.

    Raises BadImage for a photo beyond the limits, Heavy for one whose turn is not yet.
    """
    kind = sniff(data)
    if kind is None:
        raise NotAPhoto(_describe_other(data))
    if kind == "raw":
        return _open_raw(data, limits)
    if kind == "heic":
        image = _open_heic(data, limits)
    elif kind == "jxl":
        image = _open_jxl(data)
    else:
        image = _open_with_pillow(data, kind, limits)
    return Opened(image, kind)


def _bytes_a_pixel(image: Image.Image) -> float:
    """What decoding takes, in memory, of photos that come in at full size."""
    if image.format in ("JPEG", "MPO"):
        # Read at reduced scale, but a progressive one keeps all its coefficients: two bytes each,
        # of three channels where none is stored at half size.
        return 6 if image.info.get("progressive") else 0.1
    return {"1": 1, "L": 1, "P": 1, "LA": 4, "RGB": 4, "I;16": 2}.get(image.mode, 4)


def _open_with_pillow(data: bytes, kind: str, limits: Limits) -> Image.Image:
    from PIL import Image

    # Only headers are read here. Pillow would warn the user's terminal of what Limits judges; the
    # lock is for its settings, which are one for all threads.
    with _opening, warnings.catch_warnings():
        warnings.simplefilter("ignore", Image.DecompressionBombWarning)
        # Pillow's own guard, raised to ours; it stays in force for whoever else uses Pillow here.
        if Image.MAX_IMAGE_PIXELS is not None:
            Image.MAX_IMAGE_PIXELS = max(Image.MAX_IMAGE_PIXELS, limits.pixels)
        try:
            image = Image.open(io.BytesIO(data), formats=_PILLOW_NAMES[kind])
        except Image.DecompressionBombError as error:
            raise BadImage(limits.too_large()) from error
    limits.check(*image.size, _bytes_a_pixel(image))
    return image


def _open_heic(data: bytes, limits: Limits) -> Image.Image:
    import pi_heif

    file = pi_heif.open_heif(io.BytesIO(data))
    width, height = file.size
    limits.check(width, height, 8)  # libheif's own planes, and the picture made of them
    # libheif turns the picture itself and sets the EXIF orientation to 1: not turned twice.
    image: Image.Image = file.to_pillow()
    return image


def _open_raw(data: bytes, limits: Limits) -> Opened:
    raw = open_raw(data, limits)
    preview = raw.preview
    image = _open_with_pillow(preview, "jpeg", limits) if isinstance(preview, bytes) else preview
    return Opened(image, "raw", raw.orientation)


def _open_jxl(data: bytes) -> Image.Image:
    if find_spec("pillow_jxl") is None:
        raise MissingExtra(
            "JPEG XL files need an optional decoder", hint="pip install 'photosearch[jxl]'"
        )
    import pillow_jxl  # noqa: F401  (registers itself with Pillow)
    from PIL import Image

    return Image.open(io.BytesIO(data), formats=("JXL",))


def _describe_other(data: bytes) -> str:
    """What a file that is no photo seems to be, for the failure list."""
    if not data:
        return "empty file"
    if not data.strip(b"\0"):
        return "only zero bytes: not an image"
    start = data[:512].lstrip().lower()
    if start.startswith((b"<!doctype html", b"<html")):
        return "a web page, not an image"
    if start.startswith((b"<?xml", b"<svg")):
        return "XML or SVG, not a photo"
    if b"\0" not in data[:512] and all(byte >= 9 for byte in data[:512]):
        return "text, not an image"
    return "not an image in a known format"
