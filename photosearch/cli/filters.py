"""One option of the command line for each filter, made from the fields of Filters.

In: a command body with a parameter `filters`. Out: the same body with an option for each field in
its place; what is typed arrives as one Filters record.
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Sequence
from typing import Annotated, Any, TypeVar

import typer

from photosearch.search.filters import Filters, is_list, opposite, options

Body = TypeVar("Body", bound=Callable[..., Any])


def filter_options(body: Body) -> Body:
    """Give a command the filters as options.

    @command
    @filter_options
    def query(text: ..., filters: Filters, library: ...) -> None:

    The parameter may stand anywhere; the options stand there in the help. Called from Python, the
    command takes `filters=Filters(...)` too.
    """
    return _with_filters(body, list(options()))


def some_filter_options(*wanted: str) -> Callable[[Body], Body]:
    """The same with these alone, for a command to which others would mean something else."""
    return lambda body: _with_filters(
        body, [one for one in options() if one.metadata["option"] in wanted]
    )


def _with_filters(body: Body, wanted: Sequence[Any]) -> Body:
    signature = inspect.signature(body, eval_str=True)
    names = [one.name for one in wanted]

    @functools.wraps(body)
    def run(*args: Any, **kwargs: Any) -> Any:
        given = {name: kwargs.pop(name) for name in names if name in kwargs}
        kwargs.setdefault(
            "filters", Filters(**{name: value for name, value in given.items() if value})
        )
        return body(*args, **kwargs)

    parameters: list[inspect.Parameter] = []
    for parameter in signature.parameters.values():
        own = list(map(_parameter, wanted)) if parameter.name == "filters" else [parameter]
        parameters += [one.replace(kind=inspect.Parameter.KEYWORD_ONLY) for one in own]
    run.__signature__ = signature.replace(parameters=parameters)  # type: ignore[attr-defined]
    run.__annotations__ = {one.name: one.annotation for one in parameters} | {
        "return": signature.return_annotation
    }
    return run  # type: ignore[return-value]


def _parameter(one: Any) -> inspect.Parameter:
    about = one.metadata
    positive = opposite(one) if about["negates"] else None
    text = (
        f"Leaves out what --{positive.metadata['option']} keeps."
        if positive
        else f"Only photos {about['help']}."
    )
    option = typer.Option(
        f"--{about['option']}",
        metavar=(positive or one).metadata["metavar"],
        help=text.replace("`", "") + (" Repeatable." if is_list(one) else ""),
        rich_help_panel="Filters",
    )
    kind: Any = list[str] | None if is_list(one) else str | None
    return inspect.Parameter(
        one.name,
        inspect.Parameter.KEYWORD_ONLY,
        default=None,
        annotation=Annotated[kind, option],
    )
