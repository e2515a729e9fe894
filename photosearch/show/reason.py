"""Why a photo is a hit, in words.

In: a Hit. Out: one short text, such as: reads "MIDI KEYBOARD" (0.98) at 251,233 362x158, looks like
93 %.
"""

from __future__ import annotations

from collections.abc import Sequence

from photosearch.records import Hit
from photosearch.show.text import printable, shorten

_LONGEST_LINE = 40
# Points that agree, below which two things may only have lettering or a pattern in common: two
# signs of one typeface had 12, unrelated streets up to 21 (true covers mostly far more).
_SURELY_THE_SAME = 20


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
    same = hit.evidence.get("geometry")
    if same:
        sure = "" if same["inliers"] >= _SURELY_THE_SAME else "perhaps the "
        parts.append(f"{sure}same thing: {same['inliers']} points agree")
    if reads:
        line = shorten(printable(reads["text"]), _LONGEST_LINE)
        more = len(reads["lines"]) - 1
        parts.append(
            f'reads "{line}" ({reads["confidence"]:.2f}) at {_where(reads["box"])}'
            + (f" and {more} more {'line' if more == 1 else 'lines'}" if more else "")
        )
    if looks and (looks["rank"] is not None or not reads):
        judged = looks.get("relevance")
        figure = f"(cosine {looks['cosine']:.2f})" if judged is None else percent(judged)
        parts.append(f"looks like {figure}")
    region = hit.evidence.get("region")
    if region:
        x0, y0, x1, y1 = region["box"]
        parts.append(f"best part at {x0},{y0} {x1 - x0}x{y1 - y0}")
    text = ", ".join(parts)
    return f"weak: {text}" if text and hit.is_weak else text


def _where(box: Sequence[Sequence[float]]) -> str:
    """Left, top, width and height of a box, in pixels."""
    left, top = (min(corner[axis] for corner in box) for axis in (0, 1))
    right, bottom = (max(corner[axis] for corner in box) for axis in (0, 1))
    return f"{left:.0f},{top:.0f} {right - left:.0f}x{bottom - top:.0f}"
