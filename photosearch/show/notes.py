"""What is to be said about an answer beside its hits: how sure it is, what else was meant, why
there is nothing.

In: a query and its hits. Out: lines.
"""

from __future__ import annotations

import os
import re
from glob import escape

from photosearch.filenames import PHOTO_SUFFIXES, suffix_of
from photosearch.gazetteer.names import normal_name
from photosearch.library import Library
from photosearch.records import Answer
from photosearch.search.filters import Filters
from photosearch.search.qualifiers import as_text
from photosearch.search.query import Query
from photosearch.show.text import counted, printable
from photosearch.store.tags import normal_tag

_TAGS_SHOWN = 8


def notes_on(
    opened: Library, asked: Query, text: str | None, answer: Answer, *, in_terminal: bool = True
) -> list[str]:
    """Lines to be read before the hits. in_terminal: the reader types commands, and not filters
    into a field.
    """
    notes = list(answer.notes)
    named = opened.named(text) if text and not asked.words_only else 0
    if named:
        name = as_text(Filters(name=escape((text or "").strip())))
        notes.append(
            f"{counted(named, 'photo')} {'has' if named == 1 else 'have'} this name: "
            + (f"photosearch query {_quoted(name)}" if in_terminal else name)
        )
    elif text and _is_photo_name(text):
        notes.append("no photo has this name: it was looked for as words")
    unseen = opened.count_without_regions() if asked.small else 0
    if unseen:
        notes.append(
            f"{counted(unseen, 'photo')} not looked at part by part yet, and compared as a whole: "
            "photosearch index --regions-only"
        )
    if answer.hits and answer.matches_well is False:  # the last: the hits follow
        notes.append("nothing in this library matches well; the closest are:")
    return notes


def why_nothing(
    opened: Library,
    asked: Query,
    *,
    min_score: float | None,
    min_relevance: float | None,
    in_terminal: bool = True,
) -> str:
    """One line on why there are no hits."""
    status = opened.status()
    if not status.photos:
        return "nothing found: the library holds no photos yet (photosearch index FOLDER)"
    if (asked.words_only or asked.must_show) and not status.words_read:
        return "nothing found: no photo has been read yet (photosearch index --words-only)"
    limits = []
    if min_score is not None:
        limits.append("--min-score" if in_terminal else "the least score")
    if min_relevance is not None:
        limits.append("--min-relevance" if in_terminal else "the least relevance")
    if not asked.filters.is_empty():
        limits.append("the filters")
    if asked.words_only:
        why = "no photo shows these printed words"
    elif asked.must_show:
        why = "no photo shows the quoted words"
    else:
        why = "nothing found"
    return (
        why
        + (f" within {' and '.join(limits)}" if limits else "")
        + _about_unknown_tags(opened, asked)
        + _about_unknown_places(opened, asked)
        + _about_unread(status.photos - status.words_read, asked)
    )


def _about_unread(unread: int, asked: Query) -> str:
    if unread <= 0 or not (asked.words_only or asked.must_show):
        return ""
    return f" ({counted(unread, 'photo')} not read yet: photosearch index --words-only)"


def _about_unknown_tags(opened: Library, asked: Query) -> str:
    if not asked.filters.tag:
        return ""
    tags = opened.tags()
    if not tags:
        return ": no photo has a tag yet (photosearch classify --library-wide --write-tags)"
    known = {normal_tag(tag) for tag in tags}
    for tag in asked.filters.tag:
        if normal_tag(tag) not in known:
            some = ", ".join(printable(one) for one in list(tags)[:_TAGS_SHOWN])
            more = ", …" if len(tags) > _TAGS_SHOWN else ""
            return f": no photo has the tag {printable(tag)} (there are: {some}{more})"
    return ""


def _about_unknown_places(opened: Library, asked: Query) -> str:
    for name in asked.filters.place:
        like = opened.suggest_places(name)
        if like and normal_name(name) not in map(normal_name, like):
            return f": no photo was taken in {printable(name)} (did you mean {printable(like[0])}?)"
        if not like and not normal_name(name).isascii():
            return ": places are known by their English names"
    return ""


def _is_photo_name(text: str) -> bool:
    name = os.fsencode(text.strip())
    return b" " not in name and suffix_of(name) in PHOTO_SUFFIXES


def _quoted(text: str) -> str:
    """As one word of a command line."""
    return f"'{text}'" if re.search(r"[^\w:.@%+=,/-]", text) and "'" not in text else text
