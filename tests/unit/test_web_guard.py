"""web: who is answered, and what a browser may do with the answer."""

from __future__ import annotations

import asyncio
import json
from typing import Any
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from photosearch.web import guard as guards
from photosearch.web.guard import Guard
from photosearch.web.hosts import Names, is_loopback, is_same_origin, split_host
from photosearch.web.site import Terms
from photosearch.web.tokens import Gate, new_token

LOCAL = Terms()
TOKEN = "correct horse 42"
SHARED = Terms(host="0.0.0.0", port=8420, token=TOKEN)
Headers = list[tuple[str, str]]


class Told:
    """What came back."""

    def __init__(self, messages: list[dict[str, Any]], seen: list[dict[str, Any]]) -> None:
        start = messages[0]
        self.status: int = start["status"]
        self.headers = [(name.decode(), value.decode()) for name, value in start["headers"]]
        self.body = b"".join(one.get("body", b"") for one in messages[1:])
        self.seen = seen  # what the application was asked

    def header(self, name: str) -> str | None:
        return next((value for one, value in self.headers if one == name), None)

    @property
    def cookie(self) -> str:
        return (self.header("set-cookie") or "").partition(";")[0]


class Asked:
    """A guard around an application that answers "photos" to everything, and reads all bodies."""

    def __init__(self, terms: Terms) -> None:
        self.seen: list[dict[str, Any]] = []
        self.guard = Guard(self._app, terms)

    async def _app(self, scope: Any, receive: Any, send: Any) -> None:
        self.seen.append(dict(scope))
        more = True
        while more:
            message = await receive()
            more = message.get("more_body", False)
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"photos"})

    def __call__(
        self,
        path: str = "/api/search",
        headers: Headers | None = None,
        *,
        host: str | None = "127.0.0.1:8420",
        method: str = "GET",
        query: str = "",
        body: list[bytes] | None = None,
        client: str = "192.0.2.7",
    ) -> Told:
        given = [("host", host)] if host is not None else []
        scope = {
            "type": "http",
            "method": method,
            "path": path,
            "raw_path": quote(path).encode(),
            "query_string": query.encode(),
            "headers": [
                (name.lower().encode(), value.encode("latin-1"))
                for name, value in given + (headers or [])
            ],
            "client": (client, 50000),
            "scheme": "http",
        }
        blocks = list(body or [b""])
        messages: list[dict[str, Any]] = []

        async def receive() -> dict[str, Any]:
            block = blocks.pop(0)
            return {"type": "http.request", "body": block, "more_body": bool(blocks)}

        async def send(message: Any) -> None:
            messages.append(message)

        asyncio.run(self.guard(scope, receive, send))
        return Told(messages, self.seen)


@pytest.fixture(autouse=True)
def no_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(guards, "WRONG_TOKEN_SECONDS", 0.0)


@pytest.mark.parametrize(
    "host",
    [
        "127.0.0.1:8420",
        "127.0.0.1",
        "localhost:8420",
        "LOCALHOST",
        "localhost.",
        "localhost.:9000",  # forwarded from another port
        "[::1]:8420",
        "[::1]",
        "[0:0:0:0:0:0:0:1]",
        "127.1.2.3",
    ],
)
def test_a_local_server_answers_to_the_names_of_this_machine_itself(host: str) -> None:
    assert Asked(LOCAL)(host=host).status == 200


@pytest.mark.parametrize(
    "host",
    [
        "evil.example",
        "evil.example:8420",
        "127.0.0.1.evil.example",
        "localhost.evil.example",
        "evil.example:127.0.0.1",
        "127.0.0.1@evil.example",
        "user@127.0.0.1",
        "127.0.0.1/evil.example",
        "127.0.0.1 evil.example",
        "127.0.0.1,evil.example",
        "127.0.0.1:8420:8420",
        "127.0.0.1:99999",
        "127.0.0.1:8420 ",
        "::1",
        "[::1",
        "[evil]",
        "",
        ".",
        "192.168.1.9",
        "[fe80::1]",
        "2130706433",
        "0x7f.0.0.1",
        "127.1",
        "0.0.0.0:8420",
        "xn--localhost-k2a",
        "locaLho\u00dft",
    ],
)
def test_any_other_name_is_refused_lest_a_page_points_its_own_name_here(host: str) -> None:
    told = Asked(LOCAL)(host=host)
    if host == "127.0.0.1:8420 ":  # blanks around a value are no part of it
        assert told.status == 200
    else:
        assert told.status == 403
        assert not told.seen


