"""Names and lines that are safe and fit to print."""

from __future__ import annotations

import os
import unicodedata
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from photosearch.records import Hit
from photosearch.show.reason import percent, reason, reason_in_words
from photosearch.show.table import plain_lines, score_lines, terminal_lines
from photosearch.show.text import cells, counted, home_relative, printable, shorten, size_text

any_text = st.text(st.characters(exclude_categories=()))  # lone surrogates, too


@given(any_text | st.binary(max_size=60).map(os.fsdecode))
def test_printable_is_one_visible_line_of_valid_text(text: str) -> None:
    shown = printable(text)
    shown.encode("utf-8")
    assert len(shown.splitlines()) <= 1
    for char in shown:
        category = unicodedata.category(char)
        assert category not in ("Cc", "Cs", "Zl", "Zp")
        assert category != "Cf" or char in "\u200c\u200d"


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("plain name.jpg", "plain name.jpg"),
        ("日本語 café 😀👨‍👩‍👧🏖️.jpg", "日本語 café 😀👨‍👩‍👧🏖️.jpg"),
        ("a\nb\tc\rd", r"a\nb\tc\rd"),
        ("\x1b[31mred\x1b[0m\x07", r"\x1b[31mred\x1b[0m\x07"),
        ("\x9b31m", r"\x9b31m"),
        ("photo_\u202egpj.exe", r"photo_\u202egpj.exe"),
        ("zero\u200bwidth\ufeff", r"zero\u200bwidth\ufeff"),
        ("line\u2028end", r"line\u2028end"),
        ("in\u200dvisible\u200c", r"in\u200dvisible\u200c"),
        ("क\u094d\u200dष क\u094d\u200c\u200c", "क\u094d\u200dष क\u094d" + r"\u200c\u200c"),
        (os.fsdecode(b"caf\xe9\xff"), r"caf\xe9\xff"),
        ("\ud800", r"\ud800"),
        (Path("a/b.jpg"), "a/b.jpg"),
    ],
    ids=[
        "plain",
        "unicode",
        "line-ends",
        "escapes",
        "c1-escape",
        "right-to-left",
        "invisible",
        "line-separator",
        "joiners-that-join-nothing",
        "joiners",
        "bytes",
        "surrogate",
        "path",
    ],
)
def test_printable(name: str | Path, shown: str) -> None:
    assert printable(name) == shown


@pytest.mark.parametrize(
    ("text", "width"),
    [
        ("abc", 3),
        ("照片", 4),
        ("ｗｉｄｅ", 8),
        ("e\u0301", 1),
        ("한글", 4),
        ("😀", 2),
        ("…", 1),
        ("", 0),
    ],
)
def test_cells(text: str, width: int) -> None:
    assert cells(text) == width


@given(st.text() | st.text("ab照片\u0301😀/", min_size=5), st.integers(8, 60))
def test_shorten_never_exceeds_the_width(text: str, width: int) -> None:
    short = shorten(text, width)
    assert cells(short) <= width
    if cells(text) <= width:
        assert short == text
    else:
        start, _, end = short.rpartition("…") if "…" not in text else ("", "", "")
        assert text.startswith(start)
        assert text.endswith(end)


@pytest.mark.parametrize(
    ("text", "width", "short"),
    [
        ("/home/me/Pictures/2021/holiday.jpg", 20, "/home/m…/holiday.jpg"),
        ("short.jpg", 9, "short.jpg"),
        ("照片照片照片照片.jpg", 12, "照片…片.jpg"),
        ("longer than eight", 7, "longer than eight"),
    ],
    ids=["path", "fits", "wide", "no-room-at-all"],
)
def test_shorten(text: str, width: int, short: str) -> None:
    assert shorten(text, width) == short


@pytest.mark.parametrize(
    ("home", "path", "shown"),
    [
        ("/home/me", "/home/me/Pictures/a.jpg", "~/Pictures/a.jpg"),
        ("/home/me", "/home/meg/a.jpg", "/home/meg/a.jpg"),
        ("/home/me", "/mnt/home/me/a.jpg", "/mnt/home/me/a.jpg"),
        ("/", "/a.jpg", "/a.jpg"),
    ],
)
def test_home_relative(monkeypatch: pytest.MonkeyPatch, home: str, path: str, shown: str) -> None:
    monkeypatch.setenv("HOME", home)
    assert home_relative(Path(path)) == shown


