"""Pictures of what `locate` finds: in files, in the terminal.

In: a file and what was found in it. Out: text for the terminal, files. The photo is decoded again,
larger than the models need it.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from photosearch.errors import BadImage, PhotosearchError, StorageError, WrongUse
from photosearch.records import Failure, Located
from photosearch.show.colours import Colours
from photosearch.show.pictures import Terminal, this_terminal
from photosearch.show.text import counted

if TYPE_CHECKING:
    from PIL import Image

    from photosearch.show.fonts import Fonts
    from photosearch.zeroshot.files import NamedFile

# More photos than this are listed without being shown, unless --preview says how.
_MOST_SHOWN = 4


class Drawing:
    """Draws each photo, where it is to be saved or shown."""

    def __init__(
        self,
        photos: Sequence[Path],
        *,
        save: Path | None,
        out: Path | None,
        force: bool,
        way: str,
        labels: str | Sequence[str],
    ) -> None:
        """photos: as named. Raises WrongUse for what cannot be saved as asked."""
        from photosearch.show.saved import check_target

        self._photos = [photo.expanduser() for photo in photos]
        self._save = save and save.expanduser()
        self._out = out and out.expanduser()
        self._force = force
        folders = any(photo.is_dir() for photo in self._photos)
        if save is not None and out is not None:
            raise WrongUse("--save and --out exclude each other")
        if self._save is not None:
            if len(photos) > 1 or folders:
                raise WrongUse("--save is for one photo", hint="--out FOLDER for several")
            check_target(self._save, self._photos, option="--save", force=force)
        if self._out is not None:
            self._check_folder(self._out)
        if force and not self.saves:
            raise WrongUse("--force needs --save or --out")
        if way == "auto" and (folders or len(photos) > _MOST_SHOWN):
            way = "none"
        self.terminal: Terminal = this_terminal(way, sys.stdout)
        self.colours = Colours(() if isinstance(labels, str) else labels)
        self._fonts: Fonts | None = None
        self._taken: set[str] = set()
        self._saved: list[Path] = []

    @property
    def saves(self) -> bool:
        return self._save is not None or self._out is not None

    def start(self) -> None:
        """Make the folder for pictures, and look whether fonts can be had as asked."""
        from photosearch.show.fonts import Fonts

        if self.saves or self.terminal.way != "none":
            self._fonts = Fonts()
        if self._out is None:
            return
        try:
            self._out.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise StorageError(
                f"--out {self._out} cannot be made: {error.strerror or error}"
            ) from error

    def draw(
        self, file: NamedFile | Failure, photo: Located
    ) -> tuple[str, Path | None, Failure | None]:
        """(text for the terminal, where the picture is saved, why it is not)."""
        if not photo.regions or isinstance(file, Failure):
            return "", None, None
        if not self.saves and self.terminal.way == "none":
            return "", None, None
        try:
            target = self._target(file)
            image = self._image(file, photo)
            if target is not None:
                self._write(image, photo, target)
            return self._shown(image, photo), target, None
        except (PhotosearchError, OSError) as error:
            reason = error.typed if isinstance(error, PhotosearchError) else error.strerror or error
            return "", None, Failure(file.shown, f"no picture of it: {reason}")

    def notes(self) -> Iterator[str]:
        """What is to be said at the end."""
        if self._save is not None and self._saved:
            yield f"saved {self._save}"
        elif self._saved:
            yield f"{counted(len(self._saved), 'picture')} in {self._out}"
        if self._fonts is not None and self._fonts.missing:
            from photosearch.show.fonts import advice

            yield advice(self._fonts.missing)

    def _check_folder(self, out: Path) -> None:
        if os.path.lexists(out) and not out.is_dir():
            raise WrongUse(f"--out {out} is no folder", hint="--save FILE for one picture")
        for photo in self._photos:
            if photo.is_dir() and out.is_dir() and os.path.samefile(photo, out):
                raise WrongUse(
                    f"--out {out} is the folder of the photos themselves",
                    hint=f"--out {out / 'located'}",
                )

    def _target(self, file: NamedFile) -> Path | None:
        if self._out is None:
            return self._save
        from photosearch.show.saved import is_one_of, may_replace, unused_name

        target = unused_name(self._out, file.shown, self._taken)
        while is_one_of(target, self._photos):
            target = unused_name(self._out, file.shown, self._taken)
        if not (self._force or may_replace(target)):
            raise WrongUse(f"{target} exists already (--force writes over it)")
        return target

    def _image(self, file: NamedFile, photo: Located) -> Image.Image:
        from photosearch.decode.pixels import REDUCED_SCALE_MARGIN, decode
        from photosearch.read import Changed, read_file
        from photosearch.show.saved import LONGEST_SIDE

        wanted = LONGEST_SIDE if self.saves else max(self.terminal.size(photo.width, photo.height))
        try:
            data = read_file(file.path, file.found).data
        except Changed as error:
            raise BadImage(str(error)) from error
        image = decode(data, need=wanted // REDUCED_SCALE_MARGIN + 1).image
        image.thumbnail((wanted, wanted))
        return image

    def _write(self, image: Image.Image, photo: Located, target: Path) -> None:
        from photosearch.show.draw import draw
        from photosearch.show.saved import write_picture

        size = photo.width, photo.height
        drawn = draw(image, photo.regions, size=size, colours=self.colours, fonts=self._fonts)
        write_picture(drawn, target)
        self._saved.append(target)

    def _shown(self, image: Image.Image, photo: Located) -> str:
        if self.terminal.way == "none":
            return ""
        from photosearch.show.draw import draw
        from photosearch.show.pictures import render

        size = photo.width, photo.height
        small = image.resize(self.terminal.size(*size))
        drawn = draw(
            small,
            photo.regions,
            size=size,
            colours=self.colours,
            fonts=self._fonts,
            tags=self.terminal.way != "blocks",
        )
        return render(drawn, self.terminal).removesuffix("\n")
