"""The pass over parts of photos: every photo is looked at once, whatever interrupts it."""

from __future__ import annotations

import os
import random
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
from contextlib import closing
from functools import partial
from itertools import chain, repeat
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from photosearch import Library
from photosearch.index.base import best
from photosearch.index.cache import open_index, refresh_index
from photosearch.ingest.held import Options
from photosearch.ingest.regions import COUNT, KIND, look_at_regions, windows
from photosearch.records import Progress
from photosearch.reports.runs import RegionsReport
from photosearch.store.catalogue import Catalogue
from photosearch.store.regions import (
    MOST,
    PartRows,
    Parts,
    as_model,
    counts,
    failed_parts,
    numbers_of,
    parts_of,
    photo_of,
    store_parts,
    without_parts,
)
from photosearch.store.snapshot import Snapshot
from tests.contents import contents_of
from tests.fake import ColourTower, Cut, run_index
from tests.make import camera_exif, jpeg, picture, stored_as, write_photos


def run_regions(
    library: Path, tower: ColourTower | None = None, **options: object
) -> RegionsReport:
    tower = tower or ColourTower()
    options.setdefault("jobs", 1)  # each is a process to be started
    with closing(Catalogue(library)) as catalogue, closing(Snapshot(library)) as snapshot:
        model = snapshot.model(tower.key)
        assert model is not None
        return look_at_regions(
            catalogue,
            snapshot,
            model,
            lambda: tower,
            Options(**options),  # type: ignore[arg-type]
        )


def known(library: Path, key: str = "colours") -> dict[int, Parts]:
    with closing(Snapshot(library)) as snapshot:
        model = snapshot.model(key)
        assert model is not None
        ids = snapshot.photo_ids()
        return {parts.photo_id: parts for parts in parts_of(snapshot, model.id, ids)}


def assert_whole(library: Path) -> None:
    """Consistent in itself, and in the eyes of `check`."""
    contents_of(library)
    with Library.open(library) as opened:
        assert opened.check().problems == ()


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    folder = tmp_path / "photos"
    folder.mkdir()
    write_photos(folder, 12)
    return folder


@pytest.fixture(scope="module")
def indexed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A library of twelve photos, which stay as they are; to be copied."""
    folder = tmp_path_factory.mktemp("indexed")
    write_photos(folder / "photos", 12)
    run_index(folder / "library", [folder / "photos"])
    return folder / "library"


@pytest.fixture
def library(indexed: Path, tmp_path: Path) -> Path:
    shutil.copytree(indexed, tmp_path / "library")
    return tmp_path / "library"


@pytest.fixture
def own(tmp_path: Path, photos: Path) -> Path:
    """A library of photos that the test changes or indexes again."""
    run_index(tmp_path / "library", [photos])
    return tmp_path / "library"


@given(st.integers(1, 5000), st.integers(1, 5000))
def test_windows_lie_within_the_photo_and_none_is_empty(width: int, height: int) -> None:
    boxes = windows(width, height)
    assert len(boxes) == COUNT <= MOST
    assert (boxes[:, 0] >= 0).all()
    assert (boxes[:, 1] >= 0).all()
    assert (boxes[:, 2] <= width).all()
    assert (boxes[:, 3] <= height).all()
    assert (boxes[:, 0] < boxes[:, 2]).all()
    assert (boxes[:, 1] < boxes[:, 3]).all()
    assert boxes[:, 0].min() == boxes[:, 1].min() == 0
    assert boxes[:, 2].max() == width
    assert boxes[:, 3].max() == height


def test_every_photo_is_looked_at_once(library: Path) -> None:
    tower = ColourTower()
    told: list[Progress] = []
    report = run_regions(library, tower, progress=told.append, jobs=2)
    assert (report.looked_at, report.unavailable, report.left, report.failed) == (12, 0, 0, ())
    assert told[-1].done == told[-1].total == 12
    assert {one.stage for one in told} == {"regions"}
    assert tower.encoded == 12 * COUNT
    assert run_regions(library, tower) == RegionsReport()
    assert tower.encoded == 12 * COUNT
    found = known(library)
    assert len(found) == 12
    for parts in found.values():
        vectors = np.frombuffer(parts.vectors, "<f2").reshape(COUNT, tower.dim)
        assert np.abs(np.linalg.norm(vectors.astype("f4"), axis=1) - 1).max() < 0.01
    assert_whole(library)


def test_parts_are_those_of_the_upright_photo(tmp_path: Path) -> None:
    """A red thing at the top left of a photo that is stored lying on its side."""
    photos = tmp_path / "photos"
    photos.mkdir()
    upright = Image.new("RGB", (1200, 800), (90, 90, 90))
    upright.paste((250, 0, 0), (0, 0, 300, 200))
    turned = jpeg(stored_as(upright, 6), exif=camera_exif(orientation=6))
    (photos / "turned.jpg").write_bytes(turned)
    run_index(tmp_path / "library", [photos])
    run_regions(tmp_path / "library")
    (parts,) = known(tmp_path / "library").values()
    assert parts.box(0) == (0, 0, 480, 320)
    assert parts.box(8) == (720, 480, 1200, 800)
    tower = ColourTower()
    red = tower.encode(np.full((1, 4, 4, 3), (250, 0, 0), np.uint8))[0]
    vectors = np.frombuffer(parts.vectors, "<f2").reshape(COUNT, tower.dim).astype("f4")
    assert int((vectors @ red).argmax()) == 0


def test_stopped_at_random_moments_none_is_looked_at_twice(library: Path) -> None:
    tower = ColourTower()
    rng = random.Random(3)
    total = 0
    for _ in range(4):
        answers = chain(repeat(False, rng.randrange(4)), repeat(True))
        report = run_regions(library, tower, should_stop=partial(next, answers), jobs=2)
        total += report.looked_at
        assert report.left == 12 - total
    total += run_regions(library, tower).looked_at
    assert total == 12
    assert tower.encoded == 12 * COUNT
    assert_whole(library)


def test_cut_between_photos_goes_on_there(library: Path) -> None:
    with pytest.raises(Cut):
        run_regions(library, ColourTower(fail_at=6 * COUNT))
    done = len(known(library))
    assert 0 < done < 12
    assert_whole(library)
    assert run_regions(library).looked_at == 12 - done
    assert len(known(library)) == 12


KILLED = """
import sys, time
from pathlib import Path
from tests.fake import ColourTower
from tests.unit.test_region_pass import run_regions

