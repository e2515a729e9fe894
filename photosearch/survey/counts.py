"""The counts of a library, kept until it changes, for all threads that show it.

In: a snapshot, filters. Out: Facets. What takes long is done once, whoever asks first: the columns
of all photos, and the counts of the filters that were asked for last. Nothing heavy is imported
before somebody asks.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable
from datetime import date
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from photosearch.reports.contents import Counted, Facets
    from photosearch.store.snapshot import Snapshot
    from photosearch.survey.columns import Columns
    from photosearch.survey.values import Spell

    # () → (ids of the photos that pass, None for all; which paths pass)
    Allowed = Callable[[], tuple[NDArray[np.int64] | None, Callable[[bytes], bool]]]

_KEPT = 32  # filters whose counts are kept: 50 KB each


class Counts:
    """What is counted in one library."""

    def __init__(self) -> None:
        self._lock = threading.Lock()  # one reads the columns, the others wait for them
        self._columns: Columns | None = None
        self._known: OrderedDict[Hashable, Facets] = OrderedDict()

    def facets(
        self, snapshot: Snapshot, chosen: Hashable, allowed: Allowed, spell: Spell
    ) -> Facets:
        """The counts among the photos that pass filters. chosen: what they are known by."""
        from photosearch.survey.facets import count

        columns = self._current(snapshot)
        # "last summer" is another one tomorrow.
        key = (chosen, date.today(), columns.state, snapshot.state)
        found = self._known.get(key)
        if found is None:
            only, accepts_path = allowed()
            found = count(columns, only, accepts_path, spell)
            with self._lock:
                self._known[key] = found
                while len(self._known) > _KEPT:
                    self._known.popitem(last=False)
        return found

    def folders(self, snapshot: Snapshot, typed: str, spell: Spell) -> tuple[Counted, ...]:
        """Folders whose path begins like a text, or whose name holds it."""
        from photosearch.survey.folders import folders_like

        return folders_like(self._current(snapshot), typed, spell)

    def _current(self, snapshot: Snapshot) -> Columns:
        from photosearch.survey.columns import read_columns

        with self._lock:
            if self._columns is None or not self._columns.is_fresh(snapshot.state):
                self._columns = read_columns(snapshot)
                self._known.clear()
            return self._columns
