"""Hits as lines for a person.

In: hits. Out: lines. On a terminal: aligned, shortened to its width, names linked (OSC 8). In a
pipe: plain, whole, tab-separated, the same on every machine.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

from photosearch.records import Hit
from photosearch.show.text import cells, home_relative, printable, shorten


def plain_lines(hits: Iterable[Hit], *, all_copies: bool = False) -> Iterator[str]:
    """rank, score, path; one line a photo, or one a path."""
    for hit in hits:
        for path in _paths(hit, all_copies):
            yield f"{hit.rank}\t{hit.score:.4f}\t{printable(path)}"


def score_lines(hits: Iterable[Hit], *, all_copies: bool = False) -> Iterator[str]:
    """score, path."""
    for hit in hits:
        for path in _paths(hit, all_copies):
            yield f"{hit.score:.6f}\t{printable(path)}"


def terminal_lines(
    hits: list[Hit], *, width: int, links: bool, all_copies: bool = False
) -> Iterator[str]:
    """Aligned columns: rank, score, day, path, and what is special about it."""
    dated = any(hit.taken_at for hit in hits)
    for hit in hits:
        day = f"  {(hit.taken_at or '')[:10]:10}" if dated else ""
        start = f"{hit.rank:3}  {hit.score:6.3f}{day}  "
        notes = _notes(hit, all_copies)
        for number, path in enumerate(_paths(hit, all_copies)):
            lead = start if number == 0 else " " * cells(start)
            room = width - cells(start) - cells(notes)
            name = shorten(printable(home_relative(path)), room)
            yield lead + (_link(path, name) if links else name) + notes


def _paths(hit: Hit, all_copies: bool) -> list[Path]:
    return [hit.path, *hit.copies] if all_copies else [hit.path]


def _notes(hit: Hit, all_copies: bool) -> str:
    notes = []
    if hit.offline:
        notes.append("offline")
    if hit.copies and not all_copies:
        notes.append(f"+{len(hit.copies)} {'copy' if len(hit.copies) == 1 else 'copies'}")
    return f"  ({', '.join(notes)})" if notes else ""


def _link(path: Path, name: str) -> str:
    try:
        address = path.as_uri()
    except ValueError:
        return name
    return f"\033]8;;{address}\033\\{name}\033]8;;\033\\"
