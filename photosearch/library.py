"""The public API: a library of photos that can be indexed and searched.

    from photosearch import Library

    with Library.open(create=True) as library:
        report = library.index(["~/Pictures"])
        hits = library.search("midi keyboard", k=3)

The command line and the web server are thin faces of this class.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import replace
from functools import cached_property, partial
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, BinaryIO, Self

from photosearch.errors import MissingExtra, NoLibrary, WrongUse
from photosearch.paths import to_bytes
from photosearch.records import Answer, Classified, Failure, Hit, Progress, Region
from photosearch.search.filters import Filters
from photosearch.settings import (
    cache_path,
    default_model,
    library_path,
    reads_words,
    usable_cores,
    vectors_address,
)
from photosearch.store.files import catalogue_path
from photosearch.store.snapshot import Model, Snapshot
from photosearch.survey.counts import Counts

if TYPE_CHECKING:
    from collections.abc import Iterator

    import numpy as np
    from numpy.typing import NDArray

    from photosearch.decode.limits import Limits
    from photosearch.encode.encoder import Encoder
    from photosearch.index.base import VectorIndex
    from photosearch.index.choose import Vectors
    from photosearch.ingest.held import Options as PassOptions
    from photosearch.ingest.photos import Options as PhotosOptions
    from photosearch.reports import (
        CheckReport,
        DuplicatesReport,
        EvalReport,
        Facets,
        IndexReport,
        PhotoFacts,
        RegionsReport,
        Relocated,
        Status,
        TagReport,
        WatchReport,
        WordsReport,
    )
    from photosearch.search.completion import Completion
    from photosearch.search.looks import Looks
    from photosearch.search.query import Query
    from photosearch.search.rankings import Rankings
    from photosearch.search.relevance import Judge
    from photosearch.store.catalogue import Catalogue
    from photosearch.store.originals import Original
    from photosearch.store.remembered import RememberedHere

logger = logging.getLogger("photosearch")

PRECISIONS = (None, "float32", "int8")


class Library:
    """A photo library: a catalogue, its vectors, and the model that reads queries.

    Made by `Library.open`. One process at a time may index; any number may search meanwhile.
    A Library is to be used by one thread at a time.
    """

    def __init__(
        self,
        path: Path,
        model: str | None,
        device: str = "auto",
        precision: str | None = None,
        vectors: str | None = None,
    ) -> None:
        if precision not in PRECISIONS:
            raise WrongUse(f"{precision!r} is no precision", hint="float32 or int8")
        self.path = path
        self._model_name = model
        self._device = device
        self._precision = precision
        self._vectors_at = vectors_address(vectors)
        self._is_writing = False
        self._opened: Snapshot | None = None
        self._index: tuple[str, int, VectorIndex] | None = None  # model key, generation
        self._parts: tuple[str, int, VectorIndex] | None = None  # the same of parts of photos
        self._judges: dict[tuple[str, str | None], Judge] = {}  # by language and fitted curve
        self._counts = Counts()  # shared by all twins
        self._remembered: RememberedHere | None = None  # of a Library that stays
        self._rankings: Rankings | None = None  # the same

    @classmethod
    def open(
        cls,
        path: str | os.PathLike[str] | None = None,
        model: str | None = None,
        create: bool = False,
        device: str = "auto",
        precision: str | None = None,
        vectors: str | None = None,
    ) -> Self:
        """Open a library.

        path: its folder; else PHOTOSEARCH_LIBRARY, else the platform's data folder.
        model: a name or path, see `load_model`; else PHOTOSEARCH_MODEL, else the library's own,
        else "auto": the recommended CLIP if it is on this machine, or "mini".
        create: make an empty library where there is none; otherwise NoLibrary is raised.
        device: where photos are encoded: "auto" takes a GPU if there is one, "cpu", "cuda",
        "cuda:1", "mps". precision: "int8" takes the model's 8-bit form, "float32" the model
        itself, None what its name says (`ViT-B/32:int8`). vectors: where they are searched: a
        Milvus, `milvus://host:port/database` or `./file.db`; else PHOTOSEARCH_VECTORS, else in the
        library. `index` keeps the one that it is given up to date.
        """
        library = cls(library_path(path), model, device, precision, vectors)
        if not catalogue_path(library.path).exists():
            if not create:
                raise NoLibrary(f"there is no library in {library.path}")
            with library._writing():
                pass
        return library

    def twin(self) -> Library:
        """Another Library of the same folder, for another thread; both share the model's towers.

        The model is settled by this call: a twin does not look for a newer default.
        """
        other = Library(self.path, self._model_name, self._device, self._precision)
        other._vectors_at = self._vectors_at
        other.encoder = self.encoder
        other._counts = self._counts
        other._remembered, other._rankings = self._remembered, self._rankings
        return other

    def close(self) -> None:
        """Close the catalogue. The library can be opened again."""
        if self._opened is not None:
            self._opened.close()
            self._opened = None
        self._index = self._parts = None
        if "_vectors" in self.__dict__:
            self._vectors.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    # The way in

    def index(
        self,
        roots: str | os.PathLike[str] | Sequence[str | os.PathLike[str]] = (),
        *,
        exclude: Sequence[str] = (),
        follow_links: bool = False,
        hidden: bool = False,
        retry: bool = False,
        dry_run: bool = False,
        jobs: int | None = None,
        batch_size: int | None = None,
        timeout: float | None = None,
        max_megapixels: float | None = None,
        words: bool | None = None,
        regions: bool | None = None,
        ray: str | None = None,
        count_first: bool = False,
        progress: Callable[[Progress], None] | None = None,
        should_stop: Callable[[], bool] | None = None,
    ) -> IndexReport:
        """Bring the library up to date with folders, all known ones where none is given.

        exclude: gitignore patterns relative to each folder. retry: try known failures again.
        jobs: decoding processes. batch_size: photos a call of the model. timeout: seconds that a
        photo may take to decode, 60. max_megapixels: larger ones are refused, 200. words: look for
        printed words in a second pass, which begins when every photo can be found by its looks;
        True unless PHOTOSEARCH_WORDS is 0. regions: encode parts of each photo, too, so that
        `search(small=True)` finds small things; once asked for, later calls do it for new photos,
        until False is given. ray: a Ray cluster whose nodes read, decode and encode:
        "auto", "local", "HOST:PORT" or "ray://HOST:PORT"; words are read here. count_first: walk
        once ahead, so that progress has a total. should_stop is asked between photos; a run that is
        stopped has stored what it did.
        Raises LibraryBusy while another process is indexing.
        """
        from photosearch import indexing
        from photosearch.ignore import check_patterns
        from photosearch.ingest import photos
        from photosearch.ingest.scopes import scopes_of
        from photosearch.walk import WalkRules

        _check_positive(jobs=jobs, batch_size=batch_size)
        limits = _limits(timeout, max_megapixels)
        if ray is not None:
            from photosearch.ingest.spread import check_address

            check_address(ray)
        if isinstance(roots, (str, os.PathLike)):
            roots = [roots]
        check_patterns(exclude)
        encoder = self.encoder
        if not dry_run:
            self._vectors.check()
        with self._writing() as catalogue:
            scopes = scopes_of(catalogue, roots, own_folder=self.path, create=not dry_run)
            rules = WalkRules(
                exclude=tuple(exclude),
                hidden=hidden,
                follow_links=follow_links,
                avoid=frozenset({*catalogue.roots(), to_bytes(self.path)}),
            )
            options = photos.Options(
                rules=rules,
                retry=retry,
                progress=progress or (lambda _: None),
                should_stop=should_stop or (lambda: False),
            )
            if dry_run:
                model = self._snapshot.model(encoder.key)
                return photos.dry_run(catalogue, model.id if model else 0, scopes, options)
            report = indexing.index_scopes(
                self.path,
                catalogue,
                self._snapshot,
                encoder,
                scopes,
                options,
                indexing.Means(jobs, batch_size, limits, ray, self._device),
                count_first=count_first,
                vectors=self._vectors,
            )
            report = self._look_at_regions(catalogue, report, regions, options, jobs, limits)
            if report.interrupted or not (reads_words() if words is None else words):
                return report
            try:
                read = indexing.read_words(
                    catalogue,
                    self._snapshot,
                    _pass_options(retry, jobs, limits, progress, should_stop),
                )
            except MissingExtra as error:
                if words:  # asked for by name
                    raise
                logger.warning("%s; %s", error, error.hint)
                return report
            return replace(report, words=read, interrupted=bool(read.left))

    def _look_at_regions(
        self,
        catalogue: Catalogue,
        report: IndexReport,
        wanted: bool | None,
        how: PhotosOptions,
        jobs: int | None,
        limits: Limits,
    ) -> IndexReport:
        """The pass over parts of photos, where it is wanted now or was before."""
        from photosearch import indexing
        from photosearch.store.regions import SETTING

        if wanted is False:
            catalogue.set_setting(SETTING, "no")
        elif wanted:  # remembered, even if this run is stopped before it comes so far
            catalogue.set_setting(SETTING, "yes")
        if report.interrupted or catalogue.setting(SETTING) != "yes":
            return report
        options = _pass_options(how.retry, jobs, limits, how.progress, how.should_stop)
        looked = indexing.look_at_regions(
            self.path, catalogue, self._snapshot, self.encoder, options
        )
        return replace(report, regions=looked, interrupted=bool(looked.left))

    def look_at_regions(
        self,
        *,
        retry: bool = False,
        jobs: int | None = None,
        timeout: float | None = None,
        max_megapixels: float | None = None,
        progress: Callable[[Progress], None] | None = None,
        should_stop: Callable[[], bool] | None = None,
    ) -> RegionsReport:
        """The pass of `index(regions=True)` over the photos already encoded, alone."""
        from photosearch import indexing

        _check_positive(jobs=jobs)
        limits = _limits(timeout, max_megapixels)
        with self._writing() as catalogue:
            self._require_model()
            options = _pass_options(retry, jobs, limits, progress, should_stop)
            return indexing.look_at_regions(
                self.path, catalogue, self._snapshot, self.encoder, options
            )

    def read_words(
        self,
        *,
        retry: bool = False,
        jobs: int | None = None,
        timeout: float | None = None,
        max_megapixels: float | None = None,
        progress: Callable[[Progress], None] | None = None,
        should_stop: Callable[[], bool] | None = None,
    ) -> WordsReport:
        """The second pass of `index` alone: look for printed words in photos not yet read."""
        from photosearch import indexing

        _check_positive(jobs=jobs)
        limits = _limits(timeout, max_megapixels)
        with self._writing() as catalogue:
            options = _pass_options(retry, jobs, limits, progress, should_stop)
            return indexing.read_words(catalogue, self._snapshot, options)

    def watch(
        self,
        folders: str | os.PathLike[str] | Sequence[str | os.PathLike[str]] = (),
        *,
        exclude: Sequence[str] = (),
        follow_links: bool = False,
        hidden: bool = False,
        jobs: int | None = None,
        batch_size: int | None = None,
        timeout: float | None = None,
        max_megapixels: float | None = None,
        words: bool | None = None,
        settle: float = 2.0,
        rescan: float | None = None,
        poll: bool = False,
        should_stop: Callable[[], bool] | None = None,
    ) -> Iterator[WatchReport]:
        """Keep the library up to date with folders, all known ones where none is given.

        Yields a report for each run that did something, until `should_stop` says so. A file is
        indexed when it has not changed for `settle` seconds. Every `rescan` seconds (6 hours)
        everything is looked through, whatever was told of it; with `poll` (then: every minute)
        nothing else is done. Other options as of `index`. The writer's lock is held during runs.
        """
        from photosearch.ignore import check_patterns
        from photosearch.walk import WalkRules
        from photosearch.watching.watch import RESCAN_SECONDS, WatchOptions, Work, watch

        if isinstance(folders, (str, os.PathLike)):
            folders = [folders]
        check_patterns(exclude)
        stop = should_stop or (lambda: False)
        rules = WalkRules(tuple(exclude), hidden, follow_links, frozenset({to_bytes(self.path)}))
        how: dict[str, Any] = {
            "jobs": jobs, "timeout": timeout, "max_megapixels": max_megapixels
        }  # fmt: skip
        wants_words = reads_words() if words is None else words
        work = Work(
            index=partial(
                self.index,
                exclude=exclude,
                follow_links=follow_links,
                hidden=hidden,
                batch_size=batch_size,
                words=False,
                should_stop=stop,
                **how,
            ),
            words=(lambda stopped: self.read_words(should_stop=stopped, **how))
            if wants_words
            else None,
            snapshot=lambda: self._snapshot,
            writing=self._writing,
        )
        rescan = rescan or RESCAN_SECONDS[poll]
        return watch(work, folders, WatchOptions(rules, settle, rescan, poll, should_stop=stop))

    # The way out

    def search(
        self,
        text: str | None = None,
        *,
        image: Any = None,
        unlike: Any = None,
        k: int = 10,
        plus: str | Sequence[str] = (),
        minus: str | Sequence[str] = (),
        weights: Mapping[str, float] | None = None,
        filters: Filters | None = None,
        words: bool | None = None,
        min_score: float | None = None,
        min_relevance: float | None = None,
        sort: str = "relevance",
        include_self: bool = False,
        language: str | None = None,
        small: bool = False,
        crop: Any = None,
        rerank: str | None = None,
        read: bool = False,
    ) -> list[Hit]:
        """The k photos that match best, best first: by what they show, and by words in them.

        text: what is looked for; it may hold "quoted phrases", which must be printed in the
        photo, and qualifiers such as `after:2021 -in:screenshots`. image: an example, or several
        in a list: a path, an http(s) URL, bytes, a PIL image, or "-" for standard input. unlike:
        images that hits should not be like. plus, minus: texts added to and taken from the query.
        weights: by part, such as {"image": 0.5, "plus2": 0.3}. words: True searches printed words
        alone, False looks alone. min_relevance: 0..1, hits below it are left out. sort:
        "relevance", "date" (newest first), "oldest", "name". An example that is itself in the
        library is no hit unless include_self. language: the text tower, such as "zh"; else the
        script of the text chooses.
        With filters alone photos are listed, the newest first. small: match parts of the photos,
        too, so that small things are found (after `index(regions=True)`). crop: the part of the
        example that counts, (x, y, width, height) in upright pixels; of several images a list of
        as many. rerank: "geometry" puts photos first that show the very thing of the example. read:
        what is printed in the example is read, and looked for among the printed words, too.
        """
        from photosearch.search.crop import crop_list
        from photosearch.search.query import make_query

        query = make_query(
            text,
            images=_as_list(image),
            unlike=_as_list(unlike),
            plus=plus,
            minus=minus,
            weights=weights,
            filters=filters,
            language=language,
            include_self=include_self,
            words=words,
            small=small,
            crops=crop_list(crop),
            rerank=rerank,
            read=read,
        )
        answer = self.run_query(
            query, k=k, min_score=min_score, min_relevance=min_relevance, sort=sort
        )
        return list(answer.hits)

    def run_query(
        self,
        query: Query,
        *,
        k: int = 10,
        min_score: float | None = None,
        min_relevance: float | None = None,
        sort: str = "relevance",
        offset: int | None = None,
    ) -> Answer:
        """Like `search`, for a query that is already put together; says how sure the answer is.

        offset: k hits from there on, page by page: see `search/answer.py`.
        """
        from photosearch.search.answer import answer
        from photosearch.search.browse import check_order

        _check_positive(k=k)
        check_order(sort)
        if min_relevance is not None and not 0 <= min_relevance <= 1:
            raise WrongUse(
                f"--min-relevance must lie between 0 and 1, not {min_relevance:g}",
                hint="--min-relevance 0.5, or 50%",
            )
        return answer(
            query,
            self._snapshot,
            lambda only: self._looks_for(query, only),
            k=k,
            min_score=min_score,
            min_relevance=min_relevance,
            order=sort,
            offset=offset,
            rankings=self._rankings,
        )

    def _looks_for(self, query: Query, only: NDArray[np.int64] | None) -> Looks | None:
        """The looking side of a query: its vector, the index, and how relevance is judged."""
        from photosearch.search.likeness import query_vector
        from photosearch.search.looks import Looks
        from photosearch.store.remembered import Remembered

        model = self._model_with_vectors()
        if model is None:
            return None
        remembered = self._remembered or Remembered(cache_path())
        wanted = query_vector(query, self.encoder, self._snapshot, model, remembered)
        index = self._current_index(model)
        looks = Looks(wanted, index, self._snapshot, model, only, self._judge_of(query))
        if query.small:
            from photosearch.search.small import SmallLooks

            return SmallLooks.over(looks, self._current_parts(model))
        return looks

    def _judge_of(self, query: Query) -> Judge | None:
        """How relevance is judged; None for examples, and where `index` has not prepared it."""
        from photosearch.search.relevance import Judge, is_judged, setting_name

        if not is_judged(query):
            return None
        language = self.encoder.language_of(query.texts[0].value, query.language)
        fitted = self._snapshot.setting(setting_name(self.encoder))
        if (language, fitted) not in self._judges:
            judge = Judge.open(self.encoder, language, cache_folder=cache_path(), fitted=fitted)
            if judge is None:  # another process may prepare it meanwhile
                return None
            self._judges[language, fitted] = judge
        return self._judges[language, fitted]

    @contextmanager
    def remembering(self, *, on_disk: bool) -> Iterator[None]:
        """Within this, vectors of queries are kept in memory, by all twins of this Library made
        since; and in the file of past queries as well, unless it is said not to. Rankings are kept
        from now on, so that a further page is quick.
        """
        from photosearch.search.rankings import Rankings
        from photosearch.store.remembered import RememberedHere

        if self._remembered is None:
            self._remembered, self._rankings = RememberedHere(cache_path()), Rankings()
        with self._remembered.keeping(on_disk=on_disk):
            yield

    def similar(self, image: Any, *, k: int = 10, **options: Any) -> list[Hit]:
        """Photos like an example: `search(image=…)` by another name."""
        return self.search(image=image, k=k, **options)

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
        averaged; else the language's own. top: how many labels a record holds, all without it.
        Photos come in the order in which they were first indexed.
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
        a model of their kind. threshold: regions with a lower score are left out.
        Raises BadImage for what cannot be read.
        """
        from photosearch.locating import locate

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

        The tags of an earlier call are replaced, all of them. A photo whose best label is less
        probable than min_probability gets none.
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
                from photosearch.reports import TagReport

                return TagReport((), 0, vectors.scoring)
            return tag_stored(catalogue, self._snapshot, model, vectors, min_probability)

    # What there is

    def roots(self) -> list[Path]:
        """The folders that are indexed, whether they are there at the moment or not."""
        from photosearch.paths import to_path

        return [to_path(root) for root in self._snapshot.roots()]

    def tags(self) -> dict[str, int]:
        """Tag → the number of photos that have it, the most frequent first."""
        return {label: photos for _, label, photos in self._snapshot.tag_counts()}

    def facts(self, photo: str | os.PathLike[str], *, nearest: int = 5) -> PhotoFacts:
        """All that the library knows of one photo: a file's path, or the start of its SHA-256.

        nearest: how many photos most like it are named.
        """
        from photosearch.survey.about import facts_of, photo_called

        photo_id = photo_called(self._snapshot, photo)
        return facts_of(self._snapshot, photo_id, self._nearest(photo_id, nearest))

    def photo_named(self, name: str) -> str | None:
        """The SHA-256 of the photo of the library that is meant, by a whole path or 8 digits of it.

        None where there is none. No file is opened or looked at, whatever the path.
        """
        from photosearch.store.named import photo_named

        photo_id = photo_named(self._snapshot, name)
        return None if photo_id is None else self._snapshot.photo_columns(photo_id)["digest"].hex()

    def _nearest(self, photo_id: int, k: int) -> list[Hit]:
        """Photos most like one of the library, by its stored vector."""
        from photosearch.search.likeness import stored_vector
        from photosearch.search.looks import Looks
        from photosearch.search.run import Limits, find

        model = self._snapshot.model(self.encoder.key)
        wanted = stored_vector(self._snapshot, model, photo_id) if model and k else None
        if model is None or wanted is None:
            return []
        index = self._current_index(model)
        looks = Looks(wanted, index, self._snapshot, model, None, None)
        limits = Limits(k, left_out=wanted.examples)
        return find(looks=looks, reads=[], snapshot=self._snapshot, limits=limits)

    def facets(self, filters: Filters | None = None) -> Facets:
        """Of the photos that pass, how many there are of each year, place, camera, folder, …"""
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

        at: in UTF-16 code units; the text's end where it is left out.
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
        """Photos by their SHA-256 (64 hexadecimal digits): what they are, and where they lie."""
        from photosearch.store.originals import originals_of

        return originals_of(self._snapshot, photos)

    def suggest_places(self, name: str) -> list[str]:
        """Places of this library's photos that are spelled much like a name."""
        from photosearch.search.places import suggest_places

        return suggest_places(self._snapshot, name)

    def named(self, text: str) -> int:
        """How many photos' files are so called, with or without their ending.

        0 without looking where the text does not look like a file name.
        """
        from photosearch.search.browse import count_named

        return count_named(self._snapshot, text)

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
        different photos. Nothing is deleted. What is found out is stored, so that the next call is
        quick; raises LibraryBusy where there is something to store while another process writes.
        """
        from photosearch.duplicates.find import KINDS, Options, find

        _check_positive(jobs=jobs)
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

    # Upkeep

    def prune(self) -> tuple[int, int]:
        """Forget missing files, and photos that lie nowhere: (files, photos) forgotten."""
        with self._writing() as catalogue:
            removed = catalogue.prune()
            self._clean_up(catalogue)
            return removed

    def forget(self, root: str | os.PathLike[str]) -> tuple[int, int]:
        """Forget an indexed folder: (files, photos) forgotten. The folder itself is not touched.

        A folder in an indexed one, too, if it is not there: a disk that will not come back.
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
        the old one beside it. Raises LibraryBusy if it is to repair while another process writes.
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

        The copy is one moment's state, verified, and works while another process indexes. Nothing
        is overwritten without `force`. Gives the path of the copy.
        """
        from photosearch.store.backup import backup

        return backup(self.path, Path(target).expanduser(), force=force)

    def restore(self, source: str | os.PathLike[str]) -> Path | None:
        """Let a backup be the catalogue; gives where the present one is kept."""
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

        Refused where a sample of their files is not found there, unless `force` says so.
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

    def _refresh_indexes(self) -> None:
        from photosearch.index.cache import refresh_index
        from photosearch.store.regions import PartRows, as_model

        for model in self._snapshot.models():
            self._vectors.refresh(self._snapshot, model)
            parts = as_model(self._snapshot, model)
            if parts.vectors:
                refresh_index(self.path, PartRows(self._snapshot), parts)

    # For other tools

    def export(self, kind: str, out: BinaryIO) -> int:
        """Write vectors and metadata as "jsonl", "csv" or "npz"; gives the number of photos."""
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

        Each line: {"file": relative to root, field: [captions]}. All photos must be indexed.
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
        """Whether all photos of a captions file are here, encoded with this model."""
        from photosearch.survey.evaluate import read_captions, which_are_here

        known = which_are_here(read_captions(Path(captions), field), self._snapshot, root)
        model = self._snapshot.model(self.encoder.key)
        if None in known or model is None:
            return False
        encoded = self._snapshot.vectors_of(model.id, [one for one in known if one is not None])
        return len(encoded) == len(set(known))

    # Parts

    @cached_property
    def encoder(self) -> Encoder:
        """The model: its towers are opened when they are first needed."""
        from photosearch.encode.names import AUTO, INT8

        name = self._model_name or default_model()
        if name is None and catalogue_path(self.path).exists():
            with suppress(NoLibrary):  # its maker was killed before the first transaction
                name = self._snapshot.setting("model")
        name = name or AUTO
        if self._precision is not None:
            name = name.removesuffix(INT8) + (INT8 if self._precision == "int8" else "")
        return self._open_encoder(name)

    def _open_encoder(self, name: str) -> Encoder:
        from photosearch.encode.names import open_encoder

        return open_encoder(name, device=self._device)

    @property
    def _snapshot(self) -> Snapshot:
        # Another process may have repaired or restored the catalogue: 2 microseconds to see. The
        # old one is not closed here, for whoever is still reading it.
        if self._opened is None or self._opened.is_replaced:
            self._opened = Snapshot(self.path, beside_writer=self._is_writing)
            self._index = self._parts = None
        return self._opened

    @contextmanager
    def _writing(self) -> Iterator[Catalogue]:
        from photosearch.store.catalogue import Catalogue
        from photosearch.store.files import make_library_folder
        from photosearch.store.lock import writer_lock

        make_library_folder(self.path)
        with writer_lock(self.path):
            catalogue = Catalogue(self.path, create=True)
            self._is_writing = True
            if self._opened is not None and self._opened.is_frozen:
                self.close()
            try:
                yield catalogue
            finally:
                self._is_writing = False
                catalogue.close()

    def _model_with_vectors(self) -> Model | None:
        """The encoder's row; None in an empty library; an error where only others have vectors."""
        model = self._snapshot.model(self.encoder.key)
        if model is not None and model.vectors:
            return model
        others = [other.name for other in self._snapshot.models() if other.vectors]
        if not others:
            return None
        raise WrongUse(
            f"no photo has been encoded with model {self.encoder.name} yet "
            f"(only with {', '.join(others)})",
            hint=f"photosearch index --model {self.encoder.name}",
        )

    def _require_model(self) -> Model:
        model = self._model_with_vectors()
        if model is None:
            raise NoLibrary(f"the library in {self.path} is empty")
        return model

    @cached_property
    def _vectors(self) -> Vectors:
        from photosearch.index.choose import vectors_at

        return vectors_at(self.path, self._vectors_at)

    def _current_index(self, model: Model) -> VectorIndex:
        generation = self._snapshot.generation
        if self._index is None or self._index[:2] != (model.key, generation):
            index = self._vectors.open(self._snapshot, model, logger.warning)
            self._index = (model.key, generation, index)
        return self._index[2]

    def _current_parts(self, model: Model) -> VectorIndex:
        """The index of parts of photos: always in the library, wherever the photos' own is."""
        from photosearch.index.cache import open_index
        from photosearch.store.regions import PartRows, as_model

        generation = self._snapshot.generation
        if self._parts is None or self._parts[:2] != (model.key, generation):
            parts = as_model(self._snapshot, model)
            if not parts.vectors:
                raise WrongUse(
                    "--small compares parts of photos, and none has been looked at part by part",
                    hint="photosearch index --regions",
                )
            index = open_index(self.path, PartRows(self._snapshot), parts, logger.warning)
            self._parts = (model.key, generation, index)
        return self._parts[2]

    def count_without_regions(self) -> int:
        """Photos whose parts have not been looked at, which `search(small=True)` knows as a whole
        only.
        """
        from photosearch.store.regions import count_without

        model = self._snapshot.model(self.encoder.key)
        return count_without(self._snapshot, model) if model else 0


