"""A collection in Milvus: photo id → vector, and a note.

In: a Connection, rows, conditions. Out: ids and scores. The note, what the collection was made
from, stands in row 0, which is no photo's: it is gone when the collection is. Nothing is known here
of the catalogue, nor of what is a good answer. A server keeps float16 vectors, as the catalogue
does; Milvus Lite knows float32 alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from photosearch.index.address import KINDS
from photosearch.index.base import Ranking
from photosearch.index.connect import Connection, speaking
from photosearch.index.pushdown import Condition

MOST = 16_384  # results that Milvus gives at most, of a search or a query
NOTE_ID = 0
_NOTE_LENGTH = 4096
_SECONDS = 60.0
_BUILD_SECONDS = 3600.0
_DEPTHS = ("ef", "reorder_k")
_STRONG = "Strong"  # what was stored before a search began is found by it


class Collection:
    """The vectors of one model of one library."""

    def __init__(self, connection: Connection, name: str) -> None:
        self._address = connection.address
        self._client = connection.client
        self._is_lite = connection.is_lite
        self.name = name
        self._is_half: bool | None = None

    def exists(self) -> bool:
        """Whether it is there with its index: its maker may have been killed in between."""
        with speaking(self._address):
            return bool(
                self._client.has_collection(self.name, timeout=_SECONDS)
                and self._client.list_indexes(self.name, timeout=_SECONDS)
            )

    def load(self) -> None:
        with speaking(self._address):
            self._client.load_collection(self.name, timeout=_BUILD_SECONDS)

    def make(self, dim: int) -> None:
        """An empty one, in place of whatever bears its name."""
        from pymilvus import DataType, MilvusClient
        from pymilvus.exceptions import MilvusException

        address = self._address
        index = MilvusClient.prepare_index_params()
        index.add_index(
            "vector", index_type=address.kind, metric_type="IP", params=KINDS[address.kind][0]
        )

        def create(kind: Any) -> None:
            schema = MilvusClient.create_schema(auto_id=False, enable_dynamic_field=False)
            schema.add_field("id", DataType.INT64, is_primary=True)
            schema.add_field("note", DataType.VARCHAR, max_length=_NOTE_LENGTH)
            schema.add_field("vector", kind, dim=dim)
            self._client.create_collection(
                self.name,
                schema=schema,
                index_params=index,
                num_shards=address.shards,
                consistency_level=_STRONG,
                timeout=_SECONDS,
            )

        with speaking(address):
            self._client.drop_collection(self.name, timeout=_SECONDS)
            if self._is_lite or address.kind.startswith("GPU"):
                create(DataType.FLOAT_VECTOR)
                self._is_half = False
                return
            try:
                create(DataType.FLOAT16_VECTOR)
                self._is_half = True
            except MilvusException:  # before 2.4
                self._client.drop_collection(self.name, timeout=_SECONDS)
                create(DataType.FLOAT_VECTOR)
                self._is_half = False

    @property
    def is_half(self) -> bool:
        """Whether it holds float16."""
        if self._is_half is None:
            self._is_half = self._vector_field()["type"].name == "FLOAT16_VECTOR"
        return self._is_half

    @property
    def dim(self) -> int:
        return int(self._vector_field()["params"]["dim"])

    def _vector_field(self) -> dict[str, Any]:
        with speaking(self._address):
            about = self._client.describe_collection(self.name, timeout=_SECONDS)
        found = [field for field in about["fields"] if field["name"] == "vector"]
        return found[0] if found else {"type": None, "params": {"dim": 0}}

    # Rows

    def note(self) -> str:
        with speaking(self._address):
            rows = self._client.get(
                self.name, ids=[NOTE_ID], output_fields=["note"], timeout=_SECONDS,
                consistency_level=_STRONG,
            )  # fmt: skip
        return str(rows[0]["note"]) if rows else ""

    def put(self, rows: Sequence[tuple[int, bytes]], note: str = "") -> None:
        """Vectors by photo id; what is there by that id is replaced."""
        kind = "<f2" if self.is_half else np.float32
        documents = [
            {"id": photo_id, "note": note, "vector": np.frombuffer(blob, "<f2").astype(kind)}
            for photo_id, blob in rows
        ]
        with speaking(self._address):
            self._client.upsert(self.name, documents, timeout=_SECONDS)

    def put_note(self, note: str, dim: int) -> None:
        self.put([(NOTE_ID, bytes(2 * dim))], note)

    def remove(self, photo_ids: Sequence[int]) -> None:
        with speaking(self._address):
            self._client.delete(self.name, ids=list(photo_ids), timeout=_SECONDS)

    def remove_above(self, photo_id: int) -> None:
        with speaking(self._address):
            self._client.delete(self.name, filter=f"id > {photo_id}", timeout=_SECONDS)

    def flush(self) -> None:
        """Let Milvus Lite write and index what it took in: until then a search of 20,000 takes 3 s.

        A server does so in its own time, and takes few requests for it.
        """
        if not self._is_lite:
            return
        with speaking(self._address):
            self._client.flush(self.name, timeout=_BUILD_SECONDS)

    def count(self) -> int:
        """Photos that it holds."""
        with speaking(self._address):
            rows = self._client.query(
                self.name, filter=f"id > {NOTE_ID}", output_fields=["count(*)"], timeout=_SECONDS,
                consistency_level=_STRONG,
            )  # fmt: skip
        return int(rows[0]["count(*)"])

    def ids_between(self, first: int, last: int) -> NDArray[np.int64]:
        """Those of its ids that lie in a range, which is to be no wider than MOST."""
        with speaking(self._address):
            rows = self._client.query(
                self.name, filter=f"id >= {first} and id <= {last}", output_fields=["id"],
                limit=MOST, timeout=_SECONDS, consistency_level=_STRONG,
            )  # fmt: skip
        return np.sort(np.array([row["id"] for row in rows], np.int64))

    def search(self, vector: NDArray[np.float32], count: int, condition: Condition) -> Ranking:
        """The best of what a condition lets pass, by its own arithmetic; row 0 is among them."""
        query = vector.astype(np.float16 if self.is_half else np.float32)
        asked = KINDS[self._address.kind][1]
        # What is looked at more closely must not be less than what is wanted.
        asked = {
            name: max(value, count) if name in _DEPTHS else value for name, value in asked.items()
        }
        with speaking(self._address):
            (hits,) = self._client.search(
                self.name,
                [query],
                limit=count,
                filter=condition.text,
                anns_field="vector",
                search_params={"metric_type": "IP", "params": asked},
                consistency_level=_STRONG,
                timeout=_SECONDS,
            )
        return Ranking(
            np.array([hit["id"] for hit in hits], np.int64),
            np.array([hit["distance"] for hit in hits], np.float32),
        )
