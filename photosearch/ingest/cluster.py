"""The process that speaks to Ray for a run: joins a cluster, or starts one, and leaves it.

In: requests of `ingest/spread.py` on standard input, through `ingest/link.py`. Out: answers on what
was standard output. It ends when its input does, however that came about, takes back what is under
way, and ends a cluster that it started itself. The one module that imports Ray.
"""

from __future__ import annotations

import os
import pickle
import queue
import secrets
import shutil
import socket
import sys
import threading
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from photosearch.errors import PhotosearchError, WrongUse
from photosearch.ingest.crew import last_line
from photosearch.ingest.foreman import Foreman
from photosearch.ingest.link import Plan
from photosearch.settings import usable_cores

# Seconds in which a cluster's port has to answer.
_ANSWER = 10.0
# Of a cluster started here: bytes of shared memory for photos on their way, taken as needed.
_LOCAL_STORE = 512 << 20


def main() -> None:
    """Serve requests until there are none."""
    requests = sys.stdin.buffer
    answers = os.fdopen(os.dup(1), "wb")
    nowhere = os.open(os.devnull, os.O_RDWR)
    os.dup2(nowhere, 1)

    def send(*message: Any) -> None:
        with suppress(OSError):  # nobody waits for it any more
            pickle.dump(message, answers, protocol=5)
            answers.flush()

    kind, plan = pickle.load(requests)
    assert kind == "plan"
    events: queue.SimpleQueue[Any] = queue.SimpleQueue()
    joined = threading.Event()
    threading.Thread(target=_listen, args=(requests, events, joined), daemon=True).start()
    try:
        with_cluster(plan, events, send, joined)
    except PhotosearchError as error:
        send("error", error)
    except Exception as error:
        send("error", PhotosearchError(f"the Ray cluster failed: {last_line(error)}"))


def _listen(requests: Any, events: queue.SimpleQueue[Any], joined: threading.Event) -> None:
    """Requests become events; the end of them is one, too."""
    with suppress(OSError, EOFError, pickle.UnpicklingError):
        while True:
            events.put(pickle.load(requests))
    if not joined.is_set():  # Ray tries for minutes, and is told by nothing that nobody waits
        os._exit(1)
    events.put(None)


def with_cluster(
    plan: Plan,
    events: queue.SimpleQueue[Any],
    send: Callable[..., None],
    joined: threading.Event,
) -> None:
    """Join the cluster, work for the run, and leave."""
    os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
    if plan.folder is not None:
        _prepare_local()
    ray = _ray()  # it reads what was prepared
    try:
        _join(plan)
        foreman = Foreman(ray, plan, events, send)
        joined.set()
        try:
            foreman.work()
        finally:
            foreman.leave()
    finally:
        ray.shutdown()
        if plan.folder is not None:
            shutil.rmtree(plan.folder, ignore_errors=True)


def _prepare_local() -> None:
    # On Linux, too, it then keeps to the loopback interface.
    os.environ["RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER"] = "0"
    os.environ["RAY_AUTH_MODE"] = "token"  # of this cluster alone, and in no file
    os.environ["RAY_AUTH_TOKEN"] = secrets.token_hex(32)
    os.environ["PYTHONPATH"] = os.pathsep.join(sys.path)


def _ray() -> Any:
    """Ray, whose own types do not say what its decorators make of functions and classes."""
    import ray
    import ray.util.scheduling_strategies

    return ray


def _join(plan: Plan) -> None:
    ray = _ray()
    quiet = {"log_to_driver": False, "configure_logging": False}
    if plan.folder is not None:
        try:
            ray.init(
                address="local",
                num_cpus=plan.jobs or usable_cores(),
                include_dashboard=False,
                object_store_memory=_LOCAL_STORE,
                _node_ip_address="127.0.0.1",
                _temp_dir=os.fspath(plan.folder),
                **quiet,
            )
        except Exception as error:  # of Ray, of gRPC, of the system
            raise PhotosearchError(f"no Ray cluster starts here: {last_line(error)}") from error
        return
    address = plan.address
    try:
        if address == "auto":
            from ray._private.services import canonicalize_bootstrap_address

            address = canonicalize_bootstrap_address(address) or ""
            if not address:
                raise ConnectionError("none was started on this machine, and RAY_ADDRESS is unset")
        host, _, port = address.removeprefix("ray://").rpartition(":")
        # Ray itself waits for minutes for somebody to answer.
        socket.create_connection((host.strip("[]"), int(port)), timeout=_ANSWER).close()
        ray.init(address=address, **quiet)
    except Exception as error:
        raise WrongUse(
            f"the Ray cluster at {plan.address} cannot be joined: {last_line(error)}",
            hint="ray start --head, then --ray auto; or --ray local",
        ) from error
