"""Bytes to upright sRGB pixels."""

from __future__ import annotations

import io
import re
import struct
import time
import warnings

import numpy as np
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from PIL import Image, ImageCms

from photosearch.decode.facts import read_facts
from photosearch.decode.pixels import decode
from photosearch.errors import BadImage, NotAPhoto, PhotosearchError
from photosearch.settings import MAX_PIXELS
from tests.make import (
    ORIENTATIONS,
    Tag,
    camera_exif,
    difference,
    encode,
    exif,
    jpeg,
    picture,
    png,
    raw_png,
    stored_as,
)

SCENE = picture(7, (96, 64))


@pytest.mark.parametrize("need", [None, 8], ids=["whole", "reduced"])
@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "AVIF", "TIFF"])
@pytest.mark.parametrize("orientation", ORIENTATIONS)
def test_every_orientation_gives_the_upright_scene(
    orientation: int, kind: str, need: int | None
) -> None:
    stored = stored_as(SCENE, orientation)
    data = encode(stored, kind, exif=camera_exif(orientation=orientation), quality=95)
    photo = decode(data, need=need)
    assert (photo.width, photo.height) == SCENE.size
    assert photo.image.width > photo.image.height
    if need is None:
        assert photo.image.size == SCENE.size
    # Scenes turned wrongly differ by 25 and more; the encoders' losses by up to 4.
    assert difference(photo.image, SCENE.resize(photo.image.size, Image.Resampling.BOX)) < 8


@pytest.mark.parametrize("orientation", [0, 9, 65535])
def test_undefined_orientations_count_as_upright(orientation: int) -> None:
    photo = decode(jpeg(SCENE, exif=exif({Tag.Orientation: orientation})))
    assert photo.image.size == SCENE.size
    assert difference(photo.image, SCENE) < 4


LOSSLESS = {"PNG": {}, "BMP": {}, "TIFF": {}, "WEBP": {"lossless": True}, "JPEG2000": {}}


@pytest.mark.parametrize("kind", LOSSLESS)
def test_lossless_formats_give_every_pixel(kind: str) -> None:
    photo = decode(encode(SCENE, kind, **LOSSLESS[kind]))
    assert photo.format == kind.lower()
    assert difference(photo.image, SCENE) == 0


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "TIFF", "GIF", "AVIF", "BMP"])
def test_reduced_decoding_is_close_to_whole(kind: str) -> None:
    scene = picture(3, (900, 700))
    data = encode(scene, kind)
    whole, reduced = decode(data), decode(data, need=64)
    assert (reduced.width, reduced.height) == (whole.width, whole.height) == scene.size
    assert min(reduced.image.size) >= 2 * 64
    if kind != "GIF":  # palettes are not averaged
        assert reduced.image.width < scene.width
    views = [one.image.resize((64, 64), Image.Resampling.BICUBIC) for one in (whole, reduced)]
    assert difference(*views) < 2


@pytest.mark.parametrize("mode", ["1", "L", "LA", "RGBA", "CMYK"])
def test_reduced_decoding_in_other_modes(mode: str) -> None:
    scene = picture(3, (900, 700))
    data = encode(scene.convert(mode), "TIFF")
    views = [
        decode(data, need=need).image.resize((64, 64), Image.Resampling.BOX) for need in (None, 64)
    ]
    assert difference(*views) < 3


def test_reduced_decoding_does_not_mix_in_a_colour_that_means_nothing() -> None:
    """Black is clear here, and shown as white: averaged with its neighbours it would be grey."""
    stripes = np.tile(np.uint8([0, 200]), (600, 400))
    data = png(Image.fromarray(stripes), transparency=0)
    views = [decode(data, need=need).image for need in (None, 64)]
    assert views[0].size == views[1].size == (800, 600)
    assert difference(*views) == 0


