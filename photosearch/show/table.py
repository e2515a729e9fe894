"""Hits as lines for a person.

In: hits. Out: lines. On a terminal: aligned, shortened to its width, names linked (OSC 8). In a
pipe: plain, whole, tab-separated, the same on every machine.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

from photosearch.records import Hit
from photosearch.show.reason import percent, reason, reason_in_words
from photosearch.show.text import cells, home_relative, printable, shorten

# The reason stands beside the path where that leaves this many cells for the path, else below it.
_PATH_ROOM = 28


def plain_lines(hits: Iterable[Hit], *, all_copies: bool = False) -> Iterator[str]:
    """rank, relevance, path, reason; one line a photo, or one a path."""
    for hit in hits:
        for path in _paths(hit, all_copies):
            yield f"{hit.rank}\t{percent(hit.relevance)}\t{printable(path)}\t{reason(hit)}"


def score_lines(hits: Iterable[Hit], *, all_copies: bool = False) -> Iterator[str]:
    """score, path."""
    for hit in hits:
        score = "-" if hit.score is None else f"{hit.score:.6f}"
        for path in _paths(hit, all_copies):
            yield f"{score}\t{printable(path)}"


def terminal_lines(
    hits: list[Hit], *, width: int, links: bool, all_copies: bool = False
) -> Iterator[str]:
    """Aligned columns: rank, day, path, what is special about it, and the reason."""
    dated = any(hit.taken_at for hit in hits)
    reasons = [reason_in_words(hit) for hit in hits]
    widest = max(map(cells, reasons), default=0)
    for hit, why in zip(hits, reasons, strict=True):
        day = f"  {(hit.taken_at or '')[:10]:10}" if dated else ""
        start = f"{hit.rank:3}{day}  "
        notes = _notes(hit, all_copies)
        room = width - cells(start) - cells(notes)
        beside = bool(why) and room - widest - 2 >= _PATH_ROOM
        for number, path in enumerate(_paths(hit, all_copies)):
            lead = start if number == 0 else " " * cells(start)
            left = room - widest - 2 if beside else room
            name = shorten(printable(home_relative(path)), left)
            line = lead + (link(path, name) if links else name) + notes
            if beside and number == 0:
                line += " " * (left - cells(name) + 2) + why
            yield line
        if why and not beside:
            yield " " * cells(start) + shorten(why, width - cells(start))


def _paths(hit: Hit, all_copies: bool) -> list[Path]:
    return [hit.path, *hit.copies] if all_copies else [hit.path]


def _notes(hit: Hit, all_copies: bool) -> str:
    notes = []
    if hit.offline:
        notes.append("offline")
    if hit.copies and not all_copies:
        notes.append(f"+{len(hit.copies)} {'copy' if len(hit.copies) == 1 else 'copies'}")
    return f"  ({', '.join(notes)})" if notes else ""


def link(path: Path, name: str) -> str:
    """A name that leads to its file, for terminals that take OSC 8."""
    try:
        address = path.as_uri()
    except ValueError:
        return name
    return f"\033]8;;{address}\033\\{name}\033]8;;\033\\"
