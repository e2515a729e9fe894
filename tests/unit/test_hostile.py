"""Files that were made to harm, or that are damaged as nobody would think: each is one failure."""

from __future__ import annotations

import io
import json
import struct
import subprocess
import sys
import zlib
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

import hypothesis.strategies as st
import pytest
from hypothesis import HealthCheck, given, settings
from PIL import Image

from photosearch.decode.facts import read_facts
from photosearch.decode.formats import sniff
from photosearch.decode.limits import HEAVY_BYTES, Limits
from photosearch.decode.pixels import decode
from photosearch.decode.pool import WorkerPool
from photosearch.encode.preprocess import Preprocess
from photosearch.errors import BadImage
from photosearch.ingest import here as ingest
from photosearch.ingest.prepare import prepare
from tests.command import Command
from tests.crashes import CRASHING, HANGING, prepare_or_die
from tests.fake import ColourTower, run_index
from tests.long import examples
from tests.make import camera_exif, encode, jpeg, picture, raw_png, shared_photos, write_photos

PREPROCESS = Preprocess(64, 64, (0.5, 0.5, 0.5), (0.5, 0.5, 0.5))
LIMITS = Limits(seconds=20)
ROUNDS = examples(150, 2000)


@pytest.fixture(scope="module")
def pool() -> Iterator[WorkerPool]:
    with WorkerPool(2) as workers:
        yield workers


def files() -> dict[str, bytes]:
    """One small file of each format that can be written here."""
    image = picture(5, (120, 90))
    heic = io.BytesIO()
    made = {
        "jpeg": jpeg(image, exif=camera_exif(taken=datetime(2024, 5, 1), place=(35.0, 135.7))),
        "progressive": encode(image, "JPEG", progressive=True),
        "png": encode(image, "PNG"),
        "webp": encode(image, "WEBP"),
        "lossless webp": encode(image, "WEBP", lossless=True),
        "gif": encode(image.quantize(), "GIF"),
        "tiff": encode(image, "TIFF"),
        "tiff with LZW": encode(image, "TIFF", compression="tiff_lzw"),
        "tiff with JPEG": encode(image, "TIFF", compression="jpeg"),
        "bmp": encode(image, "BMP"),
        "jpeg 2000": encode(image, "JPEG2000"),
        "avif": encode(image, "AVIF"),
    }
    samples = shared_photos()
    found = sorted(samples.glob("awkward/*.heic")) if samples else []
    if found:
        heic.write(found[0].read_bytes())
        made["heic"] = heic.getvalue()
    return made


FILES = files()


@settings(max_examples=ROUNDS, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    kind=st.sampled_from(sorted(FILES)),
    changes=st.lists(
        st.tuples(
            st.floats(0, 1), st.sampled_from([b"\0", b"\xff", b"\x7f\xff", b"\xff\xff\xff\xff"])
        ),
        max_size=6,
    ),
    cut=st.none() | st.floats(0, 1),
)
def test_damage_anywhere_is_a_photo_or_one_failure(
    pool: WorkerPool, kind: str, changes: list[tuple[float, bytes]], cut: float | None
) -> None:
    """In every format: never another error, never a hang, and the process is there for the next."""
    data = bytearray(FILES[kind])
    for where, what in changes:
        # Headers are where the lies are: most changes go to the first bytes.
        at = int(where**3 * len(data))
        data[at : at + len(what)] = what
    if cut is not None:
        del data[int(cut * len(data)) :]
    try:
        photo, pixels = pool.run(prepare, bytes(data), b"", PREPROCESS, limits=LIMITS)
    except BadImage as error:
        reason = str(error)
    else:
        reason = ""
        assert pixels.shape == (64, 64, 3)
        assert photo.width * photo.height <= LIMITS.pixels
    assert "\n" not in reason
    assert len(reason) < 300


def lying_png(width: int, height: int) -> bytes:
    return raw_png(width, height, depth=8, colour=2, rows=b"\0" + bytes(30))


def lying_tiff(width: int, height: int) -> bytes:
    """A strip of ten bytes under a header that promises width x height."""
    tags = [
        (256, 4, 1, width),
        (257, 4, 1, height),
        (258, 3, 1, 8),
        (259, 3, 1, 1),
        (262, 3, 1, 1),
        (273, 4, 1, 8),
        (277, 3, 1, 1),
        (278, 4, 1, height),
        (279, 4, 1, 10),
    ]
    body = b"".join(struct.pack("<HHII", *tag) for tag in tags)
    return (
        b"II*\0"
        + struct.pack("<I", 18)
        + bytes(10)
        + struct.pack("<H", len(tags))
        + body
        + bytes(4)
    )


