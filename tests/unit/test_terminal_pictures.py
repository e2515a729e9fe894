"""Pictures in a terminal: what is written is decoded again, as the terminal would do it."""

from __future__ import annotations

import base64
import io
import re

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from photosearch.errors import WrongUse
from photosearch.show.pictures import Terminal, best_way, render, swatch, this_terminal
from photosearch.show.sixel import sixels
from tests.make import difference, picture

KITTY = re.compile(r"\033_G([^;]*);([^\033]*)\033\\")
ITERM = re.compile(r"\033\]1337;File=([^:]*):([^\a]*)\a")
COLOUR = r"(2;\d+;\d+;\d+|5;\d+)"
CELL = re.compile(rf"\033\[38;{COLOUR};48;{COLOUR}m|▀|\033\[0m\n")


def from_kitty(text: str) -> Image.Image:
    chunks = KITTY.findall(text)
    assert KITTY.sub("", text) == "\n"
    keys = [dict(pair.split("=") for pair in keys.split(",")) for keys, _ in chunks]
    assert keys[0]["a"] == "T"
    assert keys[0]["f"] == "100"
    assert all(one["q"] == "2" for one in keys)
    assert [one["m"] for one in keys] == ["1"] * (len(keys) - 1) + ["0"]
    assert all(len(data) <= 4096 and len(data) % 4 == 0 for _, data in chunks)
    return Image.open(io.BytesIO(base64.b64decode("".join(data for _, data in chunks))))


def from_iterm(text: str) -> Image.Image:
    ((keys, data),) = ITERM.findall(text)
    assert "inline=1" in keys.split(";")
    content = base64.b64decode(data)
    assert f"size={len(content)}" in keys.split(";")
    return Image.open(io.BytesIO(content))


def from_sixels(text: str) -> Image.Image:
    """A small reader of what DEC's manual describes."""
    match = re.fullmatch(r'\033P[\d;]*q"1;1;(\d+);(\d+)(.*)\033\\\n?', text, re.DOTALL)
    assert match
    width, height = int(match[1]), int(match[2])
    pixels: NDArray[np.uint8] = np.full((height + 6, width, 3), 77, np.uint8)
    colours: dict[int, tuple[int, ...]] = {}
    x = y = colour = 0
    for define, number, repeat, char, other in re.findall(
        r"#(\d+;2;\d+;\d+;\d+)|#(\d+)|(?:!(\d+))?([?-~])|([$-])", match[3]
    ):
        if define:
            key, _, *parts = map(int, define.split(";"))
            assert all(part <= 100 for part in parts)
            colours[key] = tuple(round(part * 2.55) for part in parts)
        elif number:
            colour = int(number)
        elif char:
            count, bits = int(repeat or 1), ord(char) - 63
            for row in range(6):
                if bits >> row & 1:
                    pixels[y + row, x : x + count] = colours[colour]
            x += count
            assert x <= width
        else:
            x, y = 0, y + (6 if other == "-" else 0)
    return Image.fromarray(pixels[:height])


