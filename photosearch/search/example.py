"""An example image → its bytes: from a path, a URL, standard input, or given as they are.

In: what stands after --image. Out: bytes, with limits on size and time. The only place where
photosearch opens a URL, and only one that the user typed.
"""

from __future__ import annotations

import os
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar
from urllib.parse import urlsplit

from photosearch.errors import BadImage
from photosearch.paths import as_on_disk, to_bytes
from photosearch.settings import MAX_FILE_BYTES

if TYPE_CHECKING:
    from urllib.request import OpenerDirector


@dataclass(frozen=True, slots=True)
class InLibrary:
    """A photo of the library as an example, by its content: no file is opened for it."""

    digest: str  # SHA-256, hexadecimal


URL_MAX_BYTES = 50 << 20
URL_SECONDS = 20.0

Data = TypeVar("Data", bytes, bytearray)


def is_url(source: Any) -> bool:
    return isinstance(source, str) and source.lower().startswith(("http://", "https://"))


def read_example(source: Any) -> bytes:
    """The bytes of an example image; raises BadImage."""
    if isinstance(source, bytes):
        return source
    if isinstance(source, InLibrary):
        raise BadImage(f"photo {source.digest}: no file of it is there now")
    if source == "-":
        return _limited(sys.stdin.buffer.read(URL_MAX_BYTES + 1), "standard input")
    if is_url(source):
        return _fetch(source)
    if isinstance(source, str) and "://" in source:
        raise BadImage(f"{source}: only http and https addresses are read")
    path = Path(source).expanduser()
    try:
        if path.is_dir():
            raise BadImage(f"{path} is a folder, not an image")
        # A pipe is read as well (`--image <(…)`), of a device that never ends no more than this.
        with open(as_on_disk(to_bytes(path)) or path, "rb") as file:
            size = os.fstat(file.fileno()).st_size
            data = b"" if size > MAX_FILE_BYTES else file.read(MAX_FILE_BYTES + 1)
        if max(size, len(data)) > MAX_FILE_BYTES:
            raise BadImage(f"{path} is larger than {MAX_FILE_BYTES >> 20} MiB")
        return data
    except FileNotFoundError:
        raise BadImage(f"{path}: no such file") from None
    except (OSError, ValueError) as error:
        raise BadImage(f"{path}: {getattr(error, 'strerror', None) or error}") from error


def _fetch(url: str) -> bytes:
    from http.client import HTTPException
    from urllib.error import HTTPError
    from urllib.request import Request

    host = urlsplit(url).hostname or url
    request = Request(url, headers={"User-Agent": "photosearch", "Accept": "image/*"})
    deadline = time.monotonic() + URL_SECONDS
    try:
        with _opener().open(request, timeout=URL_SECONDS) as answer:
            kind = answer.headers.get_content_type()
            if not (kind.startswith("image/") or kind == "application/octet-stream"):
                raise BadImage(f"{url} is no image: the server says {kind}")
            data = bytearray()
            while block := answer.read1(1 << 16):
                data += block
                _limited(data, url)
                if time.monotonic() > deadline:
                    raise BadImage(f"{url}: not here after {URL_SECONDS:.0f} s")
            return bytes(data)
    except HTTPError as error:
        raise BadImage(f"{url}: {host} says {error.code} {error.reason}") from error
    except (OSError, HTTPException, ValueError) as error:
        reason = getattr(error, "reason", None) or error
        raise BadImage(f"{url}: cannot be fetched from {host} ({reason})") from error


def _opener() -> OpenerDirector:
    """http and https alone, also behind a redirect; proxies as the environment names them."""
    from urllib import request

    opener = request.OpenerDirector()
    for handler in (
        request.ProxyHandler,
        request.HTTPHandler,
        request.HTTPSHandler,
        request.HTTPRedirectHandler,
        request.HTTPDefaultErrorHandler,
        request.HTTPErrorProcessor,
        request.UnknownHandler,
    ):
        opener.add_handler(handler())
    return opener


def _limited(data: Data, where: str) -> Data:
    if len(data) > URL_MAX_BYTES:
        raise BadImage(f"{where}: more than {URL_MAX_BYTES >> 20} MiB")
    if not data:
        raise BadImage(f"{where}: empty")
    return data


def name_of(source: Any) -> str:
    """How an example is called in messages and results."""
    if isinstance(source, bytes) or hasattr(source, "convert"):
        return "image"
    if isinstance(source, InLibrary):
        return source.digest
    if source == "-":
        return "standard input"
    return source if isinstance(source, str) else os.fspath(source)
