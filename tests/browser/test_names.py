"""Names and words that would be markup, or break out of it, are shown as they are, everywhere."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from tests.browser.parts import (
    box,
    counted,
    expect,
    filters,
    lightbox,
    names,
    pick,
    search,
    tile,
    tiles,
    title,
)
from tests.browser.serving import DRAWN, HOSTILE, PRINTED, QUOTED

Visit = Callable[..., Any]


def test_awful_names_and_words_are_shown_as_they_are(drawn: str, visit: Visit) -> None:
    page = visit(drawn, "/?q=name:*quoted*")
    expect(tiles(page)).to_have_count(1)
    assert names(page) == [QUOTED]
    tiles(page).first.locator(".open").click()
    expect(title(page)).to_have_text(QUOTED)
    expect(lightbox(page)).to_contain_text(f"{HOSTILE[:-1]} ")
    page.keyboard.press("Escape")

    # As a value of the filters: camera and tag.
    search(page, "")
    panel = filters(page)
    for group in ("Cameras", "Tags"):
        value = (
            panel.get_by_role("region", name=group).get_by_role("button").filter(has_text=HOSTILE)
        )
        counts = page.evaluate("fetch('/api/facets').then((one) => one.json())")[group.lower()]
        promised = next(one["photos"] for one in counts if HOSTILE in one["value"])
        expect(value.locator(".value-count")).to_have_text(str(promised))
        value.click()
        expect(counted(page)).to_have_text(re.compile(f"^{promised} photos?$"))
        value.click()
        expect(counted(page)).to_have_text(f"{DRAWN} photos")

    # As a line of print, as a text that is looked for, and in what is said of an error.
    search(page, '"bold"')
    expect(tile(page, "printed.png")).to_contain_text(PRINTED)
    search(page, HOSTILE)
    expect(box(page)).to_have_value(HOSTILE)
    expect(tiles(page).first).to_be_visible()


def test_awful_names_in_completions_chips_and_the_selection(drawn: str, visit: Visit) -> None:
    page = visit(drawn, "/?q=name:*quoted*", permissions=["clipboard-read", "clipboard-write"])
    expect(tiles(page)).to_have_count(1)
    tiles(page).first.hover()
    tiles(page).first.get_by_role("button", name=f"More of this: {QUOTED}", exact=True).click()
    expect(page.locator("#chips")).to_contain_text(f"More like {QUOTED}")
    page.get_by_role("button", name=f"Remove: More like {QUOTED}", exact=True).click()
    expect(page.locator("#chips")).to_be_hidden()
    pick(page, 0)
    bar = page.get_by_role("region", name="Selected photos")
    bar.get_by_role("button", name="Copy the list of paths").click()
    expect(page.get_by_text(re.compile("path copied"))).to_be_visible()
    assert page.evaluate("navigator.clipboard.readText()").rstrip("\n").endswith(f"/{QUOTED}")

    # A value of a qualifier, quoted by the server so that it is found again.
    search(page, "")
    box(page).press_sequentially("camera:<")
    option = page.get_by_role("option").filter(has_text=HOSTILE)
    expect(option).to_contain_text("50")
    option.click()
    expect(counted(page)).to_have_text("50 photos")


def test_awful_words_in_the_lightbox(drawn: str, visit: Visit) -> None:
    page = visit(drawn, "/?q=name:printed.png")
    expect(tiles(page)).to_have_count(1)
    tiles(page).first.locator(".open").click()
    expect(lightbox(page)).to_contain_text(PRINTED)
    page.get_by_label("Find in this photo").fill(HOSTILE)
    page.get_by_role("button", name="Find", exact=True).click()
    said = lightbox(page).get_by_role("status").filter(has_text=re.compile("found"))
    expect(said).to_be_visible()
    assert page.locator("#lightbox b b, #lightbox img[src=x]").count() == 0


def test_awful_names_among_the_folders(drawn: str, visit: Visit) -> None:
    page = visit(drawn)
    folders = filters(page).get_by_role("region", name="Folders")
    value = folders.get_by_role("button").filter(has_text=HOSTILE[:-1])
    value.click()
    expect(counted(page)).to_have_text("1 photo")
    assert names(page) == [QUOTED]


def test_awful_addresses_do_no_harm(drawn: str, visit: Visit) -> None:
    for path in (
        "/?q=%3Cimg%20src%3Dx%20onerror%3Dalert(1)%3E&sort=%22%3E%3Cscript%3Ealert(1)%3C/script%3E",
        "/?photo=%3Cscript%3E&like=../../etc/passwd&example=javascript:alert(1)&crop=%3Cb%3E",
    ):
        page = visit(drawn, path)
        expect(tiles(page).first).to_be_visible()
