"""Why a photo is a hit, in words.

In: a Hit. Out: one short text. For a person: reads "MIDI KEYBOARD", 98 % sure; looks like it, 45 %
sure. For a pipe or an assistant, with all figures: reads "MIDI KEYBOARD" (0.98) at 251,233 362x158,
looks like 45 %.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from photosearch.records import Hit
from photosearch.show.text import counted, printable, shorten

_LONGEST_LINE = 40
# Points that agree, below which two things may only have lettering or a pattern in common: two
# signs of one typeface had 12, unrelated streets up to 21 (true covers mostly far more).
_SURELY_THE_SAME = 20


def percent(share: float | None) -> str:
    """93 %; <1 % instead of a nought that is none; "-" where nothing was judged."""
    if share is None:
        return "-"
    return "<1 %" if 0 < share < 0.005 else f"{100 * share:.0f} %"


def reason_in_words(hit: Hit) -> str:
    """The evidence as a person is told it; "weak:" before it where the hit hardly matches.

    Hits stand in the order of their likeness, and how sure each is does not fall evenly: a bare
    figure before each line would read like a mistake in the order. Of an example's likeness nothing
    is said but by the order: its cosines do not tell a right hit from a wrong one.
    """
    return _with_weakness("; ".join(_parts_in_words(hit)), hit)


def _parts_in_words(hit: Hit) -> Iterator[str]:
    reads, looks = hit.evidence.get("reads"), hit.evidence.get("looks_like")
    same = hit.evidence.get("geometry")
    if same:
        yield same_thing(same)
    if reads:
        yield f"reads {_read(reads)}{_more(reads)}" + _sure(reads["confidence"])
    judged = looks.get("relevance") if looks and _counts(looks, reads) else None
    if judged is not None:
        yield f"looks like it, {percent(judged)} sure"
    if hit.evidence.get("region"):
        yield "a part of it fits best"


def same_thing(same: dict[str, Any]) -> str:
    """Whether a photo shows the very thing of an example, by the points that agree."""
    return "shows the same thing" if _is_sure(same) else "may show the same thing"


def _sure(confidence: float) -> str:
    return "" if confidence >= 0.995 else f", {percent(confidence)} sure"


def reason(hit: Hit) -> str:
    """The evidence with its figures; "weak:" before it where the hit hardly matches."""
    return _with_weakness(", ".join(_parts(hit)), hit)


def _parts(hit: Hit) -> Iterator[str]:
    reads, looks = hit.evidence.get("reads"), hit.evidence.get("looks_like")
    same, region = hit.evidence.get("geometry"), hit.evidence.get("region")
    if same:
        sure = "" if _is_sure(same) else "perhaps the "
        yield f"{sure}same thing: {same['inliers']} points agree"
    if reads:
        where = f"({reads['confidence']:.2f}) at {_where(reads['box'])}"
        yield f"reads {_read(reads)} {where}{_more(reads)}"
    if looks and _counts(looks, reads):
        judged = looks.get("relevance")
        figure = f"(cosine {looks['cosine']:.2f})" if judged is None else percent(judged)
        yield f"looks like {figure}"
    if region:
        x0, y0, x1, y1 = region["box"]
        yield f"best part at {x0},{y0} {x1 - x0}x{y1 - y0}"


def _with_weakness(text: str, hit: Hit) -> str:
    return f"weak: {text}" if text and hit.is_weak else text


def _is_sure(same: dict[str, Any]) -> bool:
    return bool(same["inliers"] >= _SURELY_THE_SAME)


def _counts(looks: dict[str, Any], reads: dict[str, Any] | None) -> bool:
    """Whether looks made this a hit, or nothing else did."""
    return looks["rank"] is not None or not reads


def _read(reads: dict[str, Any]) -> str:
    return f'"{shorten(printable(reads["text"]), _LONGEST_LINE)}"'


def _more(reads: dict[str, Any]) -> str:
    more = len(reads["lines"]) - 1
    return f" and {counted(more, 'more line', 'more lines')}" if more else ""


def _where(box: Sequence[Sequence[float]]) -> str:
    """Left, top, width and height of a box, in pixels."""
    left, top = (min(corner[axis] for corner in box) for axis in (0, 1))
    right, bottom = (max(corner[axis] for corner in box) for axis in (0, 1))
    return f"{left:.0f},{top:.0f} {right - left:.0f}x{bottom - top:.0f}"
