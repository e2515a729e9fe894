"""Work side by side, in order, never far ahead."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from photosearch.ordered import ordered_map


@pytest.fixture(scope="module")
def pool() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(4) as executor:
        yield executor


@settings(deadline=None, max_examples=25)
@given(delays=st.lists(st.integers(0, 3), max_size=12), ahead=st.integers(1, 8))
def test_results_come_in_the_items_order(
    pool: ThreadPoolExecutor, delays: list[int], ahead: int
) -> None:
    def work(item: tuple[int, int]) -> int:
        time.sleep(item[1] / 1000)
        return item[0]

    assert list(ordered_map(work, enumerate(delays), pool=pool, ahead=ahead)) == list(
        range(len(delays))
    )


@pytest.mark.parametrize("ahead", [1, 3])
def test_no_more_than_ahead_are_begun(pool: ThreadPoolExecutor, ahead: int) -> None:
    drawn = 0

    def items() -> Iterator[int]:
        nonlocal drawn
        for number in range(50):
            drawn += 1
            yield number

    results = ordered_map(lambda number: number, items(), pool=pool, ahead=ahead)
    assert drawn == 0
    for taken, _ in enumerate(results, start=1):
        assert drawn - taken < ahead


def test_items_do_run_side_by_side(pool: ThreadPoolExecutor) -> None:
    both = threading.Barrier(2, timeout=10)
    work = ordered_map(lambda _: both.wait() in (0, 1), range(2), pool=pool, ahead=2)
    assert list(work) == [True, True]


def test_an_error_comes_in_its_items_place(pool: ThreadPoolExecutor) -> None:
    results = ordered_map(lambda number: 12 // number, [3, 2, 0, 1], pool=pool, ahead=4)
    assert [next(results), next(results)] == [4, 6]
    with pytest.raises(ZeroDivisionError):
        next(results)


def test_leaving_early_calls_off_what_has_not_begun() -> None:
    go = threading.Event()
    begun = []

    def work(number: int) -> int:
        begun.append(number)
        if number:
            go.wait(10)
        return number

    with ThreadPoolExecutor(1) as single:
        results = ordered_map(work, range(10), pool=single, ahead=5)
        assert next(results) == 0
        results.close()  # type: ignore[attr-defined]
        go.set()
    assert set(begun) <= {0, 1}
