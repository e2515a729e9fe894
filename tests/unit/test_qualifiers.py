"""A text as people type it: words, phrases in print, filters. Any text at all has one meaning."""

from __future__ import annotations

import math
from datetime import date

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from photosearch.errors import WrongUse
from photosearch.search.filters import Filters, is_list, options
from photosearch.search.qualifiers import Asked, as_text, read_text
from photosearch.search.query import make_query
from tests.long import examples

TODAY = date(2024, 7, 15)


def asked(text: str) -> Asked:
    return read_text(text, TODAY)


@pytest.mark.parametrize(
    "text",
    [
        "a dog on the beach",
        "at 10:30",
        "ratio 4:3",
        "Re: hello",
        "猫:狗",
        "mp3:player",
        "-5 degrees",
        "a - b",
        "t-shirt",
        "don't",
        "::",
        ":)",
        'a 19" screen',
        'a 5" nail and a 19" screen',
        'one "quote',
        '"',
        "“",
        "100% OR 'x'; DROP TABLE photos --",
        "a  b",
    ],
)
def test_plain_texts_stay_as_they_are(text: str) -> None:
    assert asked(text) == Asked(text=text)
    assert asked(f"  {text}\n") == Asked(text=text)


@pytest.mark.parametrize(
    ("text", "left", "filters"),
    [
        ("beach after:2021", "beach", Filters(after="2021")),
        ("after:2021 beach", "beach", Filters(after="2021")),
        ("big AFTER:2021 beach", "big beach", Filters(after="2021")),
        ('camera:"Pixel 6"', "", Filters(camera="Pixel 6")),
        ("camera:“Pixel 6” cat", "cat", Filters(camera="Pixel 6")),
        ('tag:"say ""hi"""', "", Filters(tag='say "hi"')),
        ("-in:screenshots", "", Filters(not_in_folder="screenshots")),
        ("in:a in:b", "", Filters(in_folder=["a", "b"])),
        ("in:~/Pictures/a", "", Filters(in_folder="~/Pictures/a")),
        ("not-camera:canon", "", Filters(not_camera="canon")),
        ("-not-camera:canon", "", Filters(camera="canon")),
        ("-after:2021", "", Filters(before="2021")),
        ("-before:2021", "", Filters(after="2021")),
        ("-min-megapixels:12", "", Filters(max_megapixels=12)),
        ("after:2020 after:2021-06 after:2019", "", Filters(after="2021-06")),
        ("before:2020 before:2021", "", Filters(before="2020")),
        ('date:"last summer"', "", Filters(date="last summer")),
        ("near:Kyoto within:3mi", "", Filters(near="Kyoto", within=4.828032)),
        ("within:3", "", Filters(within=3)),  # --near may stand beside the text
        ("near:35.01,135.77", "", Filters(near="35.01,135.77")),
        ("has:gps has:text", "", Filters(has=["gps", "words"])),
        ("type:JPG -type:.heif", "", Filters(type="jpeg", not_type="heic")),
        ("name:IMG_12*", "", Filters(name="IMG_12*")),
        ("猫\u3000after:2021", "猫", Filters(after="2021")),
    ],
)
def test_qualifiers(text: str, left: str, filters: Filters) -> None:
    assert asked(text) == Asked(text=left, filters=filters)


@pytest.mark.parametrize(
    ("text", "left", "phrases", "not_phrases"),
    [
        ('"EXIT"', "", ("EXIT",), ()),
        ('sign "NO ENTRY" -"EXIT"', "sign", ("NO ENTRY",), ("EXIT",)),
        ("„Ausgang“ «sortie» “exit” 「出口」", "", ("Ausgang", "sortie", "exit", "出口"), ()),
        ("出口“EXIT”标志", "出口 标志", ("EXIT",), ()),
        ('"a" "a" "  b\tc "', "", ("a", "b c"), ()),
        ('"after:2021"', "", ("after:2021",), ()),
        ('"http://example.org"', "", ("http://example.org",), ()),
        ('"say ""hi"""', "", ('say "hi"',), ()),
        ('x "" y', "x y", (), ()),
    ],
)
def test_phrases(
    text: str, left: str, phrases: tuple[str, ...], not_phrases: tuple[str, ...]
) -> None:
    assert asked(text) == Asked(left, phrases, not_phrases)


