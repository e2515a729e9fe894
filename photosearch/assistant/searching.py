"""The tools that look for photos: by a text, by filters, by photos of the library.

In: a library and a tool's arguments. Out: hits, short unless more is asked for, and how sure the
answer is. A picture that is no photo of the library is never an example: nothing is read for an
assistant that the library does not hold.
"""

from __future__ import annotations

import os
from dataclasses import replace
from typing import Any

from photosearch.assistant.parameters import FLAG, NUMBER, TEXT, TEXTS, WHOLE, Parameter
from photosearch.assistant.schemas import HITS
from photosearch.assistant.tool import Reply, Terms, Tool, photo_meant, short_id
from photosearch.assistant.wording import brief, note, sendable
from photosearch.errors import WrongUse
from photosearch.filenames import PHOTO_SUFFIXES, RAW_SUFFIXES, suffix_of
from photosearch.library import Library
from photosearch.records import Answer, Hit
from photosearch.search.example import InLibrary
from photosearch.search.filters import Filters, is_list, options
from photosearch.search.query import Query, make_query
from photosearch.show.answers import answer_document
from photosearch.show.notes import notes_on, why_nothing
from photosearch.show.reason import reason
from photosearch.show.text import counted, printable

_USUAL, _MOST, _LAST = 8, 50, 1000
_WEAK = 2  # weak hits told beside the others: what is nearest, where nothing matches
_NUMBERS = ("within", "min_megapixels", "max_megapixels")


def _search(library: Library, terms: Terms, asked: dict[str, Any]) -> Reply:
    text = (asked["query"] or "").strip()
    _check_text(text)
    filters = Filters(**{name: value for name in _FILTERS if (value := asked[name])})
    examples = [InLibrary(photo_meant(library, one)) for one in asked["like"]]
    against = [InLibrary(photo_meant(library, one)) for one in asked["unlike"]]
    if not (text or examples or against or asked["plus"] or asked["minus"]) and filters.is_empty():
        query = Query(())  # every photo, the newest first
    else:
        query = make_query(
            text or None,
            images=examples,
            unlike=against,
            plus=asked["plus"],
            minus=asked["minus"],
            filters=filters,
            words=asked["words"],
            small=bool(asked["small"]),
        )
    return _found(library, terms, query, text, asked)


def _similar(library: Library, terms: Terms, asked: dict[str, Any]) -> Reply:
    text = (asked["query"] or "").strip()
    _check_text(text)
    photo = InLibrary(photo_meant(library, asked["photo"]))
    query = make_query(text or None, images=[photo])
    return _found(library, terms, query, text, asked)


def _check_text(text: str) -> None:
    """A path is no description; whether there is such a file is nobody's business here."""
    has_suffix = suffix_of(text.encode("utf-8", "replace")) in PHOTO_SUFFIXES | RAW_SUFFIXES
    has_folder = ("/" in text or "\\" in text) and ":" not in text
    if has_suffix and (has_folder or text.startswith(("/", "~", "\\")) or text[1:2] == ":"):
        raise WrongUse(
            f"{text} is a path, and would be looked for as words",
            hint="photo_facts or similar_photos with this path",
        )


def _found(library: Library, terms: Terms, query: Query, text: str, asked: dict[str, Any]) -> Reply:
    k, offset, least = asked["k"], asked["offset"], asked.get("min_relevance")
    order = asked.get("sort") or "relevance"
    answer = library.run_query(query, k=k, min_relevance=least, sort=order, offset=offset)
    left_out = 0
    if least is None and order == "relevance" and not (offset or asked["detail"]):
        kept = _worth_telling(answer.hits)
        left_out = len(answer.hits) - len(kept)
        answer = replace(answer, hits=kept, more=answer.more or left_out > 0)
    notes = [note(one) for one in notes_on(library, query, text or None, answer)]
    if not answer.hits and not offset:
        why = why_nothing(library, query, min_score=None, min_relevance=least)
        notes.append(note(why))
    if left_out:
        notes.append(
            f"{counted(left_out, 'hit')} of little relevance left out; min_relevance=0: all"
        )
    document = _document(library, query, text, answer, asked)
    document |= {"notes": notes, "offset": offset, "more": answer.more}
    if answer.total is not None:
        document["total"] = answer.total
    document = sendable(document, paths=terms.paths)
    return Reply(_readable(document), document)


def _worth_telling(hits: tuple[Hit, ...]) -> tuple[Hit, ...]:
    """Without the weak hits at the end, but for the first few; all where nothing was judged."""
    last = max((place for place, hit in enumerate(hits, 1) if not hit.is_weak), default=0)
    return hits[: last + _WEAK]


def _document(
    library: Library, query: Query, text: str, answer: Answer, asked: dict[str, Any]
) -> dict[str, Any]:
    hits = [_hit(library, hit) for hit in answer.hits]
    if not asked.get("detail"):
        return {
            **({} if answer.matches_well is None else {"matches_well": answer.matches_well}),
            "hits": hits,
        }
    document = answer_document(query, text or None, library, answer, ())
    whole = [{**brief(full), **short} for full, short in zip(document["hits"], hits, strict=True)]
    return {**brief(document), "hits": whole}


