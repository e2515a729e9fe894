"""Values of filters that depend on what day it is, and on how a file system spells a folder."""

from __future__ import annotations

import unicodedata
from datetime import date
from pathlib import Path

import pytest

from photosearch.errors import WrongUse
from photosearch.records import Facts, FoundFile, Photo
from photosearch.search.conditions import FORMATS, HAS
from photosearch.search.filters import Filters, opposite, options
from photosearch.search.qualifiers import as_text, read_text
from photosearch.store.catalogue import Batch, Catalogue, NewPhoto
from photosearch.store.snapshot import Snapshot

TODAY, LATER = date(2024, 7, 15), date(2030, 7, 15)


@pytest.mark.parametrize(("today", "expected"), [(TODAY, "2023-01"), (LATER, "last year")])
def test_the_stricter_of_two_dates_depends_on_the_day(today: date, expected: str) -> None:
    """The first day of last year is before or after a given one."""
    first, second = Filters(after="last year"), Filters(after="2023-01")
    if today == TODAY:  # both are the first of January of 2023: either may stay
        assert first.merged(second, today).after in ("last year", "2023-01")
        second, expected = Filters(after="2023-02"), "2023-02"
    assert first.merged(second, today).after == expected
    assert second.merged(first, today).after == expected
    assert read_text(f'after:"last year" after:{second.after}', today).filters.after == expected
    before = {"2023-02": "last year", "last year": "2023-01"}[expected]
    assert Filters(before="last year").merged(Filters(before=second.after), today).before == before


def test_a_contrary_is_written_with_a_hyphen_and_read_again() -> None:
    for text in ("-tag:cat", "-in:screenshots", '-camera:"Pixel 6"', "-type:png", "tag:cat"):
        filters = read_text(text, TODAY).filters
        assert as_text(filters) == text


def test_a_hyphen_before_a_single_letter_is_no_contrary_either() -> None:
    for text in ("-a", "-people", "-é"):
        with pytest.raises(WrongUse, match="searched for as words"):
            read_text(text, TODAY)
    for text in ("-", "-5", "- people", "--"):
        assert read_text(text, TODAY).text == text.strip()


def test_a_word_that_is_like_no_filter_is_not_guessed() -> None:
    with pytest.raises(WrongUse, match=r"^there is no filter xyzzy:$"):
        read_text("xyzzy:1", TODAY)
    with pytest.raises(WrongUse, match=r"tag is empty$"):
        Filters(tag=" ")


def test_each_field_says_how_it_is_typed_and_what_it_keeps() -> None:
    fields = {one.name: one.metadata for one in options()}
    assert {about["option"] for about in fields.values()} >= {"in", "not-in", "tag", "not-tag"}
    for name, about in fields.items():
        assert about["option"] == about["example"].split()[0]
        assert bool(about["metavar"]) != bool(about["negates"])
        if about["negates"]:
            positive = fields[about["negates"]]
            assert about["help"] == f"of which `--{positive['option']}` would not be true"
            (one,) = [one for one in options() if one.name == name]
            other = opposite(one)
            assert other is not None
            assert other.name == about["negates"]
    assert {name for name, about in fields.items() if about["every"]} == {"tag", "has"}


