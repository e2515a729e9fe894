"""Everybody can use the page: by keys alone, in the dark, on a phone, with a screen reader."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest

from tests.browser.audit import COLOURS, audit
from tests.browser.engine import PHONE
from tests.browser.parts import (
    box,
    counted,
    expect,
    filters,
    first,
    fits,
    lightbox,
    pick,
    tile,
    tiles,
    title,
)

Visit = Callable[..., Any]
ON_PHONE = {"viewport": PHONE, "is_mobile": True, "has_touch": True, "device_scale_factor": 2}


def test_by_keys_alone(samples: str, visit: Visit) -> None:
    page = visit(samples)
    expect(tiles(page)).to_have_count(41)
    keys = page.keyboard
    keys.press("/")
    expect(box(page)).to_be_focused()
    keys.type("a cat")
    keys.press("Enter")
    first(page, "cat.jpg")
    keys.press("ArrowDown")
    expect(tile(page, "cat.jpg").locator(".open")).to_be_focused()
    keys.press("ArrowRight")
    expect(tile(page, "kitten-playing.jpg").locator(".open")).to_be_focused()
    keys.press("Enter")
    expect(title(page)).to_have_text("kitten-playing.jpg")
    keys.press("Escape")
    expect(tile(page, "kitten-playing.jpg").locator(".open")).to_be_focused()
    keys.press("x")
    expect(page.get_by_role("region", name="Selected photos")).to_contain_text("1 selected")
    keys.press("x")
    expect(page.get_by_role("region", name="Selected photos")).to_be_hidden()
    keys.press("?")
    expect(page.get_by_role("dialog", name="How to search")).to_be_visible()
    keys.press("Escape")
    expect(page.get_by_role("dialog", name="How to search")).to_be_hidden()
    keys.press("s")
    expect(page).to_have_url(re.compile("like="))
    first(page, "cat.jpg")


def test_every_key_of_the_help_is_no_letter_in_the_box(samples: str, visit: Visit) -> None:
    page = visit(samples)
    box(page).focus()
    page.keyboard.type("s+x?/f")
    expect(box(page)).to_have_value("s+x?/f")
    expect(lightbox(page)).to_be_hidden()


def test_dark_and_light_follow_the_system_and_the_button(samples: str, visit: Visit) -> None:
    page = visit(samples)
    page.emulate_media(color_scheme="dark")
    page.reload()
    expect(tiles(page)).to_have_count(41)
    assert _brightness(page) < 60
    page.emulate_media(color_scheme="light")
    assert _brightness(page) > 200
    button = page.get_by_role("button", name=re.compile("Colours")).locator("visible=true").first
    for _ in range(3):
        if _brightness(page) < 60:
            break
        button.click()
    assert _brightness(page) < 60
    page.reload()
    assert _brightness(page) < 60


def test_on_a_phone_all_is_there_and_nothing_is_wider_than_it(samples: str, visit: Visit) -> None:
    page = visit(samples, **ON_PHONE)
    expect(counted(page)).to_have_text("41 photos")
    fits(page)
    box(page).fill("exit")
    first(page, "exit-sign.jpg")
    fits(page)
    page.get_by_role("button", name="Filters", exact=True).tap()
    expect(page.get_by_role("navigation", name="Filters")).to_be_in_viewport()
    fits(page)
    page.get_by_role("button", name="Close the filters").tap()
    expect(page.get_by_role("navigation", name="Filters")).not_to_be_in_viewport()
    _help(page)
    fits(page)
    page.get_by_role("dialog", name="How to search").get_by_role("button", name="Close").tap()
    # What a mouse finds by hovering, a finger finds behind a button.
    tiles(page).first.get_by_role("button", name=re.compile("What can be done")).tap()
    expect(tiles(page).first.get_by_role("button", name=re.compile("Photos like"))).to_be_visible()
    tiles(page).first.get_by_role("button", name=re.compile("Photos like")).tap()
    expect(page).to_have_url(re.compile("like="))
    fits(page)
    page.go_back()
    first(page, "exit-sign.jpg")
    tiles(page).first.locator(".open").tap()
    expect(title(page)).to_have_text("exit-sign.jpg")
    fits(page)
    sideways = lightbox(page).evaluate("one => one.scrollWidth - one.clientWidth")
    assert sideways <= 0
    page.get_by_role("button", name=re.compile("^Close")).locator("visible=true").first.tap()
    expect(lightbox(page)).to_be_hidden()


def test_a_photo_ticked_from_its_menu_leaves_the_bar_of_the_selection_free(
    samples: str, visit: Visit
) -> None:
    """On a phone the menu lies where the bar comes: it closes, and the bar can be tapped."""
    page = visit(samples, **ON_PHONE)
    expect(counted(page)).to_have_text("41 photos")
    tiles(page).first.get_by_role("button", name=re.compile("What can be done")).tap()
    tiles(page).first.locator(".pick").tap()
    bar = page.get_by_role("region", name="Selected photos")
    bar.get_by_role("button", name="Clear the selection").tap()
    expect(bar).to_be_hidden()


def test_on_a_phone_a_finger_that_stays_selects_and_taps_go_on(samples: str, visit: Visit) -> None:
    page = visit(samples, **ON_PHONE)
    expect(counted(page)).to_have_text("41 photos")
    _hold(page, tiles(page).first)
    bar = page.get_by_role("region", name="Selected photos")
    expect(bar).to_contain_text("1 selected")
    tiles(page).nth(1).locator(".open").tap()
    expect(bar).to_contain_text("2 selected")
    fits(page)
    expect(bar.get_by_role("button", name="Download ZIP")).to_be_in_viewport()
    bar.get_by_role("button", name="Clear the selection").tap()
    expect(bar).to_be_hidden()
    tiles(page).nth(1).locator(".open").tap()
    expect(lightbox(page)).to_be_visible()


def _brightness(page: Any) -> float:
    painted = page.evaluate(
        """() => {
          for (const one of [document.body, document.documentElement]) {
            const colour = getComputedStyle(one).backgroundColor;
            if (!/, 0\\)$|transparent/.test(colour)) return colour;
          }
          return "rgb(255, 255, 255)";
        }"""
    )
    channels = [float(one) for one in re.findall(r"[\d.]+", painted)[:3]]
    if "oklch" in painted or "color(" in painted:  # 0 to 1
        channels = [255 * one for one in channels]
    return sum(channels) / 3


# ---- what a screen reader, and WCAG, ask for ----


def _start(page: Any) -> None:
    expect(tiles(page).first).to_have_class(re.compile("loaded"))


def _results(page: Any) -> None:
    box(page).fill("exit")
    first(page, "exit-sign.jpg")


def _completion(page: Any) -> None:
    box(page).press_sequentially("cam", delay=30)
    expect(page.get_by_role("option").first).to_be_visible()


def _problem(page: Any) -> None:
    box(page).fill("camra:x")
    box(page).press("Enter")
    expect(page.get_by_role("alert").filter(has_text="camra")).to_be_visible()


def _help(page: Any) -> None:
    button = page.get_by_role("button", name="How to search, and keys")
    if not button.is_visible():  # on a phone it stands among the filters
        button = filters(page).get_by_role("button", name=re.compile("^How to search"))
    button.click()
    expect(page.get_by_role("dialog", name="How to search")).to_be_visible()


def _facets(page: Any) -> None:
    value = filters(page).locator("[data-filter]").first
    chosen = value.get_attribute("data-filter")
    value.click()
    expect(box(page)).to_have_value(chosen)
    filters(page)  # a tap may have closed it on a phone


def _lightbox(page: Any) -> None:
    _results(page)
    tiles(page).first.locator(".open").click()
    expect(lightbox(page)).to_contain_text("Photos like it")


def _selection(page: Any) -> None:
    if page.evaluate("matchMedia('(hover: hover)').matches"):
        pick(page, 0)
    else:
        _hold(page, tiles(page).first)
    expect(page.get_by_role("region", name="Selected photos")).to_be_visible()


def _chips(page: Any) -> None:
    third = tiles(page).nth(2)
    if page.evaluate("matchMedia('(hover: hover)').matches"):
        third.hover()
    else:
        third.get_by_role("button", name=re.compile("^What can be done")).tap()
    third.get_by_role("button", name=re.compile("^More of this")).click()
    expect(page.locator("#chips")).to_be_visible()


def _hold(page: Any, one: Any) -> None:
    """A finger that stays on a photo."""
    frame = one.bounding_box()
    touch = page.context.new_cdp_session(page)
    point = {"x": frame["x"] + frame["width"] / 2, "y": frame["y"] + frame["height"] / 2}
    touch.send("Input.dispatchTouchEvent", {"type": "touchStart", "touchPoints": [point]})
    expect(page.get_by_role("region", name="Selected photos")).to_be_visible()
    touch.send("Input.dispatchTouchEvent", {"type": "touchEnd", "touchPoints": []})


# Those that one visit shows, one after another.
STATES = {
    "start, help": (_start, _help),
    "results, lightbox": (_results, _lightbox),
    "facets": (_facets,),
    "selection": (_selection,),
    "chips": (_chips,),
    "completion, problem": (_completion, _problem),
}


def _audit_in_both(page: Any) -> None:
    """In light and in dark, where the colours alone differ."""
    page.emulate_media(color_scheme="light")
    assert _brightness(page) > 200
    audit(page)
    page.emulate_media(color_scheme="dark")
    assert _brightness(page) < 60
    audit(page, *COLOURS)


@pytest.mark.parametrize("states", STATES.values(), ids=list(STATES))
@pytest.mark.parametrize("look", ["phone", "light and dark"])
def test_axe_finds_nothing_serious(
    samples: str, visit: Visit, watch: Any, states: tuple[Callable[[Any], None], ...], look: str
) -> None:
    if _problem in states:
        watch.expect("status of 400")
    page = visit(samples, **(ON_PHONE if look == "phone" else {}))
    expect(tiles(page)).to_have_count(41)
    for state in states:
        state(page)
        if look == "phone":
            audit(page)
        else:
            _audit_in_both(page)


def test_the_page_of_the_interface_is_as_good(samples: str, visit: Visit) -> None:
    page = visit(samples, "/docs")
    expect(page.get_by_text("/api/search").first).to_be_visible()
    expect(page.get_by_text("/api/photo/{photo}/preview").first).to_be_visible()
    _audit_in_both(page)