def _limits(timeout: float | None, max_megapixels: float | None) -> Limits:
    from photosearch.decode.limits import Limits

    for name, number in (("timeout", timeout), ("max_megapixels", max_megapixels)):
        if number is not None and not 0 < number < float("inf"):
            raise WrongUse(f"{name} must be more than 0, not {number:g}")
    usual = Limits()
    return Limits(
        seconds=usual.seconds if timeout is None else timeout,
        pixels=usual.pixels if max_megapixels is None else round(max_megapixels * 1e6),
    )


def _pass_options(
    retry: bool,
    jobs: int | None,
    limits: Limits,
    progress: Callable[[Progress], None] | None,
    should_stop: Callable[[], bool] | None,
) -> PassOptions:
    from photosearch.ingest.held import Options

    return Options(
        retry=retry,
        jobs=jobs or usable_cores(),
        limits=limits,
        progress=progress or (lambda _: None),
        should_stop=should_stop or (lambda: False),
    )


def _as_list(given: Any) -> list[Any]:
    if given is None:
        return []
    return list(given) if isinstance(given, (list, tuple)) else [given]


def _check_positive(**numbers: int | None) -> None:
    for name, number in numbers.items():
        if number is not None and number < 1:
            raise WrongUse(f"{name} must be 1 or more, not {number}")


@contextmanager
def temporary_library(model: str | None = None, **options: Any) -> Iterator[Library]:
    """A library that lasts as long as its `with` block; options as of `Library.open`."""
    import tempfile

    with (
        tempfile.TemporaryDirectory(prefix="photosearch-") as folder,
        Library.open(Path(folder) / "library", model, create=True, **options) as library,
    ):
        yield library
