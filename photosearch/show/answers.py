"""What a query found, as one document: the same on the command line, over HTTP and for assistants.

In: a query and its answer. Out: what `json.dumps` takes; docs/json.md names the fields.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from photosearch.library import Library
from photosearch.records import Answer
from photosearch.search.example import name_of
from photosearch.search.query import IMAGE_KINDS, Query


def answer_document(
    asked: Query,
    text: str | None,
    library: Library,
    answer: Answer,
    notes: Sequence[str],
    *,
    offset: int | None = None,
) -> dict[str, Any]:
    """text: as it was typed, with its qualifiers. offset: of the first hit, where they are shown
    page by page.
    """
    page = {"offset": offset, "more": answer.more, "total": answer.total}
    return {
        "version": 1,
        "query": text,
        "parts": [
            {
                "kind": part.kind,
                "value": name_of(part.value) if part.kind in IMAGE_KINDS else part.value,
                "weight": part.weight,
                **({"crop": str(part.crop)} if part.crop else {}),
            }
            for part in asked.parts
        ],
        "words": asked.printed or None,
        "phrases": list(asked.must_show),
        "filters": asked.filters.as_dict(),
        "small": asked.small,
        "rerank": asked.rerank,
        "read": None if answer.read is None else list(answer.read),
        "model": library.encoder.name,
        "matches_well": answer.matches_well,
        "notes": list(notes),
        "hits": [hit.as_dict() for hit in answer.hits],
        **({} if offset is None else page),
    }
