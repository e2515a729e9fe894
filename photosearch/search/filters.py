"""Self-describing filters: each field carries its help, an example and its SQL.

In: a Filters record. Out: the ids of the photos that pass, or None for all. Command line, web form
and documentation read the same fields. Conditions are on photos `p` and files `f`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, fields
from datetime import date
from typing import TYPE_CHECKING, Any

from photosearch.errors import WrongUse
from photosearch.paths import below, relative_to, to_bytes
from photosearch.store.tags import normal_tag

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from photosearch.store.snapshot import Snapshot


def flt(
    help: str,
    example: str,
    sql: str,
    default: Any = None,
    value: Callable[[str], object] | None = None,
) -> Any:
    """A filter field: what it means, how it is typed, its condition, what is bound in it.

    A field that takes several values has a condition for each: all must hold.
    """
    described = {"help": help, "example": example, "sql": sql, "value": value}
    return field(default=default, metadata=described)


def _day(text: str) -> str:
    return first_day(text).isoformat()


def _tag(text: str) -> str:
    # A stray byte of the command line is no text that SQLite takes, and in no tag.
    tag = normal_tag(text.encode("utf-8", "replace").decode())
    if not tag:
        raise WrongUse("--tag is empty", hint="--tag cat")
    return tag


@dataclass(frozen=True, slots=True)
class Filters:
    """Which photos may be hits. A field left out filters nothing; all given ones must hold.

    in_folder and not_in_folder take folder paths; after and before take dates written as
    2024-06-01, 2024-06 or 2024. A photo without a date passes neither `after` nor `before`.
    Tags are compared without regard to capitals.
    """

    in_folder: str | Sequence[str] = flt(
        "lies in this folder or below it", "--in ~/Pictures/2024", "{folders}", ()
    )
    not_in_folder: str | Sequence[str] = flt(
        "does not lie there", "--not-in ~/Pictures/screenshots", "NOT ({folders})", ()
    )
    after: str | None = flt(
        "taken on or after this day", "--after 2024-06-01", "p.taken_at >= ?", value=_day
    )
    before: str | None = flt("taken before this day", "--before 2024", "p.taken_at < ?", value=_day)
    tag: str | Sequence[str] = flt(
        "has this tag; of several, all of them",
        "--tag cat",
        "p.id IN (SELECT photo_id FROM tags WHERE tag = ?)",
        (),
        value=_tag,
    )

    def is_empty(self) -> bool:
        return not any(getattr(self, one.name) for one in fields(self))

    def accepts_path(self, path: bytes) -> bool:
        """Whether a path itself is one to show: of several copies, those in the right folder."""
        if self.in_folder and not _is_in(path, self.in_folder):
            return False
        return not (self.not_in_folder and _is_in(path, self.not_in_folder))

    def allowed_ids(self, snapshot: Snapshot) -> NDArray[np.int64] | None:
        """Sorted ids of the photos that pass, None where nothing is filtered."""
        import numpy as np

        if self.is_empty():
            return None
        conditions: list[str] = []
        values: list[object] = []
        for one in fields(self):
            given = getattr(self, one.name)
            if not given:
                continue
            sql = one.metadata["sql"]
            if "{folders}" in sql:
                clause, bounds = _folders_sql(given, snapshot.roots())
                conditions.append(sql.format(folders=clause))
                values += bounds
            else:
                bound = [one.metadata["value"](text) for text in _listed(given)]
                conditions += [sql] * len(bound)
                values += bound
        if self.tag and not snapshot.has_tags():  # made before there were any
            return np.empty(0, np.int64)
        return np.array(
            snapshot.photo_ids(" AND ".join(f"({one})" for one in conditions), values), np.int64
        )


def first_day(text: str) -> date:
    """The first day of a date, a month or a year: 2024-06-01, 2024-06, 2024."""
    match = re.fullmatch(r"(\d{4})(?:-(\d{1,2})(?:-(\d{1,2}))?)?", text.strip())
    try:
        if match is None:
            raise ValueError(text)
        year, month, day = (int(part) if part else 1 for part in match.groups())
        return date(year, month, day)
    except ValueError:
        raise WrongUse(
            f"{text!r} is no date", hint="dates are written 2024, 2024-06 or 2024-06-01"
        ) from None


def _listed(given: str | Sequence[str]) -> Sequence[str]:
    return [given] if isinstance(given, str) else given


def _is_in(path: bytes, folders: str | Sequence[str]) -> bool:
    return any(relative_to(path, to_bytes(folder)) is not None for folder in _listed(folders))


def _folders_sql(folders: str | Sequence[str], roots: dict[bytes, int]) -> tuple[str, list[object]]:
    """A condition on files f: they lie in one of these folders."""
    clauses: list[str] = []
    values: list[object] = []
    for folder in _listed(folders):
        wanted = to_bytes(folder)
        matched = False
        for root, root_id in roots.items():
            inner = relative_to(wanted, root)
            if inner:
                clauses.append("(f.root_id = ? AND f.path >= ? AND f.path < ?)")
                values += [root_id, *below(inner)]
            elif inner == b"" or relative_to(root, wanted) is not None:
                clauses.append("f.root_id = ?")
                values.append(root_id)
            else:
                continue
            matched = True
        if not matched:
            raise WrongUse(
                f"{folder}: not in any indexed folder", hint="photosearch status lists them"
            )
    return " OR ".join(clauses), values
