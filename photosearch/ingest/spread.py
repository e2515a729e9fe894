"""The workshop on a cluster: Ray's workers read, decode and encode; this side keeps the order.

In: files. Out: photos with their vectors, in order. Photos' bytes stay on the node that read them:
here come digests, and later vectors. Bounded in number and bytes, so that neither the cluster's
memory nor this process's grows with the folder. Knows nothing of the catalogue.

Ray itself runs in a process of its own (`ingest/link.py`).
"""

from __future__ import annotations

import logging
import os
import queue
import re
import time
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator
from dataclasses import dataclass, field
from importlib.util import find_spec

from photosearch.decode.limits import Limits
from photosearch.encode.encoder import BundleEncoder, Encoder, PairEncoder
from photosearch.errors import MissingExtra, PhotosearchError, WrongUse
from photosearch.ingest.link import Link, Plan
from photosearch.ingest.node import Outcome, Task, own_version
from photosearch.ingest.workshop import Arrived, Encoded, Trouble
from photosearch.paths import join, time_of, to_path
from photosearch.read import open_regular
from photosearch.records import FoundFile

logger = logging.getLogger("photosearch")

# Files that one task reads: at 0.1 s a photo of work, a task's millisecond does not count.
_GROUP_FILES = 16
_GROUP_BYTES = 64 << 20
# Calls under way for each bench: it works on two, and one more waits at it. As many groups are read
# ahead of them.
_CALLS = 3
# After Ctrl-C: how long the photos in flight are waited for while nothing at all arrives.
_PATIENCE = 30.0
_TICK = 0.25


@dataclass(slots=True)
class _Group:
    """Files that one task reads."""

    number: int
    files: list[FoundFile]
    bytes: int
    outcomes: list[Outcome] | None = None


@dataclass(slots=True)
class _Claim:
    """What an Arrived holds: its place in a group, whose bytes lie in the cluster."""

    group: int
    index: int
    bytes: int
    is_wanted: bool = False


@dataclass(slots=True)
class _Call:
    """Photos that are encoded together."""

    number: int
    files: list[Arrived] = field(default_factory=list)
    bytes: int = 0
    results: list[Encoded | Trouble] | None = None


def check_address(address: str) -> None:
    """Raise what can be said of --ray before anything is done."""
    if not re.fullmatch(r"auto|local|(ray://)?(\[[0-9a-fA-F:]+\]|[^\s:/]+):\d{1,5}", address):
        raise WrongUse(
            f"{address!r} is no address of a Ray cluster",
            hint="--ray auto, local, HOST:PORT or ray://HOST:PORT",
        )
    if find_spec("ray") is None:
        raise MissingExtra(
            "spreading the work over machines takes Ray", hint="pip install 'photosearch[ray]'"
        )


def spread_over(
    address: str,
    encoder: Encoder,
    *,
    device: str,
    jobs: int | None,
    batch_size: int | None,
    limits: Limits,
    should_stop: Callable[[], bool],
) -> Spread:
    """The workshop that encodes with this model on the cluster at an address."""
    model = encoder
    while isinstance(model, PairEncoder):  # its vectors are those of its image model
        model = model.image_model
    assert isinstance(model, BundleEncoder)
    task = Task(own_version(), model.name, model.key, device, limits, batch_size)
    return Spread(Plan(address, task, model.bundle.path, jobs), should_stop)


