"""A page of pictures in sections, in one file: for looking through groups of photos.

In: sections of captioned pictures. Out: HTML, piece by piece; thumbnails lie inside it, so the file
can be moved or sent as it is. Nothing in it is loaded from anywhere, and no script runs. Names are
shown escaped, never interpreted.
"""

from __future__ import annotations

import base64
import io
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from html import escape
from pathlib import Path

from photosearch.show.text import printable

_THUMB = 320
_STYLE = """
:root { color-scheme: light dark; font: 15px/1.45 system-ui, sans-serif; }
body { margin: 2rem auto; max-width: 1200px; padding: 0 1rem; }
h1 { font-size: 1.4rem; } h2 { font-size: 1rem; margin: 2rem 0 .5rem; }
section { border-top: 1px solid #8885; }
.pictures { display: flex; flex-wrap: wrap; gap: 1rem; }
figure { margin: 0; width: 240px; } figure img { width: 100%; height: 180px; object-fit: contain;
  background: #8882; border-radius: 6px; } .none { width: 100%; height: 180px; display: grid;
  place-items: center; background: #8882; border-radius: 6px; }
figure.chosen img { outline: 3px solid #2a8f4c; } figcaption b { display: block; }
figcaption { font-size: .85rem; overflow-wrap: anywhere; } .path { opacity: .75; }
"""


@dataclass(frozen=True, slots=True)
class Picture:
    """One picture of a section."""

    path: Path
    title: str  # a word or two
    lines: Sequence[str] = ()
    chosen: bool = False  # framed


@dataclass(frozen=True, slots=True)
class Section:
    """Pictures that belong together."""

    title: str
    pictures: Sequence[Picture]


def page(title: str, note: str, sections: Iterable[Section]) -> Iterator[str]:
    """The page; pictures are opened as their section is reached."""
    yield (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width">'
        '<meta http-equiv="Content-Security-Policy" '
        "content=\"default-src 'none'; img-src data:; style-src 'unsafe-inline'\">"
        f"<title>{_text(title)}</title><style>{_STYLE}</style></head><body>"
        f"<h1>{_text(title)}</h1><p>{_text(note)}</p>\n"
    )
    for section in sections:
        yield f'<section><h2>{_text(section.title)}</h2><div class="pictures">\n'
        for picture in section.pictures:
            yield _figure(picture)
        yield "</div></section>\n"
    yield "</body></html>\n"


def _figure(picture: Picture) -> str:
    thumb = thumbnail(picture.path)
    if thumb is None:
        shown = '<div class="none">cannot be shown</div>'
    else:
        data = base64.b64encode(thumb).decode()
        shown = f'<img alt="{_text(picture.path.name)}" src="data:image/jpeg;base64,{data}">'
    lines = "".join(f"<div>{_text(line)}</div>" for line in picture.lines)
    mark = ' class="chosen"' if picture.chosen else ""
    return (
        f"<figure{mark}>{shown}<figcaption>"
        f"<b>{_text(picture.title)}</b>{lines}"
        f'<div class="path">{_text(str(picture.path))}</div></figcaption></figure>\n'
    )


def thumbnail(path: Path) -> bytes | None:
    """A small JPEG of a photo, None where it cannot be read."""
    from photosearch.decode.pixels import decode
    from photosearch.errors import BadImage

    try:
        image = decode(path.read_bytes(), need=_THUMB // 2).image
    except (OSError, BadImage):
        return None
    image.thumbnail((_THUMB, _THUMB))
    file = io.BytesIO()
    image.save(file, "JPEG", quality=80)
    return file.getvalue()


def _text(text: str) -> str:
    return escape(printable(text))