def _hit(library: Library, hit: Hit) -> dict[str, Any]:
    known = library.facts(hit.photo, nearest=0)
    return brief(
        {
            "rank": hit.rank,
            "photo": short_id(hit.photo),
            "path": os.fspath(hit.path),
            "relevance": None if hit.relevance is None else round(hit.relevance, 2),
            "why": reason(hit),
            "taken_at": hit.taken_at,
            "place": known.place,
            "tags": list(known.tags),
            "offline": hit.offline,
        }
    )


def _readable(document: dict[str, Any]) -> str:
    lines = list(document["notes"])
    for hit in document["hits"]:
        path = printable(hit["path"]) + " " if "path" in hit else ""
        lines.append(f"{hit['rank']}. {path}[{hit['photo']}]")
        about = [
            f"relevance {hit['relevance']:.2f}" if "relevance" in hit else "",
            (hit.get("taken_at") or "")[:10],
            printable(hit.get("place", "")),
            hit.get("why", ""),
            f"tags: {', '.join(map(printable, hit['tags']))}" if "tags" in hit else "",
            "offline: its folder is not there now" if hit.get("offline") else "",
        ]
        if any(about):
            lines.append("   " + "; ".join(part for part in about if part))
    if document["more"]:
        last = document["offset"] + len(document["hits"])
        total = f" of {document['total']:,}" if "total" in document else ""
        lines.append(f"more{total}: offset={last}")
    elif not document["hits"] and document["offset"]:
        lines.append("no more")
    return "\n".join(line.rstrip() for line in lines)


# What a model is told

_K = Parameter("k", WHOLE, "How many photos.", usual=_USUAL, least=1, most=_MOST)
_OFFSET = Parameter(
    "offset", WHOLE, "Leave out so many of the best: the next page.", usual=0, least=0, most=_LAST
)
_DETAIL = Parameter(
    "detail",
    FLAG,
    "Also scores, sizes, copies, and the boxes of printed words. Costs many times the tokens.",
    usual=False,
)


def _filters() -> tuple[Parameter, ...]:
    """One for each field of Filters; the contraries are left to `-name:value` in the query."""
    found = []
    for one in options():
        if one.metadata["negates"]:
            continue
        kind = NUMBER if one.name in _NUMBERS else TEXTS if is_list(one) else TEXT
        example = one.metadata["example"].partition(" ")[2].strip('"')
        help = one.metadata["help"].replace("`--near`", "near")
        found.append(Parameter(one.name, kind, f"Only photos {help}. Example: {example}"))
    return tuple(found)


_FILTERS = tuple(one.name for one in _filters())


SEARCH = Tool(
    "search_photos",
    "Search photos",
    """Find photos in the user's own library by what they show, by words printed in them, and by \
filters.

query: describe the picture in a few concrete words, as a caption would: "a dog on a beach". Put \
dates, places, cameras, folders and formats into the filters, not into the description. Inside the \
query may also stand "quoted words" (must be printed in the photo), -"quoted words" (must not), \
name:value (a filter: place:Kyoto, after:2023-06, camera:"Pixel 6") and -name:value (its contrary: \
-has:gps, -in:screenshots). Without query and examples the photos that pass the filters are \
listed, the newest first.

Relevance (0 to 1) says how sure it is that a photo shows what was asked for. Below 0.5 it is \
probably not it, and `why` begins with "weak"; matches_well=false means that probably nothing in \
the library is. Then say so, or try other words, rather than offer the best of a bad lot. Hits by \
example photos alone have no relevance.""",
    _search,
    (
        Parameter("query", TEXT, "What the photo shows, in English or Chinese; see above."),
        _K,
        _OFFSET,
        *_filters(),
        Parameter(
            "words", FLAG, "true: only words printed in photos count; false: only looks. Both else."
        ),
        Parameter("like", TEXTS, "Ids or paths of photos of the library: more like these."),
        Parameter("unlike", TEXTS, "Ids or paths of photos of the library: less like these."),
        Parameter("plus", TEXTS, "Descriptions that count in addition."),
        Parameter("minus", TEXTS, "Descriptions that count against a photo: less of this."),
        Parameter("small", FLAG, "Compare parts of photos, too: finds small things, if prepared."),
        Parameter("min_relevance", NUMBER, "Leave out less relevant photos.", least=0, most=1),
        Parameter(
            "sort", TEXT, "Order of the hits.", usual="relevance",
            choices=("relevance", "date", "oldest", "name"),
        ),
        _DETAIL,
    ),
    HITS,
)  # fmt: skip

SIMILAR = Tool(
    "similar_photos",
    "Similar photos",
    """Photos that look like one photo of the library, the most alike first; the photo itself is \
left out. For several examples, or for less like a photo, use search_photos with like and unlike. \
These hits have no relevance: the last ones may have little in common with the example.""",
    _similar,
    (
        Parameter("photo", TEXT, "Id or path of a photo of the library.", needed=True),
        Parameter("query", TEXT, "A description that counts too, and filters as name:value."),
        _K,
        _OFFSET,
        _DETAIL,
    ),
    HITS,
)
