"""Hits collected in a folder of one's own: copied there, or linked to.

In: hits, a folder. Out: a record a photo, of what was made of it. Nothing that is there is ever
written over: a name that is taken gets a number, and a photo that is there already stays as it is.
A copy has its name only when it is whole. A file that has changed since it was indexed is another
photo, and is not copied in the place of the one that was found.
"""

from __future__ import annotations

import errno
import hashlib
import os
import shutil
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from photosearch.errors import StorageError, WrongUse
from photosearch.paths import find_root, find_same_root, to_bytes, umask
from photosearch.read import open_regular
from photosearch.records import Hit
from photosearch.show.previews import CHANGED, OFFLINE

COPIED, LINKED, THERE, FAILED = "copied", "linked", "there", "failed"

_BLOCK = 1 << 20
_FULL = (errno.ENOSPC, getattr(errno, "EDQUOT", errno.ENOSPC))
_MOST_NUMBERS = 10_000


@dataclass(frozen=True, slots=True)
class Collected:
    """What was made of one hit."""

    hit: Hit
    result: str  # COPIED, LINKED, THERE (it was there before) or FAILED
    made: Path | None = None  # where it lies in the folder
    reason: str | None = None  # why it does not

    def as_dict(self) -> dict[str, Any]:
        return {
            "rank": self.hit.rank,
            "photo": self.hit.photo,
            "path": os.fspath(self.hit.path),
            "result": self.result,
            "made": None if self.made is None else os.fspath(self.made),
            "reason": self.reason,
        }


class _Changed(Exception):
    """The file holds another photo than the one that was found."""


def check_folder(folder: Path, roots: Iterable[bytes], library: Path, *, option: str) -> None:
    """Whether photos may be collected there; raises WrongUse. Nothing is made yet."""
    path, known = to_bytes(folder), list(roots)
    found = find_root(path, known) or find_same_root(path, known)
    if found:
        raise WrongUse(
            f"{option} {folder} lies in the indexed folder {os.fsdecode(found[0])}, "
            "where photosearch writes nothing",
            hint=f"{option} with a folder outside of it",
        )
    own = [to_bytes(library)]
    if find_root(path, own) or find_same_root(path, own):
        raise WrongUse(f"{option} {folder} is the library's own folder")
    if os.path.lexists(folder) and not folder.is_dir():
        raise WrongUse(f"{option} {folder} is no folder")


def collect(hits: Iterable[Hit], folder: Path, *, link: bool) -> Iterator[Collected]:
    """Copy the hits into a folder, or link to them from there, in their order.

    The folder is made. When its disk is full, the photos that are left are not tried.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise StorageError(f"{folder} cannot be made: {error.strerror or error}") from error
    full = False
    for hit in hits:
        if full:
            yield Collected(hit, FAILED, reason="not tried: the disk is full")
            continue
        done, full = _collect(hit, folder, link)
        yield done


def _collect(hit: Hit, folder: Path, link: bool) -> tuple[Collected, bool]:
    """(what was made of it, whether the folder's disk is full)."""
    reason = OFFLINE
    for source in hit.copies if hit.offline else (hit.path, *hit.copies):
        try:
            return (_link if link else _copy)(hit, source, folder), False
        except _Changed:
            reason = CHANGED
        except FileNotFoundError:
            reason = "no file there now"
        except OSError as error:
            reason = error.strerror or str(error)
            if error.errno in _FULL:
                return Collected(hit, FAILED, reason=f"{folder}: {reason}"), True
    return Collected(hit, FAILED, reason=reason), False


def _copy(hit: Hit, source: Path, folder: Path) -> Collected:
    there = _there(hit, source, folder, link=False)
    if there is not None:
        return Collected(hit, THERE, there)
    descriptor, temporary = tempfile.mkstemp(".tmp", ".photosearch-", folder)
    try:
        with open_regular(os.fsencode(source)) as photo, open(descriptor, "wb") as copy:
            digest = hashlib.sha256()
            while block := photo.read(_BLOCK):
                digest.update(block)
                copy.write(block)
        if digest.hexdigest() != hit.photo:
            raise _Changed
        os.chmod(temporary, 0o666 & ~umask())
        with suppress(OSError):  # a disk that keeps no times, or not these
            shutil.copystat(source, temporary)
        return Collected(hit, COPIED, _named(Path(temporary), folder, source.name))
    finally:
        with suppress(OSError):
            os.unlink(temporary)


def _link(hit: Hit, source: Path, folder: Path) -> Collected:
    there = _there(hit, source, folder, link=True)
    if there is not None:
        return Collected(hit, THERE, there)
    os.stat(source)  # no link to nothing
    absolute = os.path.abspath(source)
    for target in _names(folder, source.name):
        try:
            os.symlink(absolute, target)
        except FileExistsError:
            continue
        except (OSError, NotImplementedError) as error:
            # Windows lets few people make them, and some disks have none.
            if not _hard_link(absolute, target):
                raise OSError(f"links cannot be made in {folder}: --copy-to copies") from error
        return Collected(hit, LINKED, target)
    raise AssertionError


def _hard_link(source: str, target: Path) -> bool:
    try:
        os.link(source, target)
    except OSError:
        return False
    return True


def _there(hit: Hit, source: Path, folder: Path, *, link: bool) -> Path | None:
    """Where the photo is already, under its own name or a numbered one."""
    for target in _names(folder, source.name):
        if not os.path.lexists(target):
            return None
        with suppress(OSError):
            if target.is_symlink():
                if link and os.path.samefile(target, source):
                    return target
            elif os.path.samefile(target, source) or _digest(target, source) == hit.photo:
                return target
    return None


def _digest(target: Path, source: Path) -> str:
    """SHA-256 of a file that may be the same as another; "" where its size tells that it is not."""
    if target.stat().st_size != source.stat().st_size:
        return ""
    digest = hashlib.sha256()
    with open_regular(os.fsencode(target)) as file:
        while block := file.read(_BLOCK):
            digest.update(block)
    return digest.hexdigest()


def _named(temporary: Path, folder: Path, name: str) -> Path:
    """Give a finished copy its name, or the first number that is free."""
    for target in _names(folder, name):
        try:
            os.link(temporary, target)  # unlike a rename it fails where the name is taken
            return target
        except FileExistsError:
            continue
        except OSError:  # no hard links on this disk (FAT)
            try:
                os.close(os.open(target, os.O_CREAT | os.O_EXCL | os.O_WRONLY))
            except FileExistsError:
                continue
            try:
                os.replace(temporary, target)  # over the empty file that was made for it just now
            except OSError:
                os.unlink(target)
                raise
            return target
    raise AssertionError


def _names(folder: Path, name: str) -> Iterator[Path]:
    """IMG_1.jpg, IMG_1 (2).jpg, IMG_1 (3).jpg …"""
    stem, suffix = os.path.splitext(name)
    yield folder / name
    for number in range(2, _MOST_NUMBERS):
        yield folder / f"{stem} ({number}){suffix}"
    raise OSError(errno.EEXIST, f"no name is free for {name}")
