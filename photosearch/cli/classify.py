"""`photosearch classify`: which of some labels fits a photo best."""

from __future__ import annotations

import csv
import io
import os
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from photosearch.cli.opened import model_or_library
from photosearch.cli.options import JsonOption, LibraryOption, ModelOption
from photosearch.cli.output import (
    NOTHING_FOUND,
    PART_FAILED,
    WRONG_USE,
    command,
    say,
    tell,
    terminal_width,
    write_json,
)
from photosearch.cli.progress import photo_bar
from photosearch.cli.query_options import LanguageOption
from photosearch.errors import WrongUse
from photosearch.library import Library
from photosearch.settings import library_path
from photosearch.show.text import counted, home_relative, printable, shorten

if TYPE_CHECKING:
    from photosearch.encode.encoder import Encoder
    from photosearch.records import Classified, Failure
    from photosearch.reports.runs import TagReport

_LABELS = "The labels"
_LIBRARY = "Over the whole library"


@command
def classify(
    photos: Annotated[
        list[Path] | None, typer.Argument(metavar="[PHOTO|FOLDER]...", help="What to look at.")
    ] = None,
    labels: Annotated[
        str | None,
        typer.Option(
            metavar="A,B,…", help='The labels, such as "cat,dog,two cats".', rich_help_panel=_LABELS
        ),
    ] = None,
    labels_file: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE", help="The labels from a file, one a line.", rich_help_panel=_LABELS
        ),
    ] = None,
    template: Annotated[
        list[str] | None,
        typer.Option(
            metavar="TEXT",
            help='What a label is put into, such as "a sketch of a {}". Repeatable: the texts of a '
            "label are averaged. [default: a photo of a {}; in Chinese {} alone]",
            rich_help_panel=_LABELS,
        ),
    ] = None,
    top: Annotated[
        int, typer.Option(metavar="N", help="How many labels a photo.", rich_help_panel=_LABELS)
    ] = 3,
    library_wide: Annotated[
        bool,
        typer.Option(
            "--library-wide",
            help="All photos of the library; none is read again.",
            rich_help_panel=_LIBRARY,
        ),
    ] = False,
    write_tags: Annotated[
        bool,
        typer.Option(
            "--write-tags",
            help="With --library-wide: keep the best label of each photo as a tag, for "
            "query --tag. Replaces the tags of the time before.",
            rich_help_panel=_LIBRARY,
        ),
    ] = False,
    min_probability: Annotated[
        float | None,
        typer.Option(
            metavar="P",
            help="With --write-tags: no tag below this, such as 0.5.",
            rich_help_panel=_LIBRARY,
        ),
    ] = None,
    language: LanguageOption = None,
    as_json: JsonOption = False,
    as_csv: Annotated[bool, typer.Option("--csv", help="Print a table in CSV.")] = False,
    model: ModelOption = None,
    library: LibraryOption = None,
) -> None:
    """Say which of some labels fits each photo best.

    Percentages are shares among the labels given: they add up to 100 even where none fits, so
    give a label for what else may come. Exit code 3 when some photos could not be read.

    \b
    Examples:
      photosearch classify cat.jpg --labels "cat,dog,two cats,truck,couch"
      photosearch classify ~/Pictures/2024 --labels-file things.txt --csv > things.csv
      photosearch classify cat.jpg --labels 猫,狗,卡车
      photosearch classify --library-wide --labels "people,animals,places" --write-tags
      photosearch query "at night" --tag people
    """
    if as_json and as_csv:
        raise WrongUse("--json and --csv exclude each other")
    if bool(photos) == library_wide:
        raise WrongUse(
            "--library-wide is about the photos of the library: name no others with it"
            if library_wide
            else "no photo is named",
            hint='photosearch classify PHOTO --labels "cat,dog", or --library-wide without PHOTO',
        )
    if write_tags and not library_wide:
        raise WrongUse("--write-tags needs --library-wide: only photos of the library have tags")
    if min_probability is not None and not write_tags:
        raise WrongUse("--min-probability needs --write-tags")
    names = _labels(labels, labels_file)
    asked: dict[str, Any] = {"templates": template or [], "language": language}
    show = _Output(as_json, as_csv, names, template or [])
    if not library_wide:
        code = _classify_files(photos or [], asked, top, show, model, library)
    else:
        with Library.open(library, model) as opened:
            show.judge(opened.encoder)
            if write_tags:
                report = opened.write_tags(names, min_probability=min_probability or 0.0, **asked)
                code = show.tags(report, min_probability)
            else:
                code = show.records(opened.classify(names, top=top, **asked))
            left_out = opened.status().photos - show.count
            if left_out > 0 and show.count:
                tell(
                    f"{counted(left_out, 'photo')} left out, not encoded with "
                    f"{printable(opened.encoder.name)} yet (photosearch index --model)"
                )
    if code == NOTHING_FOUND:
        tell(
            "the library holds no photos yet (photosearch index FOLDER)"
            if library_wide
            else "no photos found"
        )
    if code:
        raise typer.Exit(code)


