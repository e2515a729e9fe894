"""Vectors of past queries: every trouble with them is a miss, never an error."""

from __future__ import annotations

import os
import sqlite3
import threading
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from photosearch.store import remembered
from photosearch.store.remembered import FILE, Remembered

VECTOR = np.array([0.1, -2.5, 3e-30, 4], np.float32)


@pytest.fixture
def memory(tmp_path: Path) -> Remembered:
    return Remembered(tmp_path / "cache" / "deep")


def test_comes_back_as_it_was_put(memory: Remembered) -> None:
    assert memory.get("key", "a dog", 4) is None
    memory.put("key", "a dog", VECTOR)
    found = memory.get("key", "a dog", 4)
    assert found is not None
    assert found.dtype == np.float32
    assert found.tolist() == VECTOR.tolist()
    found[0] = 1  # its own memory, which the caller may change


def test_survives_the_process(memory: Remembered) -> None:
    memory.put("key", "a dog", VECTOR)
    again = Remembered(memory.path.parent).get("key", "a dog", 4)
    assert again is not None
    assert again.tolist() == VECTOR.tolist()


def test_looking_makes_no_file(memory: Remembered) -> None:
    memory.get("key", "a dog", 4)
    assert not memory.path.parent.exists()


@pytest.mark.parametrize(
    ("key", "text", "dim"),
    [("other", "a dog", 4), ("key", "A dog", 4), ("key", "a dog ", 4), ("key", "a dog", 8)],
    ids=["tower", "case", "blank", "dim"],
)
def test_what_differs_is_a_miss(memory: Remembered, key: str, text: str, dim: int) -> None:
    memory.put("key", "a dog", VECTOR)
    assert memory.get(key, text, dim) is None


def test_the_newer_vector_counts(memory: Remembered) -> None:
    memory.put("key", "a dog", VECTOR)
    memory.put("key", "a dog", VECTOR * 2)
    found = memory.get("key", "a dog", 4)
    assert found is not None
    assert found.tolist() == (VECTOR * 2).tolist()


def test_the_text_itself_is_not_kept(memory: Remembered) -> None:
    memory.put("key", "a very private query", VECTOR)
    content = b"".join(path.read_bytes() for path in memory.path.parent.iterdir())
    assert b"private" not in content


@pytest.mark.skipif(os.name != "posix", reason="permissions of POSIX")
def test_the_folder_is_the_users_alone(memory: Remembered) -> None:
    memory.put("key", "a dog", VECTOR)
    assert memory.path.parent.stat().st_mode & 0o077 == 0


def test_the_oldest_go_first(memory: Remembered, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(remembered, "KEPT", 3)
    for text in ("one", "two", "three", "one", "four"):  # "one" is put anew
        memory.put("key", text, VECTOR)
    kept = [
        text for text in ("one", "two", "three", "four") if memory.get("key", text, 4) is not None
    ]
    assert kept == ["one", "three", "four"]


@settings(deadline=None, max_examples=30)
@given(st.text(st.characters(exclude_categories=())), st.text())
def test_any_text(tmp_path_factory: pytest.TempPathFactory, text: str, other: str) -> None:
    memory = Remembered(tmp_path_factory.getbasetemp() / "any-text")
    memory.put("key", text, VECTOR)
    assert memory.get("key", text, 4) is not None
    memory.put("key", text, VECTOR[::-1])
    if other != text:
        memory.put("key", other, VECTOR)
    found = memory.get("key", text, 4)
    assert found is not None
    assert found.tolist() == VECTOR[::-1].tolist()


def with_garbage(path: Path) -> None:
    path.parent.mkdir(parents=True)
    path.write_bytes(b"this is no database" * 500)


def with_a_damaged_page(path: Path) -> None:
    Remembered(path.parent).put("key", "a dog", VECTOR)
    data = bytearray(path.read_bytes())
    data[100:4096] = b"\xa5" * 3996
    path.write_bytes(data)


def with_another_table(path: Path) -> None:
    path.parent.mkdir(parents=True)
    connection = sqlite3.connect(path)
    connection.execute("CREATE TABLE queries (something TEXT)")
    connection.commit()
    connection.close()


def with_nothing_in_it(path: Path) -> None:
    path.parent.mkdir(parents=True)
    path.touch()


def with_a_folder_in_its_place(path: Path) -> None:
    path.mkdir(parents=True)


def with_a_file_for_its_folder(path: Path) -> None:
    path.parent.parent.mkdir(parents=True)
    path.parent.write_text("a file")


TROUBLE = [
    with_garbage,
    with_a_damaged_page,
    with_another_table,
    with_nothing_in_it,
    with_a_folder_in_its_place,
    with_a_file_for_its_folder,
]


@pytest.mark.parametrize("trouble", TROUBLE, ids=lambda one: one.__name__)
def test_trouble_is_a_miss_and_no_error(
    memory: Remembered, trouble: Callable[[Path], None]
) -> None:
    trouble(memory.path)
    assert memory.get("key", "a dog", 4) is None


@pytest.mark.parametrize("trouble", TROUBLE, ids=lambda one: one.__name__)
def test_trouble_on_putting_is_no_error(
    memory: Remembered, trouble: Callable[[Path], None]
) -> None:
    trouble(memory.path)
    memory.put("key", "a dog", VECTOR)


@pytest.mark.parametrize(
    "trouble", [with_garbage, with_a_damaged_page, with_nothing_in_it], ids=lambda one: one.__name__
)
def test_a_damaged_file_is_begun_anew(memory: Remembered, trouble: Callable[[Path], None]) -> None:
    trouble(memory.path)
    memory.get("key", "a dog", 4)
    for _ in range(2):
        memory.put("key", "a dog", VECTOR)
    assert memory.get("key", "a dog", 4) is not None


def test_while_another_process_writes(memory: Remembered) -> None:
    memory.put("key", "a dog", VECTOR)
    other = sqlite3.connect(memory.path)
    try:
        other.execute("BEGIN EXCLUSIVE")
        assert memory.get("key", "a dog", 4) is None
        memory.put("key", "a cat", VECTOR)
    finally:
        other.close()
    assert memory.get("key", "a dog", 4) is not None


def test_many_threads_at_once(memory: Remembered) -> None:
    errors: list[BaseException] = []

    def work(number: int) -> None:
        try:
            for turn in range(5):
                memory.put("key", f"text {number} {turn}", VECTOR)
                memory.get("key", f"text {number} {turn}", 4)
        except BaseException as error:
            errors.append(error)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert errors == []


def test_the_file_is_where_it_says(memory: Remembered) -> None:
    memory.put("key", "a dog", VECTOR)
    assert [path.name for path in memory.path.parent.iterdir()] == [FILE]
