"""The address says all: reload, Back, a bookmark in another window; an image that one tab knows."""

from __future__ import annotations

import hashlib
import io
import re
from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import pytest
from PIL import Image

from tests.browser.parts import box, counted, drop, expect, first, lightbox, search, tile, tiles
from tests.command import SAMPLES

Visit = Callable[..., Any]
ASKED = {
    "text": {"q": "a cat"},
    "oldest": {"sort": "oldest"},
    "by name": {"sort": "name"},
    "words alone": {"q": "exit", "words": "true"},
    "looks alone": {"q": "exit", "words": "false"},
    "like": {"like": ["cat.jpg"]},
    "like some, not others": {"like": ["cat.jpg", "cow.jpg"], "unlike": ["lemurs.jpg"]},
    "part": {"like": ["cat.jpg"], "crop": "100,50,300,300"},
}


@pytest.mark.parametrize("asked", ASKED.values(), ids=list(ASKED))
def test_a_reload_shows_the_same_as_the_interface_finds(
    samples: str, visit: Visit, asked: dict[str, Any]
) -> None:
    query = urlencode(
        {k: [id_of(name) for name in v] if isinstance(v, list) else v for k, v in asked.items()},
        doseq=True,
    )
    page = visit(samples, f"/?{query}")
    wanted = page.evaluate(
        "(query) => fetch(`/api/search?k=60&${query}`).then((one) => one.json())", query
    )
    wanted = [hit["photo"] for hit in wanted["hits"]]
    assert wanted
    for again in (False, True):
        if again:
            page.reload()
        expect(tiles(page)).to_have_count(len(wanted))
        expect(tiles(page).first).to_have_attribute("data-photo", wanted[0])
        shown = tiles(page).evaluate_all("all => all.map((one) => one.dataset.photo)")
        # Weak hits are listed below the others, in the same order.
        assert shown == wanted
        assert parse_qs(urlsplit(page.url).query) == parse_qs(query)
    expect(box(page)).to_have_value(str(asked.get("q", "")))
    if "sort" in asked:
        expect(page.get_by_label("Order")).to_have_value(asked["sort"])
    if "words" in asked:
        expect(page.get_by_label("Match by")).to_have_value(asked["words"])
    chips = len(asked.get("like", [])) + len(asked.get("unlike", []))
    expect(page.locator("#chips .chip")).to_have_count(chips)


def test_a_dropped_image_is_there_after_back_and_reload_but_in_no_other_window(
    samples: str, visit: Visit
) -> None:
    page = visit(samples)
    expect(tiles(page)).to_have_count(41)
    drop(page, smaller("animals/kitten-playing.jpg"), "drop")
    first(page, "kitten-playing.jpg")
    expect(page).to_have_url(re.compile("example="))
    bookmark = page.url.removeprefix(samples)
    page.go_back()
    expect(counted(page)).to_have_text("41 photos")
    expect(page.locator("#chips")).to_be_hidden()
    page.go_forward()
    first(page, "kitten-playing.jpg")
    page.reload()
    first(page, "kitten-playing.jpg")
    picture = page.locator("#chips img").first
    expect(picture).to_have_js_property("complete", True)
    assert picture.evaluate("one => one.naturalWidth") > 0
    tile(page, "cat.jpg").locator(".open").click()
    expect(lightbox(page)).to_be_visible()
    page.go_back()
    expect(lightbox(page)).to_be_hidden()
    first(page, "kitten-playing.jpg")

    other = visit(samples, bookmark)
    expect(counted(other)).to_have_text("41 photos")
    expect(other).not_to_have_url(re.compile("example="))
    expect(other.locator("#problem")).to_contain_text("drop or paste it once more")
    expect(other.locator("#chips")).to_be_hidden()


def test_a_text_beside_a_dropped_image_counts(samples: str, visit: Visit) -> None:
    page = visit(samples)
    expect(tiles(page)).to_have_count(41)
    drop(page, smaller("animals/kitten-playing.jpg"), "drop")
    first(page, "kitten-playing.jpg")
    with page.expect_response(re.compile(r"/api/similar\?.*q=in")) as answer:
        search(page, "in:places")
    assert answer.value.request.method == "POST"
    expect(counted(page)).to_contain_text("16")
    assert page.locator("#grid .tile .open").evaluate_all(
        "all => all.every((one) => one.title.includes('/places/'))"
    )


def test_the_order_that_is_chosen_is_in_the_address_and_back_undoes_it(
    samples: str, visit: Visit
) -> None:
    page = visit(samples)
    expect(tiles(page)).to_have_count(41)
    newest = _days(page)
    page.get_by_label("Order").select_option("oldest")
    expect(page).to_have_url(re.compile("sort=oldest"))
    expect(tiles(page).first.locator("time")).to_have_attribute("datetime", min(newest))
    assert _days(page) == sorted(newest)
    page.go_back()
    expect(page).not_to_have_url(re.compile("sort="))
    expect(tiles(page).first.locator("time")).to_have_attribute("datetime", max(newest))


def _days(page: Any) -> list[str]:
    return [
        day
        for day in page.locator("#grid time").evaluate_all("all => all.map((one) => one.dateTime)")
        if day
    ]


def id_of(name: str) -> str:
    (path,) = SAMPLES.rglob(name)
    return hashlib.sha256(path.read_bytes()).hexdigest()


def smaller(name: str) -> bytes:
    """Another file of the same picture: no digest gives it away."""
    with Image.open(SAMPLES / name) as image:
        image.thumbnail((300, 300))
        file = io.BytesIO()
        image.convert("RGB").save(file, "JPEG", quality=80)
    return file.getvalue()


def test_the_page_is_loaded_once(samples: str, visit: Visit) -> None:
    """In the next window, all its files come out of the browser's own store."""
    sent = """() => performance.getEntriesByType("resource")
        .filter((one) => one.name.includes("/page/")).map((one) => one.transferSize)"""
    page = visit(samples)
    expect(tiles(page).first).to_be_visible()
    assert len(page.evaluate(sent)) > 40
    again = page.context.new_page()
    again.goto(samples)
    expect(tiles(again).first).to_be_visible()
    sizes = again.evaluate(sent)
    assert (len(sizes) > 40, sum(sizes)) == (True, 0)
