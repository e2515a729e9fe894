"""Vectors of past queries, so that a repeated text loads no model.

In: a text tower's key and a text. Out: its vector, or None. A file of its own in the cache folder:
a query needs neither the writer's lock nor a writable library, and losing the file costs nothing.
The texts themselves are not kept, only their hash.
"""

from __future__ import annotations

import hashlib
import os
import sqlite3
import threading
from collections import OrderedDict
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

FILE = "queries.db"
KEPT = 10_000  # 20 MB of 512 dimensions; the oldest go first
KEPT_HERE = 2_000  # 4 MB


class Remembered:
    """A table hash → vector. Every trouble with it is silently a miss."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / FILE

    def get(self, tower_key: str, text: str, dim: int) -> NDArray[np.float32] | None:
        """float32[dim] as it was put, or None."""
        import numpy as np

        if os.path.exists(self.path):  # False where the folder must not be looked into
            with self._trouble_is_a_miss(), closing(self._connect()) as connection:
                row = connection.execute(
                    "SELECT vector FROM queries WHERE hash = ?", (_hash(tower_key, text),)
                ).fetchone()
                data = row[0] if row and isinstance(row[0], bytes) else b""
                vector = data[: 4 * dim]
                if len(vector) == 4 * dim and data == vector + _check(vector):
                    return np.frombuffer(vector, "<f4").astype(np.float32)
        return None

    def put(self, tower_key: str, text: str, vector: NDArray[np.float32]) -> None:
        with self._trouble_is_a_miss():
            self.path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            with closing(self._connect()) as connection:
                connection.execute(
                    "CREATE TABLE IF NOT EXISTS queries "
                    "(number INTEGER PRIMARY KEY, hash BLOB UNIQUE, vector BLOB)"
                )
                data = vector.astype("<f4").tobytes()
                number = connection.execute(
                    "INSERT OR REPLACE INTO queries (hash, vector) VALUES (?, ?)",
                    (_hash(tower_key, text), data + _check(data)),
                ).lastrowid
                connection.execute("DELETE FROM queries WHERE number <= ?", ((number or 0) - KEPT,))
                connection.commit()

    def _connect(self) -> sqlite3.Connection:
        connection = sqlite3.connect(self.path, timeout=0.1)
        try:
            # Losing the file is no loss: no waiting for the disk.
            connection.execute("PRAGMA synchronous = OFF")
        except BaseException:
            connection.close()
            raise
        return connection

    @contextmanager
    def _trouble_is_a_miss(self) -> Iterator[None]:
        try:
            yield
        except (OSError, sqlite3.OperationalError):
            pass  # locked, read-only, disk full, no table yet
        except sqlite3.DatabaseError:
            with suppress(OSError):  # damaged: begin anew
                os.unlink(self.path)


class RememberedHere(Remembered):
    """The same in front of the file, for a process that stays: all its threads share one.

    A text that is still being typed comes as a query with each letter. What it says is kept here
    alone: 10,000 beginnings would push finished queries out of the file, and leave more of them on
    the disk than anybody asked.
    """

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self._lock = threading.Lock()
        self._here: OrderedDict[bytes, tuple[NDArray[np.float32], bool]] = OrderedDict()
        self._thread = threading.local()

    @contextmanager
    def keeping(self, *, on_disk: bool) -> Iterator[None]:
        """What this thread puts meanwhile goes to the file as well, or does not."""
        self._thread.on_disk = on_disk
        try:
            yield
        finally:
            self._thread.on_disk = True

    @property
    def _on_disk(self) -> bool:
        return getattr(self._thread, "on_disk", True)

    def get(self, tower_key: str, text: str, dim: int) -> NDArray[np.float32] | None:
        key = _hash(tower_key, text)
        with self._lock:
            vector, is_stored = self._here.get(key, (None, True))
            if vector is not None:
                self._here.move_to_end(key)
        if vector is None:
            vector = super().get(tower_key, text, dim)
            if vector is not None:
                self._keep(key, vector, is_stored=True)
        elif self._on_disk and not is_stored:  # what was typed is finished now
            self.put(tower_key, text, vector)
        return vector

    def put(self, tower_key: str, text: str, vector: NDArray[np.float32]) -> None:
        self._keep(_hash(tower_key, text), vector, is_stored=self._on_disk)
        if self._on_disk:
            super().put(tower_key, text, vector)

    def _keep(self, key: bytes, vector: NDArray[np.float32], *, is_stored: bool) -> None:
        with self._lock:
            self._here[key] = (vector, is_stored)
            self._here.move_to_end(key)
            while len(self._here) > KEPT_HERE:
                self._here.popitem(last=False)


def _check(vector: bytes) -> bytes:
    """What follows a vector: a damaged one would silently be that of another query."""
    return hashlib.blake2b(vector, digest_size=8).digest()


def _hash(tower_key: str, text: str) -> bytes:
    data = f"{tower_key}\0{text}".encode("utf-8", "surrogatepass")
    return hashlib.blake2b(data, digest_size=16).digest()
