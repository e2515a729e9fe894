"""Render the made-up "photos of printed words" in examples/photos/signs.

Each picture is a flat card (a sign, a poster, a receipt, a panel) drawn with
Pillow, put into perspective in front of a simple backdrop and then spoiled a
little as a camera would do it: uneven light, dark corners, blur and noise.
The same font and seed always give the same pictures.

    python render_signs.py OUTPUT_FOLDER --font NotoSansCJK-Bold.ttc

Only Pillow and numpy are needed.  Without --font the words are set in Pillow's
built-in font, and the sign with Chinese words is left out.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFilter, ImageFont

SIZE = (1024, 768)
Point = tuple[float, float]
Quad = tuple[Point, Point, Point, Point]
Scene = tuple[Image.Image, Image.Image, Quad]


class Painter:
    """The font and the random numbers that all pictures share."""

    def __init__(self, font: str | None, font_index: int, seed: int) -> None:
        self.font_path = font
        self.font_index = font_index
        self.seed = seed
        self.rng = np.random.default_rng(seed)

    def font(self, size: int) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
        if self.font_path is None:
            return ImageFont.load_default(size)
        return ImageFont.truetype(self.font_path, size, index=self.font_index)

    def text(
        self,
        card: Image.Image,
        at: Point,
        words: str,
        size: int,
        fill: str,
        anchor: str = "mm",
        bold: int = 0,
    ) -> None:
        """Write words on the card, `bold` pixels fatter than the font is."""
        draw = ImageDraw.Draw(card)
        font = self.font(size)
        draw.text(at, words, fill=fill, font=font, anchor=anchor, stroke_width=bold)

    def clouds(self, size: tuple[int, int], cells: tuple[int, int]) -> np.ndarray:
        """Smooth noise from 0 to 1: a coarse random grid, enlarged to size."""
        grid = Image.fromarray(self.rng.integers(0, 256, cells[::-1], dtype=np.uint8))
        return np.asarray(grid.resize(size, Image.Resampling.BICUBIC), np.float32) / 255

    def surface(
        self, colour: tuple[int, int, int], grains: list[tuple[int, int, float]]
    ) -> Image.Image:
        """A plain backdrop; each grain is (cells across, cells down, strength)."""
        shade = np.ones(SIZE[::-1], np.float32)
        for across, down, strength in grains:
            shade += strength * (self.clouds(SIZE, (across, down)) - 0.5)
        return to_image(np.array(colour, np.float32) * shade[..., None])


def to_image(pixels: np.ndarray) -> Image.Image:
    return Image.fromarray(np.clip(pixels, 0, 255).astype(np.uint8))


def perspective(source: tuple[int, int], quad: Quad) -> list[float]:
    """Coefficients that Image.transform needs to map a whole card onto a quad.

    The corners of the quad go clockwise from the upper left one.
    """
    width, height = source
    corners = [(0, 0), (width, 0), (width, height), (0, height)]
    rows, values = [], []
    for (x, y), (u, v) in zip(quad, corners, strict=True):
        rows.append([x, y, 1, 0, 0, 0, -u * x, -u * y])
        rows.append([0, 0, 0, x, y, 1, -v * x, -v * y])
        values += [u, v]
    return [float(c) for c in np.linalg.solve(np.array(rows, float), np.array(values, float))]


def photograph(painter: Painter, scene: Scene) -> Image.Image:
    """Place the card of a scene before its backdrop and take the picture."""
    backdrop, card, quad = scene
    coefficients = perspective(card.size, quad)
    placed = card.convert("RGBA").transform(
        SIZE, Image.Transform.PERSPECTIVE, coefficients, Image.Resampling.BICUBIC
    )
    mask = placed.getchannel("A")

    shadow = Image.new("L", SIZE)
    shadow.paste(mask.point(lambda a: a * 0.5), (10, 14))
    picture = backdrop.convert("RGB")
    picture.paste((10, 10, 14), mask=shadow.filter(ImageFilter.GaussianBlur(12)))
    picture.paste(placed.convert("RGB"), mask=mask)
    picture = picture.filter(ImageFilter.GaussianBlur(0.9))

    rng = painter.rng
    y, x = np.mgrid[-1 : 1 : SIZE[1] * 1j, -1 : 1 : SIZE[0] * 1j]
    angle = rng.uniform(0, 2 * np.pi)
    light = 1.02 + 0.16 * (np.cos(angle) * x + np.sin(angle) * y) - 0.16 * (x * x + y * y)
    light += 0.10 * (painter.clouds(SIZE, (4, 3)) - 0.5)
    noise = rng.normal(0, 3.5, (SIZE[1], SIZE[0], 1)) + rng.normal(0, 1.5, (SIZE[1], SIZE[0], 3))
    return to_image(np.asarray(picture, np.float32) * light[..., None] + noise)


def rounded(size: tuple[int, int], colour: str, edge: str, radius: int, width: int) -> Image.Image:
    """An empty sign with rounded corners and a border line inside its rim."""
    card = Image.new("RGBA", size)
    draw = ImageDraw.Draw(card)
    right, bottom = size[0] - 1, size[1] - 1
    draw.rounded_rectangle((0, 0, right, bottom), radius, colour)
    inner = (width, width, right - width, bottom - width)
    draw.rounded_rectangle(inner, max(radius - width, 1), outline=edge, width=width)
    return card


def exit_sign(painter: Painter) -> Scene:
    """A green EXIT sign with an arrow on a corridor wall."""
    card = rounded((1000, 420), "#0b7a43", "#eaf7ee", 36, 14)
    painter.text(card, (400, 205), "EXIT", 270, "#f4fff7", bold=4)
    draw = ImageDraw.Draw(card)
    draw.rectangle((745, 185, 850, 235), "#f4fff7")
    draw.polygon([(840, 125), (935, 210), (840, 295)], "#f4fff7")
    wall = painter.surface((206, 200, 186), [(5, 4, 0.10), (90, 70, 0.05), (400, 300, 0.04)])
    ImageDraw.Draw(wall).rectangle((0, 640, SIZE[0], SIZE[1]), "#8a8074")
    return wall, card, ((210, 205), (815, 155), (825, 445), (215, 420))


def street_sign(painter: Painter) -> Scene:
    """A blue street name sign on a post, in front of trees and sky."""
    card = rounded((1200, 330), "#1d4f9c", "#f5f7fb", 30, 12)
    painter.text(card, (600, 135), "STATION STREET", 125, "#f5f7fb", bold=2)
    painter.text(card, (600, 255), "12 - 48", 70, "#f5f7fb")
    rise = np.linspace(0, 1, SIZE[1], dtype=np.float32)[:, None, None]
    sky = np.array([112, 165, 222]) * (1 - rise) + np.array([214, 228, 238]) * rise
    leaves = painter.clouds(SIZE, (16, 12)) * painter.clouds(SIZE, (60, 45))
    trees = np.array([58, 88, 44]) * (0.5 + 1.4 * leaves[..., None])
    line = 0.55 + 0.3 * (painter.clouds(SIZE, (9, 7)) - 0.5)
    scene = np.where((rise[..., 0] > line)[..., None], trees, np.broadcast_to(sky, trees.shape))
    backdrop = to_image(scene).filter(ImageFilter.GaussianBlur(9))
    post = ImageDraw.Draw(backdrop)
    post.rectangle((478, 120, 522, SIZE[1]), "#6d7276")
    post.rectangle((484, 120, 494, SIZE[1]), "#a3a8ac")
    return backdrop, card, ((150, 250), (880, 180), (890, 400), (145, 425))


def cafe_sign(painter: Painter) -> Scene:
    """A wooden shop sign with Chinese words on a brick wall."""
    card = rounded((900, 560), "#4a2c1a", "#e8c98a", 40, 12)
    painter.text(card, (450, 205), "咖啡", 260, "#f6dfae")
    painter.text(card, (450, 405), "手冲 · 甜点 · 早餐", 74, "#f6dfae")
    painter.text(card, (450, 493), "COFFEE HOUSE", 52, "#e8c98a")
    wall = painter.surface((150, 82, 62), [(7, 5, 0.12), (260, 200, 0.10)])
    draw = ImageDraw.Draw(wall)
    for row, top in enumerate(range(0, SIZE[1], 48)):
        draw.line((0, top, SIZE[0], top), "#b9a99a", 5)
        for left in range(-60 * (row % 2), SIZE[0], 120):
            draw.line((left, top, left, top + 48), "#b9a99a", 5)
    return wall, card, ((230, 130), (790, 175), (785, 560), (225, 580))


def concert_poster(painter: Painter) -> Scene:
    """A paper poster for a concert, pasted on concrete."""
    card = Image.new("RGBA", (760, 1060), "#f2d14b")
    draw = ImageDraw.Draw(card)
    for ring in range(9):
        colour = "#d8402f" if ring % 2 == 0 else "#f2d14b"
        radius = 300 - 32 * ring
        draw.ellipse((380 - radius, 480 - radius, 380 + radius, 480 + radius), colour)
    painter.text(card, (380, 95), "SUMMER JAZZ NIGHT", 66, "#1c1c28", bold=1)
    painter.text(card, (380, 480), "LIVE", 200, "#1c1c28", bold=3)
    painter.text(card, (380, 850), "The Blue Harbour Quartet", 54, "#1c1c28")
    painter.text(card, (380, 925), "Saturday 14 June · 8 pm", 54, "#1c1c28")
    painter.text(card, (380, 1000), "CITY PARK STAGE", 50, "#d8402f", bold=1)
    wall = painter.surface((138, 139, 142), [(6, 4, 0.2), (50, 40, 0.12), (350, 260, 0.12)])
    return wall, card, ((310, 40), (735, 65), (720, 720), (290, 700))


def receipt(painter: Painter) -> Scene:
    """A till receipt on a wooden table."""
    card = Image.new("RGBA", (560, 900), "#f7f5ee")
    ink = "#33333a"
    painter.text(card, (280, 65), "GREEN MARKET", 58, ink, bold=1)
    painter.text(card, (280, 120), "12 Station Street", 34, ink)
    lines = [
        ("Milk 1 l", "1.49"),
        ("Bread", "2.80"),
        ("Tomatoes", "3.15"),
        ("Cheese", "4.60"),
        ("Orange juice", "2.95"),
    ]
    draw = ImageDraw.Draw(card)
    for row, (item, price) in enumerate(lines):
        painter.text(card, (50, 215 + 66 * row), item, 40, ink, "lm")
        painter.text(card, (510, 215 + 66 * row), price, 40, ink, "rm")
    draw.line((45, 550, 515, 550), ink, 4)
    painter.text(card, (50, 605), "TOTAL", 54, ink, "lm", 1)
    painter.text(card, (510, 605), "14.99", 54, ink, "rm", 1)
    painter.text(card, (280, 690), "2025-06-14   10:32", 36, ink)
    painter.text(card, (280, 750), "THANK YOU", 46, ink)
    for left, width in zip(range(90, 470, 9), painter.rng.integers(2, 8, 43), strict=False):
        draw.rectangle((left, 795, left + int(width), 865), ink)
    table = painter.surface((142, 96, 58), [(3, 60, 0.28), (8, 260, 0.22), (500, 300, 0.06)])
    return table, card, ((395, 45), (745, 90), (650, 715), (255, 650))


def midi_keyboard(painter: Painter) -> Scene:
    """The panel and the keys of a small synthesizer on a desk."""
    card = rounded((1300, 560), "#26282d", "#3b3e45", 26, 6)
    draw = ImageDraw.Draw(card)
    painter.text(card, (60, 62), "MIDI KEYBOARD", 62, "#f2f2f2", "lm")
    painter.text(card, (1240, 62), "MK-25", 50, "#ff8a3c", "rm")
    labels = ("CUTOFF", "RESO", "ATTACK", "DECAY", "LFO", "REVERB", "TEMPO", "VOLUME")
    for place, label in enumerate(labels):
        x = 120 + 151 * place
        draw.ellipse((x - 38, 112, x + 38, 188), "#101114", "#6a6e76", 4)
        turn = painter.rng.uniform(-2.3, 2.3) - np.pi / 2
        draw.line((x, 150, x + 32 * np.cos(turn), 150 + 32 * np.sin(turn)), "#f2f2f2", 6)
        painter.text(card, (x, 216), label, 28, "#d5d7db")
    for key in range(15):
        left = 50 + 80 * key
        draw.rectangle((left, 255, left + 76, 525), "#f5f3ec", "#8e8b84", 2)
    for key in range(14):
        if key % 7 not in (2, 6):
            left = 50 + 80 * key + 55
            draw.rectangle((left, 255, left + 46, 420), "#141416")
    desk = painter.surface((176, 158, 136), [(4, 40, 0.14), (10, 200, 0.10), (400, 300, 0.05)])
    return desk, card, ((110, 215), (900, 180), (985, 560), (45, 600))


PICTURES: dict[str, Callable[[Painter], Scene]] = {
    "exit-sign.jpg": exit_sign,
    "street-sign.jpg": street_sign,
    "cafe-sign-chinese.jpg": cafe_sign,
    "concert-poster.jpg": concert_poster,
    "receipt.jpg": receipt,
    "midi-keyboard.jpg": midi_keyboard,
}


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("folder", type=Path, help="where the pictures are written")
    parser.add_argument("--font", help="a TrueType or OpenType font with Chinese characters")
    parser.add_argument(
        "--font-index", type=int, default=0, help="which face of a .ttc font (default: 0)"
    )
    parser.add_argument("--seed", type=int, default=7, help="for the random parts (default: 7)")
    options = parser.parse_args()

    options.folder.mkdir(parents=True, exist_ok=True)
    for number, (name, draw) in enumerate(PICTURES.items()):
        if draw is cafe_sign and options.font is None:
            print(f"{name}: left out, it needs --font")
            continue
        painter = Painter(options.font, options.font_index, options.seed + number)
        photograph(painter, draw(painter)).save(options.folder / name, quality=85, optimize=True)
        print(name)


if __name__ == "__main__":
    main()
