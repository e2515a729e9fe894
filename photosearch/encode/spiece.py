"""A SentencePiece model as a tokenizer.json.

In: a `spiece.model` (or `tokenizer.model`) of type unigram or BPE. Out: the text of a file for
`tokenizers`. The model file is a protocol buffer; the few fields that matter are read here, so
neither sentencepiece nor protobuf is needed. A file that cannot be used raises ValueError.

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
import math
import struct
from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

# Fields, from sentencepiece_model.proto.
_PIECES, _TRAINER, _NORMALIZER = 1, 2, 3
_PIECE_TEXT, _PIECE_SCORE, _PIECE_TYPE = 1, 2, 3
_MODEL_TYPE, _SUFFIX_SPACES, _BYTE_FALLBACK = 3, 24, 35
_CHARSMAP, _DUMMY_PREFIX, _REMOVE_SPACES, _ESCAPE_SPACES = 2, 3, 4, 5
_UNIGRAM, _BPE = 1, 2
_NORMAL, _UNKNOWN, _CONTROL, _USER_DEFINED, _UNUSED, _BYTE = range(1, 7)

_SPACE = "▁"
# Put before a piece that no text may match: a noncharacter, which no text holds.
_UNMATCHED = "\uffff"


@dataclass(slots=True)
class _Model:
    """What a model file says, its defaults filled in."""

    pieces: list[tuple[str, float, int]] = field(default_factory=list)  # text, score, type
    is_bpe: bool = False
    byte_fallback: bool = False
    charsmap: bytes = b""
    dummy_prefix: bool = True
    remove_spaces: bool = True
    escape_spaces: bool = True

    @property
    def space(self) -> str:
        return _SPACE if self.escape_spaces else " "


def tokenizer_json_from_spiece(
    path: Path, *, end: str | None = "</s>", in_text: Collection[str] = ("</s>", "<unk>")
) -> str:
    """The text of a tokenizer.json.

    end: the piece that closes each text; None for none. in_text: special pieces that are recognised
    where a text spells them out, as transformers' SiglipTokenizer does; sentencepiece itself
    recognises none.
    """
    try:
        model = _read(path.read_bytes())
        special = [
            _added_token(text, number)
            for number, (text, _, kind) in enumerate(model.pieces)
            if kind in (_CONTROL, _UNKNOWN) and text in in_text
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


def _read(data: bytes) -> _Model:
    model = _Model()
    for number, value in _fields(data):
        if number == _PIECES:
            model.pieces.append(_piece(_bytes(value), len(model.pieces)))
        elif number == _TRAINER:
            _read_trainer(model, _bytes(value))
        elif number == _NORMALIZER:
            _read_normalizer(model, _bytes(value))
    if not model.pieces:
        raise ValueError("it has no pieces")
    if len({text for text, _, _ in model.pieces}) < len(model.pieces):
        raise ValueError("it has a piece twice")
    if sum(kind == _UNKNOWN for _, _, kind in model.pieces) != 1:
        raise ValueError("it has not exactly one piece for the unknown")
    return model


def _piece(data: bytes, number: int) -> tuple[str, float, int]:
    text, score, kind = "", 0.0, _NORMAL
    for name, value in _fields(data):
        if name == _PIECE_TEXT:
            text = _bytes(value).decode()
        elif name == _PIECE_SCORE:
            (score,) = struct.unpack("<f", _bytes(value, 4))
        elif name == _PIECE_TYPE:
            kind = _int(value)
    if not text:
        raise ValueError(f"piece {number} has no text")
    if not math.isfinite(score):
        raise ValueError(f"piece {number} has the score {score}")
    return text, score, kind


def _read_trainer(model: _Model, data: bytes) -> None:
    for number, value in _fields(data):
        if number == _MODEL_TYPE:
            if _int(value) not in (_UNIGRAM, _BPE):
                raise ValueError("it is neither of type unigram nor of type BPE")
            model.is_bpe = value == _BPE
        elif number == _BYTE_FALLBACK:
            model.byte_fallback = bool(_int(value))
        elif number == _SUFFIX_SPACES and _int(value):
            raise ValueError("it puts spaces at the ends of words")


def _read_normalizer(model: _Model, data: bytes) -> None:
    for number, value in _fields(data):
        if number == _CHARSMAP:
            model.charsmap = _checked_charsmap(_bytes(value))
        elif number == _DUMMY_PREFIX:
            model.dummy_prefix = bool(_int(value))
        elif number == _REMOVE_SPACES:
            model.remove_spaces = bool(_int(value))
        elif number == _ESCAPE_SPACES:
            model.escape_spaces = bool(_int(value))


def _normalizer(model: _Model, *, is_whole: bool) -> dict[str, Any] | None:
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


def _unigram(model: _Model, in_text: Collection[str]) -> dict[str, Any]:
    kinds = [kind for _, _, kind in model.pieces]
    return {
        "type": "Unigram",
        "unk_id": kinds.index(_UNKNOWN),
        "vocab": [[text, score] for text, score in _named(model, in_text)],
        "byte_fallback": model.byte_fallback,
    }


def _bpe(model: _Model, in_text: Collection[str]) -> dict[str, Any]:
    """Merges are not in the file: any two symbols merge that make a piece, the best piece first."""
    scores = {text: score for text, score, kind in model.pieces if kind == _NORMAL}
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
        "unk_token": names[kinds.index(_UNKNOWN)],
        "continuing_subword_prefix": None,
        "end_of_word_suffix": None,
        "fuse_unk": True,
        "byte_fallback": model.byte_fallback,
        "ignore_merges": False,
        "vocab": {name: number for number, name in enumerate(names)},
        "merges": [pair for _, pair in merges],
    }


def _named(model: _Model, in_text: Collection[str]) -> Iterator[tuple[str, float]]:
    """The pieces with their scores; what no text may match is renamed."""
    for text, score, kind in model.pieces:
        is_hidden = kind == _UNUSED or (kind in (_CONTROL, _UNKNOWN) and text not in in_text)
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


def _template(model: _Model, end: str | None) -> dict[str, Any] | None:
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


def _checked_charsmap(data: bytes) -> bytes:
    """A map of characters: the size of a double-array trie, the trie, the texts it leads to.

    `tokenizers` follows the trie unchecked, and a wrong step would end the program. So this is
    looked at here: each step stays inside the trie, each end is the start of a text.
    """
    if not data:
        return data
    size = int.from_bytes(data[:4], "little")
    if size % 4 or not 0 < size <= len(data) - 4:
        raise ValueError("its map of characters is cut off")
    texts = data[4 + size :]
    texts.decode()  # raises, too
    units = np.frombuffer(data, "<u4", size // 4, 4).astype(np.int64)
    is_end = units >> 31 == 1
    ends = units[is_end] & 0x7FFFFFFF
    offsets = (units >> 10) << ((units & 0x200) >> 6)
    # The next unit is at this place XOR a byte; the end, if a unit has one, at the place itself.
    places = np.arange(len(units)) ^ np.where(is_end, 0, offsets)
    has_end = ~is_end & (units & 0x100 != 0)
    follows_nul = np.frombuffer(b"\0" + texts[:-1], np.uint8) == 0
    if (
        (places | 0xFF).max() >= len(units)
        or not is_end[places[has_end]].all()
        or ends.max(initial=-1) >= len(texts)
        or not follows_nul[ends].all()
    ):
        raise ValueError("its map of characters leads nowhere")
    return data


def _fields(data: bytes) -> Iterator[tuple[int, int | bytes]]:
    """(number, value) of each field of a message: an int, or the bytes of any other kind."""
    at = 0
    while at < len(data):
        key, at = _varint(data, at)
        number, kind = key >> 3, key & 7
        if kind == 0:
            value, at = _varint(data, at)
            yield number, value
            continue
        if kind == 2:
            size, at = _varint(data, at)
        elif kind in (1, 5):
            size = 8 if kind == 1 else 4
        else:
            raise ValueError(f"a field of the unknown kind {kind}")
        if size > len(data) - at:
            raise ValueError("it is cut off")
        yield number, data[at : at + size]
        at += size


def _varint(data: bytes, at: int) -> tuple[int, int]:
    """The number at a position, seven bits a byte, and the position behind it."""
    value = 0
    for index in range(10):
        if at + index >= len(data):
            raise ValueError("it is cut off")
        byte = data[at + index]
        value |= (byte & 0x7F) << 7 * index
        if byte < 0x80:
            return value, at + index + 1
    raise ValueError("a number of more than ten bytes")


def _bytes(value: int | bytes, size: int | None = None) -> bytes:
    if isinstance(value, int) or size not in (None, len(value)):
        raise ValueError("a field is of another kind than SentencePiece writes")
    return value


def _int(value: int | bytes) -> int:
    if isinstance(value, bytes):
        raise ValueError("a field is of another kind than SentencePiece writes")
    return value
