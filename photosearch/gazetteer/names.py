"""Spellings of a name → one form.

In: names of places as people, cameras and atlases write them. Out: the form by which they are
compared.
"""

from __future__ import annotations

import unicodedata
from functools import lru_cache

# What Unicode does not take apart into a letter and its mark.
_LETTERS = {
    "æ": "ae", "ð": "d", "đ": "d", "ħ": "h", "ı": "i", "ł": "l", "ŋ": "n", "ø": "o", "œ": "oe",
    "þ": "th", "ŧ": "t", "ə": "a", "ʻ": " ", "ʼ": " ", "ʿ": " ", "ʾ": " ",
}  # fmt: skip
_ALSO_CALLED = {
    "america": "us", "usa": "us", "u s a": "us", "united states of america": "us", "uk": "gb",
    "great britain": "gb", "britain": "gb", "holland": "nl",
    "czech republic": "cz", "burma": "mm", "turkiye": "tr", "swaziland": "sz", "macedonia": "mk",
}  # fmt: skip


@lru_cache(maxsize=4096)
def normal_name(text: str) -> str:
    """What spellings of a name have in common: no capitals, marks, hyphens, points; NFKC."""
    folded = unicodedata.normalize("NFKD", unicodedata.normalize("NFKC", text).casefold())
    bare = "".join(_LETTERS.get(char, char) for char in folded if not "\u0300" <= char <= "\u036f")
    words = "".join(
        " " if unicodedata.category(char)[0] in "PCZ" else char
        for char in unicodedata.normalize("NFKC", bare)
    )
    return " ".join(words.split())


def usual_name(text: str) -> str:
    """The normal form of a name that is asked for: `USA` is looked for as the code `us`."""
    name = normal_name(text)
    return _ALSO_CALLED.get(name, name)