@pytest.mark.parametrize(
    ("count", "text"),
    [
        (0, "0 bytes"),
        (999, "999 bytes"),
        (1000, "1.0 kB"),
        (1_550_000, "1.6 MB"),
        (34_600_000, "34.6 MB"),
        (2_000_000_000, "2.0 GB"),
        (5_000_000_000_000, "5000.0 GB"),
        (999_999, "1.0 MB"),
    ],
)
def test_size_text(count: int, text: str) -> None:
    assert size_text(count) == text


def test_counted() -> None:
    assert counted(1, "photo") == "1 photo"
    assert counted(0, "photo") == "0 photos"
    assert counted(12_345, "copy", "copies") == "12,345 copies"


def hit(path: str = "/photos/a.jpg", **changes: object) -> Hit:
    values = {
        "rank": 1,
        "path": Path(path),
        "score": 0.41237,
        "photo": "00",
        "photo_id": 1,
        "width": 4,
        "height": 3,
        "taken_at": None,
        "evidence": {},
    }
    return Hit(**{**values, **changes})  # type: ignore[arg-type]


LOOKS = {"looks_like": {"cosine": 0.41, "rank": 1, "relevance": 0.93}}


def reads(text: str, lines: int = 1, confidence: float = 0.98) -> dict[str, object]:
    line = {"text": text, "confidence": confidence, "box": [[0, 0], [9, 0], [9, 4], [0, 4]]}
    return {"reads": {**line, "rank": 1, "strength": 0.9, "whole": True, "lines": [line] * lines}}


class TestReason:
    @pytest.mark.parametrize(
        ("changes", "text"),
        [
            ({"evidence": LOOKS, "relevance": 0.93}, "looks like 93 %"),
            ({"evidence": LOOKS, "relevance": 0.2}, "weak: looks like 93 %"),
            ({"evidence": reads("MIDI KEYBOARD")}, 'reads "MIDI KEYBOARD" (0.98) at 0,0 9x4'),
            (
                {"evidence": {**LOOKS, **reads("EXIT", 3)}},
                'reads "EXIT" (0.98) at 0,0 9x4 and 2 more lines, looks like 93 %',
            ),
            ({"evidence": {}}, ""),
            ({"evidence": {"looks_like": {"cosine": 0.4, "rank": 2}}}, "looks like (cosine 0.40)"),
        ],
    )
    def test_says_why(self, changes: dict[str, object], text: str) -> None:
        assert reason(hit(**changes)) == text

    @pytest.mark.parametrize(
        ("changes", "text"),
        [
            ({"evidence": LOOKS, "relevance": 0.93}, "looks like it, 93 % sure"),
            ({"evidence": LOOKS, "relevance": 0.2}, "weak: looks like it, 93 % sure"),
            ({"evidence": reads("EXIT")}, 'reads "EXIT", 98 % sure'),
            ({"evidence": reads("EXIT", confidence=0.996)}, 'reads "EXIT"'),
            (
                {"evidence": {**LOOKS, **reads("EXIT", 3)}},
                'reads "EXIT" and 2 more lines, 98 % sure; looks like it, 93 % sure',
            ),
            ({"evidence": {"looks_like": {"cosine": 0.4, "rank": 2}}}, ""),
            ({"evidence": {"geometry": {"inliers": 80}}}, "shows the same thing"),
            ({"evidence": {"geometry": {"inliers": 12}}}, "may show the same thing"),
            ({"evidence": {}}, ""),
        ],
    )
    def test_a_person_is_told_why_without_coordinates(
        self, changes: dict[str, object], text: str
    ) -> None:
        assert reason_in_words(hit(**changes)) == text

    @pytest.mark.parametrize(
        ("share", "text"),
        [(None, "-"), (0.0, "0 %"), (0.004, "<1 %"), (0.934, "93 %"), (1.0, "100 %")],
    )
    def test_percent(self, share: float | None, text: str) -> None:
        assert percent(share) == text


