"""`photosearch watch`: keep the library up to date while it runs."""

from __future__ import annotations

import json
import os
import shlex
import signal
import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from photosearch.cli.options import (
    LOOKED_FOR,
    ExcludeOption,
    FoldersArgument,
    FollowLinksOption,
    HiddenOption,
    LibraryOption,
    MaxMegapixelsOption,
    ModelOption,
    TimeoutOption,
    seconds_of,
)
from photosearch.cli.output import INTERRUPTED, command, hush, say, tell
from photosearch.cli.progress import stoppable
from photosearch.cli.unit import UNIT_NAME, own_command, unit_folder, unit_text
from photosearch.library import Library
from photosearch.reports.runs import IndexReport, WatchReport, WordsReport
from photosearch.settings import (
    CACHE_VARIABLE,
    MODEL_VARIABLE,
    MODELS_VARIABLE,
    WORDS_VARIABLE,
    library_path,
)
from photosearch.show.text import counted, printable

_FAILURES_SHOWN = 5
_SETTLE = "2s"
_WHEN = "When"
# Of the environment, what the service would otherwise do without.
_KEPT = (
    CACHE_VARIABLE,
    MODELS_VARIABLE,
    MODEL_VARIABLE,
    WORDS_VARIABLE,
    "PHOTOSEARCH_OFFLINE",
    "HF_HOME",
)


@command
def watch(
    paths: FoldersArgument = None,
    model: ModelOption = None,
    exclude: ExcludeOption = None,
    follow_links: FollowLinksOption = False,
    hidden: HiddenOption = False,
    timeout: TimeoutOption = None,
    max_megapixels: MaxMegapixelsOption = None,
    words: Annotated[
        bool | None,
        typer.Option(
            "--words/--no-words",
            help="Also look for printed words, when no photo waits. [env PHOTOSEARCH_WORDS; "
            "default: yes]",
            show_default=False,
            rich_help_panel=LOOKED_FOR,
        ),
    ] = None,
    settle: Annotated[
        str,
        typer.Option(
            metavar="TIME",
            help="Index a file when it has not changed this long.",
            rich_help_panel=_WHEN,
        ),
    ] = _SETTLE,
    rescan: Annotated[
        str | None,
        typer.Option(
            metavar="TIME",
            help="Look through everything this often: 30s, 10m, 6h. [default: 6h; with --poll 1m]",
            rich_help_panel=_WHEN,
        ),
    ] = None,
    poll: Annotated[
        bool,
        typer.Option(
            "--poll",
            help="Wait for no events; look through everything again and again.",
            rich_help_panel=_WHEN,
        ),
    ] = False,
    print_unit: Annotated[
        bool, typer.Option("--print-unit", help="Print a systemd user unit, and watch nothing.")
    ] = False,
    quiet: Annotated[
        bool, typer.Option("--quiet", "-q", help="Print nothing of runs; warnings only.")
    ] = False,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print one line of JSON for each run.")
    ] = False,
    library: LibraryOption = None,
) -> None:
    """Index new and changed photos as they arrive.

    Brings the folders up to date, then goes on until it is stopped (Ctrl-C). A file is indexed
    when it has stopped growing; moved and deleted ones are noticed, too. A folder that goes
    offline keeps its photos, and is looked through when it is back. One line is printed for each
    run that did something.

    \b
    Examples:
      photosearch watch ~/Pictures
      photosearch watch                    all indexed folders
      photosearch watch /mnt/nas --poll --rescan 10m
      photosearch watch ~/Pictures --print-unit
    """
    wait = seconds_of("--settle", settle)
    every = None if rescan is None else seconds_of("--rescan", rescan)
    if print_unit:
        known_model = model and (_absolute(Path(model)) if os.path.exists(model) else model)
        options: dict[str, Any] = {
            "--model": known_model,
            "--exclude": exclude or [],
            "--follow-links": follow_links,
            "--hidden": hidden,
            "--timeout": None if timeout is None else f"{timeout:g}",
            "--max-megapixels": None if max_megapixels is None else f"{max_megapixels:g}",
            "--words": words is True,
            "--no-words": words is False,
            "--settle": settle if settle != _SETTLE else None,
            "--rescan": rescan,
            "--poll": poll,
            "--quiet": quiet,
            "--json": as_json,
        }
        _print_unit(options, paths or [], library)
        return
    hush(quiet)
    with (
        stoppable() as stop,
        Library.open(library, model, create=bool(paths)) as opened,
    ):
        reports = opened.watch(
            paths or [],
            exclude=exclude or [],
            follow_links=follow_links,
            hidden=hidden,
            timeout=timeout,
            max_megapixels=max_megapixels,
            words=words,
            settle=wait,
            rescan=every,
            poll=poll,
            should_stop=stop,
        )
        if not quiet:
            _tell_what(opened, paths or [])
        for report in reports:
            if as_json:
                say(json.dumps(report.as_dict()))
            elif not quiet:
                _print(report)
            sys.stdout.flush()
        if not quiet:
            tell("the watch has ended; what comes now is found when it begins again")
        if stop.by is signal.SIGINT:
            raise typer.Exit(INTERRUPTED)


