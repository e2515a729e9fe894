"""Drawn pictures: seen on any photo, named legibly, saved whole and without a photo's secrets."""

from __future__ import annotations

import io
import os
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageCms, ImageDraw, ImageFont

from photosearch.errors import StorageError, WrongUse
from photosearch.records import Region
from photosearch.show.colours import BLACK, PALETTE, WHITE, Colours, contrast, text_on
from photosearch.show.draw import draw
from photosearch.show.fonts import VARIABLE, Fonts, advice
from photosearch.show.saved import check_target, may_replace, unused_name, write_picture
from photosearch.show.tags import overlap, place_tags
from tests.make import picture

GREYS = [(0, 0, 0), (60, 60, 60), (128, 128, 128), (200, 200, 200), (255, 255, 255)]
CHINESE = "一只猫"


def changed(before: Image.Image, after: Image.Image) -> np.ndarray:
    """bool[height, width]: pixels that are not as they were."""
    return (np.asarray(before) != np.asarray(after)).any(-1)


class TestColours:
    def test_contrast_is_that_of_wcag(self) -> None:
        assert contrast(BLACK, WHITE) == pytest.approx(21)
        assert contrast((119, 119, 119), WHITE) == pytest.approx(4.48, abs=0.01)  # their example
        assert contrast(WHITE, (118, 118, 118)) == pytest.approx(4.54, abs=0.01)

    @pytest.mark.parametrize("colour", PALETTE)
    def test_text_on_every_tag_is_legible(self, colour: tuple[int, int, int]) -> None:
        assert contrast(colour, text_on(colour)) >= 4.5

    def test_labels_keep_their_colour_and_neighbours_differ(self) -> None:
        colours = Colours(["cat", "dog"])
        first = {label: colours.of(label) for label in ("dog", "cat", "sofa")}
        assert len(set(first.values())) == 3
        assert {label: colours.of(label) for label in ("sofa", "cat", "dog")} == first
        many = Colours(map(str, range(7)))
        assert len({many.of(str(number)) for number in range(7)}) == 7


