"""What people write for a date → the days that it means.

In: `2021`, `2021-06`, `2021-06-01`, `last summer`, `christmas 2020`, `vor drei Wochen`. Out: a
Period. Today is an argument, so that a test can say which day it is. The forms that scripts write
are read here; only for other words `dateparser` is imported (0.3 s with its languages).
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import lru_cache
from typing import NoReturn

from photosearch.errors import WrongUse
from photosearch.search.chinese_dates import translated

HINT = (
    "dates are written 2024, 2024-06 or 2024-06-01, or in words: yesterday, last summer, "
    '"june 2021", "3 weeks ago"'
)
_LONGEST = 60  # characters: no date is longer, and dateparser takes its time with what is

# Languages whose dates are read, the most widely spoken first. Asking all 200 that dateparser knows
# takes 1.9 s for a text that is none; these 0.2 s.
_LANGUAGES = ["en", "zh", "es", "fr", "de", "pt", "it", "ja", "ru", "nl", "pl", "ko", "tr", "sv"]

# Meteorological seasons of the northern hemisphere, by the month in which they begin.
_SEASONS = {
    3: "spring frühling frühjahr printemps primavera lente 春 春天 春季 весна",
    6: "summer sommer été ete verano verão estate zomer 夏 夏天 夏季 лето",
    9: "autumn fall herbst automne otoño outono autunno herfst 秋 秋天 秋季 осень",
    12: "winter hiver invierno inverno 冬 冬天 冬季 зима",
}
_SEASON_OF = {name: month for month, names in _SEASONS.items() for name in names.split()}
_LAST = set(
    "last past previous letzter letzten letztes letzte vergangenen dernier dernière pasado pasada "
    "passado passada scorso scorsa afgelopen vorige прошлым прошлое".split()
)
_THIS = set("this current diesen dieser dieses cet cette este questo deze".split())
# Between the words of a date: "the summer of 2021", "im Sommer 2021", "été de 2021".
_FILLERS = set("the of in im l' der den de en el la le del da do von".split())

# Days that many people photograph: (month, day) of the first and the last.
_FEASTS = {
    "christmas": ((12, 24), (12, 26)),
    "xmas": ((12, 24), (12, 26)),
    "weihnachten": ((12, 24), (12, 26)),
    "noël": ((12, 24), (12, 26)),
    "halloween": ((10, 31), (10, 31)),
    "new year's eve": ((12, 31), (12, 31)),
    "new years eve": ((12, 31), (12, 31)),
    "silvester": ((12, 31), (12, 31)),
    "new year": ((1, 1), (1, 1)),
    "new year's day": ((1, 1), (1, 1)),
    "valentine's day": ((2, 14), (2, 14)),
}


@dataclass(frozen=True, slots=True)
class Period:
    """Days one after the other: the first, and the one after the last (None: time ends before)."""

    first: date
    end: date | None

    @property
    def bounds(self) -> tuple[str, str]:
        """The two as texts that compare with ISO 8601 times as the days do."""
        return self.first.isoformat(), self.end.isoformat() if self.end else "~"


def first_day(text: str) -> date:
    """The first day of a date, a month or a year: 2024-06-01, 2024-06, 2024."""
    return (_written(text.strip()) or _refuse(text)).first


def period_of(text: str, today: date | None = None) -> Period:
    """The days that a text means: of "last summer" the most recent summer that is over."""
    today = today or date.today()
    return _period_of(text, today)


@lru_cache(maxsize=256)
def _period_of(text: str, today: date) -> Period:
    plain = " ".join(unicodedata.normalize("NFKC", text).casefold().replace("’", "'").split())
    if not plain or len(plain) > _LONGEST or not plain.isprintable():
        _refuse(text)
    plain = translated(plain, today)
    try:
        for read in _READERS:
            found = read(plain, today)
            if found is not None:
                return found
        _refuse(text)
    except (ValueError, OverflowError):  # a 31st of February, a year past 9999
        _refuse(text)


def _refuse(text: str) -> NoReturn:
    shown = text if len(text) <= _LONGEST else text[:_LONGEST] + "…"
    raise WrongUse(f"{shown!r} is no date", hint=HINT)


def _written(plain: str, today: date | None = None) -> Period | None:
    """2024, 2024-06, 2024-06-01."""
    match = re.fullmatch(r"([0-9]{4})(?:-([0-9]{1,2})(?:-([0-9]{1,2}))?)?", plain)
    if match is None:
        return None
    year, month, day = (int(part) if part else None for part in match.groups())
    try:
        return _days(year or 0, month, day)
    except ValueError:
        return None


def _days(year: int, month: int | None = None, day: int | None = None) -> Period:
    """A year, a month or a day."""
    first = date(year, month or 1, day or 1)
    if day:
        return Period(first, _day_after(first))
    months = 1 if month else 12
    return Period(first, _month_after(first, months))


def _day_after(day: date) -> date | None:
    return day + timedelta(days=1) if day < date.max else None


def _month_after(first: date, months: int) -> date | None:
    years, month = divmod(first.month - 1 + months, 12)
    return date(first.year + years, month + 1, 1) if first.year + years <= 9999 else None


def _with_signs(plain: str, today: date) -> Period | None:
    """1.6.2021 is the first of June; 1/6/2021 may be either, so only what cannot is taken.

    2021/6/1 and 2021.6.1, as East Asia writes it, can only be one.
    """
    match = re.fullmatch(r"([0-9]{4})([./])([0-9]{1,2})\2([0-9]{1,2})", plain)
    if match is not None:
        return _days(int(match[1]), int(match[3]), int(match[4]))
    match = re.fullmatch(r"([0-9]{1,2})([./-])([0-9]{1,2})\2([0-9]{4})", plain)
    if match is None:
        return None
    one, two, year = int(match[1]), int(match[3]), int(match[4])
    if match[2] == "." or one > 12 or one == two:
        return _days(year, two, one)
    if two > 12:
        return _days(year, one, two)
    raise WrongUse(
        f"{plain!r} may be two days", hint=f"{_days(year, two, one).first} or "
        f"{_days(year, one, two).first}",
    )  # fmt: skip


def _decade(plain: str, today: date) -> Period | None:
    match = re.fullmatch(r"(?:the )?([0-9]{3}0)'?(?:s|er)", plain)
    if match is None:
        return None
    first = date(int(match[1]), 1, 1)
    return Period(first, _month_after(first, 120))


def _season(plain: str, today: date) -> Period | None:
    """summer, last summer, summer 2021, winter 2021/22."""
    words = [
        word
        for word in re.split(r"[ ,]+", plain.replace("l'", ""))
        if word and word not in _FILLERS
    ]
    months = [_SEASON_OF[word] for word in words if word in _SEASON_OF]
    others = [word for word in words if word not in _SEASON_OF]
    if len(months) != 1 or len(others) > 1:
        return None

    def of(year: int) -> Period:
        first = date(year, months[0], 1)
        return Period(first, _month_after(first, 3))

    if not others:
        return _latest(of, today, lambda period: period.first <= today)
    (other,) = others
    match = re.fullmatch(r"([0-9]{4})(?:[/-]([0-9]{2}|[0-9]{4}))?", other)
    if match is not None:
        year = int(match[1])
        is_next = match[2] is None or int(match[2]) % 100 == (year + 1) % 100
        return of(year) if is_next and (match[2] is None or months[0] == 12) else None
    if other in _LAST:
        return _latest(of, today, lambda period: period.end is not None and period.end <= today)
    if other in _THIS:
        # In January this winter began last year.
        now = _latest(of, today, lambda period: period.first <= today)
        return now if now.end is None or today < now.end else of(today.year)
    return None


def _latest(of: Callable[[int], Period], today: date, holds: Callable[[Period], bool]) -> Period:
    """The most recent of what comes every year."""
    return next(
        period
        for period in (of(today.year - ago) for ago in range(3) if today.year > ago)
        if holds(period)
    )


def _feast(plain: str, today: date) -> Period | None:
    """christmas, last christmas, christmas 2020."""
    name = re.sub(r"^(last|this|the) | (of )?([0-9]{4})$", " ", plain).strip()
    if name not in _FEASTS:
        return None
    (month, day), (last_month, last_day) = _FEASTS[name]

    def of(year: int) -> Period:
        return Period(date(year, month, day), _day_after(date(year, last_month, last_day)))

    match = re.search(r"[0-9]{4}$", plain)
    if match is not None:
        return of(int(match.group()))
    if plain.startswith("this "):
        return of(today.year)
    return _latest(of, today, lambda period: period.first <= today)


def _weekend(plain: str, today: date) -> Period | None:
    if plain not in ("last weekend", "this weekend", "weekend", "the weekend"):
        return None
    monday = today - timedelta(days=today.weekday())
    if plain == "last weekend" or (plain != "this weekend" and today.weekday() < 5):
        monday -= timedelta(days=7)
    return Period(monday + timedelta(days=5), monday + timedelta(days=7))


def _in_words(plain: str, today: date) -> Period | None:
    """What dateparser makes of it; a month or a day without a year is the most recent one."""
    letters = [char for char in plain if char.isalpha()]
    if len(letters) < 3 and all(char.isascii() for char in letters):
        return None  # "10", "at 5": dateparser would find a month
    found = _parsed(plain, today, "relative-time")
    if found is None:
        found = _parsed(re.sub("^(last|this) ", "", plain), today, "absolute-time")
        # "the 5th", "2020-W10": a number by itself is no month, except in 6月.
        alone = re.search(r"(?<![0-9])[0-9]{1,2}(?![0-9])", plain)
        if found is not None and found[1] == "month" and alone and "月" not in plain:
            return None
    if found is None:
        return None
    day, period = found
    if period == "week":
        monday = day - timedelta(days=day.weekday())
        return Period(monday, monday + timedelta(days=7))
    if period in ("year", "month"):
        return _days(day.year, day.month if period == "month" else None)
    return _days(day.year, day.month, day.day)


def _parsed(plain: str, today: date, parser: str) -> tuple[date, str] | None:
    from dateparser.date import DateDataParser

    settings = {
        "RELATIVE_BASE": datetime(today.year, today.month, today.day),
        "PREFER_DATES_FROM": "past",
        "PREFER_DAY_OF_MONTH": "first",
        "PARSERS": [parser],
    }
    try:
        data = DateDataParser(languages=_LANGUAGES, settings=settings).get_date_data(plain)
    except Exception:
        # It raises many kinds on odd texts; that is one more way to be no date.
        return None
    return (data.date_obj.date(), data.period) if data.date_obj else None


_READERS = (_written, _with_signs, _decade, _season, _feast, _weekend, _in_words)
