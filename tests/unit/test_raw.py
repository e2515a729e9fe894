"""A camera's raw file is seen as the camera held it."""

from __future__ import annotations

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image, TiffImagePlugin

from photosearch.decode.limits import Limits
from photosearch.decode.pixels import decode
from photosearch.decode.raw import has_raw_decoder, raw_exif
from photosearch.errors import BadImage
from tests.make import encode, picture, stored_as

SENSOR = (64, 48)
needs_rawpy = pytest.mark.skipif(not has_raw_decoder(), reason="rawpy is not installed")

Tags = dict[int, tuple[str, list[int]]]  # tag → (its type as struct has it, values)
_TYPES = {"B": 1, "H": 3, "I": 4}


def directory(tags: Tags, at: int) -> bytes:
    """A TIFF directory that lies at this offset, and the values which do not fit into it."""
    entries, after = b"", b""
    beyond = at + 2 + 12 * len(tags) + 4
    for tag, (kind, values) in sorted(tags.items()):
        value = struct.pack(f"<{len(values)}{kind}", *values)
        if len(value) > 4:
            offset = struct.pack("<I", beyond + len(after))
            value, after = offset, after + value + bytes(len(value) % 2)
        entries += struct.pack("<HHI", tag, _TYPES[kind], len(values)) + value.ljust(4, b"\0")
    return struct.pack("<H", len(tags)) + entries + bytes(4) + after


def dng(preview: Image.Image | None, orientation: int = 1) -> bytes:
    """A DNG of a grey wall, and the picture of it that the camera embedded."""
    width, height = SENSOR
    values = struct.pack("<H", 20_000) * (width * height)
    sensor: Tags = {
        254: ("I", [0]), 256: ("I", [width]), 257: ("I", [height]), 258: ("H", [16]),
        259: ("H", [1]), 262: ("H", [32803]), 273: ("I", [0]), 277: ("H", [1]),
        278: ("I", [height]), 279: ("I", [len(values)]), 33421: ("H", [2, 2]),
        33422: ("B", [0, 1, 1, 2]), 50714: ("H", [0]), 50717: ("H", [65535]),
    }  # fmt: skip
    camera: Tags = {
        274: ("H", [orientation]), 271: ("B", [*b"Example\0"]), 272: ("B", [*b"One\0"]),
        50706: ("B", [1, 4, 0, 0]), 50708: ("B", [*b"Example One\0"]),
    }  # fmt: skip
    if preview is None:
        return _placed([sensor | camera], [values])
    first: Tags = {
        254: ("I", [1]), 256: ("I", [preview.width]), 257: ("I", [preview.height]),
        258: ("H", [8, 8, 8]), 259: ("H", [1]), 262: ("H", [2]), 273: ("I", [0]),
        277: ("H", [3]), 278: ("I", [preview.height]),
        279: ("I", [3 * preview.width * preview.height]), 284: ("H", [1]), 330: ("I", [0]),
    }  # fmt: skip
    return _placed([first | camera, sensor], [preview.tobytes(), values])


def _placed(directories: list[Tags], strips: list[bytes]) -> bytes:
    """The directories after each other, then the pixels; each pointer set to where they lie."""
    starts = [8]
    for tags in directories:
        starts.append(starts[-1] + len(directory(tags, 0)))
    at = starts[-1]
    for tags, strip in zip(directories, strips, strict=True):
        tags[273] = ("I", [at])
        at += len(strip)
        if 330 in tags:
            tags[330] = ("I", [starts[1]])
    parts = [directory(tags, start) for tags, start in zip(directories, starts, strict=False)]
    return b"II*\0" + struct.pack("<I", 8) + b"".join([*parts, *strips])


@needs_rawpy
@pytest.mark.parametrize("orientation", [1, 3, 6, 8])
def test_a_preview_is_turned_upright(orientation: int) -> None:
    scene = picture(1).resize((16, 12) if orientation < 5 else (12, 16))
    photo = decode(dng(stored_as(scene, orientation), orientation))
    assert (photo.width, photo.height) == photo.image.size == scene.size
    assert photo.image.tobytes() == scene.tobytes()


@needs_rawpy
@pytest.mark.parametrize(("orientation", "seen"), [(1, (32, 24)), (6, (24, 32))])
def test_without_a_preview_the_photo_is_developed(orientation: int, seen: tuple[int, int]) -> None:
    photo = decode(dng(None, orientation))
    assert (photo.width, photo.height) == photo.image.size == seen


@needs_rawpy
def test_what_is_larger_than_the_limit_is_not_developed() -> None:
    with pytest.raises(BadImage, match="limit"):
        decode(dng(None), limits=Limits(pixels=1000))


@pytest.mark.parametrize("mark", [b"II*\0", b"IIRO", b"IIU\0"], ids=["tiff", "orf", "rw2"])
def test_the_camera_is_known_of_raw_files_that_mark_themselves_otherwise(mark: bytes) -> None:
    tags = TiffImagePlugin.ImageFileDirectory_v2()
    tags[306] = "2021:07:01 10:00:00"
    tags[272] = "X100"
    exif = raw_exif(mark + encode(picture(1), "TIFF", tiffinfo=tags)[4:])
    assert exif is not None
    assert (exif[306], exif[272]) == ("2021:07:01 10:00:00", "X100")


@given(st.sampled_from([b"II*\0", b"MM\0*", b"IIU\0", b""]), st.binary(max_size=200))
def test_damaged_metadata_is_none(mark: bytes, data: bytes) -> None:
    raw_exif(mark + data)
