"""A text that is still being typed → the item of it in which the cursor stands.

In: a text, a position. Out: a Typed. The text is read as `qualifiers` reads it, but need not make
sense yet: nothing here raises. Browsers count positions in UTF-16 code units.
"""

from __future__ import annotations

import re
from dataclasses import Field, dataclass
from typing import Any

from photosearch.search.filters import options

_NAME = re.compile(r"[A-Za-z]+(?:-[A-Za-z]+)*")
_CLOSING = {'"': '"', "“": "”", "„": "“”", "«": "»", "「": "」", "『": "』"}


@dataclass(frozen=True, slots=True)
class Typed:
    """The item of a text in which the cursor stands, by positions in the text."""

    start: int
    end: int
    negated: bool = False
    name: str = ""  # of a filter, where a colon follows it
    value: str = ""  # before the cursor, without its quote


def index_of(text: str, units: int) -> int:
    """A position in UTF-16 code units → in characters; within a pair, before it."""
    passed = 0
    for index, char in enumerate(text):
        passed += 2 if ord(char) > 0xFFFF else 1
        if passed > units:
            return index
    return len(text)


def units_of(text: str) -> int:
    """The length of a text in UTF-16 code units."""
    return len(text) + sum(ord(char) > 0xFFFF for char in text)


def last_item(text: str) -> Typed | None:
    """The item at the end of a text, None where there is none that is still being typed."""
    typed = item_at(text, len(text))
    return typed if typed is not None and typed.start < len(text) else None


def item_at(text: str, cursor: int) -> Typed | None:
    """The item in which the cursor stands, None inside a quoted phrase or a value's end.

    Read as `qualifiers` reads it, but what is not finished is one item up to the cursor.
    """
    at = 0
    while at < len(text):
        if text[at].isspace():
            if at == cursor:
                return Typed(cursor, cursor)
            at += 1
            continue
        start = at
        negated = text[at] == "-"
        inner = at + negated
        match = _NAME.match(text, inner)
        colon = match.end() if match and text[match.end() : match.end() + 1] == ":" else None
        if match and colon is not None and match[0].lower() in names():
            begin, at = colon + 1, _end_of_value(text, colon + 1, cursor)
            if begin <= cursor <= at:
                value = text[begin:cursor]
                value = value[1:].replace('""', '"') if value[:1] in _CLOSING else value
                if at == cursor and _is_quoted(text[begin:at]):
                    return None  # behind the closing quote
                return Typed(start, at, negated, match[0].lower(), value)
            if start <= cursor < begin:
                return None
            continue
        closed = _closed(text, inner)
        if closed is not None:
            if start <= cursor <= closed:
                return None
            at = closed
            # What follows a phrase directly is a word, and no filter.
            while at < len(text) and not text[at].isspace() and _closed(text, at) is None:
                at += 1
            if cursor <= at and at > closed:
                return None
            continue
        while at < len(text) and not text[at].isspace():
            if at > inner and _closed(text, at) is not None:
                break
            at += 1
        if start <= cursor <= at:
            return Typed(start, at, negated, "", text[inner:cursor]) if cursor >= inner else None
        while at < len(text) and not text[at].isspace():  # a phrase at its end
            at = _closed(text, at) or at + 1
            if cursor < at:
                return None
    return Typed(cursor, cursor)


def _end_of_value(text: str, at: int, cursor: int) -> int:
    closed = _closed(text, at)
    if closed is not None:
        return closed
    if text[at : at + 1] in _CLOSING and text[at : at + 1]:
        # A quote that is still open: what is typed so far is in it.
        return cursor if cursor > at else at + 1
    while at < len(text) and not text[at].isspace():
        at += 1
    return at


def _closed(text: str, at: int) -> int | None:
    """Where the quoted part that begins here ends; None where none does."""
    opening = text[at : at + 1]
    if not opening or opening not in _CLOSING:
        return None
    at += 1
    while at < len(text):
        if text[at] in _CLOSING[opening]:
            if opening == '"' and text[at + 1 : at + 2] == '"':
                at += 2
                continue
            return at + 1
        at += 1
    return None


def _is_quoted(text: str) -> bool:
    return _closed(text, 0) == len(text)


def names() -> dict[str, Field[Any]]:
    """The filters, by what stands before the colon."""
    return {one.metadata["option"]: one for one in options()}