@pytest.mark.parametrize(
    ("text", "message", "hint"),
    [
        ("caemra:canon", "no filter caemra:; did you mean camera:", "in quotes"),
        ("foo:bar", "no filter foo:", "filters: in, after"),
        ("Star Trek:Discovery", "no filter trek:", '"trek:Discovery" in quotes'),
        ("https://example.org/a.jpg", "is an address", "--image https://example.org/a.jpg"),
        ("camera:", "camera: stands", "camera:"),
        ("camera: canon", "camera: stands", "camera:"),
        ("(camera:canon)", "camera: stands", "camera:"),
        ("--camera:canon", "camera: stands", "camera:"),
        ("beach,after:2021", "after: stands", "after:"),
        ('camera:""', "camera: has no value", "camera:"),
        ('camera:"Pixel 6', "the quote is not closed", 'camera:"Pixel 6"'),
        ("after:junk", "is no date", "2024-06-01"),
        ("type:exe", "no such format", "jpeg"),
        ("type:nef", "all raw files are one type", '--type raw --name "*.nef"'),
        ("has:wings", "no such fact", "gps"),
        ("orientation:up", "no such orientation", "portrait"),
        ("min-megapixels:many", "no number above 0", "12"),
        ("near:91,0", "no point on the globe", "latitude"),
        ("-within:5", "means nothing", "within:5"),
        ("beach -people", "would be searched for as words", "--minus"),
        ("in:~x\0", "is no folder", ""),
    ],
)
def test_what_is_no_qualifier_is_said_and_never_searched_for(
    text: str, message: str, hint: str
) -> None:
    with pytest.raises(WrongUse) as caught:
        asked(text)
    assert message in str(caught.value)
    assert hint in caught.value.hint


@pytest.mark.parametrize("one", list(options()), ids=lambda one: str(one.name))
def test_every_example_is_understood(one) -> None:  # type: ignore[no-untyped-def]
    name, _, value = one.metadata["example"].partition(" ")
    filters = asked(f"{name}:{value}").filters
    assert getattr(filters, one.name)
    assert list(filters.as_dict()) == [name]


values = {
    "after": st.dates().map(str),
    "before": st.dates().map(str),
    "date": st.sampled_from(["2021", "2021-06", "last summer", "christmas 2020"]),
    "near": st.sampled_from(["Kyoto", "Paris, Texas", "35.01,135.77", "-1,2"]),
    "within": st.floats(1e-3, 1e5),
    "has": st.sampled_from(["gps", "words", "date", "tag", "camera"]),
    "type": st.sampled_from(["jpeg", "raw", "heic"]),
    "orientation": st.sampled_from(["portrait", "landscape", "square"]),
    "min_megapixels": st.floats(1e-3, 1e5),
    "max_megapixels": st.floats(1e-3, 1e5),
}
texts = st.text(st.characters(codec="utf-8", exclude_characters="\0"), min_size=1).filter(
    lambda text: bool(text.strip())
)


@st.composite
def any_filters(draw: st.DrawFn) -> Filters:
    given = {}
    for one in options():
        if draw(st.booleans()):
            value = values.get(one.name.removeprefix("not_"), texts)
            given[one.name] = draw(st.lists(value, max_size=3) if is_list(one) else value)
    return Filters(**given)


@settings(max_examples=300, deadline=None)
@given(any_filters())
def test_filters_are_written_as_qualifiers_and_read_again(filters: Filters) -> None:
    text = as_text(filters)
    assert asked(text) == Asked(filters=filters)
    assert asked(f"dog {text} on a beach").filters == filters


