"""A text as people type it → what to look for, what must be printed, and filters.

    beach after:2021 -in:screenshots camera:"Pixel 6" "EXIT"

In: any text at all. Out: an Asked, or WrongUse; the same for the same text. The grammar, by blanks
apart:

    item   = ["-"] name ":" value     a filter; the name is one of the options without its dashes
           | ["-"] quoted             a phrase that must (not) be printed in the photo
           | word                     anything else is looked for by its looks
    value  = quoted | characters without blanks
    quoted = "…" ("" inside is one quote) | “…” | „…“ | «…» | 「…」 | 『…』

A name is made of ASCII letters and hyphens, the colon is `:` or `：`, and a value follows directly:
`at 10:30`, `Re: hello` and `猫:狗` are words. A quote that nothing closes is a character like any
other.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import Field, dataclass, field
from datetime import date
from functools import cache
from typing import Any, NamedTuple, NoReturn

from photosearch.errors import WrongUse
from photosearch.search.filters import Filters, is_list, opposite, options

_CLOSING = {"“": "”", "„": "“”", "«": "»", "「": "」", "『": "』"}
# `""` inside straight quotes is a quote. Possessive: a text of ten thousand quotes takes no longer.
_STRAIGHT = re.compile(r'"((?:[^"]|"")*+)"')
_PAIRED = re.compile("|".join(f"{one}([^{ends}]*+)[{ends}]" for one, ends in _CLOSING.items()))
# What a Chinese keyboard writes is a colon as well; a filter has one name, and that is English.
_CHINESE = {
    "日期": "date", "时间": "date", "時間": "date", "地点": "place", "地點": "place",
    "相机": "camera", "相機": "camera", "镜头": "lens", "鏡頭": "lens", "标签": "tag",
    "標籤": "tag", "文件名": "name", "檔名": "name", "文件夹": "in", "資料夾": "in",
    "类型": "type", "類型": "type",
}  # fmt: skip
_QUALIFIER = re.compile(rf"([A-Za-z]+(?:-[A-Za-z]+)*|{'|'.join(_CHINESE)})[:：](?=\S)")
_URL = re.compile(r"[a-z][a-z0-9+.-]*://", re.IGNORECASE)
_WORD_END = re.compile(r"\s|[\"“„«「『]|\Z")
_SHOWN = 40  # characters of a text in a message


@dataclass(frozen=True, slots=True)
class Asked:
    """What a text asks for."""

    text: str = ""  # what is left, to be looked for by its looks
    phrases: tuple[str, ...] = ()  # each must be printed in the photo
    not_phrases: tuple[str, ...] = ()  # none may be
    filters: Filters = field(default_factory=Filters)


class _Item(NamedTuple):
    """One item of a text; a word has neither a name nor quotes."""

    value: str
    name: str = ""
    is_quoted: bool = False
    negated: bool = False


def read_text(text: str, today: date | None = None) -> Asked:
    """Take a text apart."""
    words: list[str] = []
    phrases: dict[bool, list[str]] = {False: [], True: []}
    given: dict[str, Any] = {}
    items = list(_items(text))
    for item in items:
        if item.name:
            one = _field(item)
            if not item.value.strip():
                raise WrongUse(f"{item.name}: has no value", hint=_example(one))
            given.setdefault(one.name, []).append(item.value)
        elif item.is_quoted:
            phrase = " ".join(item.value.split())
            if phrase and phrase not in phrases[item.negated]:
                phrases[item.negated].append(phrase)
        else:
            words.append(item.value)
    is_plain = not any(item.name or item.is_quoted for item in items)
    return Asked(
        text=text.strip() if is_plain else " ".join(words),
        phrases=tuple(phrases[False]),
        not_phrases=tuple(phrases[True]),
        filters=_filters(given, today),
    )


def as_text(filters: Filters) -> str:
    """Filters as qualifiers which `read_text` understands as the same filters."""
    return " ".join(_as_qualifiers(filters))


def _as_qualifiers(filters: Filters) -> Iterator[str]:
    for one in options():
        given = getattr(filters, one.name)
        contrary = opposite(one) if one.metadata["negates"] else None
        name = f"-{contrary.metadata['option']}" if contrary else one.metadata["option"]
        for value in given if is_list(one) else [given] if given else []:
            text = str(value)
            if re.search(r'[\s"]', text) or text[0] in _CLOSING:
                text = '"' + text.replace('"', '""') + '"'
            yield f"{name}:{text}"


def _items(text: str) -> Iterator[_Item]:
    at = 0
    while at < len(text):
        if text[at].isspace():
            at += 1
            continue
        # A hyphen negates at the start of an item, and only what can be negated.
        is_start = at == 0 or text[at - 1].isspace()
        negated = is_start and text[at] == "-"
        start = at + negated
        url = _URL.match(text, start)
        if url is not None and is_start:
            shown = _short(text[at:].split()[0])
            raise WrongUse(
                f"{shown} is an address, and would be searched for as words",
                hint=f"photosearch query --image {shown}",
            )
        match = _QUALIFIER.match(text, start) if is_start else None
        quoted = _quoted(text, start)
        if match is not None:
            value, at = _value(text, match.end(), match[1])
            yield _Item(value, match[1].lower(), negated=negated)
        elif quoted is not None:
            value, at = quoted
            yield _Item(value, is_quoted=True, negated=negated)
        else:
            at, word = _word(text, at)
            _check_word(word)
            yield _Item(word)


def _word(text: str, at: int) -> tuple[int, str]:
    """(where it ends, the characters) up to a blank, or to a quote that opens."""
    start = at
    at += 1
    while at < len(text):
        found = _WORD_END.search(text, at)
        at = found.start() if found else len(text)
        if at == len(text) or text[at].isspace() or _quoted(text, at) is not None:
            break
        at += 1
    return at, text[start:at]


def _check_word(word: str) -> None:
    """Refuse a word that is meant to be more than one: a filter without a value, or `-people`."""
    for name in re.findall(r"(?<![A-Za-z-])-*([A-Za-z][A-Za-z-]*):", word):
        one = _names().get(name.lower())
        if one is not None:
            raise WrongUse(
                f"{name}: stands after a blank and before a value, not as in {_short(word)}",
                hint=_example(one),
            )
    if word[0] == "-" and word[1:2].isalpha():
        shown = _short(word[1:])
        raise WrongUse(
            f"-{shown} would be searched for as words",
            hint=f'--minus "{shown}"; or -"{shown}", for photos without it in print',
        )


def _quoted(text: str, at: int) -> tuple[str, int] | None:
    """(what is inside, where it ends) of quotes that open here and are closed."""
    if at >= len(text):
        return None
    if text[at] == '"':
        # After a digit it means inches: a 19" screen.
        if at and text[at - 1].isdigit():
            return None
        match = _STRAIGHT.match(text, at)
        return (match[1].replace('""', '"'), match.end()) if match else None
    if text[at] not in _CLOSING:
        return None
    match = _PAIRED.match(text, at)
    return (match[match.lastindex or 0], match.end()) if match else None


def _value(text: str, at: int, name: str) -> tuple[str, int]:
    """(the value of a qualifier, where it ends)."""
    quoted = _quoted(text, at)
    if quoted is not None:
        return quoted
    end = at
    while end < len(text) and not text[end].isspace():
        end += 1
    if name.lower() in _names() and (text[at] == '"' or text[at] in _CLOSING):
        raise WrongUse(
            f"{name}:{_short(text[at:end])}: the quote is not closed",
            hint=_example(_names()[name.lower()]),
        )
    return text[at:end], end


def _field(item: _Item) -> Field[Any]:
    """The field that an item fills in."""
    one = _names().get(item.name)
    if one is None:
        _refuse_name(item)
    if not item.negated:
        return one
    contrary = opposite(one)
    if contrary is None:
        raise WrongUse(f"-{item.name}: means nothing", hint=_example(one))
    return contrary


def _refuse_name(item: _Item) -> NoReturn:
    """Say which filter is meant, as far as that can be told."""
    from difflib import get_close_matches

    english = _CHINESE.get(item.name)
    if english:
        raise WrongUse(
            f"there is no filter {item.name}:, it is called {english}:",
            hint=f"{english}:{_short(item.value)}",
        )
    message = f"there is no filter {_short(item.name)}:"
    in_print = f'"{_short(f"{item.name}:{item.value}")}" in quotes is looked for in print'
    close = get_close_matches(item.name, _names(), n=1)
    if close:
        meant = f"{close[0]}:{_short(item.value)}"
        raise WrongUse(f"{message}; did you mean {meant} ?", hint=in_print)
    filters = ", ".join(name for name, one in _names().items() if not one.metadata["negates"])
    raise WrongUse(message, hint=f"filters: {filters}; {in_print}")


def _filters(given: dict[str, Any], today: date | None) -> Filters:
    """The filters that are meant: of two dates or numbers the stricter one holds."""
    known = {one.name: one for one in options()}
    filters = Filters(**{name: texts for name, texts in given.items() if is_list(known[name])})
    for name, texts in given.items():
        if not is_list(known[name]):
            for text in texts:
                one: dict[str, Any] = {name: text}
                filters = filters.merged(Filters(**one), today)
    filters.check(today)
    return filters


@cache
def _names() -> dict[str, Field[Any]]:
    return {one.metadata["option"]: one for one in options()}


def _example(one: Field[Any]) -> str:
    name, _, value = one.metadata["example"].partition(" ")
    return f"{name}:{value}"


def _short(text: str) -> str:
    return text if len(text) <= _SHOWN else text[:_SHOWN] + "…"
