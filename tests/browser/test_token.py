"""A page behind a token: in a browser the address is opened once, and then does without it."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.browser.conftest import Watch
from tests.browser.parts import expect, first, search, tiles
from tests.browser.serving import Served
from tests.command import Command

Visit = Callable[..., Any]
TOKEN = "a-token-of-some-length-0123456789"


@pytest.fixture(scope="module")
def guarded(browser: Any, sample_library: Command) -> Iterator[str]:
    """The address of a server that wants the token, without it."""
    served = Served(sample_library, "--token", TOKEN)
    try:
        yield re.sub(r"/?\?.*", "", served.address)
    finally:
        served.stop()


def test_the_token_is_in_the_first_address_alone(guarded: str, visit: Visit, watch: Watch) -> None:
    watch.expect("status of 401")
    stranger = visit(guarded)
    expect(stranger.locator("body")).to_contain_text(re.compile("token", re.IGNORECASE))
    expect(tiles(stranger)).to_have_count(0)

    page = visit(guarded, f"/?q=exit&token={TOKEN}")
    expect(page).to_have_url(f"{guarded}/?q=exit")
    first(page, "exit-sign.jpg")
    search(page, "a cat")
    first(page, "cat.jpg")
    page.reload()
    first(page, "cat.jpg")
    expect(tiles(page).first).to_have_class(re.compile("loaded"))
    expect(page.locator("#facets")).to_contain_text("signs")  # nothing is asked any more
    assert page.evaluate("document.cookie") == ""  # no script reads it
    assert not [url for url in watch.requests("token=") if "/api/" in url or "/page/" in url]


def test_the_token_is_typed_into_a_form(guarded: str, visit: Visit, watch: Watch) -> None:
    watch.expect("status of 401")
    page = visit(guarded, "/?token=a-wrong-one-123")
    field = page.get_by_label("Token")
    expect(field).to_be_focused()
    field.fill("a-wrong-one-too-456")
    page.get_by_role("button", name="Show the photos").click()
    expect(page.get_by_label("Token")).to_have_value("")
    expect(tiles(page)).to_have_count(0)
    assert page.context.cookies() == []
    page.get_by_label("Token").fill(TOKEN)
    page.get_by_role("button", name="Show the photos").click()
    expect(tiles(page)).to_have_count(41)
    assert TOKEN not in page.url
    (kept,) = page.context.cookies()
    assert kept["httpOnly"]
    assert kept["sameSite"] == "Strict"
    assert TOKEN not in kept["value"]
    search(page, "exit")
    first(page, "exit-sign.jpg")
    page.goto(f"{guarded}/docs")
    expect(page.get_by_text("/api/search").first).to_be_visible()
