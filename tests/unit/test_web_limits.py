"""web: what a connection may cost, who is at its other end, and what a request may not reach."""

from __future__ import annotations

import asyncio
import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from starlette.datastructures import Headers
from starlette.testclient import TestClient
from uvicorn import Config
from uvicorn.server import ServerState

from photosearch import Filters, Library
from photosearch.store.previews import FOLDER, Previews
from photosearch.web import bodies, connection
from photosearch.web.app import create_app
from photosearch.web.connection import STRANGER, connections
from photosearch.web.guard import LARGE_BODIES, Guard
from photosearch.web.peers import is_stranger
from photosearch.web.site import Terms, is_direct
from tests import make
from tests.command import SAMPLES, Command
from tests.fake import run_index

CAT = SAMPLES / "animals" / "cat.jpg"

linux = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="/proc/net/tcp is Linux's")


def scope(path: str, method: str = "POST", **more: Any) -> dict[str, Any]:
    headers = [(b"host", b"127.0.0.1"), *more.pop("headers", [])]
    return {
        "type": "http", "method": method, "path": path, "raw_path": path.encode(),
        "query_string": b"", "headers": headers, "client": ("127.0.0.1", 50000), **more,
    }  # fmt: skip


async def reading(scope: Any, receive: Any, send: Any) -> None:
    """An application that reads the body of a request, and answers."""
    more = True
    while more:
        more = (await receive()).get("more_body", False)
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": b"read"})


def status_of(sent: list[dict[str, Any]]) -> int:
    return int(sent[0]["status"])


# Bodies


@pytest.mark.parametrize("path", ["/api/zip", "/api/similar", "/"])
def test_a_body_that_does_not_come_to_its_end_is_not_waited_for(
    path: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bodies, "SECONDS", 0.2)
    sent: list[dict[str, Any]] = []

    async def drip() -> dict[str, Any]:
        await asyncio.sleep(0.03)
        return {"type": "http.request", "body": b"x", "more_body": True}

    async def send(message: Any) -> None:
        sent.append(message)

    terms = Terms(token="0123456789" if path == "/" else None)  # the form that asks for it
    asyncio.run(Guard(reading, terms)(scope(path), drip, send))
    assert status_of(sent) == 408
    assert (b"connection", b"close") in sent[0]["headers"]


def test_few_images_are_held_in_memory_at_once() -> None:
    inside: list[int] = []
    now = 0

    async def app(scope: Any, receive: Any, send: Any) -> None:
        nonlocal now
        now += 1
        inside.append(now)
        await asyncio.sleep(0.01)
        await reading(scope, receive, send)
        now -= 1

    async def ask(guard: Guard, method: str, path: str) -> None:
        async def receive() -> dict[str, Any]:
            return {"type": "http.request", "body": b"x", "more_body": False}

        async def send(message: Any) -> None:
            pass

        await guard(scope(path, method), receive, send)

    async def all_at_once(method: str, path: str) -> int:
        inside.clear()
        guard = Guard(app, Terms())
        await asyncio.gather(*(ask(guard, method, path) for _ in range(12)))
        assert len(inside) == 12
        return max(inside)

    assert asyncio.run(all_at_once("POST", "/api/similar")) == LARGE_BODIES
    assert asyncio.run(all_at_once("GET", "/api/similar")) == 12
    assert asyncio.run(all_at_once("POST", "/api/zip")) == 12


def test_a_body_of_two_lengths_is_refused_lest_a_proxy_reads_the_other_one() -> None:
    sent: list[dict[str, Any]] = []

    async def send(message: Any) -> None:
        sent.append(message)

    both = [(b"content-length", b"4"), (b"transfer-encoding", b"chunked")]
    asyncio.run(Guard(reading, Terms())(scope("/api/zip", headers=both), None, send))  # type: ignore[arg-type]
    assert status_of(sent) == 400


# Connections


