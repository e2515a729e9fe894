"""What axe-core says of a page as it is shown.

In: a page of Playwright, and the rules if not all. Out: an assertion that fails with what is
serious, and where.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from axe_playwright_python.sync_playwright import Axe

COLOURS = ("color-contrast", "link-in-text-block")  # the rules that look at colours


def audit(page: Any, *rules: str) -> None:
    options: dict[str, Any] = {"resultTypes": ["violations"]}
    if rules:
        options["runOnly"] = rules
    serious = list(_serious(Axe().run(page, options=options).response))
    assert not serious, "\n".join(serious)


def _serious(found: dict[str, Any]) -> Iterator[str]:
    for one in found["violations"]:
        if one["impact"] in ("serious", "critical"):
            places = [f"{node['target']} {node['failureSummary']}" for node in one["nodes"][:4]]
            yield f"{one['impact']} {one['id']}: {one['help']}: {'; '.join(places)}"
