"""resident/: messages, places, and a library whose parts outlive a command."""

from __future__ import annotations

import os
import shutil
import socket
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="Python has no Unix sockets there")

from photosearch.library import Library  # noqa: E402
from photosearch.resident import client, place  # noqa: E402
from photosearch.resident.record import Request, RunsItself, perform  # noqa: E402
from photosearch.resident.server import Server, Terms  # noqa: E402
from photosearch.resident.start import listening, only_one  # noqa: E402
from photosearch.resident.warm import Warm, is_ready  # noqa: E402
from photosearch.resident.wire import (  # noqa: E402
    HEADER,
    MAX_REQUEST,
    framed,
    length_of,
    pack,
    unpack,
)
from photosearch.settings import library_path  # noqa: E402
from tests.make import write_photos  # noqa: E402

FIELDS = st.lists(st.binary(max_size=300), max_size=20)


@given(FIELDS)
def test_a_message_comes_out_as_it_went_in(fields: list[bytes]) -> None:
    message = framed(fields)
    assert length_of(message[:HEADER], MAX_REQUEST) == len(message) - HEADER
    assert unpack(message[HEADER:]) == fields


@given(st.binary(max_size=400))
def test_bytes_that_are_no_message_are_refused_or_come_out_whole(body: bytes) -> None:
    try:
        fields = unpack(body)
    except ValueError:
        return
    assert pack(fields) == body


@given(FIELDS.filter(bool), st.data())
def test_a_message_that_is_cut_off_is_no_other_message(
    fields: list[bytes], data: st.DataObject
) -> None:
    body = pack(fields)
    cut = data.draw(st.integers(0, len(body) - 1))
    try:
        found = unpack(body[:cut])
    except ValueError:
        return
    assert found == fields[: len(found)]
    assert len(found) < len(fields)


@given(st.binary(max_size=12))
def test_a_header_is_ours_or_refused(header: bytes) -> None:
    try:
        length = length_of(header, MAX_REQUEST)
    except ValueError:
        return
    assert header == b"PSR1" + length.to_bytes(4, "big")
    assert length <= MAX_REQUEST


@given(st.lists(st.binary(max_size=40), max_size=8))
def test_a_request_that_makes_no_sense_is_refused(fields: list[bytes]) -> None:
    with pytest.raises((ValueError, LookupError)):
        Request.from_fields(fields)


# Places


@pytest.fixture
def runtime(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    folder = Path(tempfile.mkdtemp(prefix="ps"))
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(folder))
    monkeypatch.setenv("TMPDIR", str(folder / "none"))
    yield folder
    shutil.rmtree(folder)


def test_the_default_library_is_that_of_the_settings(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.delenv("PHOTOSEARCH_LIBRARY", raising=False)
    for data in ("", " ", str(tmp_path)):
        monkeypatch.setenv("XDG_DATA_HOME", data)
        assert place.default_library() == str(library_path())


@pytest.mark.parametrize(
    "words",
    [
        ["a cat"],
        ["--library", "some/where", "x"],
        ["--library=~/there"],
        ["--library=a", "--library", "b/../c"],
    ],
    ids=" ".join,
)
def test_the_library_is_found_without_parsing(
    words: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PHOTOSEARCH_LIBRARY", "~/mine")
    given = [word.removeprefix("--library=") for word in words if "=" in word]
    given += [words[words.index("--library") + 1]] if "--library" in words else []
    assert place.library_named(words) == str(library_path(given[-1] if given else None))


def test_two_names_of_a_library_share_a_socket_and_two_libraries_do_not(
    runtime: Path, tmp_path: Path
) -> None:
    (tmp_path / "library").mkdir()
    (tmp_path / "link").symlink_to("library")
    assert place.socket_path(str(tmp_path / "library")) is None  # no folder yet
    path = place.make_folder(str(tmp_path / "library"))
    assert path is not None
    assert path.startswith(str(runtime))
    assert place.socket_path(str(tmp_path / "link")) == path
    assert place.socket_path(str(tmp_path / "other")) not in (path, None)


def test_a_folder_that_others_may_enter_is_not_used(runtime: Path) -> None:
    path = place.make_folder("/library")
    assert path is not None
    folder = os.path.dirname(path)
    for mode in (0o755, 0o710, 0o777):
        os.chmod(folder, mode)
        assert place.socket_path("/library") is None
    os.chmod(folder, 0o700)
    os.rename(folder, folder + "-there")
    os.symlink(folder + "-there", folder)
    assert place.socket_path("/library") is None


def test_a_runtime_folder_with_a_long_name_is_passed_over(
    monkeypatch: pytest.MonkeyPatch, runtime: Path
) -> None:
    deep = runtime / ("x" * 90)
    deep.mkdir(0o700)
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(deep))
    monkeypatch.setenv("TMPDIR", str(runtime))
    path = place.make_folder("/library")
    assert path is not None
    assert os.path.dirname(path) == f"{runtime}/photosearch-{os.geteuid()}"


def test_the_other_end_of_a_socket_is_known() -> None:
    one, other = socket.socketpair()
    with one, other:
        assert place.is_own_peer(one)


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() != 0, reason="only root can change")
def test_another_user_at_the_other_end_is_not_trusted(runtime: Path) -> None:
    os.chmod(runtime, 0o777)
    path = str(runtime / "s")
    child = os.fork()
    if child == 0:
        os.setuid(12345)
        with socket.socket(socket.AF_UNIX) as listener:
            listener.bind(path)
            listener.listen(1)
            listener.accept()
            time.sleep(60)
        os._exit(0)
    try:
        until = time.monotonic() + 20
        with socket.socket(socket.AF_UNIX) as connection:
            while connection.connect_ex(path) and time.monotonic() < until:
                time.sleep(0.02)
            assert place.peer_of(connection) == 12345
            assert not place.is_own_peer(connection)
        assert not place.is_own_socket(path)
        with pytest.raises(ValueError, match="not ours"):
            client.ask(path, [b"status"])
    finally:
        os.kill(child, 9)
        os.waitpid(child, 0)
        os.chmod(runtime, 0o700)