def _tell_what(library: Library, paths: list[Path]) -> None:
    state = library.status()
    folders = paths or library.roots()
    where = printable(os.path.abspath(folders[0].expanduser())) if len(folders) == 1 else ""
    tell(
        f"watching {where or counted(len(folders), 'folder')}; "
        f"{counted(state.photos, 'photo')} known; Ctrl-C ends it"
    )


def _print(report: WatchReport) -> None:
    at = "" if _is_journal() else report.at.strftime("%H:%M:%S ")
    if report.index is not None and (parts := _parts(report.index)):
        say(f"{at}{', '.join(parts)}")
        for failure in report.index.failed[:_FAILURES_SHOWN]:
            tell(f"{printable(failure.path)}: {printable(failure.reason)}")
        more = len(report.index.failed) - _FAILURES_SHOWN
        if more > 0:
            tell(f"and {more:,} more: photosearch status --failures")
    if report.words is not None:
        say(f"{at}{_words_text(report.words)}")


def _is_journal() -> bool:
    """Whether stdout is systemd's journal, which writes the time itself (systemd.exec(5))."""
    state = os.fstat(sys.stdout.fileno())
    return os.environ.get("JOURNAL_STREAM") == f"{state.st_dev}:{state.st_ino}"


def _parts(report: IndexReport) -> list[str]:
    counts = [
        (report.added, "added"),
        (report.changed, "changed"),
        (report.moved, "moved"),
        (report.copied, "copied"),
        (report.missing, "missing"),
        (report.returned, "back again"),
        (report.regions.looked_at if report.regions else 0, "looked at part by part"),
        (len(report.failed), "failed"),
    ]
    parts = [f"{count:,} {word}" for count, word in counts if count]
    return parts or ([f"{report.encoded:,} encoded"] if report.encoded else [])


def _words_text(report: WordsReport) -> str:
    left = f"; {report.left:,} to go" if report.left else ""
    shows = "shows" if report.with_words == 1 else "show"
    return (
        f"looked for words in {counted(report.read, 'photo')}: "
        f"{report.with_words:,} {shows} some{left}"
    )


def _print_unit(options: dict[str, Any], paths: list[Path], library: Path | None) -> None:
    """The command as it was typed, by absolute paths, as a service."""
    words = [*own_command(), "watch", *(_absolute(path) for path in paths)]
    for name, value in options.items():
        for one in value if isinstance(value, list) else [value]:
            if one is True:
                words.append(name)
            elif one:
                words += [name, os.fspath(one)]
    words += ["--library", os.fspath(library_path(library))]
    environment = {name: os.environ[name] for name in _KEPT if name in os.environ}
    sys.stdout.flush()
    sys.stdout.buffer.write(os.fsencode(unit_text(words, environment)))
    sys.stdout.buffer.flush()
    folder = unit_folder()
    tell(f"to start it now and at every login (save the above as {UNIT_NAME}):")
    tell(f"  mkdir -p {shlex.quote(os.fspath(folder))}")
    again = shlex.join([*words, "--print-unit"])
    tell(printable(f"  {again} > {shlex.quote(os.fspath(folder / UNIT_NAME))}"))
    tell(f"  systemctl --user daemon-reload && systemctl --user enable --now {UNIT_NAME}")


def _absolute(path: Path) -> str:
    return os.path.abspath(os.path.expanduser(path))
