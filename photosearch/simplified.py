"""Chinese in traditional characters → in simplified ones, by OpenCC.

In: a text. Out: a text as long as it was; a text without a Chinese character outside of GB2312, the
character set of simplified Chinese, is given back as it is, and OpenCC (0.05 s) is not imported for
it: so nobody who writes simplified Chinese, or none, pays for this.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache, lru_cache


def simplified(text: str) -> str:
    """A text as it would be written in simplified characters, told by the words they stand in:
    乾淨 is 干净, and 乾隆 stays 乾隆.
    """
    return text if all(map(_is_simple, text)) else _converter()(text)


def simplified_letters(text: str) -> str:
    """Each character by itself, whatever stands beside it: a part of a text becomes that part of
    the whole text's form, so what is found in one is found in the other.

    A character that is in GB2312 stays as it is (乾, 後), or a text of such alone would have
    another form than within a longer one.
    """
    return text if text.isascii() else "".join(map(_letter, text))


@lru_cache(maxsize=8192)
def _letter(char: str) -> str:
    return char if _is_simple(char) else _converter()(char)


def _is_simple(char: str) -> bool:
    """Whether a character is no Chinese one, or one of simplified Chinese."""
    if char < "\u3400" or "\u9fff" < char < "\uf900" or "\ufaff" < char < "\U00020000":
        return True
    try:
        char.encode("gb2312")
    except UnicodeEncodeError:
        return False
    return True


@cache
def _converter() -> Callable[[str], str]:
    from opencc import OpenCC

    convert: Callable[[str], str] = OpenCC("t2s").convert
    return convert
