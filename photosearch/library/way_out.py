"""The way out: from a text or an example to the photos that match best.

In: a query. Out: hits. What is done stands in `search/`; here the model, the index and the judge of
relevance come together.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from photosearch.errors import WrongUse
from photosearch.library.arguments import as_list, check_positive
from photosearch.library.opened import Opened
from photosearch.records import Answer, Hit
from photosearch.search.filters import Filters
from photosearch.settings import cache_path

if TYPE_CHECKING:
    from collections.abc import Iterator

    import numpy as np
    from numpy.typing import NDArray

    from photosearch.search.looks import Looks
    from photosearch.search.query import Query
    from photosearch.search.relevance import Judge


class WayOut(Opened):
    """What finds photos in the library."""

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
        images that hits should not be like, given in the same ways. plus, minus: texts added to and
        taken from the query. weights: by part, such as {"image": 0.5, "plus2": 0.3}; 1 unless
        given, 0.5 for `unlike`. filters: which photos may be hits; with filters alone photos are
        listed, the newest first. words: True searches printed words alone, False looks alone.
        min_score: hits whose cosine is less are left out; min_relevance: the same by relevance,
        0..1. sort: "relevance", "date" (newest first), "oldest", "name": the k best, in this order.
        include_self: an example that is itself in the library may be a hit. language: the text
        tower, such as "zh"; else the script of the text chooses. small: match parts of the photos,
        too, so that small things are found (after `index(regions=True)`). crop: the part of the
        example that counts, (x, y, width, height) in upright pixels; of several images a list of
        as many. rerank: "geometry" puts photos first that show the very thing of the example. read:
        what is printed in the example is read, and looked for among the printed words, too.

        No match is an empty list. Raises WrongUse for what does not make sense (a filter that does
        not exist, a model that no photo is encoded with), BadImage for an example that cannot be
        had or read.
        """
        from photosearch.search.crop import crop_list
        from photosearch.search.query import make_query

        query = make_query(
            text,
            images=as_list(image),
            unlike=as_list(unlike),
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

        query: as `photosearch.search.query.make_query` puts it together. offset: k hits from there
        on, page by page; None for the k best alone. The rest as of `search`.
        """
        from photosearch.search.answer import answer
        from photosearch.search.browse import check_order

        check_positive(k=k)
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

    def similar(self, image: Any, *, k: int = 10, **options: Any) -> list[Hit]:
        """Photos like an example: `search(image=…)` by another name; options as there."""
        return self.search(image=image, k=k, **options)

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

    @contextmanager
    def remembering(self, *, on_disk: bool) -> Iterator[None]:
        """Within this, vectors of queries are kept in memory, by all twins of this Library made
        since; and in the file of past queries as well, unless on_disk is False. Rankings are kept
        from now on, so that a further page is quick.
        """
        from photosearch.search.rankings import Rankings
        from photosearch.store.remembered import RememberedHere

        if self._remembered is None:
            self._remembered, self._rankings = RememberedHere(cache_path()), Rankings()
        with self._remembered.keeping(on_disk=on_disk):
            yield

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

    def photo_named(self, name: str) -> str | None:
        """The SHA-256 of the photo of the library that is meant; None where there is none.

        name: a whole path, or the first 8 or more digits of the SHA-256. No file is opened or
        looked at, whatever the path.
        """
        from photosearch.store.named import photo_named

        photo_id = photo_named(self._snapshot, name)
        return None if photo_id is None else self._snapshot.photo_columns(photo_id)["digest"].hex()

    def count_without_regions(self) -> int:
        """Photos whose parts have not been looked at, which `search(small=True)` knows as a whole
        only.
        """
        from photosearch.store.regions import count_without

        model = self._snapshot.model(self.encoder.key)
        return count_without(self._snapshot, model) if model else 0
