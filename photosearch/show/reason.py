"""Why a photo is a hit, in words.

In: a Hit. Out: one short text, such as: reads "MIDI KEYBOARD" (0.98), looks like 93 %.
"""

from __future__ import annotations

from photosearch.records import Hit
from photosearch.show.text import printable, shorten

_LONGEST_LINE = 40


def percent(share: float | None) -> str:
    """93 %; <1 % instead of a nought that is none; "-" where nothing was judged."""
    if share is None:
        return "-"
    return "<1 %" if 0 < share < 0.005 else f"{100 * share:.0f} %"


def reason(hit: Hit) -> str:
    """The evidence in words; "weak:" before it where the hit hardly matches."""
    parts = []
    reads = hit.evidence.get("reads")
    looks = hit.evidence.get("looks_like")
    if reads:
        line = shorten(printable(reads["text"]), _LONGEST_LINE)
        more = len(reads["lines"]) - 1
        parts.append(
            f'reads "{line}" ({reads["confidence"]:.2f})'
            + (f" and {more} more {'line' if more == 1 else 'lines'}" if more else "")
        )
    if looks and (looks["rank"] is not None or not reads):
        judged = looks.get("relevance")
        parts.append("looks like" + (f" {percent(judged)}" if judged is not None else ""))
    text = ", ".join(parts)
    return f"weak: {text}" if text and hit.is_weak else text
