"""Says at the end of a run how many tests ran in a browser: `pytest -p tests.browser.counting`.

A run without a browser looks as green as one with; this line tells them apart.
"""

from __future__ import annotations

from typing import Any

FOLDER = "tests/browser/"


def pytest_terminal_summary(terminalreporter: Any) -> None:
    ours = {
        outcome: [one for one in reports if getattr(one, "nodeid", "").startswith(FOLDER)]
        for outcome, reports in terminalreporter.stats.items()
    }
    ran = len(ours.get("passed", [])) + len(ours.get("failed", []))
    seconds = sum(getattr(one, "duration", 0.0) for reports in ours.values() for one in reports)
    if ran:
        terminalreporter.write_line(f"{ran} tests ran in a browser, {seconds:.0f} s of all workers")
    elif left_out := len(ours.get("skipped", [])) + len(ours.get("error", [])):
        terminalreporter.write_line(
            f"no browser: {left_out} tests of the page did not run "
            "(install chromium, or name one by PHOTOSEARCH_CHROMIUM)"
        )
