"""Bursts: photos that one camera took within seconds of each other, and that look alike.

In: moments, cameras, vectors. Out: sequences of photo ids, in the order of time. The frames of a
burst are different photos: they are shown together, and never called copies of each other.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

# Between one frame and the next.
LONGEST_PAUSE = timedelta(seconds=2)
# Copies that say another time within the hour are other shots, unless the clock was put right by
# quarters of an hour, as time zones differ.
_SAME_SESSION = timedelta(hours=1)
_ZONE_STEP = 15 * 60


@dataclass(frozen=True, slots=True)
class Shot:
    """When and with what a photo was taken."""

    photo_id: int
    taken_at: str  # ISO 8601
    camera: tuple[str | None, str | None]  # make and model


def moment(taken_at: str | None) -> datetime | None:
    """The wall-clock time of the place; the offset only says where that was."""
    try:
        return datetime.fromisoformat(taken_at).replace(tzinfo=None) if taken_at else None
    except ValueError:
        return None


def sequences(shots: Iterable[Shot], alike: Callable[[int, int], bool]) -> list[list[int]]:
    """Sequences of two photos or more; alike: whether two neighbours look alike."""
    by_camera: dict[tuple[str | None, str | None], list[tuple[datetime, int]]] = {}
    for shot in shots:
        at = moment(shot.taken_at)
        if at is not None and shot.camera[1]:
            by_camera.setdefault(shot.camera, []).append((at, shot.photo_id))
    found: list[tuple[datetime, list[int]]] = []
    for frames in by_camera.values():
        frames.sort()
        current: list[int] = []
        last = first = datetime.min
        for at, photo_id in frames:
            if current and at - last <= LONGEST_PAUSE and alike(current[-1], photo_id):
                current.append(photo_id)
            else:
                found.append((first, current))
                current, first = [photo_id], at
            last = at
        found.append((first, current))
    return [frames for _, frames in sorted(found) if len(frames) > 1]


def are_other_shots(one: str | None, other: str | None) -> bool:
    """Whether the times that two files name tell that they are two exposures of one session.

    Times that are hours or years apart tell nothing: tools write the day of editing there.
    """
    first, second = moment(one), moment(other)
    if first is None or second is None:
        return False
    if not (first.microsecond and second.microsecond):  # a tool may drop the fraction
        first, second = first.replace(microsecond=0), second.replace(microsecond=0)
    apart = abs(first - second)
    return timedelta(0) < apart <= _SAME_SESSION and apart.total_seconds() % _ZONE_STEP != 0
