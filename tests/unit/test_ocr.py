"""Reading printed words: photos in, lines with boxes out."""

from __future__ import annotations

import json
import logging
import subprocess
import sys
import unicodedata
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image, ImageDraw, ImageFont

from photosearch.decode.pixels import decode
from photosearch.errors import MissingExtra, PhotosearchError
from photosearch.ocr import rapid
from photosearch.ocr.gate import MOST_PIXELS, STEP, lit_part, look_size, read_size
from photosearch.ocr.rapid import RapidReader, fingerprint
from photosearch.ocr.reader import ReadFailed, WordReader, scaled
from photosearch.records import Line
from tests.command import SAMPLES
from tests.make import jpeg, picture, shared_photos

SIGNS = {
    "cafe-sign-chinese": ["咖啡", "手冲", "早餐", "COFFEE HOUSE"],
    "concert-poster": ["SUMMER JAZZ NIGHT", "The Blue Harbour Quartet", "CITY PARK STAGE"],
    "exit-sign": ["EXIT"],
    "midi-keyboard": ["MK-25", "MIDI KEYBOARD", "CUTOFF", "TEMPO", "VOLUME"],
    "receipt": ["GREEN MARKET", "12 Station Street", "Orange juice", "TOTAL", "14.99"],
    "street-sign": ["STATION STREET", "12-48"],
}
TURNS = {
    90: Image.Transpose.ROTATE_90,
    180: Image.Transpose.ROTATE_180,
    270: Image.Transpose.ROTATE_270,
}


@pytest.fixture(scope="module")
def reader() -> RapidReader:
    return RapidReader()


def sign(name: str) -> Image.Image:
    with Image.open(SAMPLES / "signs" / f"{name}.jpg") as image:
        return image.convert("RGB")


def joined(lines: tuple[Line, ...]) -> str:
    text = "".join(line.text for line in lines)
    return "".join(unicodedata.normalize("NFKC", text).casefold().split())


def missing(lines: tuple[Line, ...], words: list[str]) -> list[str]:
    text = joined(lines)
    return [word for word in words if "".join(word.casefold().split()) not in text]


def printed(
    words: str, size: tuple[int, int], at: tuple[int, int], height: int
) -> tuple[Image.Image, tuple[int, int, int, int]]:
    """Black words on light ground, and the rectangle that their ink fills."""
    image = Image.new("RGB", size, "#e8e4da")
    draw = ImageDraw.Draw(image)
    font = ImageFont.load_default(height)
    draw.text(at, words, "#202020", font=font)
    left, top, right, bottom = draw.textbbox(at, words, font=font)
    return image, (round(left), round(top), round(right), round(bottom))


def bounds(line: Line) -> tuple[float, float, float, float]:
    across, down = zip(*line.box, strict=True)
    return min(across), min(down), max(across), max(down)


def check_boxes(lines: tuple[Line, ...], size: tuple[int, int]) -> None:
    for line in lines:
        assert line.text == line.text.strip() != ""
        assert 0 <= line.confidence <= 1
        assert len(line.box) == 4
        assert all(0 <= x <= size[0] and 0 <= y <= size[1] for x, y in line.box)
        # Clockwise, with y down: the area by the shoelace formula is positive.
        corners = np.array(line.box)
        following = np.roll(corners, -1, axis=0)
        area = (corners[:, 0] * following[:, 1] - following[:, 0] * corners[:, 1]).sum() / 2
        assert area > 20


@pytest.mark.parametrize("name", SIGNS)
def test_signs_are_read(reader: WordReader, name: str) -> None:
    """Latin and Chinese words of the samples are found, in boxes inside the picture."""
    image = sign(name)
    lines = reader.read(image)
    assert missing(lines, SIGNS[name]) == []
    check_boxes(lines, image.size)


