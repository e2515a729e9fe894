"""From candidates to hits: what a ranking lists is what comparing every photo by hand lists."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from photosearch.errors import WrongUse
from photosearch.index.exact import ExactIndex
from photosearch.index.tail import Tail
from photosearch.records import Facts, FoundFile, Hit, Line, Photo
from photosearch.search.browse import check_order, count_named, in_order, listed
from photosearch.search.fuse import MOST_TERMS, Found, fuse
from photosearch.search.hits import evidence_of
from photosearch.search.likeness import QueryVector
from photosearch.search.looks import Looks, Seen
from photosearch.search.reading import Read
from photosearch.search.run import Limits, find, hits_of, passes, relevance_of
from photosearch.store.catalogue import Batch, Catalogue, NewPhoto
from photosearch.store.snapshot import Model, Snapshot

DIM = 4
LINE = Line("EXIT", 0.9, ((0.0, 0.0),) * 4)


def vector_at(cosine: float) -> NDArray[np.float16]:
    """A unit vector with this cosine to the query's."""
    return np.array([cosine, (1 - cosine**2) ** 0.5, 0, 0], "<f2")


class Gallery:
    """Photos with given cosines to a query, each in two folders of a root that is there."""

    def __init__(self, folder: Path, cosines: Sequence[float]) -> None:
        self.root = folder / "photos"
        catalogue = Catalogue(folder / "library", create=True)
        root = catalogue.add_root(os.fsencode(self.root))
        model = catalogue.add_model("key", "model", DIM)
        new = [
            NewPhoto(
                Photo(number.to_bytes(32, "big"), 1, "jpeg", 40, 30, Facts()),
                vector_at(cosine).tobytes(),
                [FoundFile(b"%s/%d.jpg" % (name, number), 1, 1) for name in (b"a", b"b")],
            )
            for number, cosine in enumerate(cosines)
        ]
        catalogue.commit(root, model, Batch(new=new))
        catalogue.close()
        self.library = folder / "library"
        self.snapshot = Snapshot(self.library)
        found = self.snapshot.model("key")
        assert found is not None
        self.model: Model = found
        rows = self.snapshot.vectors_of(found.id, self.snapshot.photo_ids())
        self.index = Tail.from_rows(rows, DIM)
        self.cosines = {
            photo_id: float(np.frombuffer(blob, "<f2").astype(np.float32)[0])
            for photo_id, blob in rows
        }

    def looks(self, only: Sequence[int] | None = None, **options: object) -> Looks:
        wanted = QueryVector(np.eye(1, DIM, dtype=np.float32)[0], frozenset())
        ids = None if only is None else np.array(only, np.int64)
        judge = options.get("judge", lambda query, photos: (photos @ query + 1) / 2)
        index = options.get("index", self.index)
        return Looks(wanted, index, self.snapshot, self.model, ids, judge)  # type: ignore[arg-type]

    def lose(self, photo_ids: Sequence[int]) -> None:
        """Their files are gone since the index was made."""
        catalogue = Catalogue(self.library)
        with catalogue.transaction() as connection:
            connection.execute("UPDATE files SET missing = 0")
            connection.executemany(
                "UPDATE files SET missing = 1 WHERE photo_id = ?", [(one,) for one in photo_ids]
            )
        catalogue.close()

    def best(self, passes: Callable[[int, float], bool]) -> list[int]:
        """Ids of photos that pass, the best first, by comparing all."""
        ranked = sorted(self.cosines.items(), key=lambda pair: (-pair[1], pair[0]))
        return [photo_id for photo_id, cosine in ranked if passes(photo_id, cosine)]


