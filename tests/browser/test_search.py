"""Searching in the page: results as somebody types, what is said of them, and examples."""

from __future__ import annotations

import io
import re
from collections.abc import Callable
from typing import Any

from PIL import Image

from tests.browser.conftest import Watch
from tests.browser.parts import box, counted, drop, expect, first, names, search, tile, tiles
from tests.command import SAMPLES

Visit = Callable[..., Any]


def test_start_lists_all_photos_the_newest_first(samples: str, visit: Visit) -> None:
    page = visit(samples)
    expect(counted(page)).to_have_text("41 photos")
    expect(tiles(page)).to_have_count(41)
    days = page.locator("#grid .tile time").evaluate_all("all => all.map((one) => one.dateTime)")
    dated = [day for day in days if day]
    assert len(dated) >= 5
    assert dated == sorted(dated, reverse=True)
    assert days[: len(dated)] == dated  # those without a date come last
    expect(tiles(page).first.locator("img")).to_have_js_property("complete", True)
    expect(tiles(page).first).to_have_class(re.compile("loaded"))


def test_results_appear_while_typing_without_enter(samples: str, visit: Visit) -> None:
    page = visit(samples)
    box(page).press_sequentially("a cat", delay=40)
    first(page, "cat.jpg")
    expect(page).to_have_url(re.compile(r"[?&]q=a\+cat$"))
    assert names(page)[1] == "kitten-playing.jpg"
    expect(tiles(page).first.locator(".why b")).to_have_text("99 %")
    # Weak hits are set apart: below a line that says so.
    weak = page.locator("section", has=page.get_by_role("heading", name="match less well"))
    expect(weak.locator(".tile").first).to_be_visible()
    assert "cat.jpg" not in weak.locator("img").evaluate_all("all => all.map((one) => one.alt)")


def test_a_wrong_qualifier_is_said_with_what_was_meant(
    samples: str, visit: Visit, watch: Watch
) -> None:
    watch.expect("status of 400")
    page = visit(samples)
    search(page, "a cat camra:canon")
    box(page).press("Enter")
    problem = page.get_by_role("alert").filter(has_text="camra")
    expect(problem).to_contain_text("camera")
    search(page, "a cat")
    first(page, "cat.jpg")
    expect(page.locator("#problem")).to_be_empty()


def test_printed_words_are_marked_where_they_stand(samples: str, visit: Visit) -> None:
    page = visit(samples, "/?q=exit")
    found = tile(page, "exit-sign.jpg")
    first(page, "exit-sign.jpg")
    expect(found).to_contain_text("EXIT")
    mark = found.locator("svg polygon.words").first
    expect(mark).to_be_visible()
    found.locator("img").scroll_into_view_if_needed()
    # The word's box in the sample is 251,233 362x158 of 864 x 624; the picture fills the tile.
    asked = page.evaluate("fetch('/api/search?q=exit').then((answer) => answer.json())")["hits"][0]
    corners = asked["evidence"]["reads"]["box"]
    shown, frame = mark.bounding_box(), found.locator(".open").bounding_box()
    assert shown
    assert frame
    scale = max(frame["width"] / asked["width"], frame["height"] / asked["height"])
    cut = [(asked[side] * scale - frame[side]) / 2 for side in ("width", "height")]
    left = frame["x"] + min(x for x, _ in corners) * scale - cut[0]
    top = frame["y"] + min(y for _, y in corners) * scale - cut[1]
    assert abs(shown["x"] - left) < 4
    assert abs(shown["y"] - top) < 4


def test_quotes_demand_print(samples: str, visit: Visit) -> None:
    page = visit(samples)
    search(page, '"exit"')
    expect(tiles(page)).to_have_count(1)
    first(page, "exit-sign.jpg")