@pytest.mark.parametrize("turn", TURNS)
@pytest.mark.parametrize("name", ["street-sign", "cafe-sign-chinese"])
def test_photos_on_their_side_or_head_are_read(reader: WordReader, name: str, turn: int) -> None:
    """Where the file does not say which way is up, words are read all the same."""
    image = sign(name).transpose(TURNS[turn])
    lines = reader.read(image)
    words = SIGNS[name][:2] if name != "cafe-sign-chinese" else ["咖啡", "COFFEE HOUSE"]
    assert missing(lines, words) == []
    check_boxes(lines, image.size)


def test_a_box_surrounds_its_words_and_starts_where_they_start(reader: WordReader) -> None:
    image, ink = printed("Harbour museum", (900, 600), (220, 330), 40)
    (upright,) = reader.read(image)
    assert upright.text == "Harbour museum"
    # The box takes in the ink, and little more than a letter's height around it.
    found = bounds(upright)
    assert all(abs(one - other) <= 20 for one, other in zip(found, ink, strict=True))
    # Where each corner of the upright picture's box lies after the turn, in the same order.
    width, height = 900, 600
    expected = {
        90: [(y, width - x) for x, y in upright.box],
        180: [(width - x, height - y) for x, y in upright.box],
        270: [(height - y, x) for x, y in upright.box],
    }
    for turn, corners in expected.items():
        (line,) = reader.read(image.transpose(TURNS[turn]))
        assert line.text == "Harbour museum", turn
        for (x, y), (wanted_x, wanted_y) in zip(line.box, corners, strict=True):
            assert abs(x - wanted_x) <= 12, turn
            assert abs(y - wanted_y) <= 12, turn


def test_small_words_in_a_corner_of_a_large_photo_are_read(reader: WordReader) -> None:
    """The close look is at the part that lit up, so small letters keep their pixels."""
    photo = picture(3, (3000, 2250))
    card, _ = printed("ticket office", (330, 70), (20, 14), 34)
    photo.paste(card, (2500, 2100))
    (line,) = (line for line in reader.read(photo) if "ticket" in line.text)
    left, top, right, bottom = bounds(line)
    assert line.text == "ticket office"
    assert left >= 2500 - 20
    assert right <= 2830 + 20
    assert top >= 2100 - 20
    assert bottom <= 2170 + 20


def test_words_in_opposite_corners_are_both_read(reader: WordReader) -> None:
    photo = Image.new("RGB", (1600, 1200), "#4a6a58")
    photo.paste(printed("platform", (300, 80), (20, 14), 44)[0], (10, 10))
    photo.paste(printed("bakery", (300, 80), (20, 14), 44)[0], (1290, 1110))
    assert [line.text for line in reader.read(photo)] == ["platform", "bakery"]


def test_a_long_screenshot_is_read_to_its_end(reader: WordReader) -> None:
    image = Image.new("RGB", (720, 7200), "white")
    draw = ImageDraw.Draw(image)
    words = ["station", "museum", "harbour", "library", "market", "garden"]
    for row, word in enumerate(words):
        draw.text((60, 100 + 1300 * row), word, "black", font=ImageFont.load_default(30))
    lines = reader.read(image)
    assert [line.text for line in lines] == words
    check_boxes(lines, image.size)


@pytest.mark.parametrize(
    "size",
    [(1, 1), (5000, 1), (1, 5000), (2, 3), (31, 33), (40_000, 40), (640, 480)],
    ids=str,
)
@pytest.mark.parametrize("mode", ["RGB", "L", "noise"])
def test_pictures_without_words_give_none(
    reader: WordReader, size: tuple[int, int], mode: str
) -> None:
    """Of any shape and mode; nothing raises."""
    if mode == "noise":
        pixels = np.random.default_rng(1).integers(0, 256, (size[1], size[0], 3), dtype=np.uint8)
        image = Image.fromarray(pixels)
    else:
        image = Image.new(mode, size, 128)
    assert reader.read(image) == ()


