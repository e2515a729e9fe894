"""A SentencePiece model file, read.

In: the bytes of a `spiece.model` (or `tokenizer.model`) of type unigram or BPE. Out: a
SentencePieces. The file is a protocol buffer; the few fields that matter are read here, so neither
sentencepiece nor protobuf is needed. What cannot be used raises ValueError; what is made of the
pieces is not known here.
"""

from __future__ import annotations

import math
import struct
from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np

# Fields, from sentencepiece_model.proto.
_PIECES, _TRAINER, _NORMALIZER = 1, 2, 3
_PIECE_TEXT, _PIECE_SCORE, _PIECE_TYPE = 1, 2, 3
_MODEL_TYPE, _SUFFIX_SPACES, _BYTE_FALLBACK = 3, 24, 35
_CHARSMAP, _DUMMY_PREFIX, _REMOVE_SPACES, _ESCAPE_SPACES = 2, 3, 4, 5
_UNIGRAM, _BPE = 1, 2
NORMAL, UNKNOWN, CONTROL, USER_DEFINED, UNUSED, BYTE = range(1, 7)

SPACE = "▁"


@dataclass(slots=True)
class SentencePieces:
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
        return SPACE if self.escape_spaces else " "


def read_spiece(data: bytes) -> SentencePieces:
    """Pieces, how texts are normalised before them, and what kind of model it is."""
    model = SentencePieces()
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
    if sum(kind == UNKNOWN for _, _, kind in model.pieces) != 1:
        raise ValueError("it has not exactly one piece for the unknown")
    return model


def _piece(data: bytes, number: int) -> tuple[str, float, int]:
    text, score, kind = "", 0.0, NORMAL
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


def _read_trainer(model: SentencePieces, data: bytes) -> None:
    for number, value in _fields(data):
        if number == _MODEL_TYPE:
            if _int(value) not in (_UNIGRAM, _BPE):
                raise ValueError("it is neither of type unigram nor of type BPE")
            model.is_bpe = value == _BPE
        elif number == _BYTE_FALLBACK:
            model.byte_fallback = bool(_int(value))
        elif number == _SUFFIX_SPACES and _int(value):
            raise ValueError("it puts spaces at the ends of words")


def _read_normalizer(model: SentencePieces, data: bytes) -> None:
    for number, value in _fields(data):
        if number == _CHARSMAP:
            model.charsmap = _checked_charsmap(_bytes(value))
        elif number == _DUMMY_PREFIX:
            model.dummy_prefix = bool(_int(value))
        elif number == _REMOVE_SPACES:
            model.remove_spaces = bool(_int(value))
        elif number == _ESCAPE_SPACES:
            model.escape_spaces = bool(_int(value))


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
