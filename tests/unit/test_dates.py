"""What people write for a date, and the days that it means."""

from __future__ import annotations

import subprocess
import sys
from datetime import date, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from photosearch.errors import WrongUse
from photosearch.search.dates import period_of

MONDAY = date(2024, 7, 15)  # in the middle of a summer


@pytest.mark.parametrize(
    ("text", "first", "end"),
    [
        ("2021", "2021-01-01", "2022-01-01"),
        ("2021-06", "2021-06-01", "2021-07-01"),
        ("2021-12", "2021-12-01", "2022-01-01"),
        ("2021-06-01", "2021-06-01", "2021-06-02"),
        (" 2021-6-1 ", "2021-06-01", "2021-06-02"),
        ("1.6.2021", "2021-06-01", "2021-06-02"),
        ("13/6/2021", "2021-06-13", "2021-06-14"),
        ("6/13/2021", "2021-06-13", "2021-06-14"),
        ("6/6/2021", "2021-06-06", "2021-06-07"),
        ("the 1990s", "1990-01-01", "2000-01-01"),
        ("today", "2024-07-15", "2024-07-16"),
        ("Yesterday", "2024-07-14", "2024-07-15"),
        ("last friday", "2024-07-12", "2024-07-13"),
        ("monday", "2024-07-08", "2024-07-09"),
        ("3 weeks ago", "2024-06-24", "2024-07-01"),
        ("2 months ago", "2024-05-01", "2024-06-01"),
        ("this month", "2024-07-01", "2024-08-01"),
        ("last month", "2024-06-01", "2024-07-01"),
        ("last year", "2023-01-01", "2024-01-01"),
        ("june 2021", "2021-06-01", "2021-07-01"),
        ("June", "2024-06-01", "2024-07-01"),
        ("last june", "2024-06-01", "2024-07-01"),
        ("december", "2023-12-01", "2024-01-01"),
        ("1 June 2021", "2021-06-01", "2021-06-02"),
        ("last weekend", "2024-07-13", "2024-07-15"),
        ("summer 2021", "2021-06-01", "2021-09-01"),
        ("the summer of 2021", "2021-06-01", "2021-09-01"),
        ("last summer", "2023-06-01", "2023-09-01"),
        ("this summer", "2024-06-01", "2024-09-01"),
        ("summer", "2024-06-01", "2024-09-01"),
        ("last autumn", "2023-09-01", "2023-12-01"),
        ("winter 2021", "2021-12-01", "2022-03-01"),
        ("winter 2021/22", "2021-12-01", "2022-03-01"),
        ("last winter", "2023-12-01", "2024-03-01"),
        ("christmas 2020", "2020-12-24", "2020-12-27"),
        ("last christmas", "2023-12-24", "2023-12-27"),
        ("new year’s eve 2019", "2019-12-31", "2020-01-01"),
        ("letzten Sommer", "2023-06-01", "2023-09-01"),
        ("vor 3 Wochen", "2024-06-24", "2024-07-01"),
        ("juin 2021", "2021-06-01", "2021-07-01"),
        ("l’été 2021", "2021-06-01", "2021-09-01"),
        ("昨天", "2024-07-14", "2024-07-15"),
        ("去年夏天", "2023-06-01", "2023-09-01"),
        ("2021年夏天", "2021-06-01", "2021-09-01"),
        ("2021年6月", "2021-06-01", "2021-07-01"),
        ("2021年", "2021-01-01", "2022-01-01"),
        ("二〇二一年五月", "2021-05-01", "2021-06-01"),
        ("２０２１年５月３号", "2021-05-03", "2021-05-04"),
        ("2021/5/3", "2021-05-03", "2021-05-04"),
        ("去年五月", "2023-05-01", "2023-06-01"),
        ("前年的夏天", "2022-06-01", "2022-09-01"),
        ("十一月三日", "2023-11-03", "2023-11-04"),
        ("5月3日", "2024-05-03", "2024-05-04"),
        ("三周前", "2024-06-24", "2024-07-01"),
        ("两年前", "2022-01-01", "2023-01-01"),
        ("上個週末", "2024-07-13", "2024-07-15"),
        ("上个夏天", "2023-06-01", "2023-09-01"),
        ("九十年代", "1990-01-01", "2000-01-01"),
        ("2020年圣诞节", "2020-12-24", "2020-12-27"),
        ("先月", "2024-06-01", "2024-07-01"),
    ],
)
def test_periods(text: str, first: str, end: str) -> None:
    assert period_of(text, MONDAY).bounds == (first, end)


