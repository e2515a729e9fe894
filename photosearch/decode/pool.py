"""Run work on many items side by side, keep their order, and never run far ahead.

In: a function and a stream of items. Out: the results, in the items' order.
Knows nothing of pixels: the runner hands it what to do. Threads serve, because Pillow's and
libheif's decoders, hashing and file reading all release the interpreter's lock.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
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
) -> Iterator[Out]:
    """Like `map`, with at most `ahead` items begun and not yet taken.

    The bound is what keeps memory flat: each item begun holds a photo's bytes or pixels.
    It is asked for anew with each item, as it may depend on what the first items bring about.
    """
    waiting: deque[Future[Out]] = deque()
    limit = ahead if callable(ahead) else lambda: ahead
    try:
        for item in items:
            waiting.append(pool.submit(work, item))
            if len(waiting) >= limit():
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()
    finally:
        for future in waiting:
            future.cancel()
