"""How many examples a random test draws: enough for every day, or what an hour allows.

In: PHOTOSEARCH_LONG_TESTS. What guards against the loss of photos draws the same number always.
"""

from __future__ import annotations

import os


def examples(usual: int, long: int) -> int:
    return long if os.environ.get("PHOTOSEARCH_LONG_TESTS") else usual
