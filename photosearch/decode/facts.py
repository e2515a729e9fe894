"""EXIF → Facts: when, with what and where a photo was taken.

In: an EXIF block as Pillow reads it. Out: a Facts record. Nothing here raises: metadata that
makes no sense is unknown metadata. Meaning of the tags: Exif 2.32 (CIPA DC-008).
"""

from __future__ import annotations

import math
import re
from contextlib import suppress
from datetime import datetime
from typing import Any

from PIL import ExifTags, Image

from photosearch.records import Facts

_EXIF_IFD = ExifTags.IFD.Exif
_GPS_IFD = ExifTags.IFD.GPSInfo
Tag = ExifTags.Base
GPS = ExifTags.GPS

# (date, sub-second, offset), best first: when the picture was taken, digitised, last changed.
_DATES = (
    (Tag.DateTimeOriginal, Tag.SubsecTimeOriginal, Tag.OffsetTimeOriginal),
    (Tag.DateTimeDigitized, Tag.SubsecTimeDigitized, Tag.OffsetTimeDigitized),
    (Tag.DateTime, Tag.SubsecTime, Tag.OffsetTime),
)
_DATE = re.compile(r"(\d{4})[:\-/.](\d\d)[:\-/.](\d\d)[ T](\d\d):(\d\d):(\d\d)")
_OFFSET = re.compile(r"[+-](?:[01]\d|2[0-3]):[0-5]\d")


def read_facts(exif: Image.Exif) -> Facts:
    """What can be made sense of in an EXIF block."""
    first = _tags(exif, None)
    detail = _tags(exif, _EXIF_IFD)
    gps = _tags(exif, _GPS_IFD)
    orientation = first.get(Tag.Orientation)
    latitude, longitude = _position(gps)
    return Facts(
        taken_at=_taken_at({**first, **detail}),
        make=_text(first.get(Tag.Make)),
        camera=_text(first.get(Tag.Model)),
        lens=_text(detail.get(Tag.LensModel)),
        latitude=latitude,
        longitude=longitude,
        altitude=_altitude(gps) if latitude is not None else None,
        orientation=orientation if isinstance(orientation, int) and 1 <= orientation <= 8 else None,
        iso=_whole(detail.get(Tag.ISOSpeedRatings)),
        f_number=_positive(detail.get(Tag.FNumber)),
        exposure=_positive(detail.get(Tag.ExposureTime)),
        focal_length=_positive(detail.get(Tag.FocalLength)),
    )


def _tags(exif: Image.Exif, ifd: int | None) -> dict[int, Any]:
    try:
        return dict(exif) if ifd is None else dict(exif.get_ifd(ifd))
    except Exception:
        # Pillow raises many kinds on damaged blocks, and raises them at access.
        return {}


def _taken_at(tags: dict[int, Any]) -> str | None:
    for date_tag, fraction_tag, offset_tag in _DATES:
        match = _DATE.match(_text(tags.get(date_tag)) or "")
        if match is None:
            continue
        try:
            year, month, day, hour, minute, second = map(int, match.groups())
            moment = datetime(year, month, day, hour, minute, second)
        except ValueError:  # a 13th month, an hour 25, the year 0
            continue
        fraction = re.match(r"\d{1,6}", _text(tags.get(fraction_tag)) or "")
        offset = _OFFSET.match(_text(tags.get(offset_tag)) or "")
        return (
            moment.isoformat()
            + (f".{fraction.group()}" if fraction and int(fraction.group()) else "")
            + (offset.group() if offset else "")
        )
    return None


def _text(value: Any) -> str | None:
    """Text of a tag without the NULs and blanks that pad it."""
    if isinstance(value, bytes):
        value = value.decode("utf-8", "replace")
    if not isinstance(value, str):
        return None
    # Pillow reads text as Latin-1; many programs write UTF-8, which then looks like "Ã©".
    with suppress(UnicodeError):
        value = value.encode("latin-1").decode("utf-8")
    value = "".join(char for char in value.split("\0")[0] if char.isprintable()).strip()
    return value[:200] or None


def _number(value: Any) -> float | None:
    if isinstance(value, tuple) and value:
        value = value[0]
    try:
        number = float(value)
    except (TypeError, ValueError, ZeroDivisionError, OverflowError):
        return None
    return number if math.isfinite(number) else None


def _positive(value: Any) -> float | None:
    number = _number(value)
    return number if number is not None and number > 0 else None


def _whole(value: Any) -> int | None:
    number = _positive(value)
    return int(number) if number is not None and number < 1 << 31 else None


def _position(gps: dict[int, Any]) -> tuple[float | None, float | None]:
    latitude = _degrees(gps.get(GPS.GPSLatitude), gps.get(GPS.GPSLatitudeRef), "NS", 90)
    longitude = _degrees(gps.get(GPS.GPSLongitude), gps.get(GPS.GPSLongitudeRef), "EW", 180)
    if latitude is None or longitude is None:
        return None, None
    if latitude == 0 and longitude == 0:  # written by devices that have no fix
        return None, None
    return latitude, longitude


def _degrees(value: Any, reference: Any, letters: str, limit: int) -> float | None:
    if not isinstance(value, tuple) or len(value) != 3:
        return None
    parts = [_number(part) for part in value]
    if any(part is None or part < 0 for part in parts):
        return None
    degrees: float = sum(part / 60**power for power, part in enumerate(parts) if part is not None)
    letter = (_text(reference) or "").upper()[:1]
    if letter not in letters or not letter or degrees > limit:
        return None
    return round(-degrees if letter == letters[1] else degrees, 7)


def _altitude(gps: dict[int, Any]) -> float | None:
    metres = _number(gps.get(GPS.GPSAltitude))
    below = gps.get(GPS.GPSAltitudeRef) in (1, b"\x01", b"\x03", 3)
    return -metres if metres is not None and below else metres
