"""What callers of `Library` may give: checked, and put into one form."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from photosearch.errors import WrongUse
from photosearch.records import Progress
from photosearch.settings import usable_cores

if TYPE_CHECKING:
    from photosearch.decode.limits import Limits
    from photosearch.ingest.held import Options as PassOptions


def check_positive(**numbers: int | None) -> None:
    for name, number in numbers.items():
        if number is not None and number < 1:
            raise WrongUse(f"{_option(name)} must be 1 or more, not {number}")


def _option(name: str) -> str:
    """As errors name parameters."""
    return f"--{name.replace('_', '-')}" if len(name) > 1 else f"-{name}"


def decode_limits(timeout: float | None, max_megapixels: float | None) -> Limits:
    from photosearch.decode.limits import Limits

    for name, number in (("timeout", timeout), ("max_megapixels", max_megapixels)):
        if number is not None and not 0 < number < float("inf"):
            raise WrongUse(f"{_option(name)} must be more than 0, not {number:g}")
    usual = Limits()
    return Limits(
        seconds=usual.seconds if timeout is None else timeout,
        pixels=usual.pixels if max_megapixels is None else round(max_megapixels * 1e6),
    )


def pass_options(
    retry: bool,
    jobs: int | None,
    limits: Limits,
    progress: Callable[[Progress], None] | None,
    should_stop: Callable[[], bool] | None,
) -> PassOptions:
    from photosearch.ingest.held import Options

    return Options(
        retry=retry,
        jobs=jobs or usable_cores(),
        limits=limits,
        progress=progress or (lambda _: None),
        should_stop=should_stop or (lambda: False),
    )


def as_list(given: Any) -> list[Any]:
    if given is None:
        return []
    return list(given) if isinstance(given, (list, tuple)) else [given]