class Slow(ColourTower):
    def encode(self, pixels):
        time.sleep(0.01)
        return super().encode(pixels)

run_regions(Path(sys.argv[1]), Slow(), progress=lambda told: print(told.done, flush=True), jobs=2)
"""


@pytest.mark.skipif(os.name == "nt", reason="no SIGKILL on Windows")
def test_killed_at_random_moments_none_is_left_out(tmp_path: Path) -> None:
    photos = tmp_path / "photos"
    photos.mkdir()
    write_photos(photos, 30)
    library = tmp_path / "library"
    run_index(library, [photos])
    rng = random.Random(7)
    before = 0
    for _ in range(3):
        process = subprocess.Popen(
            [sys.executable, "-c", KILLED, str(library)],
            cwd=Path(__file__).parents[2],
            stdout=subprocess.PIPE,
        )
        assert process.stdout is not None
        process.stdout.readline()
        time.sleep(rng.uniform(0.0, 0.05))
        os.kill(process.pid, signal.SIGKILL)
        process.stdout.close()
        process.wait()
        contents_of(library)
        assert len(known(library)) > before
        before = len(known(library))
    run_regions(library)
    assert len(known(library)) == 30
    assert_whole(library)


def test_file_that_is_gone_or_changed_is_left_for_another_run(own: Path, photos: Path) -> None:
    first, second, *_ = sorted(photos.glob("*.jpg"))
    kept = first.read_bytes()
    first.unlink()
    second.write_bytes(jpeg(picture(99)))
    report = run_regions(own)
    assert (report.looked_at, report.unavailable, report.failed) == (10, 2, ())
    first.write_bytes(kept)
    run_index(own, [photos])
    assert run_regions(own).looked_at == 2


def test_photo_removed_meanwhile_leaves_nothing(own: Path, photos: Path) -> None:
    """Forgotten by another command between its decoding and its storing, and afterwards."""
    with closing(Catalogue(own)) as catalogue:
        store_parts(catalogue, 1, KIND, [Parts(4711, b"\0" * 16, b"\0" * 96)])
    assert known(own) == {}
    run_regions(own)
    gone = min(photos.glob("*.jpg"))
    gone.unlink()
    run_index(own, [photos])
    with Library.open(own) as opened:
        assert opened.prune() == (1, 1)
    with closing(sqlite3.connect(own / "catalogue.db")) as connection:
        assert connection.execute("SELECT count(*) FROM regions").fetchone() == (11,)
    assert_whole(own)


def test_failure_is_remembered_and_tried_again_when_asked(
    library: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A decoder that dies costs one photo, which is named, and not the run."""
    from photosearch.errors import BadImage
    from photosearch.ingest import regions

    whole = regions.WorkerPool.run
    count = 0

    def refuse_the_third(self: object, work: object, *values: object, **limits: object) -> object:
        nonlocal count
        count += 1
        if count == 3:
            raise BadImage("the decoder gave up")
        return whole(self, work, *values, **limits)  # type: ignore[arg-type]

    monkeypatch.setattr(regions.WorkerPool, "run", refuse_the_third)
    report = run_regions(library, jobs=1)
    assert (report.looked_at, len(report.failed)) == (12, 1)
    assert report.failed[0].reason == "the decoder gave up"
    with closing(Snapshot(library)) as snapshot:
        assert counts(snapshot, 1) == {"photos": 12, "failed": 1, "parts": 11 * COUNT}
        assert [reason for *_, reason in failed_parts(snapshot)] == ["the decoder gave up"]
    assert run_regions(library) == RegionsReport()
    assert run_regions(library, retry=True).looked_at == 1
    assert len(known(library)) == 12
    assert_whole(library)


