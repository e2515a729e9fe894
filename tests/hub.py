"""A stand-in for the servers that models come from: OpenAI's, and the Hugging Face hub.

    with Hub(folder) as hub:               # folder/ORG/NAME/… are repositories
        sha256 = hub.publish("RN50.pt", b"…")
        env = {**os.environ, **hub.environment(cache)}   # for a command in a subprocess
        hub.fault("RN50.pt", cut=1000)     # the next request for it ends after 1,000 bytes

It answers what huggingface_hub's snapshot_download asks, in the hub's own form, from small real
files; every request is kept in `hub.requests`.
"""

from __future__ import annotations

import hashlib
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import TracebackType
from urllib.parse import unquote, urlsplit

OPENAI = "/clip/models"
LARGE = (".safetensors", ".bin", ".onnx", ".data", ".pt")  # kept by SHA-256, as Git LFS does


@dataclass
class Fault:
    """What goes wrong with the next `times` requests whose path holds `part`."""

    part: str
    times: int
    method: str = "GET"
    cut: int | None = None  # the connection ends after this many bytes of the body
    stall: int | None = None  # after this many bytes silence, until the server ends
    status: int | None = None  # an answer without a file
    location: str = ""  # with a status of 3xx
    hang: float | None = None  # seconds of silence before the answer
    body: bytes | None = None  # other content
    kind: str = "application/octet-stream"


@dataclass
class Request:
    """What was asked, and what was answered."""

    method: str
    path: str
    headers: dict[str, str]
    status: int = 0

    @property
    def range(self) -> str | None:
        return self.headers.get("range")


@dataclass
class Hub:
    """The server; it runs inside a `with` block, on a port of its own."""

    repos: Path | None = None
    ranges: bool = True  # whether a part of a file may be asked for
    gated: set[str] = field(default_factory=set)
    files: dict[str, bytes] = field(default_factory=dict)  # by path
    requests: list[Request] = field(default_factory=list)
    faults: list[Fault] = field(default_factory=list)

    def __enter__(self) -> Hub:
        self._stopping = threading.Event()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,))
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._stopping.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_port}"

    @property
    def openai_url(self) -> str:
        return self.url + OPENAI

    def environment(self, cache: Path) -> dict[str, str]:
        """Variables with which a command takes this for the world; `cache` is the hub's folder."""
        return {
            "HF_ENDPOINT": self.url,
            "HF_HOME": str(cache),
            "HF_HUB_DISABLE_TELEMETRY": "1",
            "HF_HUB_DISABLE_XET": "1",
            "PHOTOSEARCH_OPENAI_URL": self.openai_url,
            "NO_PROXY": "127.0.0.1",
        }

    def publish(self, name: str, data: bytes) -> str:
        """Serve a file as OpenAI does, under its SHA-256, which is returned."""
        sha256 = hashlib.sha256(data).hexdigest()
        self.files[f"{OPENAI}/{sha256}/{name}"] = data
        return sha256

    def fault(self, part: str, times: int = 1, **what: object) -> None:
        self.faults.append(Fault(part, times, **what))  # type: ignore[arg-type]

    def asked(self, part: str, method: str = "GET") -> list[Request]:
        """Requests so far whose path holds `part`."""
        return [one for one in self.requests if part in one.path and one.method == method]

    def commit(self, repo: str) -> str:
        """The commit that a repository is at: another one whenever a file changes."""
        whole = hashlib.sha1(usedforsecurity=False)
        for name, data in self._contents(repo).items():
            whole.update(f"{name} {etag_of(name, data)}\n".encode())
        return whole.hexdigest()

    def _contents(self, repo: str) -> dict[str, bytes]:
        folder = self.repos / repo if self.repos else Path("/nonexistent")
        files = sorted(path for path in folder.rglob("*") if path.is_file())
        return {path.relative_to(folder).as_posix(): path.read_bytes() for path in files}

    @contextmanager
    def _fault_for(self, method: str, path: str) -> Iterator[Fault]:
        for fault in self.faults:
            if fault.times > 0 and fault.method == method and fault.part in path:
                fault.times -= 1
                yield fault
                return
        yield Fault("", 0)


def etag_of(name: str, data: bytes) -> str:
    """SHA-256 of a large file; of others, what git calls a blob."""
    if name.endswith(LARGE):
        return hashlib.sha256(data).hexdigest()
    return hashlib.sha1(b"blob %d\0" % len(data) + data, usedforsecurity=False).hexdigest()


