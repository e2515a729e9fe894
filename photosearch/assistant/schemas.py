"""JSON schemas of the documents that tools give; the fields are those of docs/json.md.

In: nothing. Out: schemas, in which what need not be there is not required.
"""

from __future__ import annotations

from typing import Any

TEXT = {"type": "string"}
WHOLE = {"type": "integer"}
NUMBER = {"type": "number"}

HITS: dict[str, Any] = {
    "type": "object",
    "properties": {
        "matches_well": {
            "type": "boolean",
            "description": "false: probably nothing in the library is what was asked for",
        },
        "notes": {"type": "array", "items": TEXT},
        "hits": {
            "type": "array",
            "items": {
                "type": "object",
                "properties": {
                    "rank": WHOLE,
                    "photo": {**TEXT, "description": "the photo's id, for the other tools"},
                    "path": TEXT,
                    "relevance": {"type": "number", "minimum": 0, "maximum": 1},
                    "why": TEXT,
                    "taken_at": TEXT,
                    "place": TEXT,
                    "tags": {"type": "array", "items": TEXT},
                    "offline": {"type": "boolean"},
                },
                "required": ["rank", "photo"],
            },
        },
        "offset": WHOLE,
        "more": {"type": "boolean"},
        "total": WHOLE,
    },
    "required": ["hits", "notes", "offset", "more"],
}

FACTS_OF_ONE: dict[str, Any] = {
    "type": "object",
    "properties": {
        "photo": {"type": "string", "description": "SHA-256 of the file's content"},
        "paths": {"type": "array", "items": TEXT},
        "format": TEXT,
        "bytes": WHOLE,
        "width": WHOLE,
        "height": WHOLE,
        "taken_at": TEXT,
        "make": TEXT,
        "camera": TEXT,
        "lens": TEXT,
        "latitude": NUMBER,
        "longitude": NUMBER,
        "altitude": NUMBER,
        "iso": WHOLE,
        "f_number": NUMBER,
        "exposure": {"type": "number", "description": "seconds"},
        "focal_length": {"type": "number", "description": "millimetres"},
        "place": TEXT,
        "tags": {"type": "array", "items": TEXT},
        "words_read": {"type": "boolean"},
        "words": {"type": "array", "items": {"type": "object"}},
        "words_left_out": WHOLE,
    },
    "required": ["photo", "format", "bytes", "width", "height", "words_read", "words"],
}

REGIONS: dict[str, Any] = {
    "type": "object",
    "properties": {
        "photo": TEXT,
        "width": WHOLE,
        "height": WHOLE,
        "regions": {
            "type": "array",
            "items": {
                "type": "object",
                "properties": {
                    "label": TEXT,
                    "score": NUMBER,
                    "box": {
                        "type": "array",
                        "items": NUMBER,
                        "description": "left, top, right, bottom",
                    },
                },
            },
        },
    },
    "required": ["photo", "width", "height", "regions"],
}
