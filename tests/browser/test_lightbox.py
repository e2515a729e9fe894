"""One photo at large: keys, Back, bookmarks, facts; and a server that ends."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import pytest

from tests.browser.conftest import Watch
from tests.browser.parts import box, expect, first, lightbox, names, search, tile, tiles, title
from tests.browser.serving import Served
from tests.command import Command

Visit = Callable[..., Any]


def test_keys_open_turn_and_close_and_the_focus_returns(samples: str, visit: Visit) -> None:
    page = visit(samples, "/?q=a+cat")
    first(page, "cat.jpg")
    order = names(page)
    tile(page, "cat.jpg").locator(".open").focus()
    page.keyboard.press("Enter")
    expect(title(page)).to_have_text("cat.jpg")
    expect(page).to_have_url(re.compile("photo=[0-9a-f]{64}"))
    page.keyboard.press("ArrowRight")
    expect(title(page)).to_have_text(order[1])
    page.keyboard.press("ArrowRight")
    expect(title(page)).to_have_text(order[2])
    page.keyboard.press("ArrowLeft")
    expect(title(page)).to_have_text(order[1])
    page.keyboard.press("Escape")
    expect(lightbox(page)).to_be_hidden()
    expect(page).not_to_have_url(re.compile("photo="))
    expect(tile(page, order[1]).locator(".open")).to_be_focused()


def test_back_closes_and_forward_opens_again(samples: str, visit: Visit) -> None:
    page = visit(samples)
    expect(tiles(page)).to_have_count(41)
    search(page, "a cat")
    first(page, "cat.jpg")
    tiles(page).first.locator(".open").click()
    expect(title(page)).to_have_text("cat.jpg")
    page.go_back()
    expect(lightbox(page)).to_be_hidden()
    expect(box(page)).to_have_value("a cat")
    page.go_forward()
    expect(title(page)).to_have_text("cat.jpg")
    page.go_back()
    page.go_back()
    expect(box(page)).to_have_value("")
    expect(tiles(page)).to_have_count(41)


def test_a_bookmark_shows_the_same(samples: str, visit: Visit) -> None:
    page = visit(samples)
    search(page, "exit")
    first(page, "exit-sign.jpg")
    tiles(page).first.locator(".open").click()
    expect(title(page)).to_have_text("exit-sign.jpg")
    bookmark = page.url.removeprefix(samples)

    other = visit(samples, bookmark)
    expect(title(other)).to_have_text("exit-sign.jpg")
    expect(lightbox(other)).to_contain_text("EXIT")
    other.keyboard.press("Escape")
    expect(lightbox(other)).to_be_hidden()
    expect(box(other)).to_have_value("exit")
    first(other, "exit-sign.jpg")


def test_facts_words_and_photos_like_it_are_shown(samples: str, visit: Visit) -> None:
    page = visit(samples, "/?q=receipt")
    tile(page, "receipt.jpg").locator(".open").click()
    side = lightbox(page)
    expect(side).to_contain_text("Tomatoes")
    expect(side.get_by_role("heading", name="Photos like it")).to_be_visible()
    picture = side.locator("img").first
    expect(picture).to_have_js_property("complete", True)
    assert picture.evaluate("one => one.naturalWidth") > 0
    # A neighbour is one click away.
    side.get_by_role("button", name=re.compile("^Open .*jpg|webp|png")).first.click()
    expect(title(page)).not_to_have_text("receipt.jpg")


def test_find_in_this_photo(samples: str, visit: Visit) -> None:
    page = visit(samples, "/?q=a+cat")
    tile(page, "cat.jpg").locator(".open").click()
    page.get_by_label("Find in this photo").fill("a cat")
    page.get_by_role("button", name="Find", exact=True).click()
    expect(lightbox(page).get_by_text(re.compile(r"\d places? found"))).to_be_visible()


def test_a_part_that_is_marked_is_searched_by(samples: str, visit: Visit) -> None:
    page = visit(samples, "/?q=a+cat")
    tile(page, "cat.jpg").locator(".open").click()
    expect(lightbox(page)).to_contain_text("Photos like it")
    page.get_by_role("button", name="Search by a part of the picture").click()
    stage = lightbox(page).locator(".stage-part")
    frame = stage.bounding_box()
    # A frame is drawn within the one that is there at first.
    page.mouse.move(frame["x"] + 20, frame["y"] + 20)
    page.mouse.down()
    page.mouse.move(frame["x"] + 80, frame["y"] + 60, steps=3)
    page.mouse.move(frame["x"] + 140, frame["y"] + 110, steps=3)
    page.mouse.up()
    drawn = stage.bounding_box()
    assert abs(drawn["width"] - 120) < 3
    assert abs(drawn["height"] - 90) < 3
    page.get_by_role("group", name="A part of the picture").get_by_role("button").first.click()
    expect(lightbox(page)).to_be_hidden()
    expect(page).to_have_url(re.compile(r"crop=\d+%2C\d+%2C\d+%2C\d+&.*like=[0-9a-f]{64}"))
    x, y, width, height = map(
        int, re.findall(r"\d+", re.findall("crop=([^&]*)", page.url)[0].replace("%2C", " "))
    )
    # In pixels of the photo, of which the frame on the screen is a picture.
    assert abs(width / height - 120 / 90) < 0.05
    assert x > 0
    assert y > 0
    expect(page.locator("#chips")).to_contain_text("part")
    expect(tiles(page).first).to_be_visible()


def test_a_photo_that_is_not_of_the_library_is_said(
    samples: str, visit: Visit, watch: Watch
) -> None:
    watch.expect("status of 404")
    page = visit(samples, f"/?photo={'0' * 64}")
    expect(lightbox(page).get_by_role("alert")).to_contain_text("not in the library")
    page.keyboard.press("Escape")
    expect(tiles(page)).to_have_count(41)


@pytest.fixture
def serve(browser: Any, sample_library: Command) -> Iterator[Callable[..., Served]]:
    """Starts servers, which end after the window has been given back."""
    with ExitStack() as ending:

        def started(*options: str) -> Served:
            served = Served(sample_library, *options)
            ending.callback(served.stop)
            return served

        yield started


def test_a_server_that_ends_is_said_and_one_that_is_back_answers(
    serve: Callable[..., Served], visit: Visit, watch: Watch
) -> None:
    watch.expect("ERR_CONNECTION_REFUSED|ERR_CONNECTION_RESET|ERR_EMPTY_RESPONSE")
    served = serve()
    page = visit(served.address)
    expect(tiles(page)).to_have_count(41)
    served.stop()
    search(page, "a cat")
    ended = page.get_by_role("alert").filter(has_text="The server has ended")
    expect(ended).to_be_visible()
    serve("--port", served.address.rpartition(":")[2])
    first(page, "cat.jpg")  # by itself
    expect(ended).to_be_hidden()
