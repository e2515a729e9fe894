"""What is in the library: facts, counts, duplicates, and all of it for other tools.

In: a photo, filters or nothing. Out: reports. What is done stands in `survey/` and `duplicates/`.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from photosearch.errors import WrongUse
from photosearch.library.arguments import check_positive
from photosearch.library.way_out import WayOut
from photosearch.records import Failure, Progress
from photosearch.search.filters import Filters
from photosearch.settings import usable_cores

if TYPE_CHECKING:
    from photosearch.reports.contents import Facets, PhotoFacts, Status
    from photosearch.reports.duplicates import DuplicatesReport
    from photosearch.reports.recall import EvalReport
    from photosearch.search.completion import Completion
    from photosearch.store.catalogue import Catalogue
    from photosearch.store.originals import Original


class Contents(WayOut):
    """What the library knows of its photos."""

    def roots(self) -> list[Path]:
        """The folders that are indexed, whether they are there at the moment or not."""
        from photosearch.paths import to_path

        return [to_path(root) for root in self._snapshot.roots()]

    def tags(self) -> dict[str, int]:
        """Tag → the number of photos that have it, the most frequent first."""
        from photosearch.store.tagged import tag_counts

        return {label: photos for _, label, photos in tag_counts(self._snapshot)}

    def facts(self, photo: str | os.PathLike[str], *, nearest: int = 5) -> PhotoFacts:
        """All that the library knows of one photo.

        photo: a file's path, or the first 8 or more digits of its SHA-256. nearest: how many photos
        most like it are named. Raises WrongUse where the library has no such photo.
        """
        from photosearch.survey.about import facts_of, photo_called

        photo_id = photo_called(self._snapshot, photo)
        return facts_of(self._snapshot, photo_id, self._nearest(photo_id, nearest))

    def facets(self, filters: Filters | None = None) -> Facets:
        """Of the photos that pass `filters`, how many there are of each year, place, camera, …"""
        from photosearch.search.values import spelled

        chosen = filters or Filters()
        return self._counts.facets(
            self._snapshot,
            chosen,
            lambda: (chosen.allowed_ids(self._snapshot), chosen.path_test(self._snapshot)),
            spelled,
        )

    def complete(self, text: str, at: int | None = None) -> Completion:
        """What may stand at a position of a text that is being typed: filters, their values.

        text: as of `search`, perhaps not finished. at: where, in UTF-16 code units as browsers
        count; the text's end where it is left out.
        """
        from photosearch.search.completion import complete
        from photosearch.search.typed import units_of
        from photosearch.search.values import spelled

        return complete(
            text,
            units_of(text) if at is None else at,
            self.facets,
            lambda typed: self._counts.folders(self._snapshot, typed, spelled),
        )

    def originals(self, photos: Sequence[str]) -> dict[str, Original]:
        """What `photos`, by their SHA-256 (64 hexadecimal digits), are, and where they lie."""
        from photosearch.store.originals import originals_of

        return originals_of(self._snapshot, photos)

    def status(self) -> Status:
        """What is in the library: photos, folders, models, sizes."""
        from photosearch.survey.inventory import status_of

        return status_of(self._snapshot, self.path)

    def failures(self) -> list[Failure]:
        """Files that could not be indexed, and why."""
        from photosearch.survey.inventory import failures_of

        return failures_of(self._snapshot)

    def duplicates(
        self,
        kind: str = "near",
        *,
        filters: Filters | None = None,
        jobs: int | None = None,
        progress: Callable[[Progress], None] | None = None,
        should_stop: Callable[[], bool] | None = None,
    ) -> DuplicatesReport:
        """Groups of files that show the same picture, each with the one to keep first.

        kind: "exact", the same content; "near", also recompressed, scaled, cropped, grey,
        brightened or written on; "burst", frames that a camera took within seconds, which are
        different photos. filters: among which photos. jobs, progress, should_stop: as of `index`.
        Nothing is deleted. What is found out is stored, so that the next call is quick; raises
        LibraryBusy where there is something to store while another process writes.
        """
        from photosearch.duplicates.find import KINDS, find
        from photosearch.duplicates.photos import Options

        check_positive(jobs=jobs)
        if kind not in KINDS:
            raise WrongUse(f"no duplicates of kind {kind!r}", hint=f"one of: {', '.join(KINDS)}")
        chosen = filters or Filters()
        only = chosen.allowed_ids(self._snapshot)
        options = Options(
            only=None if only is None else only.tolist(),
            accepts_path=chosen.path_test(self._snapshot),
            jobs=jobs or usable_cores(),
            progress=progress or (lambda _: None),
            should_stop=should_stop or (lambda: False),
        )
        model = self._snapshot.model(self._snapshot.setting("model_key") or "")
        with ExitStack() as stack:
            opened: list[Catalogue] = []

            def writer() -> Catalogue:
                if not opened:
                    opened.append(stack.enter_context(self._writing()))
                return opened[0]

            return find(kind, self._snapshot, model, writer, options)

    def export(self, kind: str, out: BinaryIO) -> int:
        """Write vectors and metadata of all photos; gives their number.

        kind: "jsonl" (vectors as lists), "csv" (metadata alone) or "npz" (float16[n, dim]). out: a
        file opened for writing bytes. Raises NoLibrary where no photo is encoded.
        """
        from photosearch.survey.export import FORMATS, export

        if kind not in FORMATS:
            raise WrongUse(f"no export format {kind!r}", hint=f"one of: {', '.join(FORMATS)}")
        return export(self._snapshot, self._require_model(), kind, out)

    def evaluate(
        self,
        captions: str | os.PathLike[str],
        root: str | os.PathLike[str],
        *,
        field: str = "captions",
        language: str | None = None,
    ) -> EvalReport:
        """Recall of the captions in a JSON-lines file against the photos in `root`.

        captions: a file of lines {"file": relative to root, field: [texts]}. root: the folder of
        the photos, all of which must be indexed. field: where in a line the texts are. language:
        the text tower that reads them; else their script chooses.
        """
        from photosearch.survey.evaluate import evaluate, photos_of, read_captions

        rows = read_captions(Path(captions), field)
        model = self._require_model()
        return evaluate(
            rows,
            photos_of(rows, self._snapshot, root),
            encoder=self.encoder,
            index=self._current_index(model),
            snapshot=self._snapshot,
            model=model,
            language=language,
        )

    def holds_captioned(
        self,
        captions: str | os.PathLike[str],
        root: str | os.PathLike[str],
        *,
        field: str = "captions",
    ) -> bool:
        """Whether all photos of a captions file are here, encoded with this model.

        captions, root, field: as of `evaluate`.
        """
        from photosearch.survey.evaluate import read_captions, which_are_here

        known = which_are_here(read_captions(Path(captions), field), self._snapshot, root)
        model = self._snapshot.model(self.encoder.key)
        if None in known or model is None:
            return False
        encoded = self._snapshot.vectors_of(model.id, [one for one in known if one is not None])
        return len(encoded) == len(set(known))
