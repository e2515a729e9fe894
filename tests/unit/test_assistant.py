"""What assistants send, whatever it is, and what they are told: arguments, documents, ids."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from photosearch.assistant.overview import OVERVIEW
from photosearch.assistant.parameters import input_schema, read_arguments
from photosearch.assistant.photos import FACTS, LOCATE, THUMBNAIL
from photosearch.assistant.searching import SEARCH, SIMILAR
from photosearch.assistant.wording import as_tools_say, brief, error_text, sendable
from photosearch.errors import UnknownModel, WrongUse
from photosearch.store.named import photo_named
from photosearch.store.snapshot import Snapshot
from tests.fake import run_index
from tests.make import picture

TOOLS = (SEARCH, SIMILAR, FACTS, THUMBNAIL, LOCATE, OVERVIEW)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=6,
)
# Also texts that are made of the bytes of names, which need not be UTF-8.
ANY_TEXT = st.text() | st.binary().map(lambda data: data.decode("utf-8", "surrogateescape"))


@pytest.mark.parametrize("tool", TOOLS, ids=lambda tool: tool.name)
@given(data=st.data())
@settings(max_examples=60, suppress_health_check=[HealthCheck.too_slow])
def test_what_is_read_fits_the_schema_or_is_refused(tool: Any, data: st.DataObject) -> None:
    jsonschema = pytest.importorskip("jsonschema")
    names = [one.name for one in tool.parameters]
    sent = data.draw(st.dictionaries(st.sampled_from([*names, "other"]), VALUES, max_size=5))
    try:
        found = read_arguments(tool.parameters, sent)
    except WrongUse:
        return
    assert set(found) == set(names)
    told = {name: value for name, value in found.items() if value is not None}
    jsonschema.validate(told, input_schema(tool.parameters))


@pytest.mark.parametrize(
    ("sent", "name", "read"),
    [
        ({"query": "a", "k": "5"}, "k", 5),
        ({"query": "a", "k": 5.0}, "k", 5),
        ({"query": "a", "like": "abc"}, "like", ["abc"]),
        ({"query": 2021}, "query", "2021"),
        ({"query": "a", "words": "True"}, "words", True),
        ({"query": "a", "within": "2.5"}, "within", 2.5),
        ({"query": "a", "k": None}, "k", 8),
    ],
)
def test_what_models_write_for_a_number_or_a_list_is_taken(
    sent: dict[str, Any], name: str, read: Any
) -> None:
    assert read_arguments(SEARCH.parameters, sent)[name] == read


@given(st.dictionaries(st.sampled_from(["path", "paths", "why", "hits"]), VALUES | ANY_TEXT))
def test_documents_fit_the_protocol_and_hold_no_path_where_none_is_told(
    document: dict[str, Any],
) -> None:
    json.dumps(sendable(document), ensure_ascii=False).encode()
    told = sendable({"hits": [document]}, paths=False)
    assert not {"path", "paths"} & set(told["hits"][0])


@given(st.dictionaries(st.text(), VALUES))
def test_brief_leaves_out_what_is_unknown_and_never_a_nought(record: dict[str, Any]) -> None:
    kept = brief(record | {"relevance": 0.0, "latitude": 0, "place": None, "offline": False})
    assert (kept["relevance"], kept["latitude"]) == (0.0, 0)
    assert "place" not in kept
    assert "offline" not in kept


def test_errors_speak_of_arguments_and_leave_commands_to_people() -> None:
    assert as_tools_say("--not-in needs --min-relevance") == "not_in_folder needs min_relevance"
    error = WrongUse("--small finds nothing", hint="photosearch index --regions")
    assert error_text(error) == (
        "small finds nothing\nthe user can run: photosearch index --regions"
    )
    error = WrongUse("no date", hint='photosearch query --after 2024 "a cat"')
    assert error_text(error) == 'no date\ntry: after 2024 "a cat"'
    assert error_text(UnknownModel("none", hint="--model mini")).endswith("user: --model mini")


@pytest.fixture(scope="module")
def indexed(tmp_path_factory: pytest.TempPathFactory) -> tuple[Snapshot, Path]:
    folder = tmp_path_factory.mktemp("named")
    photos = folder / "photos"
    photos.mkdir()
    for number in range(12):
        picture(number).save(photos / f"{number}.png")
    run_index(folder / "library", [photos])
    return Snapshot(folder / "library"), photos


class TestPhotoNamed:
    def test_by_path_and_by_digits(self, indexed: tuple[Snapshot, Path]) -> None:
        snapshot, photos = indexed
        for path in photos.iterdir():
            digest = hashlib.sha256(path.read_bytes()).hexdigest()
            expected = snapshot.photo_with_digest(bytes.fromhex(digest))
            assert expected is not None
            for name in (str(path), digest, digest[:8].upper(), digest[:11], digest[:16]):
                assert photo_named(snapshot, name) == expected

    def test_no_file_is_looked_at(
        self, indexed: tuple[Snapshot, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Not even a copy of a photo of the library, by an absolute path or by a relative one."""
        snapshot, photos = indexed
        copy = tmp_path / "copy.png"
        shutil.copy(photos / "1.png", copy)
        monkeypatch.chdir(photos)
        asked = []
        monkeypatch.setattr("builtins.open", lambda *given, **_: asked.append(given))
        for name in (str(copy), "1.png", "./1.png", "~/1.png", os.fspath(photos), "", "/", "\0"):
            assert photo_named(snapshot, name) is None
        assert asked == []

    @given(beginning=st.text("0123456789abcdef", min_size=1, max_size=64))
    def test_digits_are_the_beginning(self, indexed: tuple[Snapshot, Path], beginning: str) -> None:
        snapshot, _ = indexed
        digests = {row["id"]: row["digest"].hex() for row in snapshot.all_photos()}
        for wanted in (beginning, next(iter(digests.values()))[: len(beginning)]):
            expected = [number for number, one in digests.items() if one.startswith(wanted)]
            assert snapshot.photos_with_digest(wanted) == expected
