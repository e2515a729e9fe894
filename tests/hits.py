"""Hits of photos that are drawn in code, without a library."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

from photosearch.records import Hit
from tests.make import jpeg, picture


def write_hit(path: Path, seed: int = 1, rank: int = 1, **more: Any) -> Hit:
    """Draw a photo, and find it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    data = jpeg(picture(seed, (400, 300)))
    path.write_bytes(data)
    given: dict[str, Any] = {
        "score": 0.4,
        "photo_id": rank,
        "width": 400,
        "height": 300,
        "taken_at": "2024-06-01T10:11:12+02:00",
        "evidence": {"looks_like": {"cosine": 0.4, "rank": rank, "relevance": 0.9}},
        "relevance": 0.9,
    }
    return Hit(rank=rank, path=path, photo=hashlib.sha256(data).hexdigest(), **given | more)


def reads(text: str, box: tuple[int, int, int, int]) -> dict[str, Any]:
    """Evidence of printed words at x0, y0, x1, y1."""
    x0, y0, x1, y1 = box
    corners = [[x0, y0], [x1, y0], [x1, y1], [x0, y1]]
    line = {"text": text, "confidence": 0.98, "box": corners}
    return {"reads": line | {"rank": 1, "strength": 0.98, "whole": True, "lines": [line]}}
