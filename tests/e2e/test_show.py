"""query --show: pictures in a real terminal of several kinds and sizes, and nothing in a pipe."""

from __future__ import annotations

import os
import re
import shutil
import sys
from pathlib import Path

import numpy as np
import pytest

if sys.platform == "win32":
    pytest.skip("no pseudo-terminals there", allow_module_level=True)

import fcntl
import pty
import struct
import termios

from photosearch.show.text import cells
from tests.command import SAMPLES, Command
from tests.unit.test_terminal_pictures import ITERM, KITTY, from_iterm, from_kitty, from_sixels

TERMINALS = {
    "blocks": {"TERM": "xterm-256color", "COLORTERM": "truecolor"},
    "256 colours": {"TERM": "xterm-256color"},
    "kitty": {"TERM": "xterm-kitty"},
    "iterm": {"TERM": "xterm-256color", "TERM_PROGRAM": "iTerm.app"},
    "sixel": {"TERM": "foot"},
    "tmux": {"TERM": "tmux-256color", "TMUX": "/tmp/tmux", "KITTY_WINDOW_ID": "1"},
}
SIXEL = re.compile(r"\033P[\d;]*q[^\033]*\033\\")
LINK = re.compile(r"\033\]8;;[^\033]*\033\\")
COLOUR = re.compile(r"\033\[[\d;]*m")
# What would change how a terminal is told.
FOREIGN = (
    "TERM COLORTERM TERM_PROGRAM LC_TERMINAL TMUX STY KITTY_WINDOW_ID NO_COLOR COLUMNS".split()
)


class Screen:
    """A command in a terminal of some size; says what was written to it, and to stderr."""

    def __init__(self, command: Command, size: tuple[int, int], **environ: str) -> None:
        self._command = command
        self._size = size
        self._env = {k: v for k, v in command.env.items() if k not in FOREIGN} | environ
        self._env["LC_ALL"] = "C.UTF-8"

    def __call__(self, *arguments: str) -> str:
        rows, columns = self._size
        process, terminal = pty.fork()
        if process == 0:
            size = struct.pack("4H", rows, columns, columns * 10, rows * 20)
            fcntl.ioctl(1, termios.TIOCSWINSZ, size)
            words = [sys.executable, "-m", "photosearch", *arguments]
            os.execve(sys.executable, words, self._env)
        out = bytearray()
        while True:
            try:
                data = os.read(terminal, 1 << 16)
            except OSError:  # Linux says so when nobody writes any more
                break
            if not data:
                break
            out += data
        self.code = os.waitstatus_to_exitcode(os.waitpid(process, 0)[1])
        os.close(terminal)
        return out.decode().replace("\r\n", "\n")


def without_pictures(text: str) -> str:
    """What is left to read."""
    for pattern in (KITTY, ITERM, SIXEL, LINK, COLOUR):
        text = pattern.sub("", text)
    return text


@pytest.fixture(scope="module")
def indexed(tmp_path_factory: pytest.TempPathFactory) -> Command:
    command = Command(tmp_path_factory.mktemp("show"))
    shutil.copytree(SAMPLES / "signs", command.folder / "photos")
    command("index", "-q", command.folder / "photos")
    return command


