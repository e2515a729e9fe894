"""A library's vectors in Milvus, kept up to the catalogue.

In: a snapshot and a model. Out: a MilvusIndex, which sees every stored vector. `index` alone writes
there. A note tells which catalogue the collection was made from and how far; it is written after
each block, so that a run that was killed goes on from there.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from itertools import islice

import numpy as np

from photosearch.errors import StorageError
from photosearch.index.address import Address
from photosearch.index.candidates import MilvusIndex, Row
from photosearch.index.connect import Connection
from photosearch.index.milvus import MOST, Collection
from photosearch.index.note import Note, hash_of, name_of, read_note, text_of
from photosearch.store.snapshot import Model, Snapshot

_BLOCK_BYTES = 4 << 20  # of float32, sent at a time: far below what a server takes (64 MB)
_WITNESSES = 8
_TELL_SHARE = 0.1
_TELL_SECONDS = 30.0

logger = logging.getLogger("photosearch")


class MilvusVectors:
    """The vectors of one library, in Milvus."""

    def __init__(self, address: Address) -> None:
        self._address = address
        self._connection: Connection | None = None

    def check(self) -> None:
        """Whether it answers. Milvus Lite is let go of again: queries want it meanwhile."""
        self._connect()
        if self._address.file:
            self.close()

    def close(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _connect(self) -> Connection:
        if self._connection is None:
            self._connection = Connection(self._address)
        return self._connection

    def open(self, snapshot: Snapshot, model: Model, tell: Callable[[str], None]) -> MilvusIndex:
        """For searching: nothing is written there."""
        collection = Collection(self._connect(), name_of(snapshot, model))
        where = f"Milvus at {self._address.shown}"
        note = read_note(collection, snapshot, model)
        if note is None:
            trouble = "holds no vectors of this library" if model.vectors else ""
        else:
            collection.load()
            held = collection.count()
            trouble = f"holds {held:,} of {note.count:,} photos" if held < note.count else ""
        if trouble:
            note = None
        index = MilvusIndex(snapshot, model, collection, note.last_id if note else None)
        missing = model.vectors - note.count if note else 0
        if not trouble and missing > _TELL_SHARE * model.vectors:
            trouble = f"lacks {missing:,} of {model.vectors:,} photos"
        if trouble:
            tell(f"{where} {trouble}: they are compared here, which takes longer; "
                 "photosearch index with the same --vectors sends them")  # fmt: skip
        return index

    def refresh(
        self, snapshot: Snapshot, model: Model, should_stop: Callable[[], bool] = lambda: False
    ) -> None:
        """Send what is new, remove what is gone; everything, where it cannot be relied on."""
        try:
            self._refresh(snapshot, model, should_stop)
        except StorageError as error:
            failed = StorageError(f"the photos are stored; their vectors are not all sent: {error}",
                                  hint=error.hint or "the same command later goes on")  # fmt: skip
            failed.exit_code = 3
            raise failed from error
        finally:
            if self._address.file:
                self.close()

    def _refresh(self, snapshot: Snapshot, model: Model, should_stop: Callable[[], bool]) -> None:
        collection = Collection(self._connect(), name_of(snapshot, model))
        note = read_note(collection, snapshot, model)
        if note is None or (note.kind, note.shards) != (self._address.kind, self._address.shards):
            collection.make(model.dim)
            note = self._note(snapshot, model, 0, 0, [])
            collection.put_note(text_of(note), model.dim)
        collection.load()
        before = note
        is_as_noted = collection.count() == note.count
        where = f"Milvus at {self._address.shown}"
        told, first = time.monotonic(), note.count
        rows = snapshot.vectors_after(model.id, note.last_id)
        size = max(1, _BLOCK_BYTES // (4 * model.dim))
        while block := list(islice(rows, size)):
            collection.put([(photo_id, blob) for _, photo_id, blob in block])
            note = self._note(snapshot, model, note.count + len(block), block[-1][0], block)
            collection.put_note(text_of(note), model.dim)
            if should_stop():
                logger.info(
                    "%s has %s of the photos; the next index goes on", where, f"{note.count:,}"
                )
                return
            if time.monotonic() - told > _TELL_SECONDS:
                told = time.monotonic()
                logger.info("%s has %s of the photos", where, f"{note.count:,}")
        if note.count > first:
            logger.info("%s vectors sent to %s", f"{note.count - first:,}", where)
        model = snapshot.model(model.key) or model
        # Both, since as many may have been lost there as were removed here.
        if not is_as_noted or collection.count() != model.vectors:
            _reconcile(collection, snapshot, model)
        if note != before or not is_as_noted or note.count != model.vectors:
            newest = snapshot.rows(
                "SELECT id, photo_id, vector FROM vectors WHERE model_id = ? AND id <= ? "
                "ORDER BY id DESC LIMIT ?",
                (model.id, note.last_id, _WITNESSES),
            )
            note = self._note(snapshot, model, model.vectors, note.last_id, list(newest)[::-1])
            collection.put_note(text_of(note), model.dim)
            collection.flush()

    def _note(
        self, snapshot: Snapshot, model: Model, count: int, last_id: int, newest: list[Row]
    ) -> Note:
        return Note(
            catalogue=snapshot.setting("catalogue") or "",
            model=model.key,
            dim=model.dim,
            kind=self._address.kind,
            shards=self._address.shards,
            generation=snapshot.generation,
            count=count,
            last_id=last_id,
            witnesses=[[row, photo, hash_of(blob)] for row, photo, blob in newest[-_WITNESSES:]],
        )


def _reconcile(collection: Collection, snapshot: Snapshot, model: Model) -> None:
    """Compare ids, range by range: what was removed here is removed there, what is lost is sent."""
    ((last,),) = snapshot.rows(
        "SELECT coalesce(max(photo_id), 0) FROM vectors WHERE model_id = ?", (model.id,)
    )
    for first in range(1, last + 1, MOST):
        there = collection.ids_between(first, first + MOST - 1)
        rows = snapshot.rows(
            "SELECT photo_id FROM vectors WHERE model_id = ? AND photo_id BETWEEN ? AND ?",
            (model.id, first, first + MOST - 1),
        )
        here = np.array([photo_id for (photo_id,) in rows], np.int64)
        gone = np.setdiff1d(there, here)
        if len(gone):
            collection.remove(gone.tolist())
        lost = np.setdiff1d(here, there).tolist()
        size = max(1, _BLOCK_BYTES // (4 * model.dim))
        for at in range(0, len(lost), size):
            collection.put(snapshot.vectors_of(model.id, lost[at : at + size]))
    collection.remove_above(last)
