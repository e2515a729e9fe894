"""The page's own files, as they lie in `page/`, at addresses that change with them.

In: a name. Out: a response. Modules name each other by relative addresses, so all files of a
version lie below one address, /page/VERSION/, and a browser that has loaded the page once asks
for "/" alone.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from functools import cache
from pathlib import Path

from starlette.exceptions import HTTPException
from starlette.responses import Response

from photosearch.web.sending import FOR_EVER, is_unchanged, unchanged

PAGE = Path(__file__).parent / "page"
KINDS = {
    ".html": "text/html; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
    ".json": "application/json",
}


def document(name: str, asked: Mapping[str, str]) -> Response:
    """An HTML page, which names the files of this version; browsers ask each time."""
    data = _files()[name].replace(b'"/page/', f'"/page/{version()}/'.encode())
    return _answer(name, data, asked, "no-cache")


def file(under: str, name: str, asked: Mapping[str, str]) -> Response:
    """A file that a page names: kept by browsers for as long as they like."""
    if name not in _files():
        raise HTTPException(404, "there is no such page")
    # A page that was opened before an upgrade may still ask for what it named then.
    kept = FOR_EVER if under == version() else "no-cache"
    return _answer(name, _files()[name], asked, kept)


@cache
def version() -> str:
    """Of all files together."""
    whole = hashlib.sha256()
    for name, data in _files().items():
        whole.update(b"%s %d\n" % (name.encode(), len(data)) + data)
    return whole.hexdigest()[:16]


@cache
def _files() -> dict[str, bytes]:
    """By name. All of them take some 100 KB."""
    return {path.name: path.read_bytes() for path in sorted(PAGE.iterdir()) if path.suffix in KINDS}


def _answer(name: str, data: bytes, asked: Mapping[str, str], kept: str) -> Response:
    tag = f'"{hashlib.sha256(data).hexdigest()[:16]}"'
    headers = {"ETag": tag, "Cache-Control": kept}
    if is_unchanged(asked, tag):
        return unchanged(headers)
    return Response(data, headers=headers, media_type=KINDS[Path(name).suffix])
