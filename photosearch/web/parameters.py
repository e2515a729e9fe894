"""The parameters of a search, with their bounds and what they mean.

In: the address of a request. Out: a Query and how its hits are wanted. Words and bounds are those
that the page of the API shows.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Annotated, Literal

from fastapi import Depends, Query

from photosearch.search.example import InLibrary
from photosearch.search.query import Query as Asked
from photosearch.search.query import make_query
from photosearch.store.words import TRIGRAM

MOST = 1000  # hits on one page
DEEPEST = 1_000_000  # where a page may begin; of a query the best 1,000 are shown, of a list all
MOST_EXAMPLES = 20

Digest = Annotated[str, Query(pattern="^[0-9a-f]{64}$", description="SHA-256 of a photo")]
Text = Annotated[
    str,
    Query(
        max_length=2000,
        description='what is looked for: a text, with filters such as `after:2021` and "printed '
        'words" inside, as after `photosearch query`',
        examples=["beach after:2021"],
    ),
]
Examples = Annotated[
    list[Digest],
    Query(max_length=MOST_EXAMPLES, description="photos of the library to find others like"),
]
Contrasts = Annotated[
    list[Digest],
    Query(max_length=MOST_EXAMPLES, description="photos that hits should not be like"),
]
Count = Annotated[int, Query(ge=1, le=MOST, description="how many hits")]
Offset = Annotated[
    int,
    Query(
        ge=0,
        le=DEEPEST,
        description="hits to leave out at the start, page by page; the best 1,000 of a query can "
        "be had, 200 of them in another order than by relevance, and all photos of a list",
    ),
]
Order = Annotated[
    Literal["relevance", "date", "oldest", "name"],
    Query(description="relevance: the best first, of a list the newest; date: the newest first"),
]
Words = Annotated[
    bool | None,
    Query(description="true: printed words alone; false: looks alone; left out: both"),
]
Small = Annotated[bool, Query(description="compare parts of photos, too, to find small things")]
MinRelevance = Annotated[
    float | None, Query(ge=0, le=1, description="leave out hits of less relevance")
]
CropText = Annotated[
    str | None,
    Query(
        max_length=100,
        description="the part of the one example that counts: left, top, width, height in pixels "
        "of the upright picture, or each in percent",
        examples=["120,80,200,300", "10%,20%,50%,50%"],
    ),
]
Typing = Annotated[
    bool,
    Query(
        description="this is not finished: nothing of it is remembered on disk, a filter at its "
        "end that makes no sense yet does not count, and of one or two letters the looks alone"
    ),
]


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is looked for, and which of the hits are to be shown."""

    q: str = ""
    k: int = 50
    offset: int = 0
    like: tuple[str, ...] = ()
    unlike: tuple[str, ...] = ()
    sort: str = "relevance"
    words: bool | None = None
    small: bool = False
    min_relevance: float | None = None
    crop: str | None = None
    typing: bool = False
    images: tuple[bytes, ...] = ()  # given with the request

    def query(self) -> Asked:
        """Raises WrongUse where it makes no sense; nothing looked for means all photos."""
        images = [*(InLibrary(one) for one in self.like), *self.images]
        unlike = [InLibrary(one) for one in self.unlike]
        text = self.q.strip() or None
        if not (text or images or unlike or self.small):
            return Asked(())
        asked = make_query(
            text,
            images=images,
            unlike=unlike,
            words=self.words,
            small=self.small,
            crops=[self.crop] if self.crop else [],
        )
        if self.typing and len(asked.printed) < TRIGRAM and asked.printed.isascii():
            # They stand within words all over the place, and each line has to be compared: 60 ms.
            return replace(asked, printed="") if asked.parts else asked
        return asked


async def _wanted(
    q: Text = "",
    k: Count = 50,
    offset: Offset = 0,
    like: Examples = [],  # noqa: B006
    unlike: Contrasts = [],  # noqa: B006
    sort: Order = "relevance",
    words: Words = None,
    small: Small = False,
    min_relevance: MinRelevance = None,
    crop: CropText = None,
    typing: Typing = False,
) -> Wanted:
    return Wanted(
        q, k, offset, tuple(like), tuple(unlike), sort, words, small, min_relevance, crop, typing
    )


WantedHere = Annotated[Wanted, Depends(_wanted)]
