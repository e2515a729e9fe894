"""How long an assistant waits for `photosearch mcp`: its start, first and later answers.

Each round: a bare import of the protocol package, the same search by `photosearch query`, and a
server that is started, greeted, asked and ended by plain messages over its pipes, so that no
client's time counts. What is asked has not been asked before; files are in the page cache.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from scripts.benchmarks.common import SCRATCH, aim, report, run, spread

IMPORT = [sys.executable, "-c", "import mcp.server.lowlevel, mcp.server.stdio"]
QUERY = [sys.executable, "-m", "photosearch", "query", "-k", "8"]
SAMPLES = Path(__file__).parents[2] / "examples" / "photos"
GREETING = {
    "protocolVersion": "2025-06-18",
    "capabilities": {},
    "clientInfo": {"name": "bench", "version": "1"},
}


class Server:
    """One server, and an assistant that waits for each answer."""

    def __init__(self, env: Mapping[str, str]) -> None:
        self.started = time.perf_counter()
        self._number = 0
        self._process = subprocess.Popen(
            [sys.executable, "-m", "photosearch", "mcp"],
            env={**os.environ, **env},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )

    def send(self, method: str, params: Mapping[str, Any], **more: Any) -> None:
        assert self._process.stdin
        message = {"jsonrpc": "2.0", "method": method, "params": params, **more}
        self._process.stdin.write(json.dumps(message).encode() + b"\n")
        self._process.stdin.flush()

    def ask(self, method: str, params: Mapping[str, Any]) -> tuple[float, Any]:
        """Seconds, and the answer."""
        assert self._process.stdout
        self._number += 1
        began = time.perf_counter()
        self.send(method, params, id=self._number)
        answer = json.loads(self._process.stdout.readline())
        seconds = time.perf_counter() - began
        if "error" in answer or answer["result"].get("isError"):
            raise SystemExit(f"{method} {params}: {answer}")
        return seconds, answer["result"]

    def call(self, tool: str, **arguments: Any) -> tuple[float, Any]:
        return self.ask("tools/call", {"name": tool, "arguments": arguments})

    def end(self) -> tuple[float, float, float]:
        """Seconds until it is gone, all CPU seconds of its life, and its most memory in MB."""
        assert self._process.stdin
        began = time.perf_counter()
        self._process.stdin.close()
        _, status, usage = os.wait4(self._process.pid, 0)
        self._process.returncode = os.waitstatus_to_exitcode(status)
        peak = usage.ru_maxrss / (1e6 if sys.platform == "darwin" else 1e3)
        return time.perf_counter() - began, usage.ru_utime + usage.ru_stime, peak


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--library", type=Path, help="one that is filled already; else the samples")
    parser.add_argument("--rounds", type=int, default=7)
    options = parser.parse_args()
    env = {
        "PHOTOSEARCH_LIBRARY": str(options.library or SCRATCH / "assistant"),
        "PHOTOSEARCH_CACHE": str(SCRATCH / "cache"),
        "PHOTOSEARCH_RESIDENT": "0",
        "PHOTOSEARCH_WORDS": "0",
    }
    if options.library is None:
        run([sys.executable, "-m", "photosearch", "index", "--quiet", str(SAMPLES)], env)
    found: dict[str, list[float]] = {}
    for number in range(-1, options.rounds):
        for name, value in _round(env, f"{number} {time.time_ns()}").items():
            if number >= 0:  # the first round only warms the page cache
                found.setdefault(name, []).append(value)
    rows: list[dict[str, object]] = [
        {"name": name, "median": round(statistics.median(values), 3), "spread": spread(values, 3)}
        for name, values in found.items()
    ]
    greeted = statistics.median(
        one / base
        for one, base in zip(found["start to greeting"], found["import mcp"], strict=True)
    )
    report(
        "assistant",
        rows,
        aims=[aim("start to greeting, beside the package's own import", greeted, 2)],
        library=env["PHOTOSEARCH_LIBRARY"],
    )


def _round(env: Mapping[str, str], stamp: str) -> dict[str, float]:
    """Seconds of each step; CPU seconds and MB where it is said."""
    bare = run(IMPORT, {})
    query = run([*QUERY, f"a dog {stamp}"], env)
    server = Server(env)
    server.ask("initialize", GREETING)
    greeted = time.perf_counter() - server.started
    server.send("notifications/initialized", {})
    listed, tools = server.ask("tools/list", {})
    first, _ = server.call("search_photos", query=f"a cat {stamp}")
    later, answer = server.call("search_photos", query=f"a bird {stamp}")
    photo = answer["structuredContent"]["hits"][0]["photo"]
    facts, _ = server.call("photo_facts", photo=photo)
    status, _ = server.call("library_status")
    looked = {}
    if "library-" not in env["PHOTOSEARCH_LIBRARY"]:  # a synthetic library's photos are no files
        server.call("photo_thumbnail", photo=photo)
        looked["thumbnail"], _ = server.call("photo_thumbnail", photo=photo)
    gone, cpu, peak = server.end()
    return {
        "import mcp": bare.seconds,
        "photosearch query": query.seconds,
        "start to greeting": greeted,
        "list of tools": listed,
        "first search": first,
        "later search": later,
        "facts": facts,
        "status": status,
        **looked,
        "end": gone,
        "CPU of all of it": cpu,
        "memory, MB": peak,
        "tools' description, characters": float(len(json.dumps(tools))),
        "answer's text, characters": float(len(answer["content"][0]["text"])),
    }


if __name__ == "__main__":
    main()
