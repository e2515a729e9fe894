"""Commands without the start of Python and its imports: `python -m tests.faults.warm`.

In: a socket as standard input; each byte on it brings four descriptors: a file with an order in
JSON, what the command is to write to, and a pipe for its exit code. Out: the code, on that pipe.

Each command is a process of its own all the same, a fork of this one: it has its own group, its own
descriptors and environment, and dies as any other.
"""

from __future__ import annotations

import gc
import importlib
import json
import os
import pkgutil
import signal
import socket
import sys
from contextlib import suppress
from typing import Any

# What the commands import before they do anything; nothing that starts a thread, as onnxruntime.
_PACKAGES = ("photosearch.store", "photosearch.index", "photosearch.decode", "photosearch.search")
_MODULES = (
    *("PIL.Image", "faiss", "photosearch.resident.client", "photosearch.cli.index_report"),
    *("photosearch.cli.query_options", "photosearch.cli.opened", "photosearch.cli.progress"),
    *("photosearch.library.indexing", "photosearch.library.upkeep", "photosearch.library.contents"),
    *("photosearch.ingest.photos", "photosearch.ingest.here", "photosearch.ingest.words"),
    *("photosearch.ocr.rapid", "photosearch.encode.find", "photosearch.encode.preprocess"),
    *("photosearch.show.table", "photosearch.show.notes", "photosearch.duplicates.find"),
)


def main() -> None:
    load()
    orders = socket.socket(fileno=0)
    gc.freeze()
    while True:
        message, descriptors, _, _ = socket.recv_fds(orders, 1, 4)
        if not message:
            break
        asked, *others = descriptors
        with os.fdopen(asked, "rb") as file:
            order = json.load(file)
        if any(word.startswith("--words") for word in order["arguments"]):
            load_for_reading()
        if not os.fork():
            wait_for(order, *others)
            os._exit(0)
        for descriptor in others:
            os.close(descriptor)
        with suppress(ChildProcessError):
            while os.waitpid(-1, os.WNOHANG)[0]:
                pass
    with suppress(ChildProcessError):
        while True:
            os.wait()


def load() -> None:
    importlib.import_module("photosearch.cli.app")
    for package in _PACKAGES:
        for module in pkgutil.iter_modules(importlib.import_module(package).__path__):
            importlib.import_module(f"{package}.{module.name}")
    for name in _MODULES:
        importlib.import_module(name)


def load_for_reading() -> None:
    """What takes longest where printed words are read."""
    for name in ("ch_ppocr_det", "ch_ppocr_rec", "utils.parse_parameters"):
        importlib.import_module(f"rapidocr.{name}")


def wait_for(order: dict[str, Any], out: int, err: int, answer: int) -> None:
    """Run a command, and say how it ended; after its time is up, it is ended."""
    command = os.fork()
    if not command:
        os.close(answer)
        become(order, out, err)
    late = False

    def end(*_: object) -> None:
        nonlocal late
        late = True
        os.killpg(command, signal.SIGKILL)

    signal.signal(signal.SIGALRM, end)
    signal.alarm(order["seconds"])
    _, status = os.waitpid(command, 0)
    os.write(answer, b"late" if late else str(os.waitstatus_to_exitcode(status)).encode())


def become(order: dict[str, Any], out: int, err: int) -> None:
    """Be this command; what is returned to never comes."""
    os.setsid()
    nothing = os.open(os.devnull, os.O_RDONLY)
    for number, descriptor in enumerate((nothing, out, err)):
        os.dup2(descriptor, number)
        os.close(descriptor)
    # What was opened for other descriptors knows of these whether they can be sought in.
    sys.stdin, sys.stdout = open(0), open(1, "w")  # noqa: SIM115
    sys.stderr = open(2, "w", buffering=1, errors="backslashreplace")  # noqa: SIM115
    os.environ.clear()
    os.environ.update(order["env"])
    sys.argv = ["photosearch", *order["arguments"]]
    gc.unfreeze()
    code: object = 1
    try:
        from photosearch.__main__ import main as command
        from tests.faults.inject import prepare

        prepare(order["plan"])
        command()
        code = 0
    except SystemExit as ended:
        code = ended.code
    except BaseException:
        sys.excepthook(*sys.exc_info())
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code if isinstance(code, int) else int(bool(code)))


if __name__ == "__main__":
    main()
