"""A page of pictures in sections, in one file: a contact sheet, to look through and to print.

In: sections of captioned pictures. Out: HTML, piece by piece; thumbnails lie inside it, so the file
can be moved or sent as it is. Nothing in it is loaded from anywhere, and no script runs. Names are
shown escaped, never interpreted.
"""

from __future__ import annotations

import base64
import hashlib
import os
import tempfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from html import escape
from itertools import chain
from pathlib import Path

from photosearch.errors import StorageError, WrongUse
from photosearch.filenames import PHOTO_SUFFIXES, RAW_SUFFIXES, suffix_of
from photosearch.paths import umask
from photosearch.show.previews import Preview, Wanted, previews
from photosearch.show.text import printable, size_text

# Pixels of a thumbnail's longer side: sharp at the width that a picture has on the page, and on
# paper, where four stand side by side, 180 to the inch.
_THUMB = 320
# Of the page's first line: what tells our own pages, which may be replaced, from other files.
_MARK = '<meta name="generator" content="photosearch sheet">'
_HEAD_BYTES = 200
_STYLE = """
:root { color-scheme: light dark; font: 15px/1.45 system-ui, sans-serif; }
body { margin: 2rem auto; max-width: 1200px; padding: 0 1rem; background: Canvas;
  color: CanvasText; }
h1 { font-size: 1.4rem; overflow-wrap: anywhere; } h2 { font-size: 1rem; margin: 2rem 0 .5rem; }
h2, header p { overflow-wrap: anywhere; } header p { margin: .3rem 0; }
section { border-top: 1px solid #8888; margin-top: 1.5rem; }
ul { display: grid; grid-template-columns: repeat(auto-fill, minmax(220px, 1fr)); gap: 1.2rem 1rem;
  margin: 1rem 0; padding: 0; list-style: none; }
figure { margin: 0; } .frame { position: relative; height: 180px; background: #8882;
  border-radius: 6px; overflow: hidden; }
.frame img, .frame svg { position: absolute; inset: 0; width: 100%; height: 100%;
  object-fit: contain; }
svg polygon { fill: none; stroke-linejoin: round; vector-effect: non-scaling-stroke; }
svg .halo { stroke: #000; stroke-width: 5px; } svg .line { stroke: #ffd400; stroke-width: 2.5px; }
.none { display: grid; place-items: center; text-align: center; padding: 0 1rem;
  box-sizing: border-box; border: 1px dashed #888; }
.chosen .frame { outline: 3px solid #2a8f4c; }
figcaption { margin-top: .35rem; font-size: .85rem; overflow-wrap: anywhere; }
figcaption b { display: block; } figcaption a { color: LinkText; }
@media print {
  @page { margin: 12mm; }
  :root { color-scheme: light; font-size: 8.5pt; }
  body { margin: 0; max-width: none; padding: 0; }
  ul { grid-template-columns: repeat(4, 1fr); gap: 4mm 3mm; }
  .frame { height: 32mm; background: none; border: 1px solid #ccc; }
  li { break-inside: avoid; } h2 { break-after: avoid; }
  figcaption { font-size: 7pt; line-height: 1.3; } figcaption a { color: inherit;
    text-decoration: none; }
}
"""
_STYLE_SUM = base64.b64encode(hashlib.sha256(_STYLE.encode()).digest()).decode()

Corners = Sequence[Sequence[float]]


@dataclass(frozen=True, slots=True)
class Picture:
    """One picture of a section."""

    photo: Wanted
    path: Path  # as it is shown and linked, wherever the picture comes from
    title: str  # a word or two
    lines: Sequence[str] = ()
    chosen: bool = False  # framed
    size: tuple[int, int] = (0, 0)  # the upright photo's pixels, in which the boxes are
    boxes: Sequence[Corners] = ()  # drawn on it
    sized: bool = False  # a line with pixels and bytes


@dataclass(frozen=True, slots=True)
class Section:
    """Pictures that belong together."""

    title: str  # "" has no heading
    pictures: Sequence[Picture]


