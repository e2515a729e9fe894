"""A real browser with the page open, which forgives nothing.

In every test: no error in the console, no breach of the content policy, no request that leaves
the server, no dialog. Whoever expects one of them says so (`Watch.expect`).
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.browser.engine import PATIENCE_MS, SCREEN, NoBrowser, chromium
from tests.browser.serving import Served, index_drawn, index_samples
from tests.command import Command, copied

DEMANDED = "PHOTOSEARCH_TEST_BROWSER"  # 1: a missing browser is a failure


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """All tests in this folder are of the browser: `-m browser` and `-m "not browser"`."""
    for item in items:
        if item.path.is_relative_to(Path(__file__).parent):
            item.add_marker(pytest.mark.browser)


@pytest.fixture(scope="package")
def browser() -> Iterator[Any]:
    """Of this folder, not longer: Playwright's event loop is in the way of other tests' loops."""
    try:
        with chromium() as opened:
            yield opened
    except NoBrowser as error:
        if os.environ.get(DEMANDED) == "1":
            pytest.fail(f"{error}; {DEMANDED}=1 demands one")
        pytest.skip(str(error))


@pytest.fixture(scope="session")
def sample_library(once: Callable[..., Command], read_signs: Command) -> Command:
    """The sample photos, those in signs/ read."""
    return once("browser-samples", lambda folder: index_samples(copied(read_signs, folder)))


@pytest.fixture(scope="package")
def samples(browser: Any, sample_library: Command) -> Iterator[str]:
    """The address of the sample photos."""
    yield from _served(sample_library)


@pytest.fixture(scope="package")
def drawn(browser: Any, once: Callable[..., Command]) -> Iterator[str]:
    """The address of 152 drawn photos, more than a page of results holds."""
    yield from _served(once("browser-drawn", index_drawn))


def _served(command: Command) -> Iterator[str]:
    served = Served(command)
    try:
        yield served.address
    finally:
        served.stop()


class Watch:
    """What must not happen while a page is open."""

    def __init__(self) -> None:
        self.address = ""
        self._seen: list[str] = []
        self._requests: list[str] = []
        self._expected: list[str] = []
        self._heard: dict[str, Callable[[Any], None]] = {
            "request": lambda request: self._requests.append(request.url),
            "console": self._console,
            "weberror": lambda error: self._seen.append(f"uncaught: {error.error}"),
            "dialog": self._dialog,
        }

    def expect(self, pattern: str) -> None:
        """Console lines of this pattern are part of the test."""
        self._expected.append(pattern)

    @property
    def has_seen(self) -> bool:
        return bool(self._seen)

    def requests(self, pattern: str) -> list[str]:
        return [url for url in self._requests if re.search(pattern, url)]

    def on(self, context: Any) -> None:
        for name, heard in self._heard.items():
            context.on(name, heard)

    def off(self, context: Any) -> None:
        for name, heard in self._heard.items():
            context.remove_listener(name, heard)

    def _console(self, message: Any) -> None:
        if message.type in ("error", "warning", "assert"):
            self._seen.append(f"{message.type}: {message.text} ({message.location.get('url')})")

    def _dialog(self, dialog: Any) -> None:
        self._seen.append(f"dialog: {dialog.message}")
        dialog.dismiss()

    def check(self) -> None:
        bad = [
            line for line in self._seen if not any(re.search(one, line) for one in self._expected)
        ]
        assert not bad, "\n".join(bad)
        own = (f"{self.address}/", "blob:", "data:", "about:")
        away = [url for url in self._requests if not url.startswith(own)]
        assert not away, f"requests that leave the server: {away}"


@pytest.fixture
def watch() -> Watch:
    return Watch()


class Windows:
    """Windows that tests use one after another: a new one takes thrice as long as a new address.

    Nothing of one test is found by the next: what the page keeps is cleared. A window that cannot
    be cleared is closed, and so is one with errors, for some of them are told late. The page
    itself leads to the empty one, which is of the same origin then: coming from an empty page of
    none, the next address would start a process anew.
    """

    def __init__(self, browser: Any) -> None:
        self._browser = browser
        self._free: dict[str, list[Any]] = {}

    def take(self, options: dict[str, Any]) -> Any:
        free = self._free.setdefault(repr(options), [])
        if free:
            return free.pop()
        context = self._browser.new_context(**options)
        context.set_default_timeout(PATIENCE_MS)
        return context.new_page()

    def give_back(self, page: Any, options: dict[str, Any]) -> None:
        """Must not fail: the test that had the window may have left it in any state."""
        context = page.context
        try:
            for other in context.pages:
                if other is not page:
                    other.close()
            page.unroute_all(behavior="ignoreErrors")
            page.evaluate("location.replace('about:blank')")
            page.wait_for_url("about:blank")
            page.evaluate("localStorage.clear(), sessionStorage.clear()")
            context.clear_cookies()
            page.emulate_media(
                color_scheme=options.get("color_scheme", "light"),
                reduced_motion=options["reduced_motion"],
                forced_colors="none",
            )
            page.set_viewport_size(options["viewport"])
        except Exception:
            context.close()
        else:
            self._free[repr(options)].append(page)


@pytest.fixture(scope="package")
def windows(browser: Any) -> Windows:
    return Windows(browser)


@pytest.fixture
def visit(windows: Windows, watch: Watch) -> Iterator[Callable[..., Any]]:
    """Opens an address in a window of its own: visit(address, path, **options of the context)."""
    taken: list[tuple[Any, dict[str, Any]]] = []

    def visited(address: str, path: str = "/", **options: Any) -> Any:
        watch.address = address
        options = {"viewport": SCREEN, "reduced_motion": "reduce"} | options
        page = windows.take(options)
        taken.append((page, options))
        watch.on(page.context)
        page.goto(address + path)
        return page

    yield visited
    for page, options in taken:
        context = page.context
        if watch.has_seen:
            context.close()
        else:
            windows.give_back(page, options)
        watch.off(context)
    watch.check()
