"""Colours that people with any colour vision tell apart, and that can be read.

In: labels, in the order in which they were asked for. Out: one colour a label, and the colour of
text that stands on it.
"""

from __future__ import annotations

from collections.abc import Iterable

Colour = tuple[int, int, int]

BLACK: Colour = (0, 0, 0)
WHITE: Colour = (255, 255, 255)

# The palette of Okabe and Ito (Color Universal Design, 2008; in Wong, Nature Methods 8:441, 2011)
# without black, which outlines need: chosen to be told apart with normal colour vision and with
# protanopia, deuteranopia and tritanopia. In an order that sets neighbours far apart. Each has a
# contrast of 4 or more to black, and of 5 or more to the text that stands on it.
PALETTE: tuple[Colour, ...] = (
    (230, 159, 0),  # orange
    (86, 180, 233),  # sky blue
    (240, 228, 66),  # yellow
    (213, 94, 0),  # vermillion
    (0, 158, 115),  # bluish green
    (204, 121, 167),  # reddish purple
    (0, 114, 178),  # blue
)


class Colours:
    """Which label has which colour: the same in every picture of a run."""

    def __init__(self, labels: Iterable[str] = ()) -> None:
        self._known: dict[str, Colour] = {}
        for label in labels:
            self.of(label)

    def of(self, label: str) -> Colour:
        """More labels than colours share them: the tags say which is which."""
        return self._known.setdefault(label, PALETTE[len(self._known) % len(PALETTE)])


def contrast(one: Colour, other: Colour) -> float:
    """From 1 to 21, as WCAG 2.2 defines it; text needs 4.5."""
    lighter, darker = sorted((_luminance(one), _luminance(other)), reverse=True)
    return (lighter + 0.05) / (darker + 0.05)


def text_on(ground: Colour) -> Colour:
    """Black or white, whichever is read better."""
    return max((BLACK, WHITE), key=lambda colour: contrast(colour, ground))


def _luminance(colour: Colour) -> float:
    red, green, blue = (
        part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4
        for part in (channel / 255 for channel in colour)
    )
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue
