"""`photosearch serve`: the page over real sockets, what is said, and how it ends."""

from __future__ import annotations

import http.client
import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests import make
from tests.command import Command

posix = pytest.mark.skipif(os.name == "nt", reason="signals of POSIX")


@pytest.fixture(scope="module")
def command(tmp_path_factory: pytest.TempPathFactory) -> Command:
    folder = tmp_path_factory.mktemp("serve")
    command = Command(folder)
    photos = folder / "photos"
    photos.mkdir()
    for number in range(6):
        (photos / f"{number}.jpg").write_bytes(make.jpeg(make.picture(number, (400, 300))))
    command("index", photos, code=0)
    return command


class Served:
    """A server of the page, until the end of its `with` block."""

    def __init__(self, command: Command, *arguments: str, **env: str) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-m", "photosearch", "serve", *arguments],
            env={**command.env, "PYTHONUNBUFFERED": "1", **env},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        self.said = ""
        assert self.process.stderr is not None
        for line in self.process.stderr:
            self.said += line
            found = re.search(r"open http://(?:127\.0\.0\.1|\[::1\]):(\d+)/ in a browser", line)
            if found:
                self.port = int(found[1])
                break
        else:
            raise AssertionError(self.said)

    def __enter__(self) -> Served:
        return self

    def __exit__(self, *_: object) -> None:
        self.process.kill()
        self.process.communicate()

    def end(self, number: int) -> tuple[int, str]:
        self.process.send_signal(number)
        out, err = self.process.communicate(timeout=30)
        assert out == ""
        return self.process.returncode, self.said + err

    def get(self, path: str, host: str = "127.0.0.1", **headers: str) -> tuple[int, bytes]:
        connection = http.client.HTTPConnection(host, self.port, timeout=30)
        connection.request("GET", path, headers=headers)
        answer = connection.getresponse()
        with answer:
            body = answer.read()
        connection.close()
        return answer.status, body

    def raw(self, request: bytes) -> bytes:
        """What is answered to these very bytes."""
        with socket.create_connection(("127.0.0.1", self.port), timeout=30) as connection:
            connection.sendall(request)
            answer = b""
            while block := connection.recv(65536):
                answer += block
        return answer

    def status_of(self, target: str, *headers: str) -> int:
        """The status of a request whose target no client has put straight."""
        lines = [f"GET {target} HTTP/1.1", *(headers or (f"Host: 127.0.0.1:{self.port}",))]
        answer = self.raw("\r\n".join([*lines, "Connection: close", "", ""]).encode("latin-1"))
        return int(answer.split(b" ")[1])


@pytest.fixture(scope="module")
def served(command: Command) -> Iterator[Served]:
    with Served(command, "--port", "0") as served:
        yield served


def test_the_page_and_its_files_are_there(served: Served) -> None:
    status, page = served.get("/")
    assert status == 200
    paths = re.findall(rb'(?:src|href)="(/page/\w+/[\w.]+)"', page)
    assert paths
    for path in paths:
        assert served.get(path.decode())[0] == 200, path


def test_a_query_and_its_pictures(served: Served) -> None:
    document = json.loads(served.get("/api/search?q=a%20dog&k=3")[1])
    assert len(document["hits"]) == 3
    for hit in document["hits"]:
        for what in ("", "/preview?size=240", "/image", "/file"):
            assert served.get(f"/api/photo/{hit['photo']}{what}")[0] == 200


@pytest.mark.parametrize(
    "target",
    [
        "/api/photo/../../../../etc/passwd",
        "/api/photo/%2e%2e/%2e%2e/%2e%2e/etc/passwd",
        "/api/photo/..%2f..%2f..%2f..%2fetc%2fpasswd",
        "/page/../app.py",
        "/page/../../web/app.py",
        "/page/..%2fapp.py",
        "/page/../page_files.py",
        "/page/x/../../app.py",
        "/page/x/..%2fapp.py",
        "/page/%2e%2e/app.py",
        "/page//etc/passwd",
        "/page/..\\app.py",
        "//etc/passwd",
        "/../../etc/passwd",
        "/etc/passwd",
    ],
)
def test_no_target_leads_out_of_the_library(served: Served, target: str) -> None:
    assert served.status_of(target) in (400, 404, 422)


