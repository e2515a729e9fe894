"""FAISS on one thread, for one search or one building.

FAISS's threads wait for each other by spinning: on a busy machine two took 2 to 20 times as long as
one to search, and 4 times the CPU seconds to learn a quantiser.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import faiss


@contextmanager
def one_thread() -> Iterator[None]:
    """Within, FAISS works on the calling thread alone."""
    threads = faiss.omp_get_max_threads()
    faiss.omp_set_num_threads(1)
    try:
        yield
    finally:
        faiss.omp_set_num_threads(threads)
