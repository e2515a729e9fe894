"""Upkeep: forgetting, checking, repairing, copying and moving a library.

In: folders and files. Out: counts and reports. What is done stands in `store/` and `survey/health`.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from photosearch.library.opened import Opened
from photosearch.settings import cache_path

if TYPE_CHECKING:
    from photosearch.reports.upkeep import CheckReport, Relocated
    from photosearch.store.catalogue import Catalogue


class Upkeep(Opened):
    """What keeps a library whole."""

    def prune(self) -> tuple[int, int]:
        """Forget missing files, and photos that lie nowhere: (files, photos) forgotten.

        Files of a folder that is offline stay. Raises LibraryBusy, as all that writes does, while
        another process is indexing.
        """
        with self._writing() as catalogue:
            removed = catalogue.prune()
            self._clean_up(catalogue)
            return removed

    def forget(self, root: str | os.PathLike[str]) -> tuple[int, int]:
        """Forget an indexed folder: (files, photos) forgotten. The folder itself is not touched.

        root: the folder; also one inside an indexed one, if it is not there: a disk that will not
        come back. Raises WrongUse where it is not indexed.
        """
        from photosearch.ingest.scopes import forget

        with self._writing() as catalogue:
            with catalogue.transaction():
                files = forget(catalogue, root)
                photos = catalogue.drop_photos_nowhere()
            self._clean_up(catalogue)
            return files, photos

    def check(
        self,
        *,
        repair: bool = False,
        quick: bool = False,
        files: bool = False,
        progress: Callable[[str, int], None] | None = None,
    ) -> CheckReport:
        """Whether the library is whole. Changes nothing, unless `repair` says so.

        quick: without what takes long: indexes, each vector, the photos' sizes and times. files:
        read every photo and compare its digest: finds files that decayed on the disk. repair:
        makes what is derived anew, saves every readable row of a damaged catalogue, and keeps
        the old one beside it. progress is called with what is looked at, and how many are done.
        Raises LibraryBusy if it is to repair while another process writes.
        """
        from photosearch.store.remembered import FILE
        from photosearch.survey.health import check
        from photosearch.survey.health import repair as mend

        tell = progress or (lambda *_: None)
        queries = cache_path() / FILE
        if not repair:
            return check(self.path, quick=quick, files=files, queries=queries, progress=tell)
        return mend(self.path, files=files, queries=queries, progress=tell, release=self.close)

    def backup(self, target: str | os.PathLike[str], *, force: bool = False) -> Path:
        """Copy the catalogue to a file, or into a folder under a name with the date.

        target: the file or the folder. The copy is one moment's state, verified, and works while
        another process indexes. Nothing is overwritten without `force`. Gives the path of the copy.
        """
        from photosearch.store.backup import backup

        return backup(self.path, Path(target).expanduser(), force=force)

    def restore(self, source: str | os.PathLike[str]) -> Path | None:
        """Let a backup be the catalogue; gives where the present one is kept, if there is one.

        source: what `backup` made. Raises WrongUse or DamagedLibrary where it is no whole backup.
        """
        from photosearch.store.backup import restore
        from photosearch.store.files import make_library_folder
        from photosearch.store.lock import writer_lock

        make_library_folder(self.path)
        with writer_lock(self.path):
            self.close()
            kept = restore(self.path, Path(source).expanduser())
            self._refresh_indexes()
            return kept

    def relocate(
        self,
        old: str | os.PathLike[str],
        new: str | os.PathLike[str],
        *,
        dry_run: bool = False,
        force: bool = False,
    ) -> Relocated:
        """Take indexed folders at or below `old` to lie at `new`: everything else is kept.

        Refused (WrongUse) where a sample of their files is not found there, unless `force` says so.
        dry_run: look, and change nothing.
        """
        from photosearch.store.relocate import relocate

        with self._writing() as catalogue:
            return relocate(catalogue, old, new, own_folder=self.path, dry_run=dry_run, force=force)

    def _clean_up(self, catalogue: Catalogue) -> None:
        from photosearch.store.previews import drop_unknown

        catalogue.compact()
        self._refresh_indexes()
        snapshot = self._snapshot
        drop_unknown(self.path, lambda digest: snapshot.photo_with_digest(digest) is not None)
