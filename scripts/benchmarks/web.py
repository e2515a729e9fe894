"""`photosearch serve` with many users at once: how long each kind of request takes over HTTP.

    python -m scripts.benchmarks.web [--photos 100000] [--users 20] [--seconds 60]

In: a synthetic library. Out: p50 and p95 by kind of request, of all users and of one alone,
requests a second, the processor time that the server takes, and the requests that failed; beside
them the time of such a query by the command line. Each user types queries letter by letter (50
words a minute and more), and takes back what is not answered when the next letter comes; asks for
the counts; scrolls through the hits, and looks at each page for 1.5 to 5 s. One alone asks one
thing after another, 60 of each kind, each of them new. The server is a process of its own, and so
are the users. The photos have no files, so there are no previews to ask for.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import multiprocessing
import os
import random
import shutil
import signal
import statistics
import subprocess
import sys
import time
import urllib.request
from collections import Counter, defaultdict
from contextlib import suppress
from pathlib import Path
from typing import Any

from scripts.benchmarks.common import SCRATCH, aim, report, run
from scripts.benchmarks.synthetic import library_of

PORT = 8479
SUBJECTS = "dog cat beach mountain sunset bicycle church forest keyboard coffee train boat".split()
SCENES = ["at night", "in the snow", "on the street", "near a lake", "with people", "in a museum"]
FILTERS = ["date:2015", "camera:canon", "place:France", "tag:cat", "orientation:portrait", ""]
LETTER_SECONDS = (0.08, 0.25)  # between two letters: 50 words a minute and more
PAGE_WAITS = 0.12  # what the page waits for the next letter before it asks: of two letters one asks
LOOKING_SECONDS = (1.5, 5.0)
ALONE = 60  # requests of each kind
BY_COMMAND = 7

Times = dict[str, list[float]]


class User:
    """Somebody at the page."""

    def __init__(self, client: Any, seed: int) -> None:
        self._client = client
        self._chance = random.Random(seed)
        self.times: Times = defaultdict(list)
        self.failed: Counter[str] = Counter()
        self.taken_back = 0

    async def use(self, until: float) -> None:
        await self._ask("list", "/api/search", q="", k=50)
        while time.monotonic() < until:
            text = await self._type(until)
            await self._ask("search", "/api/search", q=text, k=50)
            await self._ask("facets", "/api/facets", q=text)
            for page in range(1, self._chance.choice((1, 3, 6))):
                await self._look()
                await self._ask("scroll", "/api/search", q=text, k=50, offset=50 * page)
            await self._look()

    async def measure(self) -> None:
        """One thing after another, as quickly as they are answered."""
        texts = [f"{subject} {scene}" for scene in SCENES for subject in SUBJECTS]
        for number, text in enumerate(self._chance.sample(texts, ALONE)):
            whole = f"{text} {FILTERS[number % len(FILTERS)]}".strip()
            await self._ask("list", "/api/search", q="", k=50, offset=50 * number)
            await self._ask("typing", "/api/search", q=text[:-2], k=50, typing="true")
            await self._ask("complete", "/api/complete", q=text[:-2], at=len(text) - 2)
            await self._ask("search", "/api/search", q=whole, k=50)
            await self._ask("facets", "/api/facets", q=f"{whole} after:{1990 + number % 30}")
            await self._ask("scroll", "/api/search", q=whole, k=50, offset=50)
            await self._ask("deep scroll", "/api/search", q=whole, k=50, offset=900)

    async def _type(self, until: float) -> str:
        chance = self._chance
        parts = [chance.choice(SUBJECTS), chance.choice(SCENES), chance.choice(FILTERS)]
        text = " ".join(filter(None, parts))
        waiting: asyncio.Task[None] | None = None
        for end in range(1, len(text) + 1):
            pause = chance.uniform(*LETTER_SECONDS)
            if time.monotonic() > until:
                break
            if waiting is not None and not waiting.done():
                waiting.cancel()
                self.taken_back += 1
            if pause >= PAGE_WAITS:
                # The unfinished name of a filter is no query yet, nor is it asked for.
                typed = (
                    text[:end].rpartition(" ")[0]
                    if ":" in text[:end].split(" ")[-1]
                    else text[:end]
                )
                waiting = asyncio.create_task(self._type_one(typed, text[:end]))
            await asyncio.sleep(pause)
        if waiting is not None:
            with suppress(asyncio.CancelledError):
                await waiting
        return text

    async def _type_one(self, typed: str, whole: str) -> None:
        await self._ask("typing", "/api/search", q=typed, k=50, typing="true")
        await self._ask("complete", "/api/complete", q=whole, at=len(whole))

    async def _look(self) -> None:
        await asyncio.sleep(self._chance.uniform(*LOOKING_SECONDS))

    async def _ask(self, kind: str, path: str, **parameters: object) -> None:
        started = time.perf_counter()
        try:
            reply = await self._client.get(path, params=parameters)
            if reply.status_code != 200:
                self.failed[f"{kind}: {reply.status_code} {reply.text[:100]}"] += 1
        except OSError as error:
            self.failed[f"{kind}: {error!r}"] += 1
        else:
            self.times[kind].append(time.perf_counter() - started)


def users(count: int, seconds: float, out: Any) -> None:
    """All users, in this process."""
    out.put(asyncio.run(_users(count, seconds)))


async def _users(count: int, seconds: float) -> dict[str, Any]:
    import httpx2

    async with httpx2.AsyncClient(
        base_url=f"http://127.0.0.1:{PORT}",
        timeout=30,
        limits=httpx2.Limits(max_connections=None, max_keepalive_connections=6 * count),
        trust_env=False,
    ) as client:
        people = [User(client, seed) for seed in range(count)]
        started = time.monotonic()
        if count == 1:
            await people[0].measure()
        else:
            await asyncio.gather(*(one.use(started + seconds) for one in people))
        took = time.monotonic() - started
    times: Times = defaultdict(list)
    failed: Counter[str] = Counter()
    for one in people:
        failed += one.failed
        for kind, found in one.times.items():
            times[kind] += found
    return {
        "times": dict(times),
        "failed": dict(failed),
        "taken_back": sum(one.taken_back for one in people),
        "seconds": took,
    }


def in_a_process(count: int, seconds: float) -> dict[str, Any]:
    context = multiprocessing.get_context("spawn")
    out = context.Queue()
    process = context.Process(target=users, args=(count, seconds, out))
    process.start()
    found: dict[str, Any] = out.get(timeout=seconds + 120)
    process.join()
    return found


def start(library: Path, cache: Path) -> subprocess.Popen[bytes]:
    """The server, when it answers."""
    shutil.rmtree(cache, ignore_errors=True)
    cache.mkdir(parents=True)
    server = subprocess.Popen(
        [sys.executable, "-m", "photosearch", "serve", "--port", str(PORT)],
        env={
            **os.environ, "PHOTOSEARCH_LIBRARY": str(library), "PHOTOSEARCH_CACHE": str(cache)
        },
        stderr=subprocess.DEVNULL,
    )  # fmt: skip
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    for _ in range(300):
        if server.poll() is not None:
            raise SystemExit("the server ended: is the port taken?")
        with suppress(OSError):
            status = json.load(opener.open(f"http://127.0.0.1:{PORT}/api/status", timeout=30))
            if Path(status["library"]) == library:
                return server
        time.sleep(0.1)
    raise SystemExit("the server does not answer")


def by_command(library: Path) -> list[float]:
    """Seconds of a query by the command line, each in a process of its own."""
    env = {"PHOTOSEARCH_LIBRARY": str(library), "PHOTOSEARCH_CACHE": str(SCRATCH / "web-cache")}
    command = [sys.executable, "-m", "photosearch", "query", "-k", "50", "--json"]
    return [run([*command, f"{one} {SCENES[0]}"], env).seconds for one in SUBJECTS[:BY_COMMAND]]


def rows_of(name: str, found: dict[str, Any]) -> list[dict[str, object]]:
    return [
        {
            "users": name,
            "request": kind,
            "count": len(times),
            "p50_ms": round(1000 * statistics.median(times), 1),
            "p95_ms": round(1000 * statistics.quantiles(times, n=20)[18], 1),
            "max_ms": round(1000 * max(times), 1),
        }
        for kind, times in sorted(found["times"].items())
        if len(times) > 1
    ]


def cpu_seconds(pid: int) -> float:
    """CPU seconds of a process so far; 0 where the system does not tell."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return 0.0
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--photos", type=int, default=100_000)
    parser.add_argument("--users", type=int, default=20)
    parser.add_argument("--seconds", type=float, default=60.0)
    options = parser.parse_args()
    library = library_of(options.photos).absolute()
    server = start(library, SCRATCH / "web-cache")
    try:
        alone = in_a_process(1, options.seconds)
        before = cpu_seconds(server.pid)
        crowd = in_a_process(options.users, options.seconds)
        busy = (cpu_seconds(server.pid) - before) / crowd["seconds"]
    finally:
        server.send_signal(signal.SIGINT)
        with suppress(subprocess.TimeoutExpired):
            server.wait(20)
        server.kill()
    rows = [
        *rows_of("command", {"times": {"search": by_command(library)}}),
        *rows_of("1", alone),
        *rows_of(str(options.users), crowd),
    ]
    answered = sum(map(len, crowd["times"].values())) / crowd["seconds"]
    shutil.rmtree(SCRATCH / "web-cache", ignore_errors=True)
    failed = {**alone["failed"], **crowd["failed"]}
    for what, count in failed.items():
        print(f"{count} times {what}")
    one = {row["request"]: row for row in rows if row["users"] == "1"}
    aims = [aim("requests that failed", sum(failed.values()), 0)]
    if "typing" in one:
        aims.append(
            aim("one user, as they type, p50", float(str(one["typing"]["p50_ms"])), 100, " ms")
        )
    report(
        "web",
        rows,
        aims=aims,
        photos=options.photos,
        seconds=options.seconds,
        taken_back=crowd["taken_back"],
        requests_a_second=round(answered, 1),
        server_cores=round(busy, 2),
        failed=sum(failed.values()),
    )
    if failed:
        raise SystemExit(1)


if __name__ == "__main__":
    main()
