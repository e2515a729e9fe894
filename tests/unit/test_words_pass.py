"""The second pass: every photo is read once, whatever interrupts it."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from pathlib import Path

import pytest
from PIL import Image

from photosearch.ingest.words import Options, read_words
from photosearch.ocr.reader import ReadFailed
from photosearch.records import Line, Progress
from photosearch.reports.runs import WordsReport
from photosearch.store.catalogue import Catalogue
from photosearch.store.snapshot import Snapshot
from photosearch.store.words import failed_readings, lines_of, unread
from tests.fake import run_index
from tests.make import camera_exif, jpeg, picture, stored_as, write_photos
from tests.unit.test_words import check_consistent


class CountingReader:
    """Reads a photo's mean colour, and keeps an account of what it was shown."""

    name = "counting"
    read_side = 64

    def __init__(self, key: str = "counting-1", fail_on: frozenset[str] = frozenset()) -> None:
        self.key = key
        self.read_texts: Counter[str] = Counter()
        self._fail_on = fail_on
        self._lock = threading.Lock()

    def read(self, image: Image.Image) -> tuple[Line, ...]:
        text = "colour " + bytes(image.resize((1, 1)).getpixel((0, 0))).hex()  # type: ignore[arg-type]
        with self._lock:
            self.read_texts[text] += 1
        if text in self._fail_on:
            raise ReadFailed("the engine gave up")
        width, height = image.size
        return (Line(text, 0.9, ((0, 0), (width, 0), (width, height), (0, height))),)


def run_words(library: Path, reader: CountingReader, **options: object) -> WordsReport:
    catalogue = Catalogue(library)
    snapshot = Snapshot(library)
    try:
        chosen = Options(**options)  # type: ignore[arg-type]
        return read_words(catalogue, snapshot, reader.key, lambda: reader, chosen)
    finally:
        snapshot.close()
        catalogue.close()


def texts(library: Path) -> list[str]:
    snapshot = Snapshot(library)
    found = [line.text for photo in snapshot.photo_ids() for line in lines_of(snapshot, photo)]
    snapshot.close()
    return found


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    folder = tmp_path / "photos"
    folder.mkdir()
    write_photos(folder, 12)
    return folder


@pytest.fixture
def library(tmp_path: Path, photos: Path) -> Path:
    run_index(tmp_path / "library", [photos])
    return tmp_path / "library"


def test_every_photo_is_read_once(library: Path) -> None:
    reader = CountingReader()
    told: list[Progress] = []
    report = run_words(library, reader, progress=told.append)
    assert (report.read, report.with_words, report.left, report.failed) == (12, 12, 0, ())
    assert [(one.done, one.total, one.stage) for one in told] == [
        (number, 12, "words") for number in range(1, 13)
    ]
    assert run_words(library, reader).read == 0
    assert set(reader.read_texts.values()) == {1}
    assert len(texts(library)) == 12
    check_consistent(library)


def test_reader_is_not_opened_for_nothing(library: Path) -> None:
    run_words(library, CountingReader())
    catalogue, snapshot = Catalogue(library), Snapshot(library)

    def never() -> CountingReader:
        raise AssertionError("opened")

    assert read_words(catalogue, snapshot, "counting-1", never, Options()) == WordsReport()
    snapshot.close()
    catalogue.close()


def test_new_engine_reads_all_again(library: Path) -> None:
    run_words(library, CountingReader())
    better = CountingReader("counting-2")
    assert run_words(library, better).read == 12
    assert len(texts(library)) == 12


def test_copies_are_read_once(library: Path, photos: Path) -> None:
    (photos / "copy.jpg").write_bytes(next(photos.glob("*.jpg")).read_bytes())
    run_index(library, [photos])
    assert run_words(library, CountingReader()).read == 12


def test_failure_of_one_photo_is_kept_and_tried_again_when_asked(library: Path) -> None:
    probe = CountingReader("probe")
    run_words(library, probe)
    wrong = min(probe.read_texts)
    report = run_words(library, CountingReader(fail_on=frozenset({wrong})))
    assert (report.read, report.with_words, len(report.failed)) == (12, 11, 1)
    assert report.failed[0].reason == "the engine gave up"
    snapshot = Snapshot(library)
    assert [reason for _, _, reason in failed_readings(snapshot)] == ["the engine gave up"]
    snapshot.close()
    assert run_words(library, CountingReader()).read == 0
    assert run_words(library, CountingReader(), retry=True).read == 1
    assert len(texts(library)) == 12
    check_consistent(library)


