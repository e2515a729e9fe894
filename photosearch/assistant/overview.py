"""The tool that says what there is to be found: how many photos of which years, places, cameras.

In: a library, perhaps a query whose filters count. Out: counts, the most frequent values first.
"""

from __future__ import annotations

from typing import Any

from photosearch.assistant.parameters import TEXT, WHOLE, Parameter
from photosearch.assistant.tool import Reply, Terms, Tool
from photosearch.assistant.wording import sendable
from photosearch.library import Library
from photosearch.reports.contents import Counted, Facets, Status
from photosearch.search.query import make_query
from photosearch.show.text import counted, printable

_KINDS = ("years", "countries", "places", "cameras", "lenses", "folders", "tags", "formats")
_USUAL, _MOST = 12, 200


def _overview(library: Library, terms: Terms, asked: dict[str, Any]) -> Reply:
    text = (asked["query"] or "").strip()
    filters = make_query(text).filters if text else None
    status, facets = library.status(), library.facets(filters)
    kinds = [kind for kind in _KINDS if terms.paths or kind != "folders"]
    values = {kind: _shown(getattr(facets, kind), kind, asked["values"]) for kind in kinds}
    document: dict[str, Any] = {
        "photos": facets.photos,
        **{
            kind: [{"value": one.value, "photos": one.photos, "filter": one.filter} for one in some]
            for kind, some in values.items()
        },
        "library": _about(status, terms),
    }
    readable = _readable(document, bool(text), facets, values)
    return Reply(readable, sendable(document, paths=terms.paths))


def _shown(values: tuple[Counted, ...], kind: str, most: int) -> tuple[Counted, ...]:
    """The most frequent ones, years in their order."""
    kept = sorted(values, key=lambda one: -one.photos)[:most]
    return tuple(one for one in values if one in kept) if kind == "years" else tuple(kept)


def _about(status: Status, terms: Terms) -> dict[str, Any]:
    return {
        "photos": status.photos,
        "words": {"read": status.words_read, "with_words": status.with_words},
        "models": [model.name for model in status.models if model.current],
        "writer": status.writer,
        **(
            {
                "roots": [
                    {"path": str(root.path), "files": root.files, "online": root.online}
                    for root in status.roots
                ]
            }
            if terms.paths
            else {}
        ),
    }


def _readable(
    document: dict[str, Any],
    filtered: bool,
    facets: Facets,
    values: dict[str, tuple[Counted, ...]],
) -> str:
    about = document["library"]
    lines = [counted(about["photos"], "photo") + " in the library"]
    if filtered:
        lines.append(f"{counted(facets.photos, 'photo')} pass the filters")
    for root in about.get("roots", []):
        offline = "" if root["online"] else " (not there now)"
        lines.append(f"folder {printable(root['path'])}: {counted(root['files'], 'file')}{offline}")
    for kind, some in values.items():
        left = len(getattr(facets, kind)) - len(some)
        if some:
            shown = ", ".join(
                f"{printable(one.name or one.value)} ({one.photos:,})" for one in some
            )
            lines.append(f"{kind}: {shown}{f', and {left} more' if left else ''}")
    words = about["words"]
    unread = about["photos"] - words["read"]
    lines.append(
        f"printed words: in {counted(words['with_words'], 'photo')}"
        + (f"; {counted(unread, 'photo')} not read yet" if unread > 0 else "")
    )
    if about["writer"]:
        lines.append("it is being indexed at this moment")
    return "\n".join(lines)


_VALUES: dict[str, Any] = {
    "type": "array",
    "items": {
        "type": "object",
        "properties": {
            "value": {"type": "string"},
            "photos": {"type": "integer"},
            "filter": {"type": "string"},
        },
        "required": ["value", "photos", "filter"],
    },
}

OVERVIEW = Tool(
    "library_status",
    "What is in the library",
    """How many photos there are, and which years, places, countries, cameras, lenses, folders, \
tags and formats, with counts and the filter for each. Use it before filtering by a place, camera \
or tag whose spelling is not known, or to tell the user what is there. With a query its filters \
count alone: "after:2023 place:Japan" counts among those photos.""",
    _overview,
    (
        Parameter("query", TEXT, "Filters as name:value; descriptions in it do not count."),
        Parameter(
            "values", WHOLE, "How many values of each kind.", usual=_USUAL, least=1, most=_MOST
        ),
    ),
    {
        "type": "object",
        "properties": {
            "photos": {"type": "integer"},
            **dict.fromkeys(_KINDS, _VALUES),
            "library": {"type": "object"},
        },
        "required": ["photos", "library"],
    },
)