def test_a_request_names_one_host_and_a_path() -> None:
    ask = Asked(LOCAL)
    assert ask(host=None).status == 400
    assert ask(headers=[("host", "127.0.0.1")]).status == 400
    assert ask(headers=[("host", "evil.example")]).status == 400
    assert ask("http://evil.example/api/search").status == 400
    assert ask("http://127.0.0.1:8420/api/search").status == 400
    assert ask("*").status == 400
    assert ask("evil.example:80").status == 400
    assert not ask.seen


def test_what_a_proxy_says_of_the_host_is_nobodys_word() -> None:
    ask = Asked(LOCAL)
    good = [("x-forwarded-host", "127.0.0.1"), ("forwarded", "host=127.0.0.1")]
    assert ask(host="evil.example", headers=good).status == 403
    assert ask(headers=[("x-forwarded-host", "evil.example")]).status == 200


def test_a_shared_server_answers_to_addresses_and_its_own_names() -> None:
    import socket

    names = Names("0.0.0.0", ("Photos.LAN",))
    own = socket.gethostname()
    for host in ("192.168.1.9:8420", "[fe80::1]:8420", "127.0.0.1", own, "photos.lan:8420",
                 f"{own.partition('.')[0]}.local"):  # fmt: skip
        assert names.has(host), host
    for host in ("evil.example", "lan", "photos.lan.evil.example", "x.photos.lan"):
        assert not names.has(host), host
    assert Names("127.0.0.1", ("photos.lan",)).has("PHOTOS.lan.")
    assert Names("192.168.1.9", ()).has("192.168.1.9:80")


@given(st.text(max_size=60))
def test_no_host_header_is_more_than_a_machine_can_read(text: str) -> None:
    parts = split_host(text)
    if parts is not None:
        assert parts[0] == parts[0].lower()
        assert not set(parts[0]) & set("/@ ,\\#?%")
    if Names("127.0.0.1", ()).has(text):
        name = text.strip(" \t").lower()
        assert name.startswith(("127.", "localhost", "["))


@pytest.mark.parametrize("host", ["127.0.0.1", "::1", "localhost", "LocalHost", "127.0.0.53"])
def test_loopback_is_told_from_the_network(host: str) -> None:
    assert is_loopback(host)


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "", "192.168.1.9", "10.0.0.1", "localhost.lan",
                                  "photos.lan", "127.0.0.1.lan"])  # fmt: skip
def test_everything_else_is_the_network(host: str) -> None:
    assert not is_loopback(host)


@pytest.mark.parametrize(
    ("origin", "site", "status"),
    [
        (None, None, 200),  # curl
        ("http://127.0.0.1:8420", "same-origin", 200),
        ("http://127.0.0.1:8420", None, 200),
        ("null", "same-origin", 200),
        (None, "none", 200),
        ("null", None, 403),  # a sandboxed frame, a file
        ("null", "cross-site", 403),
        ("http://evil.example", None, 403),
        ("http://evil.example", "same-origin", 403),
        ("http://127.0.0.1:3000", "same-site", 403),  # another program of this machine
        ("http://127.0.0.1", None, 403),
        ("http://127.0.0.1:8420.evil.example", None, 403),
        ("http://localhost:8420", None, 403),  # not the name that was asked
        ("ftp://127.0.0.1:8420", None, 403),
        ("", None, 403),
        (None, "cross-site", 403),
        (None, "same-site", 403),
        (None, "nonsense", 403),
    ],
)
def test_only_its_own_pages_change_anything(
    origin: str | None, site: str | None, status: int
) -> None:
    headers = [("origin", origin)] if origin is not None else []
    headers += [("sec-fetch-site", site)] if site else []
    for path in ("/api/open", "/api/zip", "/api/similar", "/"):
        assert Asked(LOCAL)(path, headers, method="POST").status == status


def test_a_second_origin_does_not_hide_behind_the_first() -> None:
    both = [("origin", "http://127.0.0.1:8420"), ("origin", "http://evil.example")]
    assert Asked(LOCAL)("/api/open", both, method="POST").status == 403


