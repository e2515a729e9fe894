"""A run cut off at any stage, then a clean one: the library is as if nothing had happened."""

from __future__ import annotations

import shutil
import tempfile
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from photosearch.decode.pool import WorkerPool
from photosearch.ingest import here
from photosearch.ingest import photos as ingest
from photosearch.store.catalogue import Catalogue
from tests.contents import contents_of
from tests.fake import ColourTower, Cut, run_index
from tests.make import jpeg, picture, write_photos

STAGES = ("read", "decode", "encode", "before commit", "inside commit", "after commit")


@pytest.fixture(scope="module")
def photos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("photos")
    write_photos(folder, 24)
    shutil.copy(folder / "photo0003.jpg", folder / "copy.jpg")
    (folder / "broken.jpg").write_bytes(jpeg(picture(99))[:-300])
    return folder


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    cuts=st.lists(st.tuples(st.sampled_from(STAGES), st.integers(0, 25)), min_size=1, max_size=3)
)
def test_cut_runs_then_a_clean_one(photos: Path, cuts: list[tuple[str, int]]) -> None:
    with tempfile.TemporaryDirectory() as name:
        whole, cut = Path(name, "whole"), Path(name, "cut")
        run_index(whole, [photos])
        for stage, number in cuts:
            with pytest.MonkeyPatch.context() as patch, suppress(Cut):
                _run_cut(cut, photos, stage, number, patch)
        run_index(cut, [photos], batch_size=3)
        assert contents_of(cut) == contents_of(whole)
        again = ColourTower()
        run_index(cut, [photos], tower=again)
        assert again.encoded == 0


def _run_cut(
    library: Path, photos: Path, stage: str, number: int, patch: pytest.MonkeyPatch
) -> None:
    left = iter(range(number))

    def count() -> None:
        if next(left, None) is None:
            raise Cut(stage)

    def counting(function):  # type: ignore[no-untyped-def]
        def call(*args, **kwargs):  # type: ignore[no-untyped-def]
            count()
            return function(*args, **kwargs)

        return call

    def tamper(catalogue: Catalogue) -> None:
        commit, store_file = catalogue.commit, catalogue._store_file
        if stage == "before commit":
            patch.setattr(catalogue, "commit", counting(commit))
        elif stage == "inside commit":
            patch.setattr(catalogue, "_store_file", counting(store_file))
        elif stage == "after commit":

            def committed(*args):  # type: ignore[no-untyped-def]
                result = commit(*args)
                count()
                return result

            patch.setattr(catalogue, "commit", committed)

    patch.setattr(ingest, "COMMIT_PHOTOS", 4)
    if stage == "read":
        patch.setattr(here, "read_file", counting(here.read_file))
    if stage == "decode":
        patch.setattr(WorkerPool, "run", counting(WorkerPool.run))
    tower = ColourTower(fail_at=number if stage == "encode" else None)
    run_index(library, [photos], tower=tower, cut=tamper, batch_size=3)