def test_words_squeezed_into_a_thread_never_raise(reader: WordReader) -> None:
    """The detector sees text in it, at 32 times its height; there is nothing to cut out."""
    words, _ = printed("HARBOUR MUSEUM", (1280, 320), (40, 60), 140)
    for height in (1, 2, 3):
        assert reader.read(words.resize((1280, height))) is not None
        check_boxes(reader.read(words.resize((80, height))), (80, height))


def test_words_in_a_very_long_panorama(reader: WordReader) -> None:
    """Longer than OpenCV can cut from: read at reduced size, boxes in the panorama's pixels."""
    image = Image.new("RGB", (64_000, 300), "#e8e4da")
    ImageDraw.Draw(image).text((50_000, 20), "HARBOUR", "black", font=ImageFont.load_default(200))
    lines = reader.read(image)
    assert [line.text for line in lines] == ["HARBOUR"]
    left, _, right, _ = bounds(lines[0])
    assert 49_800 < left < 50_200
    assert 50_700 < right < 51_300


def test_gate_changes_no_words_of_the_samples() -> None:
    """With it they are read, too, as test_signs_are_read shows."""
    close = RapidReader(gate=False)
    for name in ("street-sign", "midi-keyboard"):
        assert missing(close.read(sign(name)), SIGNS[name]) == []


def test_reduced_decoding_and_scaling_give_boxes_in_the_photos_pixels(reader: WordReader) -> None:
    """As the pass over a library does it: decode at reduced scale, read, scale the boxes."""
    image, ink = printed("Harbour museum", (4000, 3000), (900, 1500), 160)
    photo = decode(jpeg(image), need=reader.read_side)
    assert photo.image.width < photo.width
    lines = reader.read(photo.image)
    across, down = photo.width / photo.image.width, photo.height / photo.image.height
    (line,) = scaled(lines, across, down)
    assert line.text == "Harbour museum"
    assert all(abs(one - other) <= 80 for one, other in zip(bounds(line), ink, strict=True))


def test_threads_share_a_reader(reader: WordReader) -> None:
    """Readings do not depend on what other threads read at the same time."""
    images = [sign(name).resize((512, 384)) for name in ("concert-poster", "exit-sign", "receipt")]
    alone = [reader.read(image) for image in images]
    assert all(alone)
    with ThreadPoolExecutor(3) as pool:
        assert list(pool.map(reader.read, images)) == alone


def test_a_failing_engine_is_one_photos_failure(
    monkeypatch: pytest.MonkeyPatch, reader: RapidReader
) -> None:
    """Whatever the engine raises becomes ReadFailed with one line; the next photo is read."""

    def fail(*_: object) -> None:
        raise ValueError("first line\nsecond line")

    with monkeypatch.context() as patched:
        patched.setattr(reader._recogniser, "session", fail)
        with pytest.raises(ReadFailed) as caught:
            reader.read(sign("exit-sign"))
    assert isinstance(caught.value, PhotosearchError)
    assert "first line second line" in str(caught.value)
    assert missing(reader.read(sign("exit-sign")), ["EXIT"]) == []


def test_without_rapidocr_the_error_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rapid, "find_spec", lambda name: None)
    for use in (fingerprint, RapidReader):
        with pytest.raises(MissingExtra, match="not installed") as caught:
            use()
        assert "pip install" in caught.value.hint


