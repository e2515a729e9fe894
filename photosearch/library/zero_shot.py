"""Labels that nobody trained: which fit a photo, and where in it they are.

In: labels. Out: shares, regions, tags. What is done stands in `zeroshot/` and `locating.py`.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from photosearch.errors import WrongUse
from photosearch.library.opened import Opened
from photosearch.records import Classified, Region

if TYPE_CHECKING:
    from collections.abc import Iterator

    from photosearch.reports.runs import TagReport


class ZeroShot(Opened):
    """What tells photos by labels."""

    def classify(
        self,
        labels: str | Sequence[str],
        *,
        templates: str | Sequence[str] = (),
        language: str | None = None,
        top: int | None = None,
    ) -> Iterator[Classified]:
        """Which labels fit each photo best, from the stored vectors: no photo is opened.

        labels: a list, or "cat,dog". templates: texts with {} for the label, whose vectors are
        averaged; else the language's own. language: the text tower that reads the labels; else
        their script chooses. top: how many labels a record holds, all without it. Photos come in
        the order in which they were first indexed.
        """
        from photosearch.zeroshot.classify import check_top, label_vectors
        from photosearch.zeroshot.stored import classify_stored

        check_top(top)
        model = self._model_with_vectors()
        vectors = label_vectors(self.encoder, labels, templates, language)
        if model is None:
            return iter(())
        found = classify_stored(self._snapshot, model, vectors, top=top)
        return (record for _, record in found)

    def locate(
        self,
        photo: Any,
        what: str | Sequence[str],
        *,
        by: str = "regions",
        model: str | os.PathLike[str] | None = None,
        threshold: float | None = None,
    ) -> list[Region]:
        """Where in a photo something is, the surest first.

        photo: a path or a PIL image; it need not be in the library. what: a list of labels, or
        "a cat, a remote control"; for "grounding" a sentence. by: "regions" compares parts of the
        photo with this library's model, or with `model`; "owlvit", "grounding" and "segments" take
        a model of their kind. model: its name or path. threshold: 0..1, regions with a lower score
        are left out; each kind has one of its own.
        Raises BadImage for what cannot be read, MissingExtra where `by` needs torch and it is not
        installed.
        """
        from photosearch.library.locating import locate

        return locate(
            photo,
            what,
            by=by,
            model=None if model is None else os.fspath(model),
            threshold=threshold,
            encoder=lambda: self.encoder if model is None else self._open_encoder(os.fspath(model)),
        )

    def write_tags(
        self,
        labels: str | Sequence[str],
        *,
        templates: str | Sequence[str] = (),
        language: str | None = None,
        min_probability: float = 0.0,
    ) -> TagReport:
        """Give each photo its best label as a tag, which `Filters(tag=…)` finds.

        labels, templates, language: as of `classify`. The tags of an earlier call are replaced, all
        of them. A photo whose best label is less probable than min_probability (0..1) gets none.
        Raises LibraryBusy while another process is indexing.
        """
        from photosearch.zeroshot.classify import label_vectors
        from photosearch.zeroshot.stored import tag_stored

        if not 0 <= min_probability <= 1:
            raise WrongUse(
                f"--min-probability must lie between 0 and 1, not {min_probability:g}",
                hint="--min-probability 0.5 for 50 %",
            )
        vectors = label_vectors(self.encoder, labels, templates, language)
        with self._writing() as catalogue:
            model = self._model_with_vectors()
            if model is None:
                from photosearch.reports.runs import TagReport

                return TagReport((), 0, vectors.scoring)
            return tag_stored(catalogue, self._snapshot, model, vectors, min_probability)