def page(
    title: str,
    notes: Iterable[str],
    sections: Iterable[Section],
    seen: Callable[[Iterable[Preview | str]], Iterable[Preview | str]] = iter,
) -> Iterator[str]:
    """The page, picture by picture: there may be thousands. Thumbnails go through `seen`."""
    yield (
        f'<!doctype html>\n<html lang="en"><head><meta charset="utf-8">{_MARK}'
        '<meta name="viewport" content="width=device-width">'
        '<meta http-equiv="Content-Security-Policy" '
        f"content=\"default-src 'none'; img-src data:; style-src 'sha256-{_STYLE_SUM}'\">"
        '<meta name="referrer" content="no-referrer">'
        f"<title>{_text(title)}</title><style>{_STYLE}</style></head><body><main>"
        f"<header><h1>{_text(title)}</h1>"
        + "".join(f"<p>{_text(note)}</p>" for note in notes)
        + "</header>\n"
    )
    sections = list(sections)
    pictures = chain.from_iterable(section.pictures for section in sections)
    thumbs = iter(seen(previews((picture.photo for picture in pictures), (_THUMB, _THUMB))))
    for section in sections:
        heading = f"<h2>{_text(section.title)}</h2>" if section.title else ""
        yield f"<section>{heading}<ul>\n"
        for picture in section.pictures:
            yield _figure(picture, next(thumbs))
        yield "</ul></section>\n"
    yield "</main></body></html>\n"


def _figure(picture: Picture, thumb: Preview | str) -> str:
    lines = list(picture.lines)
    if isinstance(thumb, str):
        shown = f'<div class="frame none">cannot be shown: {_text(thumb)}</div>'
    else:
        data = base64.b64encode(thumb.data).decode()
        about = ", ".join([picture.path.name, *lines[:1]])
        shown = (
            f'<div class="frame"><img alt="{_text(about)}" width="{thumb.width}" '
            f'height="{thumb.height}" src="data:image/jpeg;base64,{data}">'
            f"{_overlay(picture)}</div>"
        )
    if picture.sized:
        pixels = f"{picture.size[0]} x {picture.size[1]}"
        lines.append(
            pixels if isinstance(thumb, str) else f"{pixels}, {size_text(thumb.file_bytes)}"
        )
    mark = ' class="chosen"' if picture.chosen else ""
    return (
        f"<li><figure{mark}>{shown}<figcaption><b>{_text(picture.title)}</b>"
        + "".join(f"<div>{_text(line)}</div>" for line in lines)
        + f"<div>{_link(picture.path)}</div></figcaption></figure></li>\n"
    )


def _overlay(picture: Picture) -> str:
    if not picture.boxes or 0 in picture.size:
        return ""
    drawn = "".join(
        f'<polygon class="{kind}" points="{_points(box)}"/>'
        for box in picture.boxes
        for kind in ("halo", "line")
    )
    width, height = picture.size
    return f'<svg viewBox="0 0 {width} {height}" aria-hidden="true">{drawn}</svg>'


def _points(box: Corners) -> str:
    return " ".join(f"{x:.1f},{y:.1f}" for x, y in box)


def _link(path: Path) -> str:
    shown = _text(str(path)).replace("/", "/<wbr>")  # where a long one may be broken
    try:
        return f'<a href="{escape(path.as_uri())}">{shown}</a>'
    except ValueError:  # no absolute path
        return shown


def _text(text: str) -> str:
    return escape(printable(text))


# The file


def check_sheet(path: Path, *, force: bool) -> None:
    """Whether a page may be written there; said before anything is looked for."""
    if path.is_dir():
        raise WrongUse(f"--html {path} is a folder", hint=f"--html {path / 'photos.html'}")
    if suffix_of(os.fsencode(path)) in PHOTO_SUFFIXES | RAW_SUFFIXES:
        raise WrongUse(f"--html {path} is the name of a photo", hint="--html photos.html")
    if not path.parent.is_dir():
        raise WrongUse(f"--html {path} cannot be written: there is no folder {path.parent}")
    if not (force or _may_replace(path)):
        raise WrongUse(
            f"--html {path} exists already, and is no page that photosearch wrote",
            hint="another name, or --force to write over it",
        )


def _may_replace(path: Path) -> bool:
    """Whether nothing is lost by writing there: nothing, an empty file, a page written before."""
    if not os.path.lexists(path):
        return True
    try:
        if not path.is_file():
            return False
        with path.open("rb") as file:
            head = file.read(_HEAD_BYTES)
    except OSError:
        return False
    return not head or _MARK.encode() in head


def write_sheet(path: Path, pieces: Iterable[str]) -> None:
    """Written beside, then renamed: there is no half page at any moment."""
    temporary = ""
    try:
        descriptor, temporary = tempfile.mkstemp(".tmp", ".photosearch-", path.parent)
        with open(descriptor, "w", encoding="utf-8") as file:
            for piece in pieces:
                file.write(piece)
        os.chmod(temporary, 0o666 & ~umask())  # mkstemp lets nobody else read it
        os.replace(temporary, path)
        temporary = ""
    except OSError as error:
        raise StorageError(f"{path} cannot be written: {error.strerror or error}") from error
    finally:
        if temporary:
            with suppress(OSError):
                os.unlink(temporary)
