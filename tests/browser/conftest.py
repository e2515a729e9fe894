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
from filelock import FileLock

from tests.browser.engine import SCREEN, NoBrowser, chromium
from tests.browser.serving import Served, index_drawn, index_samples
from tests.command import Command

DEMANDED = "PHOTOSEARCH_TEST_BROWSER"  # 1: a missing browser is a failure


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """All tests in this folder are of the browser: `-m browser` and `-m "not browser"`."""
    for item in items:
        if item.path.is_relative_to(Path(__file__).parent):
            item.add_marker(pytest.mark.browser)


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    """Of a module, not longer: Playwright's event loop is in the way of other tests' loops."""
    try:
        with chromium() as opened:
            yield opened
    except NoBrowser as error:
        if os.environ.get(DEMANDED) == "1":
            pytest.fail(f"{error}; {DEMANDED}=1 demands one")
        pytest.skip(str(error))


@pytest.fixture(scope="session")
def once(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Command]:
    """Makes a library once for all worker processes of a run of tests."""
    base = tmp_path_factory.getbasetemp()
    shared = base.parent if "PYTEST_XDIST_WORKER" in os.environ else base

    def made(name: str, index: Callable[[Path], Command]) -> Command:
        folder, done = shared / name, shared / f"{name}.done"
        with FileLock(shared / f"{name}.lock"):
            if done.exists():
                return Command(folder)
            folder.mkdir()
            command = index(folder)
            done.touch()
            return command

    return made


@pytest.fixture(scope="module")
def samples(browser: Any, once: Callable[..., Command]) -> Iterator[str]:
    """The address of the sample photos, those in signs/ read."""
    served = Served(once("browser-samples", index_samples))
    yield served.address
    served.stop()


@pytest.fixture(scope="module")
def drawn(browser: Any, once: Callable[..., Command]) -> Iterator[str]:
    """The address of 151 drawn photos, more than a page of results holds."""
    served = Served(once("browser-drawn", index_drawn))
    yield served.address
    served.stop()


class Watch:
    """What must not happen while a page is open."""

    def __init__(self) -> None:
        self.address = ""
        self._seen: list[str] = []
        self._requests: list[str] = []
        self._expected: list[str] = []

    def expect(self, pattern: str) -> None:
        """Console lines of this pattern are part of the test."""
        self._expected.append(pattern)

    def requests(self, pattern: str) -> list[str]:
        return [url for url in self._requests if re.search(pattern, url)]

    def on(self, context: Any) -> None:
        context.on("request", lambda request: self._requests.append(request.url))
        context.on("console", self._console)
        context.on("weberror", lambda error: self._seen.append(f"uncaught: {error.error}"))
        context.on("dialog", self._dialog)

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


@pytest.fixture
def visit(browser: Any, watch: Watch) -> Iterator[Callable[..., Any]]:
    """Opens an address in a window of its own: visit(address, path, **options of the context)."""
    contexts: list[Any] = []

    def visited(address: str, path: str = "/", **options: Any) -> Any:
        watch.address = address
        context = browser.new_context(**{"viewport": SCREEN, "reduced_motion": "reduce"} | options)
        context.set_default_timeout(10_000)
        contexts.append(context)
        watch.on(context)
        page = context.new_page()
        page.goto(address + path)
        return page

    yield visited
    for context in contexts:
        context.close()
    watch.check()
