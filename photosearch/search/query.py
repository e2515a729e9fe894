"""What is asked: texts and example images, each with a weight.

In: the words of a command or of a call. Out: a Query, or WrongUse. No model is needed here.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from photosearch.errors import WrongUse
from photosearch.search.filters import Filters
from photosearch.walk import PHOTO_SUFFIXES, RAW_SUFFIXES, suffix_of

KINDS = ("text", "plus", "minus", "image")


@dataclass(frozen=True, slots=True)
class Part:
    """One text or one example image of a query."""

    kind: str  # one of KINDS
    value: Any  # a text; for images a path, a URL, "-", bytes or a PIL image
    weight: float  # below zero: less of this


@dataclass(frozen=True, slots=True)
class Query:
    """The sum of its parts, and which photos may be hits."""

    parts: tuple[Part, ...]
    filters: Filters = field(default_factory=Filters)
    language: str | None = None
    include_self: bool = False

    @property
    def texts(self) -> list[Part]:
        return [part for part in self.parts if part.kind != "image"]

    @property
    def images(self) -> list[Part]:
        return [part for part in self.parts if part.kind == "image"]


def make_query(
    text: str | None = None,
    *,
    images: Sequence[Any] = (),
    plus: str | Sequence[str] = (),
    minus: str | Sequence[str] = (),
    weights: Mapping[str, float] | None = None,
    filters: Filters | None = None,
    language: str | None = None,
    include_self: bool = False,
) -> Query:
    """Put a query together.

    weights names parts as `text`, `plus`, `minus`, `image` (all of a kind) or `plus2` (the second
    one); each is 1 unless given. The parts of `minus` count against.
    """
    # One text is a list of one: Python would take a string for a list of its letters.
    plus = [plus] if isinstance(plus, str) else plus
    minus = [minus] if isinstance(minus, str) else minus
    given: list[tuple[str, Any]] = []
    if text is not None:
        _check_text(text)
        given.append(("text", text.strip()))
    given += [("plus", value) for value in plus]
    given += [("minus", value) for value in minus]
    given += [("image", value) for value in images]
    if not given:
        raise WrongUse("nothing to search for", hint='photosearch query "a dog on the beach"')
    for kind, value in given:
        if kind in ("plus", "minus") and not value.strip():
            raise WrongUse(f"--{kind} is empty")

    factors = dict(weights or {})
    parts: list[Part] = []
    counts: dict[str, int] = {}
    for kind, value in given:
        counts[kind] = counts.get(kind, 0) + 1
        own = factors.get(f"{kind}{counts[kind]}", factors.get(kind, 1.0))
        parts.append(Part(kind, value, -own if kind == "minus" else own))
    known = {*counts, *(f"{kind}{n + 1}" for kind, count in counts.items() for n in range(count))}
    for name in factors:
        if name not in known:
            raise WrongUse(
                f"--weight {name}: the query has no such part",
                hint=f"parts of this query: {', '.join(sorted(known))}",
            )
    return Query(tuple(parts), filters or Filters(), language, include_self)


def parse_weights(items: Sequence[str]) -> dict[str, float]:
    """`image=0.5` → {"image": 0.5}."""
    weights: dict[str, float] = {}
    for item in items:
        match = re.fullmatch(r"([a-z]+)(\d*)=(\d+(?:\.\d*)?|\.\d+)", item.strip())
        if match is None or match[1] not in KINDS:
            raise WrongUse(
                f"--weight {item!r} is not understood",
                hint="--weight image=0.5, --weight plus2=0.3; names: " + ", ".join(KINDS),
            )
        weights[match[1] + match[2]] = float(match[3])
    return weights


def _check_text(text: str) -> None:
    if not text.strip():
        raise WrongUse("the query is empty", hint='photosearch query "a dog on the beach"')
    suffix = suffix_of(os.fsencode(text))
    try:
        is_image = suffix in PHOTO_SUFFIXES | RAW_SUFFIXES and os.path.isfile(
            os.path.expanduser(text)
        )
    except ValueError:  # a NUL in the text
        is_image = False
    if is_image:
        raise WrongUse(
            f"{text} is an image file, and would be searched for as words",
            hint=f"photosearch query --image {text}",
        )
