"""Whether two outputs say the same, but for what differs from one machine to the next.

In: an output as a page has it, and as the program gives it now. Out: same or not. Times, rates and
free space are as they happen to be. Scores and boxes come from floating point, which processors
round differently: percents and pixels may be one or two off, decimals a hundredth.
"""

from __future__ import annotations

import re

_HAPPENS = re.compile(
    r"\d[\d,.]*(?= (s|ms|photos/s)\b)"  # 22.8 s, 29 photos/s
    r"|\d[\d,.]* [kMGT]?B(?= (free|catalogue|index)\b)"
    r'|(?<="seconds": )[\d.]+|(?<="photos_per_second": )[\d.]+'
    r'|(?<="(free)": )\d+|(?<="(catalogue)": )\d+|(?<="unused": )\d+|(?<="vectors": )\d{4,}'
)
_NUMBER = re.compile(r"\d+(?:\.\d+)?")


def same(page: str, now: str) -> bool:
    """Whether the page may stay as it is."""
    page, now = (" ".join(_HAPPENS.sub("#", text).split()) for text in (page, now))
    if _NUMBER.sub("#", page) != _NUMBER.sub("#", now):
        return False
    for old, new in zip(_NUMBER.finditer(page), _NUMBER.finditer(now), strict=True):
        if abs(float(old.group()) - float(new.group())) > _allowed(page, old, new.group()):
            return False
    return True


def _allowed(text: str, number: re.Match[str], other: str) -> float:
    before, after = text[: number.start()][-1:], text[number.end() :][:2]
    if after == " %":
        return 1
    if "." in number.group() or "." in other:
        pixels = number.group().partition(".")[2] in ("", "0") or float(number.group()) > 1.5
        return 2 if pixels else 0.011
    return 2 if before in (",", "x") or after[:1] in (",", "x") else 0