COPIES = (Path("/photos/b.jpg"), Path("/photos/c.jpg"))


class TestTable:
    def test_plain_lines(self) -> None:
        hits = [
            hit(copies=COPIES, relevance=0.93, evidence=LOOKS),
            hit("/photos/tab\there.jpg", rank=2, score=-0.1),
        ]
        assert list(plain_lines(hits)) == [
            "1\t93 %\t/photos/a.jpg\tlooks like 93 %",
            "2\t-\t/photos/tab\\there.jpg\t",
        ]
        lines = list(plain_lines(hits, all_copies=True))
        assert [line.split("\t")[2] for line in lines[:3]] == [
            "/photos/a.jpg",
            "/photos/b.jpg",
            "/photos/c.jpg",
        ]

    @given(st.binary(min_size=1, max_size=40).filter(lambda name: b"\0" not in name))
    def test_a_line_of_a_pipe_has_its_four_fields_whatever_the_name(self, name: bytes) -> None:
        printed = name.decode("utf-8", "replace")
        one = hit("/photos/" + os.fsdecode(name), evidence=reads(printed))
        (line,) = plain_lines([one])
        assert len(line.split("\t")) == 4
        assert len(line.splitlines()) == 1
        (line,) = score_lines([one])
        assert line.split("\t")[0] == "0.412370"
        assert len(line.split("\t")) == 2

    def test_columns_are_aligned(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("HOME", "/photos")
        hits = [
            hit(
                taken_at="2021-07-04T10:11:12+02:00",
                copies=COPIES[:1],
                relevance=0.93,
                evidence=LOOKS,
            ),
            hit("/elsewhere/b.jpg", rank=12, score=-0.05, offline=True, copies=COPIES),
        ]
        assert list(terminal_lines(hits, width=84, links=False)) == [
            "  1  2021-07-04  ~/a.jpg  (+1 copy)                         looks like it, 93 % sure",
            " 12              /elsewhere/b.jpg  (offline, +2 copies)",
        ]

    def test_no_column_for_days_when_none_is_known(self) -> None:
        (line,) = terminal_lines([hit()], width=80, links=False)
        assert line == "  1  /photos/a.jpg"

    def test_all_copies_stand_below_each_other(self) -> None:
        lines = list(terminal_lines([hit(copies=COPIES)], width=80, links=False, all_copies=True))
        assert [line.index("/photos") for line in lines] == [5, 5, 5]
        assert "cop" not in "".join(lines)

    @given(st.binary(min_size=1, max_size=200).filter(lambda name: b"\0" not in name))
    def test_no_line_is_wider_than_the_terminal(self, name: bytes) -> None:
        one = hit(
            "/photos/" + os.fsdecode(name),
            taken_at="2021-07-04",
            copies=COPIES,
            relevance=0.1,
            evidence={**LOOKS, **reads(name.decode("utf-8", "replace"))},
        )
        for width in (60, 90, 160):
            for line in terminal_lines([one], width=width, links=False):
                assert cells(line) <= width

    def test_links_lead_to_the_whole_path(self) -> None:
        path = "/photos/a b%#\N{SNOWMAN}" + "x" * 100 + ".jpg"
        (line,) = terminal_lines([hit(path)], width=40, links=True)
        start, address, name, end, _ = line.replace("\033\\", "\033]8;;").split("\033]8;;")
        assert address == Path(path).as_uri()
        assert "…" in name
        assert cells(start + name + end) <= 40

    @given(st.binary(min_size=1, max_size=40).filter(lambda name: b"\0" not in name))
    def test_links_hold_no_control_characters_of_the_name(self, name: bytes) -> None:
        (line,) = terminal_lines([hit("/photos/" + os.fsdecode(name))], width=80, links=True)
        bare = line.replace("\033]8;;", "").replace("\033\\", "")
        assert not any(unicodedata.category(char) in ("Cc", "Cs") for char in bare)
