"""What was typed and is not understood: what is wrong with it, and what to type instead.

In: words of a command line, and what the parser says of them. Out: WrongUse, with a hint that can
be typed as it is, so that all complaints look the same. The parser's own errors have no public
classes; they are told by what they carry.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from photosearch.errors import WrongUse

# How others call it → what it is here.
_MEANT = {
    "query": ("find", "search", "look", "show", "photos"),
    "index": ("add", "scan", "import", "update", "sync", "reindex", "build", "init"),
    "status": ("list", "ls", "info", "stats", "library"),
    "forget": ("remove", "rm", "delete"),
    "serve": ("gui", "ui", "web", "browse", "browser", "open", "start", "server"),
    "duplicates": ("dups", "dedupe", "dedup", "copies"),
    "check": ("verify", "doctor", "fsck"),
    "facts": ("exif", "metadata", "details"),
    "models pull": ("pull", "download"),
    "--version": ("version",),
}
_CLOSE = 0.7  # "quary" is 0.8 of query; "cats" is 0.67 of facts
_EXTRA = re.compile(r"Got unexpected extra argument(?:s|\(s\))? \((.*)\)$", re.DOTALL)
_UNREADABLE = re.compile(r"Path (.*) is not readable")
_KINDS = (("is not a valid int", "is no whole number"), ("is not a valid float", "is no number"))


def no_such_command(group: str, words: Sequence[str], known: Sequence[str]) -> WrongUse:
    """`photosearch quary cat` → query; `photosearch a cat` → query, too."""
    from difflib import get_close_matches

    name, rest = words[0], list(words[1:])
    message = f"there is no command {name!r}"
    if close := get_close_matches(name.lower(), known, cutoff=_CLOSE):
        return WrongUse(message, hint=_typed(group, close[0], rest))
    if group.count(" "):  # commands of a command are few: its help shows them
        return WrongUse(f"there is no command '{group.split()[-1]} {name}'", hint=f"{group} --help")
    if name == "help":
        return WrongUse(
            message, hint=_typed(group, *(rest[:1] or ["--help"]), ["--help"][: len(rest)])
        )
    for meant, others in _MEANT.items():
        if name.lower() in others:
            more = [_joined(rest)] if meant == "query" and rest else rest
            if meant == "status" and rest[:1] and not rest[0].startswith("-"):
                meant = "facts"  # of the photo that is named
            return WrongUse(message, hint=_typed(group, meant, more))
    path = Path(name).expanduser()
    if path.is_dir():
        return WrongUse(message, hint=_typed(group, "index", [name]))
    if path.is_file():
        return WrongUse(message, hint=_typed(group, "similar", [name]))
    if "/" in name:
        return WrongUse(message, hint=f"{group} --help")
    return WrongUse(message, hint=_typed(group, "query", [_joined(words)]))


def complaint(error: Any, typed: Sequence[str]) -> WrongUse | None:
    """What the parser raised, in our words; None for what is no complaint of the parser."""
    if not callable(getattr(error, "format_message", None)):
        return None
    context = getattr(error, "ctx", None)
    command = context.command_path.partition(" ")[2] if context is not None else typed[0]
    hint = f"photosearch {command} --help" if command else "photosearch --help"
    param = getattr(error, "param", None)
    if hasattr(error, "possibilities"):
        message = f"{command} has no option" if command else "there is no option"
        return WrongUse(f"{message} {_word(error, typed)}{_close_to(error)}", hint=hint)
    if hasattr(error, "option_name") and "requires an argument" in error.message:
        return WrongUse(f"{error.option_name} takes a value, and none is given", hint=hint)
    if hasattr(error, "param_type") and param is not None:
        return WrongUse(f"{command} needs {_name(param)}", hint=_example(context) or hint)
    if param is not None:
        message = _UNREADABLE.sub(r"\1 cannot be read: no permission", error.message.rstrip("."))
        for theirs, ours in _KINDS:
            message = message.replace(theirs, ours)
        return WrongUse(f"{_name(param)} {message}", hint=hint)
    if extra := _EXTRA.match(error.message):
        return _too_much(context, command, extra[1], "--" in typed)
    message = error.format_message().rstrip(".")
    return WrongUse(f"{message[:1].lower()}{message[1:]}", hint=hint)


def _word(error: Any, typed: Sequence[str]) -> str:
    """-dog, where the parser says -d."""
    name: str = error.option_name
    if name.startswith("--"):
        return name
    return next((word for word in typed if word.startswith(name) and len(word) > 2), name)


def _close_to(error: Any) -> str:
    from difflib import get_close_matches

    options = error.possibilities or []
    close = get_close_matches(error.option_name, options, n=2, cutoff=_CLOSE) or options[:1]
    return f"; did you mean {' or '.join(close)}?" if close else ""


def _too_much(context: Any, command: str, extra: str, ended: bool) -> WrongUse:
    """`ended`: a `--` was typed, which ends the options."""
    if command == "query":  # a sentence without quotes
        words = [context.params.get("text") or "", *extra.split()]
        first = next((place for place, word in enumerate(words) if place and word[:1] == "-"), 0)
        if ended and first:
            return WrongUse(
                "options stand before --, which ends them",
                hint=_typed("photosearch query", words[first:], "--", [_joined(words[:first])]),
            )
        text = _joined(words)
        return WrongUse(
            "words that belong together take quotes", hint=_typed("photosearch query", [text])
        )
    if command == "duplicates":
        return WrongUse(
            "duplicates are looked for in the library: a folder of it takes --in",
            hint=_typed("photosearch duplicates --in", [extra]),
        )
    if command == "status":
        return WrongUse(
            "status is of the whole library; of one photo there are facts",
            hint=_typed("photosearch facts", [extra]),
        )
    return WrongUse(f"{extra!r} is too much for {command}", hint=f"photosearch {command} --help")


def _name(param: Any) -> str:
    """--port; an argument by its name in the usage line."""
    if param.param_type_name == "argument":
        return str(param.human_readable_name).strip("[]{}.")
    return str(max(param.opts, key=len))


def _example(context: Any) -> str | None:
    """The first of the command's own examples."""
    lines = (context.command.help or "").splitlines() if context is not None else []
    return next((line.strip() for line in lines if line.startswith("  photosearch ")), None)


def _joined(words: Sequence[str]) -> str:
    return " ".join(word for word in words if word)


def _typed(*parts: str | Sequence[str]) -> str:
    """A command line that can be copied: words from the user are quoted."""
    typed: list[str] = []
    for part in parts:
        typed += [part] if isinstance(part, str) else [_quoted(word) for word in part]
    return " ".join(typed)


def _quoted(word: str) -> str:
    return f'"{word}"' if re.fullmatch(r"[\w ,.'-]* [\w ,.'-]*", word) else shlex.quote(word)
