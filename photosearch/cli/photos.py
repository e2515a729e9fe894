"""`photosearch status`, `export`, `eval`: what the library holds, and how good it is."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from photosearch.cli.opened import open_library
from photosearch.cli.options import JsonOption, LibraryOption, ModelOption
from photosearch.cli.output import command, say, tell, write_json
from photosearch.errors import NoLibrary, StorageError, WrongUse
from photosearch.library import Library, temporary_library
from photosearch.show.text import agreement_text, counted, printable, size_text

if TYPE_CHECKING:
    from photosearch.reports.contents import Status
    from photosearch.reports.recall import EvalReport, Recall


@command
def status(
    failures: Annotated[
        bool,
        typer.Option("--failures", help="List files that could not be indexed or read, and why."),
    ] = False,
    as_json: JsonOption = False,
    library: LibraryOption = None,
) -> None:
    """Show what is in the library.

    Photos, folders and whether they are there, models, sizes, failures.

    \b
    Examples:
      photosearch status
      photosearch status --failures --json
    """
    with open_library(library) as opened:
        failed = opened.failures() if failures else []
        state = opened.status()
        if as_json:
            document = state.as_dict()
            if failures:
                document["failed"] = [failure.as_dict() for failure in failed]
            write_json(document)
        elif failures:
            for failure in failed:
                say(f"{printable(failure.path)}: {printable(failure.reason)}")
            if not failed:
                tell("no file failed")
        else:
            _print_status(state)


def _print_status(state: Status) -> None:
    say(f"library   {printable(state.library)}")
    say(f"photos    {state.photos:,} in {counted(state.files, 'file')}")
    for root in state.roots:
        notes = [counted(root.files, "file")]
        if root.missing:
            notes.append(f"{root.missing:,} missing")
        if not root.online:
            notes.append("offline")
        say(f"folder    {printable(root.path)}: {', '.join(notes)}")
    for model in state.models:
        coverage = "all" if model.vectors >= state.photos else f"{model.vectors:,}"
        mark = "" if model.current else ", not in use"
        say(f"model     {printable(model.name)}: {coverage} photos encoded{mark}")
        if model.agreement:
            say(f"          {agreement_text(model.agreement)}")
    if state.regions:
        coverage = "all" if state.regions >= state.photos else f"{state.regions:,}"
        say(f"parts     {coverage} photos looked at part by part: query --small")
    if state.words_read:
        coverage = "all" if state.words_read >= state.photos else f"{state.words_read:,}"
        say(f"words     {coverage} photos read, {state.with_words:,} with printed words")
    sizes = [
        (state.catalogue_bytes, "catalogue"),
        (state.vectors_bytes, "index"),
        (state.previews_bytes, "previews"),
        (state.copies_bytes, "earlier catalogues"),
        (state.models_bytes, "models"),
        (state.free_bytes, "free"),
    ]
    told = [f"{size_text(size)} {name}" for size, name in sizes if size]
    say(f"disk      {', '.join(told)}")
    if state.writer:
        say(f"busy      being indexed by {state.writer}")
    for text, todo in state.advice:
        say(f"to do     {printable(text)}{': ' if todo else ''}{todo}")


@command
def export(
    kind: Annotated[
        str,
        typer.Option(
            "--format",
            metavar="jsonl|csv|npz",
            help="jsonl: a line a photo; csv: no vectors; npz: numpy.",
        ),
    ] = "jsonl",
    out: Annotated[
        Path | None, typer.Option("--out", "-o", metavar="FILE", help="Where to. [default: stdout]")
    ] = None,
    model: ModelOption = None,
    library: LibraryOption = None,
) -> None:
    """Write vectors and metadata for other tools.

    \b
    Examples:
      photosearch export --format npz -o vectors.npz
      photosearch export | jq -r .path
    """
    with Library.open(library, model) as opened:
        if out is None:
            if sys.stdout.isatty() and kind == "npz":
                raise WrongUse("npz is binary", hint="photosearch export --format npz -o FILE")
            opened.export(kind, sys.stdout.buffer)
            return
        partial = out.with_name(out.name + ".part")
        try:
            with partial.open("wb") as file:
                count = opened.export(kind, file)
            partial.replace(out)
        except OSError as error:
            raise StorageError(f"{out} cannot be written: {error.strerror or error}") from error
        finally:
            partial.unlink(missing_ok=True)
        tell(f"{counted(count, 'photo')} written to {printable(out)}")


@command
def evaluate(
    captions: Annotated[
        Path, typer.Argument(metavar="CAPTIONS.jsonl", help='{"file": …, "captions": […]} a line.')
    ],
    root: Annotated[
        Path, typer.Option("--root", metavar="DIR", help="The folder that the files are in.")
    ],
    field: Annotated[
        str, typer.Option(metavar="NAME", help="Which list of a line holds the captions.")
    ] = "captions",
    language: Annotated[
        str | None,
        typer.Option(
            metavar="CODE",
            help="The language of the captions: en, zh. [default: told by their letters]",
        ),
    ] = None,
    model: ModelOption = None,
    as_json: JsonOption = False,
    library: LibraryOption = None,
) -> None:
    """Measure recall of captions against their photos.

    Both ways, and through the whole path: decoding, catalogue, index. A library that holds all
    of these photos is measured as it is; else DIR is indexed into a temporary one. Only photos
    of the captions file compete.

    \b
    Example:
      photosearch eval captions.jsonl --root photos/
    """
    with _library_with(captions, root, field, model, library) as opened:
        report = opened.evaluate(captions, root, field=field, language=language)
    if as_json:
        write_json(report.as_dict())
    else:
        _print_recall(report)


@contextmanager
def _library_with(
    captions: Path, root: Path, field: str, model: str | None, library: Path | None
) -> Iterator[Library]:
    try:
        with Library.open(library, model) as opened:
            if opened.holds_captioned(captions, root, field=field):
                yield opened
                return
    except NoLibrary:
        pass
    with temporary_library(model) as opened:
        opened.holds_captioned(captions, root, field=field)  # files that are nowhere: said at once
        tell(f"indexing {printable(root)} into a temporary library …")
        opened.index([root])
        yield opened


def _print_recall(report: EvalReport) -> None:
    say(f"{counted(report.photos, 'photo')}, model {printable(report.model)}")
    say("               queries    R@1    R@5   R@10  median rank")
    _print_direction("text → image", report.text_to_image)
    _print_direction("image → text", report.image_to_text)


def _print_direction(name: str, recall: Recall) -> None:
    say(
        f"{name:14} {recall.queries:7,}  {recall.recall_at_1:5.1f}  {recall.recall_at_5:5.1f}  "
        f"{recall.recall_at_10:5.1f}  {recall.median_rank:11g}"
    )