class TestBoxes:
    @pytest.mark.parametrize("grey", GREYS)
    def test_seen_on_any_ground(self, grey: tuple[int, int, int]) -> None:
        """Somewhere across each of its four lines there is enough contrast to the photo."""
        photo = Image.new("RGB", (640, 480), grey)
        for number in range(len(PALETTE)):
            colours = Colours(map(str, range(number + 1)))
            region = Region((100, 100, 400, 300), str(number), 0.5)
            drawn = draw(photo, [region], colours=colours, tags=False)
            for strip in (
                [(x, 200) for x in range(90, 110)], [(x, 200) for x in range(390, 410)],
                [(250, y) for y in range(90, 110)], [(250, y) for y in range(290, 310)],
            ):  # fmt: skip
                # 3: what WCAG asks of lines that tell something
                assert max(contrast(drawn.getpixel(at), grey) for at in strip) >= 3  # type: ignore[arg-type]

    def test_only_lines_are_drawn(self) -> None:
        photo = picture(3, (640, 480))
        drawn = draw(photo, [Region((100, 100, 400, 300), "a", 0.5)], tags=False)
        where = changed(photo, drawn)
        assert not where[110:290, 110:390].any()
        outside = where.copy()
        outside[94:306, 94:406] = False
        assert not outside.any()
        assert where[97:104, 100:400].any(0).all()
        assert photo == picture(3, (640, 480))  # the image that was given is as it was

    def test_box_of_the_whole_photo_is_seen(self) -> None:
        photo = Image.new("RGB", (640, 480), "white")
        drawn = draw(photo, [Region((0, 0, 640, 480), "a", 0.5)], tags=False)
        assert {drawn.getpixel(at) for at in ((0, 0), (639, 479), (0, 479))} == {BLACK}
        assert drawn.getpixel((2, 240)) == PALETTE[0]

    def test_drawn_where_it_is_on_a_smaller_picture(self) -> None:
        photo = Image.new("RGB", (4000, 3000), "grey")
        region = Region((1000, 750, 3000, 2250), "a", 0.5)
        small = photo.resize((400, 300))
        where = changed(small, draw(small, [region], size=photo.size, tags=False))
        rows, columns = np.flatnonzero(where.any(1)), np.flatnonzero(where.any(0))
        near = [columns[0], rows[0], columns[-1], rows[-1]]
        assert np.abs(np.subtract(near, [100, 75, 300, 225])).max() <= 4

    def test_slanted_line_of_words(self) -> None:
        photo = Image.new("RGB", (640, 480), "white")
        corners = ((100, 200), (500, 100), (510, 140), (110, 240))
        region = Region((100, 100, 510, 240), "EXIT", 0.9, corners=corners)
        where = changed(photo, draw(photo, [region], tags=False))
        inside = Image.new("1", photo.size)
        ImageDraw.Draw(inside).polygon(corners, fill=1)
        assert where.any()
        letters = np.asarray(inside)[:, :]
        assert (where & letters).sum() < 0.02 * letters.sum()  # no line through letters
        assert not where[110:140, 110:200].any()  # the corner of the box is not drawn

    @settings(max_examples=60, deadline=None)
    @given(
        size=st.tuples(st.integers(1, 90), st.integers(1, 90)),
        boxes=st.lists(st.tuples(*[st.floats(-50, 150)] * 4), max_size=5),
        label=st.text(max_size=12),
    )
    def test_nothing_makes_it_fail(
        self,
        size: tuple[int, int],
        boxes: list[tuple[float, float, float, float]],
        label: str,
    ) -> None:
        """Pictures of a pixel, boxes outside of them or upside down, labels of any characters."""
        regions = [Region(box, label, 0.5) for box in boxes]
        drawn = draw(Image.new("RGB", size), regions, fonts=Fonts(folders=[]))
        assert drawn.size == size


class TestMasks:
    def test_tinted_within_and_outlined(self) -> None:
        photo = Image.new("RGB", (640, 480), (128, 128, 128))
        rows, columns = np.mgrid[:480, :640]
        mask = (columns - 300) ** 2 + (rows - 240) ** 2 < 100**2
        drawn = draw(photo, [Region((200, 140, 400, 340), "a", 0.5, mask)], tags=False)
        pixels = np.asarray(drawn).astype(int)
        tint = pixels[240, 300]
        toward = np.array(PALETTE[0]) - 128
        assert np.abs((tint - 128) - 0.42 * toward).max() <= 2
        assert (pixels[240, 210:390] == tint).all()
        assert not changed(photo, drawn)[(columns - 300) ** 2 + (rows - 240) ** 2 > 108**2].any()
        across = {tuple(pixel) for pixel in pixels[240, 190:206]}
        assert {BLACK, WHITE, PALETTE[0]} <= across

    def test_of_the_photo_on_a_smaller_picture(self) -> None:
        mask = np.zeros((600, 800), bool)
        mask[150:450, 200:600] = True
        small = Image.new("RGB", (200, 150))
        region = Region((200, 150, 600, 450), "a", 0.5, mask)
        where = changed(small, draw(small, [region], size=(800, 600), tags=False))
        assert where[40:110, 55:145].all()
        assert where.sum() < 1.3 * mask.sum() / 16

    @pytest.mark.parametrize("filled", [False, True])
    def test_empty_and_full(self, filled: bool) -> None:
        mask = np.full((48, 64), filled)
        photo = picture(1)
        drawn = draw(photo, [Region((0, 0, 64, 48), "a", 0.5, mask)], tags=False)
        assert changed(photo, drawn).any() == filled