def test_nothing_matches_well_is_said(samples: str, visit: Visit) -> None:
    page = visit(samples, "/?q=x-ray+of+a+broken+arm")
    expect(page.get_by_text("Nothing in this library matches well")).to_be_visible()
    expect(counted(page)).to_contain_text("closest")


def test_an_image_that_is_dropped_is_searched_for(samples: str, visit: Visit) -> None:
    page = visit(samples)
    expect(tiles(page)).to_have_count(41)
    drop(page, _smaller("animals/kitten-playing.jpg"), "drop")
    first(page, "kitten-playing.jpg")
    chip = page.locator("#chips, #example").get_by_text("your image")
    expect(chip).to_be_visible()
    # A text beside it counts, too.
    search(page, "flowers")
    expect(page).to_have_url(re.compile(r"example=.*|q=flowers"))
    page.get_by_role("button", name=re.compile("Remove.*your image")).click()
    expect(chip).to_be_hidden()


def test_an_image_that_is_pasted_is_searched_for(samples: str, visit: Visit) -> None:
    page = visit(samples)
    box(page).focus()
    drop(page, _smaller("places/great-wall.jpg"), "paste")
    first(page, "great-wall.jpg")


def test_a_file_that_is_no_image_is_refused_in_words(
    samples: str, visit: Visit, watch: Watch
) -> None:
    watch.expect("status of 4")
    page = visit(samples)
    drop(page, b"this is no picture", "drop")
    expect(page.get_by_role("alert").filter(has_text=re.compile("image|picture"))).to_be_visible()


def test_more_like_this_and_back(samples: str, visit: Visit) -> None:
    page = visit(samples)
    expect(tiles(page)).to_have_count(41)
    tile(page, "cat.jpg").hover()
    page.get_by_role("button", name="Photos like this: cat.jpg").click()
    first(page, "kitten-playing.jpg")
    expect(page.locator("#chips")).to_contain_text("cat.jpg")
    expect(page).to_have_url(re.compile("like=[0-9a-f]{64}"))
    page.go_back()
    expect(counted(page)).to_have_text("41 photos")
    expect(page.locator("#chips")).to_be_hidden()


def test_plus_and_minus_lean_the_query(samples: str, visit: Visit) -> None:
    page = visit(samples, "/?q=an+animal")
    expect(tiles(page).first).to_be_visible()
    before = names(page)
    disliked = before[0]
    tiles(page).first.hover()
    page.get_by_role("button", name=f"Less of this: {disliked}").click()
    expect(page).to_have_url(re.compile("unlike="))
    expect(tiles(page).first.locator("img")).not_to_have_attribute("alt", disliked)
    expect(page.locator("#chips")).to_contain_text(disliked)
    assert disliked not in names(page)[:5]
    liked = names(page)[4]
    tile(page, liked).hover()
    page.get_by_role("button", name=f"More of this: {liked}").click()
    expect(page.locator("#chips")).to_contain_text(liked)
    expect(box(page)).to_have_value("an animal")


def test_back_goes_from_query_to_query(samples: str, visit: Visit) -> None:
    page = visit(samples)
    expect(tiles(page)).to_have_count(41)
    for text, best in (("a cat", "cat.jpg"), ("flowers", None), ("exit", "exit-sign.jpg")):
        search(page, text)
        box(page).press("Enter")
        expect(page).to_have_url(re.compile("q=" + text.replace(" ", r"\+") + "$"))
        if best:
            first(page, best)
    page.go_back()
    expect(box(page)).to_have_value("flowers")
    page.go_back()
    expect(box(page)).to_have_value("a cat")
    first(page, "cat.jpg")
    page.go_forward()
    expect(box(page)).to_have_value("flowers")


def _smaller(name: str) -> bytes:
    """Another file of the same picture: no digest gives it away."""
    with Image.open(SAMPLES / name) as image:
        image.thumbnail((300, 300))
        file = io.BytesIO()
        image.convert("RGB").save(file, "JPEG", quality=80)
    return file.getvalue()
