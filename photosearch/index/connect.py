"""A Milvus that answers: a server, or Milvus Lite in this process; and what may go wrong with it.

In: an Address. Out: a Connection; errors as one line each, without credentials. Milvus Lite listens
in a folder that this user alone may enter.
"""

from __future__ import annotations

import logging
import os
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path
from typing import Any

from photosearch.errors import MissingExtra, StorageError, WrongUse
from photosearch.index.address import TOKEN_VARIABLE, Address

_CONNECT_SECONDS = 10.0
_LOCK_SECONDS = 10.0  # a query that has Milvus Lite open ends sooner


class Connection:
    """A Milvus that has answered."""

    def __init__(self, address: Address) -> None:
        self.address = address
        self._undo: list[Callable[[], object]] = []
        if address.file:
            _check_lite_folder(address.file, address.shown)
        milvus = _pymilvus(address)
        try:
            self._open(milvus, address)
        except BaseException:
            self.close()
            raise

    def _open(self, milvus: Any, address: Address) -> None:
        with speaking(address):
            uri = self._start_lite(address.file) if address.file else address.uri
            self.client = milvus.MilvusClient(
                uri, token=address.token, db_name=address.database, timeout=_CONNECT_SECONDS
            )
            self._undo.append(self.client.close)
        # Milvus Lite 3, also as a server, knows no float16 vectors and has to be told to flush.
        self.is_lite = False
        with suppress(Exception):  # not every version tells
            self.is_lite = "lite" in self.client.get_server_version(timeout=_CONNECT_SECONDS)

    def close(self) -> None:
        while self._undo:
            with suppress(Exception):
                self._undo.pop()()

    def _start_lite(self, folder: Path) -> str:
        from milvus_lite.adapter.grpc.server import start_server_in_thread
        from milvus_lite.exceptions import DataDirLockedError, MilvusLiteError

        folder.mkdir(mode=0o700, exist_ok=True)
        private = tempfile.mkdtemp(prefix="photosearch-")  # mode 0700
        self._undo.append(partial(shutil.rmtree, private, ignore_errors=True))
        socket = f"{private}/s"
        until = time.monotonic() + _LOCK_SECONDS
        while True:
            try:
                server, database, _ = start_server_in_thread(str(folder), "unix", socket)
                break
            except DataDirLockedError:
                if time.monotonic() > until:
                    raise StorageError(
                        f"{self.address.shown} is in use by another process",
                        hint="wait for it to end: Milvus Lite serves one at a time, a server many",
                    ) from None
                time.sleep(0.1)
            except (MilvusLiteError, ValueError, KeyError) as error:  # its files are damaged
                raise _trouble(error, self.address) from error
        # The last is undone first.
        self._undo += [database.close, lambda: server.stop(grace=1).wait(2)]
        return f"unix:{socket}"


def _check_lite_folder(folder: Path, shown: str) -> None:
    """Milvus Lite makes a folder of the name it is given, and writes into any that is there."""
    if not folder.parent.is_dir():
        raise WrongUse(f"{shown}: there is no folder {folder.parent}")
    if folder.exists() and not folder.is_dir():
        raise WrongUse(f"{shown} is a file of another kind: Milvus Lite keeps a folder there",
                       hint="another name: --vectors ./vectors.db")  # fmt: skip
    if folder.is_dir() and any(folder.iterdir()) and not (folder / "LOCK").exists():
        raise WrongUse(f"{shown} is a folder, and none of Milvus Lite",
                       hint="another name: --vectors ./vectors.db")  # fmt: skip


def _pymilvus(address: Address) -> Any:
    """The client, which takes a second to import, and is told to keep its words to itself."""
    for name, value in (
        ("GRPC_VERBOSITY", "NONE"), ("GLOG_minloglevel", "3"), ("GRPC_ENABLE_FORK_SUPPORT", "0")
    ):  # fmt: skip
        os.environ.setdefault(name, value)
    try:
        import pymilvus

        if address.file:
            import milvus_lite.adapter.grpc.server  # noqa: F401, of version 3
    except ImportError as error:
        raise MissingExtra(
            f"--vectors {address.shown} needs {error.name or 'pymilvus'}",
            hint="pip install 'photosearch[milvus]'",
        ) from None
    for name in ("pymilvus", "milvus_lite", "grpc"):
        # It logs tracebacks of errors that it also raises; the vectors are never in them.
        logger = logging.getLogger(name)
        logger.handlers[:] = [logging.NullHandler()]
        logger.propagate = False
        logger.setLevel(logging.CRITICAL)
    return pymilvus


@contextmanager
def speaking(address: Address) -> Iterator[None]:
    """What goes wrong between here and there, as one line."""
    import grpc
    from pymilvus.exceptions import MilvusException

    try:
        yield
    except (MilvusException, grpc.RpcError, grpc.FutureTimeoutError, OSError) as error:
        raise _trouble(error, address) from error


def _trouble(error: Exception, address: Address) -> StorageError:
    said = " ".join(str(getattr(error, "message", "") or error).split())
    if address.token:
        said = said.replace(address.token, "…").replace(
            address.token.partition(":")[2] or "\0", "…"
        )
    low = said.lower()
    where = f"Milvus at {address.shown}"
    if "auth" in low or "unauthenticated" in low:
        return StorageError(f"{where} refuses these credentials",
                            hint=f"{TOKEN_VARIABLE}=user:password photosearch …")  # fmt: skip
    if "permission" in low or "privilege" in low:
        return StorageError(f"{where} does not permit this: {said[:200]}",
                            hint="a user who may make collections there")  # fmt: skip
    if "database not found" in low or "can't find database" in low:
        return StorageError(f"{where} has no database {address.database}",
                            hint="make it there, or leave it out of the address")  # fmt: skip
    if any(word in low for word in ("fail connecting", "unavailable", "deadline", "timeout",
                                    "failed to connect")):  # fmt: skip
        return StorageError(f"{where} does not answer",
                            hint="is it running, and is this its address?")  # fmt: skip
    hint = f"its content is derived: without {address.file} it is made anew" if address.file else ""
    return StorageError(f"{where}: {said[:300]}", hint=hint)
