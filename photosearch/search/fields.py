"""What a filter field says of itself, and the clause that its values make.

In: a field's help, example and condition. Out: a dataclass field that carries them. Which fields
there are is not known here.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import Field, field
from typing import Any

from photosearch.search import conditions as are


def flt(
    help: str,
    example: str,
    clause: are.Maker | None = None,
    *,
    option: str,
    metavar: str,
    read: Callable[[object], object] | None = None,
    default: Any = (),
    every: bool = False,
    negates: str = "",
    stricter: Callable[..., object] | None = None,
) -> Any:
    """A filter field.

    help ends the sentence "keeps photos …"; example is what is typed after `--`, or as a
    qualifier. A field whose default is () takes several values: one of them must hold, with
    `every` all. negates: the field whose opposite this is; then none of the values may hold.
    stricter: which of two values lets fewer photos pass, where a field takes one.
    """
    described = {
        "help": help,
        "example": example,
        "clause": clause,
        "option": option,
        "metavar": metavar,
        "read": read or are.plain(option),
        "every": every,
        "negates": negates,
        "stricter": stricter,
    }
    return field(default=default, metadata=described)


def contrary(negates: str, example: str, **more: Any) -> Any:
    """The field of the contrary: its values must not hold, and of what is unknown they do not."""
    option = example.split()[0]
    help = f"of which `--{option.removeprefix('not-')}` would not be true"
    return flt(help, example, option=option, metavar="", negates=negates, **more)


def is_list(one: Field[Any]) -> bool:
    """Whether a field takes several values."""
    return one.default == ()


def clause_of(
    one: Field[Any], positive: Field[Any], value: Any, situation: are.Situation
) -> are.Clause:
    """What a field's values say of one photo and one of its files; nothing for `within`.

    positive: the field whose condition counts, the field itself where it is no contrary.
    """
    make = positive.metadata["clause"]
    if make is None:
        return are.Clause("")
    clauses = [make(given, situation) for given in (value if is_list(one) else [value])]
    joined = " AND " if one.metadata["every"] else " OR "
    sql = joined.join(f"({clause.sql})" for clause in clauses)
    if one.metadata["negates"]:
        # Of a photo whose lens is unknown the condition is NULL, and so is its opposite.
        sql = f"NOT coalesce({sql}, 0)"
    return are.Clause(sql, tuple(value for clause in clauses for value in clause.values))