@pytest.mark.parametrize("mode", ["I;16", "LAB", "YCbCr"])
def test_a_profile_for_other_modes_leaves_the_picture(mode: str) -> None:
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    plain = picture(3, (90, 70)).convert("L" if mode == "I;16" else mode)
    if mode == "I;16":
        plain = Image.fromarray(np.asarray(plain).astype(np.uint16) * 257)
    with_profile = decode(encode(plain, "TIFF", icc_profile=profile)).image
    assert difference(with_profile, decode(encode(plain, "TIFF")).image) == 0


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "AVIF", "TIFF"])
def test_reduced_decoding_keeps_what_the_camera_wrote(kind: str) -> None:
    block = exif({Tag.Model: "Camera", Tag.DateTime: "2020:01:02 03:04:05"})
    data = encode(picture(3, (900, 700)), kind, exif=block)
    facts = read_facts(decode(data, need=64).exif)
    assert (facts.camera, facts.taken_at) == ("Camera", "2020-01-02T03:04:05")


class TestDamage:
    @pytest.mark.parametrize("share", [0.02, 0.3, 0.6, 0.9, 0.98])
    @pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "AVIF", "TIFF", "BMP", "JPEG2000"])
    @pytest.mark.filterwarnings("ignore")  # Pillow warns of the EXIF block that is cut, too
    def test_a_cut_file_is_an_error_not_half_a_photo(self, kind: str, share: float) -> None:
        # Noise, so that every part of the file holds pixels.
        noise = np.random.default_rng(0).integers(0, 256, (75, 100, 3), np.uint8)
        data = encode(Image.fromarray(noise), kind)
        with pytest.raises(BadImage) as caught:
            decode(data[: int(len(data) * share)])
        assert not isinstance(caught.value, NotAPhoto)

    @pytest.mark.parametrize("need", [None, 16], ids=["whole", "reduced"])
    @pytest.mark.parametrize("at", [0.2, 0.5, 0.8])
    def test_a_png_with_a_wrong_sum(self, at: float, need: int | None) -> None:
        rows = np.random.default_rng(0).integers(0, 256, (100, 301), np.uint8)
        rows[:, 0] = 0
        data = bytearray(raw_png(100, 100, depth=8, colour=2, rows=rows.tobytes()))
        assert decode(bytes(data)).width == 100
        data[int(len(data) * at)] ^= 0xFF
        with pytest.raises(BadImage, match="damaged"):
            decode(bytes(data), need=need)

    def test_a_png_with_exif_and_a_wrong_sum(self) -> None:
        # Asking for EXIF loads the picture; the second load then finds nothing wrong.
        data = bytearray(png(picture(1, (200, 150)), exif=camera_exif(orientation=6)))
        data[data.index(b"IDAT") + 60] ^= 0xFF
        with pytest.raises(BadImage, match="damaged"):
            decode(bytes(data))

    @pytest.mark.filterwarnings("ignore")
    def test_damaged_exif_does_not_lose_the_picture(self) -> None:
        data = bytearray(jpeg(SCENE, exif=camera_exif(orientation=6, camera="Camera")))
        start = data.index(b"Exif\0\0") + 6
        for junk in (b"\xff" * 20, b"MM\0*\xff\xff\xff\xff", b"II*\0\x08\0\0\0\xff\xff"):
            damaged = data[:start] + junk + data[start + len(junk) :]
            photo = decode(bytes(damaged))
            assert difference(photo.image, SCENE) < 4
            read_facts(photo.exif)

    def test_the_reason_is_one_short_line(self) -> None:
        for data in (
            b"\x89PNG\r\n\x1a\n" + bytes(50),
            b"\xff\xd8\xff" + bytes(50),
            b"BM" + bytes(50),
        ):
            with pytest.raises(BadImage) as caught:
                decode(data)
            assert "\n" not in str(caught.value)
            assert len(str(caught.value)) < 250


def huge(kind: str, side: int) -> bytes:
    """A small file that says it holds a square picture of this side."""
    if kind == "png":
        return raw_png(side, side, depth=8, colour=2, rows=bytes(1000))
    data = bytearray(encode(picture(1), kind.upper()))
    if kind == "bmp":
        data[18:26] = struct.pack("<ii", side, side)
    elif kind == "gif":
        data[6:10] = struct.pack("<HH", side, side)
    else:
        frame = data.index(b"\xff\xc0")
        data[frame + 5 : frame + 9] = struct.pack(">HH", side, side)
    return bytes(data)