def test_a_connection_without_a_request_is_closed_and_one_with_an_answer_kept(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(connection, "IDLE_SECONDS", 0.3)
    monkeypatch.setattr(connection, "_LOOK_EVERY", 0.05)

    async def app(scope: Any, receive: Any, send: Any) -> None:
        await asyncio.sleep(1)  # longer than a connection may be idle
        await reading(scope, receive, send)

    async def run() -> None:
        config = Config(app, lifespan="off", ws="none", log_level="critical", timeout_keep_alive=9)
        config.load()
        kind = connections(for_one_user=False)
        loop = asyncio.get_running_loop()
        server = await loop.create_server(lambda: kind(config, ServerState(), {}), "127.0.0.1", 0)
        port = server.sockets[0].getsockname()[1]

        async def asking(request: bytes, drip: bytes = b"") -> bytes:
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.write(request)
            answer = asyncio.ensure_future(reader.read())
            while drip and not answer.done():
                writer.write(drip)
                await asyncio.sleep(0.05)
            with_end = await asyncio.gather(answer, return_exceptions=True)
            writer.close()
            return with_end[0] if isinstance(with_end[0], bytes) else b""

        request = b"GET / HTTP/1.1\r\nHost: a\r\n"
        silent, slow, whole = await asyncio.wait_for(
            asyncio.gather(asking(b""), asking(request, b"X: a\r\n"), asking(request + b"\r\n")),
            timeout=20,
        )
        assert silent == slow == b""
        assert whole.endswith(b"read\r\n0\r\n\r\n")  # and closed after it
        server.close()

    asyncio.run(run())


@linux
@pytest.mark.parametrize("host", ["127.0.0.1", "::1"])
def test_an_own_connection_is_told_from_none(host: str) -> None:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        server = socket.create_server((host, 0), family=family)
    except OSError:
        pytest.skip(f"this machine has no {host}")
    with server, socket.create_connection(server.getsockname()[:2]) as client:
        peer, own = client.getsockname()[:2], server.getsockname()[:2]
        assert not is_stranger(peer, own)
        assert is_stranger((peer[0], 1), own)
    assert is_stranger(peer, own)  # closed: nobody's


def test_where_the_system_does_not_say_who_it_is_nobody_is_turned_away(tmp_path: Path) -> None:
    assert not is_stranger(("127.0.0.1", 1), ("127.0.0.1", 2), (tmp_path / "tcp",))


@linux
def test_whose_a_socket_is_is_read_from_the_systems_table(tmp_path: Path) -> None:
    own, other = os.getuid(), os.getuid() + 1
    line = "   0: {} {} 01 00000000:00000000 00:00000000 00000000 {:5} 0 {} 1\n"

    def table(user: int, inode: int = 77, local: str = "0100007F:C350") -> Path:
        path = tmp_path / "tcp"
        there = "0100007F:20E4"
        path.write_text("  sl\n" + line.format(local, there, user, inode)
                        + line.format(there, local, own, 78))  # fmt: skip
        return path

    peer, here = ("127.0.0.1", 50000), ("127.0.0.1", 8420)
    if sys.byteorder == "little":
        assert not is_stranger(peer, here, (table(own),))
        assert is_stranger(peer, here, (table(other),))
        assert not is_stranger(peer, here, (table(0),))
        assert is_stranger(peer, here, (table(own, inode=0),))  # closed by whoever it was
        assert is_stranger(peer, here, (table(own, local="0200007F:C350"),))
        mapped = "0000000000000000FFFF00000100007F:C350"  # a socket of IPv6 that speaks IPv4
        (tmp_path / "empty").write_text("  sl\n")
        text = line.format(mapped, "0000000000000000FFFF00000100007F:20E4", own, 79)
        (tmp_path / "tcp6").write_text("  sl\n" + text)
        assert not is_stranger(peer, here, (tmp_path / "empty", tmp_path / "tcp6"))


@linux
@pytest.mark.skipif(not hasattr(os, "getuid") or os.getuid() != 0, reason="takes another user")
def test_another_users_connection_is_a_strangers() -> None:
    script = (
        "import os, socket, sys; os.setuid(65534); "
        "s = socket.socket(); s.connect(('127.0.0.1', int(sys.argv[1]))); "
        "sys.stdin.read()"
    )
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(20)
        port = server.getsockname()[1]
        other = subprocess.Popen(
            [sys.executable, "-c", script, str(port)],
            stdin=subprocess.PIPE, stdout=subprocess.DEVNULL,
        )  # fmt: skip
        accepted, peer = server.accept()
        with accepted:
            assert is_stranger(peer[:2], ("127.0.0.1", port))
        other.communicate()


def test_a_stranger_sees_nothing() -> None:
    sent: list[dict[str, Any]] = []

    async def send(message: Any) -> None:
        sent.append(message)

    for path in ("/", "/api/status", "/page/main.js"):
        told = scope(path, "GET", state={STRANGER: True})
        asyncio.run(Guard(reading, Terms())(told, None, send))  # type: ignore[arg-type]
        assert status_of(sent) == 403
        sent.clear()


def test_a_page_for_others_is_not_for_one_user() -> None:
    assert Terms().for_one_user
    assert not Terms(token="0123456789").for_one_user
    assert not Terms(behind_proxy=True).for_one_user
    assert not Terms(host="0.0.0.0", token="0123456789").for_one_user


@pytest.fixture(scope="module")
def sampling(sampled: Command) -> Iterator[TestClient]:
    """A library of the sample photos, with a model that texts and images can be given to."""
    app = create_app(Library.open(sampled.library), Terms())
    with TestClient(app, base_url="http://127.0.0.1:8420") as client:
        yield client


# Behind a proxy


@pytest.mark.parametrize(
    ("headers", "direct"),
    [
        ({"host": "127.0.0.1:8420"}, True),
        ({"host": "localhost"}, True),
        ({"host": "[::1]:8420"}, True),
        ({"host": "photos.lan"}, False),
        ({}, False),
        ({"host": "localhost", "x-forwarded-for": "192.0.2.1"}, False),
        ({"host": "localhost", "X-Forwarded-Proto": "https"}, False),
        ({"host": "localhost", "forwarded": "for=192.0.2.1"}, False),
        ({"host": "localhost", "via": "1.1 proxy"}, False),
        ({"host": "localhost", "x-real-ip": "127.0.0.1"}, False),
    ],
)
def test_a_request_through_a_proxy_is_told_from_one_of_this_machine(
    headers: dict[str, str], direct: bool
) -> None:
    assert is_direct(Headers(headers)) is direct


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("limits")
    (folder / "photos").mkdir()
    for number in range(2):
        (folder / "photos" / f"{number}.jpg").write_bytes(make.jpeg(make.picture(number)))
    run_index(folder / "library", [folder / "photos"])
    return folder


def asking(place: Path, terms: Terms) -> TestClient:
    app = create_app(Library.open(place / "library"), terms)
    return TestClient(app, base_url="http://127.0.0.1:8420")


@pytest.fixture(scope="module")
def client(place: Path) -> Iterator[TestClient]:
    with asking(place, Terms()) as client:
        yield client


def test_no_folder_is_opened_for_whoever_may_be_elsewhere(
    place: Path, client: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    from photosearch.web import desktop

    opened: list[Path] = []
    monkeypatch.setattr(desktop, "can_open", lambda: True)
    monkeypatch.setattr(desktop, "show", lambda path: opened.append(path) or True)
    photo = client.get("/api/search").json()["hits"][0]["photo"]

    def status(client: TestClient, **headers: str) -> int:
        return client.post("/api/open", json={"photo": photo}, headers=headers).status_code

    assert status(client) == 200
    assert len(opened) == 1
    assert status(client, **{"X-Forwarded-For": "192.0.2.1"}) == 403
    for terms in (Terms(allowed_hosts=("photos.lan",)), Terms(behind_proxy=True)):
        with asking(place, terms) as other:
            assert status(other) == 403
            assert other.get("/api/status").json()["web"]["can_open"] is False
    assert len(opened) == 1


def test_behind_tls_a_browser_sends_the_cookie_over_https_alone(place: Path) -> None:
    for behind_proxy in (False, True):
        terms = Terms(token="0123456789", behind_proxy=behind_proxy)
        with asking(place, terms) as client:
            reply = client.get("/?token=0123456789", follow_redirects=False)
        assert ("; Secure" in reply.headers["set-cookie"]) is behind_proxy


# Paths


def test_nothing_is_told_of_other_files_of_the_machine(
    sampled: Command, sampling: TestClient, tmp_path: Path
) -> None:
    """What is asked for over HTTP makes nobody look at the disk."""
    link, none = tmp_path / "link", tmp_path / "none"
    link.symlink_to(SAMPLES)

    def reply(text: str) -> tuple[int, str]:
        got = sampling.get("/api/search", params={"q": text})
        message = got.json().get("error", {}).get("message", "")
        return got.status_code, message.replace(str(link), "X").replace(str(none), "X")

    for text in ("in:{}", "-in:{}", "in:{}/animals", "in:{}/../none", "dog in:{}"):
        assert reply(text.format(link)) == reply(text.format(none)), text
    assert reply(str(CAT)) == reply(str(none / "cat.jpg")) == (200, "")
    assert sampling.get("/api/facets", params={"q": f"in:{link}"}).status_code == 400
    assert reply(f"in:{SAMPLES}")[0] == 200
    # On the command line, and for callers of the library, a link is what it leads to.
    with Library.open(sampled.library) as library:
        assert len(library.search(filters=Filters(in_folder=[str(link)]), k=1000)) == 41


@pytest.mark.parametrize("body", [b"/etc/passwd", b"-", b"http://127.0.0.1/a.jpg", b"file:///etc"])
def test_an_image_that_is_a_path_is_no_image(sampling: TestClient, body: bytes) -> None:
    reply = sampling.post("/api/similar", content=body, headers={"Content-Type": "image/jpeg"})
    assert reply.status_code == 400
    assert "root" not in reply.text


def test_an_image_that_is_sent_lies_nowhere(
    sampling: TestClient, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No file is opened for writing while it is looked at, which Python tells of each."""
    written: list[str] = []
    watching = True

    def seen(event: str, arguments: Any) -> None:
        flags = arguments[2] if watching and event == "open" else 0
        if isinstance(flags, int) and flags & (os.O_WRONLY | os.O_RDWR | os.O_CREAT):
            written.append(str(arguments[0]))

    monkeypatch.setenv("TMPDIR", str(tmp_path))
    sys.addaudithook(seen)
    try:
        image = make.jpeg(make.picture(99))
        reply = sampling.post("/api/similar", content=image, headers={"Content-Type": "image/jpeg"})
    finally:
        watching = False
    assert reply.status_code == 200
    assert not [path for path in written if not path.endswith(("-wal", "-shm"))]
    assert not list(tmp_path.iterdir())


# Previews


def test_two_servers_over_one_library_keep_to_one_limit(tmp_path: Path) -> None:
    limit, size = 200_000, 1000
    servers = [Previews([tmp_path / FOLDER], limit) for _ in range(2)]
    most = 0
    for number in range(600):
        servers[number % 2].put(f"{number:064x}"[::-1], 240, b"x" * size)
        if number % 20 == 0:
            there = [one.stat().st_size for one in (tmp_path / FOLDER).rglob("*.webp")]
            most = max(most, sum(there))
    assert limit * 0.8 < most <= limit * 1.15
