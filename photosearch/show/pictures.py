"""Pictures in a terminal, by the best way that it is known to have.

In: an image, the way, a width in columns. Out: text to be written to the terminal as it is. The
ways: kitty's graphics protocol, iTerm2's inline images, sixels, and everywhere else two pixels a
character by U+2580, in 24-bit or 256 colours. What a terminal can is told from the environment
alone: asking it means reading what a person may be typing at that moment.
"""

from __future__ import annotations

import base64
import io
import os
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from photosearch.errors import WrongUse

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from PIL import Image

WAYS = ("auto", "kitty", "iterm", "sixel", "blocks", "none")

_KITTY_CHUNK = 4096  # base64 characters, the most that the protocol allows
_CELL = (10, 20)  # pixels of a character where the terminal does not say
_ST = "\033\\"
_HALF = "\u2580"  # the upper half in the foreground's colour, the lower in the background's
_LOWER_HALF = "\u2584"


@dataclass(frozen=True, slots=True)
class Terminal:
    """What a terminal can show, and how large it is."""

    way: str  # one of WAYS but "auto"
    columns: int = 80
    rows: int = 24
    cell: tuple[int, int] = _CELL  # pixels of a character
    true_colour: bool = True  # 24-bit colours, else the 256 of xterm
    wrapped: bool = False  # tmux stands between

    def size(self, width: int, height: int) -> tuple[int, int]:
        """Pixels that a picture is to have here: its own proportions, and room left for text."""
        columns, rows = max(min(self.columns - 1, 100), 1), max(min(self.rows * 2 // 3, 30), 1)
        cell = (1, 2) if self.way == "blocks" else self.cell
        scale = min(columns * cell[0] / width, rows * cell[1] / height)
        if self.way != "blocks":
            scale = min(scale, 1.0)  # a small photo is not blown up
        return max(round(width * scale), 1), max(round(height * scale), 1)


def this_terminal(way: str, stream: object, environ: Mapping[str, str] = os.environ) -> Terminal:
    """The terminal that a stream leads to, with what it can ("auto") or the way as named."""
    check_way(way)
    descriptor = _descriptor(stream)
    if way == "auto":
        way = "none" if descriptor is None else best_way(environ)
        if way == "blocks" and "utf" not in (getattr(stream, "encoding", "") or "").lower():
            way = "none"
    columns, rows, cell = _measures(descriptor, environ)
    return Terminal(
        way,
        columns,
        rows,
        cell,
        true_colour=_has_true_colour(environ),
        wrapped="TMUX" in environ,
    )


def check_way(way: str) -> None:
    """Whether it is one of WAYS; raises WrongUse."""
    if way not in WAYS:
        raise WrongUse(f"--preview {way!r} is no way to show a picture", hint=", ".join(WAYS))


def best_way(environ: Mapping[str, str]) -> str:
    """What the terminal of this environment is known to show."""
    term = environ.get("TERM", "")
    program = environ.get("TERM_PROGRAM", "")
    if term in ("", "dumb", "unknown") or environ.get("NO_COLOR"):
        return "none"
    # Multiplexers keep the variables of the terminal that they were started in, but do not hand
    # pictures through unless they are told to; and may be attached to another one now.
    if "TMUX" in environ or "STY" in environ or term.startswith(("tmux", "screen")):
        return _blocks(environ)
    if term in ("xterm-kitty", "xterm-ghostty") or program == "ghostty":
        return "kitty"
    if "KITTY_WINDOW_ID" in environ or _number(environ.get("KONSOLE_VERSION")) >= 220400:
        return "kitty"
    if program in ("iTerm.app", "WezTerm", "mintty") or environ.get("LC_TERMINAL") == "iTerm2":
        return "iterm"
    if term.startswith(("foot", "mlterm", "contour", "yaft")) or "MLTERM" in environ:
        return "sixel"
    return _blocks(environ)


def render(image: Image.Image, terminal: Terminal, cells: tuple[int, int] | None = None) -> str:
    """A picture of the terminal's `size`, with the line ends that it needs.

    What is transparent (RGBA) is not drawn. cells: columns and rows that it is to fill; kitty and
    iTerm2 keep to them whatever the size of their characters.
    """
    if terminal.way == "none":
        return ""
    if terminal.way == "blocks":
        return _as_blocks(image, terminal.true_colour)
    if terminal.way == "sixel":
        from photosearch.show.sixel import sixels

        return sixels(image) + "\n"  # tmux knows sixels itself, since 3.4
    file = io.BytesIO()
    kept = image if image.mode == "RGBA" else image.convert("RGB")
    kept.save(file, "PNG", compress_level=3)
    data = base64.b64encode(file.getvalue()).decode("ascii")
    if terminal.way == "kitty":
        parts = _kitty(data, f"c={cells[0]},r={cells[1]}," if cells else "")
    else:
        size = cells or (f"{image.width}px", f"{image.height}px")
        parts = _iterm(data, len(file.getvalue()), *size)
    return "".join(map(_through_tmux, parts) if terminal.wrapped else parts) + "\n"


def _kitty(data: str, size: str) -> list[str]:
    """f=100: a PNG; a=T: show it now; q=2: no answer, which would look like typing."""
    chunks = [data[at : at + _KITTY_CHUNK] for at in range(0, len(data), _KITTY_CHUNK)]
    parts = []
    for number, chunk in enumerate(chunks):
        keys = f"a=T,f=100,q=2,{size}" if number == 0 else "q=2,"
        parts.append(f"\033_G{keys}m={int(number + 1 < len(chunks))};{chunk}{_ST}")
    return parts


def _iterm(data: str, size: int, width: str | int, height: str | int) -> list[str]:
    keys = f"inline=1;size={size};width={width};height={height}"
    return [f"\033]1337;File={keys};preserveAspectRatio=1:{data}\a"]


def _through_tmux(part: str) -> str:
    """Handed on by tmux to its own terminal, where `allow-passthrough` is on."""
    return "\033Ptmux;" + part.replace("\033", "\033\033") + _ST


def _as_blocks(image: Image.Image, true_colour: bool) -> str:
    import numpy as np

    pixels = np.asarray(image.convert("RGB"), np.int64)
    seen = np.asarray(image.convert("RGBA").getchannel("A")) > 127
    if len(pixels) % 2:  # the last line of characters has an upper half alone
        pixels = np.concatenate([pixels, pixels[-1:]])
        seen = np.concatenate([seen, seen[-1:]])
    if true_colour:
        codes = [[f"2;{r};{g};{b}" for r, g, b in row] for row in pixels.tolist()]
    else:
        codes = [[f"5;{code}" for code in row] for row in _xterm_codes(pixels).tolist()]
    shown = [
        [code if is_seen else "" for code, is_seen in zip(*row, strict=True)]
        for row in zip(codes, seen.tolist(), strict=True)
    ]
    lines = []
    for above, below in zip(shown[::2], shown[1::2], strict=True):
        line, before = [], ""
        for upper, lower in zip(above, below, strict=True):
            colours, char = _cell(upper, lower)
            line.append((colours if colours != before else "") + char)
            before = colours
        lines.append("".join(line) + "\033[0m\n")
    return "".join(lines)


def _cell(upper: str, lower: str) -> tuple[str, str]:
    """(colours, character) of two pixels, one above the other; "" is a pixel that is not seen."""
    if upper and lower:
        return f"\033[38;{upper};48;{lower}m", _HALF
    if upper or lower:
        return f"\033[0;38;{upper or lower}m", _HALF if upper else _LOWER_HALF
    return "\033[0m", " "


def _xterm_codes(pixels: NDArray[np.int64]) -> NDArray[np.int64]:
    """The nearest of xterm's 256 colours: of the cube of 6 levels (16-231) or the greys after."""
    import numpy as np

    levels = np.array([0, 95, 135, 175, 215, 255])
    steps = np.abs(pixels[..., None] - levels).argmin(-1)
    cube = 16 + steps @ np.array([36, 6, 1])
    grey_steps = np.clip((pixels.mean(-1) - 3) // 10, 0, 23).astype(np.int64)
    greys = (8 + 10 * grey_steps)[..., None]
    nearer = np.abs(pixels - greys).sum(-1) < np.abs(pixels - levels[steps]).sum(-1)
    return np.asarray(np.where(nearer, 232 + grey_steps, cube), np.int64)


def swatch(colour: tuple[int, int, int], terminal: Terminal) -> str:
    """Two cells of a colour, to say which line of text is about which box; "" where it cannot."""
    if terminal.way == "none":
        return ""
    if terminal.true_colour:
        return "\033[48;2;{};{};{}m  \033[0m ".format(*colour)
    import numpy as np

    return f"\033[48;5;{_xterm_codes(np.array([colour])).item()}m  \033[0m "


def _blocks(environ: Mapping[str, str]) -> str:
    return "blocks" if _has_true_colour(environ) or "256" in environ.get("TERM", "") else "none"


def _has_true_colour(environ: Mapping[str, str]) -> bool:
    return environ.get("COLORTERM", "").lower() in ("truecolor", "24bit") or "WT_SESSION" in environ


def _number(text: str | None) -> int:
    return int(text) if text and text.isdecimal() else 0


def _descriptor(stream: object) -> int | None:
    """The number of a stream that leads to a terminal."""
    try:
        descriptor = int(stream.fileno())  # type: ignore[attr-defined]
        return descriptor if os.isatty(descriptor) else None
    except (AttributeError, OSError, ValueError):
        return None


def _measures(
    descriptor: int | None, environ: Mapping[str, str]
) -> tuple[int, int, tuple[int, int]]:
    """Columns, rows, and pixels of a character."""
    import struct

    columns, rows, width, height = 80, 24, 0, 0
    try:
        import fcntl
        import termios

        if descriptor is not None:
            answer = fcntl.ioctl(descriptor, termios.TIOCGWINSZ, bytes(8))
            rows, columns, width, height = struct.unpack("4H", answer)
    except (ImportError, OSError):  # Windows; not a terminal after all
        import shutil

        columns, rows = shutil.get_terminal_size()
    cell = (width // columns, height // rows) if columns and rows else (0, 0)
    columns = _number(environ.get("COLUMNS")) or columns or 80
    return columns, rows or 24, cell if cell[0] >= 4 and cell[1] >= 4 else _CELL
