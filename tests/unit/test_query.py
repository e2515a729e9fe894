"""What is asked: parts, weights, filters; and what is refused."""

from __future__ import annotations

import os
import random
import tempfile
from datetime import date
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from photosearch.errors import WrongUse
from photosearch.paths import to_bytes
from photosearch.records import Facts, FoundFile, Photo
from photosearch.search.filters import Filters, first_day
from photosearch.search.query import check_no_image, make_query, parse_weights
from photosearch.store.catalogue import Batch, Catalogue, NewPhoto
from photosearch.store.snapshot import Snapshot
from tests.make import write_photos


def parts(**options: object) -> list[tuple[str, object, float]]:
    query = make_query(**options)  # type: ignore[arg-type]
    return [(part.kind, part.value, part.weight) for part in query.parts]


def test_parts_and_their_signs() -> None:
    assert parts(text=" beach ", plus=["sunset"], minus=["people"], images=["a.jpg"]) == [
        ("text", "beach", 1.0),
        ("plus", "sunset", 1.0),
        ("minus", "people", -1.0),
        ("image", "a.jpg", 1.0),
    ]


def test_images_for_and_against() -> None:
    """Each image of `image` takes a crop; those that count against have none."""
    query = make_query(images=["a.jpg"], unlike=["b.jpg"], crops=["0,0,5,5"])
    assert [(part.kind, part.weight, str(part.crop)) for part in query.images] == [
        ("image", 1.0, "0,0,5,5"),
        ("unlike", -0.5, "None"),
    ]
    assert not query.texts
    assert parts(text="a", unlike=["b"], weights=parse_weights(["unlike=2"])) == [
        ("text", "a", 1.0),
        ("unlike", "b", -2.0),
    ]


def test_one_text_is_no_list_of_letters() -> None:
    assert [part[1] for part in parts(text="a", plus="sunset", minus="people")] == [
        "a",
        "sunset",
        "people",
    ]


def test_weights_by_kind_and_by_number() -> None:
    weights = parse_weights(["plus=0.5", "plus2=2", "minus=.25"])
    assert parts(plus=["a", "b", "c"], minus=["d"], weights=weights) == [
        ("plus", "a", 0.5),
        ("plus", "b", 2.0),
        ("plus", "c", 0.5),
        ("minus", "d", -0.25),
    ]


@pytest.mark.parametrize("item", ["image", "image=", "image=x", "image=-1", "colour=1", "=1", ""])
def test_weights_that_are_not_understood(item: str) -> None:
    with pytest.raises(WrongUse, match="not understood"):
        parse_weights([item])


def test_weight_of_a_part_that_is_not_there() -> None:
    with pytest.raises(WrongUse, match="no such part") as caught:
        make_query("a", weights={"plus": 1.0})
    assert "text" in caught.value.hint


@pytest.mark.parametrize(
    "options",
    [{}, {"text": ""}, {"text": "  \n"}, {"plus": [" "]}, {"text": "a", "minus": [""]}],
    ids=["nothing", "empty", "blank", "blank plus", "empty minus"],
)
def test_empty_queries(options: dict[str, object]) -> None:
    with pytest.raises(WrongUse):
        make_query(**options)  # type: ignore[arg-type]


def test_text_that_is_an_image_file(tmp_path: Path) -> None:
    (path,) = write_photos(tmp_path, 1)
    with pytest.raises(WrongUse, match="is an image file") as caught:
        check_no_image(str(path))
    assert "--image" in caught.value.hint
    check_no_image(str(path.with_name("no-such.jpg")))
    check_no_image(str(tmp_path))  # a folder's name may well be a word
    make_query(str(path))  # one who asks from elsewhere is not told what files are here


@given(st.text())
def test_any_text_is_a_query_or_wrong_use(text: str) -> None:
    try:
        query = make_query(text)
    except WrongUse:
        return
    if not set(text) & set('"“„«「『') and query.filters.is_empty():
        assert [part.value for part in query.parts] == [text.strip()]


@pytest.mark.parametrize(
    ("text", "day"),
    [
        ("2024", date(2024, 1, 1)),
        ("2024-6", date(2024, 6, 1)),
        ("2024-06-15", date(2024, 6, 15)),
    ],
)
def test_first_day(text: str, day: date) -> None:
    assert first_day(text) == day


