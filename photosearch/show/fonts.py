"""Fonts that have the letters of a label.

In: texts. Out: a font of Pillow for each, and the characters that no font here has. Looked for in
this order: the font named by PHOTOSEARCH_FONT, Pillow's own (ASCII and little else), well-known
fonts of the system with many scripts, any other font of the system. No font is shipped: one with
Chinese takes 5 to 20 MB, and every desktop has one.
"""

from __future__ import annotations

import os
import sys
import unicodedata
from collections.abc import Iterator, Sequence
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

from photosearch.errors import WrongUse

# A file, and which face of it; None: Pillow's own font.
_Face = tuple[Path, int] | None

if TYPE_CHECKING:
    from PIL.ImageFont import FreeTypeFont as Font

VARIABLE = "PHOTOSEARCH_FONT"
_SUFFIXES = (".ttf", ".otf", ".ttc", ".otc")
# Starts of file names, without blanks, hyphens and capitals; the first one found is taken. Sans
# serif and regular before others: they are read best when small.
_WELL_KNOWN = (
    "dejavusans. notosans-regular notosans[ liberationsans-regular segoeui. arial. helveticaneue. "
    "notosanscjk-regular notosanscjk notosanscjksc sourcehansans pingfang hiraginosansgb "
    "msyh. simhei wqyzenhei wqymicrohei wqy droidsansfallback applesdgothic hiragino meiryo "
    "yugoth malgun simsun stheiti songti uming ukai notoserifcjk arialuni unifont"
).split()
# What a collection's face is called whose Chinese characters have the form that a text wants.
_FACES = (("\u3040", "\u30ff", " JP"), ("\uac00", "\ud7a3", " KR"), ("\u2e80", "\u9fff", " SC"))
_NO_CHARACTER = "\U0010ffff"  # no font may have one: what is drawn for it stands for "missing"
_MOST_FILES = 2000
_CHECK_SIZE = 24


class Fonts:
    """Fonts by the letters that they have. `missing` grows with what none of them had."""

    def __init__(self, folders: Sequence[Path] | None = None) -> None:
        """folders: searched instead of the system's."""
        given = os.environ.get(VARIABLE)
        named = Path(given).expanduser() if given else None
        self.missing: set[str] = set()
        self._folders = folders
        self._named: Path | None = None
        if named is not None and named.is_dir():
            self._folders = [named]
        elif named is not None:
            if not _faces(named):
                raise WrongUse(
                    f"{VARIABLE} {named}: no font that can be opened",
                    hint="a .ttf, .otf or .ttc file, or a folder of them",
                )
            self._named = named
        self._files: list[Path] | None = None
        self._chosen: dict[frozenset[str], dict[str, _Face]] = {}

    def runs(self, text: str, size: int) -> list[tuple[str, Font]]:
        """A text in pieces, each with the font that is to draw it: one where one has it all."""
        letters = frozenset(char for char in text if _is_drawn(char))
        if letters not in self._chosen:
            self._chosen[letters] = self._choose(letters)
        chosen = self._chosen[letters]
        pieces: list[tuple[str, _Face]] = []
        for char in text:
            face = chosen.get(char, pieces[-1][1] if pieces else None)
            if pieces and pieces[-1][1] == face:
                pieces[-1] = pieces[-1][0] + char, face
            else:
                pieces.append((char, face))
        return [(piece, _open(*face, size) if face else _own(size)) for piece, face in pieces]

    def _choose(self, letters: frozenset[str]) -> dict[str, _Face]:
        """One font for all letters, else for each letter the first that has it."""
        first: dict[str, _Face] = {}
        for face in self._in_order(letters):
            has = [char for char in letters if _has(face, char)]
            if len(has) == len(letters):
                return dict.fromkeys(letters, face)
            for char in has:
                first.setdefault(char, face)
        lacking = letters - first.keys()
        self.missing |= lacking
        return {**first, **dict.fromkeys(lacking)}

    def _in_order(self, letters: frozenset[str]) -> Iterator[_Face]:
        if self._named is not None:
            yield _face_for(self._named, letters)
        yield None
        if self._files is None:
            self._files = _font_files(_folders() if self._folders is None else self._folders)
        for path in self._files:
            if _faces(path):
                yield _face_for(path, letters)


