"""Dates in Chinese words → the forms that `dates` reads of any language.

In: `去年五月`, `二〇二一年夏天`, `三周前`, `上個週末`; today. Out: `2025-5`, `夏天 2021`,
`3 weeks ago`, `last weekend`; any other text as it was. The package dateparser knows some of them,
takes 0.3 s to be imported, and reads 2021年 as the year 5, and 11月3日 as March 2011.
"""

from __future__ import annotations

import re
from datetime import date

_SIMPLIFIED = str.maketrans("週個兩號聖誕節禮這萬の〇○", "周个两号圣诞节礼这万的零零")
_DIGITS = {char: number for number, char in enumerate("零一二三四五六七八九")} | {"两": 2}
_NUMERAL = re.compile(r"[零一二两三四五六七八九十]+(?=个?(?:年|月|日|号|天|周|星期|礼拜))")
_UNITS = {
    "天": "day", "日": "day", "周": "week", "星期": "week", "礼拜": "week", "月": "month",
    "年": "year", "周末": "weekend",
}  # fmt: skip
_YEARS_AGO = {"今年": 0, "去年": 1, "前年": 2}
_FEASTS = {
    "圣诞": "christmas", "圣诞节": "christmas", "万圣节": "halloween", "元旦": "new year",
    "情人节": "valentine's day",
}  # fmt: skip
_WHICH = {"上": "last", "先": "last", "这": "this", "本": "this", "今": "this"}


def translated(text: str, today: date) -> str:
    """A date in Chinese in other words."""
    if not re.search("[\u4e00-\u9fff]", text):
        return text
    plain = _NUMERAL.sub(lambda match: str(_number(match[0])), text.translate(_SIMPLIFIED))
    match = re.fullmatch("([0-9]+)个?(天|日|周|星期|礼拜|月|年)以?前", plain)
    if match is not None:
        return f"{match[1]} {_UNITS[match[2]]}s ago"
    match = re.fullmatch("([0-9]{3}0|[0-9]0)年代", plain)
    if match is not None:
        century = "" if len(match[1]) == 4 else "19" if match[1] >= "30" else "20"
        return f"{century}{match[1]}s"
    match = re.fullmatch(
        "([上先这本]|今(?=[周月]))个?(周末|周|星期|礼拜|月|[春夏秋冬][天季]?)", plain
    )
    if match is not None:
        return f"{_WHICH[match[1]]} {_UNITS.get(match[2], match[2])}"
    match = re.fullmatch("(?:([0-9]{4})年?|([今去前]年))的?(.*)", plain)
    if match is not None:
        return _in_year(match[1] or str(today.year - _YEARS_AGO[match[2]]), match[3].strip())
    match = re.fullmatch("([0-9]{1,2})月(?:份|([0-9]{1,2})[日号])?", plain)
    if match is not None:  # the most recent one
        month, day = int(match[1]), int(match[2] or 1)
        return _in_year(str(today.year - ((month, day) > (today.month, today.day))), plain)
    return _FEASTS.get(plain) or _UNITS.get(plain) or plain


def _in_year(year: str, part: str) -> str:
    """A month, a day, a feast or a season of a year, or all of it."""
    match = re.fullmatch("([0-9]{1,2})月(?:份|([0-9]{1,2})[日号]?)?", part)
    if match is not None:
        return "-".join(filter(None, (year, match[1], match[2])))
    return f"{_FEASTS.get(part, part)} {year}".strip()


def _number(numeral: str) -> int:
    """十二 is 12, 二〇二一 2021."""
    tens, ten, ones = numeral.rpartition("十")
    if ten:
        return 10 * (_DIGITS.get(tens, 1) if tens else 1) + _DIGITS.get(ones, 0)
    return int("".join(str(_DIGITS[char]) for char in numeral))
