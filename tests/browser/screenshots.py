"""The pictures of docs/web.md, made from the sample photos: scripts/screenshots.

In: a folder. Out: WebP files in it, each of one size and at most LARGEST bytes.
"""

from __future__ import annotations

import io
import re
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from PIL import Image

from tests.browser import parts
from tests.browser.engine import PHONE, NoBrowser, chromium
from tests.browser.parts import expect, tile, tiles
from tests.browser.serving import Served, write_dated
from tests.command import SAMPLES, Command

LARGEST = 150_000
WINDOW = {"width": 1280, "height": 800}


def start(page: Any) -> None:
    expect(parts.counted(page)).to_contain_text("photos")


def words(page: Any) -> None:
    parts.search(page, "coffee")
    expect(page.locator("#grid polygon.words").first).to_be_visible()
    if page.evaluate("matchMedia('(hover: hover)').matches"):
        tile(page, "cafe-sign-chinese.jpg").hover()


def filters(page: Any) -> None:
    parts.filters(page).get_by_role("button", name="2024").click()
    expect(parts.box(page)).to_have_value("date:2024")
    parts.search(page, "a sign date:2024")
    expect(page).to_have_url(re.compile("sign"))
    parts.box(page).press("Enter")


def completion(page: Any) -> None:
    parts.box(page).press_sequentially("at night place:", delay=30)
    expect(page.get_by_role("option").nth(2)).to_be_visible()


def lightbox(page: Any) -> None:
    parts.search(page, "the Eiffel tower")
    tile(page, "eiffel-tower.jpg").locator(".open").click()
    expect(parts.lightbox(page)).to_contain_text("On the map")
    expect(parts.lightbox(page).locator(".lb-map svg").first).to_be_visible()
    # A scratch folder's name says nothing to anybody.
    page.locator(".lb-path").evaluate_all(
        "all => all.forEach((one) => (one.textContent = "
        "one.textContent.replace(/^.*(?=\\/Pictures)/, '/home/me')))"
    )


def drop(page: Any) -> None:
    image = (SAMPLES / "animals" / "kitten-playing.jpg").read_bytes()
    parts.drop(page, image, "drop")
    parts.first(page, "kitten-playing.jpg")


def selection(page: Any) -> None:
    parts.search(page, "flowers")
    parts.first(page, "pink-tulips.jpg")
    for at in range(3):
        parts.pick(page, at)


PICTURES: dict[str, tuple[Callable[[Any], None], dict[str, Any]]] = {
    "start": (start, {}),
    "words": (words, {}),
    "filters": (filters, {}),
    "completion": (completion, {}),
    "lightbox": (lightbox, {}),
    "drop": (drop, {}),
    "selection": (selection, {}),
    "dark": (words, {"color_scheme": "dark"}),
    "phone": (words, {"viewport": PHONE, "is_mobile": True, "has_touch": True}),
}


def main(target: Path) -> None:
    target.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as scratch, chromium() as browser:
        photos = Path(scratch) / "Pictures"
        write_dated(photos)
        command = Command(Path(scratch))
        command("index", "--quiet", "--words", photos)
        served = Served(command)
        try:
            for name, (reach, options) in PICTURES.items():
                context = browser.new_context(
                    **{"viewport": WINDOW, "reduced_motion": "reduce", "locale": "en-GB"} | options
                )
                page = context.new_page()
                page.goto(served.address)
                expect(tiles(page).first).to_be_visible()
                reach(page)
                _settle(page)
                _write(target / f"{name}.webp", page.screenshot())
                context.close()
        finally:
            served.stop()


def _settle(page: Any) -> None:
    """All pictures that can be seen are there."""
    page.wait_for_load_state("networkidle")
    parts.until(
        page,
        "[...document.images].every((one) => one.complete || one.getBoundingClientRect().y > 900)",
    )
    page.evaluate("document.fonts.ready.then(() => null)")


def _write(path: Path, png: bytes) -> None:
    with Image.open(io.BytesIO(png)) as image:
        for quality in range(86, 30, -6):
            image.save(path, quality=quality, method=6)
            if path.stat().st_size <= LARGEST:
                break
        sys.stdout.write(f"{path}  {image.width} x {image.height}, {path.stat().st_size:,} bytes\n")


if __name__ == "__main__":
    try:
        main(Path(sys.argv[1] if len(sys.argv) > 1 else "docs/web"))
    except NoBrowser as error:
        sys.exit(str(error))
