"""Photos that are selected: by mouse and keys, over searches and reloads; as ZIP and as a list."""

from __future__ import annotations

import hashlib
import re
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.browser.parts import counted, expect, names, pick, search, tiles, until
from tests.browser.serving import QUOTED

Visit = Callable[..., Any]


def bar(page: Any) -> Any:
    return page.get_by_role("region", name="Selected photos")


def selected(page: Any) -> list[int]:
    """The places of the tiles that look selected, whose boxes must say the same."""
    looks, boxes = (
        tiles(page).evaluate_all(f"all => all.flatMap((one, at) => {test} ? [at] : [])")
        for test in ("one.classList.contains('selected')", "one.querySelector('.pick').checked")
    )
    assert looks == boxes
    return list(looks)


def test_selected_photos_come_as_a_zip_of_the_originals(
    drawn: str, visit: Visit, tmp_path: Path
) -> None:
    page = visit(drawn)
    expect(tiles(page).nth(3)).to_be_visible()
    for at in (0, 3):
        pick(page, at)
    search(page, "name:*quoted*")
    expect(tiles(page)).to_have_count(1)
    pick(page, 0)
    expect(bar(page)).to_contain_text("3 selected")
    search(page, "")
    expect(tiles(page).nth(3)).to_be_visible()
    wanted = {tiles(page).nth(at).get_attribute("data-photo") for at in (0, 3)}
    with page.expect_download() as download:
        bar(page).get_by_role("button", name="Download ZIP").click()
    download.value.save_as(tmp_path / "photos.zip")
    with zipfile.ZipFile(tmp_path / "photos.zip") as archive:
        assert archive.testzip() is None
        inside = {hashlib.sha256(archive.read(one)).hexdigest(): one for one in archive.namelist()}
    assert len(inside) == 3
    assert wanted < set(inside)
    (quoted,) = (name for digest, name in inside.items() if digest not in wanted)
    assert quoted.endswith(".jpg")
    assert "/../" not in f"/{quoted}/"
    assert "quoted" in Path(quoted).name
    assert Path(quoted).name == QUOTED or not set('<>:"|?*') & set(quoted)


def test_shift_selects_all_between_and_takes_them_back(drawn: str, visit: Visit) -> None:
    page = visit(drawn, permissions=["clipboard-read", "clipboard-write"])
    expect(tiles(page).nth(6)).to_be_visible()
    pick(page, 1)
    tiles(page).nth(4).locator(".open").click(modifiers=["Shift"])
    expect(bar(page)).to_contain_text("4 selected")
    assert selected(page) == [1, 2, 3, 4]
    bar(page).get_by_role("button", name="Copy the list of paths").click()
    expect(page.get_by_text("4 paths copied")).to_be_visible()
    paths = page.evaluate("navigator.clipboard.readText()").splitlines()
    assert [Path(one).name for one in paths] == names(page)[1:5]
    assert all(Path(one).is_file() for one in paths)
    # By the box too, and from the photo that was touched last.
    tiles(page).nth(6).hover()
    tiles(page).nth(6).get_by_role("checkbox").click(modifiers=["Shift"])
    expect(bar(page)).to_contain_text("6 selected")
    tiles(page).nth(5).hover()
    tiles(page).nth(5).get_by_role("checkbox").uncheck()
    expect(bar(page)).to_contain_text("5 selected")
    assert selected(page) == [1, 2, 3, 4, 6]
    bar(page).get_by_role("button", name="Clear the selection").click()
    expect(bar(page)).to_be_hidden()
    assert selected(page) == []


def test_keys_select_and_a_reload_keeps_what_was(drawn: str, visit: Visit) -> None:
    page = visit(drawn)
    expect(tiles(page).nth(3)).to_be_visible()
    tiles(page).first.locator(".open").focus()
    page.keyboard.press("x")
    page.keyboard.press("ArrowRight")
    page.keyboard.press("Space")
    expect(bar(page)).to_contain_text("2 selected")
    assert selected(page) == [0, 1]
    until(page, "sessionStorage.length > 0")
    page.reload()
    expect(bar(page)).to_contain_text("2 selected")
    expect(tiles(page).nth(3)).to_be_visible()
    assert selected(page) == [0, 1]
    tiles(page).first.locator(".open").focus()
    page.keyboard.press("Control+a")
    expect(bar(page)).to_contain_text(re.compile(rf"\b{tiles(page).count()} selected"))
    assert len(selected(page)) == tiles(page).count()
    # Those that come later are not selected.
    loaded = tiles(page).count()
    page.mouse.move(640, 500)
    page.mouse.wheel(0, 20_000)
    expect(tiles(page).nth(loaded)).to_be_attached()
    assert selected(page) == list(range(loaded))
    page.keyboard.press("Escape")
    expect(bar(page)).to_be_hidden()


def test_the_box_keeps_its_own_select_all(drawn: str, visit: Visit) -> None:
    page = visit(drawn, "/?q=place:Kyoto")
    expect(counted(page)).to_have_text("38 photos")
    page.locator("#q").focus()
    page.keyboard.press("Control+a")
    page.keyboard.type("x100v")
    expect(page.locator("#q")).to_have_value("x100v")
    expect(bar(page)).to_be_hidden()


def test_photos_like_those_selected(samples: str, visit: Visit) -> None:
    page = visit(samples, "/?q=a+cat")
    expect(tiles(page).first.locator("img")).to_have_attribute("alt", "cat.jpg")
    for at in (0, 1):
        pick(page, at)
    bar(page).get_by_role("button", name=re.compile("like", re.IGNORECASE)).first.click()
    expect(page).to_have_url(re.compile("like=[0-9a-f]{64}&like=[0-9a-f]{64}"))
    expect(page.locator("#chips .chip")).to_have_count(2)
