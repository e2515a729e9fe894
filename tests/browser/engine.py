"""The browser that tests and screenshots are made with.

In: what is installed. Out: Chromium, started; or the reason why there is none.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

VARIABLE = "PHOTOSEARCH_CHROMIUM"
NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
SCREEN = {"width": 1280, "height": 800}
PHONE = {"width": 390, "height": 844}
PATIENCE_MS = 40_000  # machines that test for many are slow


class NoBrowser(Exception):
    """There is none here."""


@contextmanager
def chromium() -> Iterator[Any]:
    """A browser of Playwright; raises NoBrowser."""
    try:
        from playwright.sync_api import Error, sync_playwright
    except ImportError as error:
        raise NoBrowser("no Playwright: pip install playwright") from error
    named = os.environ.get(VARIABLE)
    names = (named,) if named else NAMES
    program = next((path for name in names if (path := shutil.which(name))), named)
    # Chromium refuses its sandbox to root.
    arguments = ["--no-sandbox"] if hasattr(os, "geteuid") and os.geteuid() == 0 else []
    with sync_playwright() as playwright:
        try:
            browser = playwright.chromium.launch(executable_path=program, args=arguments)
        except Error as error:
            if program:  # there is one, and it does not start: that is no reason to go without
                raise
            raise NoBrowser(
                f"no browser: install chromium, or name a Chromium or Chrome by {VARIABLE}"
            ) from error
        try:
            yield browser
        finally:
            browser.close()
