"""survey.facets: counts among the photos that pass, and the filters that pass just these."""

from __future__ import annotations

import hashlib
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from photosearch import Library
from photosearch.gazetteer.places import Place
from photosearch.records import Facts, FoundFile, Photo
from photosearch.reports.contents import Counted, Facets
from photosearch.search.filters import Filters
from photosearch.search.qualifiers import read_text
from photosearch.store.catalogue import Batch, Catalogue, NewPhoto
from photosearch.store.places import store_places
from photosearch.store.tags import NewTag, replace_tags

KINDS = (
    "years", "months", "places", "countries", "cameras", "lenses", "folders", "tags", "formats"
)  # fmt: skip
# What stands for something in a query, what folds, what has no case, what is beyond the plane.
LETTERS = "abAB1 :\"'“”„«»「」,;-_()[]*?~#%&+=é\u0301ßİ大京\U0001f600\t\\.|"

CITIES = ["Paris", "Kyoto", "America", "Holland"]
COUNTRIES = ["France", "United States", "Netherlands"]
TIMES = [
    "2024-06-01T10:11:12+02:00",
    "2024-12-31T23:59:59",
    "1999-01-01T00:00:00",
    "2023-02-28T12:00:00.25",
]

names = st.text(LETTERS, min_size=1, max_size=6)
folder_names = st.one_of(
    names.filter(lambda name: name not in (".", "..")).map(os.fsencode), st.just(b"\xff\xfe")
)
# Few values of each, so that photos share them.
seeds = st.fixed_dictionaries(
    {
        "taken_at": st.one_of(
            st.none(),
            st.sampled_from(TIMES),
        ),
        "make": st.one_of(st.none(), names, st.sampled_from(["Canon", "SONY"])),
        "camera": st.one_of(st.none(), names, st.sampled_from(["Canon EOS", "Canon EOS R", "A7"])),
        "lens": st.one_of(st.none(), names),
        "format": st.sampled_from(["jpeg", "raw", "heic", "png"]),
        "point": st.one_of(
            st.none(), st.tuples(st.floats(-90, 90), st.floats(-180, 180))
        ),
        "city": st.one_of(st.none(), names, st.sampled_from(CITIES)),
        "country": st.one_of(st.none(), st.sampled_from(COUNTRIES)),
        "tags": st.lists(names, max_size=2),
        "folders": st.lists(st.lists(folder_names, max_size=2), min_size=1, max_size=2),
        "missing": st.booleans(),
    }
)  # fmt: skip
CODES = {"France": "FR", "United States": "US", "Netherlands": "NL"}


def make_library(folder: Path, photos: list[dict]) -> Path:
    """A library of photos with these facts, through the real writing path."""
    catalogue = Catalogue(folder, create=True)
    try:
        root = catalogue.add_root(b'/pictures of "mine"')
        model = catalogue.add_model("key", "fake", 2)
        new = []
        for number, one in enumerate(photos):
            latitude, longitude = one["point"] or (None, None)
            facts = Facts(
                taken_at=one["taken_at"], make=one["make"], camera=one["camera"], lens=one["lens"],
                latitude=latitude, longitude=longitude,
            )  # fmt: skip
            digest = hashlib.sha256(b"%d" % number).digest()
            photo = Photo(digest, 10, one["format"], 4, 3, facts)
            files = [
                FoundFile(b"/".join([*parts, b"%d-%d.jpg" % (number, copy)]), 10, number)
                for copy, parts in enumerate(one["folders"])
            ]
            new.append(NewPhoto(photo, b"\0\0\0\0", files))
        catalogue.commit(root, model, Batch(new=new))
        ids = dict(catalogue.rows("SELECT digest, id FROM photos"))
        numbers = [ids[one.photo.digest] for one in new]
        store_places(
            catalogue,
            "test",
            (
                (number, Place(one["city"], None, one["country"], CODES.get(one["country"] or "")))
                for number, one in zip(numbers, photos, strict=True)
                if one["city"] or one["country"]
            ),
        )
        tags = [
            NewTag(number, tag)
            for number, one in zip(numbers, photos, strict=True)
            for tag in one["tags"]
        ]
        replace_tags(catalogue, "test", model, tags)
        with catalogue.transaction() as connection:
            for number, one in zip(numbers, photos, strict=True):
                if one["missing"]:
                    connection.execute(
                        "UPDATE files SET missing = 1 WHERE id = "
                        "(SELECT min(id) FROM files WHERE photo_id = ?)",
                        (number,),
                    )
    finally:
        catalogue.close()
    return folder


def all_of(facets: Facets) -> Iterator[Counted]:
    for kind in KINDS:
        yield from getattr(facets, kind)


