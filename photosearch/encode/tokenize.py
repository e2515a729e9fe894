"""tokenizer.json → token ids.

In: texts. Out: int64 ids and mask. By default they are padded to the longest text of the call,
never further: a text tower that allows it is run at the texts' own length (about 4x faster than at
its full context).
"""

from __future__ import annotations

import os
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray
from tokenizers import Tokenizer as _Tokenizer

from photosearch.encode.clean import RULES, clean
from photosearch.errors import BadBundle

_PADDINGS = ("longest", "context")


@dataclass(frozen=True, slots=True)
class TextRules:
    """What a text tower asks of its ids, beyond its tokenizer file."""

    context_length: int = 77  # tokens, those at both ends included
    padding: str = "longest"  # context: always to the full length, which SigLIP was trained with
    clean: str = "none"  # a rule of encode/clean.py
    pad_id: int | None = None  # None: the tokenizer file's own, else 0

    def __post_init__(self) -> None:
        for name, least in (("context_length", 1), ("pad_id", 0)):
            value = getattr(self, name)
            if value is None and name == "pad_id":
                continue
            if not isinstance(value, int) or isinstance(value, bool):
                raise TypeError(f"{name} is {value!r}, no whole number")
            if value < least:
                raise ValueError(f"{name} is {value}")
        if self.padding not in _PADDINGS:
            raise ValueError(f"unknown padding {self.padding!r}")
        if self.clean not in RULES:
            raise ValueError(f"unknown text cleaning {self.clean!r}")

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> TextRules:
        """From a tower's part of config.json; what else it says is left alone."""
        known = {one.name for one in fields(cls)}
        return cls(**{name: value for name, value in config.items() if name in known})

    def as_config(self) -> dict[str, Any]:
        """What from_config reads."""
        return {name: value for name, value in asdict(self).items() if value is not None}


class Tokenizer:
    """A Hugging Face `tokenizers` file, used by the rules of its text tower."""

    def __init__(self, path: Path, rules: TextRules) -> None:
        try:
            tokenizer = _Tokenizer.from_file(str(path))
        except Exception as error:  # the library raises bare Exception
            raise BadBundle(f"{path}: not a usable tokenizer file ({error})") from error
        self._set(tokenizer, rules, os.fspath(path))

    @classmethod
    def from_text(cls, tokenizer_json: str, rules: TextRules) -> Self:
        """The same from a tokenizer.json's content."""
        made = cls.__new__(cls)
        made._set(_Tokenizer.from_str(tokenizer_json), rules, "tokenizer.json")
        return made

    def _set(self, tokenizer: _Tokenizer, rules: TextRules, path: str) -> None:
        own_length = (tokenizer.truncation or {}).get("max_length", rules.context_length)
        own_pad_id = (tokenizer.padding or {}).get("pad_id", 0)
        length = min(rules.context_length, own_length)
        if length < tokenizer.num_special_tokens_to_add(False):
            raise BadBundle(f"{path}: its texts do not fit into {length} tokens")
        tokenizer.enable_truncation(length)
        tokenizer.no_padding()
        self._tokenizer = tokenizer
        self._rules = rules
        self._pad_id = own_pad_id if rules.pad_id is None else rules.pad_id
        self._path = path

    def __call__(self, texts: list[str]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """(ids, mask), both int64[n, longest] or int64[n, context_length]."""
        # Half a surrogate pair, or a byte that was no UTF-8, counts as a question mark.
        readable = [text.encode("utf-8", "replace").decode() for text in texts]
        cleaned = [clean(text, self._rules.clean) for text in readable]
        try:
            rows = [encoding.ids for encoding in self._tokenizer.encode_batch(cleaned)]
        except Exception as error:  # as above
            raise BadBundle(f"{self._path}: no tokens for a text ({error})") from error
        longest = max(map(len, rows), default=0)
        width = self._rules.context_length if self._rules.padding == "context" else longest
        ids = np.full((len(rows), width), self._pad_id, np.int64)
        mask = np.zeros_like(ids)
        for row, found in enumerate(rows):
            ids[row, : len(found)] = found
            mask[row, : len(found)] = 1
        return ids, mask
