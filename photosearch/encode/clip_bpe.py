"""The tokenizer of OpenAI's CLIP as a tokenizer.json.

In: the merge list that comes with the package. Out: the file's text; with the cleaning "clip" and
TextRules() it gives the token ids of the reference implementation, token for token.
"""

from __future__ import annotations

import gzip
import json
from pathlib import Path

MERGES_FILE = Path(__file__).parents[1] / "models" / "clip_bpe" / "bpe_simple_vocab_16e6.txt.gz"
START, END = "<|startoftext|>", "<|endoftext|>"
_WORD_END = "</w>"
_VOCABULARY = 49_408
# Contractions, words, single digits, runs of other signs. The reference matches without regard to
# case, which after its lower() still decides about the long s ("'ſ" is the contraction 's).
_WORDS = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|\p{L}+|\p{N}|[^\s\p{L}\p{N}]+"


def clip_tokenizer_json() -> str:
    """The text of CLIP's tokenizer.json."""
    symbols = _byte_symbols()
    merges = _merges(_VOCABULARY - 2 * len(symbols) - 2)
    tokens = [*symbols, *(symbol + _WORD_END for symbol in symbols)]
    tokens += [merge.replace(" ", "") for merge in merges]
    ends = {START: len(tokens), END: len(tokens) + 1}
    made = {
        "version": "1.0",
        "truncation": None,
        "padding": None,
        "added_tokens": [_added_token(token, number) for token, number in ends.items()],
        "normalizer": None,
        "pre_tokenizer": {
            "type": "Sequence",
            "pretokenizers": [
                {
                    "type": "Split",
                    "pattern": {"Regex": _WORDS},
                    "behavior": "Removed",
                    "invert": True,
                },
                {
                    "type": "ByteLevel",
                    "add_prefix_space": False,
                    "trim_offsets": False,
                    "use_regex": False,
                },
            ],
        },
        "post_processor": _template(ends),
        "decoder": None,
        "model": {
            "type": "BPE",
            "dropout": None,
            "unk_token": None,
            "continuing_subword_prefix": None,
            "end_of_word_suffix": _WORD_END,
            "fuse_unk": False,
            "byte_fallback": False,
            "vocab": {token: number for number, token in enumerate([*tokens, *ends])},
            # As strings, not as pairs: the file opens in 48 ms instead of 65.
            "merges": merges,
        },
    }
    return json.dumps(made, ensure_ascii=False, separators=(",", ":"))


def _byte_symbols() -> list[str]:
    """A printable character for each byte, in the order of the vocabulary.

    Printable bytes of Latin-1 stand for themselves and come first; the others follow, from U+0100.
    """
    printable = [*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)]
    return [chr(byte) for byte in printable] + [chr(256 + n) for n in range(256 - len(printable))]


def _merges(count: int) -> list[str]:
    """The first merges of the list, each as "left right"."""
    with gzip.open(MERGES_FILE, "rt", encoding="utf-8") as lines:
        next(lines)  # the version
        return [line.rstrip("\n") for line, _ in zip(lines, range(count), strict=False)]


def _added_token(token: str, number: int) -> dict[str, object]:
    return {
        "id": number,
        "content": token,
        "single_word": False,
        "lstrip": False,
        "rstrip": False,
        "normalized": False,
        "special": True,
    }


def _template(ends: dict[str, int]) -> dict[str, object]:
    """Start, text, end."""
    start, end = ({"SpecialToken": {"id": token, "type_id": 0}} for token in ends)
    single = [start, {"Sequence": {"id": "A", "type_id": 0}}, end]
    return {
        "type": "TemplateProcessing",
        "single": single,
        "pair": [*single, {"Sequence": {"id": "B", "type_id": 1}}],
        "special_tokens": {
            token: {"id": token, "ids": [number], "tokens": [token]}
            for token, number in ends.items()
        },
    }