@pytest.mark.parametrize(
    ("today", "last", "this"),
    [
        (date(2024, 2, 1), 2023, 2024),
        (date(2024, 6, 1), 2023, 2024),
        (date(2024, 8, 31), 2023, 2024),
        (date(2024, 9, 1), 2024, 2024),
        (date(2024, 12, 31), 2024, 2024),
    ],
)
def test_last_summer_is_over(today: date, last: int, this: int) -> None:
    assert period_of("last summer", today).first == date(last, 6, 1)
    assert period_of("this summer", today).first == date(this, 6, 1)


def test_winter_goes_on_in_january() -> None:
    january = date(2024, 1, 10)
    assert period_of("this winter", january).first == date(2023, 12, 1)
    assert period_of("winter", january).first == date(2023, 12, 1)
    assert period_of("last winter", january).first == date(2022, 12, 1)


def test_winter_of_a_leap_year_ends_with_february() -> None:
    assert period_of("winter 2023", MONDAY).end == date(2024, 3, 1)


NONE = [*"2021-13 2021-02-30 31.2.2020 0000 2020-W10 10 a nonsense a\0b \ud800".split(), "", " "]
NONE += ["at 5", "the 5th", "winter 2021/25", "summer 2021/22", "x" * 10_000]


@pytest.mark.parametrize("text", NONE, ids=lambda text: ascii(text)[:12])
def test_what_is_no_date_is_said_to_be_none(text: str) -> None:
    with pytest.raises(WrongUse, match="is no date") as caught:
        period_of(text, MONDAY)
    assert "last summer" in caught.value.hint
    assert len(str(caught.value)) < 400


def test_a_date_that_may_be_two_days_is_neither() -> None:
    with pytest.raises(WrongUse, match="may be two days") as caught:
        period_of("1/6/2021", MONDAY)
    assert "2021-06-01" in caught.value.hint
    assert "2021-01-06" in caught.value.hint


def test_the_end_of_time() -> None:
    for text in ("9999", "9999-12", "9999-12-31", "winter 9999", "the 9990s"):
        period = period_of(text, MONDAY)
        assert period.end is None
        assert period.bounds[1] > "9999-12-31T23:59:59"


days = st.dates(date(1, 1, 1), date(9998, 12, 31))


@given(day=days)
def test_days_months_and_years_of_any_calendar_day(day: date) -> None:
    text = day.isoformat()
    assert period_of(text).first == day
    assert period_of(text).end == day + timedelta(days=1)
    for part in (text[:7], text[:4]):
        period = period_of(part)
        assert period.end is not None
        first, end = period.bounds
        assert first <= text < end
        assert period.first.isoformat().startswith(part)
        assert not period.end.isoformat().startswith(part)


@given(today=st.dates(date(1990, 1, 1), date(2100, 1, 1)), name=st.sampled_from(["spring", "fall"]))
def test_seasons_on_any_day(today: date, name: str) -> None:
    last, now = period_of(f"last {name}", today), period_of(name, today)
    assert last.end is not None
    assert last.end <= today < date(last.first.year + 2, last.first.month, 1)
    assert now.first <= today
    assert now.first.year - last.first.year in (0, 1)


words = st.sampled_from(
    "last this summer winter june 2021 31 ago weeks in the von christmas 月 年 夏天 / . -".split()
)


@settings(max_examples=300, deadline=None)
@given(st.one_of(st.text(), st.lists(words, max_size=6).map(" ".join)))
def test_any_text_is_a_period_or_wrong_use(text: str) -> None:
    try:
        period = period_of(text, MONDAY)
    except WrongUse:
        return
    assert period.end is None or period.first < period.end
    assert period == period_of(text, MONDAY)


def test_written_dates_need_no_parser_of_words() -> None:
    code = (
        "import sys; from photosearch.search.dates import period_of; "
        "[period_of(one) for one in ('2021', '2021-06', 'last summer', 'christmas')]; "
        "assert 'dateparser' not in sys.modules; "
        "period_of('yesterday'); assert 'dateparser' in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_a_feast_of_this_year_may_be_still_to_come() -> None:
    assert period_of("this christmas", date(2024, 7, 1)).first == date(2024, 12, 24)
    assert period_of("christmas", date(2024, 7, 1)).first == date(2023, 12, 24)


@pytest.mark.parametrize(
    ("today", "text", "first"),
    [
        (date(2024, 7, 10), "this weekend", date(2024, 7, 13)),  # a Wednesday
        (date(2024, 7, 10), "weekend", date(2024, 7, 6)),
        (date(2024, 7, 13), "weekend", date(2024, 7, 13)),  # a Saturday
        (date(2024, 7, 14), "last weekend", date(2024, 7, 6)),
    ],
)
def test_the_weekend_is_the_one_that_has_begun(today: date, text: str, first: date) -> None:
    assert period_of(text, today).first == first