class Spread:
    """A Workshop of a Ray cluster, which is asked for when the first file has to be read.

    should_stop is asked while it waits.
    """

    def __init__(self, plan: Plan, should_stop: Callable[[], bool] = lambda: False) -> None:
        self._address = plan.address
        self._should_stop = should_stop
        self._link = Link(plan)
        self._groups: dict[int, _Group] = {}  # of which not all outcomes are here
        self._calls: dict[int, _Call] = {}
        self._number = 0
        # What the cluster says of itself: benches that work, photos a call, bytes it may hold.
        self._benches, self._batch, self._most = 0, _GROUP_FILES, 256 << 20
        self._held = 0

    def read(self, root: bytes, files: Iterable[FoundFile]) -> Generator[Arrived | Trouble | None]:
        """Each file read and hashed, by tasks of the cluster."""
        waiting: deque[_Group] = deque()
        for group in self._grouped(files):
            while waiting and (
                len(waiting) >= _CALLS * max(1, self._benches)
                or self._held + group.bytes > self._most
            ):
                yield from self._take(root, waiting.popleft())
            waiting.append(group)
            self._groups[group.number] = group
            self._held += group.bytes
            self._link.send("read", group.number, root, group.files)
        while waiting:
            yield from self._take(root, waiting.popleft())

    def _grouped(self, files: Iterable[FoundFile]) -> Iterator[_Group]:
        group = _Group(0, [], 0)
        for found in files:
            if group.files and (
                len(group.files) >= _GROUP_FILES or group.bytes + found.size > _GROUP_BYTES
            ):
                yield group
                group = _Group(0, [], 0)
            if not group.files:
                self._number += 1
                group.number = self._number
            group.files.append(found)
            group.bytes += found.size
        if group.files:
            yield group

    def _take(self, root: bytes, group: _Group) -> Iterator[Arrived | Trouble | None]:
        while group.outcomes is None:
            self._receive()
        for index, (found, outcome) in enumerate(zip(group.files, group.outcomes, strict=True)):
            if outcome.unlike_on:
                _check_visible(root, found, outcome.unlike_on)
            if outcome.digest is None:
                self._held -= found.size
                yield None if outcome.reason is None else Trouble(found, outcome.reason)
                continue
            claim = _Claim(group.number, index, found.size)
            yield Arrived(found, outcome.digest, claim)
            if not claim.is_wanted:  # the catalogue knows it
                self._held -= found.size
                self._link.send("drop", group.number, index)

    def encode(self, files: Iterable[Arrived]) -> Generator[Encoded | Trouble]:
        """Photos decoded and encoded by the benches, a batch a call."""
        waiting: deque[_Call] = deque()
        for call in self._batches(files):
            waiting.append(call)
            self._calls[call.number] = call
            content = [(one.content.group, one.content.index) for one in call.files]
            self._link.send(
                "encode", call.number, [(x.found, x.digest) for x in call.files], content
            )
            while len(waiting) > _CALLS * max(1, self._benches) or (
                waiting and 2 * sum(one.bytes for one in waiting) > self._most
            ):
                yield from self._finish(waiting.popleft())
        while waiting:
            yield from self._finish(waiting.popleft())

    def _batches(self, files: Iterable[Arrived]) -> Iterator[_Call]:
        call = _Call(0)
        for file in files:
            if not call.files:
                self._number += 1
                call.number = self._number
            file.content.is_wanted = True
            call.files.append(file)
            call.bytes += file.content.bytes
            if len(call.files) >= self._batch or call.bytes >= _GROUP_BYTES:
                yield call
                call = _Call(0)
        if call.files:
            yield call

    def _finish(self, call: _Call) -> Iterator[Encoded | Trouble]:
        while call.results is None:
            self._receive()
        self._held -= call.bytes
        yield from call.results

    def close(self) -> None:
        """Take the work back, and leave the cluster; end it if it was started for this."""
        self._link.close()

    def _receive(self) -> None:
        """Wait for one message, and note what it says."""
        asked: float | None = None  # when the run was asked to stop
        while True:
            try:
                message = self._link.receive(_TICK)
                break
            except queue.Empty:
                if not self._should_stop():
                    continue
            asked = asked or time.monotonic()
            if not self._benches:  # nobody is at work on anything
                raise KeyboardInterrupt
            if time.monotonic() - asked > _PATIENCE:
                raise self._lost()
        if message is None:
            raise self._lost()
        kind, *values = message
        if kind == "read":
            number, outcomes = values
            self._groups.pop(number).outcomes = outcomes
        elif kind == "encoded":
            number, results = values
            self._calls.pop(number).results = results
        elif kind == "benches":
            self._benches, self._batch, self._most = values
        elif kind == "note":
            logger.info(*values)
        else:
            raise values[0]

    def _lost(self) -> PhotosearchError:
        return PhotosearchError(
            f"the connection to the Ray cluster at {self._address} was lost; what is done is "
            "stored",
            hint="the same command, which goes on from here",
        )


def _check_visible(root: bytes, found: FoundFile, node: str) -> None:
    """A file that a node sees not, or sees otherwise, must have changed here, too."""
    path = join(root, found.path)
    try:
        with open_regular(path) as file:  # network file systems ask anew when a file is opened
            status = os.fstat(file.fileno())
    except OSError:
        return
    if (status.st_size, time_of(status)) == (found.size, found.mtime_ns):
        raise WrongUse(
            f"node {node} does not see the same file at {to_path(path)}: photo folders must be "
            "visible at the same path on all nodes of the cluster",
            hint="mount the folder there, or index it without --ray",
        )