def test_other_names_and_targets_are_refused(served: Served) -> None:
    own = f"Host: 127.0.0.1:{served.port}"
    assert served.status_of("/api/status", own) == 200
    assert served.status_of("/api/status", "Host: evil.example") == 403
    assert served.status_of("/api/status", own, "Host: evil.example") == 400
    assert served.status_of("/api/status", "X-Forwarded-Host: 127.0.0.1", "Host: a.b") == 403
    assert served.status_of("http://evil.example/api/status", own) == 400
    assert served.status_of("/api/status", own, "Sec-Fetch-Site: cross-site") == 403
    assert b" 400 " in served.raw(b"GET /api/status HTTP/1.0\r\n\r\n").splitlines()[0]
    assert b" 400 " in served.raw(b"GET /api/status HTTP/1.1\r\n\r\n").splitlines()[0]
    body = b"POST /api/open HTTP/1.1\r\n%s\r\nContent-Length: 99999999999\r\n\r\n" % own.encode()
    assert b" 413 " in served.raw(body).splitlines()[0]


def test_a_small_reply_does_not_wait_for_the_one_before_to_be_acknowledged() -> None:
    """asyncio switches that off for connections that it knows for TCP, by the listening socket."""
    from photosearch.web.run import listen
    from photosearch.web.site import Terms

    listening, terms = listen(Terms(port=0))
    with listening, socket.create_connection(("127.0.0.1", terms.port)):
        accepted, _ = listening.accept()
        with accepted:
            assert accepted.proto == socket.IPPROTO_TCP


@posix
def test_nothing_is_said_of_requests(command: Command) -> None:
    with Served(command, "--port", "0") as served:
        served.get("/api/search?q=something+private")
        served.get("/nowhere/private")
        served.raw(b"private nonsense\r\n\r\n")
        served.get("/", Host="private.example")
        _, said = served.end(signal.SIGTERM)
        assert "private" not in said
        assert len(said.splitlines()) == 3


@posix
def test_started_by_nohup_it_outlives_the_terminal(command: Command) -> None:
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)  # is inherited, as from nohup
    try:
        served = Served(command, "--port", "0")
    finally:
        signal.signal(signal.SIGHUP, before)
    with served:
        served.process.send_signal(signal.SIGHUP)
        assert served.get("/")[0] == 200
        assert served.end(signal.SIGTERM)[0] == 0


@posix
@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 0)])
def test_it_ends_at_once_though_somebody_is_connected(
    command: Command, number: int, code: int
) -> None:
    with Served(command, "--port", "0") as served:
        kept = http.client.HTTPConnection("127.0.0.1", served.port, timeout=30)
        kept.request("GET", "/")
        kept.getresponse().read()
        half = socket.create_connection(("127.0.0.1", served.port))
        half.sendall(b"POST /api/zip HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 100\r\n\r\nx")
        time.sleep(0.2)
        ended, said = served.end(number)
        kept.close()
        half.close()
    assert ended == code
    assert "Traceback" not in said
    assert said.splitlines()[-1].startswith("photosearch: ended: ")


def test_a_port_that_is_taken_is_told_with_who_has_it(command: Command, served: Served) -> None:
    done = command("serve", "--port", str(served.port), code=2)
    assert f"serves a page there already: http://127.0.0.1:{served.port}/" in done.err
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        done = command("serve", "--port", str(port), code=2)
    assert f"--port {port} is in use by another program" in done.err


def test_others_see_nothing_without_a_token(command: Command) -> None:
    for host in ("0.0.0.0", "::", "192.0.2.1"):
        done = command("serve", "--host", host, code=2)
        assert f"--host {host} would show every photo" in done.err
        made = re.search(r"PHOTOSEARCH_TOKEN=(\w+) photosearch serve", done.err)
        assert made
        assert len(made[1]) >= 20
    assert "at least 6" in command("serve", "--host", "0.0.0.0", "--token", "short", code=2).err
    assert "at least 6" in command("serve", "--token", "with a\nline end", code=2).err