def test_another_model_or_way_looks_again(own: Path, photos: Path) -> None:
    run_regions(own)
    run_index(own, [photos], tower=ColourTower("others"))
    assert run_regions(own, ColourTower("others")).looked_at == 12
    assert len(known(own)) == len(known(own, "others")) == 12
    with closing(Catalogue(own)) as catalogue, catalogue.transaction() as connection:
        connection.execute("UPDATE regions SET kind = 'of old' WHERE photo_id < 4")
    assert run_regions(own).looked_at == 3
    assert len(known(own)) == 12
    assert run_regions(own, ColourTower("others")).looked_at == 3
    assert_whole(own)


def test_index_of_parts_gives_what_comparing_all_gives(library: Path) -> None:
    """From its file, beside rows stored since, and after rows were replaced."""
    run_regions(library, should_stop=iter([False] * 6 + [True] * 9).__next__)
    with closing(Snapshot(library)) as snapshot:
        model = snapshot.model("colours")
        assert model is not None
        rows = PartRows(snapshot)
        refresh_index(library, rows, as_model(snapshot, model))
        run_regions(library)
        vector = np.frombuffer(known(library)[9].vectors, "<f2")[: model.dim].astype("f4")
        everything = list(rows.vectors_after(model.id, 0))
        assert len(everything) == 12 * COUNT
        ids = np.array([number for _, number, _ in everything])
        matrix = np.stack([np.frombuffer(blob, "<f2").astype("f4") for *_, blob in everything])
        for only in (None, np.array([2, 3, 9, 11])):
            chosen = np.ones(len(ids), bool) if only is None else np.isin(photo_of(ids), only)
            expected = best(ids[chosen], (matrix @ vector)[chosen], 10)
            for _ in range(2):  # the second time after a fold
                index = open_index(library, rows, as_model(snapshot, model), pytest.fail)
                numbers = None if only is None else numbers_of(only)
                found = index.search(vector, 10, numbers)
                assert np.allclose(found.scores, expected.scores, atol=1e-3)
                assert found.ids[0] == expected.ids[0] == 9 * MOST
                refresh_index(library, rows, as_model(snapshot, model))


def test_damaged_vectors_are_found_and_repaired(library: Path) -> None:
    run_regions(library)
    with closing(sqlite3.connect(library / "catalogue.db")) as connection, connection:
        connection.execute("UPDATE regions SET vectors = x'00' WHERE photo_id = 3")
        connection.execute("UPDATE regions SET vectors = zeroblob(length(vectors)) WHERE id = 5")
    with Library.open(library) as opened:
        (problem,) = opened.check().problems
        assert (problem.kind, problem.count) == ("parts", 2)
        assert opened.check(repair=True).ok
        assert opened.check().ok
    assert run_regions(library).looked_at == 2


def test_library_of_schema_4_is_looked_at_after_its_upgrade(tmp_path: Path) -> None:
    library = tmp_path / "library"
    library.mkdir()
    golden = Path(__file__).parents[1] / "golden" / "catalogue_schema4.db"
    shutil.copyfile(golden, library / "catalogue.db")
    with closing(Snapshot(library)) as snapshot:
        assert snapshot.schema == 4
        assert counts(snapshot, 1)["photos"] == 0
        waiting = without_parts(snapshot, 1, KIND)
        assert len(waiting) == 3
    report = run_regions(library)
    assert report.unavailable + report.looked_at + len(report.failed) == len(waiting)
    assert (library / "catalogue.db.schema4").exists()
    contents_of(library)
