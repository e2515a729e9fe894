"""web: the page's own files, at addresses that change with them."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from starlette.exceptions import HTTPException
from starlette.responses import Response

from photosearch.web import page_files
from photosearch.web.page_files import PAGE, document, file, version

NOBODY: dict[str, str] = {}


@pytest.fixture
def another(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A copy of the files, to be changed before it is read."""
    folder = shutil.copytree(PAGE, tmp_path / "page")
    monkeypatch.setattr(page_files, "PAGE", folder)
    _forget()
    yield folder
    _forget()


def _forget() -> None:
    page_files._files.cache_clear()
    version.cache_clear()


def kept(reply: Response) -> str:
    return reply.headers["cache-control"]


@pytest.mark.parametrize("name", ["index.html", "docs.html"])
def test_all_that_a_page_loads_is_kept_by_the_browser(name: str) -> None:
    """What it names, and what that imports in its turn: nothing is asked for a second time."""
    page = document(name, NOBODY)
    assert kept(page) == "no-cache"
    named = re.findall(rb'(?:src|href)="/page/(\w+)/([\w.]+)"', bytes(page.body))
    assert {under.decode() for under, _ in named} == {version()}
    assert b'"/page/' not in re.sub(rb'"/page/%s/' % version().encode(), b"", bytes(page.body))
    waiting, seen = [one.decode() for _, one in named], set()
    while waiting:
        one = waiting.pop()
        if one in seen:
            continue
        seen.add(one)
        reply = file(version(), one, NOBODY)
        assert "immutable" in kept(reply), one
        assert "/page/" not in bytes(reply.body).decode(), f"{one} names a file past its version"
        waiting += re.findall(r'(?:from|import) "\./([\w.]+)"', bytes(reply.body).decode())
    assert len(seen) > (40 if name == "index.html" else 3)


@pytest.mark.parametrize("changed", ["main.js", "app.css", "index.html"])
def test_a_change_of_any_file_is_another_version(another: Path, changed: str) -> None:
    with (another / changed).open("a") as out:
        out.write(" ")
    changed_version = version()
    shutil.copyfile(PAGE / changed, another / changed)
    _forget()
    assert changed_version != version()


def test_a_name_is_part_of_the_version(another: Path) -> None:
    before = version()
    (another / "main.js").rename(another / "first.js")
    _forget()
    assert version() != before


def test_a_page_from_before_an_upgrade_gets_what_there_is() -> None:
    reply = file("0123456789abcdef", "main.js", NOBODY)
    assert bytes(reply.body) == (PAGE / "main.js").read_bytes()
    assert kept(reply) == "no-cache"


def test_what_the_browser_has_is_not_sent_again() -> None:
    for answer in (document, lambda name, asked: file(version(), name, asked)):
        first = answer("index.html", NOBODY)
        again = answer("index.html", {"if-none-match": first.headers["etag"]})
        assert (again.status_code, again.body) == (304, b"")
        assert answer("index.html", {"if-none-match": '"other"'}).status_code == 200


@pytest.mark.parametrize("name", ["app.py", "../app.py", "", "page", "main.js/", "MAIN.js"])
def test_nothing_else_is_there(name: str) -> None:
    with pytest.raises(HTTPException):
        file(version(), name, NOBODY)
