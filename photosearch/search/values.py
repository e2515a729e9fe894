"""Values that a filter may have in a library, as they are offered and written.

In: a filter, what is typed of its value, and what the library has. Out: Items.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import Field, dataclass
from datetime import date
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from photosearch.errors import WrongUse
from photosearch.search import conditions as are
from photosearch.search.dates import period_of
from photosearch.search.filters import Filters, is_list
from photosearch.search.qualifiers import as_text
from photosearch.search.typed import names
from photosearch.store.functions import folded

if TYPE_CHECKING:
    from photosearch.reports.contents import Counted, Facets

_DATES = (
    "today", "yesterday", "this week", "last week", "this month", "last month", "this year",
    "last year", "last spring", "last summer", "last autumn", "last winter", "christmas",
)  # fmt: skip
_NUMBERS = {
    "within": ("1", "5", "10", "25", "50", "100"),
    "min-megapixels": ("2", "5", "8", "12", "20", "40"),
    "max-megapixels": ("1", "2", "5", "8", "12"),
}
# Which counts of a library are values of which filter.
KINDS = {
    "camera": ("cameras",),
    "lens": ("lenses",),
    "place": ("places", "countries"),
    "near": ("places",),
    "tag": ("tags",),
    "type": ("formats",),
    "in": ("folders",),
}
_HELPS = {"city": "city", "country": "country"}


@dataclass(frozen=True, slots=True)
class Item:
    """One thing that may stand at the cursor."""

    insert: str
    label: str
    help: str
    photos: int | None = None

    def as_dict(self) -> dict[str, Any]:
        return {
            "insert": self.insert,
            "label": self.label,
            "help": self.help,
            "photos": self.photos,
        }


@lru_cache(maxsize=8192)  # 1 MB; the counts of 100,000 photos write some 500: 45 ms
def spelled(option: str, value: str) -> str | None:
    """A qualifier of one value; None where none can say it."""
    one = names().get(option)
    try:
        value.encode()  # a byte of a file name that is no text stands in no address
        given: dict[str, Any] = {one.name: (value,) if is_list(one) else value} if one else {}
        filters = Filters(**given)
        filters.check()
    except (WrongUse, UnicodeEncodeError):
        return None
    return as_text(filters) or None


def values_of(
    one: Field[Any],
    sign: str,
    typed: str,
    facets: Callable[[], Facets],
    folders: Callable[[str], Sequence[Counted]],
    today: date | None,
) -> Iterator[Item]:
    """Values of a filter: those that begin like what is typed, then those that hold it."""
    about = one.metadata
    option = kind = about["option"]
    if kind in ("date", "after", "before"):
        yield from _dates(option, sign, typed, facets, today)
        return
    words = _words(kind)
    if words:
        for word, help in words:
            if word.startswith(typed.lower()):
                yield Item(f"{sign}{option}:{word} ", word, help)
        return
    if kind == "in":
        counted = list(folders(typed))
    else:
        counted = [each for name in KINDS.get(kind, ()) for each in getattr(facets(), name)]
    ranked = [(rank_of(each.value, typed, each.name), each) for each in counted]
    ranked.sort(key=lambda pair: (pair[0] or 0, -pair[1].photos, pair[1].value))
    for rank, each in ranked:
        item = item_of(sign, option, each, kind) if rank is not None else None
        if item is not None:
            yield item


def _words(kind: str) -> list[tuple[str, str]]:
    """Values that are the same in every library, and what they mean."""
    if kind == "has":
        return [(word, f"photos that have {word}") for word in are.HAS]
    if kind == "orientation":
        return [(word, f"photos that are {word}") for word in are.ORIENTATIONS]
    unit = "kilometres" if kind == "within" else "million pixels"
    return [(number, unit) for number in _NUMBERS.get(kind, ())]


def _dates(
    option: str, sign: str, typed: str, facets: Callable[[], Facets], today: date | None
) -> Iterator[Item]:
    plain = typed.casefold().strip()
    month = re.fullmatch(r"([0-9]{4})-([0-9]{0,2})", plain)
    for year in facets().years:
        if year.value.startswith(plain) and not month:
            photos = year.photos if option == "date" and not sign else None
            yield Item(f"{sign}{option}:{year.value} ", year.value, "year", photos)
        elif month and year.value == month[1]:
            for number in range(1, 13):
                value = f"{year.value}-{number:02}"
                if value.startswith(plain):
                    yield Item(f"{sign}{option}:{value} ", value, "month")
    for words in _DATES:
        if words.startswith(plain):
            text = spelled(option, words)
            if text is not None:
                days = period_of(words, today)
                yield Item(f"{sign}{text} ", words, f"from {days.first}")


def item_of(sign: str, option: str, one: Counted, kind: str = "") -> Item | None:
    text = spelled(option, one.value)
    if text is None:
        return None
    help = one.country or _HELPS.get(one.kind, "") or (one.value if one.name else kind or option)
    # Of a negated filter, and of surroundings, other photos pass.
    photos = None if (kind or option) == "near" or sign else one.photos
    return Item(f"{sign}{text} ", one.name or one.value, help, photos)


def rank_of(value: str, typed: str, name: str = "") -> int | None:
    """0: begins like this, 1: a word of it does, 2: holds it, None: has nothing of it."""
    plain, wanted = folded(name or value), folded(typed)
    if plain.startswith(wanted) or folded(value).startswith(wanted):
        return 0
    if f" {wanted}" in plain:
        return 1
    return 2 if wanted in folded(value) else None