class TestBombs:
    SIDES = (15_000, 30_000, 65_000)

    @pytest.mark.parametrize("side", SIDES)
    @pytest.mark.parametrize("kind", ["png", "bmp", "gif", "jpeg"])
    @pytest.mark.filterwarnings("ignore::PIL.Image.DecompressionBombWarning")
    def test_are_refused_quickly(self, kind: str, side: int) -> None:
        began = time.perf_counter()
        with pytest.raises(BadImage):
            decode(huge(kind, side), need=224)
        assert time.perf_counter() - began < 1

    @pytest.mark.parametrize("side", SIDES)
    @pytest.mark.filterwarnings("ignore::PIL.Image.DecompressionBombWarning")
    def test_are_refused_for_their_size(self, side: int) -> None:
        # Not as "damaged", and naming the limit that holds here rather than Pillow's.
        with pytest.raises(BadImage, match=f"limit of {MAX_PIXELS // 10**6} megapixels"):
            decode(huge("png", side))

    def test_no_warning_of_pillows_reaches_the_user(self) -> None:
        with warnings.catch_warnings(record=True) as shown:
            warnings.simplefilter("always")
            with pytest.raises(BadImage):
                decode(huge("png", 15_000))
        assert [str(one.message) for one in shown] == []


class TestModes:
    def test_16_bit_grey(self) -> None:
        ramp = np.linspace(0, 65535, 100).astype(np.uint16)
        image = Image.fromarray(np.tile(ramp, (20, 1)))
        expected = ramp / 65535 * 255
        for kind in ("PNG", "TIFF"):
            pixels = np.asarray(decode(encode(image, kind)).image)
            assert np.abs(pixels[10] - expected[:, None]).max() <= 1

    @pytest.mark.parametrize("top", [1, 255, 1000], ids=["0-1", "0-255", "0-1000"])
    def test_float_grey(self, top: int) -> None:
        ramp = np.linspace(0, top, 100, dtype=np.float32)
        data = encode(Image.fromarray(np.tile(ramp, (20, 1))), "TIFF")
        pixels = np.asarray(decode(data).image)
        assert np.abs(pixels[10] - (ramp / top * 255)[:, None]).max() <= 1

    def test_floats_that_are_no_numbers(self) -> None:
        values = np.full((20, 30), 0.5, np.float32)
        values[:5], values[5:10] = np.nan, -1
        pixels = np.asarray(decode(encode(Image.fromarray(values), "TIFF")).image)
        assert pixels[:10].max() == 0
        assert pixels[15, 15].tolist() == pytest.approx([127, 127, 127], abs=1)

    def test_16_bit_colour(self) -> None:
        samples = np.zeros((16, 16, 3), ">u2")
        samples[...] = (65535, 32768, 0)
        rows = b"".join(b"\0" + row.tobytes() for row in samples)
        photo = decode(raw_png(16, 16, depth=16, colour=2, rows=rows))
        assert photo.image.getpixel((8, 8)) == (255, 128, 0)

    def test_1_bit(self) -> None:
        image = Image.new("1", (40, 40), 0)
        image.paste(1, (0, 0, 20, 40))
        photo = decode(png(image))
        assert photo.image.getpixel((5, 5)) == (255, 255, 255)
        assert photo.image.getpixel((35, 5)) == (0, 0, 0)

    def test_cmyk(self) -> None:
        # Out of CMYK's own reach there is no profile: only the plain formula, and JPEG's loss.
        photo = decode(encode(SCENE.convert("CMYK"), "JPEG", quality=95))
        assert photo.image.mode == "RGB"
        assert difference(photo.image, SCENE) < 4

    @pytest.mark.parametrize("kind", ["PNG", "WEBP", "TIFF"])
    def test_alpha_is_flattened_on_white(self, kind: str) -> None:
        image = Image.new("RGBA", (30, 10), (200, 0, 0, 255))
        image.paste((0, 0, 0, 0), (10, 0, 20, 10))
        image.paste((0, 0, 200, 128), (20, 0, 30, 10))
        options = {"lossless": True} if kind == "WEBP" else {}
        flat = decode(encode(image, kind, **options)).image
        assert flat.getpixel((5, 5)) == (200, 0, 0)
        assert flat.getpixel((15, 5)) == (255, 255, 255)
        assert flat.getpixel((25, 5)) == pytest.approx((127, 127, 227), abs=1)

    def test_grey_with_alpha(self) -> None:
        image = Image.new("LA", (20, 10), (50, 255))
        image.paste((0, 0), (10, 0, 20, 10))
        flat = decode(png(image)).image
        assert [flat.getpixel((x, 5)) for x in (5, 15)] == [(50, 50, 50), (255, 255, 255)]

    @pytest.mark.parametrize("kind", ["PNG", "GIF"])
    def test_palette_with_transparency(self, kind: str) -> None:
        image = Image.new("P", (20, 10), 1)
        image.putpalette([0, 0, 0, 200, 0, 0])
        image.paste(0, (10, 0, 20, 10))
        flat = decode(encode(image, kind, transparency=0)).image
        assert [flat.getpixel((x, 5)) for x in (5, 15)] == [(200, 0, 0), (255, 255, 255)]

    @pytest.mark.parametrize(
        ("mode", "ink", "clear"),
        [("L", 50, 7), ("RGB", (50, 50, 50), (255, 0, 255))],
        ids=["grey", "colour"],
    )
    def test_one_colour_declared_transparent(self, mode: str, ink: object, clear: object) -> None:
        image = Image.new(mode, (20, 10), ink)  # type: ignore[arg-type]
        image.paste(clear, (10, 0, 20, 10))  # type: ignore[arg-type]
        flat = decode(png(image, transparency=clear)).image
        assert [flat.getpixel((x, 5)) for x in (5, 15)] == [(50, 50, 50), (255, 255, 255)]


