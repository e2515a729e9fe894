"""A tower whose vectors can be told from the picture, and a run with it: no weights, no waiting."""

from __future__ import annotations

import atexit
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from photosearch.decode.limits import Limits
from photosearch.decode.pool import WorkerPool
from photosearch.encode.preprocess import Preprocess
from photosearch.encode.towers import normalise
from photosearch.index.cache import refresh_index
from photosearch.ingest.here import Here
from photosearch.ingest.photos import Options, index_photos
from photosearch.ingest.scopes import scopes_of
from photosearch.paths import to_bytes
from photosearch.reports.runs import IndexReport
from photosearch.store.catalogue import Catalogue
from photosearch.store.lock import writer_lock
from photosearch.store.snapshot import Snapshot
from photosearch.walk import WalkRules

SIDE = 4

# One for all runs: a worker of its own for each would start a thousand processes.
WORKERS = WorkerPool(2)
atexit.register(WORKERS.close)


class ColourTower:
    """Embeds a picture as its own 4 x 4 pixels, less grey."""

    def __init__(self, key: str = "colours", fail_at: int | None = None) -> None:
        self.key = key
        self.dim = SIDE * SIDE * 3
        self.batch_size = 16
        self.preprocess = Preprocess(
            SIDE, SIDE, (0.5, 0.5, 0.5), (0.5, 0.5, 0.5), resize_mode="squash"
        )
        self.encoded = 0
        self._fail_at = fail_at

    def encode(self, pixels: NDArray[np.uint8]) -> NDArray[np.float32]:
        self.encoded += len(pixels)
        if self._fail_at is not None and self.encoded > self._fail_at:
            raise Cut("encode")
        return normalise(self.preprocess.to_batch(pixels).reshape(len(pixels), -1) + 0.01)


class Cut(BaseException):
    """The end of a run at some moment: nothing of ours catches it."""


def run_index(
    library: Path,
    roots: Sequence[Path],
    *,
    tower: ColourTower | None = None,
    rules: WalkRules | None = None,
    cut: Callable[[Catalogue], None] = lambda catalogue: None,
    **options: Any,
) -> IndexReport:
    """One run as Library.index makes it, with the fake tower; `cut` may tamper with the writer."""
    tower = tower or ColourTower()
    with writer_lock_of(library):
        catalogue = Catalogue(library, create=True)
        try:
            scopes = scopes_of(catalogue, roots, own_folder=library)
            model_id = catalogue.add_model(tower.key, tower.key, tower.dim)
            cut(catalogue)
            rules = replace(
                rules or WalkRules(), avoid=frozenset({*catalogue.roots(), to_bytes(library)})
            )
            means = {"jobs": 2, "limits": Limits(), "workers": WORKERS}
            means |= {name: options.pop(name) for name in (*means, "batch_size") if name in options}
            settings = Options(rules=rules, **options)
            with Here(lambda: tower, **means) as workshop:
                return index_photos(catalogue, workshop, model_id, scopes, settings)
        finally:
            catalogue.close()
            refresh(library, tower)


def writer_lock_of(library: Path):  # type: ignore[no-untyped-def]
    library.mkdir(parents=True, exist_ok=True)
    return writer_lock(library)


def refresh(library: Path, tower: ColourTower) -> None:
    snapshot = Snapshot(library)
    model = snapshot.model(tower.key)
    if model is not None:
        refresh_index(library, snapshot, model)
    snapshot.close()
