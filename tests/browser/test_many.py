"""A library of drawn photos: scrolling, filters with counts, selection, awful names."""

from __future__ import annotations

import hashlib
import re
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.browser.conftest import Watch
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
    page.wait_for_function("scrollY > 500")
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
        counts = page.evaluate(
            "(q) => fetch(`/api/facets?q=${encodeURIComponent(q)}`).then((one) => one.json())",
            chosen,
        )
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


def test_qualifiers_are_completed_by_keys(drawn: str, visit: Visit, watch: Watch) -> None:
    watch.expect("status of 400")  # a qualifier that is half typed
    page = visit(drawn)
    expect(tiles(page).first).to_be_visible()
    search(page, "came")
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


def test_selected_photos_come_as_a_zip_of_the_originals(
    drawn: str, visit: Visit, tmp_path: Path
) -> None:
    page = visit(drawn)
    expect(tiles(page).nth(3)).to_be_visible()
    for at in (0, 3):
        pick(page, at)
    wanted = {tiles(page).nth(at).get_attribute("data-photo") for at in (0, 3)}
    bar = page.get_by_role("region", name="Selected photos")
    expect(bar).to_contain_text("2 selected")
    with page.expect_download() as download:
        bar.get_by_role("button", name="Download ZIP").click()
    download.value.save_as(tmp_path / "photos.zip")
    with zipfile.ZipFile(tmp_path / "photos.zip") as archive:
        assert archive.testzip() is None
        digests = {hashlib.sha256(archive.read(one)).hexdigest() for one in archive.namelist()}
    assert digests == wanted


def test_paths_of_a_range_are_copied_and_the_selection_is_cleared(drawn: str, visit: Visit) -> None:
    page = visit(drawn, permissions=["clipboard-read", "clipboard-write"])
    expect(tiles(page).nth(4)).to_be_visible()
    pick(page, 1)
    tiles(page).nth(4).locator(".open").click(modifiers=["Shift"])
    bar = page.get_by_role("region", name="Selected photos")
    expect(bar).to_contain_text("4 selected")
    bar.get_by_role("button", name="Copy the list of paths").click()
    expect(page.get_by_text("4 paths copied")).to_be_visible()
    paths = page.evaluate("navigator.clipboard.readText()").splitlines()
    assert [Path(one).name for one in paths] == names(page)[1:5]
    assert all(Path(one).is_file() for one in paths)
    bar.get_by_role("button", name="Clear the selection").click()
    expect(bar).to_be_hidden()


def test_the_place_of_a_photo_is_named_and_leads_to_others_of_it(drawn: str, visit: Visit) -> None:
    page = visit(drawn, "/?q=place:Kyoto")
    tiles(page).first.locator(".open").click()
    expect(lightbox(page).locator(".lb-map svg").first).to_be_visible()
    lightbox(page).get_by_role("button", name=re.compile("Kyoto.*Japan")).click()
    expect(lightbox(page)).to_be_hidden()
    expect(box(page)).to_have_value(re.compile("place:.?Kyoto"))
    expect(counted(page)).to_have_text("38 photos")


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
        promised = value.locator(".value-count").inner_text()
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


def test_awful_addresses_do_no_harm(drawn: str, visit: Visit) -> None:
    for path in (
        "/?q=%3Cimg%20src%3Dx%20onerror%3Dalert(1)%3E&sort=%22%3E%3Cscript%3Ealert(1)%3C/script%3E",
        "/?photo=%3Cscript%3E&like=../../etc/passwd&example=javascript:alert(1)&crop=%3Cb%3E",
    ):
        page = visit(drawn, path)
        expect(tiles(page).first).to_be_visible()
