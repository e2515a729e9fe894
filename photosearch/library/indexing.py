"""The way in, put together: the photos, then all that depends on them.

In: an open catalogue, a model, folders. Out: an IndexReport. `ingest/` brings photos, places and
words in; what a new photo changes beyond that is settled here: which model answers, how near an
8-bit form is, how relevance is judged, and the vector file. Each step can be done again.
"""

from __future__ import annotations

import json
import logging
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

from photosearch.decode.limits import Limits
from photosearch.errors import BadBundle
from photosearch.settings import cache_path, usable_cores

if TYPE_CHECKING:
    from photosearch.encode.encoder import Encoder
    from photosearch.encode.towers import ImageTower
    from photosearch.index.choose import Vectors
    from photosearch.ingest.held import Options as PassOptions
    from photosearch.ingest.photos import Options
    from photosearch.ingest.scopes import Scope
    from photosearch.ingest.workshop import Workshop
    from photosearch.reports.runs import IndexReport, RegionsReport, WordsReport
    from photosearch.store.catalogue import Catalogue
    from photosearch.store.snapshot import Snapshot

logger = logging.getLogger("photosearch")


@dataclass(frozen=True, slots=True)
class Means:
    """What reading, decoding and encoding may use."""

    jobs: int | None = None  # decoding processes, on a cluster of each node; None: as many as cores
    batch_size: int | None = None  # photos a call of the tower; None: as it likes best
    limits: Limits = field(default_factory=Limits)
    ray: str | None = None  # address of a cluster that does it; None: this machine
    device: str = "auto"  # where the cluster encodes; here the encoder knows


def index_scopes(
    library: Path,
    catalogue: Catalogue,
    snapshot: Snapshot,
    encoder: Encoder,
    scopes: list[Scope],
    options: Options,
    means: Means,
    *,
    count_first: bool = False,
    vectors: Vectors | None = None,
) -> IndexReport:
    """Bring everything but the printed words up to date with the folders of `scopes`."""
    from photosearch.index.choose import LocalVectors
    from photosearch.ingest.photos import count_files, index_photos
    from photosearch.ingest.places import name_places

    model_id = catalogue.add_model(encoder.key, encoder.name, encoder.dim)
    total = count_files(catalogue, model_id, scopes, options) if count_first else None
    workshop = _workshop(encoder, means, options)
    try:
        report = index_photos(catalogue, workshop, model_id, scopes, options, total)
    finally:
        workshop.close()
    not_encoded = snapshot.count_not_encoded(model_id)
    if not not_encoded or catalogue.setting("model") is None:
        # From now on queries use this model; until it knows every photo the old one answers.
        catalogue.set_setting("model", encoder.name)
        catalogue.set_setting("model_key", encoder.key)
    _measure_agreement(catalogue, snapshot, encoder)
    _prepare_relevance(catalogue, snapshot, encoder, model_id)
    model = snapshot.model(encoder.key)
    assert model is not None
    (vectors or LocalVectors(library)).refresh(snapshot, model, options.should_stop)
    name_places(catalogue, options.should_stop)
    return replace(report, not_encoded=not_encoded)


def _workshop(encoder: Encoder, means: Means, options: Options) -> Workshop:
    if means.ray is not None:
        from photosearch.ingest.spread import spread_over

        return spread_over(
            means.ray,
            encoder,
            device=means.device,
            jobs=means.jobs,
            batch_size=means.batch_size,
            limits=means.limits,
            should_stop=options.should_stop,
        )
    from photosearch.ingest.here import Here

    def tower() -> ImageTower:
        with ThreadPoolExecutor(1) as beside:
            # Hashing and opening leave each other alone: 1.3 → 0.8 s for ViT-B/32.
            opening = beside.submit(lambda: encoder.bulk_image)
            encoder.verify()
            return opening.result()

    jobs = means.jobs or usable_cores()
    return Here(tower, jobs=jobs, limits=means.limits, batch_size=means.batch_size)


def read_words(catalogue: Catalogue, snapshot: Snapshot, options: PassOptions) -> WordsReport:
    """Look for printed words in the photos that this version's reader has not read yet."""
    from photosearch.ingest.words import read_words as read
    from photosearch.ocr.rapid import RapidReader, fingerprint

    return read(catalogue, snapshot, fingerprint(), RapidReader, options)


def look_at_regions(
    library: Path,
    catalogue: Catalogue,
    snapshot: Snapshot,
    encoder: Encoder,
    options: PassOptions,
    unasked_after: int | None = None,
) -> RegionsReport:
    """Encode parts of the photos of which the model knows none yet; `index` goes on doing so.

    unasked_after: in a run that was not asked to, how many photos it has encoded; if more wait,
    it says what it goes on with.
    """
    from photosearch.index.cache import refresh_index
    from photosearch.ingest.regions import KIND
    from photosearch.ingest.regions import look_at_regions as look
    from photosearch.store.regions import SETTING, PartRows, as_model, without_parts

    catalogue.set_setting(SETTING, "yes")
    model_id = catalogue.add_model(encoder.key, encoder.name, encoder.dim)
    model = next(model for model in snapshot.models() if model.id == model_id)
    if unasked_after is not None:
        waiting = len(without_parts(snapshot, model_id, KIND, retry=options.retry))
        if waiting > unasked_after:
            logger.info(
                "going on with the parts of %s photos, as an earlier run was asked to; "
                "--no-regions leaves them out",
                f"{waiting:,}",
            )
    report = look(catalogue, snapshot, model, lambda: encoder.bulk_image, options)
    parts = as_model(snapshot, model)
    if parts.vectors:
        refresh_index(library, PartRows(snapshot), parts)
    return report


def _measure_agreement(catalogue: Catalogue, snapshot: Snapshot, encoder: Encoder) -> None:
    """Of a model's 8-bit form, once a library: how near its vectors are to the model's own."""
    from photosearch.encode.names import INT8, open_encoder
    from photosearch.survey.agreement import measure
    from photosearch.survey.inventory import agreement_setting

    setting = agreement_setting(encoder.key)
    if not encoder.name.endswith(INT8) or catalogue.setting(setting):
        return
    full = open_encoder(encoder.name.removesuffix(INT8), device="cpu")
    found = measure(snapshot, full.image, encoder.image)
    if found is not None:
        catalogue.set_setting(setting, json.dumps(found.as_dict()))


def _prepare_relevance(
    catalogue: Catalogue, snapshot: Snapshot, encoder: Encoder, model_id: int
) -> None:
    """Of a model that comes without one: its bank of ordinary words, fitted on this library."""
    import numpy as np

    from photosearch.search.relevance import FITTED_ON, Judge, prepare, setting_name

    try:
        setting = setting_name(encoder)
    except BadBundle:
        return  # an image tower alone, which reads no words: it is asked by examples
    fitted = catalogue.setting(setting)
    if fitted and Judge.open(encoder, cache_folder=cache_path(), fitted=fitted):
        return
    blocks = snapshot.vector_blocks(model_id, FITTED_ON)
    rows = [np.frombuffer(blob, "<f2").astype(np.float32) for _, blob in next(blocks, [])]
    if rows:
        fitted = prepare(encoder, np.stack(rows), cache_folder=cache_path())
        if fitted:
            catalogue.set_setting(setting, fitted)
