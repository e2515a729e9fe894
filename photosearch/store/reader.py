"""A catalogue open for reading: read-only, never a lock, complaints that name the file.

In: a library's folder, SQL. Out: rows. Plain `sqlite3` here, not sqlite-utils, whose import
(35-60 ms) every query would pay for.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from photosearch.errors import DamagedLibrary, NoLibrary
from photosearch.store.files import catalogue_path, storage_errors
from photosearch.store.opening import file_of, open_catalogue, state_of
from photosearch.store.schema import version_of

# SQLite takes at most 32,766 values in one statement; blocks of this size keep memory flat.
_BLOCK = 1000


class Reader:
    """A connection that reads. Each statement sees the last committed state.

    beside_writer: this process also writes; what it stores has to be seen at once.
    """

    def __init__(self, library: Path, *, beside_writer: bool = False) -> None:
        self.path = catalogue_path(library)
        if not self.path.exists():
            raise NoLibrary(f"there is no library in {library}")
        if self.path.is_dir():
            raise DamagedLibrary(f"{self.path} is a folder, where a catalogue should be")
        with storage_errors(self.path), ExitStack() as undo:
            self._file = file_of(self.path)
            self._state = state_of(self.path)
            self._connection, self.is_frozen = open_catalogue(
                self.path, may_freeze=not beside_writer
            )
            undo.callback(self._connection.close)
            version_of(self._connection, self.path)
            undo.pop_all()
        self._counted: dict[str, tuple[int, int]] = {}  # generation, count by statement

    def close(self) -> None:
        self._connection.close()

    @property
    def is_replaced(self) -> bool:
        """Whether this is to be opened anew: another catalogue lies there, repaired or restored,
        or this one was read as it stood, and has been written to since.
        """
        if file_of(self.path) != self._file:
            return True
        return self.is_frozen and state_of(self.path) != self._state

    @property
    def schema(self) -> int:
        """The catalogue's schema now: a writer may have upgraded it since it was opened."""
        return version_of(self._connection, self.path)

    def setting(self, name: str) -> str | None:
        row = self.one("SELECT value FROM settings WHERE name = ?", (name,))
        return row[0] if row else None

    @property
    def generation(self) -> int:
        """Grows with every transaction: equal means that nothing has changed."""
        return int(self.setting("generation") or 0)

    @property
    def state(self) -> Hashable:
        """The catalogue and its generation: for what outlives a snapshot, since a backup that was
        restored may have the generation of what it took the place of.
        """
        return self._file, self.generation

    def has_table(self, name: str) -> bool:
        """Whether there is such a table: a catalogue of an older schema lacks the newer ones
        until it is written to.
        """
        return self.one("SELECT 1 FROM sqlite_master WHERE name = ?", (name,)) is not None

    # SQL

    def count(self, sql: str) -> int:
        """What a statement without values counts; kept until something is stored."""
        generation = self.generation
        if self._counted.get(sql, (None,))[0] != generation:
            ((found,),) = self.rows(sql)
            self._counted[sql] = generation, int(found or 0)
        return self._counted[sql][1]

    def define(self, name: str, count: int, function: Callable[..., Any]) -> None:
        """Make a function of `count` values known to this connection's statements."""
        self._connection.create_function(name, count, function, deterministic=True)

    def rows(self, sql: str, values: Sequence[object] = ()) -> Iterator[Any]:
        """Rows of a statement, for the modules of this floor."""
        # Damage shows when rows are fetched, not when the statement is prepared.
        with storage_errors(self.path):
            yield from self._connection.execute(sql, values)

    def one(self, sql: str, values: Sequence[object] = ()) -> tuple[Any, ...] | None:
        """The first row of a statement, for the modules of this floor."""
        with storage_errors(self.path):
            row: tuple[Any, ...] | None = self._connection.execute(sql, values).fetchone()
            return row

    def in_blocks(
        self, sql: str, ids: Iterable[int], values: Sequence[object] = ()
    ) -> Iterator[tuple[Any, ...]]:
        """Rows of a statement with `{}` for the marks of many ids, a block of them at a time."""
        ids = list(ids)
        for at in range(0, len(ids), _BLOCK):
            block = ids[at : at + _BLOCK]
            marks = ", ".join("?" * len(block))
            yield from self.rows(sql.format(marks), (*values, *block))
