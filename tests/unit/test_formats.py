"""What bytes are, by content."""

from __future__ import annotations

import struct
from importlib.util import find_spec

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image, TiffImagePlugin

from photosearch.decode.formats import open_image, sniff
from photosearch.errors import BadImage, MissingExtra, NotAPhoto
from tests.make import encode, picture

SMALL = picture(1)
FILES = {
    "jpeg": encode(SMALL, "JPEG"),
    "png": encode(SMALL, "PNG"),
    "gif": encode(SMALL, "GIF"),
    "bmp": encode(SMALL, "BMP"),
    "tiff": encode(SMALL, "TIFF"),
    "webp": encode(SMALL, "WEBP"),
    "avif": encode(SMALL, "AVIF"),
    "jpeg2000": encode(SMALL, "JPEG2000"),
}


def iso_media(*brands: bytes) -> bytes:
    """The first box of an ISO base media file: major brand, version, compatible brands."""
    body = brands[0] + b"\0\0\0\0" + b"".join(brands[1:])
    return struct.pack(">I", len(body) + 8) + b"ftyp" + body + b"\0\0\0\x08meta"


def tiff(order: str, tags: dict[int, tuple[int, int, int]], after: bytes = b"") -> bytes:
    """A TIFF header with one directory: tag → (type, count, value)."""
    head = (b"II" if order == "<" else b"MM") + struct.pack(f"{order}HI", 42, 8)
    entries = b"".join(
        struct.pack(f"{order}HHII", tag, *rest) for tag, rest in sorted(tags.items())
    )
    return head + struct.pack(f"{order}H", len(tags)) + entries + b"\0\0\0\0" + after


def maker_at(tags: int) -> int:
    """Where the text after a directory of so many tags begins."""
    return 8 + 2 + 12 * tags + 4


@pytest.mark.parametrize("kind", FILES)
def test_whole_files(kind: str) -> None:
    assert sniff(FILES[kind]) == kind
    opened = open_image(FILES[kind])
    assert (opened.kind, opened.image.size) == (kind, SMALL.size)


def test_multi_picture_jpeg() -> None:
    data = encode(SMALL, "MPO", save_all=True, append_images=[picture(2)])
    opened = open_image(data)
    assert (opened.kind, opened.image.size, opened.image.n_frames) == ("jpeg", SMALL.size, 2)


@pytest.mark.parametrize(
    ("data", "kind"),
    [
        (iso_media(b"heic", b"mif1"), "heic"),
        (iso_media(b"mif1", b"miaf", b"heic"), "heic"),
        (iso_media(b"mif1", b"avif", b"miaf"), "avif"),
        (iso_media(b"avis"), "avif"),
        (iso_media(b"crx ", b"isom"), "raw"),
        (iso_media(b"isom", b"mp42", b"avc1"), None),
        (iso_media(b"qt  "), None),
        (iso_media(b"mp42") + b"heic", None),
        (tiff("<", {256: (4, 1, 64)}), "tiff"),
        (tiff(">", {256: (4, 1, 64)}), "tiff"),
        (tiff("<", {50706: (1, 4, 0x401)}), "raw"),
        (tiff(">", {50706: (1, 4, 0x1040000)}), "raw"),
        (
            tiff("<", {271: (2, 18, maker_at(2)), 330: (4, 1, 999)}, b"NIKON CORPORATION\0"),
            "raw",
        ),
        (tiff("<", {271: (2, 18, maker_at(1))}, b"NIKON CORPORATION\0"), "tiff"),
        (tiff("<", {271: (2, 10, maker_at(2)), 330: (4, 1, 999)}, b"A Scanner\0"), "tiff"),
        (tiff("<", {330: (4, 1, 999)}), "tiff"),
        (b"II*\0\x10\0\0\0CR\x02\0" + bytes(60), "raw"),
        (b"FUJIFILMCCD-RAW 0201", "raw"),
        (b"\xff\x0a" + bytes(20), "jxl"),
        (b"RIFF\x10\0\0\0WAVEfmt ", None),
        (b"%!PS-Adobe-3.0 EPSF-3.0", None),
        (b"\xd7\xcd\xc6\x9a" + bytes(40), None),
        (b"", None),
    ],
    ids=[
        "heic",
        "heic-compatible",
        "avif-compatible",
        "avif-sequence",
        "cr3",
        "mp4",
        "quicktime",
        "brand-after-its-box",
        "tiff-little",
        "tiff-big",
        "dng-little",
        "dng-big",
        "nef",
        "tiff-of-a-camera",
        "tiff-with-sub-pictures",
        "tiff-without-maker",
        "cr2",
        "raf",
        "jxl",
        "wave",
        "eps-runs-programs",
        "wmf",
        "empty",
    ],
)
def test_sniff(data: bytes, kind: str | None) -> None:
    assert sniff(data) == kind


