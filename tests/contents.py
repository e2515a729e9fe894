"""Everything a library holds, in a form that two libraries can be compared by."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Contents:
    """Rows without their ids, which depend on the order of a run."""

    photos: set[tuple[object, ...]]
    files: set[tuple[object, ...]]
    vectors: set[tuple[object, ...]]
    failures: set[tuple[object, ...]]


def contents_of(library: Path) -> Contents:
    with closing(sqlite3.connect(library / "catalogue.db")) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        assert connection.execute("PRAGMA foreign_key_check").fetchall() == []
        columns = [
            row[1] for row in connection.execute("PRAGMA table_info(photos)") if row[1] != "id"
        ]
        for counted, real in connection.execute(
            "SELECT vectors, (SELECT count(*) FROM vectors WHERE model_id = models.id) FROM models"
        ):
            assert counted == real

        def rows(sql: str) -> set[tuple[object, ...]]:
            found = connection.execute(sql).fetchall()
            assert len(found) == len(set(found))
            return set(found)

        return Contents(
            photos=rows(f"SELECT {', '.join(columns)} FROM photos"),
            files=rows(
                "SELECT r.path, f.path, f.size, f.mtime_ns, f.missing, p.digest FROM files f "
                "JOIN roots r ON r.id = f.root_id JOIN photos p ON p.id = f.photo_id"
            ),
            vectors=rows(
                "SELECT p.digest, m.key, v.vector FROM vectors v "
                "JOIN photos p ON p.id = v.photo_id JOIN models m ON m.id = v.model_id"
            ),
            failures=rows(
                "SELECT r.path, x.path, x.size, x.mtime_ns, x.reason FROM failures x "
                "JOIN roots r ON r.id = x.root_id"
            ),
        )