def lying_webp(width: int, height: int) -> bytes:
    """The canvas of an extended file, and no picture on it."""
    canvas = bytes(4) + (width - 1).to_bytes(3, "little") + (height - 1).to_bytes(3, "little")
    body = b"WEBP" + b"VP8X" + struct.pack("<I", 10) + canvas
    return b"RIFF" + struct.pack("<I", len(body)) + body


def lying_bmp(width: int, height: int) -> bytes:
    header = struct.pack("<IiiHHIIiiII", 40, width, height, 1, 24, 0, 0, 0, 0, 0, 0)
    return b"BM" + struct.pack("<IHHI", 54 + len(header), 0, 0, 54) + header + bytes(30)


@pytest.mark.parametrize("lie", [lying_png, lying_tiff, lying_webp, lying_bmp])
@pytest.mark.parametrize("size", [(10_000, 10_000), (14_000, 14_000), (1, 65_500), (65_500, 3000)])
def test_headers_that_lie(pool: WorkerPool, lie, size) -> None:  # type: ignore[no-untyped-def]
    """A few bytes that promise a large picture: refused, also below the limit of pixels."""
    with pytest.raises(BadImage):
        pool.run(prepare, lie(*size), b"", PREPROCESS, limits=LIMITS)


def bomb(width: int, height: int) -> bytes:
    """A grey PNG of few bytes that becomes width x height pixels."""
    compress = zlib.compressobj(9)
    row = bytes(1 + width)
    body = b"".join(compress.compress(row) for _ in range(height)) + compress.flush()

    def chunk(name: bytes, data: bytes) -> bytes:
        return (
            struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))
        )

    header = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + header + chunk(b"IDAT", body) + chunk(b"IEND", b"")


def test_the_pixel_limit_is_an_option(photosearch: Command, tmp_path: Path) -> None:
    """A photo beyond it is a failure that names the option; with the option it is indexed."""
    folder = tmp_path / "photos"
    folder.mkdir()
    (folder / "large.png").write_bytes(bomb(15_000, 15_000))
    write_photos(folder, 2)
    done = photosearch("index", folder, code=3)
    assert (
        "15000 x 15000 pixels: larger than the limit of 200 megapixels: --max-megapixels"
        in done.err
    )
    again = photosearch("index", "--json", "--max-megapixels", "300", folder).json
    assert (again["encoded"], again["known_failures"]) == (0, 1)
    done = photosearch("index", "--json", "--retry", "--max-megapixels", "300", folder)
    assert done.json["encoded"] == 1
    small = photosearch("index", "--max-megapixels", "0", folder, code=2)
    assert "--max-megapixels must be more than 0" in small.err


PEAK = """
import json, resource, sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from photosearch.decode.limits import Limits
from photosearch.decode.pool import WorkerPool
from photosearch.encode.preprocess import Preprocess
from photosearch.ingest.prepare import prepare
data = Path(sys.argv[1]).read_bytes()
preprocess = Preprocess(224, 224, (0.5, 0.5, 0.5), (0.5, 0.5, 0.5))
with WorkerPool(4) as pool, ThreadPoolExecutor(4) as threads:
    def work(_):
        photo, _ = pool.run(prepare, data, b"", preprocess, limits=Limits())
        return photo.width, photo.height
    sizes = set(threads.map(work, range(4)))
used = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss
print(json.dumps([sorted(sizes), used]))
"""


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="ru_maxrss in KiB")
def test_large_photos_keep_to_a_memory_budget(tmp_path: Path) -> None:
    """120 megapixels of RGB: 360 MB as they are, and no more than twice that at any moment."""
    path = tmp_path / "large.png"
    Image.new("RGB", (12_000, 10_000), "teal").save(path, compress_level=1)
    done = subprocess.run(
        [sys.executable, "-c", PEAK, path], capture_output=True, text=True, check=True
    )
    sizes, used = json.loads(done.stdout)
    assert sizes == [[12_000, 10_000]]
    assert used * 1024 < 2 * 12_000 * 10_000 * 4
    assert HEAVY_BYTES < 12_000 * 10_000 * 4  # so they were decoded one after the other


BLOCKS = [
    camera_exif(taken=datetime(2021, 3, 4, 5, 6, 7), orientation=6, place=(-33.9, 151.2)).tobytes(),
    camera_exif(taken=datetime(2024, 12, 31), camera="Pixel 6", place=(78.2, 15.6)).tobytes(),
]


