"""The page in a browser: from the last key of a query to the frame that shows its results.

    python -m scripts.benchmarks.page [--sizes 1000 100000]

In: synthetic libraries, a chromium. Out: milliseconds by the size of the library, the smallest one
being what the others are compared with: what the browser and the pause for the next key take is the
same there. The photos have no files, so no previews are painted.
"""

from __future__ import annotations

import argparse
import signal
import statistics
from typing import Any

from scripts.benchmarks.common import SCRATCH, report
from scripts.benchmarks.synthetic import library_of
from scripts.benchmarks.web import PORT, start
from tests.browser.engine import chromium

TEXTS = (
    "cat|dog on grass|beach|red car|mountain|people at a table|snow|flower|bicycle|a child playing|"
    "street|keyboard|a boat|two horses|old house|train station|coffee cup|market|a bridge|night sky"
).split("|")
BETWEEN_KEYS = 110  # ms: somebody who types well
# The time of the last key, and of the first frame after the grid has changed with the answer to the
# whole text. Previews, which come later, change the grid as well.
WATCH = """() => {
  const box = document.getElementById("q");
  performance.setResourceTimingBufferSize(10000);
  const isAnswered = () => {
    const asked = new URLSearchParams({ q: box.value }).toString();
    return performance.getEntriesByType("resource").some(
      ({ name }) => name.includes("/api/search") && `${name}&`.includes(`${asked}&`));
  };
  box.addEventListener("input", () => {
    performance.clearResourceTimings();
    window.pressed = performance.now();
    window.painted = null;
  });
  new MutationObserver(() => {
    const key = window.pressed;
    if (window.painted !== null || !isAnswered()) return;
    requestAnimationFrame(() => setTimeout(() => {
      if (window.pressed === key) window.painted ??= performance.now() - key;
    }));
  }).observe(document.getElementById("grid"), { childList: true, subtree: true });
}"""


def painted(page: Any, text: str) -> float:
    """Milliseconds for one text, typed letter by letter."""
    page.fill("#q", "")
    page.wait_for_timeout(700)
    page.click("#q")
    page.keyboard.type(text, delay=BETWEEN_KEYS)
    page.wait_for_timeout(1500)
    found = page.evaluate("window.painted")
    assert found is not None, f"nothing was painted for {text!r}"
    return float(found)


def measure(photos: int) -> list[float]:
    server = start(library_of(photos), SCRATCH / "page-cache")
    try:
        with chromium() as browser:
            page = browser.new_page(viewport={"width": 1280, "height": 800})
            page.goto(f"http://127.0.0.1:{PORT}/")
            page.wait_for_selector(".tile")
            page.wait_for_timeout(1500)
            page.evaluate(WATCH)
            painted(page, "warm")
            return [painted(page, text) for text in TEXTS]
    finally:
        server.send_signal(signal.SIGTERM)
        server.wait()


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--sizes", type=int, nargs="+", default=[1000, 100_000])
    options = parser.parse_args()
    medians = {size: measure(size) for size in options.sizes}
    least = statistics.median(medians[min(medians)])
    rows: list[dict[str, object]] = [
        {
            "photos": size,
            "p50_ms": round(statistics.median(found), 1),
            "p95_ms": round(statistics.quantiles(found, n=20)[18], 1),
            "ratio": round(statistics.median(found) / least, 2),
        }
        for size, found in medians.items()
    ]
    report("page", rows)


if __name__ == "__main__":
    main()