@pytest.mark.parametrize(
    ("kind", "size", "each"),
    [
        ("blocks", (24, 80), 3),
        ("blocks", (50, 200), 5),
        ("256 colours", (24, 40), 1),
        ("tmux", (24, 80), 3),
    ],
)
def test_half_blocks_fill_the_window_and_never_more(
    indexed: Command, kind: str, size: tuple[int, int], each: int
) -> None:
    text = Screen(indexed, size, **TERMINALS[kind])("query", "a sign", "-k", "5", "--show")
    lines = without_pictures(text).split("\n")
    assert max(map(cells, lines)) < size[1]
    assert all(ord(char) < 128 or char in "▀▄…" for line in lines for char in line)
    captions = [line for line in lines if re.match(r"[1-5] \S+\.jpg", line)]
    assert len(captions) == -(-5 // each)
    assert len(re.findall(r"(?<!\S)[1-5] \S+\.", "\n".join(captions))) == 5
    true_colour = "COLORTERM" in TERMINALS[kind]
    assert ("38;2;" in text) is true_colour
    assert ("38;5;" in text) is not true_colour
    assert "\033_G" not in text
    pictures = [line for line in lines if "▀" in line]
    assert len(pictures) / len(captions) <= size[0] - 5


@pytest.mark.parametrize("kind", ["kitty", "iterm", "sixel"])
def test_a_row_is_one_picture_of_the_photos_in_it(indexed: Command, kind: str) -> None:
    text = Screen(indexed, (24, 80), **TERMINALS[kind])("query", "a sign", "-k", "5", "--show")
    if kind == "kitty":
        found = re.findall(r"(?:\033_G[^\033]*\033\\)+\n", text)
        images = [from_kitty(one) for one in found]
        assert all("c=79,r=9," in one for one in found)
    elif kind == "iterm":
        images = [from_iterm(match[0]) for match in ITERM.finditer(text)]
        assert text.count("width=79;height=9;") == 2
    else:
        images = [from_sixels(match[0]) for match in SIXEL.finditer(text)]
    assert [image.size for image in images] == [(790, 180)] * 2
    lines = [line for line in without_pictures(text).split("\n") if line]
    assert re.match(r"1 \S+\.jpg +2 \S+\.jpg +3 \S+\.jpg", lines[0])
    # The pictures are those of the hits, each over its caption.
    from PIL import Image

    for place, hit in enumerate(indexed("query", "a sign", "-k", "3", "--json").json["hits"]):
        photo = Image.open(hit["path"]).convert("RGB")
        photo.thumbnail((250, 180))
        tile = images[0].convert("RGB").crop((270 * place, 0, 270 * place + photo.width, 180))
        top = (180 - photo.height) // 2
        tile = tile.crop((0, top, photo.width, top + photo.height))
        off = np.abs(np.asarray(tile, int) - np.asarray(photo, int)).mean()
        assert off < 8, hit["path"]


@pytest.mark.parametrize(
    "environ",
    [{"TERM": "dumb"}, TERMINALS["kitty"] | {"NO_COLOR": "1"}, {"TERM": "linux"}],
    ids=["dumb", "no colour", "console"],
)
def test_where_no_pictures_are_known_lines_are_printed(
    indexed: Command, environ: dict[str, str]
) -> None:
    screen = Screen(indexed, (24, 100), **environ)
    text = screen("query", "a sign", "-k", "3", "--show")
    plain = screen("query", "a sign", "-k", "3")
    note, _, rest = text.partition("\n")
    assert "--preview names a way" in note
    assert rest == plain


def test_in_a_pipe_nothing_of_it_is_seen(indexed: Command) -> None:
    indexed.env |= TERMINALS["kitty"]
    plain = indexed("query", "a sign", "-k", "3")
    shown = indexed("query", "a sign", "-k", "3", "--show")
    assert (shown.out, shown.err) == (plain.out, plain.err)
    # Unless a way is named, as with `locate`: for `| less -R`, or a file.
    named = indexed("query", "a sign", "-k", "3", "--preview", "sixel")
    assert len(SIXEL.findall(named.text)) == 1


def test_a_photo_that_cannot_be_shown_leaves_an_empty_frame(
    indexed: Command, tmp_path: Path
) -> None:
    away = indexed.folder / "photos" / "exit-sign.jpg"
    away.rename(tmp_path / "away.jpg")
    try:
        screen = Screen(indexed, (24, 80), **TERMINALS["blocks"])
        text = without_pictures(screen("query", "name:*sign*", "-k", "9", "--show"))
        assert "[no file there now]" in text
        assert "exit-sign.jpg" in text
        assert screen.code == 0
    finally:
        (tmp_path / "away.jpg").rename(away)


def test_no_hits_are_no_pictures(indexed: Command) -> None:
    screen = Screen(indexed, (24, 80), **TERMINALS["kitty"])
    assert "\033_G" not in screen("query", "after:2100", "--show")
    assert screen.code == 1
