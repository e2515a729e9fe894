"""The forms that hits are given in: lines, one document, pictures, a page, files in a folder.

In: options of `query` and `similar`, an answer. Out: text on stdout, talk on stderr, files.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from photosearch.cli.output import can_link, say, tell, terminal_width, write_json, write_paths
from photosearch.cli.progress import bar
from photosearch.errors import WrongUse
from photosearch.show.text import counted, printable

if TYPE_CHECKING:
    from photosearch.library import Library
    from photosearch.records import Answer, Hit
    from photosearch.search.query import Query
    from photosearch.show.collect import Collected
    from photosearch.show.pictures import Terminal

_FAILURES_SHOWN = 10
_STDOUT = Path("-")


@dataclass(frozen=True, slots=True)
class Forms:
    """What is wanted; `check` says what cannot be."""

    as_json: bool = False
    paths: bool = False
    null: bool = False
    scores: bool = False
    all_copies: bool = False
    show: bool = False
    preview: str | None = None
    html: Path | None = None
    open_page: bool = False
    force: bool = False
    copy_to: Path | None = None
    link_to: Path | None = None

    @property
    def _folder(self) -> tuple[str, Path] | None:
        for option, folder in (("--copy-to", self.copy_to), ("--link-to", self.link_to)):
            if folder is not None:
                return option, Path(os.path.abspath(folder.expanduser()))
        return None

    def check(self) -> None:
        """Options that exclude each other, a page that cannot be written. Raises WrongUse."""
        self._check_one_form()
        if self.copy_to is not None and self.link_to is not None:
            raise WrongUse("--copy-to and --link-to exclude each other")
        if self.html is None:
            for option, wanted in (("--open", self.open_page), ("--force", self.force)):
                if wanted:
                    raise WrongUse(f"{option} needs --html FILE")
        elif self.html == _STDOUT:
            if self.open_page:
                raise WrongUse("--html - is standard output: --open needs a file")
        else:
            from photosearch.show.sheet import check_sheet

            check_sheet(self.html.expanduser(), force=self.force)
        if self.preview is not None:
            from photosearch.show.pictures import check_way

            check_way(self.preview)

    def check_folder(self, opened: Library) -> None:
        """Whether hits may be collected where it is wanted. Raises WrongUse."""
        if self._folder is not None:
            from photosearch.paths import to_bytes
            from photosearch.show.collect import check_folder

            option, folder = self._folder
            check_folder(folder, map(to_bytes, opened.roots()), opened.path, option=option)

    def give(
        self, asked: Query, text: str | None, opened: Library, answer: Answer, notes: Sequence[str]
    ) -> bool:
        """Give the answer; whether all of it could be given."""
        if not self.as_json:
            for note in notes:
                tell(printable(note))
        collected = self._collect(answer.hits)
        if self.html is not None:
            self._write_page(asked, text, answer, notes)
        if self.as_json:
            from photosearch.show.answers import answer_document

            document = answer_document(asked, text, opened, answer, notes)
            if collected is not None:
                document["collected"] = [one.as_dict() for one in collected]
            write_json(document)
        elif self.html != _STDOUT:
            self._print(answer.hits if collected is None else _as_made(collected))
        return self._tell_collected(collected or [])

    def _check_one_form(self) -> None:
        forms = {
            "--json": self.as_json,
            "--paths": self.paths,
            "-0": self.null,
            "--scores": self.scores,
            "--show": self.show,
            "--preview": self.preview not in (None, "none"),
            "--html -": self.html == _STDOUT,
        }
        given = [name for name, wanted in forms.items() if wanted]
        if len(given) > 1 and given not in (["--paths", "-0"], ["--show", "--preview"]):
            raise WrongUse(f"{' and '.join(given)} exclude each other")

    # Lines

    def _print(self, hits: Sequence[Hit]) -> None:
        from photosearch.show import table

        hits = list(hits)
        if self.paths or self.null:
            found = ((hit.path, *(hit.copies if self.all_copies else ())) for hit in hits)
            shown = [path for paths in found for path in paths]
            write_paths(shown, b"\0" if self.null else b"\n")
            return
        terminal = self._terminal()
        if terminal is not None and hits:
            _print_pictures(hits, terminal)
            return
        if self.scores:
            lines = table.score_lines(hits, all_copies=self.all_copies)
        elif sys.stdout.isatty():
            lines = table.terminal_lines(
                hits, width=terminal_width(), links=can_link(), all_copies=self.all_copies
            )
        else:
            lines = table.plain_lines(hits, all_copies=self.all_copies)
        for line in lines:
            say(line)

    # Pictures

    def _terminal(self) -> Terminal | None:
        """The terminal that pictures are shown in; None where none are."""
        if not self.show and self.preview is None:
            return None
        from photosearch.show.pictures import this_terminal

        terminal = this_terminal(self.preview or "auto", sys.stdout)
        if terminal.way != "none":
            return terminal
        if self.preview != "none" and sys.stdout.isatty():
            tell("this terminal is not known to show pictures; --preview names a way")
        return None

    # A page

    def _write_page(
        self, asked: Query, text: str | None, answer: Answer, notes: Sequence[str]
    ) -> None:
        from photosearch.show.contact import notes_of, sections_of, title_of
        from photosearch.show.sheet import page, write_sheet

        assert self.html is not None
        pieces = page(
            title_of(asked, text),
            notes_of(asked, text, answer, notes),
            sections_of(answer),
            seen=lambda thumbs: bar(thumbs, "thumbnails", len(answer.hits)),
        )
        if self.html == _STDOUT:
            for piece in pieces:
                sys.stdout.buffer.write(piece.encode())
            sys.stdout.buffer.flush()
            return
        target = self.html.expanduser()
        write_sheet(target, pieces)
        tell(f"{counted(len(answer.hits), 'photo')} on {printable(target)}")
        if self.open_page:
            open_in_browser(target)

    # A folder

    def _collect(self, hits: Sequence[Hit]) -> list[Collected] | None:
        if self._folder is None:
            return None
        if not hits:
            return []
        from photosearch.show.collect import collect

        option, folder = self._folder
        link = option == "--link-to"
        done = collect(hits, folder, link=link)
        return list(bar(done, "links" if link else "copies", len(hits)))

    def _tell_collected(self, collected: Sequence[Collected]) -> bool:
        """Say what was made; whether everything was."""
        if not collected or self._folder is None:
            return True
        from photosearch.show.collect import COPIED, FAILED, LINKED, THERE

        count = dict.fromkeys((COPIED, LINKED, THERE, FAILED), 0)
        for one in collected:
            count[one.result] += 1
        failed = [one for one in collected if one.result == FAILED]
        for one in failed[:_FAILURES_SHOWN]:
            tell(f"{printable(one.hit.path)}: {printable(one.reason or '')}")
        if len(failed) > _FAILURES_SHOWN:
            tell(f"and {len(failed) - _FAILURES_SHOWN:,} more")
        said = [
            f"{count[COPIED]:,} copied" if count[COPIED] else "",
            f"{count[LINKED]:,} linked" if count[LINKED] else "",
            f"{count[THERE]:,} there already" if count[THERE] else "",
            f"{len(failed):,} could not be {'linked' if self.link_to else 'copied'}"
            if failed
            else "",
        ]
        tell(f"{printable(self._folder[1])}: {', '.join(filter(None, said))}")
        return not failed


def open_in_browser(page: Path | str) -> None:
    """Show a file, or a page by its URL, in the browser that is set up on this machine."""
    import webbrowser

    url = page if isinstance(page, str) else Path(os.path.abspath(page)).as_uri()
    if not webbrowser.open(url):
        tell(f"no browser could be started; the page is {printable(page)}")


def _print_pictures(hits: list[Hit], terminal: Terminal) -> None:
    from photosearch.show.strip import strip

    for row in strip(hits, terminal, links=can_link()):
        sys.stdout.write(row)
        sys.stdout.flush()


def _as_made(collected: Iterable[Collected]) -> list[Hit]:
    """The hits by where they lie now."""
    return [
        replace(one.hit, path=one.made, copies=(), offline=False)
        for one in collected
        if one.made is not None
    ]
