"""What a tool can be given: a JSON schema for the model, and the reading of what it sent.

In: parameters, and the arguments of a call. Out: a schema; values by name, or WrongUse with a line
that a model can act on. Models send "5" for 5 and one text for a list of one: both are taken.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from photosearch.errors import WrongUse

TEXT, TEXTS, WHOLE, NUMBER, FLAG = "text", "texts", "whole", "number", "flag"

_TYPES = {TEXT: "string", TEXTS: "array", WHOLE: "integer", NUMBER: "number", FLAG: "boolean"}
_FLAGS = {"true": True, "false": False}
_LONGEST = 2000  # characters of a text
_MOST_TEXTS = 20


@dataclass(frozen=True, slots=True)
class Parameter:
    """One argument of a tool."""

    name: str
    kind: str
    help: str
    usual: Any = None  # its value where it is left out
    least: float | None = None
    most: float | None = None
    choices: tuple[str, ...] = ()
    needed: bool = False

    def schema(self) -> dict[str, Any]:
        found: dict[str, Any] = {"type": _TYPES[self.kind], "description": self.help}
        if self.kind == TEXTS:
            found |= {"items": {"type": "string"}, "maxItems": _MOST_TEXTS}
        for name, value in (
            ("minimum", self.least),
            ("maximum", self.most),
            ("enum", list(self.choices)),
            ("default", self.usual),
        ):
            if value is not None and value != []:
                found[name] = value
        return found

    def read(self, given: Any) -> Any:
        """The value that is meant by what a model sent."""
        if self.kind == TEXTS:
            return self._texts([given] if isinstance(given, str) else given)
        if self.kind == TEXT:
            return self._text(given)
        if self.kind == FLAG:
            value = _FLAGS.get(given.lower()) if isinstance(given, str) else given
            if not isinstance(value, bool):
                raise self._wrong("true or false")
            return value
        return self._number(given)

    def _text(self, given: Any) -> str:
        if isinstance(given, (int, float)) and not isinstance(given, bool):
            given = f"{given:g}" if isinstance(given, float) else str(given)
        if not isinstance(given, str) or len(given) > _LONGEST:
            raise self._wrong(f"a text of at most {_LONGEST:,} characters")
        if self.choices and given not in self.choices:
            raise self._wrong(f"one of {', '.join(self.choices)}")
        return given

    def _texts(self, given: Any) -> list[str]:
        if not isinstance(given, list) or len(given) > _MOST_TEXTS:
            raise self._wrong(f"a list of at most {_MOST_TEXTS} texts")
        return [self._text(one) for one in given]

    def _number(self, given: Any) -> float:
        try:
            if isinstance(given, bool):
                raise TypeError
            value = float(given)
        except (TypeError, ValueError, OverflowError):
            value = math.nan
        is_whole = self.kind == WHOLE
        least = -math.inf if self.least is None else self.least
        most = math.inf if self.most is None else self.most
        if not (least <= value <= most and math.isfinite(value)) or (
            is_whole and value != int(value)
        ):
            between = f" from {least:g}" if self.least is not None else ""
            between += f" to {most:g}" if self.most is not None else ""
            raise self._wrong(f"a {'whole ' if is_whole else ''}number{between}")
        return int(value) if is_whole else value

    def _wrong(self, wanted: str) -> WrongUse:
        return WrongUse(f"{self.name} must be {wanted}")


def input_schema(parameters: Sequence[Parameter]) -> dict[str, Any]:
    """The JSON schema of a tool's arguments."""
    return {
        "type": "object",
        "properties": {one.name: one.schema() for one in parameters},
        "required": [one.name for one in parameters if one.needed],
        "additionalProperties": False,
    }


def read_arguments(parameters: Sequence[Parameter], given: Mapping[str, Any]) -> dict[str, Any]:
    """A value for each parameter; raises WrongUse for what is unknown, missing or of no use."""
    known = {one.name: one for one in parameters}
    for name in given:
        if name not in known:
            raise WrongUse(
                f"there is no argument {name!r}", hint=f"the arguments are {', '.join(known)}"
            )
    values: dict[str, Any] = {}
    for name, one in known.items():
        value = given.get(name)
        if value is None and one.needed:
            raise WrongUse(f"{name} is missing", hint=one.help)
        usual = [] if one.kind == TEXTS else one.usual
        values[name] = usual if value is None else one.read(value)
    return values
