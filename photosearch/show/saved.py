"""Pictures written to files: whole or not at all, and never over a photo.

In: images, names of files. Out: files. What was drawn is what is written: nothing of the photo's
EXIF, so that neither its place nor its camera goes out with the picture. The pixels are upright and
sRGB, and the file says so, and that it was made here: such a picture may be made again.
"""

from __future__ import annotations

import io
import os
import tempfile
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from photosearch.errors import StorageError, WrongUse
from photosearch.paths import umask
from photosearch.show.text import size_text

if TYPE_CHECKING:
    from PIL import Image

# Drawn pictures are to be looked at: with a longer side than this they are made smaller. One of
# 108 megapixels would take 324 MB and 20 s to be written as PNG.
LONGEST_SIDE = 4096

_SOFTWARE_TAG = 0x0131
_SOFTWARE = "photosearch"

_KINDS = {".png": "PNG", ".jpg": "JPEG", ".jpeg": "JPEG", ".webp": "WEBP"}
_HOW: dict[str, dict[str, Any]] = {
    "PNG": {"compress_level": 4},
    # Lines and letters in full colour resolution: halved, red ones smear.
    "JPEG": {"quality": 90, "subsampling": 0},
    "WEBP": {"quality": 90, "method": 4},
}


def check_target(path: Path, photos: Iterable[Path], *, option: str, force: bool) -> None:
    """Whether a picture may be written there; said before anything is looked for."""
    if path.is_dir():
        raise WrongUse(f"{option} {path} is a folder", hint="--out FOLDER")
    if path.suffix.lower() not in _KINDS:
        raise WrongUse(
            f"{option} {path}: pictures are written as .png, .jpg or .webp",
            hint=f"{option} {path.with_suffix('.png') if path.name else 'picture.png'}",
        )
    if not path.parent.is_dir():
        raise WrongUse(f"{option} {path}: there is no folder {path.parent}", hint="make it first")
    if not os.access(path.parent, os.W_OK):
        raise WrongUse(f"{option} {path}: the folder {path.parent} may not be written to")
    if is_one_of(path, photos):
        raise WrongUse(
            f"{option} {path} is the photo itself, which is never written over",
            hint=f"{option} {path.with_stem(path.stem + '-located')}",
        )
    if not (force or may_replace(path)):
        raise WrongUse(f"{option} {path} exists already", hint="--force writes over it")


def may_replace(path: Path) -> bool:
    """Whether nothing is lost by writing there: nothing, an empty file, a picture drawn before."""
    if not os.path.lexists(path):
        return True
    from PIL import Image

    try:
        if path.is_file() and path.stat().st_size == 0:
            return True
        with Image.open(path) as image:
            return image.getexif().get(_SOFTWARE_TAG) == _SOFTWARE
    except Exception:  # it is no picture, or a damaged one, about which Pillow raises what it likes
        return False


def is_one_of(path: Path, photos: Iterable[Path]) -> bool:
    """Whether a name leads to one of these files, also by a link."""
    for photo in photos:
        with suppress(OSError):
            if os.path.samefile(path, photo):
                return True
    return False


def write_picture(image: Image.Image, path: Path) -> None:
    """Encoded in memory, written beside, then renamed: there is no half picture at any moment."""
    from PIL import Image, ImageCms

    kind = _KINDS[path.suffix.lower()]
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    profile = profile[:24] + bytes(12) + profile[36:]  # without the time, which is that of now
    made_here = Image.Exif()
    made_here[_SOFTWARE_TAG] = _SOFTWARE
    file = io.BytesIO()
    image.save(file, kind, icc_profile=profile, exif=made_here, **_HOW[kind])
    temporary = ""
    try:
        descriptor, temporary = tempfile.mkstemp(".tmp", ".photosearch-", path.parent)
        with os.fdopen(descriptor, "wb") as target:
            target.write(file.getbuffer())
        os.chmod(temporary, 0o666 & ~umask())  # mkstemp lets nobody else read it
        os.replace(temporary, path)
    except OSError as error:
        if temporary:
            with suppress(OSError):
                os.unlink(temporary)
        raise StorageError(
            f"{path} cannot be written: {error.strerror or error}",
            hint=f"{size_text(file.tell())} of space in a folder that you may write to",
        ) from error


def unused_name(folder: Path, photo: Path, taken: set[str]) -> Path:
    """A name after a photo's that no other picture of this run has."""
    number = 1
    while True:
        name = f"{photo.stem}{f'-{number}' if number > 1 else ''}.jpg"
        # Disks that do not tell capitals apart are common.
        if name.casefold() not in taken:
            taken.add(name.casefold())
            return folder / name
        number += 1
