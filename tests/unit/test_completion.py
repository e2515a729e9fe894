"""search.completion: what may stand at the cursor of a text that is being typed."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from photosearch.errors import PhotosearchError
from photosearch.reports.contents import Counted, Facets
from photosearch.search.completion import MOST, Completion, complete
from photosearch.search.qualifiers import read_text
from photosearch.search.typed import index_of, units_of
from photosearch.search.values import spelled

TODAY = date(2026, 3, 1)


def counted(option: str, value: str, photos: int, **more: str) -> Counted:
    text = spelled(option, value)
    assert text is not None
    return Counted(value, photos, text, **more)


FACETS = Facets(
    100,
    years=(counted("date", "2024", 60), counted("date", "2023", 40)),
    places=(
        counted("place", "Kyoto", 30, kind="city", country="Japan"),
        counted("place", "New York City", 5, kind="city", country="United States"),
        counted("place", "東京 \U0001f5fc", 3, kind="city", country="Japan"),
    ),
    countries=(counted("place", "Japan", 33, kind="country"),),
    cameras=(counted("camera", 'The "Pixel" 6', 10), counted("camera", "Canon", 2)),
    lenses=(counted("lens", "50mm", 4),),
    tags=(counted("tag", "cat", 7), counted("tag", "beach", 6)),
    formats=(counted("type", "jpeg", 90), counted("type", "raw", 10)),
)
FOLDERS = (
    counted("in", "/photos/2024", 60, name="2024"),
    counted("in", "/photos/Our holiday", 20, name="Our holiday"),
)


def folders(typed: str) -> Sequence[Counted]:
    return FOLDERS


def at_cursor(marked: str) -> tuple[str, Completion]:
    """`|` is the cursor."""
    before, _, after = marked.partition("|")
    text = before + after
    return text, complete(text, units_of(before), lambda: FACETS, folders, TODAY)


def put_in(text: str, found: Completion, insert: str) -> str:
    """What the page does with an item, in UTF-16 code units."""
    units = text.encode("utf-16-le", "surrogatepass")
    whole = (
        units[: 2 * found.first] + insert.encode("utf-16-le", "surrogatepass")
        + units[2 * found.end :]
    )  # fmt: skip
    return whole.decode("utf-16-le", "surrogatepass")


@pytest.mark.parametrize(
    ("marked", "texts"),
    [
        ("cam|", ["camera:"]),
        ("a dog cam|", ["a dog camera:"]),
        ("-cam|", ["-camera:"]),
        ("withi|", ["within:"]),
        ("camera:|", ['camera:"The ""Pixel"" 6" ', "camera:Canon "]),
        ("camera:pix|", ['camera:"The ""Pixel"" 6" ']),
        ('camera:"The ""P|', ['camera:"The ""Pixel"" 6" ']),
        ('camera:"can| after:2021', ["camera:Canon after:2021"]),
        ("CAMERA:CAN| dog", ["camera:Canon dog"]),
        ("camera:can|dle", ["camera:Canon "]),
        ("-camera:can|", ["-camera:Canon "]),
        ("not-camera:can|", ["-camera:Canon "]),
        ("-not-camera:can|", ["camera:Canon "]),
        ("place:ja|", ["place:Japan "]),
        ("place:york|", ['place:"New York City" ']),
        ("\U0001f600 place:東|", ['\U0001f600 place:"東京 \U0001f5fc" ']),
        ("near:ky|", ["near:Kyoto "]),
        ("type:r|", ["type:raw "]),
        ("lens:|", ["lens:50mm "]),
        ("tag:b|", ["tag:beach "]),
        ("in:our|", ['in:"/photos/Our holiday" ', "in:/photos/2024 "][:1]),
        ("in:/photos/2|", ["in:/photos/2024 "]),
        ("has:g|", ["has:gps "]),
        ("orientation:p|", ["orientation:portrait "]),
        ("date:20|", ["date:2024 ", "date:2023 "]),
        ("date:2024-1|", ["date:2024-10 ", "date:2024-11 ", "date:2024-12 "]),
        ("after:yes|", ["after:yesterday "]),
        ('date:"last s|', ['date:"last spring" ', 'date:"last summer" ']),
        ("near:Kyoto within:2|", ["near:Kyoto within:25 "]),
        ("kyo|", ["place:Kyoto "]),
        ("beac|", ["tag:beach "]),
        # Nothing to say: within a phrase, behind a closed one, a URL, a name of nothing.
        ('"cam|', []),
        ('"cam|era"', []),
        ('"exit"cam|', []),
        ('camera:"Canon"|', []),
        ("https://example.org/cam|", []),
        ("nothing:cam|", []),
        ("-within|", []),
        ("came|ra", []),
        ("10:3|", []),
    ],
)
def test_what_may_stand_at_the_cursor(marked: str, texts: list[str]) -> None:
    text, found = at_cursor(marked)
    assert [put_in(text, found, item.insert) for item in found.items] == texts


def test_an_empty_field_offers_all_names() -> None:
    _, found = at_cursor("|")
    labels = [item.label for item in found.items]
    assert "in:" in labels
    assert len(labels) == MOST
    assert all(item.help for item in found.items)
    assert at_cursor("a dog | on a beach")[1].items == found.items


def test_counts_are_told_where_they_are_true() -> None:
    """A negated filter passes other photos than those that have the value."""
    assert at_cursor("camera:can|")[1].items[0].photos == 2
    assert at_cursor("-camera:can|")[1].items[0].photos is None
    assert at_cursor("near:ky|")[1].items[0].photos is None
    assert at_cursor("after:2024|")[1].items[0].photos is None
    assert at_cursor("date:2024|")[1].items[0].photos == 60


pieces = st.sampled_from(
    ["cam", "camera:", "place:", "date:", "in:", "-", "near:", "within:", "type:", "has:", "tag:",
     "kyoto", "2024", "last su", '"', '""', "“", "”", "„", "«", "」", "「", " ", "  ", "\n", ":",
     "dog",
     "a", "\U0001f600", "é", "\ud800", "\0", "http://a", "not-tag:", "orientation:p",
     "min-megapixels:",
     "Our hol", "/photos/", "pix"]
)  # fmt: skip
texts = st.lists(st.one_of(pieces, st.text(max_size=3)), max_size=8).map("".join)


@given(text=texts, at=st.integers(-3, 60))
def test_any_text_and_any_position_is_answered(text: str, at: int) -> None:
    """What is replaced lies inside the text, and reaches to the cursor or beyond."""
    found = complete(text, at, lambda: FACETS, folders, TODAY)
    assert 0 <= found.first <= found.end <= units_of(text)
    assert len(found.items) <= MOST
    cursor = index_of(text, at)
    assert found.first <= units_of(text[:cursor]) <= found.end
    put_in(text, found, "x")  # no half characters


@given(text=texts, at=st.integers(0, 60))
def test_what_is_inserted_can_be_read(text: str, at: int) -> None:
    """Where the rest of the text makes sense, the whole does with a value put in."""
    found = complete(text, at, lambda: FACETS, folders, TODAY)
    for item in found.items:
        if item.insert.endswith(":"):
            continue  # a name that waits for its value
        before = read_or_none(item.insert)
        assert before is not None, item
        rest = put_in(text, found, "")
        whole = put_in(text, found, item.insert)
        apart = whole.replace(item.insert, "").split()
        if read_or_none(rest) is not None and rest.split() == apart:
            made = read_or_none(whole)
            assert made is not None, (whole, item)
            assert not made.filters.is_empty()


def read_or_none(text: str):  # type: ignore[no-untyped-def]
    try:
        return read_text(text, TODAY)
    except PhotosearchError:
        return None


@given(text=st.text(max_size=20), at=st.integers(-5, 50))
def test_positions_in_utf_16(text: str, at: int) -> None:
    """As a browser counts them; in the middle of a pair, before it."""
    index = index_of(text, at)
    assert 0 <= index <= len(text)
    assert units_of(text[:index]) <= max(at, 0)
    assert units_of(text) == len(text.encode("utf-16-le", "surrogatepass")) // 2
    assert index_of(text, units_of(text[:index])) == index
