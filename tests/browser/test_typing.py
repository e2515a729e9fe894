"""Letters as they come: answers out of order, input methods, completion by keys."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from tests.browser.conftest import Watch
from tests.browser.parts import box, counted, expect, first, search, tiles

Visit = Callable[..., Any]


class Held:
    """Requests of some pattern, which are answered when told to."""

    def __init__(self, page: Any, pattern: str) -> None:
        self._routes: list[Any] = []
        page.route(re.compile(pattern), lambda route: self._routes.append(route))

    def __len__(self) -> int:
        return len(self._routes)

    def answer(self) -> None:
        for route in self._routes:
            route.fulfill(response=route.fetch())
        self._routes.clear()


def test_what_was_typed_last_wins_over_an_answer_that_comes_late(
    samples: str, visit: Visit
) -> None:
    page = visit(samples)
    expect(tiles(page)).to_have_count(41)
    late = Held(page, r"/api/search\?.*q=a\+cat")
    with page.expect_request(re.compile(r"/api/search\?.*q=a\+cat")):
        search(page, "a cat")
    search(page, "two dogs")
    first(page, "dogs-at-door.jpg")
    assert late
    late.answer()
    page.evaluate("fetch('/api/status').then((answer) => answer.json())")
    first(page, "dogs-at-door.jpg")
    expect(box(page)).to_have_value("two dogs")


def test_the_photos_of_the_last_letters_stay_until_the_next_answer(
    samples: str, visit: Visit
) -> None:
    page = visit(samples, "/?q=exit")
    first(page, "exit-sign.jpg")
    late = Held(page, r"/api/search\?.*q=a\+cat")
    with page.expect_request(re.compile(r"/api/search\?.*q=a\+cat")):
        search(page, "a cat")
    first(page, "exit-sign.jpg")
    late.answer()
    first(page, "cat.jpg")


def test_a_late_page_of_old_results_is_not_put_below_new_ones(drawn: str, visit: Visit) -> None:
    page = visit(drawn)
    late = Held(page, r"/api/search\?.*offset=[1-9]")
    expect(tiles(page).nth(20)).to_be_attached()
    with page.expect_request(re.compile("offset=[1-9]")):
        page.mouse.move(640, 500)
        page.mouse.wheel(0, 30_000)
    search(page, "place:Kyoto")
    expect(counted(page)).to_have_text("38 photos")
    assert late
    late.answer()
    page.evaluate("fetch('/api/status').then((answer) => answer.json())")
    expect(tiles(page)).to_have_count(38)


def test_an_input_method_is_waited_for(samples: str, visit: Visit, watch: Watch) -> None:
    page = visit(samples)
    expect(tiles(page)).to_have_count(41)
    box(page).focus()
    keys = page.context.new_cdp_session(page)
    for part in ("y", "yi", "yi zhi", "yi zhi mao"):
        keys.send(
            "Input.imeSetComposition",
            {"text": part, "selectionStart": len(part), "selectionEnd": len(part)},
        )
    expect(box(page)).to_have_value("yi zhi mao")
    # Longer than the page waits for another letter, so that it would have asked.
    page.evaluate("new Promise((done) => setTimeout(done, 400))")
    keys.send("Input.insertText", {"text": "一只猫"})
    expect(box(page)).to_have_value("一只猫")
    first(page, "cat.jpg")
    expect(page).to_have_url(re.compile(r"q=%E4%B8%80%E5%8F%AA%E7%8C%AB$"))
    assert not watch.requests(r"/api/(search|complete)\?.*q=y")
    page.reload()
    expect(box(page)).to_have_value("一只猫")
    first(page, "cat.jpg")


def test_qualifiers_are_completed_by_keys_and_by_the_mouse(drawn: str, visit: Visit) -> None:
    page = visit(drawn)
    expect(tiles(page).first).to_be_visible()
    box(page).press_sequentially("came")
    choices = page.get_by_role("listbox", name="Completions")
    expect(choices.get_by_role("option", name=re.compile("camera:"))).to_be_visible()
    box(page).press("ArrowDown")
    expect(box(page)).to_have_attribute("aria-activedescendant", re.compile("choice-0"))
    box(page).press("Enter")
    expect(box(page)).to_have_value(re.compile("^camera:"))
    option = choices.get_by_role("option").filter(has_text="Pixel 6")
    expect(option).to_contain_text("50")
    option.click()
    expect(box(page)).to_have_value(re.compile('^camera:"Pixel 6" ?$'))
    expect(counted(page)).to_have_text("50 photos")
    # Whoever goes on typing types behind it.
    box(page).press_sequentially("place:Ky")
    expect(choices.get_by_role("option").filter(has_text="Kyoto")).to_be_visible()
    box(page).press("Tab")
    expect(box(page)).to_have_value(re.compile('^camera:"Pixel 6" place:Kyoto ?$'))
    expect(box(page)).to_be_focused()


def test_what_the_arrows_chose_stays_chosen_when_a_later_answer_comes(
    drawn: str, visit: Visit
) -> None:
    page = visit(drawn)
    expect(tiles(page).first).to_be_visible()
    box(page).press_sequentially("camera:")
    choices = page.get_by_role("listbox", name="Completions").get_by_role("option")
    expect(choices).to_have_count(3)
    late = Held(page, r"/api/complete\?")
    with page.expect_request(re.compile(r"/api/complete\?")):
        box(page).press("v")
    chosen = page.locator("#choices [aria-selected=true]")
    for _ in range(3):
        box(page).press("ArrowDown")
        if "X100V" in chosen.inner_text():
            break
    expect(chosen).to_contain_text("X100V")
    assert late
    late.answer()
    expect(choices).to_have_count(1)
    expect(chosen).to_contain_text("X100V")
    expect(box(page)).to_have_attribute("aria-activedescendant", "choice-0")
    box(page).press("Enter")
    expect(box(page)).to_have_value(re.compile("^camera:X100V ?$"))
    expect(counted(page)).to_have_text("50 photos")


def test_escape_closes_the_completions_before_it_clears_the_text(drawn: str, visit: Visit) -> None:
    page = visit(drawn)
    box(page).press_sequentially("place:")
    choices = page.get_by_role("listbox", name="Completions")
    expect(choices).to_be_visible()
    expect(box(page)).to_have_attribute("aria-expanded", "true")
    box(page).press("Escape")
    expect(choices).to_be_hidden()
    expect(box(page)).to_have_attribute("aria-expanded", "false")
    expect(box(page)).to_have_value("place:")
    box(page).press("Escape")
    expect(box(page)).to_have_value("")
    expect(tiles(page).nth(20)).to_be_attached()
