"""Where the library's own files lie, and what SQLite's errors mean to a user.

In: the library folder. Out: the catalogue's path; errors of our own tree.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from photosearch.errors import DamagedLibrary, StorageError

CATALOGUE = "catalogue.db"
VECTORS = "vectors"


def catalogue_path(library: Path) -> Path:
    return library / CATALOGUE


def make_library_folder(library: Path) -> None:
    """Create the library's folder; it is for its owner's eyes only."""
    with storage_errors(library):
        library.mkdir(mode=0o700, parents=True, exist_ok=True)
        (library / VECTORS).mkdir(mode=0o700, exist_ok=True)


@contextmanager
def storage_errors(path: Path) -> Iterator[None]:
    """Map errors of the file system and of SQLite to one line that says what to do."""
    try:
        yield
    except sqlite3.OperationalError as error:
        raise StorageError(f"{path}: {error}", hint=_hint(str(error))) from error
    # SQLite quotes damaged names in its messages: they may be no text.
    except (sqlite3.DatabaseError, UnicodeDecodeError) as error:
        raise DamagedLibrary(f"{path}: {error}") from error
    except OSError as error:
        raise StorageError(
            f"{error.filename or path}: {error.strerror or error}", hint=_hint(str(error))
        ) from error


def _hint(message: str) -> str:
    text = message.lower()
    if "full" in text or "no space" in text or "file too large" in text:
        return "free some disk space and run the same command again; what is stored stays"
    if "readonly" in text or "read-only" in text or "permission" in text or "unable to" in text:
        return "--library with a folder that you may write to"
    return ""


def size_of(path: Path) -> int:
    """Bytes of a file, or of all files in a folder."""
    if path.is_file():
        return path.stat().st_size
    total = 0
    for folder, _, names in os.walk(path):
        total += sum(os.stat(os.path.join(folder, name)).st_size for name in names)
    return total
