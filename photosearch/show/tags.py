"""Where the tags of boxes go: beside their box, inside the picture, not on top of each other.

In: rectangles of boxes and sizes of tags, the most important first. Out: rectangles of tags.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

Box = tuple[float, float, float, float]  # x0, y0, x1, y1
Size = tuple[int, int]

# What is worse: a tag over another tag, one that hides what its box is about, one over other
# things, one that had to be moved away from its box. A place further down the list is a little
# worse by itself.
_ANY_OVER_TAG, _OVER_TAG, _OVER_OWN, _OVER_OTHERS, _AWAY, _LATER = 4.0, 20.0, 3.0, 0.5, 0.3, 0.02


def place_tags(boxes: Sequence[Box], sizes: Sequence[Size], picture: Size) -> list[Box]:
    """One rectangle a tag, in the order of the boxes."""
    placed: list[Box] = []
    for number, (box, size) in enumerate(zip(boxes, sizes, strict=True)):
        best = min(
            _choices(box, size, picture),
            key=lambda choice: _cost(choice[0], choice[1], number, boxes, placed),
        )
        placed.append(best[0])
    return placed


def _choices(box: Box, size: Size, picture: Size) -> Iterator[tuple[Box, float]]:
    """(rectangle, how much worse it is than the place that people expect)."""
    x0, y0, x1, y1 = box
    width, height = size
    places = [
        (x0, y0 - height),  # on top of the box, as most tools have it
        (x0, y0),
        (x0, y1),
        (x0, y1 - height),
        (x1 - width, y0 - height),
        (x1 - width, y0),
        (x1 - width, y1),
        (x1 - width, y1 - height),
        (x1, y0),
        (x0 - width, y0),
    ]
    # Where the corners are taken: down the sides of the box, then above and below each other.
    steps = [x0, x1 - width, (x0 + x1 - width) / 2]
    places += [(x, y0 + step * height) for step in range(-4, 12) for x in steps]
    for number, (x, y) in enumerate(places):
        left = min(max(x, 0), max(picture[0] - width, 0))
        top = min(max(y, 0), max(picture[1] - height, 0))
        rectangle = (left, top, left + width, top + height)
        moved = (abs(left - x) + abs(top - y) + _gap(rectangle, box)) / max(height, 1)
        yield rectangle, _LATER * number + _AWAY * moved


def _cost(
    tag: Box, before: float, number: int, boxes: Sequence[Box], placed: Sequence[Box]
) -> float:
    area = max(_area(tag), 1.0)
    own = boxes[number]
    cost = before + _OVER_OWN * overlap(tag, own) / max(_area(own), 1.0)
    covered = sum(overlap(tag, other) for other in placed)
    cost += _OVER_TAG * covered / area + (_ANY_OVER_TAG if covered else 0.0)
    others = sum(overlap(tag, other) for at, other in enumerate(boxes[:40]) if at != number)
    return cost + _OVER_OTHERS * min(others / area, 2.0)


def overlap(one: Box, other: Box) -> float:
    """Pixels that two rectangles share."""
    across = min(one[2], other[2]) - max(one[0], other[0])
    down = min(one[3], other[3]) - max(one[1], other[1])
    return max(across, 0.0) * max(down, 0.0)


def _gap(one: Box, other: Box) -> float:
    """How far two rectangles are apart."""
    across = max(one[0] - other[2], other[0] - one[2], 0.0)
    down = max(one[1] - other[3], other[1] - one[3], 0.0)
    return across + down


def _area(box: Box) -> float:
    return (box[2] - box[0]) * (box[3] - box[1])
