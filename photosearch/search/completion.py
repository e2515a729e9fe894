"""A text as it is being typed, and where in it the cursor stands → what may stand there.

In: a text, a position, and the values that a library has. Out: a Completion: names of filters, or
values of the one that stands before the cursor. The text need not make sense yet: nothing here
raises. Positions are in UTF-16 code units, as browsers count them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING, Any

from photosearch.search.filters import opposite
from photosearch.search.typed import index_of, item_at, names, units_of
from photosearch.search.values import KINDS, Item, item_of, rank_of, values_of

if TYPE_CHECKING:
    from photosearch.reports.contents import Counted, Facets

MOST = 12
_FEW = 4  # values that a plain word may mean


@dataclass(frozen=True, slots=True)
class Completion:
    """What may stand at the cursor, and what of the text it takes the place of."""

    first: int  # UTF-16 code units
    end: int
    items: tuple[Item, ...]

    def as_dict(self) -> dict[str, Any]:
        return {
            "version": 1,
            "from": self.first,
            "to": self.end,
            "items": [item.as_dict() for item in self.items],
        }


def complete(
    text: str,
    at: int,
    facets: Callable[[], Facets],
    folders: Callable[[str], Sequence[Counted]],
    today: date | None = None,
) -> Completion:
    """What may stand at a position.

    facets: the counts of all photos, asked for where values are wanted. folders: those whose name
    or path begins like a text.
    """
    cursor = index_of(text, at)
    typed = item_at(text, cursor)
    items: list[Item] = []
    end = cursor
    if typed is not None:
        end = typed.end
        sign = "-" if typed.negated else ""
        one = names().get(typed.name)
        if one is not None and one.metadata["negates"]:  # not-camera: is -camera:
            one, sign = opposite(one), "" if sign else "-"
        if one is not None:
            items = list(values_of(one, sign, typed.value, facets, folders, today))
        elif not typed.name and cursor == typed.end:
            items = [*_names(sign, typed.value)]
            if len(typed.value) >= 2:
                items += _meant(sign, typed.value, facets, folders)
    first = typed.start if typed is not None and items else cursor
    end = end if items else cursor
    # What is inserted ends with a blank: the one that is there already is not doubled.
    ends_blank = items and all(item.insert.endswith(" ") for item in items)
    if ends_blank and text[end : end + 1] == " ":
        end += 1
    return Completion(units_of(text[:first]), units_of(text[:end]), tuple(items[:MOST]))


def _names(sign: str, typed: str) -> Iterator[Item]:
    """Names of filters that begin like this."""
    for name, one in names().items():
        about = one.metadata
        if about["negates"] or not name.startswith(typed.lower()):
            continue
        if sign and opposite(one) is None:
            continue
        _, _, example = about["example"].partition(" ")
        keeps = "leaves out" if sign else "keeps"
        yield Item(
            f"{sign}{name}:", f"{sign}{name}:", f"{keeps} photos {about['help']}, such as "
            f"{sign}{name}:{example}".replace("`--near`", "near:")
        )  # fmt: skip


def _meant(
    sign: str,
    typed: str,
    facets: Callable[[], Facets],
    folders: Callable[[str], Sequence[Counted]],
) -> list[Item]:
    """Values that a plain word may be the beginning of."""
    found: list[tuple[str, Counted]] = []
    counts = facets()
    for option in ("place", "tag", "camera"):
        for kind in KINDS[option]:
            meant = (one for one in getattr(counts, kind) if rank_of(one.value, typed) == 0)
            found += [(option, one) for one in meant]
    found += [("in", one) for one in folders(typed) if rank_of(one.name, typed) == 0]
    found.sort(key=lambda pair: -pair[1].photos)
    items = (item_of(sign, option, one) for option, one in found)
    return [item for item in items if item is not None][:_FEW]