def passing(library: Library, filters: Filters) -> int:
    ids = filters.allowed_ids(library._snapshot)
    return library.status().photos if ids is None else len(ids)


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(photos=st.lists(seeds, min_size=1, max_size=8), chosen=st.integers(0, 100))
def test_each_filter_passes_just_the_photos_it_counts(photos: list[dict], chosen: int) -> None:
    """Whatever the names: alone, and beside another filter."""
    with (
        tempfile.TemporaryDirectory() as folder,
        Library.open(make_library(Path(folder) / "library", photos)) as library,
    ):
        facets = library.facets()
        assert facets.photos == library.status().photos
        counted = list(all_of(facets))
        for one in counted:
            assert one.photos == passing(library, read_text(one.filter).filters), one
        if counted:
            base = read_text(counted[chosen % len(counted)].filter).filters
            inner = library.facets(base)
            assert inner.photos == passing(library, base)
            for one in all_of(inner):
                both = base.merged(read_text(one.filter).filters)
                assert 0 < one.photos == passing(library, both), (base, one)


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(photos=st.lists(seeds, min_size=1, max_size=8))
def test_what_photos_have_is_counted(photos: list[dict]) -> None:
    """Nothing that can be asked for is left out, and points are as many as photos have."""
    with (
        tempfile.TemporaryDirectory() as folder,
        Library.open(make_library(Path(folder) / "library", photos)) as library,
    ):
        facets = library.facets()
        there = [one for one in photos if not one["missing"] or len(one["folders"]) > 1]
        assert facets.photos == len(there)
        assert {one.value for one in facets.formats} == {one["format"] for one in there}
        years = {one["taken_at"][:4] for one in there if one["taken_at"]}
        assert {one.value for one in facets.years} == years
        assert bool(facets.months) == (len(years) == 1)
        assert sum(count for _, _, count in facets.points) == sum(
            one["point"] is not None for one in there
        )


def plain(**more: object) -> dict:
    return {
        "taken_at": None, "make": None, "camera": None, "lens": None, "format": "jpeg",
        "point": None, "city": None, "country": None, "tags": [], "folders": [[]], "missing": False,
        **more,
    }  # fmt: skip


@pytest.fixture
def library(tmp_path: Path) -> Iterator[Library]:
    photos = [
        plain(taken_at="2024-06-01T10:00:00", camera="Pixel 6", make="Google",
              folders=[[b"2024", b"june"]]),
        plain(taken_at="2024-07-01T10:00:00", camera="Pixel 6 Pro", make="Google",
              folders=[[b"2024", b"july"], [b"2024", b"best"]], city="Paris", country="France"),
        plain(taken_at="2023-07-01T10:00:00", folders=[[b"2023"]], city="Paris",
              country="United States", tags=["Cat", "cat"]),
    ]  # fmt: skip
    with Library.open(make_library(tmp_path / "library", photos)) as opened:
        yield opened


def test_what_a_filter_finds_beyond_its_own_name_is_counted_too(library: Library) -> None:
    """`camera:"Google Pixel 6"` is in the name of the Pro, too; Paris is in two countries."""
    cameras = {one.value: one.photos for one in library.facets().cameras}
    assert cameras == {"Google Pixel 6": 2, "Google Pixel 6 Pro": 1}
    (paris,) = library.facets().places
    assert (paris.value, paris.photos, paris.filter) == ("Paris", 2, "place:Paris")
    assert [(one.value, one.photos) for one in library.facets().tags] == [("Cat", 1)]


def test_folders_are_those_inside_the_one_that_holds_all(library: Library) -> None:
    """Choosing one shows what is in it; a photo that lies twice in a folder counts once."""
    top = library.facets().folders
    assert [(one.name, one.photos) for one in top] == [("2024", 2), ("2023", 1)]
    inner = library.facets(read_text(top[0].filter).filters).folders
    assert sorted((one.name, one.photos) for one in inner) == [
        ("best", 1), ("july", 1), ("june", 1),
    ]  # fmt: skip
    (best,) = (one for one in inner if one.name == "best")
    (last,) = library.facets(read_text(best.filter).filters).folders
    assert last == best


def test_months_are_told_of_one_year(library: Library) -> None:
    assert library.facets().months == ()
    inner = library.facets(Filters(date="2024"))
    assert [one.value for one in inner.months] == ["2024-07", "2024-06"]


def test_what_is_stored_later_is_counted(library: Library, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also by a Library that counted before; its twins need not count again."""
    assert library.facets().photos == 3
    monkeypatch.setattr("photosearch.survey.columns.REST", 0)
    catalogue = Catalogue(library.path)
    photo = Photo(hashlib.sha256(b"new").digest(), 1, "png", 1, 1, Facts())
    catalogue.commit(1, 1, Batch(new=[NewPhoto(photo, b"\0\0\0\0", [FoundFile(b"new.png", 1, 1)])]))
    catalogue.close()
    found = library.facets()
    assert found.photos == 4
    assert [one.filter for one in found.formats] == ["type:jpeg", "type:png"]
    assert library.twin().facets() is found


def test_an_empty_library_has_nothing_to_count(tmp_path: Path) -> None:
    with Library.open(tmp_path / "library", create=True) as library:
        assert library.facets() == Facets(0)
        assert library.facets(Filters(date="2024")) == Facets(0)
        assert library.complete("camera:").items == ()