@pytest.mark.parametrize("kind", ["GIF", "WEBP", "PNG", "TIFF", "MPO"])
def test_the_first_frame_counts(kind: str) -> None:
    frames = [Image.new("RGB", (40, 30), colour) for colour in ("red", "lime", "blue")]
    data = encode(frames[0], kind, save_all=True, append_images=frames[1:])
    photo = decode(data)
    assert photo.image.size == (40, 30)
    assert photo.image.getpixel((20, 15)) == pytest.approx((255, 0, 0), abs=12)


def swapped_profile(name: str) -> bytes:
    """sRGB with its red and blue primaries exchanged, under another name of the same length."""
    data = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    data = data.replace(b"rXYZ", b"tmp ").replace(b"bXYZ", b"rXYZ").replace(b"tmp ", b"bXYZ")
    return data.replace("sRGB".encode("utf-16-be"), name.encode("utf-16-be"))


class TestColourProfiles:
    @pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "TIFF"])
    def test_are_converted_to_srgb(self, kind: str) -> None:
        image = Image.new("RGB", (32, 32), (255, 0, 0))
        data = encode(image, kind, icc_profile=swapped_profile("TEST"), quality=95)
        assert decode(data).image.getpixel((16, 16)) == pytest.approx((0, 0, 255), abs=12)

    def test_apply_to_reduced_pictures(self) -> None:
        image = Image.new("RGB", (640, 640), (255, 0, 0))
        for kind in ("JPEG", "PNG"):
            data = encode(image, kind, icc_profile=swapped_profile("TEST"))
            photo = decode(data, need=32)
            assert photo.image.width < 640
            assert photo.image.getpixel((9, 9)) == pytest.approx((0, 0, 255), abs=12)

    def test_keep_transparency(self) -> None:
        image = Image.new("RGBA", (32, 32), (255, 0, 0, 0))
        data = png(image, icc_profile=swapped_profile("TEST"))
        assert decode(data).image.getpixel((16, 16)) == (255, 255, 255)

    def test_of_palette_pictures_too(self) -> None:
        image = Image.new("P", (32, 32), 1)
        image.putpalette([0, 0, 0, 255, 0, 0])
        data = png(image, icc_profile=swapped_profile("TEST"))
        assert decode(data).image.getpixel((16, 16)) == pytest.approx((0, 0, 255), abs=12)

    def test_srgb_changes_nothing(self) -> None:
        profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
        assert difference(decode(png(SCENE, icc_profile=profile)).image, SCENE) == 0

    @pytest.mark.parametrize(
        "profile",
        [b"garbage", swapped_profile("TEST")[:200], b"\0" * 128],
        ids=["garbage", "cut", "zeros"],
    )
    def test_damaged_ones_are_ignored(self, profile: bytes) -> None:
        assert difference(decode(png(SCENE, icc_profile=profile)).image, SCENE) == 0

    def test_one_of_another_kind_of_pixels_is_ignored(self) -> None:
        lab = ImageCms.ImageCmsProfile(ImageCms.createProfile("LAB")).tobytes()
        assert difference(decode(png(SCENE, icc_profile=lab)).image, SCENE) == 0


