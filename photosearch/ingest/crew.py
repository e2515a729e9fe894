"""The benches of a run: one on each node of the cluster, on GPU nodes one a GPU.

In: what Ray says of its nodes. Out: benches that are ready, and news of them for the run. Nodes may
come and go: every few seconds it is looked which there are.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable
from concurrent.futures import Future
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from photosearch.errors import PhotosearchError, WrongUse
from photosearch.ingest.link import Plan
from photosearch.ingest.node import Bench, Hello

# How often it is looked which nodes there are.
TICK = 2.0
# Seconds without a bench after which the user is told why nothing happens.
_PATIENCE = 20.0
# A node whose benches die before they have done anything is left alone.
_DEATHS = 3
# Calls at a bench at once: while one encodes, the other decodes.
AT_ONCE = 2
# Of the cluster's object store at most so much is used, and no more than this for a bench.
_SHARE = 4
_BYTES_A_BENCH = 256 << 20


@dataclass(frozen=True, slots=True)
class Died:
    """The worker ended, or its node, before it was done."""

    reason: str


@dataclass(eq=False, slots=True)
class Seat:
    """A bench on a node, and how much work it has."""

    actor: Any
    node: str
    cpus: int
    hello: Hello | None = None  # None: it is not ready yet
    load: int = 0
    has_worked: bool = False


class Crew:
    """Seats of benches on nodes. Used by one thread."""

    def __init__(
        self,
        ray: Any,
        plan: Plan,
        tell: Callable[..., None],
        when_done: Callable[[Any, Callable[[Future[Any]], None]], None],
        when_ready: Callable[[], None],
    ) -> None:
        """when_done: calls back with what a reference stands for. when_ready: a bench is."""
        self._ray = ray
        self._plan = plan
        self._tell = tell
        self._when_done = when_done
        self._when_ready = when_ready
        self._bench = ray.remote(Bench)
        self.seats: list[Seat] = []
        self._deaths: Counter[str] = Counter()  # of benches that did nothing, by node
        self._last_death = ""
        self._model: Any = None
        self._idle = 0.0

    @property
    def ready(self) -> list[Seat]:
        """Those that can be given work."""
        return [seat for seat in self.seats if seat.hello]

    def leave(self) -> None:
        """End the benches."""
        for seat in self.seats:
            with suppress(Exception):
                self._ray.kill(seat.actor)

    def look_around(self) -> None:
        """Benches on nodes that have none."""
        nodes = [node for node in self._ray.nodes() if node["Alive"]]
        sat_at = Counter(seat.node for seat in self.seats)
        for node in nodes:
            name, has = node["NodeID"], node["Resources"]
            gpus = int(has.get("GPU", 0)) if self._plan.task.device != "cpu" else 0
            cpus = min(int(has.get("CPU", 0)), self._plan.jobs or 1 << 20)
            if cpus < 1 or self._deaths[name] >= _DEATHS:
                continue
            places = max(1, gpus)
            for _ in range(sat_at[name], places):
                self._seat(name, max(1, cpus // places), int(gpus > 0))
        if not self.seats:
            raise PhotosearchError(
                "no node of the Ray cluster can work"
                + (f": {self._last_death}" if self._last_death else ": none offers a CPU")
            )
        if not self.ready:
            self._idle += TICK
            if _PATIENCE <= self._idle < _PATIENCE + TICK:
                self._tell("note", "waiting for CPUs of the Ray cluster (ray status)")

    def _seat(self, node: str, cpus: int, gpus: int) -> None:
        actor = self._bench.options(
            num_cpus=cpus,
            num_gpus=gpus,
            max_concurrency=AT_ONCE,
            scheduling_strategy=self.on(node, soft=False),
        ).remote(self._plan.task, cpus)
        seat = Seat(actor, node, cpus)
        self.seats.append(seat)
        self._when_done(actor.open.remote(), lambda future: self._opened(seat, future))

    def on(self, node: str, *, soft: bool) -> Any:
        """Where a task or an actor is to run. soft: elsewhere, if the node is gone."""
        strategies = self._ray.util.scheduling_strategies
        return strategies.NodeAffinitySchedulingStrategy(node, soft=soft)

    def _opened(self, seat: Seat, future: Future[Hello | None]) -> None:
        hello = self.result(future, seat)
        if isinstance(hello, Died):
            return
        if hello is None:
            if self._model is None:
                self._model = self._ray.put(_files_of(self._plan.bundle))
            ref = seat.actor.open.remote(self._model)
            self._when_done(ref, lambda future: self._opened(seat, future))
            return
        seat.hello = hello
        self._tell_benches()
        self._when_ready()

    def _tell_benches(self) -> None:
        ready = [seat.hello for seat in self.seats if seat.hello]
        store = int(self._ray.cluster_resources().get("object_store_memory", 0)) // _SHARE
        most = max(32 << 20, min(store, _BYTES_A_BENCH * len(ready)))
        self._tell("benches", len(ready), max((one.batch_size for one in ready), default=1), most)

    def bury(self, seat: Seat, reason: str) -> None:
        """A bench has ended; its node, if it is there, gets another one."""
        if seat in self.seats:
            self.seats.remove(seat)
            self._deaths[seat.node] = 0 if seat.has_worked else self._deaths[seat.node] + 1
            self._last_death = reason
            self._tell_benches()
            self.look_around()

    def result(self, future: Future[Any], seat: Seat | None = None) -> Any:
        """What a worker gave; Died where it ended first. Raises what the work itself raised."""
        errors = self._ray.exceptions
        try:
            return future.result()
        except errors.RayTaskError as error:
            cause = error.cause
            if isinstance(cause, PhotosearchError):
                raise cause from None
            if isinstance(cause, errors.RayError):  # bytes that were lost, say
                return Died(last_line(cause))
            raise PhotosearchError(f"a worker of the Ray cluster: {last_line(cause)}") from error
        except errors.RayError as error:
            reason = last_line(error)
            if "No module named 'photosearch" in str(error):
                raise WrongUse(
                    "a node of the Ray cluster has no photosearch",
                    hint=f"pip install photosearch=={self._plan.task.version} on all nodes",
                ) from error
            if seat is not None:
                self.bury(seat, reason)
            return Died(reason)


def _files_of(bundle: Path) -> dict[str, Any]:
    """The image tower of a bundle, as `Bench.open` takes it: texts are not read there."""
    config = json.loads((bundle / "config.json").read_text(encoding="utf-8"))
    names = [
        path.relative_to(bundle).as_posix()
        for path in (bundle / "visual").rglob("*")
        if path.is_file()
    ]
    files: dict[str, Any] = {name: np.fromfile(bundle / name, np.uint8) for name in names}
    changed = {"config.json": {**config, "text_towers": {}}}
    with suppress(FileNotFoundError):
        sums = json.loads((bundle / "checksums.json").read_text(encoding="utf-8"))
        changed["checksums.json"] = {name: sums[name] for name in names if name in sums}
    for name, value in changed.items():
        files[name] = np.frombuffer(json.dumps(value).encode(), np.uint8)
    return files


def last_line(error: BaseException) -> str:
    """What an error of Ray says at the end of all it says."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return (lines[-1] if lines else type(error).__name__)[:300]
