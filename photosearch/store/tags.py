"""Tags of photos: their normal form, and storing all that one source gives.

In: labels of photos. Out: rows of the table `tags`. Each source (such as "classify") owns its tags:
storing replaces all that it gave before, in one transaction; what other sources gave stays.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from photosearch.store.catalogue import Catalogue


@dataclass(frozen=True, slots=True)
class NewTag:
    """A label for a photo."""

    photo_id: int
    label: str  # as it is shown
    score: float | None = None


def normal_tag(text: str) -> str:
    """What two spellings of a tag have in common: no capitals, single spaces, NFKC."""
    folded = unicodedata.normalize("NFKC", text).casefold()
    return " ".join(unicodedata.normalize("NFKC", folded).split())


def replace_tags(
    catalogue: Catalogue, source: str, model_id: int | None, tags: Iterable[NewTag]
) -> None:
    """Store all tags of a source instead of those that it gave before.

    `tags` may be a generator: if it raises, or the process ends, the old tags are still there.
    """
    with catalogue.transaction() as connection:
        connection.execute("DELETE FROM tags WHERE source = ?", (source,))
        connection.executemany(
            "INSERT INTO tags (photo_id, source, tag, label, score, model_id) "
            "VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING",
            (
                (one.photo_id, source, normal_tag(one.label), one.label, one.score, model_id)
                for one in tags
            ),
        )