# What is asked of another process


@pytest.mark.parametrize(
    ("words", "can"),
    [
        (["query", "a cat"], True),
        (["status"], True),
        (["index", "photos"], False),
        (["query", "--help"], False),
        (["query", "--image", "-"], False),
        (["query", "--image=-"], False),
        (["query", "--image", "https://example.org/a.jpg"], False),
        (["query", "--image=HTTP://example.org/a.jpg"], False),
        (["similar", "/dev/stdin"], False),
        (["query", "-0", "a cat"], True),
        (["query", "a\0b"], True),
    ],
    ids=str,
)
def test_only_what_another_process_can_do_is_delegated(words: list[str], can: bool) -> None:
    flags = sys._xoptions, sys.warnoptions
    sys._xoptions, sys.warnoptions = {}, []
    try:
        assert client.can_delegate(words) is can
    finally:
        sys._xoptions, sys.warnoptions = flags


def test_a_pipe_is_not_delegated(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    assert not client.can_delegate(["query", f"--image={tmp_path / 'pipe'}"])


# A warm library


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("warm")
    with Library.open(folder / "library", "mini", create=True) as library:
        library.index(write_photos(folder / "photos", 6)[0].parent, words=False)
    return folder / "library"


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PHOTOSEARCH_CACHE", str(tmp_path))


@pytest.mark.usefixtures("cache")
def test_parts_are_opened_once_and_answer_alike(filled: Path) -> None:
    warm = Warm(filled)
    assert warm.prepare(None) == "mini"
    with Library.open(filled) as cold:
        expected = cold.search("something red", k=6)
    seen = []
    for _ in range(2):
        with warm.open(filled, None) as visit:
            assert visit.search("something red", k=6) == expected
            seen.append((visit.encoder, visit._opened, visit._index, dict(visit._judges)))
    first, second = seen
    for one, other in zip(first[:3], second[:3], strict=True):
        assert one is other
    assert first[3]
    assert all(first[3][key] is second[3][key] for key in first[3])
    warm.close()


@pytest.mark.usefixtures("cache")
def test_an_index_file_that_is_gone_is_made_again(filled: Path) -> None:
    warm = Warm(filled)
    warm.prepare(None)
    (file,) = (filled / "vectors").glob("*.faiss")
    file.unlink()
    warm.settle()
    with warm.open(filled, None) as visit:
        assert len(visit.search("something red", k=6)) == 6
    assert file.exists()
    warm.close()


@pytest.mark.usefixtures("cache")
def test_what_is_not_ready_or_not_this_library_is_left_to_the_command(
    filled: Path, tmp_path: Path
) -> None:
    warm = Warm(filled)
    with pytest.raises(RunsItself):
        warm.open(tmp_path, None)
    with pytest.raises(RunsItself):
        warm.open(filled, None, vectors="milvus://example.org")
    for name in ("ViT-B/32", "no-such-model", "mini:int8", "mini+ViT-B/32", "hf:some/thing"):
        assert not is_ready(name)
        with pytest.raises(RunsItself), warm.open(filled, name) as visit:
            _ = visit.encoder
    assert is_ready("mini")
    assert is_ready("mini+mini")
    with pytest.raises(RunsItself), warm.open(filled, "mini+ViT-B/32") as visit:
        visit.search("a")
    warm.close()


def test_a_request_leaves_no_trace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PHOTOSEARCH_MODEL", "before")
    before = dict(os.environ), sys.stdin, sys.stdout, sys.stderr, os.getcwd()
    environment = {"TZ": "Pacific/Kiritimati", "PHOTOSEARCH_LIBRARY": "x", "HOME": "/h"}
    fields = [
        os.fsencode(tmp_path), b"44", b"1 ascii 1024 0", b"0 utf-8 4096 0",
        pack([b"query", b"caf\xe9"]),
        pack([f"{name}={value}".encode() for name, value in environment.items()]),
    ]  # fmt: skip
    seen = {}

    def run(arguments: list[str]) -> int:
        seen["arguments"] = arguments
        seen["place"] = os.getcwd(), os.environ.get("PHOTOSEARCH_MODEL"), os.environ["COLUMNS"]
        seen["zone"] = time.strftime("%z")
        sys.stdout.write("猫\n")
        sys.stderr.write("talk\n")
        assert sys.stdout.isatty()
        assert not sys.stderr.isatty()
        assert sys.stdin.read() == ""
        sys.stdout.buffer.write(b"\xff")
        return 1

    try:
        assert perform(Request.from_fields(fields), run) == (
            1,
            [b"\x01\\u732b\n", b"\x02talk\n", b"\x01\xff"],
        )
        assert seen["arguments"] == ["query", "caf\udce9"]
        assert seen["place"] == (os.path.realpath(tmp_path), None, "44")
        assert seen["zone"] == "+1400"
    finally:
        os.chdir(before[4])
    assert (dict(os.environ), sys.stdin, sys.stdout, sys.stderr) == before[:4]


def test_an_answer_without_end_is_not_kept(tmp_path: Path) -> None:
    fields = [os.fsencode(tmp_path), b"80", b"0 utf-8 4096 0", b"0 utf-8 4096 0", b"", b""]

    def run(_: list[str]) -> int:
        while True:
            sys.stdout.write("x" * 100_000)

    here = os.getcwd()
    try:
        with pytest.raises(RunsItself):
            perform(Request.from_fields(fields), run)
    finally:
        os.chdir(here)


@pytest.mark.usefixtures("cache")
def test_a_long_request_or_a_crash_is_nobody_elses_trouble(filled: Path, runtime: Path) -> None:
    begun, end = threading.Event(), threading.Event()
    found: dict[str, list[bytes]] = {}

    def run(arguments: list[str]) -> int:
        if arguments == ["query", "long"]:
            begun.set()
            assert end.wait(60)
        if arguments == ["query", "crash"]:
            raise MemoryError
        sys.stdout.write(arguments[1])
        return 0

    def ask(path: str, text: str) -> None:
        found[text] = client.ask(path, client._request(["query", text], "1"))

    def clients(path: str) -> None:
        try:
            first = threading.Thread(target=ask, args=(path, "long"))
            first.start()
            assert begun.wait(60)
            ask(path, "queued")  # waits a while, and is sent away
            ask(path, "late")
            end.set()
            first.join()
            ask(path, "crash")
            ask(path, "after")
            with socket.socket(socket.AF_UNIX) as gone:
                gone.connect(path)
                gone.sendall(framed(client._request(["query", "gone"], "1")))
            ask(path, "still there")
        finally:
            end.set()
            client.ask(path, [b"stop"])

    here = os.getcwd()
    terms = Terms(place.identity("1"), None, lambda: None)
    try:
        with only_one(str(filled)) as path, listening(path) as listener:
            talking = threading.Thread(target=clients, args=(path,))
            talking.start()
            reason = Server(Warm(filled), run, terms).run(listener)
            talking.join()
    finally:
        os.chdir(here)
    assert reason == "told to end"
    assert found["queued"] == found["late"] == [b"refused", b"busy"]
    assert found["crash"][0] == b"refused"
    for text in ("long", "after", "still there"):
        assert found[text] == [b"answer", b"0", b"\x01" + text.encode()]
    assert not os.path.exists(path)
