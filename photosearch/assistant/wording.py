"""Texts and documents as an assistant takes them.

In: the command line's messages, and documents of docs/json.md. Out: the same in the words of the
tools; what fits into UTF-8, without paths where they are not to be told.
"""

from __future__ import annotations

import re
from functools import cache
from typing import Any

from photosearch.errors import (
    BadBundle,
    BadCheckpoint,
    DownloadFailed,
    MissingExtra,
    PhotosearchError,
    UnknownModel,
)
from photosearch.search.filters import options

_PATHS = ("path", "paths", "copies")
# What only a person can do at the command line stands as it is, said to be theirs.
_THEIRS = re.compile(r"(photosearch|pip) (index|classify|check|models|install)\b")
# About how the server was started: nothing that an argument could change.
_OF_THE_SERVER = (UnknownModel, BadBundle, BadCheckpoint, DownloadFailed, MissingExtra)
_ASKED = re.compile(r"photosearch (?:query|similar|facts|locate) ")


def as_tools_say(text: str) -> str:
    """`--min-relevance 50%` → `min_relevance 50%`: what a model can hand to a tool."""
    text = _ASKED.sub("", text).replace("photosearch status", "library_status")
    return re.sub(r"--([a-z][a-z-]*)", _parameter, text)


def _parameter(option: re.Match[str]) -> str:
    return _filter_names().get(option[1], option[1].replace("-", "_"))


@cache
def _filter_names() -> dict[str, str]:
    return {one.metadata["option"]: one.name for one in options()}


def error_text(error: PhotosearchError) -> str:
    """Message and hint; commands are for the user to run, and keep their options."""
    message = as_tools_say(error.typed)
    if not error.hint:
        return message
    if isinstance(error, _OF_THE_SERVER):
        return f"{error.typed}\nfor the user: {error.hint}"
    if _THEIRS.search(error.hint):
        return f"{message}\nthe user can run: {error.hint}"
    return f"{message}\ntry: {as_tools_say(error.hint)}"


def note(text: str) -> str:
    """A line beside the hits."""
    return text if _THEIRS.search(text) else as_tools_say(text)


def sendable(value: Any, *, paths: bool = True) -> Any:
    """A document without bytes that are no UTF-8 (`\\xff` stands for them), nulls and noughts.

    JSON itself could carry such names; the protocol's messages are UTF-8 and refuse them.
    """
    if isinstance(value, str):
        return valid(value)
    if isinstance(value, dict):
        return {
            valid(name): sendable(inner, paths=paths)
            for name, inner in value.items()
            if paths or name not in _PATHS
        }
    if isinstance(value, (list, tuple)):
        return [sendable(inner, paths=paths) for inner in value]
    return value


def valid(text: str) -> str:
    """Lone surrogates as Python writes them: of undecodable file names, or sent by a client."""
    try:
        text.encode()
        return text
    except UnicodeEncodeError:
        return "".join(_escaped(char) for char in text)


def _escaped(char: str) -> str:
    code = ord(char)
    if not 0xD800 <= code <= 0xDFFF:
        return char
    return f"\\x{code - 0xDC00:02x}" if 0xDC80 <= code <= 0xDCFF else f"\\u{code:04x}"


def brief(record: dict[str, Any]) -> dict[str, Any]:
    """Without what is not known or not so: assistants pay for each word."""
    return {
        name: value
        for name, value in record.items()
        if not (value is None or value is False or value == "" or value == [])
    }
