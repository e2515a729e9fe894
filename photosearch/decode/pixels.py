"""Bytes of an image file → upright sRGB pixels, at reduced scale where that is cheaper.

In: bytes, and how many pixels a side are needed. Out: a Decoded record, or BadImage.
A truncated file is an error, not a half-grey photo. Of animations and multi-page files the first
frame counts. Transparency is flattened on white.
"""

from __future__ import annotations

import io
from dataclasses import dataclass

from PIL import Image, ImageCms, UnidentifiedImageError

from photosearch.decode.formats import open_image
from photosearch.decode.limits import Heavy, Limits
from photosearch.decode.raw import raw_exif
from photosearch.errors import BadImage, PhotosearchError

# Decoding at reduced scale keeps at least this many times the pixels a side that are needed. A
# 12 MP JPEG takes 43 ms instead of 127, and the model's input differs by 0.19/255 on average:
# scripts/bench decode.
REDUCED_SCALE_MARGIN = 2

_TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
_ORIENTATION_TAG = 0x0112
_USUAL = Limits()
_SRGB = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB"))


@dataclass(frozen=True, slots=True)
class Decoded:
    """An upright RGB image, perhaps smaller than the photo, and what its file says."""

    image: Image.Image
    format: str
    width: int  # of the photo itself, upright
    height: int
    exif: Image.Exif


def decode(data: bytes, *, need: int | None = None, limits: Limits = _USUAL) -> Decoded:
    """Decode image bytes; `need` is how many pixels a side will be used of them.

    Raises BadImage with a reason fit for a list of failures, and Heavy where `limits` says that
    other photos are being decoded and this one is large.
    """
    try:
        opened = open_image(data, limits)
        image = opened.image
        stored = image.size
        if need is not None:
            # JPEG alone can decode at reduced scale; others ignore this.
            image.draft(None, (need * REDUCED_SCALE_MARGIN, need * REDUCED_SCALE_MARGIN))
        image.load()
        # After the pixels: asking a PNG for its EXIF decodes it, and would hide that this failed.
        exif = _read_exif(image)
        if need is not None:
            image = _reduce(image, need * REDUCED_SCALE_MARGIN)
        orientation = upright_orientation(exif, opened.orientation)
        width, height = stored[::-1] if orientation >= 5 else stored
        rgb = _to_rgb(_to_srgb(image))
        if orientation in _TURNS:
            rgb = rgb.transpose(_TURNS[orientation])
        if opened.kind == "raw":
            exif = raw_exif(data) or exif
        return Decoded(rgb, opened.kind, width, height, exif)
    except (PhotosearchError, Heavy):
        raise
    except UnidentifiedImageError as error:
        raise BadImage("damaged: its header cannot be read") from error
    except MemoryError as error:
        raise BadImage("too large for this machine's memory") from error
    except Exception as error:
        # Decoders raise what they like on damaged input (OSError, SyntaxError, ValueError,
        # struct.error, IndexError ...); none of it may end a run over 100,000 photos.
        raise BadImage(f"damaged: {_one_line(error)}") from error


def upright_orientation(exif: Image.Exif, otherwise: int = 1) -> int:
    """The EXIF orientation 1-8; where it is not said, or undefined, the other one."""
    value = exif.get(_ORIENTATION_TAG)
    return value if isinstance(value, int) and 1 <= value <= 8 else otherwise


def _read_exif(image: Image.Image) -> Image.Exif:
    """The EXIF block, empty where it is damaged: the picture is what counts."""
    try:
        exif = image.getexif()
        exif.get(_ORIENTATION_TAG)
        return exif
    except Exception:  # any kind: see decode()
        return Image.Exif()


def _reduce(image: Image.Image, wanted: int) -> Image.Image:
    """The same saving for formats without reduced-scale decoding: what follows copies less."""
    factor = min(image.size) // wanted
    if factor < 2 or image.mode not in ("1", "L", "LA", "RGB", "RGBA", "CMYK"):
        return image
    if "transparency" in image.info:  # one colour of it means "nothing": it must not be averaged
        return image
    reduced = (image.convert("L") if image.mode == "1" else image).reduce(factor)
    reduced.info = image.info
    return reduced


def _to_srgb(image: Image.Image) -> Image.Image:
    """Convert from the embedded colour profile, if there is a sound one that is not sRGB."""
    profile = image.info.get("icc_profile")
    if not profile:
        return image
    if image.mode in ("P", "PA"):
        image = image.convert("RGBA" if "transparency" in image.info else "RGB")
    if image.mode not in ("RGB", "RGBA", "CMYK", "L"):
        return image
    try:
        source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
        if "sRGB" in ImageCms.getProfileDescription(source):
            return image
        mode = "RGBA" if image.mode == "RGBA" else "RGB"
        converted = ImageCms.profileToProfile(image, source, _SRGB, outputMode=mode)
    except (ImageCms.PyCMSError, OSError, ValueError, TypeError):
        return image  # a damaged or unfitting profile is ignored, as browsers do
    return converted or image


def _to_rgb(image: Image.Image) -> Image.Image:
    see_through = "transparency" in image.info
    if image.mode == "RGB" and not see_through:
        return image
    if image.mode.startswith("I") or image.mode == "F":
        return _deep_to_grey(image).convert("RGB")
    if image.mode in ("LA", "PA", "RGBA", "La", "RGBa") or see_through:
        layer = image.convert("RGBA")
        white = Image.new("RGBA", layer.size, "white")
        return Image.alpha_composite(white, layer).convert("RGB")
    return image.convert("RGB")


def _deep_to_grey(image: Image.Image) -> Image.Image:
    """16-bit, 32-bit and float grey to 8 bits; Pillow's own conversion clips them to white."""
    import numpy as np

    values = np.nan_to_num(np.asarray(image).astype(np.float32))
    top = float(values.max(initial=0.0))
    # Floats are 0..1 by custom, 16-bit integers 0..65535; others are stretched to their maximum.
    full = 1.0 if top <= 1 and image.mode == "F" else 255.0 if top <= 255 else max(top, 65535.0)
    if image.mode == "F" and top > 255:
        full = top
    return Image.fromarray((values.clip(0, full) * (255.0 / full)).astype(np.uint8))


def _one_line(error: Exception) -> str:
    text = " ".join(str(error).split()) or type(error).__name__
    return text[:200]
