"""tokenizer.json → token ids.

In: texts. Out: int64 ids and mask, padded to the longest text of the call, never further: a text
tower is run at the texts' own length (about 4x faster than at its full context).
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from tokenizers import Tokenizer as _Tokenizer

from photosearch.errors import BadBundle


class Tokenizer:
    """A Hugging Face `tokenizers` file, with its own truncation and padding token."""

    def __init__(self, path: Path, context_length: int) -> None:
        try:
            self._tokenizer = _Tokenizer.from_file(str(path))
        except Exception as error:  # the library raises bare Exception
            raise BadBundle(f"{path}: not a usable tokenizer file ({error})") from error
        if self._tokenizer.truncation is None:
            self._tokenizer.enable_truncation(context_length)
        if self._tokenizer.padding is None:
            self._tokenizer.enable_padding()

    def __call__(self, texts: list[str]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """(ids, mask), both int64[n, longest]."""
        # Half a surrogate pair, or a byte that was no UTF-8, counts as a question mark.
        readable = [text.encode("utf-8", "replace").decode() for text in texts]
        encodings = self._tokenizer.encode_batch(readable)
        ids = np.array([encoding.ids for encoding in encodings], np.int64)
        mask = np.array([encoding.attention_mask for encoding in encodings], np.int64)
        return ids, mask
