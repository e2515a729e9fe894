"""Values of one kind as they are counted, each with the filter that passes its photos.

In: values and numbers of photos. Out: Counted records.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any

from photosearch.reports.contents import Counted

# (name of a filter, value) → the qualifier, None where it cannot be written.
Spell = Callable[[str, str], str | None]

MOST = 200  # values of one kind, the most frequent ones


def counted(
    option: str, value: str, photos: int, spell: Spell, asked: str | None = None, **more: Any
) -> Iterator[Counted]:
    """One value, unless there is nothing to say of it. asked: what the filter says, if not that."""
    text = spell(option, asked or value) if photos else None
    if text is not None:
        yield Counted(value, photos, text, **more)


def most(found: Iterable[Counted]) -> tuple[Counted, ...]:
    """The most frequent ones, in order."""
    ordered = sorted(found, key=lambda one: (-one.photos, one.value.casefold(), one.value))
    return tuple(ordered[:MOST])