def from_blocks(text: str) -> Image.Image:
    def rgb(code: str) -> tuple[int, ...]:
        kind, *parts = map(int, code.split(";"))
        if kind == 2:
            return tuple(parts)
        if parts[0] >= 232:
            return (8 + 10 * (parts[0] - 232),) * 3
        levels = (0, 95, 135, 175, 215, 255)
        cube = parts[0] - 16
        return levels[cube // 36], levels[cube // 6 % 6], levels[cube % 6]

    rows: list[list[tuple[int, ...]]] = [[], []]
    colours = ("", "")
    assert CELL.sub("", text) == ""
    for match in CELL.finditer(text):
        if match[1]:
            colours = match[1], match[2]
        elif match[0] == "▀":
            rows[-2].append(rgb(colours[0]))
            rows[-1].append(rgb(colours[1]))
        else:
            rows += [[], []]
    return Image.fromarray(np.array(rows[:-2], np.uint8))


class TestRendering:
    @pytest.mark.parametrize("size", [(1, 1), (64, 48), (301, 199)])
    def test_kitty_and_iterm_get_the_picture_itself(self, size: tuple[int, int]) -> None:
        noise = np.random.default_rng(1).integers(0, 256, (*size[::-1], 3), np.uint8)
        image = Image.fromarray(noise)
        assert difference(from_kitty(render(image, Terminal("kitty"))), image) == 0
        assert difference(from_iterm(render(image, Terminal("iterm"))), image) == 0

    @pytest.mark.parametrize("size", [(1, 1), (64, 48), (301, 199), (7, 13)])
    def test_sixels_are_the_picture_in_few_colours(self, size: tuple[int, int]) -> None:
        image = picture(4, size)
        assert difference(from_sixels(sixels(image)), image) < 2  # steps of a hundredth
        assert difference(from_sixels(render(image, Terminal("sixel"))), image) < 2

    def test_sixels_of_many_colours(self) -> None:
        noise = np.random.default_rng(1).integers(0, 256, (20, 30, 3), np.uint8)
        smooth = Image.fromarray(noise).resize((300, 200), Image.Resampling.BICUBIC)
        found = from_sixels(sixels(smooth))
        assert difference(found, smooth) < 15
        assert found.size == smooth.size

    @pytest.mark.parametrize("size", [(1, 1), (79, 44), (5, 3)])
    def test_blocks(self, size: tuple[int, int]) -> None:
        image = picture(4, size)
        drawn = from_blocks(render(image, Terminal("blocks")))
        assert drawn.size == (size[0], size[1] + size[1] % 2)
        assert difference(drawn.crop((0, 0, *size)), image) == 0

    def test_blocks_in_256_colours(self) -> None:
        image = Image.fromarray(
            np.random.default_rng(1).integers(0, 256, (40, 40, 3), np.uint8)
        )  # fmt: skip
        drawn = from_blocks(render(image, Terminal("blocks", true_colour=False)))
        off = np.abs(np.asarray(drawn).astype(int) - np.asarray(image))
        assert off.mean() < 22
        grey = Image.new("RGB", (4, 4), (128, 128, 128))
        assert (
            difference(from_blocks(render(grey, Terminal("blocks", true_colour=False))), grey) == 0
        )

    def test_none_is_nothing(self) -> None:
        assert render(picture(1), Terminal("none")) == ""
        assert swatch((1, 2, 3), Terminal("none")) == ""

    @pytest.mark.parametrize("way", ["kitty", "iterm"])
    def test_through_tmux(self, way: str) -> None:
        image = picture(2, (200, 150))
        wrapped = render(image, Terminal(way, wrapped=True))
        parts = re.findall(r"\033Ptmux;((?:[^\033]|\033\033)*)\033\\", wrapped)
        inside = "".join(parts).replace("\033\033", "\033") + "\n"
        assert inside == render(image, Terminal(way))


class TestSize:
    @pytest.mark.parametrize("way", ["kitty", "blocks"])
    @pytest.mark.parametrize("size", [(4000, 3000), (3000, 4000), (9000, 10), (1, 5000), (1, 1)])
    def test_fits_and_leaves_room_for_text(self, way: str, size: tuple[int, int]) -> None:
        terminal = Terminal(way, columns=80, rows=24, cell=(9, 18))
        cell = (1, 2) if way == "blocks" else terminal.cell
        width, height = terminal.size(*size)
        assert 1 <= width <= 79 * cell[0]
        assert 1 <= height <= 16 * cell[1]
        if min(size) > 1000:
            assert width / height == pytest.approx(size[0] / size[1], rel=0.05)

    def test_small_photos_are_not_blown_up(self) -> None:
        assert Terminal("kitty").size(64, 48) == (64, 48)


class TestDetection:
    @pytest.mark.parametrize(
        ("environ", "way"),
        [
            ({}, "none"),
            ({"TERM": "dumb", "COLORTERM": "truecolor"}, "none"),
            ({"TERM": "linux"}, "none"),
            ({"TERM": "xterm-256color"}, "blocks"),
            ({"TERM": "xterm-256color", "NO_COLOR": "1"}, "none"),
            ({"TERM": "xterm-256color", "NO_COLOR": ""}, "blocks"),
            ({"TERM": "xterm", "COLORTERM": "truecolor"}, "blocks"),
            ({"TERM": "xterm-kitty"}, "kitty"),
            ({"TERM": "xterm-256color", "KITTY_WINDOW_ID": "1"}, "kitty"),
            ({"TERM": "xterm-256color", "TERM_PROGRAM": "ghostty"}, "kitty"),
            ({"TERM": "xterm-256color", "KONSOLE_VERSION": "230800"}, "kitty"),
            ({"TERM": "xterm-256color", "KONSOLE_VERSION": "210400"}, "blocks"),
            ({"TERM": "xterm-256color", "TERM_PROGRAM": "iTerm.app"}, "iterm"),
            ({"TERM": "xterm-256color", "LC_TERMINAL": "iTerm2"}, "iterm"),
            ({"TERM": "xterm-256color", "TERM_PROGRAM": "WezTerm"}, "iterm"),
            ({"TERM": "xterm-256color", "TERM_PROGRAM": "Apple_Terminal"}, "blocks"),
            ({"TERM": "foot"}, "sixel"),
            ({"TERM": "mlterm-256color"}, "sixel"),
            ({"TERM": "tmux-256color", "TMUX": "x", "KITTY_WINDOW_ID": "1"}, "blocks"),
            ({"TERM": "screen.xterm-256color", "TERM_PROGRAM": "iTerm.app"}, "blocks"),
        ],
        ids=lambda value: "-".join(value.values()) if isinstance(value, dict) else value,
    )
    def test_by_the_environment(self, environ: dict[str, str], way: str) -> None:
        assert best_way(environ) == way

    def test_nothing_where_no_terminal_reads_it(self) -> None:
        kitty = {"TERM": "xterm-kitty"}
        assert this_terminal("auto", io.StringIO(), kitty).way == "none"
        assert this_terminal("sixel", io.StringIO(), kitty).way == "sixel"  # as it was asked for
        with pytest.raises(WrongUse, match="no way to show"):
            this_terminal("ascii", io.StringIO(), kitty)
