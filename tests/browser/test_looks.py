"""For eyes that differ: large text, narrow windows, no motion, the system's own colours."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest

from tests.browser.audit import audit
from tests.browser.engine import SCREEN
from tests.browser.parts import (
    box,
    expect,
    filters,
    first,
    fits,
    lightbox,
    pick,
    search,
    tiles,
)

Visit = Callable[..., Any]

# Pairs of controls, neither within the other, that can both be seen and lie on each other. Those
# of a tile lie on its picture, which is what they are for.
OVERLAPS = """() => {
  const dialog = document.querySelector("dialog[open]");
  const all = [...(dialog ?? document).querySelectorAll("button, input, select, a[href]")]
    .filter((one) => !one.closest(".tile, .map, .stage, .unseen, [inert]"))
    .filter((one) => one.checkVisibility({ visibilityProperty: true, opacityProperty: true }))
    .map((one) => [one, one.getBoundingClientRect()])
    .filter(([one, { width, height, top, left }]) => width > 2 && height > 2
      && [0.3, 0.7].some((share) => {  // what lies below a panel is not seen
        const seen = document.elementFromPoint(left + width * share, top + height / 2);
        return seen && (one.contains(seen) || seen.contains(one));
      }));
  const named = (one) => one.id || one.getAttribute("aria-label") || one.textContent.trim();
  const found = [];
  for (const [at, [one, a]] of all.entries()) {
    for (const [other, b] of all.slice(at + 1)) {
      if (one.contains(other) || other.contains(one)) continue;
      const wide = Math.min(a.right, b.right) - Math.max(a.left, b.left);
      const high = Math.min(a.bottom, b.bottom) - Math.max(a.top, b.top);
      // A button within a box of text, such as the cross that clears it, has room of its own there.
      if (one.matches("#q") || other.matches("#q")) continue;
      if (wide > 1 && high > 1) found.push(`${named(one)} and ${named(other)}`);
    }
  }
  return found;
}"""


def _open_first(page: Any) -> None:
    tiles(page).first.locator(".open").click()
    expect(lightbox(page)).to_contain_text("Photos like it")


@pytest.mark.parametrize(
    "options",
    [
        {"viewport": SCREEN},
        {"viewport": {"width": 390, "height": 844}, "is_mobile": True, "has_touch": True},
    ],
    ids=["window", "phone"],
)
def test_text_of_twice_the_size_leaves_every_control_its_place(
    samples: str, visit: Visit, options: dict[str, Any]
) -> None:
    page = visit(samples, "/?q=exit", **options)
    first(page, "exit-sign.jpg")
    page.evaluate("document.documentElement.style.fontSize = '32px'")
    for state in (None, filters, _open_first):
        if state:
            state(page)
        fits(page)
        assert page.evaluate(OVERLAPS) == [], state
        audit(page)
        if state is filters and "is_mobile" in options:
            page.get_by_role("button", name="Close the filters").tap()


def test_a_window_of_320_pixels_holds_all(samples: str, visit: Visit) -> None:
    """What WCAG calls reflow: a window of 1280 pixels, zoomed to 400 %."""
    page = visit(samples, "/?q=exit", viewport={"width": 320, "height": 256})
    first(page, "exit-sign.jpg")
    fits(page)
    assert page.evaluate(OVERLAPS) == []
    _open_first(page)
    fits(page)
    assert page.evaluate(OVERLAPS) == []


# What moves although the system asks for none: elements whose place or size is animated.
MOVING = """() => [...document.querySelectorAll("*")].flatMap((one) => {
  if (!one.checkVisibility()) return [];
  const style = getComputedStyle(one);
  const long = (text) => text.split(",").some((part) => parseFloat(part) > 0.05);
  const moves = /all|transform|translate|scale|rotate|top|left|width|height|margin|scroll/;
  const found = [];
  const { transitionDuration, transitionProperty, animationName, animationDuration } = style;
  if (long(transitionDuration) && moves.test(transitionProperty)) found.push("transition");
  if (animationName !== "none" && long(animationDuration)) found.push(animationName);
  if (style.scrollBehavior === "smooth") found.push("smooth scrolling");
  return found.map((what) => `${one.tagName}.${one.className.baseVal ?? one.className}: ${what}`);
})"""


def test_nothing_moves_where_no_motion_is_wanted(samples: str, visit: Visit) -> None:
    page = visit(samples, "/?q=exit")
    first(page, "exit-sign.jpg")
    assert page.evaluate(MOVING) == []
    filters(page)
    pick(page, 0)
    assert page.evaluate(MOVING) == []
    _open_first(page)
    assert page.evaluate(MOVING) == []


def test_the_colours_of_the_system_tell_what_is_chosen(samples: str, visit: Visit) -> None:
    page = visit(samples, "/?q=exit")
    first(page, "exit-sign.jpg")
    page.emulate_media(forced_colors="active")
    looks = """one => {
      const names = "backgroundColor color borderColor borderWidth outlineStyle outlineColor " +
        "textDecorationLine fontWeight content";
      return [null, "::before", "::after"].flatMap((part) =>
        names.split(" ").map((name) => getComputedStyle(one, part)[name])).join();
    }"""
    panel = filters(page)
    value = panel.locator("[data-filter]").first
    before = value.evaluate(looks)
    value.click()
    expect(value).to_have_attribute("aria-pressed", "true")
    page.mouse.move(0, 0)
    box(page).focus()
    assert value.evaluate(looks) != before
    search(page, "exit")
    first(page, "exit-sign.jpg")
    # Where the keys are.
    for one in (
        tiles(page).first.locator(".open"),
        page.get_by_role("button", name="Filters", exact=True),
    ):
        page.keyboard.press("Tab")
        one.focus()
        assert one.evaluate("one => getComputedStyle(one).outlineStyle") != "none"
    # What is selected.
    pick(page, 0)
    page.mouse.move(0, 0)
    assert tiles(page).first.get_by_role("checkbox").is_visible()
    # A dialog has an edge, for its shadow is not painted.
    page.get_by_role("button", name=re.compile("^How to search")).locator(
        "visible=true"
    ).first.click()
    dialog = page.get_by_role("dialog", name="How to search")
    assert dialog.evaluate("one => parseFloat(getComputedStyle(one).borderTopWidth)") > 0
    audit(page)
