"""A SentencePiece model as a tokenizer.json.

In: a `spiece.model` (or `tokenizer.model`) of type unigram or BPE. Out: the text of a file for
`tokenizers`. A file that cannot be used raises ValueError.

With the cleaning "siglip" the ids are those of transformers' SiglipTokenizer, without cleaning and
with in_text=() those of sentencepiece itself, but for:
- A mark on a letter that the model's normalisation changes and that has no form with this mark
  ("㎏" with an accent) is lost, and marks in an order that Unicode does not call canonical are put
  in order: `tokenizers` normalises by what a reader sees as one sign.
- A text that begins with a control character which normalisation removes, if special pieces are
  recognised: its first word is read as if it went on another.
- After a special piece that a text spells out, SiglipTokenizer loses what it does not know.
- Where normalisation keeps "▁" (U+2581) or runs of spaces, as those of SigLIP and T5 do not:
  SiglipTokenizer reads a leading space as one more piece, sentencepiece "\\r\\n" as two spaces.
- A byte's name spelt out ("<0x41>") is that byte, if a unigram model falls back to bytes.
- Pieces that a user defined are pieces like others.
- Two ways to cut a text whose scores differ by less than a float32 can tell.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import Any

from photosearch.encode.spiece_file import (
    CONTROL,
    NORMAL,
    UNKNOWN,
    UNUSED,
    SentencePieces,
    read_spiece,
)

# Put before a piece that no text may match: a noncharacter, which no text holds.
_UNMATCHED = "\uffff"


def tokenizer_json_from_spiece(
    path: Path, *, end: str | None = "</s>", in_text: Collection[str] = ("</s>", "<unk>")
) -> str:
    """The text of a tokenizer.json.

    end: the piece that closes each text; None for none. in_text: special pieces that are recognised
    where a text spells them out, as transformers' SiglipTokenizer does; sentencepiece itself
    recognises none.
    """
    try:
        model = read_spiece(path.read_bytes())
        special = [
            _added_token(text, number)
            for number, (text, _, kind) in enumerate(model.pieces)
            if kind in (CONTROL, UNKNOWN) and text in in_text
        ]
        made = {
            "version": "1.0",
            "truncation": None,
            "padding": None,
            "added_tokens": special,
            "normalizer": _normalizer(model, is_whole=not special),
            "pre_tokenizer": {
                "type": "Metaspace",
                "replacement": model.space,
                "prepend_scheme": "first" if model.dummy_prefix and special else "never",
                "split": False,  # sentencepiece looks at the whole text at once
            },
            "post_processor": _template(model, end),
            "decoder": None,
            "model": (_bpe if model.is_bpe else _unigram)(model, in_text),
        }
    except UnicodeDecodeError as error:
        raise ValueError(f"{path} is not a usable SentencePiece model: no UTF-8") from error
    except ValueError as error:
        raise ValueError(f"{path} is not a usable SentencePiece model: {error}") from error
    return json.dumps(made, ensure_ascii=False, separators=(",", ":"))


def _normalizer(model: SentencePieces, *, is_whole: bool) -> dict[str, Any] | None:
    """is_whole: it is given whole texts, not the parts between special pieces."""
    steps: list[dict[str, Any]] = []
    if model.charsmap:
        steps.append(
            {
                "type": "Precompiled",
                "precompiled_charsmap": base64.b64encode(model.charsmap).decode(),
            }
        )
        if _composes(model.charsmap):
            # `tokenizers` looks characters up one by one where sentencepiece takes as many as
            # match, and would drop the second accent of "ế" in three characters.
            steps = [{"type": "NFC"}, *steps, {"type": "NFC"}]
    if model.remove_spaces:
        steps.append(_replace(r" {2,}", " "))
        if is_whole or not model.dummy_prefix:
            steps.append(_replace(r"\A ", ""))  # else it will be the prefix
    if model.dummy_prefix and is_whole:
        steps.append({"type": "Prepend", "prepend": model.space})
    if model.remove_spaces:
        steps.append(_replace(rf"[ {model.space}]+\z", ""))
    return {"type": "Sequence", "normalizers": steps} if steps else None


def _replace(pattern: str, content: str) -> dict[str, Any]:
    return {"type": "Replace", "pattern": {"Regex": pattern}, "content": content}


def _composes(charsmap: bytes) -> bool:
    """Whether a map makes one character of a letter and its mark, as NFKC does."""
    from tokenizers.normalizers import Precompiled

    return bool(Precompiled(charsmap).normalize_str("e\u0301") == "\u00e9")


def _unigram(model: SentencePieces, in_text: Collection[str]) -> dict[str, Any]:
    kinds = [kind for _, _, kind in model.pieces]
    return {
        "type": "Unigram",
        "unk_id": kinds.index(UNKNOWN),
        "vocab": [[text, score] for text, score in _named(model, in_text)],
        "byte_fallback": model.byte_fallback,
    }


def _bpe(model: SentencePieces, in_text: Collection[str]) -> dict[str, Any]:
    """Merges are not in the file: any two symbols merge that make a piece, the best piece first."""
    scores = {text: score for text, score, kind in model.pieces if kind == NORMAL}
    merges = [
        (-score, (text[:at], text[at:]))
        for text, score in scores.items()
        for at in range(1, len(text))
        if text[:at] in scores and text[at:] in scores
    ]
    merges.sort(key=lambda merge: merge[0])
    names = [text for text, _ in _named(model, in_text)]
    kinds = [kind for _, _, kind in model.pieces]
    return {
        "type": "BPE",
        "dropout": None,
        "unk_token": names[kinds.index(UNKNOWN)],
        "continuing_subword_prefix": None,
        "end_of_word_suffix": None,
        "fuse_unk": True,
        "byte_fallback": model.byte_fallback,
        "ignore_merges": False,
        "vocab": {name: number for number, name in enumerate(names)},
        "merges": [pair for _, pair in merges],
    }


def _named(model: SentencePieces, in_text: Collection[str]) -> Iterator[tuple[str, float]]:
    """The pieces with their scores; what no text may match is renamed."""
    for text, score, kind in model.pieces:
        is_hidden = kind == UNUSED or (kind in (CONTROL, UNKNOWN) and text not in in_text)
        yield (_UNMATCHED + text if is_hidden else text), score


def _added_token(text: str, number: int) -> dict[str, Any]:
    return {
        "id": number,
        "content": text,
        "single_word": False,
        "lstrip": False,
        "rstrip": False,
        "normalized": False,
        "special": True,
    }


def _template(model: SentencePieces, end: str | None) -> dict[str, Any] | None:
    """Text, end."""
    if end is None:
        return None
    numbers = {text: number for number, (text, _, _) in enumerate(model.pieces)}
    if end not in numbers:
        raise ValueError(f"it has no piece {end!r}")
    single = [{"Sequence": {"id": "A", "type_id": 0}}, {"SpecialToken": {"id": end, "type_id": 0}}]
    return {
        "type": "TemplateProcessing",
        "single": single,
        "pair": [*single, {"Sequence": {"id": "B", "type_id": 1}}],
        "special_tokens": {end: {"id": end, "ids": [numbers[end]], "tokens": [end]}},
    }
