"""Run work on many items side by side, keep their order, and never run far ahead.

In: a function and a stream of items. Out: the results, in the items' order.
Knows nothing of what the work is: the runner hands it what to do.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Generator, Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

In = TypeVar("In")
Out = TypeVar("Out")


def ordered_map(
    work: Callable[[In], Out],
    items: Iterable[In],
    *,
    pool: ThreadPoolExecutor,
    ahead: int | Callable[[], int],
    weight: Callable[[In], int] = lambda item: 0,
    most: int = 0,
) -> Generator[Out]:
    """Like `map`, with at most `ahead` items begun and not yet taken.

    The bounds are what keeps memory flat: each item begun holds a photo's bytes or pixels. `ahead`
    is asked for anew with each item, as it may depend on what the first items bring about. Beside
    it the weights of the items begun add up to no more than `most`; an item that is heavier is
    worked on alone.
    """
    waiting: deque[tuple[Future[Out], int]] = deque()
    held = 0
    limit = ahead if callable(ahead) else lambda: ahead
    try:
        for item in items:
            heavy = weight(item)
            while waiting and held + heavy > most:
                future, freed = waiting.popleft()
                held -= freed
                yield future.result()
            waiting.append((pool.submit(work, item), heavy))
            held += heavy
            if len(waiting) >= limit():
                future, freed = waiting.popleft()
                held -= freed
                yield future.result()
        while waiting:
            yield waiting.popleft()[0].result()
    finally:
        for future, _ in waiting:
            future.cancel()