def test_file_that_is_gone_or_changed_is_left_for_another_run(library: Path, photos: Path) -> None:
    first, second, *_ = sorted(photos.glob("*.jpg"))
    kept = first.read_bytes()
    first.unlink()
    second.write_bytes(jpeg(picture(99)))
    reader = CountingReader()
    report = run_words(library, reader)
    assert (report.read, report.unavailable, report.failed) == (10, 2, ())
    first.write_bytes(kept)
    run_index(library, [photos])
    assert run_words(library, reader).read == 2
    assert set(reader.read_texts.values()) == {1}


def test_copy_elsewhere_serves_where_the_first_file_is_gone(library: Path, photos: Path) -> None:
    first = min(photos.glob("*.jpg"))
    (photos / "z-copy.jpg").write_bytes(first.read_bytes())
    run_index(library, [photos])
    first.unlink()
    assert run_words(library, CountingReader()).read == 12


def test_boxes_are_in_the_pixels_of_the_upright_photo(tmp_path: Path) -> None:
    photos = tmp_path / "photos"
    photos.mkdir()
    upright = picture(1, (1200, 800))
    turned = jpeg(stored_as(upright, 6), exif=camera_exif(orientation=6))
    (photos / "turned.jpg").write_bytes(turned)
    run_index(tmp_path / "library", [photos])
    run_words(tmp_path / "library", CountingReader())  # it sees the photo at a smaller size
    snapshot = Snapshot(tmp_path / "library")
    (line,) = lines_of(snapshot, snapshot.photo_ids()[0])
    snapshot.close()
    assert line.box == ((0, 0), (1200, 0), (1200, 800), (0, 800))


def test_stopped_at_random_moments_no_photo_is_read_twice_none_left_out(tmp_path: Path) -> None:
    photos = tmp_path / "photos"
    photos.mkdir()
    write_photos(photos, 250)
    library = tmp_path / "library"
    run_index(library, [photos])
    reader = CountingReader()
    rng = random.Random(5)
    reports = []
    for _ in range(10):
        stop_at = rng.randrange(25)
        asked = iter(range(10_000))
        reports.append(
            run_words(
                library, reader, should_stop=lambda asked=asked, at=stop_at: next(asked) >= at
            )
        )
    assert all(report.left for report in reports)
    reports.append(run_words(library, reader))
    assert reports[-1].left == 0
    assert sum(report.read for report in reports) == 250
    # Pictures are drawn at random; two may have one colour.
    assert sum(reader.read_texts.values()) == 250
    snapshot = Snapshot(library)
    assert unread(snapshot, reader.key) == []
    snapshot.close()
    assert len(texts(library)) == 250
    check_consistent(library)


KILLED = """
import sys, time
from pathlib import Path
from tests.unit.test_words_pass import CountingReader, run_words

class Slow(CountingReader):
    def read(self, image):
        time.sleep(0.005)
        lines = super().read(image)
        with open(sys.argv[2], "a") as log:
            log.write(lines[0].text + "\\n")
        return lines

run_words(Path(sys.argv[1]), Slow())
"""


@pytest.mark.skipif(os.name == "nt", reason="no SIGKILL on Windows")
def test_killed_at_random_moments_none_is_left_out(tmp_path: Path) -> None:
    photos = tmp_path / "photos"
    photos.mkdir()
    write_photos(photos, 100)
    library = tmp_path / "library"
    run_index(library, [photos])
    log = tmp_path / "log"
    log.touch()
    rng = random.Random(7)
    kills = 0
    for _ in range(5):
        process = subprocess.Popen(
            [sys.executable, "-c", KILLED, str(library), str(log)],
            cwd=Path(__file__).parents[2],
        )
        before = log.stat().st_size
        while log.stat().st_size == before and process.poll() is None:
            time.sleep(0.002)
        time.sleep(rng.uniform(0.0, 0.1))
        if process.poll() is None:
            os.kill(process.pid, signal.SIGKILL)
            kills += 1
        process.wait()
        check_consistent(library)
    assert kills
    report = run_words(library, CountingReader())
    assert report.left == 0
    assert len(texts(library)) == 100
    # What was in flight at a kill is read again: at most four photos of two threads.
    assert len(log.read_text().splitlines()) + report.read <= 100 + 5 * kills
    check_consistent(library)
