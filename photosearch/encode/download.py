"""One file over HTTP → a file on disk that is whole and has the right sum, or none.

In: an address, a path, the SHA-256 that the file must have. Out: the path.
What has come of a download that was cut stays beside the path as NAME.part; the next call, in
whatever process, goes on from there. Raises DownloadFailed, StorageError.
"""

from __future__ import annotations

import errno
import os
import shutil
import socket
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from http.client import HTTPConnection, HTTPException, HTTPResponse, HTTPSConnection
from pathlib import Path
from urllib import request
from urllib.error import HTTPError, URLError
from urllib.parse import urlsplit

from photosearch.encode.bundle import sha256_of
from photosearch.errors import DownloadFailed, StorageError

# Bytes that are here, bytes there are in all (None where the server does not say).
Progress = Callable[[int, int | None], None]

CONNECT_SECONDS = 10.0
READ_SECONDS = 30.0  # without a single byte
TRIES = 5  # in a row that bring little; 0.5, 1, 2, 4 s apart
PAUSE = 0.5
WORTHWHILE = 1 << 20  # bytes after which a cut connection is a new matter
BLOCK = 1 << 18
PASSING = (408, 425, 429, 500, 502, 503, 504)  # states of a server that may be over in a second
OFFLINE_VARIABLES = ("PHOTOSEARCH_OFFLINE", "HF_HUB_OFFLINE")


class _Cut(Exception):
    """A try that failed in a way that another may not. `met`: the server has answered."""

    def __init__(self, reason: str, *, met: bool) -> None:
        super().__init__(reason)
        self.met = met


def download(url: str, target: Path, *, sha256: str, progress: Progress | None = None) -> Path:
    """Fetch a file, unless the right one is there; two processes that ask take turns."""
    if urlsplit(url).scheme not in ("http", "https"):
        raise DownloadFailed(f"{url}: only http and https addresses are fetched", hint="")
    part = target.with_name(target.name + ".part")
    with _storage(target):
        target.parent.mkdir(parents=True, exist_ok=True)
    with _alone(target, part, progress):
        with _storage(target):
            if target.is_file() and sha256_of(target) == sha256:
                return target
        require_network(url)
        resumed = _fill(url, part, progress)
        if resumed and not _matches(part, sha256):
            # What was here already may have been of another file: once more, from the start.
            _drop(part)
            _fill(url, part, progress)
        if not _matches(part, sha256):
            _drop(part)
            raise DownloadFailed(
                f"{url} is not the file that it should be: its SHA-256 does not begin with "
                f"{sha256[:12]}; what came was deleted",
                hint="another network or mirror, in case one on the way alters files",
            )
        with _storage(target):
            os.replace(part, target)
            _sync_folder(target.parent)
    return target


def offline_variable() -> str | None:
    """The environment variable that forbids using the network, if one does."""
    for name in OFFLINE_VARIABLES:
        if os.environ.get(name, "").upper() in ("1", "ON", "YES", "TRUE"):
            return name
    return None


def require_network(what: str) -> None:
    """Raises DownloadFailed where the environment says to stay offline."""
    variable = offline_variable()
    if variable:
        raise DownloadFailed(
            f"{what} is not on this machine, and {variable} says to stay offline",
            hint=f"unset {variable}, or copy the model here from another machine",
        )


def is_terminal() -> bool:
    """Whether somebody could see a bar on stderr."""
    return sys.stderr is not None and sys.stderr.isatty()


def _fill(url: str, part: Path, progress: Progress | None) -> bool:
    """Bring the part to its full length, in several tries if need be. True: one went on."""
    failures, met, resumed = 0, False, False
    while True:
        before = _size(part)
        resumed = resumed or before > 0
        try:
            _try(url, part, before, progress)
            return resumed
        except _Cut as cut:
            met = met or cut.met
            failures = 1 if _size(part) - before >= WORTHWHILE else failures + 1
            # A server that was never reached is asked twice; one that let us wait, once.
            silent = isinstance(cut.__cause__, TimeoutError)
            if failures >= (TRIES if met else 1 if silent else 2):
                raise DownloadFailed(
                    f"{url} cannot be downloaded: {cut}", hint=_hint(part)
                ) from cut.__cause__
            time.sleep(PAUSE * 2 ** (failures - 1))


def _try(url: str, part: Path, have: int, progress: Progress | None) -> None:
    """Append what one answer brings."""
    host = urlsplit(url).netloc
    try:
        answer = _open(url, have)
    except HTTPError as error:
        with error:
            whole = error.headers.get("Content-Range", "").removeprefix("bytes */")
        if error.code == 416:  # nothing lies behind what is here
            if whole == str(have):
                return
            _drop(part)
            raise _Cut("the file there has become shorter", met=True) from error
        if error.code in PASSING:
            raise _Cut(f"{host} says {error.code} {error.reason}", met=True) from error
        raise DownloadFailed(
            f"{url} cannot be downloaded: {host} says {error.code} {error.reason}",
            hint="check the address" if error.code in (404, 410) else None,
        ) from error
    except (OSError, HTTPException, ValueError) as error:
        raise _Cut(_why(error, host), met=False) from _root(error)
    with answer:
        if answer.headers.get_content_type() == "text/html":
            raise DownloadFailed(
                f"{url} cannot be downloaded: {host} answers with a web page, not a file",
                hint="a network that wants a login first may do this: open a browser",
            )
        start, total = _span(answer, have)
        if start not in (0, have):
            _drop(part)
            raise _Cut(f"{host} sends another part than the one asked for", met=True)
        if total is not None:
            _require_room(part, total, total - start)
        done = start
        with _storage(part), part.open("ab" if start else "wb") as file:
            for block in _blocks(answer, host):
                file.write(block)
                done += len(block)
                if progress:
                    progress(done, total)
            file.flush()
            os.fsync(file.fileno())
    if total is not None and done != total:
        raise _Cut(f"the connection to {host} was cut after {done:,} of {total:,} bytes", met=True)


