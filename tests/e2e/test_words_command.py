"""Printed words, filters and relevance, as the command shows them, over some sample photos."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from photosearch import Library
from photosearch.errors import WrongUse
from tests.command import SAMPLES, Command
from tests.faults.common import Command as Forked
from tests.faults.warmed import Warmed
from tests.long import examples
from tests.make import camera_exif, jpeg, picture

SIGNS = SAMPLES / "signs"
KEYBOARD = SIGNS / "midi-keyboard.jpg"
EXIT = SIGNS / "exit-sign.jpg"


@pytest.fixture(scope="module")
def worded(worded: Command) -> Iterator[Command]:
    """As everywhere, but run as forks: how a command starts is tested elsewhere."""
    yield Forked(worded.folder)
    Warmed.end()


def hits(command: Command, *arguments: str, code: int = 0) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = command("query", *arguments, "--json", code=code).json["hits"]
    return found


def found(command: Command, *arguments: str) -> list[str]:
    return [Path(hit["path"]).name for hit in hits(command, *arguments)]


class TestWords:
    def test_reason_is_shown(self, worded: Command) -> None:
        first = worded("query", "midi keyboard", "-k", "3").lines[0].split("\t")
        assert first[2] == str(KEYBOARD)
        assert first[3].startswith('reads "MIDI KEYBOARD" (')
        assert "looks like" in first[3]

    def test_evidence_has_the_line_and_its_box(self, worded: Command) -> None:
        (hit,) = hits(worded, "midi keyboard", "-k", "1")
        reads = hit["evidence"]["reads"]
        assert (reads["text"], reads["whole"], reads["rank"]) == ("MIDI KEYBOARD", True, 1)
        assert reads["confidence"] > 0.8
        assert len(reads["box"]) == 4
        assert all(0 <= x <= hit["width"] and 0 <= y <= hit["height"] for x, y in reads["box"])
        assert hit["relevance"] > 0.8

    def test_words_alone(self, worded: Command) -> None:
        assert found(worded, "--words", "EXIT") == ["exit-sign.jpg"]
        assert found(worded, "EXIT", "--words") == ["exit-sign.jpg"]
        (hit,) = hits(worded, "--words", "EXIT")
        assert "looks_like" not in hit["evidence"]

    def test_parts_wrong_letters_and_chinese(self, worded: Command) -> None:
        assert found(worded, "--words", "keybord")[:1] == ["midi-keyboard.jpg"]
        assert found(worded, "--words", "tomato")[:1] == ["receipt.jpg"]
        assert found(worded, "--words", "咖啡")[:1] == ["cafe-sign-chinese.jpg"]

    def test_looks_alone(self, worded: Command) -> None:
        for hit in hits(worded, "--no-words", "exit", "-k", "10"):
            assert "reads" not in hit["evidence"]

    def test_quoted_words_must_be_printed(self, worded: Command) -> None:
        assert found(worded, '"EXIT"') == ["exit-sign.jpg"]
        assert found(worded, 'a sign "EXIT"') == ["exit-sign.jpg"]
        without = found(worded, 'a sign -"EXIT"', "-k", "50")
        assert "exit-sign.jpg" not in without
        assert len(without) == len(found(worded, "a sign", "-k", "50")) - 1

    def test_common_words_move_nothing(self, worded: Command) -> None:
        for text in ("the", "a", "a cat on the floor"):
            assert found(worded, text) == found(worded, text, "--no-words")

    def test_nothing_printed_says_so(self, worded: Command) -> None:
        done = worded("query", "--words", "zeppelin", code=1)
        assert "no photo shows these printed words" in done.err

    def test_words_go_with_nothing_else(self, worded: Command) -> None:
        done = worded("query", "--words", "EXIT", "--plus", "sign", code=2)
        assert "--words looks for print alone" in done.err
        done = worded("query", "--no-words", '"EXIT"', code=2)
        assert "--no-words" in done.err

    def test_colons_of_printed_words_are_no_filters(self, worded: Command) -> None:
        worded("query", "--words", "total:14.99")


class TestRelevance:
    def test_weak_hits_are_marked_and_it_is_said(self, worded: Command) -> None:
        done = worded("query", "x-ray of a broken arm", "-k", "2")
        assert "nothing in this library matches well; the closest are:" in done.err
        assert all(line.split("\t")[3].startswith("weak: ") for line in done.lines)
        document = worded("query", "x-ray of a broken arm", "--json").json
        assert document["matches_well"] is False
        assert document["notes"]

    def test_strong_hits_are_not(self, worded: Command) -> None:
        done = worded("query", "a cat", "-k", "1")
        assert done.err == ""
        assert "weak" not in done.text

    def test_verdict_does_not_hang_on_k(self, worded: Command) -> None:
        for text in ("a cat", "x-ray of a broken arm", "horses in a field"):
            verdicts = {
                worded("query", text, "-k", count, "--json").json["matches_well"]
                for count in ("1", "3", "10")
            }
            assert len(verdicts) == 1

    def test_least_relevance(self, worded: Command) -> None:
        every = hits(worded, "a cat", "-k", "50")
        strong = hits(worded, "a cat", "-k", "50", "--min-relevance", "50%")
        assert [hit["path"] for hit in strong] == [
            hit["path"] for hit in every if hit["relevance"] >= 0.5
        ]
        assert 0 < len(strong) < len(every)
        assert worded("query", "a cat", "--min-relevance", "0.5", "--paths").lines
        done = worded("query", "x-ray of a broken arm", "--min-relevance", "90%", code=1)
        assert "nothing found within --min-relevance" in done.err

    @pytest.mark.parametrize("text", ["much", "-1", "150%", "2", "nan", ""])
    def test_wrong_share(self, worded: Command, text: str) -> None:
        done = worded("query", "a cat", f"--min-relevance={text}", code=2)
        assert "--min-relevance" in done.err

    def test_examples_are_not_judged(self, worded: Command) -> None:
        document = worded("similar", KEYBOARD, "-k", "3", "--json").json
        assert document["matches_well"] is None
        assert {hit["relevance"] for hit in document["hits"]} == {None}


class TestFiltersAndLists:
    def test_filters_inside_the_text(self, worded: Command) -> None:
        assert set(found(worded, "an animal in:signs", "-k", "50")) == set(os.listdir(SIGNS))
        assert not set(found(worded, "a sign -in:signs", "-k", "50")) & set(os.listdir(SIGNS))
        document = worded("query", "a cat type:webp", "--json").json
        assert document["filters"] == {"type": ["webp"]}
        assert document["parts"][0]["value"] == "a cat"

    def test_unknown_filter_is_an_error_with_a_suggestion(self, worded: Command) -> None:
        done = worded("query", "beach camra:canon", code=2)
        assert "camra" in done.err
        assert "did you mean camera:canon" in done.err

    def test_has_words(self, worded: Command) -> None:
        listed = found(worded, "--has", "words", "-k", "50")
        assert {"midi-keyboard.jpg", "exit-sign.jpg", "receipt.jpg"} <= set(listed)
        assert "otters.jpg" not in listed

    def test_list_without_a_query(self, photosearch: Command, tmp_path: Path) -> None:
        photos = tmp_path / "photos"
        photos.mkdir()
        days = {"old.jpg": 2019, "new.jpg": 2024, "middle.jpg": 2021}
        for seed, (name, year) in enumerate(days.items()):
            exif = camera_exif(
                taken=datetime(year, 7, 1, 12), place=(35.0116, 135.7681), camera="Pixel 6"
            )
            (photos / name).write_bytes(jpeg(picture(seed), exif=exif))
        (photos / "undated.jpg").write_bytes(jpeg(picture(9)))
        photosearch("index", "--quiet", photos)
        assert found(photosearch, "after:2020") == ["new.jpg", "middle.jpg"]
        assert found(photosearch, "--sort", "oldest", "--place", "Kyoto") == [
            "old.jpg", "middle.jpg", "new.jpg",
        ]  # fmt: skip
        assert found(photosearch, "--sort", "name", "--not-name", "undated") == [
            "middle.jpg", "new.jpg", "old.jpg",
        ]  # fmt: skip
        assert found(photosearch, "--not-has", "date") == ["undated.jpg"]
        assert found(photosearch, 'camera:"Pixel 6" date:2021') == ["middle.jpg"]
        assert found(photosearch, "near:Kyoto within:10", "-k", "1") == ["new.jpg"]
        (first, *_) = hits(photosearch, "after:2020")
        assert (first["score"], first["relevance"], first["evidence"]) == (None, None, {})
        done = photosearch("query", "--place", "Kioto", code=1)
        assert "did you mean Kyoto?" in done.err
        done = photosearch("query", "--sort", "size", "a", code=2)
        assert "date" in done.err

    def test_name_of_a_file_as_a_text_is_noticed(self, worded: Command) -> None:
        done = worded("query", "exit-sign.jpg", "-k", "1")
        assert "1 photo has this name: photosearch query name:exit-sign.jpg" in done.err
        assert found(worded, "name:EXIT-*") == ["exit-sign.jpg"]
        assert worded("query", "a sign", "-k", "1").err.count("name:") == 0


class TestFacts:
    def test_everything_known_is_shown(self, photosearch: Command, tmp_path: Path) -> None:
        photos = tmp_path / "photos"
        photos.mkdir()
        exif = camera_exif(
            taken=datetime(2021, 7, 4, 10, 11, 12), place=(35.0116, 135.7681), camera="Pixel 6"
        )
        (photos / "a.jpg").write_bytes(jpeg(picture(1), exif=exif))
        (photos / "copy.jpg").write_bytes((photos / "a.jpg").read_bytes())
        (photos / "b.jpg").write_bytes(jpeg(picture(2)))
        photosearch("index", "--quiet", photos)
        shown = photosearch("facts", photos / "a.jpg").text
        for text in ("2021-07-04 10:11:12", "Pixel 6", "Kyoto", "Japan", "35.0116", "copy.jpg"):
            assert text in shown
        assert "not read yet" in shown
        document = photosearch("facts", photos / "copy.jpg", "--json").json
        assert document["paths"] == [str(photos / "a.jpg"), str(photos / "copy.jpg")]
        assert [Path(hit["path"]).name for hit in document["nearest"]] == ["b.jpg"]
        by_digest = photosearch("facts", document["photo"][:8], "--json").json
        assert by_digest == document

    def test_words_with_boxes(self, worded: Command) -> None:
        known = worded("facts", EXIT, "--json").json
        assert known["words_read"] is True
        assert "EXIT" in [line["text"] for line in known["words"]]
        assert '"EXIT" (' in worded("facts", EXIT).text
        assert "words     none" in worded("facts", SAMPLES / "animals" / "otters.jpg").text

    def test_photo_that_is_not_there(self, worded: Command, tmp_path: Path) -> None:
        done = worded("facts", tmp_path / "none.jpg", code=2)
        assert "no such file" in done.err
        (tmp_path / "other.jpg").write_bytes(jpeg(picture(5)))
        done = worded("facts", tmp_path / "other.jpg", code=2)
        assert "is not in the library" in done.err


class TestReadingPass:
    def test_left_out_and_done_later(self, photosearch: Command, tmp_path: Path) -> None:
        photos = tmp_path / "photos"
        photos.mkdir()
        for sign in (EXIT, SIGNS / "street-sign.jpg"):
            shutil.copy(sign, photos)
        first = photosearch("index", "--no-words", photos)
        assert "words" not in first.text
        assert "no photo is read for words" in photosearch("status").text
        done = photosearch("query", "--words", "EXIT", code=1)
        assert "no photo has been read yet (photosearch index --words-only)" in done.err
        later = photosearch("index", "--words-only")
        assert "looked for words in 2 photos" in later.text
        assert found(photosearch, "--words", "EXIT") == ["exit-sign.jpg"]
        assert photosearch("index", "--words-only").text == "no photo is waiting to be read\n"
        report = photosearch("index", "--words", "--json").json
        assert (report["unchanged"], report["words"]["read"]) == (2, 0)
        state = photosearch("status", "--json").json
        assert (state["words"]["read"], state["words"]["failed"]) == (2, 0)

    def test_words_only_takes_no_folder(self, photosearch: Command) -> None:
        photosearch("index", "--no-words", "--quiet", SIGNS)
        for wrong in ([str(SIGNS)], ["--no-words"], ["--dry-run"]):
            done = photosearch("index", "--words-only", *wrong, code=2)
            assert "--words-only does not go with" in done.err


# Operators, quotes, wildcards of SQL, FTS5 and globs; letters of many scripts; no text at all.
ODD = st.one_of(
    st.text(max_size=60),
    st.lists(
        st.sampled_from(
            "midi EXIT and OR NOT NEAR( \" ' “ ” « * ^ : - -- ( ) % _ ; \\ / ~ \0 😀 浦东 咖啡 "
            "in: -in: in:x after:2021 after:x date: near:1,2 has:gps -has:words type:jpg name:*[ "
            'name:% tag:x min-megapixels:1 camera:" \udcff \ud800'.split(" ")
        ),
        max_size=9,
    ).map(" ".join),
    st.integers(1000, 10_000).map(lambda size: "a" * size),
    st.integers(1000, 10_000).map(lambda size: '"x ' * (size // 3)),
)


@pytest.fixture(scope="module")
def opened(worded: Command, tmp_path_factory: pytest.TempPathFactory) -> Any:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PHOTOSEARCH_CACHE", str(tmp_path_factory.mktemp("cache")))
        with Library.open(worded.library) as library:
            yield library


def answered(library: Library, text: str, words: bool | None) -> list[Any] | str:
    try:
        return [hit.as_dict() for hit in library.search(text, words=words)]
    except WrongUse as error:
        return str(error)


# The query language by itself is put to more in tests/unit/test_qualifiers.py.
@settings(
    max_examples=examples(500, 10_000),
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(ODD)
def test_any_text_finds_printed_words_or_is_wrong_use(opened: Library, text: str) -> None:
    found = answered(opened, text, True)
    if isinstance(found, list):
        json.dumps(found)


@settings(
    max_examples=examples(50, 200),
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(ODD)
def test_any_text_has_one_answer(opened: Library, text: str) -> None:
    assert answered(opened, text, None) == answered(opened, text, None)
