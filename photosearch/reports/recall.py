"""How many captions find their photo.

Frozen records; `as_dict` is the document of `--json` (docs/json.md). They carry `pathlib.Path`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Recall:
    """How well one direction of retrieval works: shares in percent, ranks from 1."""

    queries: int
    recall_at_1: float
    recall_at_5: float
    recall_at_10: float
    median_rank: float

    def as_dict(self) -> dict[str, Any]:
        """As `--json` has it: docs/json.md."""
        return {
            "queries": self.queries,
            "recall@1": round(self.recall_at_1, 2),
            "recall@5": round(self.recall_at_5, 2),
            "recall@10": round(self.recall_at_10, 2),
            "median_rank": self.median_rank,
        }


@dataclass(frozen=True, slots=True)
class EvalReport:
    """Recall of captions against their photos."""

    model: str
    photos: int
    text_to_image: Recall
    image_to_text: Recall

    def as_dict(self) -> dict[str, Any]:
        """As `--json` has it: docs/json.md."""
        return {
            "version": 1,
            "model": self.model,
            "photos": self.photos,
            "text_to_image": self.text_to_image.as_dict(),
            "image_to_text": self.image_to_text.as_dict(),
        }