def _span(answer: HTTPResponse, have: int) -> tuple[int, int | None]:
    """(first byte of an answer, length of the whole file)."""
    if answer.status == 206:
        span, _, whole = answer.headers.get("Content-Range", "").rpartition("/")
        first = span.removeprefix("bytes ").partition("-")[0].strip()
        return int(first) if first.isdigit() else have, int(whole) if whole.isdigit() else None
    length = answer.headers.get("Content-Length") or ""
    return 0, int(length) if length.isdigit() else None


def _blocks(answer: HTTPResponse, host: str) -> Iterator[bytes]:
    """The body. Errors of the network leave as _Cut, so that they are not taken for the disk's."""
    try:
        while block := answer.read1(BLOCK):
            yield block
    except (OSError, HTTPException) as error:
        raise _Cut(_why(error, host), met=True) from error


def _open(url: str, have: int) -> HTTPResponse:
    headers = {"User-Agent": "photosearch", "Accept-Encoding": "identity"}
    if have:
        headers["Range"] = f"bytes={have}-"
    opener = request.OpenerDirector()
    for handler in (
        request.ProxyHandler,  # as the environment names them
        _Plain,
        _Secure,
        request.HTTPRedirectHandler,
        request.HTTPDefaultErrorHandler,
        request.HTTPErrorProcessor,
        request.UnknownHandler,
    ):
        opener.add_handler(handler())
    answer: HTTPResponse = opener.open(request.Request(url, headers=headers), timeout=READ_SECONDS)
    return answer


class _PlainConnection(HTTPConnection):
    """urllib has one time limit for all; making a connection has its own, shorter one here."""

    def connect(self) -> None:
        self.timeout = CONNECT_SECONDS
        super().connect()
        self.sock.settimeout(READ_SECONDS)


class _SecureConnection(HTTPSConnection):
    def connect(self) -> None:
        self.timeout = CONNECT_SECONDS
        super().connect()
        self.sock.settimeout(READ_SECONDS)


class _Plain(request.HTTPHandler):
    def http_open(self, req: request.Request) -> HTTPResponse:
        return self.do_open(_PlainConnection, req)


class _Secure(request.HTTPSHandler):
    def https_open(self, req: request.Request) -> HTTPResponse:
        return self.do_open(_SecureConnection, req)


def _why(error: BaseException, host: str) -> str:
    root = _root(error)
    if isinstance(root, socket.gaierror):
        return f"{host} is not found; is there a network?"
    if isinstance(root, TimeoutError):
        return f"{host} does not answer"
    if isinstance(root, ConnectionRefusedError):
        return f"{host} refuses the connection"
    return f"{host}: {getattr(root, 'strerror', None) or root or type(root).__name__}"


def _root(error: BaseException) -> BaseException:
    reason = error.reason if isinstance(error, URLError) else None
    return reason if isinstance(reason, BaseException) else error


def _hint(part: Path) -> str:
    if _size(part):
        return f"the same command later; it goes on from {_size(part) / 1e6:,.1f} MB"
    return "check the network and its proxy settings; then the same command again"


def _require_room(part: Path, total: int, missing: int) -> None:
    """Refuse before the disk is full, which would hurt other programs, too."""
    with _storage(part):
        free = shutil.disk_usage(part.parent).free
    if free < missing:
        raise StorageError(
            f"{part.parent} has no room for {part.stem}: {missing / 1e6:,.0f} MB of "
            f"{total / 1e6:,.0f} MB are missing, {free / 1e6:,.0f} MB are free",
            hint="free some disk space, or PHOTOSEARCH_MODELS names a folder on another disk",
        )


@contextmanager
def _storage(path: Path) -> Iterator[None]:
    """Errors of the file system → one line. A part is kept: it is what need not come again."""
    try:
        yield
    except OSError as error:
        full = error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
        raise StorageError(
            f"{error.filename or path}: {error.strerror or error}",
            hint=f"free some disk space and run the same command again, or delete {path}"
            if full
            else "PHOTOSEARCH_MODELS names a folder that you may write to",
        ) from error


@contextmanager
def _alone(target: Path, part: Path, progress: Progress | None) -> Iterator[None]:
    """Let no other process write the same part; while one does, show how far it is."""
    from filelock import FileLock, Timeout

    lock = FileLock(target.with_name(target.name + ".lock"))
    with _storage(target):
        while True:
            try:
                lock.acquire(timeout=1)
                break
            except Timeout:
                if progress:
                    progress(_size(part), None)
    try:
        yield
    finally:
        lock.release()


def _matches(part: Path, sha256: str) -> bool:
    with _storage(part):
        return sha256_of(part) == sha256


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:
        return 0


def _drop(part: Path) -> None:
    with _storage(part):
        part.unlink(missing_ok=True)


def _sync_folder(folder: Path) -> None:
    """Make a rename last; Windows has no such call, and does not need it."""
    with suppress(OSError):
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