def _handler(hub: Hub) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        # HTTP/1.0: a connection a request, so that no idle one outlives a test.
        request_line: Request

        def log_message(self, format: str, *args: object) -> None:
            pass

        def do_GET(self) -> None:
            self._answer()

        def do_HEAD(self) -> None:
            self._answer()

        def _answer(self) -> None:
            path = unquote(urlsplit(self.path).path)
            headers = {name.lower(): value for name, value in self.headers.items()}
            self.request_line = Request(self.command, path, headers)
            hub.requests.append(self.request_line)
            with hub._fault_for(self.command, path) as fault:
                if fault.hang is not None:
                    hub._stopping.wait(fault.hang)
                if fault.status is not None:
                    self._send(fault.status, {"Location": fault.location}, b"")
                elif path in hub.files:
                    self._file(hub.files[path], fault, {})
                elif path.startswith("/api/models/"):
                    self._api(path.removeprefix("/api/models/"), fault)
                elif "/resolve/" in path:
                    self._resolve(path, fault)
                else:
                    self._error(404)

        def _api(self, path: str, fault: Fault) -> None:
            parts = path.split("/")
            repo, rest = "/".join(parts[:2]), parts[2:]
            contents = hub._contents(repo)
            if not contents:
                self._error(401, "RepoNotFound")
                return
            commit = hub.commit(repo)
            kind, revision = (rest[0], "/".join(rest[1:])) if rest else ("", "main")
            if revision not in ("main", commit):
                self._error(404, "RevisionNotFound")
                return
            if kind == "tree":
                listing: object = [_entry(one, data) for one, data in contents.items()]
            else:
                siblings = [{"rfilename": one} for one in contents]
                gated = "auto" if repo in hub.gated else False
                listing = {
                    "_id": commit[:24],
                    "id": repo,
                    "modelId": repo,
                    "sha": commit,
                    "private": False,
                    "gated": gated,
                    "tags": [],
                    "downloads": 0,
                    "likes": 0,
                    "siblings": siblings,
                }
            data = json.dumps(listing).encode()
            self._file(data, fault, {"Content-Type": "application/json"}, ranges=False)

        def _resolve(self, path: str, fault: Fault) -> None:
            repo, _, rest = path[1:].partition("/resolve/")
            revision, _, name = rest.partition("/")
            contents = hub._contents(repo)
            if not contents:
                self._error(401, "RepoNotFound")
            elif repo in hub.gated:
                self._error(401, "GatedRepo")
            elif revision not in ("main", hub.commit(repo)):
                self._error(404, "RevisionNotFound")
            elif name not in contents:
                self._error(404, "EntryNotFound")
            else:
                data = contents[name]
                headers = {
                    "ETag": f'"{etag_of(name, data)}"',
                    "X-Repo-Commit": hub.commit(repo),
                    "Access-Control-Expose-Headers": "ETag",
                }
                self._file(data, fault, headers)

        def _file(
            self, data: bytes, fault: Fault, headers: dict[str, str], *, ranges: bool = True
        ) -> None:
            if fault.body is not None:
                data = fault.body
            first, status = 0, 200
            wanted = self.request_line.range
            if wanted and ranges and hub.ranges:
                first = int(wanted.removeprefix("bytes=").partition("-")[0])
                status = 206 if first < len(data) else 416
            headers = {"Content-Type": fault.kind, **headers}
            if status == 416:
                headers["Content-Range"] = f"bytes */{len(data)}"
                self._send(416, headers, b"")
                return
            if status == 206:
                headers["Content-Range"] = f"bytes {first}-{len(data) - 1}/{len(data)}"
            self._send(status, headers, data[first:], fault)

        def _error(self, status: int, code: str | None = None) -> None:
            headers = {"X-Error-Code": code, "X-Error-Message": code} if code else {}
            self._send(status, headers, b"")

        def _send(
            self, status: int, headers: dict[str, str], body: bytes, fault: Fault | None = None
        ) -> None:
            self.request_line.status = status
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            if self.command == "HEAD":
                return
            cut, stall = (fault.cut, fault.stall) if fault else (None, None)
            with suppress(ConnectionError):  # the other side may have been killed
                self.wfile.write(body[: stall if cut is None else cut])
                if stall is not None:
                    self.wfile.flush()
                    hub._stopping.wait(60)

    return Handler


def _entry(name: str, data: bytes) -> dict[str, object]:
    entry: dict[str, object] = {
        "type": "file",
        "path": name,
        "size": len(data),
        "oid": hashlib.sha1(data, usedforsecurity=False).hexdigest(),
    }
    if name.endswith(LARGE):
        entry["lfs"] = {"oid": etag_of(name, data), "size": len(data), "pointerSize": 134}
    return entry