ODD = [*"AND OR NOT NEAR( -- /* */ '; \" - “ ” „ « » 「 」 : * ? [ ] ( ) { } ' % _ \\".split()]
ODD += ["🐈‍⬛", "猫", "👩‍👩‍👧", "2021", "last summer", "gps", "jpeg", "10:30", "http://", "foo:"]
ODD += ["DROP TABLE photos", "\ud800", "\udcff", "\0", "\x85"]
NAMES = [f"{one.metadata['option']}:" for one in options()]
pieces = st.one_of(st.sampled_from([*ODD, *NAMES, " ", "\n"]), st.text(max_size=8), st.characters())
any_text = st.one_of(
    st.text(), st.lists(pieces, max_size=12).map("".join), st.lists(pieces).map(" ".join)
)


def meaning(text: str) -> Asked | str:
    """What a text asks for, or why it asks for nothing."""
    try:
        return asked(text)
    except WrongUse as error:
        return str(error)


@settings(max_examples=examples(2_000, 10_000), deadline=None)
@given(any_text)
@example('0"0"')
@example("\ud800:\udcff")
def test_any_text_has_one_meaning_or_is_wrong_use(text: str) -> None:
    first = meaning(text)
    assert meaning(text) == first
    if isinstance(first, str):
        assert 0 < len(first) < 300
        return
    assert all(phrase.strip() for phrase in (*first.phrases, *first.not_phrases))
    assert first.text == first.text.strip()
    assert set(first.text) <= {*text, " "}
    # Nothing is lost: a text without quotes and filters is looked for as it is.
    if not set(text) & set('"“„«「『') and first.filters.is_empty():
        assert first == Asked(text=text.strip())


LONG = {
    "quotes": '"' * 10_001,
    "open quotes": "“" * 10_000,
    "negated quotes": '-"' * 5_000,
    "names": "a:" * 5_000,
    "words": "x " * 5_000,
    "hyphens": "-" * 10_000,
    "folder": "in:" + "a" * 10_000,
    "glob": "name:" + "*a" * 5_000,
    "unknown": "a" * 10_000 + ":b",
    "date": "after:" + "9" * 10_000,
    "point": "near:" + "9" * 10_000,
    "points": "near:" + "9," * 5_000,
    "cats": "猫" * 3_000,
    "tags": "tag:x " * 2_000,
}


@pytest.mark.parametrize("name", LONG)
def test_long_texts_have_a_meaning_too(name: str) -> None:
    found = meaning(LONG[name])
    assert isinstance(found, Asked) or len(found) < 300


def test_merged_filters_must_both_hold() -> None:
    one = Filters(after="2020", tag="cat", in_folder="a", min_megapixels=2)
    other = Filters(after="2021", tag="dog", not_in_folder="b", min_megapixels=1)
    both = one.merged(other, TODAY)
    assert both == Filters(
        after="2021", tag=["cat", "dog"], in_folder="a", not_in_folder="b", min_megapixels=2
    )
    assert one.merged(Filters()) == one == Filters().merged(one)
    assert one.merged(one) == one
    # One of the first folders, and one of the others: no single list says that.
    assert Filters(in_folder="a").merged(Filters(in_folder="b")).also == (Filters(in_folder="b"),)


def test_a_query_has_the_filters_of_its_text() -> None:
    query = make_query("beach after:2021", filters=Filters(after="2020", tag="cat"))
    assert query.filters == Filters(after="2021", tag="cat")
    assert math.isclose(query.parts[0].weight, 1)
    assert query.parts[0].value == "beach"


def test_the_colon_of_a_chinese_keyboard_is_one() -> None:
    assert read_text("海滩　date：2021 猫：狗") == read_text("海滩 date:2021 猫：狗")
    assert read_text("海滩　date：2021 猫：狗").text == "海滩 猫：狗"


@pytest.mark.parametrize("text", ["日期:2021", "海滩 日期：2021", "-時間：2021"])
def test_a_filter_in_chinese_is_told_by_its_name(text: str) -> None:
    with pytest.raises(WrongUse, match="called date:") as caught:
        read_text(text)
    assert caught.value.hint == "date:2021"
