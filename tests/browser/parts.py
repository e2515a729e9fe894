"""The parts of the page as somebody finds them: by role and name where there is one.

In: a page of Playwright. Out: locators; small deeds that several tests share.
"""

from __future__ import annotations

import base64
from typing import Any

from playwright.sync_api import expect

from tests.browser.engine import PATIENCE_MS

expect.set_options(timeout=PATIENCE_MS)


def box(page: Any) -> Any:
    return page.get_by_role("combobox", name="Search your photos")


def tiles(page: Any) -> Any:
    return page.locator("#grid .tile")


def tile(page: Any, name: str) -> Any:
    return page.locator(f'#grid .tile:has(img[alt="{name}"])')


def first(page: Any, name: str) -> None:
    """The best hit is, or becomes, this one."""
    expect(tiles(page).first.locator("img")).to_have_attribute("alt", name)


def names(page: Any) -> list[str]:
    return page.locator("#grid .tile img").evaluate_all("all => all.map((one) => one.alt)")


def counted(page: Any) -> Any:
    """The line that says how many there are."""
    return page.locator("#count")


def search(page: Any, text: str) -> None:
    """Type it, as fast as a machine does."""
    box(page).fill(text)


def filters(page: Any) -> Any:
    """The panel of filters, opened where it is not."""
    button = page.get_by_role("button", name="Filters", exact=True)
    if button.get_attribute("aria-expanded") != "true":
        button.click()
    panel = page.get_by_role("navigation", name="Filters")
    expect(panel.locator("[data-filter]").first).to_be_visible()
    return panel


def pick(page: Any, at: int) -> None:
    """Select the photo at this place by the mouse."""
    tiles(page).nth(at).hover()
    tiles(page).nth(at).get_by_role("checkbox").check()


def lightbox(page: Any) -> Any:
    return page.locator("#lightbox dialog")


def title(page: Any) -> Any:
    return page.locator("#lightbox-title")


def drop(page: Any, data: bytes, event: str, name: str = "example.jpg") -> None:
    """An image file that is dropped on the page, or pasted into it."""
    page.evaluate(
        """([encoded, event, name]) => {
          const bytes = Uint8Array.from(atob(encoded), (one) => one.charCodeAt(0));
          const held = new DataTransfer();
          held.items.add(new File([bytes], name, { type: "image/jpeg" }));
          const target = document.querySelector("main");
          const common = { bubbles: true, cancelable: true, composed: true };
          if (event === "paste") {
            const pasted = new ClipboardEvent("paste", { ...common, clipboardData: held });
            (document.activeElement ?? document.body).dispatchEvent(pasted);
            return;
          }
          for (const kind of ["dragenter", "dragover", "drop"]) {
            target.dispatchEvent(new DragEvent(kind, { ...common, dataTransfer: held }));
          }
        }""",
        [base64.b64encode(data).decode(), event, name],
    )


def fits(page: Any) -> None:
    """Nothing has to be scrolled sideways."""
    wide = page.evaluate("[document.documentElement.scrollWidth, innerWidth]")
    assert wide[0] <= wide[1], f"{wide[0]} pixels in a window of {wide[1]}"


def until(page: Any, test: str) -> None:
    """Wait for an expression to be true; Playwright's own way is what the page's policy forbids."""
    page.evaluate(
        """([test, patience]) => new Promise((done, fail) => {
          const late = setTimeout(() => fail(new Error(`never: ${test}`)), patience);
          const look = () => TEST ? (clearTimeout(late), done()) : requestAnimationFrame(look);
          look();
        })""".replace("TEST", f"({test})"),
        [test, PATIENCE_MS],
    )