def advice(missing: set[str]) -> str:
    """One line about characters that cannot be drawn."""
    shown = " ".join(sorted(missing)[:8]) + (" …" if len(missing) > 8 else "")
    how = {
        "linux": "apt install fonts-noto-cjk, or your system's package of Noto fonts",
        "darwin": "install a font that has them with Font Book",
        "win32": "add a language with its fonts in Settings",
    }.get(sys.platform, "install a font that has them")
    return f"no font here has {shown} ({how}; {VARIABLE} names a font file)"


def _is_drawn(char: str) -> bool:
    """Whether a character leaves ink by itself."""
    return not (
        char.isspace()
        or unicodedata.category(char) in ("Cc", "Cf")
        or "\ufe00" <= char <= "\ufe0f"  # variation selectors
    )


@lru_cache(maxsize=4096)
def _has(face: _Face, char: str) -> bool:
    """Whether a font draws another shape for a character than for one that cannot exist."""
    font = _open(*face, _CHECK_SIZE) if face else _own(_CHECK_SIZE)
    if char == "\ufffd":
        return True
    try:
        drawn, nothing = font.getmask(char), font.getmask(_NO_CHARACTER)
    except (OSError, ValueError):  # a damaged font; one of bitmaps alone, such as coloured emoji
        return False
    return (drawn.size, bytes(drawn)) != (nothing.size, bytes(nothing))


def _face_for(path: Path, letters: frozenset[str]) -> tuple[Path, int]:
    """Of a collection the face of the letters' language, else its first."""
    for first, last, ending in _FACES:
        if any(first <= char <= last for char in letters):
            for index, name in enumerate(_faces(path)):
                if name.endswith(ending):
                    return path, index
            break
    return path, 0


@lru_cache(maxsize=_MOST_FILES)
def _faces(path: Path) -> tuple[str, ...]:
    """The names of the faces of a file, none where it cannot be opened."""
    names: list[str] = []
    for index in range(16):
        try:
            names.append(_open(path, index, _CHECK_SIZE).getname()[0] or "")
        except (OSError, ValueError):
            break
    return tuple(names)


@lru_cache(maxsize=256)
def _open(path: Path, index: int, size: int) -> Font:
    from PIL import ImageFont

    font = ImageFont.truetype(str(path), size, index=index)
    if font.path != str(path):  # Pillow looks for one of the same name where this is damaged
        raise OSError(f"{path} is no font")
    return font


@lru_cache(maxsize=64)
def _own(size: int) -> Font:
    from PIL import ImageFont

    font = ImageFont.load_default(size)
    assert isinstance(font, ImageFont.FreeTypeFont)  # as it is of any size that is asked for
    return font


def _font_files(folders: Sequence[Path]) -> list[Path]:
    """Every font file, the well-known ones first."""
    files: list[Path] = []
    for folder in folders:
        for place, _, names in os.walk(folder):
            files += [Path(place, name) for name in names if name.lower().endswith(_SUFFIXES)]
            if len(files) >= _MOST_FILES:
                break
    return sorted(files[:_MOST_FILES], key=lambda path: (_fame(path), path.name, str(path)))


def _fame(path: Path) -> int:
    name = path.name.lower().replace(" ", "").replace("_", "").replace("-vf", "-regular")
    bare = name.replace("-", "")
    for place, start in enumerate(_WELL_KNOWN):
        if name.startswith(start) or bare.startswith(start):
            return place
    return len(_WELL_KNOWN)


def _folders() -> list[Path]:
    """Where the platforms keep fonts; those that are not there do no harm."""
    home = Path(os.path.expanduser("~"))
    if sys.platform == "darwin":
        return [home / "Library/Fonts", Path("/Library/Fonts"), Path("/System/Library/Fonts")]
    if sys.platform == "win32":
        local = Path(os.environ.get("LOCALAPPDATA", home / "AppData/Local"))
        windows = Path(os.environ.get("WINDIR", "C:/Windows"))
        return [local / "Microsoft/Windows/Fonts", windows / "Fonts"]
    own = os.environ.get("XDG_DATA_HOME") or home / ".local/share"
    shared = os.environ.get("XDG_DATA_DIRS") or "/usr/local/share:/usr/share"
    return [
        Path(own) / "fonts",
        home / ".fonts",
        *(Path(folder) / "fonts" for folder in shared.split(":") if folder),
        Path("/system/fonts"),  # Android
    ]