@pytest.mark.parametrize("given", ["NFC", "NFD"])
@pytest.mark.parametrize("stored", ["NFC", "NFD"])
def test_a_folder_is_found_in_any_normal_form(tmp_path: Path, given: str, stored: str) -> None:
    """Some systems store é as one character, others as two."""
    catalogue = Catalogue(tmp_path / "library", create=True)
    root = catalogue.add_root(unicodedata.normalize(stored, "/fêtes").encode())
    model = catalogue.add_model("key", "model", 2)
    paths = ["été/a.jpg", "été/nuit/b.jpg", "hiver/été/c.jpg", "étés/d.jpg", "e.jpg"]
    new = [
        NewPhoto(
            Photo(number.to_bytes(32, "big"), 1, "jpeg", 1, 1, Facts()),
            bytes(4),
            [FoundFile(unicodedata.normalize(stored, path).encode(), 1, 1)],
        )
        for number, path in enumerate(paths, 1)
    ]
    catalogue.commit(root, model, Batch(new=new))
    catalogue.close()
    snapshot = Snapshot(tmp_path / "library")

    def inside(folder: str) -> list[int]:
        filters = Filters(in_folder=unicodedata.normalize(given, folder))
        found = filters.allowed_ids(snapshot)
        assert found is not None
        outside = Filters(not_in_folder=filters.in_folder).allowed_ids(snapshot)
        assert outside is not None
        assert sorted([*found.tolist(), *outside.tolist()]) == [1, 2, 3, 4, 5]
        shown = snapshot.photos([1, 2, 3, 4, 5])
        for photo_id, row in shown.items():
            place = row.places[0]
            assert filters.accepts_path(place.root + b"/" + place.path) == (photo_id in found)
        return found.tolist()

    assert inside("/fêtes/été") == [1, 2]
    assert inside("/fêtes/été/nuit") == [2]
    assert inside("/fêtes/hiver/été") == [3]
    assert inside("/fêtes") == [1, 2, 3, 4, 5]
    if given == stored:
        with pytest.raises(WrongUse, match="not in any indexed folder"):
            inside("/fête")
    snapshot.close()


def test_a_value_that_is_none_of_some_words_is_told_them() -> None:
    for field, known in (("type", FORMATS), ("has", list(HAS))):
        with pytest.raises(WrongUse) as caught:
            Filters(**{field: "nonsense"})
        assert caught.value.hint == f"one of: {', '.join(sorted(known))}"
        assert " nonsense: no such " in str(caught.value)
    assert Filters(type=".JPG").type == ("jpeg",)
    assert Filters(min_megapixels="12MP").min_megapixels == 12  # type: ignore[arg-type]
    assert Filters(min_megapixels=" .5 mp ").min_megapixels == 0.5  # type: ignore[arg-type]
    for text in ("0", "-1", "1e999", "x", "12 kp", "1.2.3"):
        with pytest.raises(WrongUse) as caught:
            Filters(min_megapixels=text)  # type: ignore[arg-type]
        assert str(caught.value).endswith(f" {text} is no number above 0")
        assert "12" in caught.value.hint


@pytest.mark.parametrize("kinds", [3, 30])
def test_a_maker_of_few_or_of_many_cameras_is_found(tmp_path: Path, kinds: int) -> None:
    """Few are compared one by one, many within the query: in any capitals either way."""
    catalogue = Catalogue(tmp_path / "library", create=True)
    root, model = catalogue.add_root(b"/photos"), catalogue.add_model("key", "model", 2)
    cameras = [*(f"CÁMARA {number}" for number in range(kinds)), "Other", None]
    new = [
        NewPhoto(
            Photo(number.to_bytes(32, "big"), 1, "jpeg", 1, 1, Facts(camera=camera)),
            bytes(4),
            [FoundFile(b"%d.jpg" % number, 1, 1)],
        )
        for number, camera in enumerate(cameras, 1)
    ]
    catalogue.commit(root, model, Batch(new=new))
    catalogue.close()
    snapshot = Snapshot(tmp_path / "library")
    found = Filters(camera=("cámara",)).allowed_ids(snapshot)
    others = Filters(not_camera=("cámara",)).allowed_ids(snapshot)
    assert found is not None
    assert others is not None
    assert sorted(found.tolist()) == list(range(1, kinds + 1))
    assert sorted(others.tolist()) == [kinds + 1, kinds + 2]
    snapshot.close()


def test_a_distance_without_a_place_is_refused(tmp_path: Path) -> None:
    Catalogue(tmp_path / "library", create=True).close()
    snapshot = Snapshot(tmp_path / "library")
    with pytest.raises(WrongUse, match=r"within needs .*near"):
        Filters(within=5).allowed_ids(snapshot)
    snapshot.close()
