"""The default reader: PP-OCRv6 small models over ONNX Runtime, both from the rapidocr package.

In: an upright RGB image. Out: its lines. Nothing is downloaded, logged or written: the models come
in rapidocr's wheel and are named by path. What is imported late costs 0.4 s: rapidocr, OpenCV.

A photo without text costs one look of the detector at low resolution (gate.py). What lit up is
looked at again at reading size, and the boxes found are read in the image's own pixels.
"""

from __future__ import annotations

import hashlib
import logging
import math
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from photosearch.errors import MissingExtra
from photosearch.ocr.gate import READ_SHORT, STEP, Part, lit_part, look_size, read_size
from photosearch.ocr.reader import ReadFailed, scaled
from photosearch.records import Line

if TYPE_CHECKING:
    from PIL.Image import Image

# Raised whenever the same models would read other lines: photos are read again then.
SETTINGS_VERSION = 1

# The least confidence of a line that is kept; of a line of one character, which is mostly a shape.
CONFIDENT = 0.7
CONFIDENT_ALONE = 0.9
# Upright lines are read at 0.97 and more, the same lines upside down at 0.6 to 0.9: a line below
# this is read again the other way up, and that is believed from here on.
SURE = 0.9

# OpenCV cannot cut lines out of images with a longer side than 32,767.
LONGEST = 30_000

DETECTOR = "PP-OCRv6_det_small.onnx"
RECOGNISER = "PP-OCRv6_rec_small.onnx"

Pixels = NDArray[np.uint8]  # [height, width, 3], blue first as the models expect it
Corners = NDArray[np.float32]  # [4, 2], clockwise


def models_folder() -> Path:
    """Where rapidocr keeps its models; found without importing it."""
    spec = find_spec("rapidocr")
    folder = Path(spec.origin).parent / "models" if spec and spec.origin else None
    if folder is None or not all((folder / name).is_file() for name in (DETECTOR, RECOGNISER)):
        found = "is not installed" if folder is None else f"lacks the models of {DETECTOR[:8]}"
        raise MissingExtra(
            f"reading printed words takes rapidocr, which {found}",
            hint="pip install --upgrade 'rapidocr>=3.10'",
        )
    return folder


def fingerprint() -> str:
    """The key of what RapidReader reads; opens no model (30 ms, once)."""
    digest = hashlib.sha256(f"rapidocr {SETTINGS_VERSION}".encode())
    folder = models_folder()
    for name in (DETECTOR, RECOGNISER):
        with (folder / name).open("rb") as file:
            digest.update(hashlib.file_digest(file, "sha256").digest())
    return digest.hexdigest()


