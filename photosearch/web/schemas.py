"""The documents of the API as the OpenAPI page shows them.

In: nothing. Out: models. They describe, and check nothing while the server runs: that the real
documents agree with them, tests/unit/test_web_schema.py proves.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

_TOLD = {
    400: "what is asked makes no sense: the message says why",
    404: "there is no such photo in the library",
    408: "the body did not come in time",
    410: "no file of the photo is there now",
    413: "the body is too large",
    415: "the body is no image",
    422: "a parameter is missing, or out of its bounds",
    503: "the library cannot be read: whoever runs the server has to mend it",
}

Digest = Annotated[str, Field(pattern="^[0-9a-f]{64}$")]
Share = Annotated[float, Field(ge=0, le=1)]
Box = Annotated[list[float], Field(min_length=4, max_length=4)]
Corners = Annotated[list[list[float]], Field(min_length=4, max_length=4)]
Natural = Annotated[int, Field(ge=0)]


class Document(BaseModel):
    """Nothing that is not named here."""

    model_config = ConfigDict(extra="forbid")


class Error(Document):
    kind: str
    message: str
    hint: str | None


class ErrorDocument(Document):
    """What went wrong, in the words of the command line."""

    version: Literal[1]
    error: Error


def errors(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """The `responses` of a route that may answer so."""
    return {status: {"model": ErrorDocument, "description": _TOLD[status]} for status in statuses}


class Part(Document):
    kind: Literal["text", "plus", "minus", "image", "unlike"]
    value: str
    weight: float
    crop: str | None = None


class Line(Document):
    text: str
    confidence: Share
    box: Corners


class LooksLike(Document):
    cosine: float
    rank: int | None
    relevance: Share | None


class Region(Document):
    box: Annotated[list[int], Field(min_length=4, max_length=4)]
    cosine: float


class Reads(Line):
    rank: int | None
    strength: Share
    whole: bool
    lines: list[Line]


class Evidence(Document):
    looks_like: LooksLike | None = None
    region: Region | None = None
    reads: Reads | None = None


class Hit(Document):
    rank: int
    path: str
    score: float | None
    relevance: Share | None
    photo: Digest
    width: int
    height: int
    taken_at: str | None
    offline: bool
    copies: list[str]
    evidence: Evidence


class SearchDocument(Document):
    """A page of hits; its fields are those of `photosearch query --json`."""

    version: Literal[1]
    query: str | None
    parts: list[Part]
    words: str | None
    phrases: list[str]
    filters: dict[str, Any]
    small: bool
    rerank: str | None
    read: list[str] | None
    model: str
    matches_well: bool | None
    notes: list[str]
    hits: list[Hit]
    offset: Natural
    more: bool
    total: Natural | None


class Count(Document):
    value: str
    photos: Natural
    filter: str


class Place(Count):
    kind: Literal["city", "country"]
    country: str | None = None


class Folder(Count):
    name: str


class FacetsDocument(Document):
    """How many photos there are of each value."""

    version: Literal[1]
    photos: Natural
    years: list[Count]
    months: list[Count]
    places: list[Place]
    countries: list[Place]
    cameras: list[Count]
    lenses: list[Count]
    folders: list[Folder]
    tags: list[Count]
    formats: list[Count]
    points: list[Annotated[list[float], Field(min_length=3, max_length=3)]]


class Item(Document):
    insert: str
    label: str
    help: str
    photos: Natural | None


class CompletionDocument(Document):
    """What may stand at the cursor instead of `from` to `to`, in UTF-16 code units."""

    version: Literal[1]
    start: Natural = Field(alias="from")
    to: Natural
    items: list[Item]


class Web(Document):
    local: bool
    can_open: bool
    version: str


class StatusDocument(BaseModel):
    """What is in the library; its fields are those of `photosearch status --json`."""

    version: Literal[1]
    library: str
    photos: Natural
    web: Web


class LocatedRegion(Document):
    label: str
    score: Share
    box: Box
    corners: Corners | None = None


class LocatedPhoto(Document):
    path: str | None
    width: int
    height: int
    regions: list[LocatedRegion]


class Failed(Document):
    path: str
    reason: str


class LocateDocument(Document):
    """Where in a photo something is; its fields are those of `photosearch locate --json`."""

    version: Literal[1]
    by: Literal["regions", "words"]
    model: str
    photos: list[LocatedPhoto]
    failed: list[Failed]