class TestTags:
    @settings(max_examples=50, deadline=None)
    @given(
        st.lists(
            st.tuples(
                st.floats(0, 560), st.floats(0, 420), st.floats(20, 300), st.floats(20, 300)
            ),
            min_size=1,
            max_size=5,
        )
    )  # fmt: skip
    def test_inside_the_picture_and_not_on_each_other(
        self, places: list[tuple[float, float, float, float]]
    ) -> None:
        boxes = [(x, y, min(x + w, 640), min(y + h, 480)) for x, y, w, h in places]
        tags = place_tags(boxes, [(90, 20)] * len(boxes), (640, 480))
        for number, tag in enumerate(tags):
            assert tag[0] >= 0
            assert tag[1] >= 0
            assert tag[2] <= 640
            assert tag[3] <= 480
            for other in tags[:number]:
                assert overlap(tag, other) == 0

    def test_beside_their_box_where_there_is_room(self) -> None:
        (tag,) = place_tags([(100, 100, 300, 300)], [(80, 20)], (640, 480))
        assert tag == (100, 80, 180, 100)
        (tag,) = place_tags([(100, 0, 300, 300)], [(80, 20)], (640, 480))
        assert overlap(tag, (100, 0, 300, 300)) == 0  # above there is none: below

    def test_long_label_is_shortened_to_the_picture(self) -> None:
        photo = Image.new("RGB", (300, 200), "black")
        label = "a very long label that goes on and on and never comes to its end " * 3
        drawn = draw(photo, [Region((0, 50, 300, 180), label, 0.5)])
        tag = (np.asarray(drawn) == PALETTE[0]).all(-1)
        assert tag[:45].sum() > 1000
        tiny = draw(photo.resize((12, 12)), [Region((2, 2, 9, 9), label, 0.5)])
        assert tiny.size == (12, 12)

    def test_control_characters_are_not_drawn_as_they_are(self) -> None:
        photo = Image.new("RGB", (400, 200))
        fonts = Fonts(folders=[])
        plain = draw(photo, [Region((10, 60, 200, 180), "a\\x1b[31mb", 0.5)], fonts=fonts)
        escaped = draw(photo, [Region((10, 60, 200, 180), "a\x1b[31mb", 0.5)], fonts=fonts)
        assert np.array_equal(np.asarray(plain), np.asarray(escaped))