def test_a_rapidocr_without_these_models_is_said(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    class Spec:
        origin = str(tmp_path / "__init__.py")

    monkeypatch.setattr(rapid, "find_spec", lambda name: Spec)
    with pytest.raises(MissingExtra, match="lacks the models"):
        fingerprint()


def test_key_says_what_was_read_with(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, reader: WordReader
) -> None:
    """The same for each reader of these models and settings; another for other models."""
    assert reader.key == fingerprint() == RapidReader(threads=2).key
    models = tmp_path / "models"
    models.mkdir()
    for name in (rapid.DETECTOR, rapid.RECOGNISER):
        (models / name).write_bytes(b"another model")
    monkeypatch.setattr(rapid, "models_folder", lambda: models)
    assert fingerprint() != reader.key


def test_reading_says_and_writes_nothing(tmp_path: Path) -> None:
    """No notes of the engine on stdout or stderr, no file, no network, no warning."""
    code = f"""
import socket
def refuse(*a, **k): raise OSError("no network here")
socket.socket.connect = socket.create_connection = socket.getaddrinfo = refuse
from PIL import Image
from photosearch.ocr.rapid import RapidReader
lines = RapidReader().read(Image.open({str(SAMPLES / "signs" / "exit-sign.jpg")!r}))
assert [line.text for line in lines] == ["EXIT"], lines
"""
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", code],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        env={"HOME": str(tmp_path), "PATH": "", "PYTHONPATH": str(SAMPLES.parents[1])},
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert list(tmp_path.iterdir()) == []


def test_opening_leaves_the_logging_of_others_alone() -> None:
    before = logging.root.manager.disable
    RapidReader()
    assert logging.root.manager.disable == before


def test_importing_the_reader_loads_no_engine() -> None:
    code = (
        "import sys, photosearch.ocr.rapid as r; r.fingerprint(); "
        "print([m for m in ('rapidocr', 'cv2', 'onnxruntime', 'PIL', 'shapely') "
        "if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.stdout.strip() == "[]", done.stderr


SIDES = st.integers(1, 60_000)


@given(SIDES, SIDES)
def test_sizes_for_the_detector(width: int, height: int) -> None:
    """Multiples of its step, never more pixels than allowed, hardly ever enlarged."""
    for size in (look_size, read_size):
        across, down = size(width, height)
        assert across % STEP == down % STEP == 0
        assert min(across, down) >= STEP
        assert across * down <= 1.2 * MOST_PIXELS or min(across, down) == STEP
    across, down = look_size(width, height)
    assert across <= width + STEP
    assert down <= height + STEP


@given(st.integers(1, 20), st.integers(1, 20), SIDES, SIDES, st.data())
def test_the_part_that_lit_up_takes_in_all_that_did(
    rows: int, columns: int, width: int, height: int, data: st.DataObject
) -> None:
    """The part lies in the image and takes in every lit pixel; without text there is none."""
    lit = np.zeros((rows * STEP, columns * STEP), np.float32)
    assert lit_part(lit, width, height) is None
    top = data.draw(st.integers(0, len(lit) - 8))
    left = data.draw(st.integers(0, lit.shape[1] - 8))
    lit[top : top + 8, left : left + 8] = 0.9
    part = lit_part(lit, width, height)
    assert part is not None
    assert 0 <= part.left <= left * width / lit.shape[1]
    assert (left + 8) * width / lit.shape[1] <= part.right + 1e-6
    assert 0 <= part.top <= top * height / lit.shape[0]
    assert (top + 8) * height / lit.shape[0] <= part.bottom + 1e-6
    assert part.right <= width
    assert part.bottom <= height
    assert min(part.size) > 0


def test_the_shared_receipts_and_signs_are_read(reader: WordReader) -> None:
    """Chinese, Japanese, French and receipts: most of what they say is found."""
    photos = shared_photos()
    if photos is None:
        pytest.skip("the shared test photos are not there (PHOTOSEARCH_TEST_PHOTOS)")
    wanted = found = 0
    for row in (photos / "ocr" / "gt.jsonl").read_text("utf-8").splitlines():
        record = json.loads(row)
        # Devices have hardly any words: the sample of one is read above.
        if record["kind"] in ("scene", "device") or (record["kind"] == "receipt" and wanted > 100):
            continue
        with Image.open(photos / "ocr" / record["file"]) as image:
            text = joined(reader.read(image.convert("RGB")))
        for line in record["words"]:
            for word in line["text"].split() if line["legible"] else ():
                plain = unicodedata.normalize("NFKC", word).casefold()
                if len(plain) > 1:
                    wanted += 1
                    found += plain in text
    assert found / wanted > 0.9
