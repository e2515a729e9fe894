"""What is asked: texts and example images, each with a weight; printed words; filters.

In: the words of a command or of a call. Out: a Query, or WrongUse. No model is needed here.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from photosearch.errors import WrongUse
from photosearch.filenames import PHOTO_SUFFIXES, RAW_SUFFIXES, suffix_of
from photosearch.search.crop import Crop, crops_of
from photosearch.search.filters import Filters
from photosearch.search.qualifiers import Asked, read_text

KINDS = ("text", "plus", "minus", "image", "unlike")
IMAGE_KINDS = ("image", "unlike")
RERANKINGS = ("geometry",)

# A photo has more in it than what is not wanted of it. On 120 pairs of things in COCO's photos an
# example against, at a weight of 1, took 28 % of the wanted photos from the top; at 0.5 it took
# 5 %, and 44 % of the unwanted ones.
_UNLIKE = 0.5


@dataclass(frozen=True, slots=True)
class Part:
    """One text or one example image of a query."""

    kind: str  # one of KINDS
    value: Any  # a text; for images a path, a URL, "-", bytes, a PIL image or InLibrary
    weight: float  # below zero: less of this
    crop: Crop | None = None  # of an image: the part that counts; None: all of it


@dataclass(frozen=True, slots=True)
class Query:
    """What a photo should look like (the sum of the parts), what should be printed in it, and
    which photos may be hits. Without parts and words it lists photos by their metadata.
    """

    parts: tuple[Part, ...]
    filters: Filters = field(default_factory=Filters)
    language: str | None = None
    include_self: bool = False
    printed: str = ""  # looked up among the printed words; "" looks nothing up
    words_only: bool = False  # looks do not count
    must_show: tuple[str, ...] = ()  # phrases that must be printed in a hit
    must_not_show: tuple[str, ...] = ()
    small: bool = False  # parts of photos are compared, too
    rerank: str | None = None  # one of RERANKINGS
    read: bool = False  # what is printed in the examples is looked for as well

    @property
    def texts(self) -> list[Part]:
        return [part for part in self.parts if part.kind not in IMAGE_KINDS]

    @property
    def images(self) -> list[Part]:
        return [part for part in self.parts if part.kind in IMAGE_KINDS]

    @property
    def lists(self) -> bool:
        """Whether nothing is searched for: the photos that pass the filters are listed."""
        return not (self.parts or self.printed or self.must_show)


def make_query(
    text: str | None = None,
    *,
    images: Sequence[Any] = (),
    unlike: Sequence[Any] = (),
    plus: str | Sequence[str] = (),
    minus: str | Sequence[str] = (),
    weights: Mapping[str, float] | None = None,
    filters: Filters | None = None,
    language: str | None = None,
    include_self: bool = False,
    words: bool | None = None,
    small: bool = False,
    crops: Sequence[Any] = (),
    rerank: str | None = None,
    read: bool = False,
) -> Query:
    """Put a query together.

    text may hold qualifiers (`after:2021`) and "quoted phrases", which must be printed in the
    photo: see `qualifiers`. words: True looks the text up among the printed words alone, taken as
    it is; False leaves them out; None asks for both. weights names parts as `text`, `plus`,
    `minus`, `image`, `unlike` (all of a kind) or `plus2` (the second one); each is 1 unless given,
    of `unlike` 0.5. The parts of `minus` and the images of `unlike` count against.
    """
    cropped = crops_of(crops, len(images))
    _check_rerank(rerank, len(images))
    if read:
        _check_read(words, len(images))
    if text is not None:
        _check_text(text)
    given = _given(plus=plus, minus=minus, image=images, unlike=unlike)
    if words:
        return _printed_words(text, given, filters or Filters(), small=small)
    asked = read_text(text or "")
    if asked.text:
        given.insert(0, ("text", asked.text))
    filters = (filters or Filters()).merged(asked.filters)
    _check_asked(asked, given, filters, words=words, small=small)
    return Query(
        _with_crops(_weighted(given, weights or {}), cropped),
        filters,
        language,
        include_self,
        # An example says what a photo looks like, a text beside it too.
        printed=asked.text if words is None and not (images or unlike) else "",
        words_only=not given and bool(asked.phrases),
        must_show=asked.phrases,
        must_not_show=asked.not_phrases,
        small=small,
        rerank=rerank,
        read=read,
    )


def _given(**kinds: str | Sequence[Any]) -> list[tuple[str, Any]]:
    """(kind, value) of each part beside the text. One text is a list of one: Python would take a
    string for a list of its letters.
    """
    return [
        (kind, value)
        for kind, values in kinds.items()
        for value in ([values] if isinstance(values, str) else values)
    ]


def _check_asked(
    asked: Asked,
    given: Sequence[tuple[str, Any]],
    filters: Filters,
    *,
    words: bool | None,
    small: bool,
) -> None:
    """Refuse what asks for nothing, or for what contradicts itself."""
    phrases = asked.phrases or asked.not_phrases
    if words is False and phrases:
        raise WrongUse(
            "quoted words are looked for in print, and --no-words leaves print out",
            hint="leave out the quotes, or --no-words",
        )
    if not given and not phrases and filters.is_empty():
        raise WrongUse("nothing to search for", hint='photosearch query "a dog on the beach"')
    if small and not given:
        raise WrongUse(
            "--small needs to know what to look for", hint='photosearch query --small "a cup"'
        )
    for kind, value in given:
        if kind in ("plus", "minus") and not value.strip():
            raise WrongUse(f"--{kind} is empty")


def _printed_words(
    text: str | None, others: Sequence[tuple[str, Any]], filters: Filters, *, small: bool
) -> Query:
    """A query of print alone: the text is taken as it is."""
    if small:
        raise WrongUse(
            "--small looks at parts of photos, and --words at print alone", hint="leave out one"
        )
    if others:
        kinds = ", ".join(dict.fromkeys(f"--{kind}" for kind, _ in others))
        raise WrongUse(
            f"--words looks for print alone: it does not go with {kinds}",
            hint="put what must be printed in quotes: photosearch query 'beach \"EXIT\"'",
        )
    if text is None:
        raise WrongUse("--words needs a text", hint="photosearch query --words EXIT")
    return Query((), filters, printed=text.strip(), words_only=True)


def _weighted(given: Sequence[tuple[str, Any]], weights: Mapping[str, float]) -> tuple[Part, ...]:
    parts: list[Part] = []
    counts: dict[str, int] = {}
    for kind, value in given:
        counts[kind] = counts.get(kind, 0) + 1
        usual = _UNLIKE if kind == "unlike" else 1.0
        own = weights.get(f"{kind}{counts[kind]}", weights.get(kind, usual))
        parts.append(Part(kind, value, -own if kind in ("minus", "unlike") else own))
    known = {*counts, *(f"{kind}{n + 1}" for kind, count in counts.items() for n in range(count))}
    for name in weights:
        if name not in known:
            raise WrongUse(
                f"--weight {name}: the query has no such part",
                hint=f"parts of this query: {', '.join(sorted(known))}",
            )
    return tuple(parts)


def _with_crops(parts: Sequence[Part], crops: Sequence[Crop | None]) -> tuple[Part, ...]:
    left = iter(crops)
    return tuple(replace(part, crop=next(left)) if part.kind == "image" else part for part in parts)


def _check_rerank(rerank: str | None, images: int) -> None:
    if rerank is None:
        return
    if rerank not in RERANKINGS:
        raise WrongUse(f"--rerank {rerank!r} is not known", hint="--rerank geometry")
    if not images:
        raise WrongUse(
            "--rerank geometry compares photos with an example image, and there is none",
            hint="photosearch query --image example.jpg --rerank geometry",
        )


def _check_read(words: bool | None, images: int) -> None:
    if not images:
        raise WrongUse(
            "--read reads what is printed in an example image, and there is none",
            hint="photosearch query --image example.jpg --read",
        )
    if words is False:
        raise WrongUse(
            "--read looks for printed words, and --no-words leaves print out",
            hint="leave out one of them",
        )


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


def check_no_image(text: str) -> None:
    """A file of this machine that was typed as a text, where a text can be typed by nobody else."""
    suffix = suffix_of(text.encode("utf-8", "replace"))
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