class TestFonts:
    @pytest.fixture(autouse=True)
    def _unnamed(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.delenv(VARIABLE, raising=False)

    def test_plain_letters_need_no_font_of_the_system(self) -> None:
        fonts = Fonts(folders=[])
        (run,) = fonts.runs("a cat 93 %", 20)
        assert run[1].getname()[0] == ImageFont.load_default(20).getname()[0]
        assert not fonts.missing

    def test_chinese_is_drawn_where_a_font_has_it(self) -> None:
        fonts = Fonts()
        runs = fonts.runs(f"{CHINESE} 93 %", 20)
        if fonts.missing:
            pytest.skip("no font with Chinese on this machine (apt install fonts-noto-cjk)")
        assert "".join(text for text, _ in runs) == f"{CHINESE} 93 %"
        (font,) = {font for text, font in runs if set(text) & set(CHINESE)}
        shapes = {bytes(font.getmask(char)) for char in CHINESE}
        assert len(shapes) == len(CHINESE)
        assert bytes(font.getmask("\U0010ffff")) not in shapes  # no boxes of missing characters

    def test_what_no_font_has_is_told_in_one_line(self, tmp_path: Path) -> None:
        fonts = Fonts(folders=[tmp_path])
        draw(Image.new("RGB", (300, 200)), [Region((9, 60, 90, 90), CHINESE, 0.5)], fonts=fonts)
        assert fonts.missing == set(CHINESE)
        line = advice(fonts.missing)
        assert all(char in line for char in CHINESE)
        assert "\n" not in line
        assert VARIABLE in line

    def test_folder_and_file_named_by_the_environment(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv(VARIABLE, str(tmp_path))
        fonts = Fonts()
        fonts.runs(CHINESE, 20)
        assert fonts.missing == set(CHINESE)
        font = ImageFont.load_default(20).font_bytes
        (tmp_path / "one.ttf").write_bytes(font)
        monkeypatch.setenv(VARIABLE, str(tmp_path / "one.ttf"))
        assert Fonts(folders=[]).runs("cat", 20)[0][1].path == str(tmp_path / "one.ttf")

    @pytest.mark.parametrize("content", [None, b"", b"no font"])
    def test_file_that_is_no_font(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, content: bytes | None
    ) -> None:
        path = tmp_path / "broken.ttf"
        if content is not None:
            path.write_bytes(content)
        monkeypatch.setenv(VARIABLE, str(path))
        with pytest.raises(WrongUse, match=r"broken\.ttf: no font"):
            Fonts()

    def test_damaged_font_of_the_system_is_passed_over(self, tmp_path: Path) -> None:
        (tmp_path / "DejaVuSans.ttf").write_bytes(b"\0\1\0\0 damaged")
        fonts = Fonts(folders=[tmp_path])
        assert fonts.runs("café", 20)
        assert fonts.missing == {"é"}


class TestSaved:
    @pytest.mark.parametrize("suffix", [".png", ".jpg", ".JPEG", ".webp"])
    def test_whole_and_srgb(self, tmp_path: Path, suffix: str) -> None:
        path = tmp_path / f"drawn{suffix}"
        write_picture(picture(5, (320, 240)), path)
        with Image.open(path) as saved:
            assert saved.size == (320, 240)
            profile = ImageCms.ImageCmsProfile(io.BytesIO(saved.info["icc_profile"]))
            assert "sRGB" in ImageCms.getProfileDescription(profile)
            assert dict(saved.getexif()) == {0x0131: "photosearch"}
            off = np.asarray(saved.convert("RGB")).astype(int) - np.asarray(picture(5, (320, 240)))
        assert np.abs(off).mean() < 4
        assert os.listdir(tmp_path) == [path.name]

    def test_only_what_nobody_misses_is_written_over(self, tmp_path: Path) -> None:
        for suffix in (".png", ".jpg", ".webp"):
            drawn, photo = tmp_path / f"drawn{suffix}", tmp_path / f"photo{suffix}"
            write_picture(picture(5), drawn)
            picture(6).save(photo)
            assert may_replace(drawn)
            assert not may_replace(photo)
            assert may_replace(tmp_path / f"new{suffix}")
        (tmp_path / "empty.png").touch()
        (tmp_path / "text.png").write_text("a letter")
        (tmp_path / "folder.png").mkdir()
        assert may_replace(tmp_path / "empty.png")
        assert not may_replace(tmp_path / "text.png")
        assert not may_replace(tmp_path / "folder.png")

    def test_failure_leaves_no_half_picture(self, tmp_path: Path) -> None:
        (tmp_path / "there.png").mkdir()
        with pytest.raises(StorageError, match=r"there\.png cannot be written"):
            write_picture(picture(5), tmp_path / "there.png")
        assert os.listdir(tmp_path) == ["there.png"]

    def test_never_over_a_photo(self, tmp_path: Path) -> None:
        photo = tmp_path / "photo.jpg"
        picture(1).save(photo)
        (tmp_path / "link.jpg").symlink_to(photo)
        os.link(photo, tmp_path / "hard.jpg")
        for name in ("photo.jpg", "link.jpg", "hard.jpg"):
            with pytest.raises(WrongUse, match="never written over"):
                check_target(tmp_path / name, [photo], option="--save", force=True)
        check_target(tmp_path / "new.jpg", [photo], option="--save", force=False)

    def test_names_of_many_photos_are_all_different(self, tmp_path: Path) -> None:
        taken: set[str] = set()
        photos = ["a/x.jpg", "b/x.png", "b/X.jpg", "c/x-2.jpg", "x"]
        names = [unused_name(tmp_path, Path(photo), taken).name for photo in photos]
        assert len({name.lower() for name in names}) == len(photos)
        assert names[0] == "x.jpg"