def test_pages_of_others_may_link_to_the_page_and_read_nothing() -> None:
    ask = Asked(LOCAL)

    def from_elsewhere(path: str, mode: str, dest: str, site: str = "cross-site") -> int:
        fetch = [("sec-fetch-site", site), ("sec-fetch-mode", mode), ("sec-fetch-dest", dest)]
        return ask(path, fetch).status

    assert from_elsewhere("/", "navigate", "document") == 200
    assert from_elsewhere("/", "navigate", "iframe") == 403
    assert from_elsewhere("/", "no-cors", "image") == 403
    for site in ("cross-site", "same-site"):
        assert from_elsewhere("/api/search", "navigate", "document", site) == 403
        assert from_elsewhere("/api/photo/" + "a" * 64 + "/image", "no-cors", "image", site) == 403
        assert from_elsewhere("/page/main.js", "no-cors", "script", site) == 403
    assert ask("/api/search", [("sec-fetch-site", "none")]).status == 200
    assert ask("/api/search", [("origin", "http://evil.example")]).status == 403


def test_origins_are_compared_whole() -> None:
    assert is_same_origin("https://photos.lan", "photos.lan")  # behind a proxy that encrypts
    assert is_same_origin("http://[::1]:8420", "[::1]:8420")
    assert is_same_origin("http://PHOTOS.lan:80", "photos.lan")
    assert not is_same_origin("http://photos.lan", "photos.lan:8420")
    assert not is_same_origin("http://photos.lan/path", "photos.lan")
    assert not is_same_origin("photos.lan", "photos.lan")


@pytest.mark.parametrize("method", ["PUT", "DELETE", "OPTIONS", "TRACE", "CONNECT", "PATCH", "X"])
def test_other_methods_are_not_known(method: str) -> None:
    told = Asked(LOCAL)(method=method)
    assert told.status == 405
    assert told.header("allow") == "GET, HEAD, POST"
    assert not told.seen


def test_head_is_a_get_without_a_body() -> None:
    told = Asked(LOCAL)(method="HEAD")
    assert (told.status, told.body) == (200, b"")
    assert told.seen[0]["method"] == "GET"


def test_no_url_is_longer_than_a_query_can_be() -> None:
    ask = Asked(LOCAL)
    assert ask(query="q=" + quote("\u6d66" * 2000)).status == 200
    assert ask(query="q=" + "a" * 40_000).status == 414
    assert ask("/" + "a" * 40_000).status == 414


def test_bodies_are_limited_by_what_they_are_and_not_by_what_they_say() -> None:
    ask = Asked(LOCAL)
    megabyte = b"x" * (1 << 20)
    large = [("content-length", str(60 << 20))]
    assert ask("/api/zip", large, method="POST").status == 413
    assert ask("/api/zip", [("content-length", "-1")], method="POST").status == 413
    assert not ask.seen
    assert ask("/api/zip", method="POST", body=[megabyte, b"x"]).status == 413
    assert ask("/api/zip", method="POST", body=[megabyte]).status == 200
    assert ask("/api/similar", method="POST", body=[megabyte] * 50).status == 200
    assert ask("/api/similar", method="POST", body=[megabyte] * 51).status == 413
    assert ask("/api/search", body=[megabyte, b"x"]).status == 413


@pytest.mark.parametrize(
    "told",
    [
        Asked(LOCAL)("/"),
        Asked(LOCAL)(host="evil.example"),
        Asked(LOCAL)(method="PUT"),
        Asked(SHARED)("/"),
        Asked(SHARED)("/api/search"),
    ],
)
def test_every_reply_says_what_a_browser_may_do_with_it(told: Told) -> None:
    policy = told.header("content-security-policy") or ""
    assert "default-src 'none'" in policy
    assert "frame-ancestors 'none'" in policy
    assert "unsafe" not in policy
    assert "http" not in policy.replace("'none'", "")
    assert told.header("x-content-type-options") == "nosniff"
    assert told.header("cross-origin-resource-policy") == "same-origin"
    assert told.header("access-control-allow-origin") is None


def test_sockets_of_the_web_are_closed() -> None:
    sent: list[Any] = []

    async def send(message: Any) -> None:
        sent.append(message)

    asyncio.run(Guard(lambda *_: None, LOCAL)({"type": "websocket"}, None, send))  # type: ignore[arg-type, return-value]
    assert [one["type"] for one in sent] == ["websocket.close"]


# The token


def bearer(token: str) -> Headers:
    return [("authorization", f"Bearer {token}")]


