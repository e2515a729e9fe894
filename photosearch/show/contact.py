"""The hits of a query as a contact sheet: what was asked, what was found, and why.

In: a query and its answer. Out: title, notes and sections of a page. Weak hits stand below a line
of their own.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from typing import Any

from photosearch.records import Answer, Hit
from photosearch.search.example import name_of
from photosearch.search.query import IMAGE_KINDS, Query
from photosearch.show.previews import Wanted
from photosearch.show.reason import reason_in_words
from photosearch.show.sheet import Corners, Picture, Section
from photosearch.show.text import counted

_WEAK = "Weak matches: less likely than not what was asked for"
_SIGNS = {"plus": " + ", "minus": " \u2212 ", "image": ", like ", "unlike": ", unlike "}


def title_of(asked: Query, text: str | None) -> str:
    """The query on one line, as it was typed where there is a text."""
    said = text or ""
    for part in asked.parts:
        if part.kind in IMAGE_KINDS:
            said += _SIGNS[part.kind] + os.path.basename(name_of(part.value))
        elif part.kind != "text":
            said += f"{_SIGNS[part.kind]}{part.value}"
        elif not text:
            said += str(part.value)
    return said.strip(" ,") or _filters(asked) or "all photos"


def notes_of(asked: Query, text: str | None, answer: Answer, notes: Sequence[str]) -> Iterator[str]:
    """What is to be read below the title."""
    filters = _filters(asked)
    if filters and (text or asked.parts):
        yield f"Only {filters}"
    yield counted(len(answer.hits), "photo") if answer.hits else "No photos were found."
    yield from notes


def sections_of(answer: Answer) -> list[Section]:
    """The hits, the weak ones apart."""
    weak = [hit for hit in answer.hits if hit.is_weak]
    strong = [hit for hit in answer.hits if not hit.is_weak]
    found = [("", strong), (_WEAK, weak)]
    return [Section(title, [_picture(hit) for hit in hits]) for title, hits in found if hits]


def boxes_of(hit: Hit) -> list[Corners]:
    """Where in the photo the words, the thing or the part is that made it a hit."""
    boxes = [line["box"] for line in hit.evidence.get("reads", {}).get("lines", ())]
    for kind in ("geometry", "region"):
        found = hit.evidence.get(kind)
        if found and found.get("box"):
            x0, y0, x1, y1 = found["box"]
            boxes.append([(x0, y0), (x1, y0), (x1, y1), (x0, y1)])
    return boxes


def day_of(hit: Hit) -> str:
    """When it was taken, to the minute; "" where that is not known."""
    return (hit.taken_at or "")[:16].replace("T", " ")


def _picture(hit: Hit) -> Picture:
    lines = [reason_in_words(hit), day_of(hit)]
    if hit.copies:
        lines.append(f"and {counted(len(hit.copies), 'more copy', 'more copies')}")
    return Picture(
        Wanted.of(hit),
        hit.path,
        str(hit.rank),
        [line for line in lines if line],
        size=(hit.width, hit.height),
        boxes=boxes_of(hit),
        sized=True,
    )


def _filters(asked: Query) -> str:
    return ", ".join(_filter_text(asked.filters.as_dict()))


def _filter_text(given: dict[str, Any]) -> Iterator[str]:
    """`also` holds the filters of options where the text has some of its own."""
    for name, value in given.items():
        if name == "also":
            for other in value:
                yield from _filter_text(other)
        else:
            yield f"{name}: {' or '.join(value) if isinstance(value, list) else value}"