def real_blocks() -> list[bytes]:
    """EXIF blocks of photos that cameras made, where they are at hand."""
    samples = shared_photos()
    found = []
    for path in sorted(samples.glob("awkward/*"))[:150] if samples else []:
        data = path.read_bytes()
        if sniff(data) == "jpeg" and data[2:4] == b"\xff\xe1":
            size = int.from_bytes(data[4:6], "big")
            found.append(data[6 : 4 + size])
    return found


BLOCKS += real_blocks()


@pytest.mark.filterwarnings("ignore")  # what Pillow thinks of damaged blocks
@settings(max_examples=4 * ROUNDS, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    block=st.sampled_from(BLOCKS),
    changes=st.lists(st.tuples(st.floats(0, 1), st.binary(min_size=1, max_size=8)), max_size=8),
    cut=st.none() | st.floats(0, 1),
)
def test_exif_of_any_bytes_gives_facts_that_can_be(
    block: bytes, changes: list[tuple[float, bytes]], cut: float | None
) -> None:
    """The photo is shown whatever its EXIF block says; what is read of it is within its range."""
    data = bytearray(block)
    for where, what in changes:
        at = 6 + int(where * (len(data) - 6))
        data[at : at + len(what)] = what
    if cut is not None:
        del data[6 + int(cut * (len(data) - 6)) :]
    photo = decode(encode(picture(3), "JPEG", exif=bytes(data[:65_000])))
    assert sorted((photo.width, photo.height)) == [48, 64]
    facts = read_facts(photo.exif)
    assert facts.latitude is None or -90 <= facts.latitude <= 90
    assert facts.longitude is None or -180 <= facts.longitude <= 180
    assert (facts.latitude is None) == (facts.longitude is None)
    if facts.taken_at is not None:
        datetime.fromisoformat(facts.taken_at)
    for text in (facts.make, facts.camera, facts.lens):
        assert text is None or (text and text.isprintable() and len(text) < 1000)
    for number in (facts.iso, facts.f_number, facts.exposure, facts.focal_length):
        assert number is None or 0 <= number < float("inf")
    json.dumps([facts.altitude], allow_nan=False)


@pytest.mark.skipif(sys.platform == "win32", reason="signals")
def test_crashes_and_hangs_cost_one_photo_each(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The run goes on, the file is a failure with its reason, and is not tried again."""
    folder = tmp_path / "photos"
    paths = write_photos(folder, 40)
    for number, end in ((3, CRASHING), (4, CRASHING), (21, HANGING), (39, CRASHING)):
        with paths[number].open("ab") as file:
            file.write(end)
    monkeypatch.setattr(ingest, "prepare_packed", prepare_or_die)
    limits = Limits(seconds=1)
    report = run_index(tmp_path / "library", [folder], limits=limits)
    assert report.encoded == 36
    reasons = {failure.path.name: failure.reason for failure in report.failed}
    assert reasons == {
        "photo0003.jpg": "its decoder crashed (SIGSEGV)",
        "photo0004.jpg": "its decoder crashed (SIGSEGV)",
        "photo0021.jpg": "not decoded within the limit of 1 s: --timeout",
        "photo0039.jpg": "its decoder crashed (SIGSEGV)",
    }
    again = run_index(tmp_path / "library", [folder], limits=limits)
    assert (again.read, again.known_failures, again.unchanged) == (0, 4, 36)
    monkeypatch.undo()
    tower = ColourTower()
    mended = run_index(tmp_path / "library", [folder], tower=tower, retry=True)
    assert (mended.added, mended.failed, tower.encoded) == (4, (), 4)


def test_no_more_bytes_than_a_budget_are_on_their_way(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However many photos a batch holds, files are not read far ahead of their decoding."""
    folder = tmp_path / "photos"
    paths = write_photos(folder, 30)
    for path in paths:
        path.write_bytes(path.read_bytes() + bytes(100_000))
    held = most = 0
    real_read, real_run = ingest.read_file, WorkerPool.run

    def read(path, found):  # type: ignore[no-untyped-def]
        nonlocal held, most
        file = real_read(path, found)
        held += len(file.data)
        most = max(most, held)
        return file

    def run(self, work, data, *values, limits):  # type: ignore[no-untyped-def]
        nonlocal held
        result = real_run(self, work, data, *values, limits=limits)
        held -= len(data)
        return result

    monkeypatch.setattr(ingest, "read_file", read)
    monkeypatch.setattr(WorkerPool, "run", run)
    monkeypatch.setattr(ingest, "_MOST_BYTES", 250_000)
    report = run_index(tmp_path / "library", [folder], jobs=4, batch_size=16)
    assert report.encoded == 30
    # One budget on the way to each of the two stages, and one file between them.
    assert most <= 2 * 250_000 + 110_000