def _labels(labels: str | None, labels_file: Path | None) -> list[str]:
    from photosearch.zeroshot.labels import parse_labels, read_labels

    if labels is not None and labels_file is not None:
        raise WrongUse("--labels and --labels-file exclude each other")
    if labels_file is not None:
        return read_labels(labels_file)
    if labels is not None:
        file = labels.removeprefix("@")  # as other commands have it
        if os.path.isfile(file):
            raise WrongUse(
                f"--labels takes the labels themselves, and {file} is a file",
                hint=f"--labels-file {file}",
            )
        return parse_labels(labels)
    raise WrongUse("no labels", hint='--labels "cat,dog,truck", or --labels-file FILE')


def _classify_files(
    photos: Sequence[Path],
    asked: dict[str, Any],
    top: int,
    show: _Output,
    model: str | None,
    library: Path | None,
) -> int:
    from photosearch.paths import to_bytes
    from photosearch.zeroshot.classify import check_top, label_vectors
    from photosearch.zeroshot.files import PhotoFiles
    from photosearch.zeroshot.photos import MANY, classify_images

    check_top(top)
    files = PhotoFiles(photos, avoid=frozenset({to_bytes(library_path(library))}))
    encoder = model_or_library(model, library)
    show.judge(encoder)
    vectors = label_vectors(encoder, show.labels, **asked)
    tower = encoder.bulk_image if files.at_least(MANY) else encoder.image
    code = show.records(photo_bar(classify_images(files, vectors, tower, top=top)))
    if files.raw_skipped:
        tell(f"{counted(files.raw_skipped, 'raw file')} left out: pip install 'photosearch[raw]'")
    return code


class _Output:
    """The answer in the form that was asked for. Its methods give the exit code."""

    def __init__(
        self, as_json: bool, as_csv: bool, labels: list[str], templates: list[str]
    ) -> None:
        self.labels = labels
        self.count = 0  # photos that have an answer
        self._model = ""
        self._scoring = ""
        self._as_json = as_json
        self._as_csv = as_csv
        self._templates = templates

    def judge(self, encoder: Encoder) -> None:
        """Note which model answers, and say what is special about its numbers."""
        from photosearch.zeroshot.classify import SIGMOID, SOFTMAX

        self._model = encoder.name
        self._scoring = SIGMOID if encoder.scoring().is_sigmoid else SOFTMAX
        if self._scoring == SIGMOID:
            tell(
                f"model {printable(self._model)} judges each label by itself (sigmoid scores): "
                "percentages do not add up to 100"
            )

    def records(self, records: Iterable[Classified | Failure]) -> int:
        """One record a photo, as they come; as JSON when all are there."""
        from photosearch.records import Failure

        failed: list[Failure] = []
        done: list[dict[str, Any]] = []
        for record in records:
            if isinstance(record, Failure):
                tell(f"{printable(record.path)}: {printable(record.reason)}")
                failed.append(record)
                continue
            self.count += 1
            if self._as_json:
                done.append(record.as_dict())
            elif self._as_csv:
                if self.count == 1:
                    _write_csv(["path", "label", "probability"])
                for label, chance in record.labels:
                    _write_csv([str(record.path), label, f"{chance:.6f}"])
            elif sys.stdout.isatty():
                _print_block(record)
            else:
                for label, chance in record.labels:
                    say(f"{printable(record.path or '')}\t{printable(label)}\t{chance:.4f}")
        if self._as_json:
            photos = {"photos": done, "failed": [failure.as_dict() for failure in failed]}
            write_json({**self._head(), **photos})
        if failed:
            return PART_FAILED if self.count else WRONG_USE
        return 0 if self.count else NOTHING_FOUND

    def tags(self, report: TagReport, min_probability: float | None) -> int:
        """How many photos have which tag now."""
        tagged = sum(photos for _, photos in report.tags)
        self.count = tagged + report.untagged
        if self._as_json:
            limit = {"min_probability": min_probability or 0.0}
            write_json({**self._head(), **limit, **report.as_dict()})
        elif self._as_csv:
            for row in (("label", "photos"), *report.tags):
                _write_csv(row)
        else:
            for label, photos in report.tags:
                name = printable(label)
                say(f"{photos:6,}  {name}" if sys.stdout.isatty() else f"{name}\t{photos}")
        if not self.count:
            return NOTHING_FOUND
        below = f", {report.untagged:,} below --min-probability" if report.untagged else ""
        tell(f"{counted(tagged, 'photo')} tagged{below}: photosearch query TEXT --tag TAG")
        return 0

    def _head(self) -> dict[str, Any]:
        return {
            "version": 1,
            "model": self._model,
            "scoring": self._scoring,
            "labels": self.labels,
            "templates": self._templates or None,
        }


def _print_block(record: Classified) -> None:
    """A photo for a person: its path, and below it the labels."""
    if record.path is not None:
        say(shorten(printable(home_relative(record.path)), terminal_width()))
    for label, chance in record.labels:
        say(f"  {_percent(chance)} %  {printable(label)}")


def _percent(chance: float) -> str:
    if 0 < chance < 0.0005:
        return " <0.1"
    return f"{100 * chance:5.1f}"


def _write_csv(row: Sequence[object]) -> None:
    """A line of CSV; a name that is no text as the bytes it is."""
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerow(row)
    sys.stdout.flush()
    sys.stdout.buffer.write(text.getvalue().encode("utf-8", "surrogateescape"))