KINDS = ("JPEG", "PNG", "GIF", "BMP", "TIFF", "WEBP", "AVIF", "JPEG2000", "MPO")
FULL_EXIF = camera_exif(orientation=6, camera="Camera", place=(12.5, -45.25))
SOUND = {kind: encode(SCENE, kind, exif=FULL_EXIF) for kind in KINDS}
SIGNATURES = [data[:40] for data in SOUND.values()]
SIGNATURES += [b"\0\0\0\x18ftypheic\0\0\0\0mif1heic", b"FUJIFILMCCD-RAW ", b"\xff\x0a", b"IIU\0"]
LONGEST = max(map(len, SOUND.values()))
fuzz = settings(deadline=None, max_examples=150, suppress_health_check=[HealthCheck.too_slow])


def only_our_own_errors(data: bytes, need: int | None) -> None:
    """Decode anything at all: a picture, or an error that says something in one line."""
    try:
        photo = decode(data, need=need)
    except PhotosearchError as error:
        reason = str(error)
    else:
        read_facts(photo.exif)
        reason = photo.image.mode
    assert reason
    assert not re.search(r"[\r\n]", reason)


@pytest.mark.filterwarnings("ignore")
class TestAnyBytes:
    @fuzz
    @given(st.binary(max_size=300))
    def test_at_all(self, data: bytes) -> None:
        only_our_own_errors(data, 16)

    @fuzz
    @given(st.sampled_from(SIGNATURES), st.binary(max_size=300))
    def test_behind_a_signature(self, start: bytes, rest: bytes) -> None:
        only_our_own_errors(start + rest, 16)

    @fuzz
    @example("PNG", [(30, 1)], None, 16)
    @given(
        st.sampled_from(KINDS),
        st.lists(
            # Headers and directories are where damage matters: half of the hits go there.
            st.tuples(st.integers(0, 300) | st.integers(0, LONGEST), st.integers(1, 255)),
            min_size=1,
            max_size=8,
        ),
        st.none() | st.integers(0, LONGEST),
        st.sampled_from([None, 16]),
    )
    def test_of_a_damaged_file(
        self, kind: str, hits: list[tuple[int, int]], cut: int | None, need: int | None
    ) -> None:
        data = bytearray(SOUND[kind])
        for at, change in hits:
            data[at % len(data)] ^= change
        only_our_own_errors(bytes(data[:cut]), need)


def test_the_picture_of_a_file_object_is_not_tied_to_its_bytes() -> None:
    # The image is handed to other threads: nothing may be left to be read later.
    photo = decode(jpeg(SCENE))
    assert isinstance(photo.image, Image.Image)
    copy = io.BytesIO()
    photo.image.save(copy, "PNG")
    assert difference(Image.open(copy), photo.image) == 0
