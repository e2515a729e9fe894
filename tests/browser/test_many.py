"""A library of more photos than a page of results: scrolling, filters with counts, the map."""

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
    tiles,
    until,
)
from tests.browser.serving import DRAWN

Visit = Callable[..., Any]


def test_scrolling_brings_all_photos_each_once(drawn: str, visit: Visit) -> None:
    page = visit(drawn)
    expect(counted(page)).to_have_text(f"{DRAWN} photos")
    expect(tiles(page).nth(20)).to_be_attached()
    assert tiles(page).count() < DRAWN
    for _ in range(20):
        if tiles(page).count() == DRAWN:
            break
        before = tiles(page).count()
        page.mouse.move(640, 500)
        page.mouse.wheel(0, 20_000)
        expect(tiles(page).nth(before)).to_be_attached()
    found = tiles(page).evaluate_all("all => all.map((one) => one.dataset.photo)")
    assert len(found) == len(set(found)) == DRAWN


def test_back_from_a_photo_far_down_leads_to_the_same_place(drawn: str, visit: Visit) -> None:
    page = visit(drawn)
    expect(tiles(page).nth(20)).to_be_attached()
    page.mouse.move(640, 500)
    page.mouse.wheel(0, 900)
    until(page, "scrollY > 500")
    seen = page.evaluate(
        "[...document.querySelectorAll('.tile')].findIndex("
        "(one) => one.getBoundingClientRect().top > 200)"
    )
    tiles(page).nth(seen).locator(".open").click()
    expect(lightbox(page)).to_be_visible()
    page.go_back()
    expect(lightbox(page)).to_be_hidden()
    expect(tiles(page).nth(seen)).to_be_in_viewport()


def test_filters_keep_as_many_photos_as_they_promise(drawn: str, visit: Visit) -> None:
    page = visit(drawn)
    panel = filters(page)
    chosen = ""
    for group, value, qualifier in (
        ("cameras", "Pixel 6", 'camera:"Pixel 6"'),
        ("years", "2022", "date:2022"),
        ("places", "Kyoto", "place:Kyoto"),
    ):
        counts = _counts(page, chosen)
        promised = next(one["photos"] for one in counts[group] if one["value"] == value)
        button = panel.get_by_role("button", name=re.compile(f"^{value}"))
        # Counted among those that pass what was chosen before.
        expect(button.locator(".value-count")).to_have_text(str(promised))
        button.click()
        expect(box(page)).to_have_value(re.compile(re.escape(qualifier)))
        expect(counted(page)).to_have_text(f"{promised} photos")
        expect(button).to_have_attribute("aria-pressed", "true")
        chosen = f"{chosen} {qualifier}".strip()
    assert 0 < promised < 20
    page.reload()
    expect(counted(page)).to_have_text(f"{promised} photos")
    button.click()
    expect(box(page)).not_to_have_value(re.compile("Kyoto"))


def test_two_values_of_a_kind_are_either_and_counts_say_so(drawn: str, visit: Visit) -> None:
    page = visit(drawn)
    panel = filters(page)
    chosen, shown = "", DRAWN
    for group, values in (("cameras", ("Pixel 6", "X100V")), ("years", ("2021", "2023"))):
        # Values of one kind are counted as if none of it was chosen yet.
        counts = _counts(page, chosen)
        promised = 0
        for value in values:
            promise = next(one for one in counts[group] if one["value"] == value)
            button = panel.get_by_role("button", name=re.compile(f"^{value}"))
            expect(button).to_have_attribute("aria-pressed", "false")
            expect(button.locator(".value-count")).to_have_text(str(promise["photos"]))
            button.click()
            promised += promise["photos"]
            expect(counted(page)).to_have_text(f"{promised} photos")
            expect(button).to_have_attribute("aria-pressed", "true")
        assert 0 < promised < shown
        chosen, shown = box(page).input_value(), promised
    # One of a kind taken away again leaves the other.
    panel.get_by_role("button", name=re.compile("^2021")).click()
    expect(box(page)).to_have_value(re.compile("date:2023$"))


def _counts(page: Any, q: str) -> Any:
    return page.evaluate(
        "(q) => fetch(`/api/facets?q=${encodeURIComponent(q)}`).then((one) => one.json())", q
    )


def test_a_point_of_the_map_is_a_filter(drawn: str, visit: Visit) -> None:
    page = visit(drawn)
    point = filters(page).get_by_role("button", name=re.compile(r"38 photos near 35\.0.*135\."))
    point.scroll_into_view_if_needed()
    point.click()
    expect(box(page)).to_have_value(re.compile(r"near:.*35\.0"))
    expect(counted(page)).to_have_text("38 photos")
    page.go_back()
    expect(counted(page)).to_have_text(f"{DRAWN} photos")


def test_the_place_of_a_photo_is_named_and_leads_to_others_of_it(drawn: str, visit: Visit) -> None:
    page = visit(drawn, "/?q=place:Kyoto")
    tiles(page).first.locator(".open").click()
    expect(lightbox(page).locator(".lb-map svg").first).to_be_visible()
    lightbox(page).get_by_role("button", name=re.compile("Kyoto.*Japan")).click()
    expect(lightbox(page)).to_be_hidden()
    expect(box(page)).to_have_value(re.compile("place:.?Kyoto"))
    expect(counted(page)).to_have_text("38 photos")
