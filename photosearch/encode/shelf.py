"""The models folder: bundles that were made or downloaded, and the files they came from.

    bundles/SLUG/     one bundle each
    downloads/        checkpoints as they were published

In: a slug and what makes its bundle. Out: the bundle's folder, made once whoever asks first.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

from photosearch.errors import StorageError
from photosearch.settings import models_path


class Shelf:
    """Bundles by slug."""

    def __init__(self, folder: Path | None = None) -> None:
        self.folder = folder or models_path()
        self.downloads = self.folder / "downloads"

    def bundle(self, slug: str) -> Path:
        """Where a bundle is, or would be: right below `bundles`, whatever the slug."""
        if slug in ("", ".", "..") or Path(slug).name != slug:
            # A path joined to the folder would lead out of it, and what is made or removed there
            # would be somebody's own.
            raise ValueError(f"{slug!r} is no folder name")
        return self.folder / "bundles" / slug

    def made(self, slug: str, make: Callable[[Path], None]) -> Path:
        """The folder of a bundle; `make` is called where there is none, by one process at a time.

        It is given a folder that does not exist; what it leaves there is moved into place whole.
        """
        target = self.bundle(slug)
        if (target / "config.json").is_file():
            return target
        from filelock import FileLock

        try:
            target.parent.mkdir(parents=True, exist_ok=True)
            with FileLock(target.with_name(f".{slug}.lock")):
                if not (target / "config.json").is_file():
                    work = target.with_name(f".{slug}.making")
                    shutil.rmtree(work, ignore_errors=True)
                    try:
                        make(work)
                        shutil.rmtree(target, ignore_errors=True)
                        work.rename(target)
                    finally:
                        shutil.rmtree(work, ignore_errors=True)
        except OSError as error:
            raise StorageError(
                f"{target.parent} cannot be written: {error.strerror or error}",
                hint="PHOTOSEARCH_MODELS names another folder",
            ) from error
        return target

    def slugs(self) -> list[str]:
        """Of all bundles that are there."""
        bundles = self.folder / "bundles"
        if not bundles.is_dir():
            return []
        return sorted(
            one.name
            for one in bundles.iterdir()
            if not one.name.startswith(".") and (one / "config.json").is_file()
        )

    def remove(self, slug: str) -> int:
        """Delete a bundle; gives the bytes that were freed."""
        target = self.bundle(slug)
        freed = sum(one.stat().st_size for one in target.rglob("*") if one.is_file())
        shutil.rmtree(target)
        return freed