@pytest.fixture(scope="module")
def gallery(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gallery]:
    # Equal cosines are common: bursts, copies that differ in their EXIF.
    cosines = [round(0.9 - 0.02 * (number * 7 % 40 // 2), 2) for number in range(40)]
    made = Gallery(tmp_path_factory.mktemp("gallery"), cosines)
    yield made
    made.snapshot.close()


ids = st.lists(st.integers(1, 40), max_size=35, unique=True)
limit = st.sampled_from([None, 0.0, 0.52, 0.7, 0.86, 0.95])


@settings(max_examples=60, deadline=None)
@given(
    k=st.integers(1, 45),
    gone=ids,
    left_out=ids,
    only=st.one_of(st.none(), ids),
    min_score=limit,
    min_relevance=limit,
)
def test_hits_are_the_best_that_pass_every_limit(
    gallery: Gallery,
    k: int,
    gone: list[int],
    left_out: list[int],
    only: list[int] | None,
    min_score: float | None,
    min_relevance: float | None,
) -> None:
    """However many of the best are gone, are examples, or lie below a limit."""
    gallery.lose(gone)
    limits = Limits(k, min_score, min_relevance, left_out=frozenset(left_out))
    chosen = None if only is None else sorted(only)
    hits = find(looks=gallery.looks(chosen), reads=(), snapshot=gallery.snapshot, limits=limits)

    def wanted(photo_id: int, cosine: float) -> bool:
        return (
            photo_id not in gone
            and photo_id not in left_out
            and (only is None or photo_id in only)
            and (min_score is None or cosine >= min_score)
            and (min_relevance is None or round((cosine + 1) / 2, 4) >= min_relevance)
        )

    expected = gallery.best(wanted)[:k]
    if min_relevance is not None and len(expected) < k:
        # Who asks for relevance does not look through the whole library for the last such hit.
        assert [hit.photo_id for hit in hits] == expected[: len(hits)]
    else:
        assert [hit.photo_id for hit in hits] == expected
    assert [hit.rank for hit in hits] == list(range(1, len(hits) + 1))
    for hit in hits:
        cosine = gallery.cosines[hit.photo_id]
        assert hit.score == pytest.approx(cosine, abs=1e-6)
        assert hit.relevance == pytest.approx((cosine + 1) / 2, abs=1e-4)
        looks_like = hit.evidence["looks_like"]
        assert looks_like["cosine"] == pytest.approx(cosine, abs=1e-6)
        assert looks_like["relevance"] == hit.relevance
        assert gallery.best(lambda one, _: only is None or one in only).index(hit.photo_id) == (
            looks_like["rank"] - 1
        )


def test_a_hit_lies_where_the_path_passes_and_the_others_are_its_copies(gallery: Gallery) -> None:
    gallery.lose([])

    def first(accepts: Callable[[bytes], bool]) -> Hit | None:
        limits = Limits(1, accepts_path=accepts)
        hits = find(looks=gallery.looks(), reads=(), snapshot=gallery.snapshot, limits=limits)
        return hits[0] if hits else None

    everywhere, in_b = first(lambda path: True), first(lambda path: b"/b/" in path)
    assert everywhere is not None
    assert in_b is not None
    (best,) = gallery.best(lambda one, cosine: True)[:1]
    name = f"{best - 1}.jpg"
    assert everywhere.path == gallery.root / "a" / name
    assert everywhere.copies == (gallery.root / "b" / name,)
    assert (in_b.path, in_b.copies) == (gallery.root / "b" / name, ())
    assert everywhere.offline  # its folder is not there
    assert (everywhere.width, everywhere.height) == (40, 30)
    assert everywhere.photo == (best - 1).to_bytes(32, "big").hex()
    assert first(lambda path: False) is None


def test_a_copy_that_is_there_comes_before_one_that_is_not(gallery: Gallery) -> None:
    gallery.lose([])
    file = gallery.root / "b" / "photo"
    file.parent.mkdir(parents=True)
    file.touch()
    (hit,) = find(looks=gallery.looks(), reads=(), snapshot=gallery.snapshot, limits=Limits(1))
    file.unlink()
    assert hit.path.parent.name == "b"
    assert [copy.parent.name for copy in hit.copies] == ["a"]
    assert not hit.offline


def test_given_photos_are_hits_in_their_order_without_a_rank_by_looks(gallery: Gallery) -> None:
    gallery.lose([7])
    hits = hits_of([9, 7, 3, 5], gallery.looks(), gallery.snapshot, Limits(1))
    assert [hit.photo_id for hit in hits] == [9, 3, 5]
    for hit in hits:
        assert hit.score == pytest.approx(gallery.cosines[hit.photo_id], abs=1e-6)
        assert hit.evidence["looks_like"]["rank"] is None
    assert hits_of([], gallery.looks(), gallery.snapshot, Limits(1)) == []


def test_photos_of_another_model_have_no_score_and_no_relevance(gallery: Gallery) -> None:
    """Words bring them in: only printed words speak for them."""
    gallery.lose([])
    looks = replace(gallery.looks(), model=replace(gallery.model, id=99))
    (hit,) = hits_of([1], looks, gallery.snapshot, Limits(1))
    assert (hit.score, hit.relevance, hit.evidence) == (None, None, {})
    assert looks.relevances([1]) == {}
    assert gallery.looks(judge=None).relevances([1]) == {}
    assert gallery.looks().relevances([]) == {}
    assert gallery.looks().vectors_of([]) == {}


def test_vectors_are_compared_in_single_precision(gallery: Gallery) -> None:
    vectors = gallery.looks().vectors_of([3, 5])
    assert {one.dtype for one in vectors.values()} == {np.dtype(np.float32)}
    for photo_id, vector in vectors.items():
        assert vector[0] == gallery.cosines[photo_id]


def test_words_printed_in_a_photo_that_looks_like_nothing_bring_it_in(gallery: Gallery) -> None:
    gallery.lose([])
    last = gallery.best(lambda one, cosine: True)[-1]
    read = Read(last, 0.8, True, (LINE,))
    for k in (1, 3, 40):
        first, *others = find(
            looks=gallery.looks(), reads=[read], snapshot=gallery.snapshot, limits=Limits(k)
        )
        assert first.photo_id == last
        assert first.score == pytest.approx(gallery.cosines[last], abs=1e-6)
        assert first.relevance == 0.8  # by words, which is more than by looks
        assert first.evidence["reads"] == {
            "text": "EXIT",
            "confidence": 0.9,
            "box": [[0.0, 0.0]] * 4,
            "rank": 1,
            "strength": 0.8,
            "whole": True,
            "lines": [LINE.as_dict()],
        }
        assert first.evidence["looks_like"]["rank"] == 40  # its own, also where few are shown
        assert len(others) == k - 1
    alone = find(looks=None, reads=[read], snapshot=gallery.snapshot, limits=Limits(5))
    assert [(hit.photo_id, hit.score, hit.relevance) for hit in alone] == [(last, 0.8, 0.8)]
    assert "looks_like" not in alone[0].evidence
    weak = Limits(5, min_score=0.81)
    assert find(looks=None, reads=[read], snapshot=gallery.snapshot, limits=weak) == []
    assert find(looks=None, reads=[], snapshot=gallery.snapshot, limits=weak) == []


def test_a_score_at_the_limit_passes_and_an_unknown_one_counts_as_nothing() -> None:
    limits = Limits(1, min_score=0.5)
    assert passes(Found(1, 0.5), limits)
    assert not passes(Found(1, 0.49), limits)
    assert not passes(Found(1), limits)
    assert passes(Found(1), Limits(1, min_score=0.0))
    assert passes(Found(1), Limits(1))
    read = Read(1, 0.6, False, (LINE,))
    both = Found(1, 0.4, 1, read, 1)
    assert not passes(both, limits)
    assert passes(both, replace(limits, by_words=True))
    assert not passes(Found(1, 0.9), replace(limits, by_words=True))


def test_relevance_is_that_of_looks_or_words_whichever_is_more() -> None:
    read = Read(1, 0.61234567, False, (LINE,))
    assert relevance_of(Found(1), None) is None
    assert relevance_of(Found(1), 0.0) == 0.0
    assert relevance_of(Found(1), 0.123456) == 0.1235
    assert relevance_of(Found(1, read=read), None) == 0.6123
    assert relevance_of(Found(1, read=read), 0.7) == 0.7
    assert relevance_of(Found(1, read=read), 0.5) == 0.6123
    # A condition that must hold, and the words of an example, say nothing of relevance.
    assert relevance_of(Found(1, read=replace(read, strength=0.0)), None) is None
    assert relevance_of(Found(1, read=replace(read, weight=2.0)), 0.5) == 0.5


def test_evidence_of_a_part_has_the_cosines_of_whole_and_part() -> None:
    """The score of a photo whose parts were looked at is the mean of both."""
    seen = Seen(0.8, (1, 2, 3, 4), np.zeros(DIM, np.float32))
    read = Read(1, 0.123456, False, (LINE,))
    assert evidence_of(Found(1, read=read, read_rank=2), None)["reads"]["strength"] == 0.1235
    evidence = evidence_of(Found(1, 0.5, 3), 0.123456, seen)
    assert evidence == {
        "looks_like": {"cosine": pytest.approx(0.2), "rank": 3, "relevance": 0.1235},
        "region": {"box": [1, 2, 3, 4], "cosine": 0.8},
    }
    assert evidence_of(Found(1, 0.1234567), None) == {
        "looks_like": {"cosine": 0.123457, "rank": None, "relevance": None}
    }
    assert evidence_of(Found(1), 0.5) == {}


class TestWorth:
    """What a photo's places in both lists are worth."""

    ranks = st.integers(1, 200)
    strengths = st.floats(0.01, 1)

    @given(ranks, ranks, strengths, st.integers(1, 8))
    def test_a_better_place_is_worth_more(
        self, look: int, other: int, strength: float, terms: int
    ) -> None:
        read = Read(1, strength, False, (LINE,), terms)
        assert (Found(1, 0.5, look).worth > Found(1, 0.5, other).worth) == (look < other)
        worths = [Found(1, read=read, read_rank=rank).worth for rank in (look, other)]
        assert (worths[0] > worths[1]) == (look < other)
        # Both lists speak for a photo, the one not against the other.
        both = Found(1, 0.5, look, read, other).worth
        assert both == pytest.approx(worths[1] + Found(1, 0.5, look).worth)
        assert 0 < both < 1

    @given(ranks, strengths, st.integers(1, 8))
    def test_more_words_count_up_to_some(self, rank: int, strength: float, terms: int) -> None:
        def worth(**changes: object) -> float:
            read = replace(Read(1, strength, False, (LINE,), terms), **changes)  # type: ignore[arg-type]
            return Found(1, read=read, read_rank=rank).worth

        assert (worth(terms=terms + 1) > worth()) == (terms < MOST_TERMS)
        assert worth(strength=strength / 2) == pytest.approx(worth() / 4)
        assert worth(whole=True) == pytest.approx(1 + worth())
        # A weight of its own takes the place of all that.
        assert worth(weight=3.0) == worth(weight=3.0, whole=True, strength=0.5, terms=1)
        assert worth(weight=3.0) == pytest.approx(1.5 * worth(weight=2.0))

    def test_one_rank_of_looks_is_one_of_a_word_that_is_fully_there(self) -> None:
        read = Read(1, 1.0, False, (LINE,))
        assert Found(1, read=read, read_rank=7).worth == Found(1, 0.1, 7).worth
        # The first place alone does not decide: two second ones are worth more, ten tenths too.
        assert Found(1, 0.5, 1).worth < Found(1, 0.5, 10, read, 10).worth

    def test_equal_ones_are_in_the_order_of_their_ids(self) -> None:
        reads = [Read(9, 0.0, False, (LINE,)), Read(4, 0.0, False, (LINE,))]
        assert [one.photo_id for one in fuse(None, reads)] == [4, 9]


rows_of = st.lists(st.integers(1, 60), min_size=0, max_size=40, unique=True)


@settings(max_examples=40, deadline=None)
@given(photo_ids=rows_of, only=st.one_of(st.none(), rows_of), k=st.integers(0, 50), data=st.data())
def test_small_sets_are_ranked_as_by_hand(
    photo_ids: list[int], only: list[int] | None, k: int, data: st.DataObject
) -> None:
    """By numpy and by FAISS alike, whatever is allowed and however many are wanted."""
    cosines = [data.draw(st.sampled_from([-0.5, 0.0, 0.25, 0.5, 0.75])) for _ in photo_ids]
    rows = [
        (one, vector_at(cosine).tobytes()) for one, cosine in zip(photo_ids, cosines, strict=True)
    ]
    query = np.eye(1, DIM, dtype=np.float32)[0]
    chosen = None if only is None else np.array(sorted(only), np.int64)
    ranked = sorted(zip(cosines, photo_ids, strict=True), key=lambda pair: (-pair[0], pair[1]))
    wanted = [one for _, one in ranked if only is None or one in only][:k]
    scores = [cosine for cosine, one in ranked if only is None or one in only][:k]
    indexes = [Tail.from_rows(iter(rows), DIM), ExactIndex.build(iter(rows), DIM)]
    for index in indexes:
        assert len(index) == len(rows)
        found = index.search(query, k, chosen)
        assert (found.ids.dtype, found.scores.dtype) == (np.int64, np.float32)
        assert found.scores.tolist() == pytest.approx(scores, abs=1e-3)
        # Of equal ones at the last place FAISS may choose any.
        sure = [one for one, score in zip(wanted, scores, strict=True) if score > scores[-1]]
        assert found.ids.tolist()[: len(sure)] == sure
        assert len(set(found.ids.tolist())) == len(wanted)
    assert indexes[0].search(query, k, chosen).ids.tolist() == wanted
    assert indexes[1].dim == DIM  # type: ignore[union-attr]


def test_large_sets_are_ranked_across_blocks(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Rows are compared and added some at a time: none is lost where a block ends."""
    monkeypatch.setattr("photosearch.index.tail._BLOCK", 3)
    monkeypatch.setattr("photosearch.index.exact._BLOCK", 3)
    cosines = [number / 10 for number in range(10)]
    rows = [(number, vector_at(cosine).tobytes()) for number, cosine in enumerate(cosines)]
    query = np.eye(1, DIM, dtype=np.float32)[0]
    exact = ExactIndex.build(iter(rows), DIM)
    exact.write(tmp_path / "index")
    for index in (Tail.from_rows(rows, DIM), exact, ExactIndex.open(tmp_path / "index")):
        found = index.search(query, 20)
        assert found.ids.tolist() == list(range(9, -1, -1))
        assert found.scores.tolist() == pytest.approx(cosines[::-1], abs=1e-3)


class TestOrders:
    """Hits and lists in another order than the best first."""

    def hit(self, rank: int, name: str, taken_at: str | None) -> Hit:
        return Hit(
            rank=rank,
            path=Path("/photos") / name,
            score=0.5,
            photo="00",
            photo_id=rank,
            width=1,
            height=1,
            taken_at=taken_at,
            evidence={},
        )

    @pytest.mark.parametrize(
        ("order", "expected"),
        [
            ("relevance", [1, 2, 3, 4, 5]),
            ("date", [4, 1, 3, 2, 5]),
            ("oldest", [3, 1, 4, 2, 5]),
            ("name", [2, 4, 5, 3, 1]),
        ],
    )
    def test_hits_are_ordered_and_numbered_anew(self, order: str, expected: list[int]) -> None:
        """Those without a date stand behind all others, the better match first."""
        hits = [
            self.hit(1, "e.jpg", "2021-01-01"),
            self.hit(2, "B.jpg", None),
            self.hit(3, "d.jpg", "2020-01-01"),
            self.hit(4, "a.jpg", "2022-01-01"),
            self.hit(5, "c.jpg", None),
        ]
        found = in_order(hits, order)
        assert [hit.photo_id for hit in found] == expected
        assert [hit.rank for hit in found] == [1, 2, 3, 4, 5]
        assert in_order([], order) == []

    def test_an_order_that_is_none_is_wrong_use(self, gallery: Gallery) -> None:
        with pytest.raises(WrongUse, match="sort 'best' is no order") as caught:
            check_order("best")
        assert caught.value.hint == "one of: relevance, date, oldest, name"
        with pytest.raises(WrongUse):
            listed(gallery.snapshot, None, "best", 1)
        with pytest.raises(WrongUse):
            in_order([], "best")

    def test_a_list_by_name_is_in_the_order_of_paths(self, gallery: Gallery) -> None:
        gallery.lose([3])
        everything = listed(gallery.snapshot, None, "name", 100)
        names = sorted(b"a/%d.jpg" % (one - 1) for one in gallery.cosines if one != 3)
        assert everything == [int(name[2:-4]) + 1 for name in names]
        assert listed(gallery.snapshot, None, "name", 7) == everything[:7]
        chosen = np.array([2, 3, 11], np.int64)
        assert listed(gallery.snapshot, chosen, "name", 7) == [2, 11]

    def test_without_a_query_the_best_is_the_newest(self, gallery: Gallery) -> None:
        gallery.lose([])
        for only in (None, np.array([5, 9], np.int64)):
            assert listed(gallery.snapshot, only, "relevance", 9) == listed(
                gallery.snapshot, only, "date", 9
            )


@pytest.mark.parametrize(
    ("text", "count"),
    [
        ("12.jpg", 1),
        (" 12.JPG ", 1),
        ("12", 1),
        ("40.jpg", 0),
        ("*.jpg", 0),
        ("a/12.jpg", 0),
        ("?2", 0),
        ("dog", 0),
        ("1 2", 0),
        ("", 0),
    ],
)
def test_a_text_may_be_the_name_of_a_file(gallery: Gallery, text: str, count: int) -> None:
    gallery.lose([])
    assert count_named(gallery.snapshot, text) == count


def test_a_name_without_a_digit_needs_the_ending_of_a_photo(tmp_path: Path) -> None:
    gallery = Gallery(tmp_path, [0.5, 0.6])
    catalogue = Catalogue(gallery.library)
    with catalogue.transaction() as connection:
        for file_id, path in enumerate((b"rose garden.JPG", b"rose.txt", b"dog_1", b"a*b.jpg"), 1):
            connection.execute("UPDATE files SET path = ? WHERE id = ?", (path, file_id))
    catalogue.close()
    counts = {"rose garden.jpg": 1, "Rose Garden.JPG": 1, "rose": 0, "dog_1": 1, "dog": 0}
    for text, count in counts.items():
        assert count_named(gallery.snapshot, text) == count
    gallery.snapshot.close()


@pytest.mark.parametrize("order", ["date", "oldest"])
def test_long_lists_are_made_as_short_ones(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, order: str
) -> None:
    """Of many photos those that are wanted are looked for in their order, not all sorted."""
    gallery = Gallery(tmp_path, [0.5] * 12)
    catalogue = Catalogue(gallery.library)
    with catalogue.transaction() as connection:
        for photo_id, taken in ((1, "2020"), (2, "2022"), (3, "2021"), (4, "2020"), (9, "2021")):
            connection.execute("UPDATE photos SET taken_at = ? WHERE id = ?", (taken, photo_id))
        connection.execute("UPDATE files SET missing = 1 WHERE photo_id IN (3, 7)")
    catalogue.close()
    dated, undated = {
        "date": ([2, 9, 4, 1], [12, 11, 10, 8, 6, 5]),
        "oldest": ([1, 4, 9, 2], [5, 6, 8, 10, 11, 12]),
    }[order]
    monkeypatch.setattr("photosearch.search.browse._FEW", 3)
    for only in (None, [1, 2, 3, 5, 7, 9, 12], [9, 12]):
        wanted = [one for one in (*dated, *undated) if only is None or one in only]
        ids = None if only is None else np.array(only, np.int64)
        for count in (1, 3, 4, 5, 100):
            assert listed(gallery.snapshot, ids, order, count) == wanted[:count]
    gallery.snapshot.close()