@pytest.mark.parametrize("text", ["", "24", "2024-13", "2024-02-30", "June", "2024/06", "0000"])
def test_no_dates(text: str) -> None:
    with pytest.raises(WrongUse, match="no date"):
        first_day(text)


FOLDERS = [b"a", b"a/b", b"a b", b"a0", b"\xff", b"c"]


class Filtered:
    """A catalogue of files in a few folders, some photos at several paths."""

    def __init__(self, folder: Path, seed: int) -> None:
        chance = random.Random(seed)
        self.root = folder / "photos"
        self.catalogue = Catalogue(folder / "library", create=True)
        root = self.catalogue.add_root(to_bytes(self.root))
        model = self.catalogue.add_model("key", "model", 4)
        self.photos: dict[int, tuple[str | None, list[bytes]]] = {}
        for number in range(30):
            taken = chance.choice(
                [None, "2019-12-31T23:59:59", "2020-01-01T00:00:00", "2020-06-15", "2021"]
            )
            paths = [
                b"%s/%d-%d.jpg" % (chance.choice(FOLDERS), number, copy)
                for copy in range(chance.choice([1, 1, 2]))
            ]
            photo = Photo(number.to_bytes(32, "big"), 1, "jpeg", 1, 1, Facts(taken_at=taken))
            files = [FoundFile(path, 1, 1) for path in paths]
            self.catalogue.commit(root, model, Batch(new=[NewPhoto(photo, b"\0" * 8, files)]))
            known = self.catalogue.photo_with_digest(photo.digest, model)
            assert known is not None
            self.photos[known[0]] = (taken, paths)
        self.snapshot = Snapshot(folder / "library")

    def close(self) -> None:
        self.snapshot.close()
        self.catalogue.close()


folders = st.lists(st.sampled_from(FOLDERS), max_size=2)


@settings(max_examples=60, deadline=None)
@given(
    seed=st.integers(0, 1000),
    inside=folders,
    outside=folders,
    after=st.sampled_from([None, "2020", "2020-01-01", "2020-06-16"]),
    before=st.sampled_from([None, "2020", "2020-06-15", "2022"]),
)
def test_filters_do_what_they_say(
    seed: int, inside: list[bytes], outside: list[bytes], after: str | None, before: str | None
) -> None:
    with tempfile.TemporaryDirectory() as name:
        made = Filtered(Path(name), seed)
        filters = Filters(
            in_folder=[os.fsdecode(to_bytes(made.root) + b"/" + one) for one in inside],
            not_in_folder=[os.fsdecode(to_bytes(made.root) + b"/" + one) for one in outside],
            after=after,
            before=before,
        )
        allowed = filters.allowed_ids(made.snapshot)

        def lies_right(path: bytes) -> bool:
            is_in = [path.startswith(one + b"/") for one in inside]
            is_out = [path.startswith(one + b"/") for one in outside]
            return (any(is_in) or not inside) and not any(is_out)

        wanted = [
            photo_id
            for photo_id, (taken, paths) in made.photos.items()
            if any(lies_right(path) for path in paths)
            and (after is None or (taken is not None and taken >= str(first_day(after))))
            and (before is None or (taken is not None and taken < str(first_day(before))))
        ]
        if filters.is_empty():
            assert allowed is None
        else:
            assert allowed is not None
            assert allowed.dtype == np.int64
            assert allowed.tolist() == sorted(wanted)
        for _, paths in made.photos.values():
            for path in paths:
                whole = to_bytes(made.root) + b"/" + path
                assert filters.accepts_path(whole) == lies_right(path)
        made.close()


def test_filter_on_a_folder_above_the_root_and_on_the_root_itself(tmp_path: Path) -> None:
    made = Filtered(tmp_path, 1)
    for folder in (made.root, tmp_path):
        allowed = Filters(in_folder=str(folder)).allowed_ids(made.snapshot)
        assert allowed is not None
        assert len(allowed) == 30
    made.close()


def test_filter_on_a_folder_that_is_not_indexed(tmp_path: Path) -> None:
    made = Filtered(tmp_path, 1)
    with pytest.raises(WrongUse, match="not in any indexed folder"):
        Filters(in_folder="/elsewhere").allowed_ids(made.snapshot)
    made.close()