def test_without_the_token_nothing_is_told() -> None:
    ask = Asked(SHARED)
    for path in ("/api/search", "/api/status", "/page/main.js", "/openapi.json"):
        told = ask(path)
        assert told.status == 401
        assert json.loads(told.body)["error"]["kind"] == "WrongUse"
        assert told.header("www-authenticate") == "Bearer"
    for shown in (
        bearer("wrong"),
        bearer(""),
        [("authorization", f"Basic {TOKEN}")],
        [("authorization", TOKEN)],
        [("cookie", f"photosearch-8420={TOKEN}")],
        [("cookie", "photosearch-8420=")],
        bearer("\xff\xfe"),
    ):
        assert ask(headers=shown).status == 401
    assert ask(query="token=").status == 401
    assert ask(query="token=%ff%00").status == 401
    assert ask(method="POST", headers=bearer("wrong")).status == 401
    assert not ask.seen


def test_the_token_is_taken_as_a_header_or_in_the_url() -> None:
    ask = Asked(SHARED)
    assert ask(headers=bearer(TOKEN)).status == 200
    assert ask(headers=[("authorization", f"bearer {TOKEN}")]).status == 200
    told = ask(query="q=dog&token=correct+horse+42&k=3")
    assert told.status == 200
    assert told.seen[-1]["query_string"] == b"q=dog&k=3"
    assert TOKEN not in str(told.headers)
    assert "HttpOnly" in str(told.header("set-cookie"))
    assert "SameSite=Strict" in str(told.header("set-cookie"))
    assert ask(headers=[("cookie", f"other=1; {told.cookie}; odd[]={{}}")]).status == 200


def test_a_page_is_led_to_its_url_without_the_token() -> None:
    ask = Asked(SHARED)
    told = ask("/", query="token=correct%20horse%2042&q=a+dog")
    assert told.status == 303
    assert told.header("location") == "/?q=a+dog"
    assert ask("/", [("cookie", told.cookie)]).status == 200
    # A redirect that began at another site would not be sent the cookie.
    link = [("sec-fetch-site", "cross-site"), ("sec-fetch-mode", "navigate")]
    followed = ask("/", link, query="token=correct%20horse%2042")
    assert followed.status == 200
    assert b"refresh" in followed.body
    assert followed.cookie == told.cookie


def test_a_browser_is_asked_for_the_token_by_a_plain_form() -> None:
    ask = Asked(SHARED)
    told = ask("/", query="q=a+dog")
    assert told.status == 401
    assert b'<form method="post">' in told.body
    assert b"<script" not in told.body
    assert b"style" not in told.body
    let_in = ask("/", query="q=a+dog", method="POST", body=[b"token=correct+", b"horse+42"])
    assert let_in.status == 303
    assert let_in.header("location") == "/?q=a+dog"
    assert ask("/", [("cookie", let_in.cookie)]).status == 200
    assert ask("/", method="POST", body=[b"token=wrong"]).status == 401
    assert ask("/", method="POST", body=[b"x" * 5000]).status == 413
    evil = [("origin", "http://evil.example")]
    assert ask("/", evil, method="POST", body=[b"token=correct+horse+42"]).status == 403


def test_no_redirect_leads_elsewhere() -> None:
    ask = Asked(SHARED)
    for query in ("", "&next=//evil.example", "&q=%0d%0aSet-Cookie:x"):
        location = ask("/", query=f"token=correct%20horse%2042{query}").header("location") or ""
        assert location == "/" or location.startswith("/?")
        assert "\r" not in location


def test_a_cookie_of_another_server_is_no_key() -> None:
    cookie = Gate("another token", 8420).set_cookie().partition(";")[0]
    assert Asked(SHARED)(headers=[("cookie", cookie)]).status == 401
    elsewhere = Gate(TOKEN, 8421).set_cookie().partition(";")[0]
    assert Asked(SHARED)(headers=[("cookie", elsewhere)]).status == 401


def test_whoever_guesses_has_to_wait_and_an_old_bookmark_does_not() -> None:
    ask = Asked(SHARED)
    for _ in range(50):
        assert ask(headers=bearer("an old one")).status == 401
    for number in range(20):
        told = ask(headers=bearer(f"guess {number}"), client="192.0.2.66")
    assert told.status == 429
    # Not even a right one is looked at now, or guessing could go on.
    assert ask(headers=bearer(TOKEN), client="192.0.2.66").status == 429
    assert ask(headers=bearer(TOKEN)).status == 200


def test_a_local_server_can_ask_for_a_token_too() -> None:
    ask = Asked(Terms(token=TOKEN))
    assert ask().status == 401
    assert ask(headers=bearer(TOKEN)).status == 200
    assert ask(host="evil.example", headers=bearer(TOKEN)).status == 403


def test_tokens_that_are_made_differ() -> None:
    made = {new_token() for _ in range(100)}
    assert len(made) == 100
    assert all(len(one) >= 20 and one.isalnum() for one in made)