class RapidReader:
    """Detects lines and reads them. One object may be shared by threads."""

    # A 12 MP JPEG is then decoded at 2000 x 1500.
    read_side = READ_SHORT

    def __init__(self, *, threads: int = 1, gate: bool = True) -> None:
        """threads: of the models, for one image. One thread each for as many images as there are
        cores took 0.7 of the time of all of them for one image (2 cores, busy with other work).
        gate: look first whether there is text, and where; False looks closely everywhere.
        """
        folder = models_folder()
        self.key = fingerprint()
        self.name = f"PP-OCRv6 small (rapidocr {version('rapidocr')})"
        self._gate = gate
        self._detector, self._recogniser = _open(folder, threads)

    def read(self, image: Image) -> tuple[Line, ...]:
        """The lines of an upright RGB image, in reading order, boxes in its pixels."""
        try:
            smaller = image.convert("RGB").reduce(math.ceil(max(image.size) / LONGEST))
            lines = self._read(np.asarray(smaller)[:, :, ::-1])
            return scaled(lines, image.width / smaller.width, image.height / smaller.height)
        except Exception as error:
            # OpenCV, ONNX Runtime and the geometry packages raise what they like; one photo must
            # not end the reading of 100,000.
            reason = " ".join(str(error).split())[:200] or type(error).__name__
            raise ReadFailed(f"its words cannot be read: {reason}") from error

    def _read(self, pixels: Pixels) -> tuple[Line, ...]:
        height, width = pixels.shape[:2]
        part: Part | None = Part(0, 0, width, height)
        if self._gate:
            part = self._look(pixels)
        if part is None:
            return ()
        pixels = np.ascontiguousarray(pixels[part.top : part.bottom, part.left : part.right])
        boxes = self._boxes(pixels)
        return tuple(
            Line(
                text, confidence, tuple((float(x) + part.left, float(y) + part.top) for x, y in box)
            )
            for text, confidence, box in self._lines(pixels, boxes)
        )

    def _look(self, pixels: Pixels) -> Part | None:
        """The part that is worth a close look; None where the cheap look finds no box.

        Boxes, not light alone: out-of-focus ground lights up too, in blots of low probability.
        Asking for a box halves the photos looked at in vain (coco: 32 opened of 60, then 21), and
        loses 1 line in 100. The part is still all that lit up: with boxes alone, more is missed.
        """
        height, width = pixels.shape[:2]
        prepared = self._detector.get_preprocess()(_resized(pixels, look_size(width, height)))
        lit = self._detector.session(prepared)
        boxes, _ = self._detector.postprocess_op(lit, lit.shape[2:])
        return lit_part(lit[0, 0], width, height) if len(boxes) else None

    def _boxes(self, pixels: Pixels) -> list[Corners]:
        """Where lines of text are, from top to bottom."""
        height, width = pixels.shape[:2]
        size = read_size(width, height)
        found = self._detector(_resized(pixels, size)).boxes
        if found is None:
            return []
        factors = np.array([width / size[0], height / size[1]], np.float32)
        boxes = list(np.asarray(found, np.float32) * factors)
        # Of an image that is a thread, a box may be thinner than a pixel: nothing to cut out.
        return [box for box in boxes if min(_sides(box)) >= 2]

    def _lines(
        self, pixels: Pixels, boxes: Sequence[Corners]
    ) -> Iterator[tuple[str, float, Corners]]:
        """What the boxes say, where that is sure enough, and from where on it is read."""
        from rapidocr.utils.process_img import get_rotate_crop_image

        crops = [get_rotate_crop_image(pixels, box.copy()) for box in boxes]
        # The engine turns tall crops to the left: their text starts at the box's top right.
        boxes = [np.roll(box, -1, axis=0) if _is_tall(box) else box for box in boxes]
        readings = self._recognise(crops)
        unsure = [row for row, (_, confidence) in enumerate(readings) if confidence < SURE]
        over = self._recognise([np.ascontiguousarray(crops[row][::-1, ::-1]) for row in unsure])
        for row, reading in zip(unsure, over, strict=True):
            if reading[1] >= SURE:
                readings[row], boxes[row] = reading, np.roll(boxes[row], 2, axis=0)
        for (text, confidence), box in zip(readings, boxes, strict=True):
            text = " ".join(text.split())
            if confidence >= (CONFIDENT if len(text) > 1 else CONFIDENT_ALONE) and text:
                yield text, min(confidence, 1.0), box

    def _recognise(self, crops: list[Pixels]) -> list[tuple[str, float]]:
        if not crops:
            return []
        from rapidocr.ch_ppocr_rec import TextRecInput

        found = self._recogniser(TextRecInput(img=crops, return_word_box=False))
        return [
            (str(text), float(sure)) for text, sure in zip(found.txts, found.scores, strict=True)
        ]


def _is_tall(box: Corners) -> bool:
    """As the engine's own cropping has it: it turns crops of 1.5 times their width."""
    across, down = _sides(box)
    return down >= 1.5 * across


def _sides(box: Corners) -> tuple[int, int]:
    """Width and height of the crop that the engine makes of a box."""
    across = max(np.linalg.norm(box[0] - box[1]), np.linalg.norm(box[2] - box[3]))
    down = max(np.linalg.norm(box[0] - box[3]), np.linalg.norm(box[1] - box[2]))
    return int(across), int(down)


def _resized(pixels: Pixels, size: tuple[int, int]) -> Pixels:
    import cv2

    smaller = size[0] * size[1] < pixels.shape[0] * pixels.shape[1]
    how = cv2.INTER_AREA if smaller else cv2.INTER_LINEAR
    return np.asarray(cv2.resize(pixels, size, interpolation=how), np.uint8)


def _open(folder: Path, threads: int) -> tuple[Any, Any]:
    """rapidocr's own detector and recogniser, with its own settings but for threads and paths."""
    try:
        with _quiet():
            from rapidocr.ch_ppocr_det import TextDetector
            from rapidocr.ch_ppocr_rec import TextRecognizer
            from rapidocr.utils.parse_parameters import ParseParams
    except ImportError as error:
        raise MissingExtra(
            f"reading printed words takes rapidocr, which cannot be imported: {error}",
            hint="pip install --upgrade --force-reinstall 'rapidocr>=3.10'",
        ) from error
    settings = ParseParams.load(folder.parent / "config.yaml")
    engine = settings.EngineConfig.onnxruntime
    engine.intra_op_num_threads = threads
    # Sizes are chosen in gate.py; the detector's own scaling has nothing left to do.
    settings.Det.limit_type, settings.Det.limit_side_len = "min", STEP
    for part, name in ((settings.Det, DETECTOR), (settings.Rec, RECOGNISER)):
        part.engine_cfg, part.model_path, part.font_path = engine, str(folder / name), None
    with _quiet():
        return TextDetector(settings.Det), TextRecognizer(settings.Rec)


@contextmanager
def _quiet() -> Iterator[None]:
    """Without the notes that rapidocr writes to stderr while it opens."""
    disabled = logging.root.manager.disable
    logging.disable(logging.WARNING)
    try:
        yield
    finally:
        logging.disable(disabled)