def test_others_see_all_with_the_token(command: Command) -> None:
    token = "0123456789abcdef"
    with Served(command, "--port", "0", "--host", "0.0.0.0", PHOTOSEARCH_TOKEN=token) as served:
        assert "not encrypted" in served.said
        assert token not in served.said
        assert served.get("/api/status")[0] == 401
        assert served.get("/")[0] == 401
        assert served.get("/api/status", Authorization=f"Bearer {token}")[0] == 200
        assert served.get(f"/?token={token}")[0] == 303
        status = served.get("/api/status", Host="evil.example", Authorization=f"Bearer {token}")
        assert status[0] == 403
        named = served.get("/api/status", Host="10.0.0.5", Authorization=f"Bearer {token}")
        assert named[0] == 200


def test_further_names_can_be_allowed(command: Command) -> None:
    with Served(command, "--port", "0", "--allow-host", "Photos.LAN") as served:
        assert served.get("/", Host="photos.lan")[0] == 200
        assert served.get("/", Host="other.lan")[0] == 403


def test_behind_a_proxy_it_is_told_who_sees_the_page(command: Command) -> None:
    process = subprocess.Popen(
        [sys.executable, "-m", "photosearch", "serve", "--port", "0", "--behind-proxy",
         "--allow-host", "photos.lan"],
        env=command.env, stdin=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert process.stderr is not None
    said = ""
    for line in process.stderr:
        said += line
        if "Ctrl-C" in line:
            break
    process.kill()
    process.communicate()
    assert "whoever reaches the proxy sees all photos" in said
    assert "open https://photos.lan/ in a browser" in said


@pytest.mark.skipif(
    not sys.platform.startswith("linux") or os.getuid() != 0, reason="takes another user, on Linux"
)
def test_another_user_of_the_machine_sees_nothing(served: Served) -> None:
    script = (
        "import os, socket, sys; os.setuid(65534); s = socket.socket(); "
        "s.connect(('127.0.0.1', int(sys.argv[1]))); "
        "s.sendall(b'GET /api/status HTTP/1.1\\r\\nHost: 127.0.0.1\\r\\n\\r\\n'); "
        "sys.stdout.buffer.write(s.recv(12))"
    )
    done = subprocess.run(
        [sys.executable, "-c", script, str(served.port)], capture_output=True, check=True
    )
    assert done.stdout == b"HTTP/1.1 403"
    assert served.get("/api/status")[0] == 200


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["--socket", "--port", "8420"], "--port is for the page"),
        (["--status", "--open"], "--open is for the page"),
        (["--stop", "--host", "127.0.0.1"], "--host is for the page"),
        (["--socket", "--token", "0123456789"], "--token is for the page"),
        (["--socket", "--allow-host", "a"], "--allow-host is for the page"),
        (["--idle", "5m"], "--idle goes with --socket"),
        (["--status", "--idle", "5m"], "--idle goes with --socket"),
        (["--socket", "--behind-proxy"], "--behind-proxy is for the page"),
        (["--behind-proxy"], "--behind-proxy needs the name"),
        (["--allow-host", "http://a"], "is no name of a machine"),
        (["--allow-host", "a:80"], "is no name of a machine"),
        (["--host", "no such host", "--token", "0123456789"], "no such address"),
        (["--port", "-1"], "-1 is not in the range"),
    ],
)
def test_what_does_not_go_together_is_told(
    command: Command, arguments: list[str], told: str
) -> None:
    assert told in command("serve", *arguments, code=2).err


def test_a_library_that_is_not_there_or_damaged_is_told(command: Command, tmp_path: Path) -> None:
    done = command("serve", "--library", tmp_path / "none", code=2)
    assert "there is no library" in done.err
    damaged = tmp_path / "damaged"
    damaged.mkdir()
    (damaged / "catalogue.db").write_bytes(os.urandom(8192))
    done = command("serve", "--library", damaged, code=2)
    assert "photosearch check --repair" in done.err


def test_an_empty_library_can_be_filled_while_it_is_served(tmp_path: Path) -> None:
    command = Command(tmp_path)
    photos = tmp_path / "photos"
    photos.mkdir()
    command("index", photos)
    with Served(command, "--port", "0") as served:
        assert "photosearch index" in served.said
        assert served.get("/")[0] == 200
        assert count(served) == 0
        (photos / "one.jpg").write_bytes(make.jpeg(make.picture(1)))
        command("index", photos, code=0)
        assert count(served) == 1


def count(served: Served) -> Any:
    return json.loads(served.get("/api/status")[1])["photos"]
