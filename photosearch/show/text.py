"""Names and lines that are safe and fit to print.

In: paths, widths. Out: text without control characters, shortened to a width in terminal cells.
A file name may hold anything: escape sequences, line ends, right-to-left overrides, bytes that are
no text. It is shown escaped, never interpreted.
"""

from __future__ import annotations

import os
import unicodedata
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from photosearch.reports.contents import Agreement


def printable(path: str | os.PathLike[str]) -> str:
    """A path as one line of visible text; odd bytes and characters as \\x.., \\u...."""
    text = os.fspath(path)
    if text.isascii() and text.isprintable():
        return text
    return "".join(
        char if char in _JOINERS and _joins(text, at) else _escaped(char)
        for at, char in enumerate(text)
    )


# Emoji and Indic names need them between their letters; elsewhere they only hide in a name.
_JOINERS = "\u200c\u200d"


def _joins(text: str, at: int) -> bool:
    around = (text[at - 1 : at], text[at + 1 : at + 2])
    return all(char and not char.isascii() and char not in _JOINERS for char in around)


def _escaped(char: str) -> str:
    code = ord(char)
    if 0xDC80 <= code <= 0xDCFF:  # a byte that is no UTF-8, as Python carries it
        return f"\\x{code - 0xDC00:02x}"
    if char in "\n\t\r":
        return {"\n": "\\n", "\t": "\\t", "\r": "\\r"}[char]
    # Cc control, Cf format (bidirectional overrides, zero width), Cs surrogate, Zl/Zp line ends.
    if unicodedata.category(char) in ("Cc", "Cf", "Cs", "Zl", "Zp"):
        return char.encode("unicode_escape").decode()
    return char


def cells(text: str) -> int:
    """Width in a terminal: East Asian wide characters take two cells, combining ones none."""
    return sum(_cell(char) for char in text)


def _cell(char: str) -> int:
    if unicodedata.combining(char):
        return 0
    return 2 if unicodedata.east_asian_width(char) in "WF" else 1


def shorten(text: str, width: int) -> str:
    """Cut the middle out of a path: its start says where, its end says what."""
    if cells(text) <= width or width < 8:
        return text
    end = _fit(text[::-1], (width - 1) * 2 // 3)[::-1]
    start = _fit(text, width - 1 - cells(end))
    return f"{start}…{end}"


def _fit(text: str, width: int) -> str:
    used = 0
    for position, char in enumerate(text):
        used += _cell(char)
        if used > width:
            return text[:position]
    return text


def home_relative(path: Path) -> str:
    """~/Pictures/a.jpg for a path in the home folder."""
    home = os.path.expanduser("~")
    text = os.fspath(path)
    if home not in ("~", "/") and text.startswith(home + os.sep):
        return "~" + text[len(home) :]
    return text


def size_text(count: int) -> str:
    """1.5 MB and the like (powers of 1000, as file managers show them)."""
    amount = float(count)
    for unit in ("bytes", "kB", "MB", "GB"):
        if amount < (1000 if unit == "bytes" else 999.95) or unit == "GB":
            return f"{amount:.0f} {unit}" if unit == "bytes" else f"{amount:.1f} {unit}"
        amount /= 1000
    raise AssertionError


def counted(count: int, one: str, many: str | None = None) -> str:
    """1 photo, 2 photos."""
    return f"{count:,} {one if count == 1 else many or one + 's'}"


def agreement_text(measured: Agreement) -> str:
    """How near 8 bits come to float32."""
    return (
        f"cosine to float32 {measured.mean:.4f} on average, {measured.least:.4f} at least "
        f"({counted(measured.photos, 'photo')})"
    )
