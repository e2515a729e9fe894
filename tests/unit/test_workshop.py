"""The workshop of this machine: what is read and encoded comes back in order, whatever fails."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from photosearch.decode import process
from photosearch.decode.limits import Limits
from photosearch.decode.pool import WorkerPool
from photosearch.encode.patches import PatchPreprocess
from photosearch.encode.preprocess import Preprocess
from photosearch.errors import PhotosearchError
from photosearch.ingest.here import Here, read_one
from photosearch.ingest.prepare import prepare, prepare_packed
from photosearch.ingest.workshop import Arrived, Encoded, Trouble
from photosearch.paths import to_bytes
from photosearch.walk import WalkRules, walk
from tests import crashes
from tests.fake import WORKERS, ColourTower
from tests.make import jpeg, picture, write_photos

LIMITS = Limits()
SQUARE = Preprocess(32, 24, (0.5, 0.5, 0.5), (0.25, 0.25, 0.25))
PATCHES = PatchPreprocess(8, 12, 4, (0.5, 0.5, 0.5), (0.5, 0.5, 0.5))


def arrived(folder: Path) -> list[Arrived]:
    """Every file of a folder, read."""
    root = to_bytes(folder)
    files = [read_one(root, found) for found in walk(root, WalkRules())]  # type: ignore[arg-type]
    return [file for file in files if isinstance(file, Arrived)]


def workshop(tower: ColourTower, **options: object) -> Here:
    usual = {"jobs": 2, "limits": LIMITS, "workers": WORKERS, **options}
    return Here(lambda: tower, **usual)  # type: ignore[arg-type]


@pytest.mark.parametrize("batch_size", [1, 3, 16, 100])
def test_results_are_in_order_with_failures_between_them(tmp_path: Path, batch_size: int) -> None:
    bad = set()
    for path in write_photos(tmp_path, 23)[2::4]:
        path.write_bytes(path.read_bytes()[:-200])
        bad.add(os.fsencode(path.name))
    files = arrived(tmp_path)
    tower = ColourTower()
    with workshop(tower, batch_size=batch_size) as shop:
        results = list(shop.encode(files))
    digests = [
        result.photo.digest if isinstance(result, Encoded) else result.digest for result in results
    ]
    assert digests == [file.digest for file in files]
    assert [isinstance(one, Trouble) for one in results] == [
        file.found.path in bad for file in files
    ]
    # Each photo has the vector of its own pixels, as if it had come alone.
    for file, result in zip(files, results, strict=True):
        if isinstance(result, Encoded):
            _, pixels = prepare(file.content, file.digest, tower.preprocess, LIMITS)
            alone = tower.encode(pixels[None])[0].astype("<f2").tobytes()
            assert result.vector == alone


def test_failures_are_told_although_no_photo_fills_a_batch(tmp_path: Path) -> None:
    (tmp_path / "a.jpg").write_bytes(jpeg(picture(1)))
    for number in range(60):
        (tmp_path / f"bad{number:02}.jpg").write_bytes(b"\xff\xd8\xff" + bytes([number]))
    taken = 0

    def files() -> Iterator[Arrived]:
        nonlocal taken
        for file in arrived(tmp_path):
            taken += 1
            yield file

    with workshop(ColourTower(), batch_size=4) as shop, closing(shop.encode(files())) as results:
        next(results)
        assert taken < 61


def test_the_caller_goes_on_while_a_batch_is_encoded(tmp_path: Path) -> None:
    """The next batch is taken and decoded meanwhile, and no further one."""
    write_photos(tmp_path, 40)
    going_on = threading.Event()
    taken = 0

    class Slow(ColourTower):
        def encode(self, pixels: NDArray[np.uint8]) -> NDArray[np.float32]:
            # Waits until the caller has asked for photos of the batch after this one.
            assert going_on.wait(60)
            return super().encode(pixels)

    def files() -> Iterator[Arrived]:
        nonlocal taken
        for file in arrived(tmp_path):
            taken += 1
            if taken == 12:
                going_on.set()
            yield file

    with workshop(Slow(), batch_size=4) as shop, closing(shop.encode(files())) as results:
        next(results)
        assert 12 <= taken < 40


def test_a_stream_that_is_closed_early_waits_for_no_photo_that_is_not_begun(
    tmp_path: Path,
) -> None:
    write_photos(tmp_path, 40)
    tower = ColourTower()
    with workshop(tower, batch_size=2) as shop:
        results = shop.encode(arrived(tmp_path))
        next(results)
        results.close()
    assert tower.encoded <= 6  # taken, under way, and waiting


def test_what_the_tower_raises_comes_to_the_caller(tmp_path: Path) -> None:
    write_photos(tmp_path, 9)

    class Broken(ColourTower):
        def encode(self, pixels: NDArray[np.uint8]) -> NDArray[np.float32]:
            raise PhotosearchError("no such luck")

    with (
        workshop(Broken(), batch_size=2) as shop,
        closing(shop.encode(arrived(tmp_path))) as results,
        pytest.raises(PhotosearchError, match="luck"),
    ):
        next(results)


@pytest.mark.parametrize("preprocess", [SQUARE, PATCHES], ids=["square", "patches"])
def test_a_worker_makes_the_same_pixels(preprocess: Preprocess | PatchPreprocess) -> None:
    for seed, size in enumerate([(320, 240), (90, 400), (33, 31)]):
        data = jpeg(picture(seed, size))
        photo, pixels = prepare(data, b"digest", preprocess, LIMITS)
        same, shape, packed = WORKERS.run(
            prepare_packed, data, b"digest", preprocess, limits=LIMITS
        )
        assert same == photo
        assert np.array_equal(np.frombuffer(packed, np.uint8).reshape(shape), pixels)


def test_a_worker_decodes_photos_without_numpy() -> None:
    """Its import is half of the time that a worker takes to start."""
    with WorkerPool(1) as workers:
        workers.run(prepare_packed, jpeg(picture(3)), b"", SQUARE, limits=LIMITS)
        assert not workers.run(crashes.is_imported, "numpy", limits=LIMITS)


def test_workers_can_be_started_before_they_are_needed() -> None:
    with WorkerPool(2, ("PIL.Image",)) as workers:
        workers.start(5)
        workers.start(5)
        with ThreadPoolExecutor(4) as threads:
            processes = threads.map(
                lambda _: workers.run(crashes.process_id, limits=LIMITS), range(20)
            )
            assert len(set(processes)) <= 2
        assert workers.run(crashes.is_imported, "PIL.Image", limits=LIMITS)


def test_a_worker_that_does_not_start_says_why(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(process, "_START", "raise SystemExit('no photosearch here')")
    with WorkerPool(1) as workers:
        workers.start(1)
        for _ in range(2):
            with pytest.raises(PhotosearchError, match=r"does not start: .*photosearch"):
                workers.run(crashes.process_id, limits=LIMITS)


def test_workers_that_are_still_starting_end_with_their_pool() -> None:
    workers = WorkerPool(2)
    workers.start(2)
    started = [worker._process.pid for worker in workers._workers]
    workers.close()
    assert len(started) == 2
    assert not any(map(_is_there, started))


def _is_there(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    return True