def test_bigtiff_is_tiff() -> None:
    data = encode(SMALL, "TIFF", big_tiff=True)
    assert data[:4] == b"II+\0"
    assert sniff(data) == "tiff"


def test_pillows_own_dng_tag_makes_a_raw_file() -> None:
    tags = TiffImagePlugin.ImageFileDirectory_v2()
    tags.tagtype[50706] = 1
    tags[50706] = b"\1\4\0\0"
    assert sniff(encode(SMALL, "TIFF", tiffinfo=tags)) == "raw"


@given(st.binary(max_size=200))
def test_sniff_never_raises(data: bytes) -> None:
    assert sniff(data) in {*FILES, "heic", "raw", "jxl", None}


@given(
    st.sampled_from([b"II*\0", b"MM\0*", b"II+\0", b"MM\0+", b"\0\0\0\x40ftyp", b"RIFF"]),
    st.binary(max_size=120),
)
def test_sniff_never_raises_behind_a_signature(start: bytes, rest: bytes) -> None:
    sniff(start + rest)


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "empty file"),
        (bytes(5000), "only zero bytes"),
        (b"<!DOCTYPE html><html>", "a web page"),
        (b"  \n<HTML><body>not found", "a web page"),
        (b'<?xml version="1.0"?><svg/>', "XML or SVG"),
        (b"<svg xmlns='x'/>", "XML or SVG"),
        (b"hello there\n" * 100, "text"),
        (bytes(range(256)), "not an image in a known format"),
    ],
    ids=["empty", "zeros", "html", "html-upper", "xml", "svg", "text", "bytes"],
)
def test_what_is_no_photo_is_named(data: bytes, reason: str) -> None:
    with pytest.raises(NotAPhoto, match=reason):
        open_image(data)


@pytest.mark.parametrize(
    ("module", "data", "extra"),
    [("rawpy", b"FUJIFILMCCD-RAW", "raw"), ("pillow_jxl", b"\xff\x0a", "jxl")],
    ids=["raw", "jxl"],
)
def test_an_absent_decoder_says_what_to_install(module: str, data: bytes, extra: str) -> None:
    if find_spec(module) is not None:
        pytest.skip(f"{module} is installed")
    with pytest.raises(MissingExtra) as caught:
        open_image(data + bytes(100))
    assert caught.value.hint == f"pip install 'photosearch[{extra}]'"


def test_a_damaged_raw_file_is_a_bad_image() -> None:
    if find_spec("rawpy") is None:
        pytest.skip("rawpy is not installed")
    with pytest.raises(BadImage):
        open_image(b"FUJIFILMCCD-RAW 0201" + bytes(500))


def test_nothing_is_decoded_on_opening() -> None:
    # A header without any pixels opens: the size can be judged before memory is spent.
    image = open_image(FILES["jpeg"][: FILES["jpeg"].index(b"\xff\xda") + 20]).image
    assert isinstance(image, Image.Image)
    assert image.size == SMALL.size
