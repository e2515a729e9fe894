"""EXIF to facts, through a real file: what Pillow reads back is what the tests are about."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from PIL.TiffImagePlugin import IFDRational

from photosearch.decode.facts import read_facts
from photosearch.decode.pixels import decode
from photosearch.records import Facts
from tests.make import GPS, Tag, camera_exif, exif, gps_tags, jpeg, picture, sexagesimal

SMALL = picture(1, (16, 16))


def facts_of(block: Image.Exif) -> Facts:
    return read_facts(decode(jpeg(SMALL, exif=block)).exif)


def test_no_exif_is_all_unknown() -> None:
    assert read_facts(decode(jpeg(SMALL)).exif) == Facts()


def test_everything_a_camera_writes() -> None:
    block = exif(
        {Tag.Make: "NIKON CORPORATION", Tag.Model: "NIKON D850\0", Tag.Orientation: 6},
        {
            Tag.DateTimeOriginal: "2023:10:01 18:20:30",
            Tag.SubsecTimeOriginal: "250",
            Tag.OffsetTimeOriginal: "+02:00",
            Tag.LensModel: " 50mm f/1.8G  ",
            Tag.ISOSpeedRatings: 400,
            Tag.FNumber: IFDRational(28, 10),
            Tag.ExposureTime: IFDRational(1, 250),
            Tag.FocalLength: IFDRational(50, 1),
        },
        {**gps_tags(48.858222, 2.2945), GPS.GPSAltitudeRef: b"\0", GPS.GPSAltitude: 35.5},
    )
    assert facts_of(block) == Facts(
        taken_at="2023-10-01T18:20:30.250+02:00",
        make="NIKON CORPORATION",
        camera="NIKON D850",
        lens="50mm f/1.8G",
        latitude=pytest.approx(48.858222, abs=1e-6),
        longitude=pytest.approx(2.2945, abs=1e-6),
        altitude=35.5,
        orientation=6,
        iso=400,
        f_number=2.8,
        exposure=0.004,
        focal_length=50.0,
    )


@pytest.mark.parametrize(
    ("written", "taken_at"),
    [
        ("2021:07:04 10:11:12", "2021-07-04T10:11:12"),
        ("2021-07-04 10:11:12", "2021-07-04T10:11:12"),
        ("2021-07-04T10:11:12", "2021-07-04T10:11:12"),
        ("2021/07/04 10:11:12", "2021-07-04T10:11:12"),
        ("2021:07:04 10:11:12.5 more", "2021-07-04T10:11:12"),
        ("2024:02:29 00:00:00", "2024-02-29T00:00:00"),
        ("1904:01:01 00:00:00", "1904-01-01T00:00:00"),
        ("2023:02:29 00:00:00", None),
        ("2021:13:04 10:11:12", None),
        ("2021:07:32 10:11:12", None),
        ("2021:07:04 25:11:12", None),
        ("2021:07:04 10:60:12", None),
        ("0000:00:00 00:00:00", None),
        ("    :  :     :  :  ", None),
        ("", None),
        ("2021:07:04", None),
        ("yesterday afternoon", None),
        ("12:07:2021 10:11:12", None),
    ],
)
def test_dates(written: str, taken_at: str | None) -> None:
    assert facts_of(exif({}, {Tag.DateTimeOriginal: written})).taken_at == taken_at


@pytest.mark.parametrize(
    ("fraction", "offset", "end"),
    [
        ("5", None, ".5"),
        ("050  ", None, ".050"),
        ("000", "+00:00", "+00:00"),
        ("00", None, ""),
        ("1234567890", None, ".123456"),
        ("x", "Z", ""),
        (None, "-09:30", "-09:30"),
        (None, "+14:00", "+14:00"),
        (None, "   :  ", ""),
        (None, "+2:00", ""),
        (None, "+99:99", ""),
        (None, "+24:00", ""),
    ],
)
def test_fractions_and_offsets(fraction: str | None, offset: str | None, end: str) -> None:
    detail = {Tag.DateTimeOriginal: "2021:07:04 10:11:12"}
    if fraction is not None:
        detail[Tag.SubsecTimeOriginal] = fraction
    if offset is not None:
        detail[Tag.OffsetTimeOriginal] = offset
    taken_at = facts_of(exif({}, detail)).taken_at
    assert taken_at == f"2021-07-04T10:11:12{end}"
    datetime.fromisoformat(taken_at)  # what is stored has to be a date for every reader


@pytest.mark.parametrize(
    ("block", "taken_at"),
    [
        (
            exif(
                {Tag.DateTime: "2023:03:03 03:03:03"},
                {
                    Tag.DateTimeOriginal: "2021:01:01 01:01:01",
                    Tag.DateTimeDigitized: "2022:02:02 02:02:02",
                },
            ),
            "2021-01-01T01:01:01",
        ),
        (
            exif(
                {Tag.DateTime: "2023:03:03 03:03:03"},
                {
                    Tag.DateTimeOriginal: "0000:00:00 00:00:00",
                    Tag.OffsetTimeOriginal: "+01:00",
                    Tag.DateTimeDigitized: "2022:02:02 02:02:02",
                    Tag.OffsetTimeDigitized: "+02:00",
                },
            ),
            "2022-02-02T02:02:02+02:00",
        ),
        (exif({Tag.DateTime: "2023:03:03 03:03:03"}), "2023-03-03T03:03:03"),
        (exif({}, {}, {GPS.GPSDateStamp: "2023:03:03"}), None),
    ],
    ids=["taken", "digitised", "changed", "gps-alone"],
)
def test_the_best_date_counts(block: Image.Exif, taken_at: str | None) -> None:
    assert facts_of(block).taken_at == taken_at


@settings(deadline=None, max_examples=60)
@given(
    st.datetimes(min_value=datetime(1, 1, 1), timezones=st.none()).map(
        lambda moment: moment.replace(microsecond=0)
    ),
    st.none() | st.integers(-23 * 60, 23 * 60),
)
def test_any_moment_comes_back(moment: datetime, minutes: int | None) -> None:
    if minutes is not None:
        moment = moment.replace(tzinfo=timezone(timedelta(minutes=minutes)))
    # strftime does not pad years below 1000 on every system.
    block = camera_exif(taken=moment)
    detail = block.get_ifd(0x8769)
    detail[Tag.DateTimeOriginal] = f"{moment.year:04}" + detail[Tag.DateTimeOriginal][-15:]
    assert facts_of(block).taken_at == moment.isoformat()


@settings(deadline=None, max_examples=60)
@given(
    st.floats(-90, 90).map(lambda degrees: round(degrees, 6)),
    st.floats(-180, 180).map(lambda degrees: round(degrees, 6)),
)
def test_any_place_comes_back(latitude: float, longitude: float) -> None:
    facts = facts_of(camera_exif(place=(latitude, longitude)))
    if abs(latitude) < 1e-7 and abs(longitude) < 1e-7:
        assert (facts.latitude, facts.longitude) == (None, None)
    else:
        assert facts.latitude == pytest.approx(latitude, abs=1e-6)
        assert facts.longitude == pytest.approx(longitude, abs=1e-6)


HALF = IFDRational(1, 2)
GOOD = gps_tags(10.5, 20.25)


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({}, (10.5, 20.25)),
        ({GPS.GPSLatitudeRef: "S"}, (-10.5, 20.25)),
        ({GPS.GPSLongitudeRef: "W"}, (10.5, -20.25)),
        ({GPS.GPSLatitudeRef: "n\0"}, (10.5, 20.25)),
        ({GPS.GPSLatitude: (IFDRational(105, 10), 0, 0)}, (10.5, 20.25)),
        ({GPS.GPSLatitude: sexagesimal(90)}, (90, 20.25)),
        ({GPS.GPSLatitude: sexagesimal(0)}, (0, 20.25)),
        ({GPS.GPSLatitude: sexagesimal(90.001)}, None),
        ({GPS.GPSLongitude: sexagesimal(180.001)}, None),
        ({GPS.GPSLatitude: (IFDRational(10, 0), HALF, HALF)}, None),
        ({GPS.GPSLatitude: (HALF, HALF, IFDRational(0, 0))}, None),
        ({GPS.GPSLatitude: (10.0, 30.0)}, None),
        ({GPS.GPSLatitude: 10.5}, None),
        ({GPS.GPSLatitudeRef: None}, None),
        ({GPS.GPSLatitudeRef: ""}, None),
        ({GPS.GPSLatitudeRef: "E"}, None),
        ({GPS.GPSLongitude: None, GPS.GPSLongitudeRef: None}, None),
        ({GPS.GPSLatitude: sexagesimal(0), GPS.GPSLongitude: sexagesimal(0)}, None),
    ],
    ids=[
        "good",
        "south",
        "west",
        "lower-case",
        "decimal-degrees",
        "pole",
        "equator",
        "beyond-the-pole",
        "beyond-180",
        "zero-denominator",
        "zero-by-zero",
        "two-numbers",
        "one-number",
        "no-letter",
        "empty-letter",
        "wrong-letter",
        "latitude-alone",
        "no-fix",
    ],
)
def test_places(changes: dict[int, Any], expected: tuple[float, float] | None) -> None:
    tags = {tag: value for tag, value in (GOOD | changes).items() if value is not None}
    tags[GPS.GPSAltitude] = 100.0
    facts = facts_of(exif({}, {}, tags))
    assert (facts.latitude, facts.longitude) == (expected or (None, None))
    # A height without a place says nothing.
    assert facts.altitude == (100.0 if expected else None)


@pytest.mark.parametrize(
    ("reference", "altitude"),
    [(None, 12.5), (b"\0", 12.5), (b"\1", -12.5)],
    ids=["none", "above", "below"],
)
def test_altitude(reference: bytes | None, altitude: float) -> None:
    tags = {**GOOD, GPS.GPSAltitude: IFDRational(25, 2)}
    if reference is not None:
        tags[GPS.GPSAltitudeRef] = reference
    assert facts_of(exif({}, {}, tags)).altitude == altitude


@pytest.mark.parametrize(
    ("written", "read"),
    [
        (b"Fuji\0junk after the end", "Fuji"),
        ("  padded  ", "padded"),
        ("", None),
        (" \t ", None),
        ("caf\u00e9".encode(), "caf\u00e9"),
        ("caf\u00e9".encode("latin-1"), "caf\u00e9"),
        ("\u4f73\u80fd".encode(), "\u4f73\u80fd"),
        (b"\x1b[31mred\x07", "[31mred"),
        (b"x" * 1000, "x" * 200),
    ],
    ids=["nul", "padded", "empty", "blank", "utf-8", "latin-1", "chinese", "control", "long"],
)
def test_texts(written: bytes | str, read: str | None) -> None:
    assert facts_of(exif({Tag.Model: written})).camera == read


@pytest.mark.parametrize(
    ("tag", "value", "field"),
    [
        (Tag.FNumber, IFDRational(0, 1), "f_number"),
        (Tag.FNumber, IFDRational(1, 0), "f_number"),
        (Tag.ExposureTime, IFDRational(0, 0), "exposure"),
        (Tag.FocalLength, IFDRational(0, 1), "focal_length"),
        (Tag.ISOSpeedRatings, 0, "iso"),
        (Tag.FNumber, "no number", "f_number"),
    ],
    ids=["zero", "infinite", "zero-by-zero", "no-lens", "iso-zero", "text"],
)
def test_numbers_that_say_nothing(tag: int, value: object, field: str) -> None:
    assert getattr(facts_of(exif({}, {tag: value})), field) is None


# Pillow hands over whatever types a file claims its tags to have.
values = (
    st.none()
    | st.integers(-(1 << 40), 1 << 40)
    | st.floats()
    | st.text(max_size=30)
    | st.binary(max_size=30)
    | st.builds(IFDRational, st.integers(0, 1 << 31), st.integers(0, 3))
)
ALL_TAGS = [
    *(Tag.Make, Tag.Model, Tag.Orientation, Tag.DateTime, Tag.DateTimeOriginal, Tag.LensModel),
    *(Tag.SubsecTimeOriginal, Tag.OffsetTimeOriginal, Tag.ISOSpeedRatings, Tag.FNumber),
    *(Tag.ExposureTime, Tag.FocalLength),
]


@given(
    st.dictionaries(st.sampled_from(ALL_TAGS), values | st.tuples(values, values)),
    st.dictionaries(st.integers(0, 7), values | st.tuples(values, values, values)),
)
def test_values_of_any_type_never_raise(tags: dict[int, Any], gps: dict[int, Any]) -> None:
    facts = read_facts(exif(tags, tags, gps))
    assert facts.orientation is None or 1 <= facts.orientation <= 8
    assert (facts.latitude is None) == (facts.longitude is None)
    for text in (facts.make, facts.camera, facts.lens):
        assert text is None or (text.isprintable() and text)
