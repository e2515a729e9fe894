"""Long runs at the terminal: a bar that says how far they are, and Ctrl-C that loses nothing.

In: Progress records; signals. Out: bars on stderr; a question that a run asks between photos.
"""

from __future__ import annotations

import signal
import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import TYPE_CHECKING, Any, TypeVar

from photosearch.cli import output
from photosearch.cli.output import tell, terminal_width
from photosearch.ending import ended_by, let_go_of_terminal

if TYPE_CHECKING:
    from photosearch.records import Progress

One = TypeVar("One")
_GOES_ON = "interrupted; what is done is stored. The same command goes on from here"
_NARROW = 60
_MANY = 200

# How a stage is called → what its bar says.
_STAGES = {
    "photos": "photos",
    "regions": "parts of photos",
    "words": "printed words",
    "hashes": "looking at photos",
    "pairs": "comparing pairs",
}


def bar_form() -> str:
    """Of a bar: how far it is and how long it will take, the bar itself where there is room."""
    if terminal_width() < _NARROW:
        return "{desc}: {n_fmt}/{total_fmt}, {remaining} left{postfix}"
    return "{desc}: {percentage:3.0f}%|{bar}| {n_fmt}/{total_fmt}, {remaining} left{postfix}"


def photo_bar(photos: Iterable[One]) -> Iterable[One]:
    """The same, with a bar where the answer goes elsewhere and stderr is seen."""
    if sys.stdout.isatty() or not sys.stderr.isatty():
        return photos
    from tqdm import tqdm

    bar: Iterable[One] = tqdm(photos, unit=" photos", dynamic_ncols=True, file=sys.stderr)
    return bar


def bar(items: Iterable[One], what: str, total: int) -> Iterable[One]:
    """The same, with a bar where stderr is a terminal."""
    if not sys.stderr.isatty():
        return items
    from tqdm import tqdm

    shown: Iterable[One] = tqdm(
        items, desc=what, total=total, bar_format=bar_form(), dynamic_ncols=True, leave=False
    )
    return shown


class Stop:
    """Whether the run was asked to end, and by which signal."""

    def __init__(self) -> None:
        self.by: signal.Signals | None = None

    def __call__(self) -> bool:
        return self.by is not None

    def ask(self, number: int, frame: FrameType | None) -> None:
        """The handler of the signals; a second one ends the run where it is."""
        if number == getattr(signal, "SIGHUP", None):
            let_go_of_terminal()
        if self.by is not None:
            raise KeyboardInterrupt
        self.by = signal.Signals(number)
        tell("stopping after the photos in flight (Ctrl-C again: at once)")


@contextmanager
def stoppable() -> Iterator[Stop]:
    """Ctrl-C ends the run after the photos in flight; a second one ends it at once.

    So does a service manager's SIGTERM, and SIGHUP, which is a terminal that was closed.
    """
    stop = Stop()
    said, output.at_interrupt = output.at_interrupt, _GOES_ON
    with ended_by(stop.ask):
        yield stop
        output.at_interrupt = said


@contextmanager
def progress_bar(show: bool) -> Iterator[Callable[[Progress], None] | None]:
    """A bar for each stage, made when it begins."""
    if not show:
        yield None
        return
    from tqdm import tqdm

    bars: dict[str, Any] = {}
    try:

        def update(progress: Progress) -> None:
            bar = bars.get(progress.stage)
            if bar is None:
                for other in bars.values():
                    other.close()
                if progress.stage == "words" and (progress.total or 0) >= _MANY:
                    tell("all photos can be found by what they show; printed words take longer …")
                bar = bars[progress.stage] = tqdm(
                    desc=_STAGES[progress.stage],
                    total=progress.total,
                    bar_format=bar_form(),
                    dynamic_ncols=True,
                    file=sys.stderr,
                    disable=None,
                )
            bar.total = progress.total
            if progress.failed:
                bar.set_postfix_str(f"{progress.failed} failed", refresh=False)
            bar.update(progress.done - bar.n)

        yield update
    finally:
        for bar in bars.values():
            bar.close()
