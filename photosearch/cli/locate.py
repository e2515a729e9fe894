"""`photosearch locate`: where in a photo something is."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from photosearch.cli.opened import model_or_library
from photosearch.cli.options import LOOKED_FOR, JsonOption, LibraryOption, ModelOption
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
from photosearch.errors import WrongUse
from photosearch.settings import library_path
from photosearch.show.text import counted, home_relative, printable, shorten

if TYPE_CHECKING:
    from photosearch.cli.drawing import Drawing
    from photosearch.library.locating import Decode
    from photosearch.records import Failure, Located
    from photosearch.zeroshot.files import NamedFile
    from photosearch.zeroshot.region import Locator

_BY = "regions"

_DRAWN = "What is drawn"


@command
def locate(
    photos: Annotated[
        list[Path] | None, typer.Argument(metavar="PHOTO|FOLDER...", help="Where to look.")
    ] = None,
    what: Annotated[
        str | None,
        typer.Option(
            metavar="A,B,…",
            help='What to look for, such as "a cat, a remote control"; with --by grounding also a '
            "sentence.",
            rich_help_panel=LOOKED_FOR,
        ),
    ] = None,
    labels_file: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE", help="The same from a file, one a line.", rich_help_panel=LOOKED_FOR
        ),
    ] = None,
    words: Annotated[
        str | None,
        typer.Option(
            metavar="TEXT",
            help="Printed words to look for, instead of --what.",
            rich_help_panel=LOOKED_FOR,
        ),
    ] = None,
    by: Annotated[
        str | None,
        typer.Option(
            metavar="KIND",
            help="How: regions compares parts of the photo with any CLIP; owlvit, grounding and "
            f"segments take a --model of their kind. [default: {_BY}]",
            rich_help_panel=LOOKED_FOR,
        ),
    ] = None,
    threshold: Annotated[
        float | None,
        typer.Option(
            metavar="T",
            help="Leave out what scores less, 0 to 1. [default: that of the kind]",
            rich_help_panel=LOOKED_FOR,
        ),
    ] = None,
    top: Annotated[
        int | None,
        typer.Option(
            metavar="N",
            help="The N best of each label alone. [default: all found]",
            rich_help_panel=LOOKED_FOR,
        ),
    ] = None,
    save: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="Draw it on a copy of the photo: .png, .jpg or .webp.",
            rich_help_panel=_DRAWN,
        ),
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option(
            metavar="FOLDER",
            help="Such a picture of each photo in which it is found.",
            rich_help_panel=_DRAWN,
        ),
    ] = None,
    force: Annotated[
        bool,
        typer.Option(
            "--force",
            help="With --save and --out: write over any file, not only over drawn pictures.",
            rich_help_panel=_DRAWN,
        ),
    ] = False,
    preview: Annotated[
        str,
        typer.Option(
            metavar="WAY",
            help="Show it in the terminal: auto, kitty, iterm, sixel, blocks, none. auto shows up "
            "to four named photos where stdout is a terminal, in the way it is known to have.",
            rich_help_panel=_DRAWN,
        ),
    ] = "auto",
    as_json: JsonOption = False,
    model: ModelOption = None,
    library: LibraryOption = None,
) -> None:
    """Find where in photos something is.

    Prints score, label and box of each place: X,Y,WIDTH,HEIGHT in pixels of the upright photo, as
    query --crop takes it; in a pipe path, label, score and box by tabs. Drawn pictures have no
    metadata, and at most 4096 pixels a side. Exit code 1 when nothing is found, 3 when some photos
    could not be read.

    \b
    Examples:
      photosearch locate cat.jpg --what "a cat, a remote control"
      photosearch locate street.jpg --words "EXIT" --save exit.png
      photosearch locate ~/Pictures/2024 --what "a dog" --out dogs/
      photosearch locate 猫.jpg --what 猫,狗 --json
    """
    from photosearch.cli.drawing import Drawing
    from photosearch.library.locating import decoder
    from photosearch.paths import to_bytes
    from photosearch.zeroshot.files import PhotoFiles

    named = photos or []
    if not named:
        raise WrongUse("no photo is named", hint='photosearch locate PHOTO --what "a cat"')
    if top is not None and top < 1:
        raise WrongUse(f"--top must be 1 or more, not {top}")
    asked = _asked(what, labels_file, words, by, model)
    if as_json and preview not in ("auto", "none"):
        raise WrongUse("--json and --preview exclude each other")
    avoid = {to_bytes(folder) for folder in (library_path(library), out) if folder is not None}
    files = PhotoFiles(named, avoid=frozenset(avoid))
    drawing = Drawing(
        named, save=save, out=out, force=force, way="none" if as_json else preview, labels=asked
    )
    locator = _locator(asked, words, by, model, threshold, library)
    drawing.start()
    show = _Output(drawing, as_json, top, alone=len(named) == 1 and not named[0].is_dir())
    with decoder(many=files.at_least(2)) as decode:
        for file in photo_bar(files):
            show.file(file, locator, decode)
    if files.raw_skipped:
        tell(f"{counted(files.raw_skipped, 'raw file')} left out: pip install 'photosearch[raw]'")
    code = show.end({"version": 1, "by": "words" if words else by or _BY, "model": locator.model})
    if code:
        raise typer.Exit(code)


def _asked(
    what: str | None, labels_file: Path | None, words: str | None, by: str | None, model: str | None
) -> str | list[str]:
    """What to look for, as text for printed words and sentences, else as labels."""
    given = {"--what": what, "--labels-file": labels_file, "--words": words}
    names = [name for name, value in given.items() if value is not None]
    if not names:
        raise WrongUse(
            "nothing to look for", hint='--what "a cat, a remote control", or --words "EXIT"'
        )
    if len(names) > 1:
        raise WrongUse(f"{' and '.join(names)} exclude each other")
    if words is not None:
        for option, value in (("--by", by), ("--model", model)):
            if value is not None:
                raise WrongUse(f"--words and {option} exclude each other: words are read")
        return words
    if labels_file is not None:
        from photosearch.zeroshot.labels import read_labels

        return read_labels(labels_file)
    from photosearch.library.locating import labels_of

    assert what is not None
    return what if by == "grounding" or not what.strip() else labels_of(what)


def _locator(
    asked: str | list[str],
    words: str | None,
    by: str | None,
    model: str | None,
    threshold: float | None,
    library: Path | None,
) -> Locator:
    if words is not None:
        from photosearch.library.spotting import PrintedWords

        return PrintedWords(words, threshold)
    from photosearch.library.locating import open_locator

    return open_locator(
        asked,
        by=by or _BY,
        model=model,
        threshold=threshold,
        encoder=lambda: model_or_library(model, library),
    )


class _Output:
    """The answer in the form that was asked for."""

    def __init__(self, drawing: Drawing, as_json: bool, top: int | None, *, alone: bool) -> None:
        self._drawing = drawing
        self._as_json = as_json
        self._top = top
        self._alone = alone  # one photo is named: there is no need to say which it is
        self._photos: list[dict[str, Any]] = []
        self._failed: list[Failure] = []
        self._looked_at = self._found = 0

    def file(self, file: NamedFile | Failure, locator: Locator, decode: Decode) -> None:
        """Look into one file, and say at once what is there."""
        from photosearch.library.locating import locate_images
        from photosearch.records import Failure

        for record in locate_images([file], locator, decode=decode):
            if isinstance(record, Failure):
                self._fail(record)
                continue
            photo = _best(record, self._top)
            self._looked_at += 1
            self._found += bool(photo.regions)
            if not photo.regions:
                tell(f"{printable(photo.path or '')}: nothing found")
            elif not self._as_json:
                self._print(photo)
            shown, saved, failure = self._drawing.draw(file, photo)
            if shown:
                say(shown)
            if failure is not None:
                self._fail(failure)
            if self._as_json:
                where = {} if not self._drawing.saves else {"saved": saved and str(saved)}
                self._photos.append({**photo.as_dict(), **where})

    def end(self, head: dict[str, Any]) -> int:
        """What remains to be said, and the exit code."""
        if self._as_json:
            failed = [one.as_dict() for one in self._failed]
            write_json({**head, "photos": self._photos, "failed": failed})
        for line in self._drawing.notes():
            tell(printable(line))
        if not self._looked_at and not self._failed:
            tell("no photos found")
        if self._failed:
            return PART_FAILED if self._looked_at else WRONG_USE
        return 0 if self._found else NOTHING_FOUND

    def _fail(self, failure: Failure) -> None:
        self._failed.append(failure)
        tell(printable(f"{failure.path}: {failure.reason}"))

    def _print(self, photo: Located) -> None:
        from photosearch.show import regions

        if not sys.stdout.isatty():
            for line in regions.plain_lines(photo):
                say(line)
            return
        width = terminal_width()
        if photo.path is not None:
            say(shorten(printable(home_relative(photo.path)), width))
        drawing = self._drawing
        for line in regions.terminal_lines(
            photo, width=width, terminal=drawing.terminal, colours=drawing.colours
        ):
            say(line)


def _best(photo: Located, top: int | None) -> Located:
    """The `top` surest regions of each label."""
    if top is None:
        return photo
    from dataclasses import replace

    kept, count = [], dict[str, int]()
    for region in photo.regions:
        count[region.label] = count.get(region.label, 0) + 1
        if count[region.label] <= top:
            kept.append(region)
    return replace(photo, regions=tuple(kept))
